"""What a sync will ask, and what it costs, before anything is asked."""

from itertools import product
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kolada.errors import ArchiveError, UnknownIdError
from kolada.plan import (
    known_kpis,
    kpis_of_areas,
    municipalities_to_ask,
    observation_plan,
    ou_plan,
)
from kolada.query import PAGE_ROWS, Query

CATALOGUE = pl.DataFrame(
    {
        "kpi": ["N00001", "N00002", "N00003", "N00004"],
        "municipality_type": ["K", "L", "A", "K"],
        "is_deleted": [False, False, False, True],
    }
)


def test_a_plan_asks_for_every_cell_once_and_counts_its_pages():
    kpis = [f"N{number:05}" for number in range(30)]
    places = [f"{number:04}" for number in range(60)]

    plan = observation_plan(kpi=kpis, municipality=places, period=range(2000, 2030))

    cells = [
        (kpi, place, year)
        for query in plan.queries
        for kpi in query.kpi
        for place in query.municipality
        for year in query.period
    ]
    assert len(cells) == len(set(cells)) == plan.n_row == 30 * 60 * 30
    # 25 x 25 x 8 cells fill a page, 25 x 10 x 20 too, and 5 KPIs have room for 25 years.
    assert plan.n_request == (4 + 4 + 2) + (2 + 2 + 2)
    assert plan.seconds(5.0) == plan.n_request / 5
    assert plan.seconds(None) == 0


@given(
    n_kpi=st.integers(1, 60),
    n_place=st.integers(1, 80),
    years=st.sets(st.integers(1990, 2030), min_size=1),
)
@settings(max_examples=60, deadline=None)
def test_no_question_has_more_cells_than_a_page_has_rows_and_every_cell_is_asked_for_once(
    n_kpi, n_place, years
):
    kpis = [f"N{number:05}" for number in range(n_kpi)]
    places = [f"{number:04}" for number in range(n_place)]

    plan = observation_plan(kpi=kpis[::-1], municipality=places * 2, period=[*years, *years])

    sizes = [len(one.kpi) * len(one.municipality) * len(one.period) for one in plan.queries]
    assert max(sizes) <= PAGE_ROWS
    assert sum(sizes) == plan.n_row == n_kpi * n_place * len(years)
    assert plan.n_request == len(plan.queries)
    cells = {
        cell for one in plan.queries for cell in product(one.kpi, one.municipality, one.period)
    }
    assert cells == set(product(kpis, places, years))


def test_units_are_asked_for_a_year_of_a_kpi_at_a_time():
    plan = ou_plan(kpi=["N00002", "N00001", "N00002"], period=[2024, 2023])

    assert plan.queries == tuple(
        Query("oudata", kpi=(kpi,), period=(year,))
        for kpi in ("N00001", "N00002")
        for year in (2023, 2024)
    )


def test_all_means_what_municipalities_have_and_is_still_there():
    assert known_kpis(CATALOGUE, None) == ["N00001", "N00003"]


def test_a_kpi_that_kolada_lacks_or_has_dropped_is_named_before_anything_is_asked():
    with pytest.raises(UnknownIdError, match=r"no KPI N00004, N99999 \(2 of 3 asked for\)"):
        known_kpis(CATALOGUE, ["N99999", "N00001", "N00004"])


def test_municipalities_and_the_country_are_asked_and_regions_are_not():
    rows = pl.DataFrame(
        {
            "municipality": ["0000", "0001", "1489", "1490"],
            "type": ["L", "L", "K", "K"],
            "is_deleted": [False, False, False, True],
        }
    )

    assert municipalities_to_ask(rows) == ["0000", "1489"]


def test_the_kpis_of_area_files_are_found_once_each(tmp_path: Path):
    text = '[indicators.a]\nkpi = "N00002"\n[indicators.b]\nkpi = "N00001"\n'
    (tmp_path / "one.toml").write_text(text)
    (tmp_path / "two.toml").write_text('[indicators.a]\nkpi = "N00001"\nunit_data = true\n')

    assert kpis_of_areas(tmp_path) == (["N00001", "N00002"], ["N00001"])


def test_a_folder_without_areas_is_refused(tmp_path: Path):
    with pytest.raises(ArchiveError, match="no service area with a KPI"):
        kpis_of_areas(tmp_path)
