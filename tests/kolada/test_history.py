import tempfile
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kolada.contracts import CONTRACTS
from kolada.errors import LedgerError
from kolada.history import (
    ABSENT,
    KPI,
    MUNICIPALITY_GROUP,
    OBSERVATION,
    OU_OBSERVATION,
    RawTable,
    archive_of,
    changes,
    empty,
    newest,
    replay,
    waves,
)
from kolada.ledger import Ledger
from kolada.query import Query
from tests.kolada.conftest import NOON, Row, answer, group_row, inner, kpi_row, page, record

WHOLE = Query("data", kpi=("N15001",), municipality=("0180", "1489"), period=(2024,))


def night(number: int) -> datetime:
    return NOON + timedelta(days=number)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path)


def sync_of(ledger: Ledger, number: int, *answers: tuple[Query, list[bytes]]) -> None:
    with ledger.writing() as writer:
        for query, bodies in answers:
            writer.append(answer(query, *bodies, at=night(number)), sync=f"night {number}")


def history(ledger: Ledger, table: RawTable, *, positions: tuple[int, ...] = (0,)) -> pl.DataFrame:
    """Every version of every row, as it is appended night after night."""
    rows = empty(table)
    for after, until in zip(positions, (*positions[1:], None), strict=True):
        for wave in waves(ledger, table, after=after):
            if until is None or wave.entries[-1].seq <= until:
                new = changes(newest(rows, table), wave)
                CONTRACTS[table.name].validate(new, lazy=True)
                rows = pl.concat([rows, new])
    return rows


def value_of(municipality: str, value: float | None, **other: object) -> Row:
    return record("N15001", municipality, 2024, inner("T", value, **other))


def versions(ledger: Ledger, municipality: str = "0180") -> list[tuple[object, ...]]:
    """Night, value, status and whether it is deleted, of each version of one value."""
    rows = history(ledger, OBSERVATION).filter(municipality=municipality)
    return [
        ((row["retrieved_at"] - NOON).days, row["value"], row["status"], row["is_deleted"])
        for row in rows.iter_rows(named=True)
    ]


def test_a_value_has_a_version_each_time_it_is_new_or_differs(ledger):
    for number, value in enumerate([None, 3.5, 3.5, 3.6, None, 3.6]):
        sync_of(ledger, number, (WHOLE, [page(value_of("0180", value))]))

    assert versions(ledger) == [
        (0, None, "Missing", False),
        (1, 3.5, "", False),
        (3, 3.6, "", False),
        (4, None, "Missing", False),
        (5, 3.6, "", False),
    ]


def test_a_status_or_a_count_that_changes_makes_a_version_too(ledger):
    sync_of(ledger, 0, (WHOLE, [page(value_of("0180", 3.5))]))
    sync_of(ledger, 1, (WHOLE, [page(value_of("0180", 3.5, status="Preliminary"))]))
    sync_of(ledger, 2, (WHOLE, [page(value_of("0180", 3.5, status="Preliminary", count=7))]))

    assert [version[2] for version in versions(ledger)] == ["", "Preliminary", "Preliminary"]


def test_a_value_that_kolada_withdraws_is_deleted_and_may_come_back(ledger):
    sync_of(ledger, 0, (WHOLE, [page(value_of("0180", 3.5))]))
    gone = value_of("0180", None, status="", isdeleted=True)
    sync_of(ledger, 1, (WHOLE, [page(gone)]))
    sync_of(ledger, 2, (WHOLE, [page()]))
    sync_of(ledger, 3, (WHOLE, [page(value_of("0180", 3.5))]))

    assert versions(ledger) == [(0, 3.5, "", False), (1, None, "", True), (3, 3.5, "", False)]


def test_a_value_that_is_sent_no_longer_is_absent_and_may_come_back(ledger):
    for number, rows in enumerate([[value_of("0180", 3.5)], [], [], [value_of("0180", 3.5)]]):
        sync_of(ledger, number, (WHOLE, [page(value_of("1489", 1.0), *rows)]))

    assert versions(ledger) == [(0, 3.5, "", False), (1, None, ABSENT, True), (3, 3.5, "", False)]
    assert versions(ledger, "1489") == [(0, 1.0, "", False)]


