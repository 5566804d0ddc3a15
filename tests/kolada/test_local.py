import asyncio
import json
import socket
from collections.abc import Iterator
from datetime import date

import polars as pl
import pytest
import requests
from hypothesis import given, settings
from hypothesis import strategies as st
from koladapy import KoladaAPI
from polars.testing import assert_frame_equal

from kolada.archive import OBSERVATION_SCHEMA, OU_OBSERVATION_SCHEMA, Archive
from kolada.client import KoladaClient
from kolada.errors import ArchiveError
from kolada.history import archive_of
from kolada.ledger import Ledger
from kolada.local import LocalKolada, serving
from kolada.observations import observation_frame
from kolada.query import Query
from kolada.sync import METADATA_QUERIES, sync
from tests.kolada.conftest import (
    Row,
    group_row,
    inner,
    kpi_row,
    observations,
    record,
    small_archive,
)

KPIS = [
    kpi_row("N15001", "Nettokostnadsavvikelse grundskola, (%)"),
    kpi_row("N20900", "Nettokostnadsavvikelse äldreomsorg, (%)", description=""),
    kpi_row("N99999", "Ändå inga värden"),
]
MUNICIPALITIES = [
    {"id": "0000", "title": "Riket", "type": "L"},
    {"id": "0001", "title": "Region Stockholm", "type": "L"},
    {"id": "0114", "title": "Upplands Väsby", "type": "K"},
    {"id": "0180", "title": "Stockholm", "type": "K"},
    {"id": "1489", "title": "Alingsås", "type": "K"},
]
GROUPS = [
    group_row("G1", "Två kommuner (ovägt medel)", "0180", "1489"),
    group_row("G2", "Kommuner utan värden", "9998", "9999"),
]
UNITS = [
    {"id": "V15E1", "title": "Nolhagaskolan", "municipality": "1489"},
    {"id": "V15E2", "title": "Östermalmsskolan", "municipality": "0180"},
]
SPRING, AUTUMN = date(2026, 3, 1), date(2026, 9, 1)


def by_gender(kpi: str, municipality: str, period: int, total: float, **other: object) -> Row:
    pair = inner("K", total + 1, **other), inner("M", total - 1, **other)
    return record(kpi, municipality, period, inner("T", total, **other), *pair)


