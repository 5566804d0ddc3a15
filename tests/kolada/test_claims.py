"""What sweeps name, when they are settled, and how they hold; on ledgers written by hand."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from kolada.claims import (
    contradicted_claims,
    last_settled,
    news,
    since,
    sweeps,
    unnamed_changes,
)
from kolada.ledger import Entry, Ledger
from kolada.query import Query
from kolada.scope import LastRead, Scope
from tests.kolada.conftest import Row, answer, inner, page, record

SCOPE = Scope(("N00001", "N00002"), ("0001", "0002"), (2023, 2024))
FIRST = datetime(2026, 3, 1, 2, tzinfo=UTC)
ALL = Query("data", kpi=SCOPE.kpi, municipality=SCOPE.municipality, period=SCOPE.period)
OF_FIRST = Query("data", kpi=("N00001",), municipality=SCOPE.municipality, period=(2023,))


def on(number: int) -> date:
    """The day of a night, from 0."""
    return FIRST.date() + timedelta(days=number)


def cell(kpi: str, place: str, value: float | None, **other: object) -> Row:
    return record(kpi, place, 2023, inner("T", value, **other))


def gone(kpi: str, place: str) -> Row:
    return cell(kpi, place, None, isdeleted=True)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


def store(ledger: Ledger, query: Query, *rows: Row, night: int, sync: str | None = None) -> Entry:
    """One answer, received in the night of that number."""
    received = answer(query, page(*rows), at=FIRST + timedelta(days=night))
    with ledger.writing() as writer:
        return writer.append(received, sync=sync or f"{query.as_json()} in night {night}")


def sweep(
    ledger: Ledger,
    *rows: Row,
    night: int,
    of: date | None = None,
    places: Iterable[str] = SCOPE.municipality,
    years: Iterable[int] = SCOPE.period,
    sync: str | None = None,
) -> Entry:
    query = Query(
        "data",
        municipality=tuple(places),
        period=tuple(years),
        from_date=on(night - 2) if of is None else of,
    )
    return store(ledger, query, *rows, night=night, sync=sync)


def settled_day(ledger: Ledger, scope: Scope = SCOPE) -> date | None:
    read = LastRead(ledger, scope)
    settled, _ = last_settled(sweeps(ledger, scope, after=read.first()), scope, read)
    return settled.day if settled else None


def next_since(ledger: Ledger, scope: Scope = SCOPE) -> date:
    read = LastRead(ledger, scope)
    return since(last_settled(sweeps(ledger, scope, after=read.first()), scope, read)[0], read)


def test_before_any_sweep_is_settled_the_next_asks_from_the_oldest_reading(ledger):
    store(ledger, ALL, night=0)
    assert next_since(ledger) == on(-1)

    store(ledger, OF_FIRST, night=1)
    assert next_since(ledger) == on(-1)

    store(ledger, ALL, night=2)
    assert next_since(ledger) == on(1)


def test_a_sweep_that_names_nothing_is_settled(ledger):
    store(ledger, ALL, night=0)
    sweep(ledger, night=1)

    assert (settled_day(ledger), next_since(ledger)) == (on(1), on(0))


def test_a_sweep_is_settled_when_all_that_it_names_has_been_read_since(ledger):
    store(ledger, ALL, night=0)
    sweep(ledger, cell("N00001", "0001", 1.0), cell("N00002", "0001", 1.0), night=1)
    assert settled_day(ledger) is None

    store(ledger, OF_FIRST, night=1)
    assert settled_day(ledger) is None

    store(ledger, Query("data", kpi=("N00002",), period=(2023,)), night=1)
    assert settled_day(ledger) == on(1)


def test_what_a_scope_does_not_follow_needs_not_be_read(ledger):
    store(ledger, ALL, night=0)
    sweep(ledger, cell("N00009", "0001", 1.0), night=1)

    assert settled_day(ledger) == on(1)


@pytest.mark.parametrize(
    "left_out", [{"places": ["0001"]}, {"years": [2024]}], ids=["municipality", "year"]
)
def test_a_sweep_that_left_out_what_had_been_read_is_not_settled(ledger, left_out):
    store(ledger, ALL, night=0)
    sweep(ledger, night=1, **left_out)

    assert settled_day(ledger) is None
    store(ledger, ALL, night=1)
    assert settled_day(ledger) == on(1)


def test_a_sweep_with_a_hole_is_not_settled(ledger):
    store(ledger, ALL, night=0)
    for place, year in (("0001", 2023), ("0001", 2024), ("0002", 2023)):
        sweep(ledger, night=1, places=[place], years=[year], sync="one")

    assert settled_day(ledger) is None
    sweep(ledger, night=1, places=["0002"], years=[2024], sync="one")
    assert settled_day(ledger) == on(1)


def test_a_sweep_that_asks_from_after_the_settled_one_is_not_settled(ledger):
    store(ledger, ALL, night=0)
    sweep(ledger, night=5, of=on(4))
    assert settled_day(ledger) is None

    sweep(ledger, night=5, of=on(-1))
    assert settled_day(ledger) == on(5)

    sweep(ledger, night=6, of=on(4))
    assert settled_day(ledger) == on(6)


def test_a_sweep_that_was_gone_on_with_is_as_new_as_its_last_answer(ledger):
    sweep(ledger, night=1, places=["0001"], sync="gone on with")
    sweep(ledger, night=1, sync="between")
    sweep(ledger, night=1, places=["0002"], sync="gone on with")

    found = sweeps(ledger, SCOPE, after=0)

    assert [one.entries[0].sync for one in found] == ["between", "gone on with"]
    assert found[-1].day == on(1)
    assert len(found[-1].entries) == 2


def test_sweeps_are_found_from_the_one_before_an_entry(ledger):
    entries = [sweep(ledger, night=night) for night in (1, 2, 3)]

    days = [[one.day for one in sweeps(ledger, SCOPE, after=entry.seq)] for entry in entries]

    assert days == [[on(1), on(2), on(3)], [on(2), on(3)], [on(3)]]


def test_questions_about_a_kpi_and_about_units_are_no_sweeps(ledger):
    store(ledger, Query("data", kpi=("N00001",), period=(2023,), from_date=on(0)), night=0)
    store(ledger, Query("oudata", municipality=("0001",), period=(2023,), from_date=on(0)), night=0)

    assert sweeps(ledger, SCOPE, after=0) == []


def test_news_is_what_the_settled_sweep_did_not_name_with_the_same_content(ledger):
    first = cell("N00001", "0001", 1.0)
    sweep(ledger, first, cell("N00001", "0002", 1.0), night=1)
    sweep(ledger, first, cell("N00001", "0002", None), night=2)
    sweep(ledger, first, cell("N00001", "0002", 1.0), night=3)
    one, two, three = sweeps(ledger, SCOPE, after=0)

    assert news(one, None, [], SCOPE).height == 2
    assert news(two, one, [], SCOPE)["municipality"].to_list() == ["0002"]
    assert news(three, one, [], SCOPE).height == 0
    assert news(three, one, [two], SCOPE)["municipality"].to_list() == ["0002"]


def unnamed(ledger: Ledger, after: int) -> list[tuple[str, str]]:
    return [row[:2] for row in unnamed_changes(ledger, SCOPE, after=after).rows()]


def test_unnamed_is_what_differs_between_two_answers_and_no_sweep_between_them_names(ledger):
    rows = [cell(kpi, place, 1.0) for kpi in SCOPE.kpi for place in SCOPE.municipality]
    sweep(ledger, rows[0], night=0)
    store(ledger, ALL, *rows, night=0)
    sweep(ledger, rows[1], night=1)
    sweep(ledger, rows[1], night=2)
    last = ledger.last()
    changed = [cell("N00001", place, 2.0) for place in SCOPE.municipality]

    store(ledger, ALL, *changed, rows[2], night=2)
    sweep(ledger, *rows, night=3)

    assert unnamed(ledger, last.seq) == [("N00001", "0001"), ("N00002", "0002")]
    assert unnamed(ledger, last.seq + 1) == []


def test_an_answer_to_other_words_or_seen_for_the_first_time_is_not_compared(ledger):
    store(ledger, ALL, cell("N00001", "0001", 1.0), night=0)
    store(ledger, OF_FIRST, cell("N00001", "0001", 2.0), night=1)

    assert unnamed(ledger, 0) == []


def contradicted(ledger: Ledger, after: int) -> list[tuple[str, str]]:
    return [row[:2] for row in contradicted_claims(ledger, SCOPE, after=after).rows()]


def test_contradicted_is_what_is_named_otherwise_than_it_is_read(ledger):
    named = [
        cell("N00001", "0001", 1.0),
        cell("N00001", "0002", 1.0),
        gone("N00002", "0001"),
        gone("N00002", "0002"),
    ]
    swept = sweep(ledger, *named, night=1)
    store(ledger, ALL, named[0], cell("N00002", "0001", 3.0), night=1)

    assert contradicted(ledger, swept.seq) == [("N00001", "0002"), ("N00002", "0001")]


def test_what_was_not_asked_for_again_is_not_contradicted(ledger):
    swept = sweep(ledger, cell("N00001", "0002", 1.0), cell("N00002", "0001", 1.0), night=1)
    store(
        ledger,
        Query("data", kpi=("N00001",), municipality=("0001",), period=(2023,)),
        cell("N00001", "0001", 1.0),
        night=1,
    )

    assert contradicted(ledger, swept.seq) == []


def test_a_value_sent_as_gone_in_a_whole_answer_too_is_not_contradicted(ledger):
    swept = sweep(ledger, gone("N00001", "0001"), night=1)
    store(ledger, OF_FIRST, gone("N00001", "0001"), night=1)

    assert contradicted(ledger, swept.seq) == []


def test_only_the_newest_sweep_is_held_against_what_is_read(ledger):
    sweep(ledger, cell("N00001", "0001", 1.0), night=1)
    swept = sweep(ledger, cell("N00001", "0001", 2.0), night=2)
    store(ledger, OF_FIRST, cell("N00001", "0001", 2.0), night=2)

    assert contradicted(ledger, swept.seq) == []
