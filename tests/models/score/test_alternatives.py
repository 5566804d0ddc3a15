from dataclasses import replace

import numpy as np
import polars as pl
from numpy.testing import assert_allclose

from models.areas.service_area import Break
from models.contracts.index import IndexAlternative
from models.score.alternatives import alternative_scores
from models.score.index import score_panel

N = 40


def panel_and_area(area_of, panel_of, *, n_period=3, breaks=(), change=None):
    """Return a panel whose values are the same every year but for `change(value)` in the last."""
    generator = np.random.default_rng(1)
    year = np.stack([generator.uniform(50, 100, N), generator.uniform(20, 80, N)], axis=1)
    value = np.stack([year] * n_period)
    if change is not None:
        change(value[-1])
    area = replace(area_of(), breaks=tuple(Break(period, "a test") for period in breaks))
    return panel_of(area, value), area


def of(rows: pl.DataFrame, period: int, column: str) -> np.ndarray:
    return rows.filter(period=period).sort("municipality")[column].cast(float).to_numpy()


def scored(panel, area):
    return IndexAlternative.validate(alternative_scores(panel, [area]), lazy=True)


def test_in_the_base_year_the_fixed_base_score_is_the_official_one(area_of, panel_of):
    panel, area = panel_and_area(area_of, panel_of)

    rows = scored(panel, area)

    official = score_panel(panel, [area]).index
    assert_allclose(of(rows, 2015, "fixed_base_score"), of(official, 2015, "efficiency_score"))
    assert rows["base_period"].unique().to_list() == [2015]


def test_what_others_do_moves_no_fixed_base_score(area_of, panel_of):
    def others_improve(year):
        year[1:, 1] += 15

    panel, area = panel_and_area(area_of, panel_of, change=others_improve)

    rows, official = scored(panel, area), score_panel(panel, [area]).index

    assert_allclose(of(rows, 2017, "fixed_base_score")[0], of(rows, 2016, "fixed_base_score")[0])
    fallen = of(official, 2017, "efficiency_score")[0] < of(official, 2016, "efficiency_score")[0]
    assert fallen  # the official score is relative


def test_who_improves_rises_on_the_fixed_base(area_of, panel_of):
    def one_improves(year):
        year[3] = [year[3, 0] - 5, year[3, 1] + 5]

    panel, area = panel_and_area(area_of, panel_of, change=one_improves)

    rows = scored(panel, area)

    now, before = (of(rows, period, "fixed_base_score") for period in (2017, 2016))
    assert now[3] > before[3]
    assert_allclose(np.delete(now, 3), np.delete(before, 3))


def test_a_break_begins_a_new_base(area_of, panel_of):
    panel, area = panel_and_area(area_of, panel_of, breaks=[2017])

    rows = scored(panel, area)

    base = rows.group_by("period").agg(pl.col("base_period").unique().first()).sort("period")
    assert base["base_period"].to_list() == [2015, 2015, 2017]


def test_the_geometric_score_lets_nothing_make_up_for_a_side_at_its_worst(area_of, panel_of):
    def one_is_cheap_and_bad(year):
        year[5] = [10.0, 1.0]

    panel, area = panel_and_area(area_of, panel_of, change=one_is_cheap_and_bad)

    rows, official = scored(panel, area), score_panel(panel, [area]).index

    geometric = of(rows, 2017, "geometric_score")
    arithmetic = of(official, 2017, "efficiency_score")
    assert (geometric <= arithmetic + 1e-9).all()
    assert geometric[5] == 0
    assert arithmetic[5] == 50


def test_who_has_no_score_has_none_here_either(area_of, panel_of):
    def one_is_missing(year):
        year[7, 0] = np.nan

    panel, area = panel_and_area(area_of, panel_of, change=one_is_missing)

    rows = scored(panel, area)

    row = rows.filter(period=2017).sort("municipality").row(7, named=True)
    assert (row["fixed_base_score"], row["geometric_score"]) == (None, None)
    assert rows.filter(period=2017)["fixed_base_score"].null_count() == 1


def test_below_the_gate_of_coverage_nobody_is_scored_and_the_next_year_is_the_base(
    area_of, panel_of
):
    area = area_of()
    value = np.full((3, N, 2), 1.0) * np.arange(1, N + 1)[:, np.newaxis]
    value[0, : N - 5] = np.nan
    panel = panel_of(area, value)

    rows = scored(panel, area)

    assert rows.filter(period=2015)["geometric_score"].null_count() == N
    assert rows.filter(period=2016)["base_period"].unique().to_list() == [2016]


def test_a_base_year_without_spread_gives_no_score(area_of, panel_of):
    area = area_of()
    value = np.full((2, N, 2), 7.0)
    value[1] += np.arange(N)[:, np.newaxis]

    rows = scored(panel_of(area, value), area)

    assert rows["fixed_base_score"].null_count() == rows.height
    assert rows.filter(period=2016)["geometric_score"].null_count() == 0