def test_a_gender_that_is_sent_no_longer_is_absent_and_the_others_stay(ledger):
    both = record("N15001", "0180", 2024, inner("T", 1.0), inner("K", 2.0))
    sync_of(ledger, 0, (WHOLE, [page(both)]))
    sync_of(ledger, 1, (WHOLE, [page(record("N15001", "0180", 2024, inner("T", 1.0)))]))

    last = replay(ledger, OBSERVATION)

    assert dict(last.select("gender", "is_deleted").iter_rows()) == {"K": True, "T": False}


@pytest.mark.parametrize(
    "query",
    [
        Query("data", municipality=("0180",), period=(2024,), from_date=date(2026, 3, 1)),
        Query("data", kpi=("N15001",), period=(2024,), region_type="K"),
        Query("data", kpi=("N15002",), period=(2024,)),
        Query("data", kpi=("N15001",), period=(2023,)),
        Query("data", kpi=("N15001",), municipality=("0114",)),
    ],
    ids=["from_date", "region_type", "another kpi", "another period", "another municipality"],
)
def test_an_answer_that_would_not_show_a_value_does_not_make_it_absent(ledger, query):
    sync_of(ledger, 0, (WHOLE, [page(value_of("0180", 3.5))]))
    sync_of(ledger, 1, (query, [page()]))

    assert versions(ledger) == [(0, 3.5, "", False)]


def test_an_answer_since_a_date_brings_what_changed_and_what_was_withdrawn(ledger):
    since = Query("data", municipality=("0180",), period=(2024,), from_date=date(2026, 3, 1))
    sync_of(ledger, 0, (WHOLE, [page(value_of("0180", 3.5), value_of("1489", 1.0))]))
    sync_of(ledger, 1, (since, [page(value_of("0180", 3.7))]))
    sync_of(ledger, 2, (since, [page(value_of("0180", None, status="", isdeleted=True))]))

    assert versions(ledger) == [(0, 3.5, "", False), (1, 3.7, "", False), (2, None, "", True)]
    assert versions(ledger, "1489") == [(0, 1.0, "", False)]


def test_what_changed_since_a_date_and_is_gone_when_it_is_read_whole_is_gone(ledger):
    since = Query("data", municipality=("0180",), period=(2024,), from_date=date(2026, 3, 1))
    sync_of(ledger, 0, (since, [page(value_of("0180", 3.7))]), (WHOLE, [page()]))

    assert versions(ledger) == [(0, 3.7, "", False), (0, None, ABSENT, True)]


def test_a_group_in_an_answer_for_every_municipality_is_absent_when_it_is_gone(ledger):
    bulk = Query("data", kpi=("N15001",), period=(2024,))
    sync_of(ledger, 0, (bulk, [page(value_of("0180", 3.5), value_of("G114418", 3.0))]))
    sync_of(ledger, 1, (bulk, [page(value_of("0180", 3.5))]))

    assert versions(ledger, "G114418")[-1] == (1, None, ABSENT, True)


def test_units_of_one_municipality_leave_those_of_another_as_they_were(ledger):
    def units_of(municipality: str) -> Query:
        return Query("oudata", kpi=("N15419",), municipality=(municipality,), period=(2024,))

    rows = [record("N15419", id_, 2024, unit="ou") for id_ in ("V15E1", "V15E2")]
    sync_of(ledger, 0, (units_of("0180"), [page(rows[0])]), (units_of("1489"), [page(rows[1])]))
    sync_of(ledger, 1, (units_of("0180"), [page(rows[0])]))

    assert history(ledger, OU_OBSERVATION)["is_deleted"].to_list() == [False, False]


def test_two_questions_for_one_cell_in_one_sync_make_one_version(ledger):
    other = Query("data", kpi=("N15001",), municipality=("0180",), period=(2024,))
    sync_of(ledger, 0, (WHOLE, [page(value_of("0180", 3.5))]))
    sync_of(ledger, 1, (WHOLE, [page()]), (other, [page()]))
    sync_of(
        ledger, 2, (WHOLE, [page(value_of("0180", 1.0))]), (other, [page(value_of("0180", 2.0))])
    )

    assert versions(ledger) == [(0, 3.5, "", False), (1, None, ABSENT, True), (2, 2.0, "", False)]