ROWS = [
    record("N15001", "0000", 2024, inner("T", 0.5)),
    record("N15001", "0180", 2023, inner("T", 1.0)),
    by_gender("N15001", "0180", 2024, 4.0, changed=SPRING),
    by_gender("N15001", "1489", 2024, 7.0, changed=AUTUMN),
    record("N15001", "0114", 2024, inner("T", None)),
    record("N20900", "0180", 2024, inner("T", -3.25, changed=AUTUMN)),
    record("N20900", "1489", 2024, inner("T", None, status="", isdeleted=True, changed=AUTUMN)),
]
UNIT_ROWS = [
    record("N15419", "V15E1", 2024, inner("T", 88.0, changed=AUTUMN), unit="ou"),
    record("N15419", "V15E2", 2024, inner("T", 75.5), unit="ou"),
    record("N15419", "V15E2", 2023, inner("T", 70.0), unit="ou"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    archive = small_archive(
        ROWS,
        kpi=KPIS,
        municipality=MUNICIPALITIES,
        municipality_groups=GROUPS,
        kpi_groups=[group_row("GKPI1", "Grundskola", "N15001")],
        ou=UNITS,
        ou_observation=observations(UNIT_ROWS, unit="ou").cast(OU_OBSERVATION_SCHEMA),
    )
    with serving(archive) as address:
        yield address


def get(url: str, *, status: int = 200) -> dict:
    response = requests.get(url, timeout=10)
    assert response.status_code == status
    return json.loads(response.content)


def keys(answer: dict, unit: str = "municipality") -> list[tuple[str, int, str]]:
    return [(row["kpi"], row["period"], row[unit]) for row in answer["values"]]


def test_a_row_has_the_form_and_the_order_of_fields_that_kolada_sends(url):
    response = requests.get(f"{url}/data/kpi/N20900/municipality/0180", timeout=10)

    assert response.headers["Content-Type"] == "application/json"
    assert response.content == (
        b'{"values":[{"values":[{"gender":"T","count":1,"status":"","value":-3.25,'
        b'"isdeleted":false}],"kpi":"N20900","period":2024,"municipality":"0180"}],'
        b'"next_url":null,"previous_url":null,"count":1}'
    )


def test_letters_are_utf_8_and_not_escaped(url):
    response = requests.get(f"{url}/municipality/1489", timeout=10)

    assert response.content == (
        '{"values":[{"id":"1489","title":"Alingsås","type":"K"}],'
        '"next_url":null,"previous_url":null,"count":1}'.encode()
    )


def test_rows_are_ordered_by_kpi_period_and_municipality_whatever_the_question_s_order(url):
    answer = get(f"{url}/data/kpi/N20900,N15001/municipality/1489,0180,0114/year/2024,2023")

    assert keys(answer) == [
        ("N15001", 2023, "0180"),
        ("N15001", 2024, "0114"),
        ("N15001", 2024, "0180"),
        ("N15001", 2024, "1489"),
        ("N20900", 2024, "0180"),
    ]


@pytest.mark.parametrize(
    "path",
    [
        "data/kpi/N15001/year/2023?region_type=K",
        "data/kpi/N15001/municipality/0180,0114/year/2023",
        "data/municipality/0180,0114/year/2023",
        "data/?kpi_id=N15001&municipality_id=0180&year=2023",
        "data/?kpi_id=N15001&kpi_id=N20900&year=2023&municipality_id=0180&municipality_id=1489",
        "data?municipality_id=0180&year=2023",
    ],
)
def test_every_form_of_question_gives_the_rows_that_it_asks_for(url, path):
    assert keys(get(f"{url}/{path}")) == [("N15001", 2023, "0180")]


@pytest.mark.parametrize("n", [25, 26])
@pytest.mark.parametrize(
    "path",
    [
        "kpi/{}",
        "municipality/{}",
        "data/kpi/{}/year/2024",
        "data/kpi/N15001/municipality/{}",
        "data/municipality/0180/year/{}",
        "oudata/ou/{}/year/2024",
    ],
)
def test_25_values_in_a_list_are_answered_and_26_refused(url, path, n):
    answer = get(
        f"{url}/{path.format(','.join(str(1000 + i) for i in range(n)))}",
        status=200 if n == 25 else 422,
    )

    assert answer.get("values") == [] if n == 25 else "at most 25" in answer["detail"][0]["msg"]


@pytest.mark.parametrize("name", ["kpi_id", "municipality_id", "year"])
def test_26_parameters_are_refused_like_26_ids_in_the_path(url, name):
    repeated = "&".join(f"{name}={1000 + i}" for i in range(26))

    assert "detail" in get(f"{url}/data/?kpi_id=N15001&year=2024&{repeated}", status=422)


@pytest.mark.parametrize(
    "parameters", ["per_page=5001", "per_page=0", "page=0", "page=x", "per_page=-1"]
)
@pytest.mark.parametrize("path", ["kpi", "data/kpi/N15001/year/2024"])
def test_a_page_that_cannot_be_is_refused(url, path, parameters):
    (detail,) = get(f"{url}/{path}?{parameters}", status=422)["detail"]

    assert detail["loc"] == ["query", parameters.split("=")[0]]


def test_pages_have_addresses_that_keep_the_question_and_the_count_of_the_page(url):
    path = f"{url}/data/kpi/N15001/municipality/0180,0114,1489"
    first = get(f"{path}?from_date=2020-01-01&per_page=1")
    second = get(first["next_url"])

    assert first["next_url"] == f"{path}?from_date=2020-01-01&per_page=1&page=2"
    assert (first["previous_url"], first["count"]) == (None, 1)
    assert keys(first) + keys(second) == [("N15001", 2024, "0180"), ("N15001", 2024, "1489")]
    assert second["previous_url"] == f"{path}?from_date=2020-01-01&per_page=1&page=1"
    assert second["next_url"] is None
    assert get(f"{path}?per_page=1&page=9")["values"] == []


@pytest.mark.parametrize(("n", "counts"), [(5000, [5000]), (5001, [5000, 1]), (10_000, [5000] * 2)])
def test_a_page_holds_5000_rows_and_an_exact_multiple_ends_without_another(n, counts):
    rows = [{"id": f"V15E{i:06}", "title": "Skola", "municipality": "1489"} for i in range(n)]

    with serving(small_archive(ROWS, ou=rows)) as url, KoladaClient(url, rate=None) as kolada:
        answer = kolada.answer(Query("ou"))

    bodies = [json.loads(page.body) for page in answer.pages]
    assert [len(body["values"]) for body in bodies] == counts
    assert [body["count"] for body in bodies] == counts
    assert list(answer.records()) == rows


def test_observations_come_in_pages_of_5000_rows_too():
    rows = [record("N15001", f"{i:04}", 2024, inner("T", float(i))) for i in range(5001)]

    with serving(small_archive(rows)) as url, KoladaClient(url, rate=None) as kolada:
        answer = kolada.answer(Query("data", kpi=("N15001",), period=(2024,)))

    assert [json.loads(page.body)["count"] for page in answer.pages] == [5000, 1]
    assert list(answer.records()) == rows


@pytest.mark.parametrize(
    "path",
    [
        "kpi/N15001?tittle=x&sort=id",
        "data/kpi/N15001/municipality/0180/year/2023?kpi=N20900&years=2024&municipality_id=1489",
        "data/kpi/N15001/municipality/0180/year/2023?year=2024&kpi_id=N20900",
    ],
)
def test_a_parameter_that_the_path_does_not_know_is_ignored(url, path):
    assert get(f"{url}/{path}") == get(f"{url}/{path.split('?')[0]}")


@pytest.mark.parametrize(
    "path",
    [
        "kpi/N00000",
        "municipality/9999",
        "data/kpi/N00000/year/2024",
        "data/kpi/N15001/municipality/9999",
        "data/kpi/N15001/year/1900",
        "data/kpi/N15001/year/two",
        "data/kpi/N15001/year/99999999999999",
        "data/kpi/N99999/municipality/0180",
        "data/kpi/N15001/municipality/G2",
        "oudata/kpi/N15419/ou/V99",
        "oudata/kpi/N15419/year/2024?municipality_id=9999",
        "data/?kpi=N15001&year=2024",
        "data/",
    ],
)
def test_what_nobody_has_is_an_empty_list(url, path):
    answer = get(f"{url}/{path}")

    assert answer == {"values": [], "next_url": None, "previous_url": None, "count": 0}


@pytest.mark.parametrize("path", ["nothing", "kpi/N15001/year/2024", "data/year/2024", ""])
def test_an_unknown_path_is_not_found(url, path):
    assert requests.get(f"{url}/{path}", timeout=10).status_code == 404


@pytest.mark.parametrize("path", ["kpi", "data/kpi/N15001/year/2024"])
def test_version_2_is_gone(url, path):
    answer = get(f"{url.removesuffix('v3')}v2/{path}", status=410)

    assert answer == {"error": "This endpoint is deprecated. Please use /v3 instead."}


def test_only_reading_is_allowed(url):
    assert requests.post(f"{url}/kpi", timeout=10).status_code == 405


@pytest.mark.parametrize("title", ["NETTOKOSTNAD", "nettokostnad", "avvikelse ä", "AVVIKELSE Ä"])
def test_a_title_is_found_by_any_part_whatever_the_case(url, title):
    found = [row["id"] for row in get(f"{url}/kpi?title={title}")["values"]]

    assert found == (["N20900"] if title.lower().endswith("ä") else ["N15001", "N20900"])


@pytest.mark.parametrize(
    ("parameters", "n"), [("", 5), ("?region_type=K", 3), ("?type=L", 2), ("?title=ås", 1)]
)
def test_municipalities_are_chosen_by_type_and_title(url, parameters, n):
    assert get(f"{url}/municipality{parameters}")["count"] == n


def test_every_table_of_metadata_is_served(url):
    ids = {
        table: [row["id"] for row in get(f"{url}/{table}")["values"]]
        for table in ("kpi", "kpi_groups", "municipality", "municipality_groups", "ou")
    }

    assert ids["kpi_groups"] == ["GKPI1"]
    assert ids["municipality_groups"] == ["G1", "G2"]
    assert ids["ou"] == ["V15E1", "V15E2"]
    assert [row["id"] for row in get(f"{url}/ou?municipality=1489")["values"]] == ["V15E1"]
    assert get(f"{url}/municipality_groups/G1")["values"] == [GROUPS[0]]


def test_a_kpi_of_a_year_is_answered_for_regions_and_groups_too(url):
    answer = get(f"{url}/data/kpi/N15001/year/2024")

    ids = [row["municipality"] for row in answer["values"]]
    assert ids == ["0000", "0114", "0180", "1489", "G1"]


@pytest.mark.parametrize(("kind", "ids"), [("K", ["0114", "0180", "1489"]), ("L", ["0000"])])
def test_a_region_type_leaves_the_others_and_the_groups_out(url, kind, ids):
    answer = get(f"{url}/data/kpi/N15001/year/2024?region_type={kind}")

    assert [row["municipality"] for row in answer["values"]] == ids


def test_a_group_s_value_is_the_unweighted_mean_of_the_members_that_have_one(url):
    (before, row) = get(f"{url}/data/kpi/N15001/municipality/G1")["values"]

    # 2023: Stockholm alone has a value; 2024: 4 and 7, women 5 and 8, men 3 and 6.
    assert before["values"] == [inner("T", 1.0, count=1)]
    assert row == record(
        "N15001",
        "G1",
        2024,
        inner("K", 6.5, count=2),
        inner("M", 4.5, count=2),
        inner("T", 5.5, count=2),
    )


def test_a_missing_value_is_a_row_that_says_so(url):
    (row,) = get(f"{url}/data/kpi/N15001/municipality/0114")["values"]

    assert row["values"] == [
        {"gender": "T", "count": 0, "status": "Missing", "value": None, "isdeleted": False}
    ]


def test_from_date_gives_what_changed_since_and_what_was_withdrawn(url):
    spring = get(f"{url}/data/municipality/0114,0180,1489/year/2024?from_date=2026-03-01")
    autumn = get(f"{url}/data/municipality/0114,0180,1489/year/2024?from_date=2026-03-02")

    assert keys(spring) == [
        ("N15001", 2024, "0180"),
        ("N15001", 2024, "1489"),
        ("N20900", 2024, "0180"),
        ("N20900", 2024, "1489"),
    ]
    assert keys(autumn) == keys(spring)[1:]
    assert autumn["values"][-1]["values"] == [inner("T", None, count=0, status="", isdeleted=True)]
    assert get(f"{url}/data/kpi/N20900/municipality/1489")["values"] == []
    assert get(f"{url}/data/kpi/N15001/year/2024?from_date=2027-01-01")["values"] == []
    assert "detail" in get(f"{url}/data/kpi/N15001/year/2024?from_date=soon", status=422)


def test_from_date_gives_the_groups_of_which_a_member_changed(url):
    def groups(since: str, year: int) -> list[str]:
        answer = get(f"{url}/data/kpi/N15001/year/{year}?from_date={since}")
        return [row["municipality"] for row in answer["values"] if row["municipality"] > "G"]

    assert groups("2026-09-01", 2024) == ["G1"]
    assert groups("2026-09-01", 2023) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("kpi/N15419/year/2024", [(2024, "V15E1"), (2024, "V15E2")]),
        ("kpi/N15419/year/2024?municipality_id=1489", [(2024, "V15E1")]),
        ("kpi/N15419/ou/V15E2", [(2023, "V15E2"), (2024, "V15E2")]),
        ("kpi/N15419/ou/V15E1,V15E2/year/2023", [(2023, "V15E2")]),
        ("ou/V15E1/year/2024", [(2024, "V15E1")]),
        ("municipality/0180/year/2023,2024", [(2023, "V15E2"), (2024, "V15E2")]),
        ("?kpi_id=N15419&ou_id=V15E1&ou_id=V15E2&year=2024", [(2024, "V15E1"), (2024, "V15E2")]),
        ("?ou_id=V15E1&year=2024", [(2024, "V15E1")]),
        ("kpi/N15419/year/2023,2024?from_date=2026-01-01", [(2024, "V15E1")]),
    ],
)
def test_units_are_answered_in_every_form_of_question(url, path, expected):
    answer = get(f"{url}/oudata/{path}")

    assert keys(answer, "ou") == [("N15419", *one) for one in expected]
    assert all(row.keys() == {"values", "kpi", "period", "ou"} for row in answer["values"])


