"""Nights in which Kolada has changed, has not, or does not say so; each over real HTTP."""

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from starlette.types import Receive, Send
from starlette.types import Scope as Connection

from kolada.archive import Archive
from kolada.catch_up import QUIET_REQUESTS, CatchUp, catch_up
from kolada.client import Answer, KoladaClient
from kolada.errors import UnreachableError
from kolada.faults import Fault, Faulty
from kolada.history import OBSERVATION, OU_OBSERVATION, RawTable, replay
from kolada.ledger import Ledger
from kolada.local import LocalKolada
from kolada.query import Query
from kolada.scope import Scope
from kolada.sync import METADATA_QUERIES, sync
from tests.kolada.conftest import Row, inner, observations, record, small_archive

KPIS = tuple(f"N{number:05}" for number in range(1, 31))  # two batches
PLACES = tuple(f"{number:04}" for number in range(30))  # two batches
SCOPE = Scope(KPIS, PLACES, tuple(range(2017, 2025)))  # four questions, a sweep of two
FIRST = date(2026, 3, 1)

Cell = tuple[str, str, int]
World = dict[Cell, Row]  # the total of each cell; what is not there has never been


def nth(number: int) -> date:
    """The day of a night, from 0."""
    return FIRST + timedelta(days=number)


def value(number: float | None, changed: date | None = None, **other: object) -> Row:
    return inner("T", number, changed=changed, **other)


def struck(changed: date | None) -> Row:
    return value(None, changed, isdeleted=True, status="")


def world(kpis: Iterable[str] = KPIS, places: Iterable[str] = PLACES) -> World:
    """A value of 2023 in every tenth cell, so that no question is without a row."""
    cells = [(kpi, place) for kpi in kpis for place in places]
    return {(kpi, place, 2023): value(float(n)) for n, (kpi, place) in enumerate(cells[::10])}


def archive(cells: Mapping[Cell, Row], **tables: Any) -> Archive:
    return small_archive([record(*cell, one) for cell, one in cells.items()], **tables)


class Kolada:
    """A Kolada on this machine that can be given another archive while it serves."""

    def __init__(self) -> None:
        self.app: Any = None
        self.url = ""
        self.asked: list[str] = []  # since the archive was set

    def shows(self, cells: Mapping[Cell, Row] | Archive, *faults: Fault) -> None:
        shown = cells if isinstance(cells, Archive) else archive(cells)
        self.app = Faulty(LocalKolada(shown).app, faults)
        self.asked = []

    async def __call__(self, connection: Connection, receive: Receive, send: Send) -> None:
        self.asked.append(connection["path"])
        await self.app(connection, receive, send)