def test_the_same_sync_again_adds_no_rows(ledger):
    rows = [value_of("0180", 3.5), value_of("1489", None)]
    groups = [group_row("G1", "Liknande kommuner grundskola, Alingsås, 2024", "1440", "1480")]
    for number in range(3):
        sync_of(
            ledger,
            number,
            (WHOLE, [page(*rows)]),
            (Query("kpi"), [page(kpi_row("N15001", "Nettokostnadsavvikelse"))]),
            (Query("municipality_groups"), [page(*groups)]),
        )

    heights = [history(ledger, table).height for table in (OBSERVATION, KPI, MUNICIPALITY_GROUP)]
    assert heights == [2, 1, 1]


def test_a_kpi_has_a_version_for_each_title_and_one_for_its_end(ledger):
    other = kpi_row("N15002", "Andel")
    for number, rows in enumerate(
        [[kpi_row("N15001", "Kostnad, kr"), other], [kpi_row("N15001", "Kostnad (-2024)")], [], []]
    ):
        sync_of(ledger, number, (Query("kpi"), [page(*rows)]))

    rows = history(ledger, KPI).filter(kpi="N15001")

    assert list(zip(rows["title"], rows["is_deleted"], strict=True)) == [
        ("Kostnad, kr", False),
        ("Kostnad (-2024)", False),
        ("Kostnad (-2024)", True),
    ]


@pytest.mark.parametrize("query", [Query("kpi", id=("N15001",)), Query("kpi", title="kostnad")])
def test_a_question_for_some_kpis_does_not_end_the_others(ledger, query):
    both = [kpi_row("N15001", "Kostnad"), kpi_row("N15002", "Andel")]
    sync_of(ledger, 0, (Query("kpi"), [page(*both)]))
    sync_of(ledger, 1, (query, [page(both[0])]))

    assert replay(ledger, KPI)["is_deleted"].to_list() == [False, False]


def test_a_group_with_the_same_id_and_new_members_keeps_the_old_ones_of_then(ledger):
    for number, (year, members) in enumerate([(2023, ("1440", "1480")), (2024, ("1440", "0580"))]):
        group = group_row("G35899", f"Liknande kommuner grundskola, Alingsås, {year}", *members)
        sync_of(ledger, number, (Query("municipality_groups"), [page(group)]))

    then = replay(ledger, MUNICIPALITY_GROUP, as_of=night(0))
    now = replay(ledger, MUNICIPALITY_GROUP)

    assert then["members"].to_list() == [["1440", "1480"]]
    assert now["members"].to_list() == [["0580", "1440"]]
    assert now["title"].to_list() == ["Liknande kommuner grundskola, Alingsås, 2024"]


def test_waves_of_any_size_make_the_same_history(ledger, monkeypatch):
    def answers(value: float) -> list[tuple[Query, list[bytes]]]:
        return [
            (Query("data", kpi=("N15001",), municipality=(id_,)), [page(value_of(id_, value))])
            for id_ in ("0180", "1489", "0114")
        ]

    sync_of(ledger, 0, *answers(1.0))
    sync_of(ledger, 1, *answers(2.0)[:2])
    at_once = history(ledger, OBSERVATION)

    monkeypatch.setattr("kolada.history.WAVE_LIMIT", 0)

    assert len(list(waves(ledger, OBSERVATION))) == 5
    assert_frame_equal(history(ledger, OBSERVATION), at_once, check_row_order=False)


CELLS = st.tuples(st.sampled_from(["0000", "0180", "1489", "G114418"]), st.sampled_from("TKM"))
VALUES = st.none() | st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-9, 9)
STATES = st.lists(st.dictionaries(CELLS, VALUES), min_size=1, max_size=4)


