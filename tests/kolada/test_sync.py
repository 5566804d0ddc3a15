import errno
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import requests
from polars.testing import assert_frame_equal
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from kolada.client import Answer, KoladaClient
from kolada.errors import AnswerError, LedgerError, UnreachableError
from kolada.history import KPI, MUNICIPALITY, OBSERVATION, replay, waves
from kolada.ledger import Ledger
from kolada.local import serving
from kolada.plan import observation_plan
from kolada.query import Query
from kolada.simulated.catalogue import SIMULATED_SOURCE
from kolada.sync import METADATA_QUERIES, SyncResult, sync
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

PLACES = [f"{number:04}" for number in range(1, 31)]
KPIS = ["N00001", "N00002"]
OBSERVATIONS = list(observation_plan(kpi=KPIS, municipality=PLACES, period=[2023, 2024]).queries)
PLAN = [*METADATA_QUERIES, *OBSERVATIONS]


class StoppedError(Exception):
    """Stands for a power cut."""


class Stopping(KoladaClient):
    """A client that is stopped after some answers."""

    n_left = 0

    def answer(self, query: Query) -> Answer:
        if self.n_left == 0:
            raise StoppedError
        self.n_left -= 1
        return super().answer(query)


def stopped_sync(url: str, ledger: Ledger, queries: list[Query], *, after: int) -> None:
    with Stopping(url, rate=None) as kolada:
        kolada.n_left = after
        with pytest.raises(StoppedError):
            sync(kolada, ledger, queries, at_once=1)


def whole_sync(url: str, ledger: Ledger, queries: list[Query]) -> SyncResult:
    with KoladaClient(url, rate=None) as kolada:
        return sync(kolada, ledger, queries)


def contents(ledger: Ledger) -> list[tuple[Query, list[str]]]:
    """What was asked, and the hashes of what came."""
    return [(one.query, [page.sha256 for page in one.pages]) for one in ledger.entries()]


