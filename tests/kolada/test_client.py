import gzip
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace

import pytest
import requests

from kolada.client import KoladaClient
from kolada.errors import AnswerError, RefusedError, UnknownIdError, UnreachableError
from kolada.local import serving
from kolada.observations import observation_frame
from kolada.query import Query
from tests.kolada.conftest import (
    KOLADA,
    Answers,
    Reply,
    inner,
    kpi_row,
    page,
    record,
    small_archive,
)

KPI = kpi_row("N15001", "Nettokostnadsavvikelse grundskola, (%)")
OTHER = kpi_row("N20900", "Nettokostnadsavvikelse äldreomsorg, (%)")
WHOLE = page(KPI)
CUT = Reply(body=WHOLE[:-10], headers={"Content-Length": str(len(WHOLE))})
HTML = b"<!doctype html><title>Underh\xc3\xa5ll</title>"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@contextmanager
def scripted(play: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server on this machine that plays to every connection, then closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.recv(1 << 16)
                        play(connection)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/v3"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()


def test_26_ids_are_asked_for_in_two_requests():
    ids = [f"N{number:05}" for number in range(26)]
    rows = [kpi_row(id_, f"Nyckeltal {id_}") for id_ in ids]
    answers = Answers(page(*rows[:25]), page(rows[25]))

    found = [row["id"] for row in answers.client().metadata("kpi", id=ids)]

    assert found == ids
    assert answers.asked == [f"{KOLADA}/kpi/{','.join(ids[:25])}", f"{KOLADA}/kpi/N00025"]


def test_observations_of_26_municipalities_and_26_kpis_are_asked_for_in_four_requests():
    answers = Answers(*[page()] * 4)

    kpi, municipality = [f"N{i:05}" for i in range(26)], [f"{i:04}" for i in range(26)]
    rows = list(answers.client().observations(kpi=kpi, municipality=municipality, period=[2024]))

    assert rows == []
    assert [url.count(",") for url in answers.asked] == [48, 24, 24, 0]


def test_units_are_asked_for_by_themselves_or_by_their_municipality():
    row = record("N15419", "V15E1", 2024, unit="ou")
    answers = Answers(page(row), page(row))
    kolada = answers.client()

    assert list(kolada.ou_observations(kpi=["N15419"], ou=["V15E1"])) == [row]
    assert list(
        kolada.ou_observations(kpi=["N15419"], municipality=["1489"], period=[2024])
    ) == [row]  # fmt: skip
    assert answers.asked == [
        f"{KOLADA}/oudata/kpi/N15419/ou/V15E1",
        f"{KOLADA}/oudata/kpi/N15419/year/2024?municipality_id=1489",
    ]


def test_pages_are_followed_to_the_end_also_when_the_last_is_empty():
    second, third = f"{KOLADA}/kpi?page=2", "/v3/kpi?page=3"
    answers = Answers(page(KPI, next_url=second), page(OTHER, next_url=third), page())

    answer = answers.client().answer(Query("kpi"))

    assert list(answer.records()) == [KPI, OTHER]
    assert answers.asked == [f"{KOLADA}/kpi", second, f"{KOLADA}/kpi?page=3"]


@pytest.mark.parametrize("again", [f"{KOLADA}/kpi", f"{KOLADA}/kpi?page=2"])
def test_pages_that_lead_in_a_circle_are_refused(again):
    answers = Answers(page(KPI, next_url=f"{KOLADA}/kpi?page=2"), page(OTHER, next_url=again))

    with pytest.raises(AnswerError, match=r"lead in a circle: .* comes twice among 2 pages"):
        answers.client().answer(Query("kpi"))


def test_pages_without_an_end_are_refused(monkeypatch):
    monkeypatch.setattr("kolada.client.PAGE_LIMIT", 3)
    answers = Answers(*(page(next_url=f"{KOLADA}/kpi?page={n}") for n in range(2, 9)))

    with pytest.raises(AnswerError, match="3 pages"):
        answers.client().answer(Query("kpi"))


@pytest.mark.parametrize(
    "reply",
    [
        page(KPI, next_url="https://kolada.example/v3/kpi?page=2"),
        page(KPI, next_url="https://kolada.test:8443/v3/kpi?page=2"),
        Reply(302, headers={"Location": "https://kolada.example/v3/kpi"}),
        Reply(307, headers={"Location": "//kolada.example/v3/kpi"}),
    ],
)
def test_another_host_is_refused_and_never_asked(reply):
    answers = Answers(reply)

    with pytest.raises(AnswerError, match=f"Kolada at {KOLADA} names an address on another host"):
        answers.client().answer(Query("kpi"))

    assert answers.asked == [f"{KOLADA}/kpi"]


def test_a_host_that_two_parsers_read_differently_is_never_asked():
    elsewhere = "https://kolada.example\\@kolada.test/v3/kpi?page=2"
    answers = Answers(page(KPI, next_url=elsewhere), page(OTHER))

    answers.client().answer(Query("kpi"))

    assert answers.asked == [f"{KOLADA}/kpi", f"{KOLADA}/kpi?page=2"]


def test_a_redirect_on_the_same_host_is_followed():
    answers = Answers(Reply(307, headers={"Location": "/v3/data/?year=2024"}), page())
    query = Query("data", kpi=("N15001",), period=(2024,), as_parameters=True)

    assert list(answers.client().answer(query).records()) == []
    assert answers.asked[1] == f"{KOLADA}/data/?year=2024"


def test_redirects_without_an_end_are_refused():
    answers = Answers(*[Reply(301, headers={"Location": "/v3/kpi"})] * 5)

    with pytest.raises(AnswerError, match=f"redirects {KOLADA}/kpi again and again"):
        answers.client().answer(Query("kpi"))


def test_swedish_letters_arrive_as_sent_though_no_charset_is_named():
    archive = small_archive([record("N15001", "0114", 2024)])
    archive.municipality[0]["title"] = "Upplands Väsby åäö ÅÄÖ é –"

    with serving(archive) as url, KoladaClient(url, rate=None) as kolada:
        (row,) = kolada.metadata("municipality")
        header = requests.get(f"{url}/municipality", timeout=10).headers["Content-Type"]

    assert row["title"] == "Upplands Väsby åäö ÅÄÖ é –"
    assert header == "application/json"


def test_bytes_that_are_not_utf_8_are_refused():
    latin = page(KPI | {"title": "Malmö"}).decode().encode("latin-1")
    answers = Answers(*[latin] * 6)

    with pytest.raises(AnswerError, match="is not whole JSON"):
        answers.client().answer(Query("kpi"))


@pytest.mark.parametrize(
    "fault",
    [
        *(Reply(status, b"busy") for status in (408, 429, 500, 502, 503, 504)),
        requests.ConnectionError("connection reset"),
        requests.ReadTimeout("no byte in 30 s"),
        CUT,
        WHOLE[:-10],
        HTML,
        b"",
        b"[" * 100_000,
        page(KPI, count=2),
        page(kpi_row("N20900", "Not asked for")),
    ],
    ids=lambda fault: repr(fault)[:40],
)
def test_a_fault_that_passes_is_asked_again(fault):
    answers = Answers(fault, fault, WHOLE)

    answer = answers.client().answer(Query("kpi", id=("N15001",)))

    assert list(answer.records()) == [KPI]
    assert [page.body for page in answer.pages] == [WHOLE]
    assert answers.asked == [f"{KOLADA}/kpi/N15001"] * 3


def test_waits_grow_until_the_sixth_attempt_is_the_last():
    answers = Answers(*[Reply(503)] * 6)

    with pytest.raises(UnreachableError):
        answers.client().answer(Query("kpi"))

    assert len(answers.slept) == 5
    assert answers.slept == sorted(answers.slept)
    assert 0.5 <= answers.slept[0] <= 1
    assert 8 <= answers.slept[-1] <= 9


@pytest.mark.parametrize(
    ("fault", "error", "said"),
    [
        (
            Reply(503, "Tjänsten är överlastad".encode()),
            UnreachableError,
            r"answers 503 to https://kolada.test/v3/kpi after 6 attempts: 'Tjänsten är överlastad'"
            r".*Run again later",
        ),
        (
            requests.ConnectionError("Name or service not known"),
            UnreachableError,
            r"https://kolada.test/v3 cannot be reached: .*Name or service not known.*KOLADA_URL",
        ),
        (CUT, UnreachableError, r"cannot be reached: IncompleteRead.*nothing is lost"),
        (
            HTML,
            AnswerError,
            r"https://kolada.test/v3/kpi is not whole JSON: .*'<!doctype html>.*run again later",
        ),
        (page(KPI, count=2), AnswerError, r"https://kolada.test/v3/kpi cannot be used: it says"),
        (b'{"values":[],"next_url":NaN}', AnswerError, "is not whole JSON"),
    ],
    ids=["503", "connection", "cut", "html", "count", "nan"],
)
def test_a_fault_that_stays_is_told_with_its_address_and_what_to_do(fault, error, said):
    answers = Answers(*[fault] * 6)

    with pytest.raises(error, match=said):
        answers.client().answer(Query("kpi"))

    assert answers.left == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422])