def bodies_of(state: dict[tuple[str, str], float | None], random: Random | None) -> list[bytes]:
    """The pages of an answer with this state, shuffled and cut by chance where there is one."""
    places = sorted({place for place, _ in state})
    rows = []
    for place in places:
        values = [inner(g, value) for (of, g), value in sorted(state.items()) if of == place]
        if random:
            random.shuffle(values)
        rows.append(record("N15001", place, 2024, *values))
    if not random:
        return [page(*rows)]
    random.shuffle(rows)
    cut = random.randint(0, len(rows))
    # Rows before the cut may come again behind it, as when Kolada publishes in between.
    again = random.randint(0, cut)
    return [page(*rows[:cut]), page(*rows[cut - again :])]


@settings(max_examples=40, deadline=None)
@given(states=STATES, random=st.randoms(use_true_random=False), data=st.data())
def test_order_pages_and_the_nights_of_loading_do_not_matter_and_replay_is_what_was(
    states, random, data
):
    query = Query("data", kpi=("N15001",), period=(2024,))
    with tempfile.TemporaryDirectory() as folder:
        plain, shuffled = Ledger(Path(folder) / "plain"), Ledger(Path(folder) / "shuffled")
        for number, state in enumerate(states):
            sync_of(plain, number, (query, bodies_of(state, None)))
            sync_of(shuffled, number, (query, bodies_of(state, random)))
        loaded = data.draw(st.sets(st.integers(1, len(states))))

        expected = history(plain, OBSERVATION)
        nightly = history(shuffled, OBSERVATION, positions=(0, *sorted(loaded)))

        assert_frame_equal(nightly.drop("answer"), expected.drop("answer"))
        for number, state in enumerate(states):
            until = expected.filter(pl.col("retrieved_at") <= night(number))
            then = replay(shuffled, OBSERVATION, as_of=night(number))
            assert_frame_equal(then.drop("answer"), newest(until, OBSERVATION).drop("answer"))
            known = then.filter(~pl.col("is_deleted"))
            rows = known.select("municipality", "gender", "value").iter_rows()
            assert {(place, gender): value for place, gender, value in rows} == state


def test_the_archive_of_a_ledger_is_kolada_as_it_was_known(ledger):
    def units(municipality: str, *ids: str) -> tuple[Query, list[bytes]]:
        rows = [{"id": i, "title": f"Skola {i}", "municipality": municipality} for i in ids]
        return Query("ou", municipality=(municipality,)), [page(*rows)]

    kpis = [kpi_row("N15001", "Kostnad"), kpi_row("N15002", "Andel")]
    sync_of(ledger, 0, (Query("kpi"), [page(*kpis)]), (WHOLE, [page(value_of("0180", 3.5))]))
    sync_of(ledger, 1, units("0180", "V15E1"), units("1489", "V15E2", "V15E3"))
    sync_of(ledger, 2, units("1489", "V15E3"), (Query("kpi", id=("N15001",)), [page()]))
    sync_of(ledger, 3, (WHOLE, [page()]))

    then, now = archive_of(ledger, as_of=night(1) + timedelta(hours=1)), archive_of(ledger)

    assert [row["id"] for row in then.kpi] == ["N15001", "N15002"]
    assert [row["id"] for row in then.ou] == ["V15E1", "V15E2", "V15E3"]
    assert then.observation.select("value", "is_deleted", "changed").rows() == [
        (3.5, False, date(2026, 3, 1))
    ]
    assert [row["id"] for row in now.kpi] == ["N15002"]
    assert [row["id"] for row in now.ou] == ["V15E1", "V15E3"]
    assert now.observation.select("value", "is_deleted", "changed").rows() == [
        (None, True, date(2026, 3, 4))
    ]


def test_an_archive_of_what_nobody_knew_is_refused(ledger):
    with pytest.raises(LedgerError, match=r"has no answer\. Give the folder of a ledger"):
        archive_of(ledger)

    sync_of(ledger, 0, (Query("kpi"), [page()]))

    with pytest.raises(LedgerError, match="no answer from 2026-02-28 12:00:00 or before"):
        archive_of(ledger, as_of=night(-1))