def known(ledger: Ledger, table=OBSERVATION) -> pl.DataFrame:
    return replay(ledger, table).drop("retrieved_at")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    rows = [
        record(kpi, place, period, inner("T", float(place) + period))
        for kpi in KPIS
        for place in PLACES
        for period in (2023, 2024)
    ]
    with serving(small_archive(rows)) as address:
        yield address


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture(scope="module")
def undisturbed(url: str, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    ledger = Ledger(tmp_path_factory.mktemp("undisturbed"))
    whole_sync(url, ledger, PLAN)
    return ledger


def test_a_plan_asks_for_every_cell_once_whatever_the_order_it_is_given():
    plan = list(
        observation_plan(kpi=KPIS[::-1], municipality=PLACES[::-1], period=[2024, 2023]).queries
    )

    cells = [
        (kpi, place, period)
        for query in plan
        for kpi in query.kpi
        for place in query.municipality
        for period in query.period
    ]
    assert sorted(cells) == [(k, m, p) for k in KPIS for m in PLACES for p in (2023, 2024)]
    assert plan == OBSERVATIONS


def test_a_sync_stores_the_answer_to_every_question_of_its_plan(undisturbed):
    assert [query for query, _ in contents(undisturbed)] == PLAN
    assert known(undisturbed).height == 2 * 30 * 2
    assert known(undisturbed, MUNICIPALITY).height == 30


@pytest.mark.parametrize("after", range(len(PLAN)))
def test_a_sync_that_was_stopped_goes_on_where_it_stopped(url, ledger, undisturbed, after):
    stopped_sync(url, ledger, PLAN, after=after)

    result = whole_sync(url, ledger, PLAN)

    assert (result.n_query, result.n_asked, result.n_request) == (
        len(PLAN),
        len(PLAN) - after,
        len(PLAN) - after,
    )
    assert contents(ledger) == contents(undisturbed)
    assert {entry.sync for entry in ledger.entries()} == {result.sync}
    assert_frame_equal(known(ledger), known(undisturbed))
    assert list(ledger.folder.glob("unfinished*")) == []


def test_a_sync_that_is_stopped_again_and_again_still_asks_everything_once(
    url, ledger, undisturbed
):
    for _ in PLAN[:-1]:
        stopped_sync(url, ledger, PLAN, after=1)

    assert whole_sync(url, ledger, PLAN).n_asked == 1
    assert contents(ledger) == contents(undisturbed)


def test_a_process_that_is_killed_leaves_a_ledger_that_goes_on(url, ledger, undisturbed):
    killed_after_two = (
        "import os, signal, sys, pathlib\n"
        "from kolada.ledger import Ledger\n"
        "from tests.kolada.test_sync import PLAN, Stopping, sync\n"
        "class Killed(Stopping):\n"
        "    def answer(self, query):\n"
        "        if self.n_left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().answer(query)\n"
        "kolada = Killed(sys.argv[1], rate=None)\n"
        "kolada.n_left = 2\n"
        "sync(kolada, Ledger(pathlib.Path(sys.argv[2])), PLAN, at_once=1)\n"
    )

    killed = subprocess.run(
        [sys.executable, "-c", killed_after_two, url, str(ledger.folder)], check=False
    )
    result = whole_sync(url, ledger, PLAN)

    assert killed.returncode == -signal.SIGKILL
    assert result.n_asked == len(PLAN) - 2
    assert contents(ledger) == contents(undisturbed)


def test_another_plan_does_not_go_on_with_a_sync_that_was_stopped(url, ledger):
    stopped_sync(url, ledger, PLAN, after=2)

    other = whole_sync(url, ledger, OBSERVATIONS)
    first = whole_sync(url, ledger, PLAN)

    assert other.n_asked == len(OBSERVATIONS)
    assert first.n_asked == len(PLAN) - 2
    assert first.sync != other.sync


def test_another_source_does_not_go_on_with_a_sync_that_was_stopped(url, ledger):
    stopped_sync(url, ledger, PLAN, after=2)

    with serving(small_archive([record("N00001", "0001", 2024)])) as elsewhere:
        result = whole_sync(elsewhere, ledger, PLAN)

    assert result.n_asked == len(PLAN)


@pytest.mark.parametrize("hours", [13, -1])
def test_a_sync_stopped_long_ago_or_in_the_future_begins_anew(url, ledger, hours):
    stopped_sync(url, ledger, PLAN, after=2)
    (state,) = ledger.folder.glob("unfinished*")
    begun = json.loads(state.read_text(encoding="utf-8"))
    begun["begun_at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    state.write_text(json.dumps(begun), encoding="utf-8")

    assert whole_sync(url, ledger, PLAN).n_asked == len(PLAN)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"sync":"x","begun_at":"soon"}'])
def test_a_damaged_note_of_an_unfinished_sync_begins_it_anew(url, ledger, content):
    stopped_sync(url, ledger, PLAN, after=2)
    (state,) = ledger.folder.glob("unfinished*")
    state.write_text(content, encoding="utf-8")

    assert whole_sync(url, ledger, PLAN).n_asked == len(PLAN)


def test_the_same_sync_twice_adds_answers_but_no_bodies_and_no_rows(url, ledger):
    whole_sync(url, ledger, PLAN)
    once, files = known(ledger), sorted(ledger.folder.glob("bodies/*/*"))
    n_wave = len(list(waves(ledger, OBSERVATION)))

    whole_sync(url, ledger, PLAN)

    assert sorted(ledger.folder.glob("bodies/*/*")) == files
    assert len(list(waves(ledger, OBSERVATION))) == 2 * n_wave
    assert_frame_equal(known(ledger), once)
    assert replay(ledger, OBSERVATION)["retrieved_at"].max() < ledger.last().retrieved_at


def simulated(title: str) -> bytes:
    return page(kpi_row("N00001", title, description=f"Dragen. {SIMULATED_SOURCE}"))


def real(title: str) -> bytes:
    return page(kpi_row("N00001", title))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (simulated("A"), real("A"), "holds simulated data and the source gives real"),
        (real("A"), simulated("A"), "holds real data and the source gives simulated"),
    ],
)
def test_simulated_and_real_data_are_never_mixed(ledger, first, second, said):
    sync(Answers(first).client(), ledger, [Query("kpi")])
    before = contents(ledger)
    source = Answers(second, page())

    with pytest.raises(LedgerError, match=f"{said}; they are never mixed. Set EFFEKTIV_DATA"):
        sync(source.client(), ledger, PLAN, at_once=1)

    assert contents(ledger) == before
    assert source.left == [page()]


