"""Bounds beside what fillings of the holes really give: at random, at the ends, one by one."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from models.rank.bounds import RANK_BOUNDS_SCHEMA, panel_rank_bounds, rank_bounds
from models.rank.score_difference import side_difference
from models.score.index import competition_rank, efficiency_index, score_panel

MISSING = np.nan


def options(n_cost, n_quality):
    """Return the choices that the score and the bounds share: costs lower, qualities higher."""
    return {
        "cost_direction": ["lower"] * n_cost,
        "quality_direction": ["higher"] * n_quality,
        "cost_weight": np.arange(1, n_cost + 1),
        "quality_weight": np.arange(1, n_quality + 1),
    }


def bounds(value, limits, *, n_cost=1, **more):
    return rank_bounds(
        value[:, :n_cost],
        value[:, n_cost:],
        cost_limits=limits[:n_cost],
        quality_limits=limits[n_cost:],
        **options(n_cost, value.shape[1] - n_cost) | more,
    )


def ranks(value, *, n_cost=1):
    """Return the ranks of filled values, (..., n, k), by the official recipe."""
    cost, quality = value[..., :n_cost], value[..., n_cost:]
    choices = options(n_cost, value.shape[-1] - n_cost)
    return competition_rank(efficiency_index(cost, quality, **choices).efficiency)


def fillings(value, limits, draws, generator):
    """Fill every hole in many ways: anywhere, or at an end, all rows alike or each by itself."""
    shape = (draws, *value.shape)
    share = generator.uniform(size=(draws, 1, 1)) * generator.uniform(size=(draws, 1, 1))
    at_end = np.where(generator.uniform(size=(draws, 1, 1)) < 0.5, share, 1 - share)
    by_row = generator.uniform(size=(draws, value.shape[0], 1)) < at_end
    by_hole = generator.uniform(size=shape) < at_end
    way = generator.integers(3, size=(draws, 1, value.shape[1]))
    place = np.select([way == 0, way == 1], [by_row * 1.0, by_hole * 1.0], generator.random(shape))
    drawn = limits[:, 0] + place * (limits[:, 1] - limits[:, 0])
    return np.where(np.isnan(value), drawn, value)


def world(seed, n, k, *, holes, columns):
    """Return correlated values with holes in these columns of so many rows, and their limits."""
    generator = np.random.default_rng(seed)
    value = generator.normal(size=(n, 1)) * 0.6 + generator.normal(size=(n, k))
    limits = np.stack([value.min(axis=0) - 0.5, value.max(axis=0) + 0.5], axis=1)
    value[np.ix_(generator.choice(n, holes, replace=False), columns)] = MISSING
    return value, limits


@pytest.mark.parametrize(
    ("n", "k", "n_cost", "holes", "columns"),
    [
        (60, 4, 1, 3, [1, 2, 3]),
        (60, 4, 2, 6, [0, 2]),
        (290, 5, 1, 10, [2]),
        (290, 4, 1, 10, [0, 1, 2, 3]),
        (25, 2, 1, 8, [0, 1]),
        (7, 3, 1, 1, [1]),
    ],
)
def test_whatever_fills_the_holes_every_rank_is_inside_its_bounds(n, k, n_cost, holes, columns):
    value, limits = world(1, n, k, holes=holes, columns=columns)

    found = bounds(value, limits, n_cost=n_cost)

    filled = ranks(fillings(value, limits, 1000, np.random.default_rng(2)), n_cost=n_cost)
    assert (found.best <= filled.min(axis=0)).all()
    assert (found.worst >= filled.max(axis=0)).all()
    assert not found.is_exact


@st.composite
def coarse_worlds(draw):
    """Few different values: ties, constant columns, columns of nothing, limits of no width."""
    n, k = draw(st.integers(2, 12)), draw(st.integers(2, 4))
    cell = st.one_of(st.integers(0, 3), st.just(MISSING))
    value = np.array(draw(st.lists(st.lists(cell, min_size=k, max_size=k), min_size=n, max_size=n)))
    ends = st.tuples(st.integers(-1, 2), st.integers(0, 3)).map(lambda ends: (ends[0], sum(ends)))
    limits = np.array(draw(st.lists(ends, min_size=k, max_size=k)), dtype=float)
    return value.astype(float), limits


@given(coarse_worlds(), st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 9]))
@settings(max_examples=150, deadline=None)
def test_bounds_hold_where_values_tie_and_columns_are_empty(made, seed, cells):
    value, limits = made

    found = bounds(value, limits, cells=cells)

    generator = np.random.default_rng(seed)
    drawn = fillings(value, limits, 60, generator)
    whole = np.where(np.isnan(value), np.round(drawn), value)  # tie with the known ones
    filled = ranks(np.concatenate([drawn, whole]))
    assert (found.best <= filled.min(axis=0)).all()
    assert (found.worst >= filled.max(axis=0)).all()


def test_for_one_hole_the_bounds_are_close_to_what_trying_every_value_gives():
    value, limits = world(3, 40, 3, holes=1, columns=[1])
    tried = np.repeat(value[np.newaxis], 4001, axis=0)
    hole = np.isnan(value)
    tried[:, hole] = np.linspace(*limits[1], 4001)[:, np.newaxis]

    found = bounds(value, limits, cells=128)

    rank = ranks(tried)
    too_wide = (rank.min(axis=0) - found.best) + (found.worst - rank.max(axis=0))
    assert (rank.min(axis=0) >= found.best).all()
    assert (rank.max(axis=0) <= found.worst).all()
    assert too_wide.max() <= 2
    assert too_wide.mean() <= 0.3


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_no_two_means_differ_by_less_than_is_said_and_some_nearly_do(seed):
    generator = np.random.default_rng(seed)
    box = np.sort(generator.random(4))
    box[2:] += 0.1  # a scale has some width
    low, other_low = generator.random(2) - 0.2
    high, other_high = np.array([low, other_low]) + generator.random(2) * 0.4
    corner = np.array([[lower, upper] for lower in box[:2] for upper in box[2:]])
    grid = np.linspace(0, 1, 25)
    mean, other = low + (high - low) * grid, other_low + (other_high - other_low) * grid
    distance = np.subtract.outer(mean, other)
    ahead = generator.choice(distance.ravel())
    lower, upper = box[0] + (box[1] - box[0]) * grid, box[2] + (box[3] - box[2]) * grid
    score = np.clip(
        (np.concatenate([mean, other])[:, None, None] - lower[:, None]) / (upper - lower[:, None]),
        0,
        1,
    )
    difference = score[:25, np.newaxis] - score[np.newaxis, 25:]
    tried = difference[distance >= ahead]

    found = side_difference(ahead, low, high, other_low, other_high, corner, box, False)

    assert found <= tried.min() + 1e-9
    assert found >= tried.min() - 0.25


@pytest.mark.parametrize(
    ("holes", "columns", "times", "places"), [(10, [2], 1.6, 15), (3, [2, 3, 4], 2.4, 22)]
)
def test_bounds_of_who_lacks_nothing_are_not_much_wider_than_what_a_search_reaches(
    holes, columns, times, places
):
    # The search reaches 9.2 and 8.9 places on average of these; climbing from there 0.3 more.
    value, limits = world(4, 290, 5, holes=holes, columns=columns)

    found = bounds(value, limits)

    filled = ranks(fillings(value, limits, 1000, np.random.default_rng(5)))
    is_complete = ~np.isnan(value).any(axis=1)
    width = (found.worst - found.best)[is_complete]
    reached = (filled.max(axis=0) - filled.min(axis=0))[is_complete]
    assert width.mean() <= times * reached.mean()
    assert width.mean() <= places


def test_where_nothing_is_missing_the_bounds_are_the_rank_and_ties_stay_ties():
    value = np.array([[1.0, 5.0], [2.0, 4.0], [1.0, 5.0], [3.0, 1.0]])

    found = bounds(value, np.full((2, 2), MISSING))

    assert found.is_exact
    assert_array_equal(found.best, [1, 3, 1, 4])
    assert_array_equal(found.worst, [1, 3, 1, 4])


def test_who_is_better_in_everything_is_ahead_whatever_is_missing():
    # The first is cheapest and best, the last dearest and worst; what lies between is unknown.
    value = np.array([[1.0, 90.0], [2.0, MISSING], [3.0, MISSING], [MISSING, 50.0], [9.0, 10.0]])
    limits = np.array([[2.0, 8.0], [20.0, 80.0]])

    found = bounds(value, limits)

    assert (found.best[0], found.worst[0]) == (1, 1)
    assert (found.best[4], found.worst[4]) == (5, 5)
    assert_array_equal(found.best[1:4], 2)
    assert_array_equal(found.worst[1:4], 4)


def test_more_cells_never_widen_the_bounds():
    value, limits = world(6, 80, 4, holes=6, columns=[1, 2])

    found = [bounds(value, limits, cells=cells) for cells in (1, 4, 16, 64)]

    width = [int((each.worst - each.best).sum()) for each in found]
    for narrower, wider in zip(found[1:], found, strict=False):
        assert (narrower.best >= wider.best).all()
        assert (narrower.worst <= wider.worst).all()
    assert width[-1] < 0.9 * width[0]


def test_wider_limits_never_narrow_the_bounds():
    value, limits = world(7, 80, 4, holes=4, columns=[1, 3])

    narrow, wide = (bounds(value, limits + np.array([-more, more]), cells=1) for more in (0.0, 2.0))

    assert (wide.best <= narrow.best).all()
    assert (wide.worst >= narrow.worst).all()


@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
@settings(max_examples=20, deadline=None)
def test_units_and_the_order_of_municipalities_do_not_matter(seed, random):
    value, limits = world(seed, 30, 3, holes=3, columns=[0, 2])
    order = list(range(30))
    random.shuffle(order)
    unit = np.array([1024.0, 0.25, 8.0])  # powers of two change no digit

    plain = bounds(value, limits)
    other = bounds(value[order] * unit, limits * unit[:, np.newaxis])

    assert_array_equal(other.best, plain.best[order])
    assert_array_equal(other.worst, plain.worst[order])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_turning_an_indicator_round_with_its_direction_changes_nothing(seed):
    value, limits = world(seed, 30, 3, holes=3, columns=[0, 2])
    turned = np.array([-1.0, 1.0, 1.0])

    plain = bounds(value, limits)
    other = bounds(value * turned, np.sort(limits * turned[:, None]), cost_direction=["higher"])

    assert_array_equal(other.best, plain.best)
    assert_array_equal(other.worst, plain.worst)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"cells": 0}, "0 cells"),
        ({"quality_limits": [[0.0, 1.0]]}, r"limits of quality have the shape \(1, 2\)"),
        ({"quality_limits": [[0, 1], [2, 1]]}, "limits of quality indicator 1 are 2 and 1"),
        ({"quality_limits": [[0, 1], [MISSING, 1]]}, "limits of quality indicator 1 are nan and 1"),
        ({"quality_limits": [[0, 1], [0, np.inf]]}, "limits of quality indicator 1 are 0 and inf"),
        ({"cost": [[1.0], [np.inf]]}, "infinite"),
        ({"quality_direction": ["higher"]}, "1 directions were given for 2"),
        (
            {
                "quality": np.empty((2, 0)),
                "quality_direction": [],
                "quality_weight": [],
                "quality_limits": np.empty((0, 2)),
            },
            "at least one indicator on each side",
        ),
    ],
)
def test_what_cannot_be_bounded_is_refused(change, message):
    given_values = {
        "cost": [[1.0], [2.0]],
        "quality": [[1.0, MISSING], [2.0, 2.0]],
        "cost_limits": [[MISSING, MISSING]],  # of no interest: no cost is missing
        "quality_limits": [[MISSING, MISSING], [0.0, 3.0]],
    }

    with pytest.raises(ValueError, match=message):
        rank_bounds(**options(1, 2) | given_values | change)


N = 40


def holed_panel(area_of, panel_of, *, plausible=(0.0, 100.0), **area_options):
    """Return a panel of two years: whole, and with three holes; and the area."""
    generator = np.random.default_rng(1)
    area = area_of(n_quality=2, **area_options)
    area = replace(
        area, indicators=tuple(replace(each, plausible=plausible) for each in area.indicators)
    )
    value = generator.uniform(20, 80, size=(2, N, 3))
    value[1, 4, 1] = value[1, 9, 1] = value[1, 9, 2] = MISSING
    return panel_of(area, value), area, value


def test_a_panel_has_a_row_for_every_municipality_and_ranks_where_they_can_be(area_of, panel_of):
    panel, area, _ = holed_panel(area_of, panel_of)

    rows = panel_rank_bounds(panel, [area], limits="plausible")

    assert dict(rows.schema) == RANK_BOUNDS_SCHEMA
    assert rows.height == 2 * N
    assert rows.select("service_area", "period", "municipality").is_unique().all()
    whole, holed = rows.filter(period=2015), rows.filter(period=2016)
    assert whole["status"].unique().to_list() == ["exact"]
    official = score_panel(panel, [area]).index.filter(period=2015)
    assert whole["rank_best"].to_list() == official["efficiency_rank"].to_list()
    assert whole["rank_worst"].to_list() == official["efficiency_rank"].to_list()
    assert holed["status"].unique().to_list() == ["bounded"]
    assert holed["n_could_be_ranked"].unique().to_list() == [N]
    missing = dict(
        holed.filter(pl.col("n_missing_own") > 0)["municipality", "n_missing_own"].rows()
    )
    assert missing == {"1004": 1, "1009": 2}
    assert (holed["rank_best"] <= holed["rank_worst"]).all()


@pytest.mark.parametrize("limits", ["plausible", "observed"])
def test_a_filled_panel_ranks_everyone_inside_the_bounds(area_of, panel_of, limits):
    panel, area, value = holed_panel(area_of, panel_of)
    generator = np.random.default_rng(3)
    lowest, highest = (0, 100) if limits == "plausible" else (21, 79)  # well inside the observed

    rows = panel_rank_bounds(panel, [area], limits=limits).filter(period=2016)

    for _ in range(30):
        drawn = generator.uniform(lowest, highest, size=value.shape)
        drawn = np.where(generator.uniform(size=value.shape) < 0.4, lowest, drawn)
        filled = panel_of(area, np.where(np.isnan(value), drawn, value))
        rank = score_panel(filled, [area]).index.filter(period=2016)["efficiency_rank"]
        assert ((rows["rank_best"] <= rank) & (rank <= rows["rank_worst"])).all()


def test_the_observed_range_is_over_all_years_and_narrower_than_the_plausible(area_of, panel_of):
    panel, area, value = holed_panel(area_of, panel_of)
    quality = value[..., 1:].copy()
    known = quality.reshape(-1, 2)
    ends = np.stack([np.nanmin(known, axis=0), np.nanmax(known, axis=0)], axis=1)

    rows = panel_rank_bounds(panel, [area], limits="observed").filter(period=2016)

    expected = rank_bounds(
        value[1, :, :1],
        quality[1],
        cost_direction=["lower"],
        quality_direction=["higher", "higher"],
        cost_weight=[1],
        quality_weight=[1, 1],
        cost_limits=[[MISSING, MISSING]],
        quality_limits=ends,
    )
    assert_array_equal(rows["rank_best"], expected.best)
    assert_array_equal(rows["rank_worst"], expected.worst)
    plausible = panel_rank_bounds(panel, [area], limits="plausible").filter(period=2016)
    width = [each["rank_worst"].sum() - each["rank_best"].sum() for each in (rows, plausible)]
    assert width[0] < width[1]


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"grade": "C"}, "not_ranked_by_grade"),
        ({"minimum_share": 0.99}, "coverage_below_gate"),
        ({"plausible": None}, "no_limits"),
    ],
)
def test_where_nobody_is_ranked_there_are_no_bounds_and_a_reason(area_of, panel_of, change, status):
    panel, area, _ = holed_panel(area_of, panel_of, **change)

    rows = panel_rank_bounds(panel, [area], limits="plausible").filter(period=2016)

    assert rows["status"].unique().to_list() == [status]
    assert rows["rank_best"].null_count() == rows["rank_worst"].null_count() == N
    assert rows["n_missing_own"].sum() == 3


def test_an_area_without_quality_has_no_bounds(area_of, panel_of):
    area = area_of(n_quality=0)
    panel = panel_of(area, np.full((1, 5, 1), 2.0))

    rows = panel_rank_bounds(panel, [area], limits="observed")

    assert rows["status"].to_list() == ["no_indicators"] * 5


def test_unknown_limits_are_refused(area_of, panel_of):
    panel, area, _ = holed_panel(area_of, panel_of)

    with pytest.raises(ValueError, match="Unknown limits 'any'"):
        panel_rank_bounds(panel, [area], limits="any")


def test_the_order_of_rows_does_not_matter(area_of, panel_of):
    panel, area, _ = holed_panel(area_of, panel_of)

    shuffled = panel_rank_bounds(
        panel.sample(fraction=1, shuffle=True, seed=1), [area], limits="observed"
    )

    assert shuffled.equals(panel_rank_bounds(panel, [area], limits="observed"))