@pytest.fixture(scope="module")
def kolada() -> Iterator[Kolada]:
    app = Kolada()
    config = uvicorn.Config(app, log_level="warning", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    with closing(config.bind_socket()) as listening:
        app.url = f"http://127.0.0.1:{listening.getsockname()[1]}/v3"
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        yield app
        server.should_exit = True
        thread.join(timeout=10)


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


class OnDay(KoladaClient):
    """A client whose answers are dated on a day of the test's own."""

    day = FIRST

    def answer(self, query: Query) -> Answer:
        at = datetime.combine(self.day, time(2), UTC)
        return replace(super().answer(query), retrieved_at=at)


def night(
    kolada: Kolada,
    ledger: Ledger,
    number: int,
    scope: Scope = SCOPE,
    *,
    client: type[OnDay] = OnDay,
    **options: Any,
) -> CatchUp:
    """One night, long after the one before it."""
    for note in ledger.folder.glob("unfinished*"):  # none is gone on with after twelve hours
        note.unlink()
    with client(kolada.url, rate=None, attempts=1) as asking:
        asking.day = nth(number)
        return catch_up(asking, ledger, scope, **options)


def known(ledger: Ledger, table: RawTable = OBSERVATION) -> pl.DataFrame:
    """What stands in the ledger's tables, withdrawn values left out."""
    rows = replay(ledger, table).filter(~pl.col("is_deleted"))
    return rows.select(*table.key, "value", "count", "status")


def shown(cells: Mapping[Cell, Row], scope: Scope = SCOPE) -> pl.DataFrame:
    """What Kolada shows of the scope."""
    inside = {
        (kpi, place, period): one
        for (kpi, place, period), one in cells.items()
        if kpi in scope.kpi and place in scope.municipality and period in scope.period
    }
    rows = observations(record(*cell, one) for cell, one in inside.items())
    rows = rows.filter(~pl.col("is_deleted")).sort(OBSERVATION.key)
    return rows.select(*OBSERVATION.key, "value", "count", "status")


def assert_known(ledger: Ledger, cells: Mapping[Cell, Row], scope: Scope = SCOPE) -> None:
    inside = pl.col("kpi").is_in(scope.kpi) & pl.col("period").is_in(scope.period)
    assert_frame_equal(known(ledger).filter(inside), shown(cells, scope))


def whole_questions(ledger: Ledger, *, after: int) -> list[Query]:
    return [entry.query for entry in ledger.entries(after=after) if entry.query.is_whole]


def seq(ledger: Ledger) -> int:
    last = ledger.last()
    return last.seq if last else 0


def test_the_first_night_reads_everything(kolada, ledger):
    cells = world()
    kolada.shows(cells)

    result = night(kolada, ledger, 0)

    assert (result.since, result.n_named, result.n_unread, result.n_reread) == (None, 0, 4, 0)
    assert result.unnamed.is_empty()
    assert result.contradicted.is_empty()
    assert whole_questions(ledger, after=0) == list(SCOPE.plan().queries)
    assert_known(ledger, cells)


def test_a_quiet_night_over_the_whole_country_costs_no_more_than_its_requests(kolada, ledger):
    country = Scope(
        tuple(f"N{number:05}" for number in range(60)),
        tuple(f"{number:04}" for number in range(291)),
        tuple(range(2005, 2025)),
    )
    kolada.shows(world(country.kpi, country.municipality[::9]))
    first = night(kolada, ledger, 0, country)
    once = replay(ledger, OBSERVATION)

    with OnDay(kolada.url, rate=None) as asking:
        asking.day = nth(1)
        sync(asking, ledger, METADATA_QUERIES)
        result = catch_up(asking, ledger, country, budget=QUIET_REQUESTS - asking.n_request)
        n_request = asking.n_request

    assert first.n_unread == first.n_request == len(country.plan().queries)
    assert n_request == QUIET_REQUESTS == 40
    assert (result.since, result.n_named, result.n_unread) == (nth(-1), 0, 0)
    assert result.n_reread == 40 - len(METADATA_QUERIES) - 1 - 12  # the probe and the sweep
    assert result.nights == -(-len(country.plan().queries) // result.n_reread)
    assert result.n_request == n_request - len(METADATA_QUERIES)
    assert_frame_equal(replay(ledger, OBSERVATION), once)


@pytest.mark.parametrize(("budget", "n_reread"), [(0, 1), (4, 1), (5, 2), (7, 4), (40, 4)])
def test_what_the_sweep_leaves_of_the_budget_goes_to_the_questions_read_longest_ago(
    kolada, ledger, budget, n_reread
):
    kolada.shows(world())
    night(kolada, ledger, 0)
    before = seq(ledger)

    result = night(kolada, ledger, 1, budget=budget)

    assert result.n_reread == n_reread
    assert result.n_request == 3 + n_reread
    assert whole_questions(ledger, after=before) == list(SCOPE.plan().queries[:n_reread])


def test_with_a_small_budget_everything_is_read_again_in_as_many_nights_as_is_said(kolada, ledger):
    kolada.shows(world())
    night(kolada, ledger, 0)
    before = seq(ledger)

    nights = [night(kolada, ledger, number, budget=5) for number in (1, 2)]

    assert [one.nights for one in nights] == [2, 2]
    assert whole_questions(ledger, after=before) == list(SCOPE.plan().queries)


def test_one_night_reads_all_again_where_it_does_not_ask_what_has_changed(kolada, ledger):
    kolada.shows(world())

    assert night(kolada, ledger, 0).nights == 1
    result = night(kolada, ledger, 1, whole=True)

    assert (result.nights, result.n_reread, result.n_request, result.since) == (1, 4, 4, None)


CHANGES: dict[str, Callable[[World], World]] = {
    "changed": lambda cells: cells | {(KPIS[29], PLACES[20], 2023): value(-1.0, nth(1))},
    "struck": lambda cells: cells | {(KPIS[29], PLACES[20], 2023): struck(nth(1))},
    "new cell": lambda cells: cells | {(KPIS[29], PLACES[29], 2024): value(5.0, nth(1))},
    "missing": lambda cells: cells | {(KPIS[29], PLACES[20], 2023): value(None, nth(1))},
    "status": lambda cells: (
        cells | {(KPIS[29], PLACES[20], 2023): value(None, nth(1), status="Secret")}
    ),
    "count": lambda cells: (
        cells
        | {
            (KPIS[29], PLACES[20], 2023): (
                cells[(KPIS[29], PLACES[20], 2023)] | {"count": 2, "changed": nth(1)}
            )
        }
    ),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_that_is_named_is_read(kolada, ledger, change):
    before = world()
    after = change(before)
    kolada.shows(before)
    night(kolada, ledger, 0)
    kolada.shows(after)

    result = night(kolada, ledger, 1, budget=0)

    assert result.n_named == 1
    assert result.unnamed.is_empty()
    assert result.contradicted.is_empty()
    assert_known(ledger, after)


def test_a_value_that_was_struck_comes_back_when_kolada_restores_it(kolada, ledger):
    cells = world()
    cell = (KPIS[29], PLACES[20], 2023)
    for number, one in enumerate([cells[cell], struck(nth(1)), cells[cell] | {"changed": nth(2)}]):
        kolada.shows(cells | {cell: one})
        night(kolada, ledger, number, budget=0)

        assert_known(ledger, cells | {cell: one})


def test_a_change_in_a_place_outside_the_scope_or_of_another_kpi_is_not_read(kolada, ledger):
    cells = world() | {
        ("N00099", PLACES[0], 2023): value(1.0, nth(1)),
        (KPIS[0], PLACES[0], 2016): value(1.0, nth(1)),
        (KPIS[0], "0999", 2023): value(1.0, nth(1)),
    }
    kolada.shows(cells)
    night(kolada, ledger, 0)

    result = night(kolada, ledger, 1, budget=0)

    assert (result.n_named, result.n_request) == (0, 4)
    assert_known(ledger, cells)


def test_what_two_nights_name_with_the_same_content_is_read_once(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    kolada.shows(cells | {(KPIS[29], PLACES[20], 2023): value(-1.0, nth(1))})

    nights = [night(kolada, ledger, number, budget=0) for number in (1, 2, 3)]

    assert [one.n_named for one in nights] == [1, 0, 0]
    assert [one.n_request for one in nights] == [3 + 1 + 2, 3 + 1, 3 + 1]


def test_what_changes_again_the_next_night_is_read_again(kolada, ledger):
    cells = world()
    for number in range(4):
        cells[KPIS[29], PLACES[20], 2023] = value(float(number % 2), nth(number))
        kolada.shows(cells)

        assert night(kolada, ledger, number, budget=0).n_named == min(number, 1)
        assert_known(ledger, cells)


def test_what_changes_twice_in_a_day_is_read_twice(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    for number in (7.0, 8.0, 7.0):
        cells[KPIS[29], PLACES[20], 2023] = value(number, nth(1))
        kolada.shows(cells)

        assert night(kolada, ledger, 1, budget=0).n_named == 1
        assert_known(ledger, cells)


def test_a_change_that_is_not_named_comes_to_light_in_time_with_its_key(kolada, ledger, caplog):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[28], 2023] = value(-1.0)
    cells[KPIS[28], PLACES[20], 2023] = value(-1.0, nth(1))
    cells[KPIS[0], PLACES[10], 2023] = value(-1.0, nth(1))
    del cells[KPIS[27], PLACES[20], 2023]
    kolada.shows(cells)

    nights = [night(kolada, ledger, number, budget=5) for number in (1, 2)]

    assert [one.nights for one in nights] == [2, 2]
    assert pl.concat(one.unnamed for one in nights).rows() == [
        (KPIS[27], PLACES[20], 2023, "T"),
        (KPIS[29], PLACES[28], 2023, "T"),
    ]
    assert all(one.contradicted.is_empty() for one in nights)
    assert_known(ledger, cells)
    said = [one.message for one in caplog.records if one.levelno == logging.WARNING]
    assert said == [
        f"{kpi} has values that changed and that Kolada did not name"
        for kpi in (KPIS[27], KPIS[29])
    ]


def test_a_change_not_named_in_a_year_that_is_named_is_found_later(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[20], 2023] = value(-1.0, nth(1))
    cells[KPIS[29], PLACES[0], 2023] = value(-2.0)
    kolada.shows(cells)

    nights = [night(kolada, ledger, number, budget=5) for number in (1, 2)]

    assert pl.concat(one.unnamed for one in nights).rows() == [(KPIS[29], PLACES[0], 2023, "T")]
    assert_known(ledger, cells)


class Misnaming(OnDay):
    """A Kolada that names other values than it has."""

    def answer(self, query: Query) -> Answer:
        answer = super().answer(query)
        if query.from_date is None:
            return answer
        pages = [
            replace(
                page,
                body=page.body.replace(b'"value":-1.0', b'"value":-9.0').replace(
                    b'"value":null,"isdeleted":true', b'"value":-3.0,"isdeleted":false'
                ),
            )
            for page in answer.pages
        ]
        return replace(answer, pages=tuple(pages))


def test_what_is_named_otherwise_than_it_is_read_is_told(kolada, ledger, caplog):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[20], 2023] = value(-1.0, nth(1))
    cells[KPIS[28], PLACES[20], 2023] = struck(nth(1))
    cells[KPIS[27], PLACES[20], 2023] = value(-2.0, nth(1))
    kolada.shows(cells)

    result = night(kolada, ledger, 1, client=Misnaming)

    assert result.contradicted.rows() == [
        (KPIS[28], PLACES[20], 2023, "T"),
        (KPIS[29], PLACES[20], 2023, "T"),
    ]
    assert result.unnamed.is_empty()
    assert_known(ledger, cells)
    assert "N00030 has values that are not what Kolada named them as" in caplog.messages


class NotStriking(OnDay):
    """A Kolada that says of what is there that it is gone."""

    def answer(self, query: Query) -> Answer:
        answer = super().answer(query)
        if query.from_date is None:
            return answer
        gone = [
            replace(page, body=page.body.replace(b'"isdeleted":false', b'"isdeleted":true'))
            for page in answer.pages
        ]
        return replace(answer, pages=tuple(gone))


def test_what_is_named_as_gone_and_is_there_is_told(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[20], 2023] = value(-1.0, nth(1))
    kolada.shows(cells)

    result = night(kolada, ledger, 1, client=NotStriking)

    assert result.contradicted.rows() == [(KPIS[29], PLACES[20], 2023, "T")]
    assert_known(ledger, cells)


def test_what_was_named_and_read_before_is_not_told_when_other_places_are_read(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[0], PLACES[28], 2023] = value(-1.0, nth(1))
    kolada.shows(cells)
    night(kolada, ledger, 1, budget=6)
    night(kolada, ledger, 1, budget=0)
    before = seq(ledger)

    # The sweep names it still, and the first places are read again: not place 28.
    result = night(kolada, ledger, 1, budget=0)

    assert whole_questions(ledger, after=before) == [SCOPE.plan().queries[0]]
    assert result.contradicted.is_empty()


class Heedless(OnDay):
    """A Kolada that knows nothing of `from_date`."""

    def answer(self, query: Query) -> Answer:
        return replace(super().answer(replace(query, from_date=None)), query=query)


@pytest.mark.parametrize("years", [(2022, 2023), (2022, 2023, 2024)], ids=["full", "empty"])
def test_where_from_date_is_not_heeded_everything_is_read_and_it_is_said(
    kolada, ledger, caplog, years
):
    scope = replace(SCOPE, period=years)
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0, scope)
    cells[KPIS[0], PLACES[0], 2023] = value(-1.0)
    kolada.shows(cells)

    result = night(kolada, ledger, 1, scope, client=Heedless, budget=0)

    assert (result.since, result.n_named, result.n_reread, result.nights) == (None, 0, 4, 1)
    assert result.n_request == 1 + 4
    assert_known(ledger, cells, scope)
    assert "Kolada does not heed from_date; everything is read again" in caplog.messages


@pytest.mark.parametrize("status", [404, 422])
@pytest.mark.parametrize("first", [1, 2, 3], ids=["probe", "first of sweep", "last of sweep"])
def test_where_from_date_is_refused_everything_is_read_and_it_is_said(
    kolada, ledger, caplog, status, first
):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[0], PLACES[0], 2023] = value(-1.0)
    sweep = Fault("status", path="/v3/data/municipality/*", status=status, first=first, times=9)
    kolada.shows(cells, sweep)

    result = night(kolada, ledger, 1, budget=0)

    assert (result.since, result.n_named, result.n_reread) == (None, 0, 4)
    assert_known(ledger, cells)
    assert "Kolada does not tell what has changed, everything is read again" in caplog.text
    assert f"with {status}" in caplog.text


def test_after_a_night_of_refusals_kolada_is_asked_again(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    kolada.shows(cells, Fault("status", path="/v3/data/municipality/*", status=404, times=9))
    night(kolada, ledger, 1)
    cells[KPIS[29], PLACES[20], 2023] = value(-1.0, nth(2))
    kolada.shows(cells)

    result = night(kolada, ledger, 2, budget=0)

    assert (result.since, result.n_named) == (nth(0), 1)
    assert_known(ledger, cells)


class Failing(OnDay):
    """A client that gets what has changed, and nothing else."""

    def answer(self, query: Query) -> Answer:
        if query.is_whole:
            raise UnreachableError("Kolada is gone.")
        return super().answer(query)


def test_what_was_named_before_a_night_failed_is_read_after_it(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[20], 2023] = value(-1.0, nth(1))
    kolada.shows(cells)
    for number in (1, 2, 5):
        with pytest.raises(UnreachableError):
            night(kolada, ledger, number, client=Failing)

    result = night(kolada, ledger, 9, budget=0)

    assert (result.since, result.n_named) == (nth(-1), 1)
    assert_known(ledger, cells)
    assert night(kolada, ledger, 10, budget=0).since == nth(8)


class PartlyFailing(OnDay):
    """A client that gets the changed years of the last places only."""

    last_places = threading.Event()

    def answer(self, query: Query) -> Answer:
        if query.is_whole and KPIS[29] in query.kpi and PLACES[0] in query.municipality:
            self.last_places.wait(timeout=5)
            raise UnreachableError("Kolada is gone.")
        answer = super().answer(query)
        if query.is_whole and KPIS[29] in query.kpi:
            self.last_places.set()
        return answer


def test_what_changes_back_while_other_named_values_are_unread_is_read_again(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cell = (KPIS[29], PLACES[28], 2023)
    cells[cell] = value(1.5, nth(1))
    kolada.shows(cells)
    night(kolada, ledger, 1, budget=0)
    cells[cell], cells[KPIS[29], PLACES[0], 2024] = value(2.5, nth(2)), value(9.0, nth(2))
    kolada.shows(cells)
    with pytest.raises(UnreachableError):
        night(kolada, ledger, 2, client=PartlyFailing, budget=0)
    assert 2.5 in known(ledger)["value"]
    cells[cell] = value(1.5, nth(3))
    kolada.shows(cells)

    assert night(kolada, ledger, 3, budget=0).n_named == 2
    assert_known(ledger, cells)


class CutShort(OnDay):
    """A client that gets the first answer to what has changed, and is then stopped."""

    def answer(self, query: Query) -> Answer:
        if query.from_date is not None and query.municipality[0] != PLACES[0]:
            raise UnreachableError("Kolada is gone.")
        return super().answer(query)


def test_a_sweep_that_was_cut_short_settles_nothing(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[29], 2023] = value(-1.0, nth(1))
    kolada.shows(cells)
    with pytest.raises(UnreachableError):
        night(kolada, ledger, 4, client=CutShort)

    result = night(kolada, ledger, 5, budget=0)

    assert (result.since, result.n_named) == (nth(-1), 1)
    assert_known(ledger, cells)


@pytest.mark.parametrize(
    ("wider", "n_unread"),
    [
        (replace(SCOPE, kpi=(*KPIS, "N00031")), 2),
        (replace(SCOPE, municipality=(*PLACES, "0031")), 2),
        (replace(SCOPE, period=(*SCOPE.period, 2025)), 4),
    ],
    ids=["KPI", "municipality", "year"],
)
def test_what_is_new_in_the_scope_is_read_whole_and_the_rest_is_not(
    kolada, ledger, wider, n_unread
):
    cells = world()
    for kpi, place in (("N00031", "0003"), (KPIS[3], "0031"), (KPIS[3], PLACES[3])):
        cells[kpi, place, 2025] = cells[kpi, place, 2023] = value(3.0)
    kolada.shows(cells)
    night(kolada, ledger, 0)

    result = night(kolada, ledger, 1, wider, budget=0)

    assert (result.n_unread, result.n_named, result.n_reread) == (n_unread, 0, 1)
    assert result.n_request == 3 + n_unread + 1
    assert_known(ledger, cells, wider)
    assert result.unnamed.is_empty()


def test_a_new_kpi_that_was_named_before_it_was_followed_costs_nothing_more(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[0], PLACES[0], 2023] = value(-1.0, nth(1))
    cells["N00031", PLACES[0], 2023] = value(-2.0, nth(1))
    kolada.shows(cells)
    night(kolada, ledger, 1, budget=0)
    wider = replace(SCOPE, kpi=(*KPIS, "N00031"))

    result = night(kolada, ledger, 2, wider, budget=0)

    assert (result.since, result.n_named) == (nth(0), 0)
    assert_known(ledger, cells, wider)


NARROW = {
    "year": replace(SCOPE, period=(2023, 2024)),
    "KPI": replace(SCOPE, kpi=KPIS[:5]),
    "municipality": replace(SCOPE, municipality=PLACES[:5]),
}


@pytest.mark.parametrize("narrow", NARROW.values(), ids=NARROW)
@pytest.mark.parametrize("n_between", [1, 4, 16])
def test_a_narrow_scope_s_nights_hide_no_change_from_a_wide_one(kolada, ledger, narrow, n_between):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    cells[KPIS[29], PLACES[29], 2022] = value(-1.0, nth(1))
    kolada.shows(cells)
    for number in range(1, 1 + n_between):
        night(kolada, ledger, number, narrow, budget=0)

    result = night(kolada, ledger, 1 + n_between, budget=0)

    assert result.n_named == 1
    assert result.unnamed.is_empty()
    assert_known(ledger, cells)


def test_two_scopes_in_turn_read_a_change_once_each(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    narrow = NARROW["KPI"]
    night(kolada, ledger, 0)
    cells[KPIS[0], PLACES[0], 2023] = value(-1.0, nth(1))
    cells[KPIS[29], PLACES[20], 2023] = value(-2.0, nth(1))
    kolada.shows(cells)

    named = [
        night(kolada, ledger, number, scope, budget=0).n_named
        for number in (1, 2, 3)
        for scope in (narrow, SCOPE)
    ]

    assert named == [1, 2, 0, 0, 0, 0]
    assert_known(ledger, cells)


UNITS = tuple(f"V15E{number:03}" for number in range(60))  # two to a municipality
OF_UNITS = Scope(KPIS[:2], PLACES, (2023, 2024), "oudata")


def unit_archive(cells: Mapping[Cell, Row]) -> Archive:
    rows = [record(*cell, one, unit="ou") for cell, one in cells.items()]
    owners = [PLACES[number // 2] for number in range(len(UNITS))]
    return replace(
        archive(world()),
        ou=[
            {"id": one, "title": one, "municipality": owner}
            for one, owner in zip(UNITS, owners, strict=True)
        ],
        ou_observation=observations(rows, unit="ou"),
    )


def units() -> World:
    return {(kpi, one, 2023): value(1.0) for kpi in OF_UNITS.kpi for one in UNITS[::3]}


def test_changes_of_units_are_read_and_those_not_named_come_to_light(kolada, ledger):
    cells = units()
    kolada.shows(unit_archive(cells))
    first = night(kolada, ledger, 0, OF_UNITS)
    cells[KPIS[0], UNITS[0], 2023] = value(-1.0, nth(1))
    cells[KPIS[0], UNITS[59], 2024] = value(-2.0, nth(1))
    cells[KPIS[0], UNITS[57], 2023] = struck(nth(1))
    cells[KPIS[1], UNITS[3], 2023] = value(-4.0)
    kolada.shows(unit_archive(cells))

    result = night(kolada, ledger, 1, OF_UNITS)

    assert (first.n_unread, result.n_named, result.n_reread) == (4, 2, 4)
    assert result.unnamed.rows() == [(KPIS[1], UNITS[3], 2023, "T")]
    assert result.contradicted.is_empty()
    rows = known(ledger, OU_OBSERVATION)
    assert {row[:3]: row[4] for row in rows.rows()} == {
        cell: one["value"] for cell, one in cells.items() if not one["isdeleted"]
    }


def test_a_sweep_of_units_that_was_cut_short_settles_nothing(kolada, ledger):
    cells = units()
    kolada.shows(unit_archive(cells))
    night(kolada, ledger, 0, OF_UNITS)
    cells[KPIS[0], UNITS[57], 2023] = value(-1.0, nth(1))
    kolada.shows(unit_archive(cells))
    with pytest.raises(UnreachableError):
        night(kolada, ledger, 4, OF_UNITS, client=CutShort)

    result = night(kolada, ledger, 5, OF_UNITS, budget=0)

    assert (result.since, result.n_named) == (nth(-1), 1)


def test_what_has_been_answered_is_told_of_all_that_is_asked(kolada, ledger):
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0)
    kolada.shows(cells | {(KPIS[29], PLACES[20], 2023): value(-1.0, nth(1))})
    told: list[tuple[int, int]] = []

    night(kolada, ledger, 1, budget=4, told=lambda done, of: told.append((done, of)))

    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


SOME = [(kpi, place, year) for kpi in KPIS[::10] for place in PLACES[::9] for year in (2023, 2024)]
FEW = Scope(KPIS, PLACES, (2023, 2024))
a_value = st.one_of(st.none(), st.sampled_from([1.0, 2.0, 3.0]))
some_changes = st.lists(
    st.tuples(st.sampled_from(SOME), st.one_of(a_value, st.just("struck"))), max_size=4
)
nights_of_changes = st.lists(st.tuples(st.integers(0, 2), some_changes), min_size=1, max_size=5)
QUICKLY = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def changed(cells: World, changes: Sequence[tuple[Cell, Any]], day: date | None) -> World:
    """The cells after some changes; what is struck has been there."""
    after = dict(cells)
    for cell, new in changes:
        if new != "struck":
            after[cell] = value(new, day)
        elif cell in after and day is not None:
            after[cell] = struck(day)
        elif cell in after:
            del after[cell]
    return after


@QUICKLY
@given(nights_of_changes)
def test_after_every_night_of_honest_changes_the_ledger_knows_what_kolada_shows(
    kolada, tmp_path_factory, nights
):
    ledger = Ledger(tmp_path_factory.mktemp("nights") / "ledger")
    cells = world()
    kolada.shows(cells)
    night(kolada, ledger, 0, FEW)
    number = 0
    for days, changes in nights:
        number += days
        cells = changed(cells, changes, nth(number))
        kolada.shows(cells)

        result = night(kolada, ledger, number, FEW, budget=0)

        assert result.unnamed.is_empty()
        assert result.contradicted.is_empty()
        assert_known(ledger, cells, FEW)


@QUICKLY
@given(some_changes, some_changes, st.integers(0, 7))
def test_what_is_not_named_is_known_after_as_many_nights_as_is_said(
    kolada, tmp_path_factory, named, unnamed, budget
):
    ledger = Ledger(tmp_path_factory.mktemp("nights") / "ledger")
    kolada.shows(world())
    night(kolada, ledger, 0, FEW)
    cells = changed(changed(world(), unnamed, None), named, nth(1))
    kolada.shows(cells)

    found = [night(kolada, ledger, 1, FEW, budget=budget)]
    while len(found) < found[0].nights:
        found.append(night(kolada, ledger, 1 + len(found), FEW, budget=budget))

    assert_known(ledger, cells, FEW)
    told = {row[:3] for one in found for row in one.unnamed.rows()}
    assert told <= {cell for cell, _ in unnamed}
    assert not [cell for cell in told if cell in cells and cells[cell].get("changed")]