@pytest.mark.parametrize("made", [simulated, real])
def test_data_of_the_same_kind_are_added(ledger, made):
    sync(Answers(made("A")).client(), ledger, [Query("kpi")])
    sync(Answers(made("B")).client(), ledger, [Query("kpi")])

    assert replay(ledger, KPI)["title"].to_list() == ["B"]


def test_what_was_stored_before_kolada_stopped_answering_is_kept(ledger):
    source = Answers(real("A"), page(), *[requests.ConnectionError("reset")] * 6)

    with pytest.raises(UnreachableError):
        sync(source.client(), ledger, METADATA_QUERIES, at_once=1)

    assert [query.table for query, _ in contents(ledger)] == ["kpi", "municipality"]


def test_a_disk_without_room_for_the_note_is_told(url, ledger, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kolada.sync.os.replace", full)

    with pytest.raises(LedgerError, match="cannot be written: No space left on device"):
        whole_sync(url, ledger, PLAN)


class Clocked(HTTPAdapter):
    """Answers each request after a while, the first perhaps otherwise, and notes when it came."""

    def __init__(self, *, seconds: float, first: Reply | None = None) -> None:
        super().__init__(pool_maxsize=4)
        self.seconds, self.first = seconds, first
        self.asked: list[tuple[float, str]] = []
        self.refused_at = 0.0

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        self.asked.append((time.monotonic(), str(request.url)))
        reply, self.first = self.first or Reply(body=page()), None
        if reply.status == 200:
            time.sleep(self.seconds)
        else:
            while self.kolada.n_request < 4:  # until all threads have taken their turns
                time.sleep(0.001)
            self.refused_at = time.monotonic()
        raw = HTTPResponse(
            BytesIO(reply.body), headers=reply.headers, status=reply.status, preload_content=False
        )
        return self.build_response(request, raw)

    def client(self, rate: float) -> KoladaClient:
        session = requests.Session()
        session.mount("https://", self)
        self.kolada = KoladaClient(KOLADA, session=session, rate=rate)
        return self.kolada


def years(n: int) -> list[Query]:
    """So many questions."""
    return [Query("data", kpi=("N00001",), period=(1990 + number,)) for number in range(n)]


def test_the_rate_is_kept_and_used_when_four_slow_answers_are_awaited_at_once(ledger):
    kolada = Clocked(seconds=0.15)

    result = sync(kolada.client(20.0), ledger, years(26), at_once=4)

    starts = sorted(start for start, _ in kolada.asked)
    assert result.n_request == len(starts) == 26
    late = 0.1  # a thread may be woken a little after its turn
    assert all(starts[n + 20] - starts[n] > 1 - late for n in range(6))
    assert starts[-1] - starts[0] < 26 * 0.15 / 2
    assert [query for query, _ in contents(ledger)] == years(26)


def test_when_kolada_asks_for_a_pause_no_thread_asks_within_it(ledger):
    kolada = Clocked(seconds=0.0, first=Reply(status=429, headers={"Retry-After": "1"}))

    sync(kolada.client(20.0), ledger, years(9), at_once=4)

    within = [at for at, _ in kolada.asked if 0 < at - kolada.refused_at < 0.95]
    assert within == []
    assert len(kolada.asked) == 9 + 1


class Refusing(KoladaClient):
    """A client that never gets one of the answers, and gets it last of all under way."""

    refused = PLAN[4]
    enough = threading.Event()
    n_answered = 0

    def answer(self, query: Query) -> Answer:
        if query == self.refused:
            self.enough.wait(timeout=5)
            raise UnreachableError("Kolada is gone.")
        answer = super().answer(query)
        self.n_answered += 1
        if self.n_answered == len(PLAN) - 1:
            self.enough.set()
        return answer


def test_one_answer_that_fails_costs_only_itself(url, ledger, undisturbed):
    with Refusing(url, rate=None) as kolada, pytest.raises(UnreachableError, match="is gone"):
        sync(kolada, ledger, PLAN)
    left = [query for query in PLAN if query != Refusing.refused]
    assert [query for query, _ in contents(ledger)] == left

    result = whole_sync(url, ledger, PLAN)

    assert (result.n_asked, result.n_request) == (1, 1)
    assert sorted(map(str, contents(ledger))) == sorted(map(str, contents(undisturbed)))
    assert_frame_equal(known(ledger), known(undisturbed))


def test_after_a_failure_only_what_is_under_way_is_awaited(ledger):
    source = Answers(*[requests.ConnectionError("reset")] * 40)

    with pytest.raises(UnreachableError):
        sync(source.client(attempts=1), ledger, years(40), at_once=4)

    assert 40 - 7 <= len(source.left) < 40


def test_the_journal_has_the_plan_s_order_whatever_comes_first(url, ledger):
    class Reversing(KoladaClient):
        later = threading.Event()

        def answer(self, query: Query) -> Answer:
            if query == PLAN[0]:
                assert self.later.wait(timeout=5)
            answer = super().answer(query)
            if query == PLAN[3]:
                self.later.set()
            return answer

    with Reversing(url, rate=None) as kolada:
        sync(kolada, ledger, PLAN)

    assert [query for query, _ in contents(ledger)] == PLAN
    times = [entry.retrieved_at for entry in ledger.entries()]
    assert times == sorted(times)


WHOLE = Query("data", kpi=("N00001",), period=(2024,))
NEXT = f"{KOLADA}/{WHOLE.path}?page=2"


def two_pages(*places: str) -> tuple[bytes, bytes]:
    """The rows of some places, the last of them on a page of its own."""
    rows = [record("N00001", place, 2024) for place in places]
    return page(*rows[:-1], next_url=NEXT), page(rows[-1])


def places_known(ledger: Ledger) -> list[str]:
    return known(ledger).filter(~pl.col("is_deleted"))["municipality"].to_list()


def test_a_row_that_slips_between_two_pages_is_asked_for_again_and_is_not_gone(ledger):
    sync(Answers(*two_pages("0001", "0002", "0003")).client(), ledger, [WHOLE])
    slipped, whole = two_pages("0001", "0003"), two_pages("0001", "0002", "0003")
    source = Answers(*slipped, *whole)

    sync(source.client(), ledger, [WHOLE])

    assert source.left == []
    assert places_known(ledger) == ["0001", "0002", "0003"]


def test_a_row_that_two_answers_lack_is_gone(ledger):
    sync(Answers(*two_pages("0001", "0002", "0003")).client(), ledger, [WHOLE])
    source = Answers(*two_pages("0001", "0003") * 2)

    sync(source.client(), ledger, [WHOLE])

    assert source.left == []
    assert places_known(ledger) == ["0001", "0003"]


def test_rows_that_come_and_go_are_refused(ledger):
    sync(Answers(*two_pages("0001", "0002", "0003")).client(), ledger, [WHOLE])
    source = Answers(*two_pages("0001", "0003"), *two_pages("0002", "0003"))

    with pytest.raises(AnswerError, match="with other rows each time it is asked"):
        sync(source.client(), ledger, [WHOLE])

    assert places_known(ledger) == ["0001", "0002", "0003"]


def test_an_answer_of_one_page_or_with_more_rows_is_believed_at_once(ledger):
    sync(Answers(*two_pages("0001", "0002")).client(), ledger, [WHOLE])
    sync(Answers(*two_pages("0001", "0002", "0003")).client(), ledger, [WHOLE])
    assert places_known(ledger) == ["0001", "0002", "0003"]

    sync(Answers(page(record("N00001", "0003", 2024))).client(), ledger, [WHOLE])

    assert places_known(ledger) == ["0003"]


def test_an_answer_without_a_row_is_refused_until_it_is_said_that_all_is_withdrawn(ledger):
    sync(Answers(page(record("N00001", "0001", 2024))).client(), ledger, [WHOLE])
    source = Answers(page(), page(record("N00001", "0001", 2023)))

    with pytest.raises(AnswerError, match=r"with no row, and had rows on .* --accept-empty"):
        sync(source.client(), ledger, [WHOLE, years(34)[-1]], at_once=1)
    assert places_known(ledger) == ["0001", "0001"]

    sync(Answers(page()).client(), ledger, [WHOLE], accept_empty=True)
    assert places_known(ledger) == ["0001"]
    sync(Answers(page()).client(), ledger, [WHOLE])


def test_an_empty_answer_about_what_has_changed_is_no_fault(ledger):
    swept = Query("data", municipality=("0001",), period=(2024,), from_date=date(2026, 3, 1))
    sync(Answers(page(record("N00001", "0001", 2024))).client(), ledger, [swept])

    sync(Answers(page()).client(), ledger, [swept])

    assert places_known(ledger) == ["0001"]
