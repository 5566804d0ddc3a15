"""Which cells are followed, how they are asked for, and when each was last read."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from kolada.history import OBSERVATION, OU_OBSERVATION
from kolada.ledger import Ledger
from kolada.query import Query
from kolada.scope import LastRead, Scope, scopes_of
from tests.kolada.conftest import NOON, answer

KPIS = tuple(f"N{number:05}" for number in range(30))
PLACES = tuple(f"{number:04}" for number in range(30))
YEARS = (2022, 2023, 2024)
SCOPE = Scope(KPIS, PLACES, YEARS)
OF_UNITS = Scope(KPIS[:2], PLACES, YEARS, "oudata")
SINCE = date(2026, 3, 1)


def ledger_of(folder: Path, queries: Iterable[Query]) -> Ledger:
    """A ledger with an empty answer to each; the first is entry 1."""
    ledger = Ledger(folder)
    with ledger.writing() as writer:
        for query in queries:
            writer.append(answer(query), sync="one")
    return ledger


def test_a_scope_is_read_by_the_questions_of_its_plan():
    assert {query.table for query in SCOPE.plan().queries} == {"data"}
    assert SCOPE.plan().n_row == 30 * 30 * 3
    assert SCOPE.plan(kpi=["N00003"], period=[2024]).n_row == 30
    assert OF_UNITS.plan(period=[2024]).queries == tuple(
        Query("oudata", kpi=(kpi,), period=(2024,)) for kpi in KPIS[:2]
    )
    assert (SCOPE.raw, OF_UNITS.raw) == (OBSERVATION, OU_OBSERVATION)


@pytest.mark.parametrize("scope", [SCOPE, OF_UNITS], ids=["municipalities", "units"])
def test_a_sweep_asks_of_every_place_and_year_once_and_of_no_kpi(scope):
    sweep = scope.sweep(SINCE)

    assert [(len(one.municipality), one.period) for one in sweep] == [(25, YEARS), (5, YEARS)]
    assert sorted(place for one in sweep for place in one.municipality) == list(PLACES)
    assert {(one.table, one.kpi, one.from_date) for one in sweep} == {(scope.table, (), SINCE)}


def test_a_probe_is_one_question_of_the_sweep_s_form_about_many_years_and_the_future():
    probe = Scope(KPIS, PLACES, tuple(range(1990, 2025))).probe

    assert probe.path == f"data/municipality/0000/year/{','.join(map(str, range(2000, 2025)))}"
    assert probe.from_date is not None
    assert probe.from_date > date(2900, 1, 1)


CATALOGUE = pl.DataFrame(
    {"kpi": ["N00001", "N00002", "N00003"], "has_ou_data": [True, False, None]}
)
MUNICIPALITIES = pl.DataFrame(
    {
        "municipality": ["1489", "0000", "0001", "0180"],
        "type": ["K", "L", "L", "K"],
        "is_deleted": [False] * 4,
    }
)


def test_what_is_wanted_is_followed_as_far_as_the_catalogue_has_it():
    found = scopes_of(
        CATALOGUE,
        MUNICIPALITIES,
        wanted=["N00003", "N99999", "N00001"],
        of_units=["N00001", "N00002", "N00003"],
        period=[2024, 2023, 2024],
    )

    places = ("0000", "0180", "1489")
    assert found == [
        Scope(("N00001", "N00003"), places, (2023, 2024)),
        Scope(("N00001",), places, (2023, 2024), "oudata"),
    ]


def test_where_nothing_wanted_is_there_nothing_is_followed():
    assert scopes_of(CATALOGUE, MUNICIPALITIES, wanted=["N99999"], period=[2024]) == []


def test_a_question_is_as_old_as_the_cell_in_it_that_was_read_longest_ago(tmp_path):
    first, *_ = SCOPE.plan().queries
    ledger = ledger_of(
        tmp_path,
        [
            *SCOPE.plan().queries,
            Query("data", kpi=KPIS[:1], municipality=PLACES[:25], period=(2024,)),
        ],
    )

    read = LastRead(ledger, SCOPE)

    assert [read.oldest(query) for query in SCOPE.plan().queries] == [1, 2, 3, 4]
    assert read.oldest(Query("data", kpi=KPIS[:1], municipality=("0003",), period=(2024,))) == 5
    assert (read.first(), read.first_day()) == (1, NOON.date())
    assert read.is_newer("N00000", 2024, seq=1)
    assert not read.is_newer("N00000", 2024, seq=2)
    assert not read.is_newer("N00000", 2023, seq=1)
    assert first.kpi == KPIS[:25]


@pytest.mark.parametrize(
    "query",
    [
        Query("kpi"),
        Query("oudata", kpi=KPIS[:25], period=YEARS),
        Query("data", municipality=PLACES[:25], period=YEARS, from_date=SINCE),
        Query("data", kpi=KPIS[:25], period=YEARS, region_type="K"),
        Query("data", kpi=("N99999",), period=YEARS),
        Query("data", kpi=KPIS[:25], period=(1999,)),
        Query("data", kpi=KPIS[:25], municipality=("9999",)),
    ],
    ids=str,
)
def test_other_answers_and_those_that_are_not_whole_read_nothing(tmp_path, query):
    read = LastRead(ledger_of(tmp_path, [query]), SCOPE)

    assert [read.oldest(one) for one in SCOPE.plan().queries] == [0] * 4


@pytest.mark.parametrize(
    "query",
    [
        Query("data", kpi=("N00000", "N99999"), period=YEARS),
        Query("data", kpi=("N00000",), municipality=PLACES[:25]),
        Query("data", municipality=PLACES[:25], period=YEARS),
    ],
    ids=str,
)
def test_a_question_that_leaves_a_list_out_has_read_all_of_it(tmp_path, query):
    read = LastRead(ledger_of(tmp_path, [query]), SCOPE)

    assert read.oldest(Query("data", kpi=("N00000",), municipality=PLACES[:25], period=YEARS)) == 1


@pytest.mark.parametrize(
    ("query", "seq"),
    [
        (Query("oudata", kpi=KPIS[:1], period=(2024,)), 1),
        (Query("oudata", kpi=KPIS[:1], municipality=("0000",), period=(2024,)), 0),
        (Query("oudata", kpi=KPIS[:1], ou=("V15E1",), period=(2024,)), 0),
        (Query("oudata", ou=("V15E1",), period=(2024,)), 0),
    ],
    ids=str,
)
def test_an_answer_about_some_units_has_not_read_the_others(tmp_path, query, seq):
    read = LastRead(ledger_of(tmp_path, [query]), OF_UNITS)

    assert read.oldest(Query("oudata", kpi=KPIS[:1], period=(2024,))) == seq


def test_cells_outside_some_places_and_years_are_newer_where_read_later_or_never(tmp_path):
    ledger = ledger_of(
        tmp_path,
        [
            Query("data", kpi=("N00000",), municipality=PLACES[:25], period=(2023,)),
            Query("data", kpi=("N00000",), municipality=PLACES[25:], period=(2024,)),
        ],
    )

    read = LastRead(ledger, SCOPE)

    assert read.is_newer_outside(PLACES[:25], (2023,), seq=1)
    assert not read.is_newer_outside(PLACES[:25], (2023,), seq=2)
    assert not read.is_newer_outside(PLACES[:25], (2024,), seq=1)
    assert not read.is_newer_outside(PLACES[:24], (2023,), seq=1)
    assert read.is_newer_outside(PLACES, (2023, 2024), seq=2)
    assert read.is_newer_outside((), (), seq=0)


def test_what_was_never_read_is_not_old(tmp_path):
    ledger = ledger_of(
        tmp_path, [Query("data", kpi=("N00000",), municipality=("0000",), period=(2023,))]
    )

    read = LastRead(ledger, SCOPE)

    assert read.is_newer("N00001", 2023, seq=9)
    assert not read.is_newer("N00000", 2023, seq=9)