def test_a_client_gets_out_the_units_that_went_in(url):
    with KoladaClient(url, rate=None) as kolada:
        by_owner = list(
            kolada.ou_observations(kpi=["N15419"], municipality=["0180"], period=[2023, 2024])
        )

    assert by_owner == [
        record("N15419", "V15E2", 2023, inner("T", 70.0), unit="ou"),
        record("N15419", "V15E2", 2024, inner("T", 75.5), unit="ou"),
    ]


def test_a_ledger_that_is_served_answers_as_the_source_that_filled_it(url, tmp_path):
    plan = [
        *METADATA_QUERIES,
        Query("data", kpi=("N15001", "N20900"), period=(2023, 2024)),
        Query("data", municipality=("0180",), period=(2024,)),
    ]
    first, second = Ledger(tmp_path / "first"), Ledger(tmp_path / "second")
    with KoladaClient(url, rate=None) as kolada:
        sync(kolada, first, plan)
    with serving(archive_of(first)) as again, KoladaClient(again, rate=None) as kolada:
        sync(kolada, second, plan)

    assert [one.pages[0].sha256 for one in second.entries()] == [
        one.pages[0].sha256 for one in first.entries()
    ]


def test_an_archive_without_anything_answers_with_empty_lists():
    nothing = Archive(kpi=[], municipality=[], observation=observations([]))

    with serving(nothing) as url:
        counts = [
            get(f"{url}/{path}")["count"]
            for path in (
                "kpi",
                "ou",
                "data/kpi/N1/year/2024",
                "data/kpi/N1/year/2024?region_type=K",
            )
        ]

    assert counts == [0, 0, 0, 0]