def test_a_refusal_is_told_and_not_asked_again(status):
    answers = Answers(Reply(status, b'{"detail":[{"msg":"too many"}]}'))

    with pytest.raises(RefusedError, match=f"refuses {KOLADA}/kpi with {status}: .*too many"):
        answers.client().answer(Query("kpi"))

    assert answers.slept == []


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_waited_for(status):
    answers = Answers(Reply(status, headers={"Retry-After": "17"}), WHOLE)

    answers.client().answer(Query("kpi"))

    assert answers.slept == [pytest.approx(17, abs=0.5)]


def test_retry_after_as_a_date_is_waited_for():
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    answers = Answers(Reply(503, headers={"Retry-After": when}), WHOLE)

    answers.client().answer(Query("kpi"))

    assert 80 < answers.slept[0] <= 100


@pytest.mark.parametrize(
    ("header", "shortest", "longest"),
    [
        ("86400", 299.9, 300),
        ("inf", 299.9, 300),
        ("Fri, 01 Jan 2100 00:00:00 GMT", 299.9, 300),
        ("soon", 0.5, 1),
    ],
)
def test_a_retry_after_that_is_long_is_capped_and_one_that_is_nonsense_ignored(
    header, shortest, longest
):
    answers = Answers(Reply(429, headers={"Retry-After": header}), WHOLE)

    answers.client().answer(Query("kpi"))

    assert shortest <= answers.slept[0] <= longest