def test_a_port_that_is_taken_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = pytest.raises(ArchiveError, match=f"Port {port} on 127.0.0.1 cannot be used.*--port")
        with told, serving(small_archive(ROWS), port=port):
            pass


def test_a_server_is_gone_when_it_is_left():
    with serving(small_archive(ROWS)) as url:
        assert get(f"{url}/kpi")["count"] == 2

    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/kpi", timeout=10)


@pytest.mark.shared
@pytest.mark.parametrize(
    "name", ["n00097_net_cost_deviation", "n15428_eligibility_by_gender", "u21468_home_care_survey"]
)
def test_the_rows_of_a_recorded_answer_are_answered_with_the_same_bytes(shared, name):
    recorded = (shared / "kolada" / "recorded_v3" / f"{name}.json").read_bytes().rstrip(b"\n")
    rows = json.loads(recorded)["values"]
    municipalities = sorted({row["municipality"] for row in rows})

    with serving(small_archive(reversed(rows))) as url:
        path = f"data/kpi/{rows[0]['kpi']}/municipality/{','.join(municipalities)}"
        response = requests.get(f"{url}/{path}", timeout=10)

    assert len(municipalities) == 8
    assert response.content == recorded


def test_a_client_written_elsewhere_fetches_exactly_what_went_in():
    kpis, places = [f"N{i:05}" for i in range(26)], [f"{i:04}" for i in range(1, 27)]
    periods = range(2015, 2025)
    rows = [
        by_gender(kpi, place, period, float(i * j) / 7)
        if j % 5
        else record(kpi, place, period, inner("T", None))
        for i, kpi in enumerate(kpis)
        for j, place in enumerate(places)
        for period in periods
    ]

    with serving(small_archive(rows)) as url:
        api = KoladaAPI(base_url=f"{url}/", max_requests_per_second=10_000)
        with api.session:
            found = api.get_data_as_dataframe(kpis, places, list(periods))
            titles = api.search_kpis("nyckeltal N0002")

    assert len(rows) == 6760  # of them 6250 in the first of four questions, in two pages
    columns = ["kpi", "municipality", "period", "gender", "value", "count", "status"]
    key = columns[:4]
    fetched = pl.DataFrame({name: found[name].to_list() for name in columns})
    fetched = fetched.with_columns(pl.col("value").fill_nan(None))  # pandas has no null in floats
    expected = observation_frame(rows).select(columns)
    assert_frame_equal(fetched.cast(expected.schema).sort(key), expected.sort(key))
    assert [row["id"] for row in titles] == kpis[20:]


def written_by_polars(frame: pl.DataFrame) -> bytes:
    """Rows as nested JSON, in the slow and plain way."""
    nested = (
        frame.sort("kpi", "period", "municipality", "gender")
        .group_by("kpi", "period", "municipality", maintain_order=True)
        .agg(
            pl.struct(
                "gender", "count", "status", "value", pl.col("is_deleted").alias("isdeleted")
            ).alias("values")
        )
        .select("values", "kpi", "period", "municipality")
    )
    envelope = f'"next_url":null,"previous_url":null,"count":{nested.height}'
    return f'{{"values":{nested.write_json()},{envelope}}}'.encode()


def asked_of(app: object, path: str) -> bytes:
    """The body of an answer, without a network."""
    sent = []

    async def receive() -> Row:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Row) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "scheme": "http", "path": path,
        "query_string": query.encode(), "headers": [(b"host", b"kolada.test")],
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    return b"".join(message.get("body", b"") for message in sent)


NUMBERS = st.floats() | st.none() | st.floats(-1000, 1000).map(lambda x: round(x, 2))
CELLS = st.tuples(
    st.sampled_from(["N15001", "N15002", 'U"\\å']),
    st.sampled_from(["0000", "0180", "1489", "Öckerö"]),
    st.integers(1990, 2030),
    st.sampled_from("TKM"),
)
SAID = st.tuples(
    st.sampled_from([0, 1, 7, None]),
    st.sampled_from(["", "Missing", None]) | st.text(max_size=4),
    NUMBERS,
    st.booleans(),
    st.sampled_from([None, SPRING, AUTUMN]),
)