def test_a_retry_after_in_the_past_is_not_waited_for():
    answers = Answers(Reply(429, headers={"Retry-After": "Fri, 01 Jan 1999 00:00:00 GMT"}), WHOLE)

    answers.client().answer(Query("kpi"))

    assert answers.slept == []


def test_by_default_at_most_five_requests_are_made_in_a_second(monkeypatch):
    now = [0.0]
    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("kolada.client.time", clock)
    answers = Answers(*[WHOLE] * 11)

    def sleep(seconds: float) -> None:
        answers.slept.append(seconds)
        now[0] += seconds

    kolada = KoladaClient(KOLADA, session=answers.session(), sleep=sleep)
    for _ in range(11):
        kolada.answer(Query("kpi"))

    assert answers.slept == pytest.approx([0.2] * 10)
    assert kolada.n_request == 11


def test_a_body_that_ends_before_its_length_is_asked_again_over_a_real_connection():
    said = iter([WHOLE[:-10], WHOLE])

    def play(connection: socket.socket) -> None:
        body = next(said)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(WHOLE) + body)

    with scripted(play) as url, KoladaClient(url, rate=None, sleep=lambda _: None) as kolada:
        assert list(kolada.metadata("kpi")) == [KPI]
        assert kolada.n_request == 2


def test_chunks_that_end_before_the_last_are_asked_again_over_a_real_connection():
    ends = iter([b"", b"0\r\n\r\n"])

    def play(connection: socket.socket) -> None:
        chunk = b"%x\r\n%s\r\n" % (len(WHOLE), WHOLE)
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk + next(ends))

    with scripted(play) as url, KoladaClient(url, rate=None, sleep=lambda _: None) as kolada:
        assert list(kolada.metadata("kpi")) == [KPI]
        assert kolada.n_request == 2


@pytest.mark.parametrize("chunked", [False, True])
def test_an_answer_that_drips_is_stopped_at_the_deadline(chunked):
    kind = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: 99999"

    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD + kind + b"\r\n\r\n")
        for _ in range(400):  # four seconds, unless the client has gone
            connection.sendall(b"1\r\n \r\n" if chunked else b" ")
            select.select([connection], [], [], 0.01)

    with (
        scripted(play) as url,
        KoladaClient(url, attempts=1, deadline=0.1) as kolada,
        pytest.raises(UnreachableError, match=f"{url}/kpi was not whole after"),
    ):
        kolada.answer(Query("kpi"))


def test_no_answer_at_all_is_given_up_after_the_timeout():
    def play(connection: socket.socket) -> None:
        connection.recv(1)  # until the client has gone

    with (
        scripted(play) as url,
        KoladaClient(url, attempts=1, timeout=0.1) as kolada,
        pytest.raises(UnreachableError, match=r"cannot be reached: .*timed out"),
    ):
        kolada.answer(Query("kpi"))