@given(cells=st.dictionaries(CELLS, SAID, max_size=40), packed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_every_value_is_written_as_polars_writes_nested_rows(cells, packed):
    frame = pl.DataFrame(
        [key + said for key, said in cells.items()], schema=OBSERVATION_SCHEMA, orient="row"
    )
    kept = frame.filter(~pl.col("is_deleted"))
    changed = frame.filter(pl.col("changed") >= AUTUMN)
    served = frame.with_columns(pl.col(pl.String).cast(pl.Categorical)) if packed else frame
    app = LocalKolada(Archive(kpi=[], municipality=[], observation=served)).app
    periods = sorted(set(frame["period"])) or [2000]

    for part in (periods[i : i + 25] for i in range(0, len(periods), 25)):
        path = f"/v3/data/municipality/0000,0180,1489,Öckerö/year/{','.join(map(str, part))}"
        in_part = pl.col("period").is_in(part)
        assert asked_of(app, path) == written_by_polars(kept.filter(in_part))
        since = asked_of(app, f"{path}?from_date={AUTUMN}")
        assert since == written_by_polars(changed.filter(in_part))


def test_pages_of_a_question_hold_together_what_the_question_asks_for(url):
    path = f"{url}/data/kpi/N15001,N20900/municipality/0180,1489,G1"
    whole = get(path)["values"]
    pages = [get(f"{path}?per_page=2&page={number}") for number in (1, 2, 3, 4)]

    assert [row for page in pages for row in page["values"]] == whole
    assert len(whole) == 7


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([ROWS[0], ROWS[0]], r"more than one value of N15001 2024 0000 T \(1 too many\)\. Make"),
        ([record("N15001", "0180", None)], "observations without period"),
    ],
)
def test_an_archive_that_cannot_be_answered_from_is_refused(rows, said):
    with pytest.raises(ArchiveError, match=said), serving(small_archive(rows)):
        pass