def test_a_port_where_nobody_listens_is_told():
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v3"

    refused = pytest.raises(UnreachableError, match=f"{url} cannot be reached: .*refused")
    with KoladaClient(url, attempts=1) as kolada, refused:
        kolada.answer(Query("kpi"))


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_far_larger_than_any_page_is_refused_and_not_asked_again(packed, monkeypatch):
    monkeypatch.setattr("kolada.client.BODY_LIMIT", 1_000_000)
    body = b" " * 1_000_001
    reply = Reply(body=gzip.compress(body), headers={"Content-Encoding": "gzip"})
    answers = Answers(reply if packed else body)

    with pytest.raises(AnswerError, match=f"{KOLADA}/kpi is larger than 1000000 bytes"):
        answers.client().answer(Query("kpi"))


def test_a_packed_body_is_unpacked():
    answers = Answers(Reply(body=gzip.compress(WHOLE), headers={"Content-Encoding": "gzip"}))

    assert [page.body for page in answers.client().answer(Query("kpi")).pages] == [WHOLE]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"3.5"', "true"])
def test_a_value_that_is_not_a_number_is_refused(value):
    body = page(record("N15001", "0180", 2024, inner("T", 3.25))).replace(b"3.25", value.encode())
    answers = Answers(*[body] * 6)

    with pytest.raises(AnswerError, match=r"not whole JSON|not a number"):
        list(answers.client().observations(kpi=["N15001"], period=[2024]))


def test_rows_that_nobody_asked_for_are_refused():
    answers = Answers(*[page(record("N15001", "1489", 2024))] * 6)

    with pytest.raises(AnswerError, match="the row N15001 1489 2024 was not asked for"):
        list(answers.client().observations(kpi=["N15001"], municipality=["0180"]))


def test_a_row_in_two_pages_is_accepted_and_counts_once():
    row, other = record("N15001", "0180", 2024), record("N15001", "1489", 2024)
    following = f"{KOLADA}/data/kpi/N15001/year/2024?page=2"
    answers = Answers(page(row, other, next_url=following), page(other))

    rows = list(answers.client().observations(kpi=["N15001"], period=[2024]))

    assert rows == [row, other, other]
    assert observation_frame(rows).height == 2


def contradiction() -> list[bytes]:
    following = f"{KOLADA}/data/kpi/N15001/year/2024?page=2"
    first = record("N15001", "0180", 2024, inner("T", 1.0))
    second = record("N15001", "0180", 2024, inner("T", 2.0))
    return [page(first, next_url=following), page(second)]


def test_pages_that_contradict_each_other_are_read_again_from_the_first():
    settled = page(record("N15001", "0180", 2024, inner("T", 2.0)))
    answers = Answers(*contradiction(), settled)

    (row,) = answers.client().observations(kpi=["N15001"], period=[2024])

    assert row["values"][0]["value"] == 2.0
    assert len(answers.slept) == 1


def test_pages_that_contradict_each_other_three_times_are_refused():
    answers = Answers(*contradiction() * 3)

    with pytest.raises(AnswerError, match=r"two versions of N15001 0180 2024.*run again later"):
        list(answers.client().observations(kpi=["N15001"], period=[2024]))

    assert answers.left == []


def test_a_new_field_is_kept_in_the_row():
    row = record("N15001", "0180", 2024, inner("T", 1.0, lower_bound=0.5))
    answers = Answers(page(row))

    assert list(answers.client().observations(kpi=["N15001"], period=[2024])) == [row]


def test_ids_that_kolada_does_not_have_are_named():
    answers = Answers(page(KPI), page())
    kolada = answers.client()

    with pytest.raises(UnknownIdError, match=r"no kpi N99999 \(1 of 2 asked for\).*kolada kpi"):
        list(kolada.metadata("kpi", id=["N15001", "N99999"]))
    with pytest.raises(UnknownIdError, match=r"no municipality 9999 \(1 of 1.*its title"):
        list(kolada.metadata("municipality", id=["9999"]))


@pytest.mark.parametrize("address", ["kolada.se/v3", "ftp://kolada.se", "http://kolada.se:99999"])
def test_an_address_that_is_none_is_refused_before_anything_is_asked(address):
    with pytest.raises(UnreachableError, match=f"'{address}' is not an address of Kolada"):
        KoladaClient(address)
