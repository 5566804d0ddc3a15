"""RKA's recipe against figures worked out by hand, its laws, and the real archive."""

import math
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.areas.service_area import AREAS, indicator_frame, service_areas
from models.contracts.index import Index, IndicatorScore, Panel
from models.score.index import competition_rank, efficiency_index, scale, score_panel, weighted_mean

MISSING = np.nan


@st.composite
def worlds(draw, fewest=3, most=12):
    """Cost (n, 1) and quality (n, k) of whole numbers, with the qualities' weights."""
    n = draw(st.integers(fewest, most))
    k = draw(st.integers(1, 3))
    column = st.lists(st.integers(0, 20), min_size=n, max_size=n)
    cost = np.array([draw(column)], dtype=float).T
    quality = np.array([draw(column) for _ in range(k)], dtype=float).T
    return cost, quality, draw(st.lists(st.integers(1, 5), min_size=k, max_size=k))


def index_of(cost, quality, weight):
    return efficiency_index(
        cost,
        quality,
        cost_direction=["lower"],
        quality_direction=["higher"] * len(weight),
        cost_weight=[1],
        quality_weight=weight,
    )


def test_of_41_values_the_second_and_the_40th_set_the_scale():
    # Percentile 2.5 of 41 values is at position 40 * 0.025 = 1, percentile 97.5 at 39.
    score = scale(np.arange(41.0), direction="higher")

    assert score[0] == 0
    assert score[1] == 0
    assert_allclose(score[10], 100 * 9 / 38)
    assert score[20] == 50
    assert score[39] == 100
    assert score[40] == 100


def test_percentiles_between_two_values_are_interpolated():
    # Position 4 * 0.025 = 0.1: the bounds are 1 and 39.
    score = scale([40, 10, 20, 30, 0], direction="higher")

    assert_allclose(score, [100, 100 * 9 / 38, 50, 100 * 29 / 38, 0])


def test_where_lower_is_better_the_lowest_gets_100():
    assert_allclose(scale([0, 20, 40], direction="lower"), [100, 50, 0])


def test_a_missing_value_stays_missing_and_moves_nobody():
    score = scale([40, MISSING, 10, 20, 30, 0], direction="higher")

    assert_allclose(score, [100, MISSING, 100 * 9 / 38, 50, 100 * 29 / 38, 0])


def test_fixed_bounds_do_not_depend_on_the_others():
    score = scale([5, 15, 30, MISSING], direction="higher", bounds=(10, 20))

    assert_allclose(score, [0, 50, 100, MISSING])


def test_fixed_bounds_may_differ_between_worlds():
    bounds = np.array([[10.0], [0.0]]), np.array([[20.0], [30.0]])

    score = scale([[15.0, 30], [15, 12]], direction="lower", bounds=bounds)

    assert_allclose(score, [[50, 0], [50, 60]])
    with pytest.raises(ValueError, match="not in order"):
        scale([[15.0], [15]], direction="lower", bounds=(bounds[1], bounds[0]))


def test_a_constant_column_and_a_lone_value_get_50():
    assert_array_equal(scale([7.1, 7.1, 7.1], direction="higher"), [50, 50, 50])
    assert_array_equal(scale([MISSING, 7.1], direction="lower"), [MISSING, 50])


def test_rounding_errors_do_not_become_scores():
    assert_array_equal(scale([0.3, 0.1 + 0.2, 0.3], direction="higher"), [50, 50, 50])


def test_who_differs_from_all_the_equal_others_gets_0_or_100():
    values = np.full(100, 7.0)
    values[0], values[1] = 6, 9

    score = scale(values, direction="higher")

    assert_array_equal(score[:3], [0, 100, 50])


def test_nothing_to_scale_gives_nothing():
    assert scale([], direction="higher").size == 0
    assert np.isnan(scale([MISSING, MISSING], direction="higher")).all()


def test_earlier_axes_are_scaled_each_by_itself():
    both = scale([[0, 20, 40, MISSING], [300, 100, 200, 0]], direction="higher")

    assert_array_equal(both[0], scale([0, 20, 40, MISSING], direction="higher"))
    assert_array_equal(both[1], scale([300, 100, 200, 0], direction="higher"))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, np.inf], {"direction": "higher"}, "infinite"),
        ([1, 2], {"direction": "up"}, "Unknown direction 'up'"),
        ([1, 2], {"direction": "higher", "bounds": (2, 2)}, "not in order"),
        ([1, 2], {"direction": "higher", "bounds": (0, np.nan)}, "not in order"),
        ([1, 2], {"direction": "higher", "lower_percentile": 98}, "98 and 97.5"),
    ],
)
def test_a_scale_that_cannot_be_made_is_refused(values, options, message):
    with pytest.raises(ValueError, match=message):
        scale(values, **options)


def test_a_missing_indicator_makes_the_mean_missing():
    mean = weighted_mean([[10, 40], [10, MISSING]], [2, 1])

    assert_allclose(mean, [20, MISSING])


def test_the_mean_of_no_indicator_is_missing():
    assert np.isnan(weighted_mean(np.empty((3, 0)), [])).all()


@pytest.mark.parametrize(
    ("weights", "message"), [([1], "1 weights"), ([1, 0], "positive"), ([1, np.nan], "positive")]
)
def test_weights_that_do_not_fit_are_refused(weights, message):
    with pytest.raises(ValueError, match=message):
        weighted_mean([[10, 40]], weights)


def test_the_efficiency_score_is_the_mean_of_two_indices_each_scaled_twice():
    # Five municipalities, so every first scale is from 1 to 39 as above.
    cost = [[0], [10], [20], [30], [40]]
    quality = [[40, 0], [10, 10], [20, 20], [30, 30], [0, 40]]

    result = index_of(cost, quality, [3, 1])

    # The mean of the qualities is 75, 100 * 9/38, 50, 100 * 29/38, 25. Sorted: 23.684, 25, 50,
    # 75, 76.316; its bounds are a tenth of the way in: 23.816 and 76.184.
    low, high = 100 * 9 / 38 + 0.1 * (25 - 100 * 9 / 38), 100 * 29 / 38 - 0.1 * (100 * 29 / 38 - 75)
    quality_index = np.array([(75 - low) / (high - low), 0, 0.5, 1, (25 - low) / (high - low)])
    # The cost scores 100, 76.316, 50, 23.684, 0 are scaled again, a tenth of the way in too.
    low, high = 0.1 * 100 * 9 / 38, 100 - 0.1 * 100 * 9 / 38
    resource = np.array([1, (100 * 29 / 38 - low) / (high - low), 0.5, 0, 0])
    resource[3] = (100 * 9 / 38 - low) / (high - low)
    assert_allclose(result.quality, 100 * quality_index)
    assert_allclose(result.resource, 100 * resource)
    assert_allclose(result.efficiency, 50 * (resource + quality_index))
    assert_allclose(result.rka, scale(result.efficiency, direction="higher"))


def test_the_side_that_is_complete_keeps_its_index():
    result = index_of([[1.0], [2], [MISSING]], [[1.0, 1], [2, MISSING], [3, 3]], [1, 1])

    assert np.isnan(result.quality[1])
    assert not np.isnan(result.resource[1])
    assert_array_equal(np.isnan(result.efficiency), [False, True, True])
    assert_array_equal(np.isnan(result.rka), [False, True, True])


def test_sides_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"\(2,\), quality \(3,\)"):
        index_of(np.ones((2, 1)), np.ones((3, 1)), [1])
    with pytest.raises(ValueError, match="1 directions were given for 2"):
        index_of(np.ones((3, 2)), np.ones((3, 1)), [1])


def test_equal_scores_share_a_rank_and_the_next_is_passed_over():
    assert_array_equal(competition_rank([80, 90, MISSING, 80, 70]), [2, 1, MISSING, 2, 4])


def test_a_difference_in_the_tenth_decimal_decides_nothing():
    assert_array_equal(competition_rank([80, 80 + 1e-10, 79]), [1, 1, 3])
    assert_array_equal(competition_rank([80, 80.04, 79], decimals=1), [1, 1, 3])


@given(worlds(), st.data())
def test_a_better_quality_never_lowers_ones_own_scores(world, data):
    cost, quality, weight = world
    row = data.draw(st.integers(0, len(quality) - 1))
    column = data.draw(st.integers(0, len(weight) - 1))
    better = quality.copy()
    better[row, column] += data.draw(st.integers(1, 30))

    before, after = index_of(cost, quality, weight), index_of(cost, better, weight)

    assert after.quality_score[row, column] >= before.quality_score[row, column] - 1e-9
    assert after.quality[row] >= before.quality[row] - 1e-9
    assert after.efficiency[row] >= before.efficiency[row] - 1e-9


@given(worlds(), st.data())
def test_a_higher_cost_never_raises_ones_own_scores(world, data):
    cost, quality, weight = world
    row = data.draw(st.integers(0, len(cost) - 1))
    dearer = cost.copy()
    dearer[row] += data.draw(st.integers(1, 30))

    before, after = index_of(cost, quality, weight), index_of(dearer, quality, weight)

    assert after.cost_score[row, 0] <= before.cost_score[row, 0] + 1e-9
    assert after.resource[row] <= before.resource[row] + 1e-9
    assert after.efficiency[row] <= before.efficiency[row] + 1e-9


@given(worlds(fewest=41, most=60), st.data())
def test_it_holds_too_where_the_percentiles_lie_within_the_values(world, data):
    cost, quality, weight = world
    row = data.draw(st.integers(0, len(quality) - 1))
    better = quality.copy()
    better[row, 0] += data.draw(st.integers(1, 30))

    before, after = index_of(cost, quality, weight), index_of(cost, better, weight)

    assert after.efficiency[row] >= before.efficiency[row] - 1e-9


@given(worlds(), st.sampled_from([0.001, 3.0, 1000.0]))
def test_the_unit_does_not_matter(world, factor):
    cost, quality, weight = world

    before, after = index_of(cost, quality, weight), index_of(factor * cost, quality, weight)

    assert_allclose(after.efficiency, before.efficiency, atol=1e-7)


@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_the_municipalities_does_not_matter(world, random):
    cost, quality, weight = world
    order = list(range(len(cost)))
    random.shuffle(order)

    before = index_of(cost, quality, weight)
    after = index_of(cost[order], quality[order], weight)

    assert_array_equal(after.efficiency, before.efficiency[order])
    assert_array_equal(competition_rank(after.rka), competition_rank(before.rka)[order])


@given(worlds())
def test_only_the_ratios_of_the_weights_matter(world):
    cost, quality, weight = world

    before, after = index_of(cost, quality, weight), index_of(cost, quality, np.multiply(7, weight))

    assert_allclose(after.efficiency, before.efficiency, atol=1e-7)


def index_rows(panel, *areas):
    scores = score_panel(panel, areas)
    IndicatorScore.validate(scores.indicator_score, lazy=True)
    return Index.validate(scores.index, lazy=True)


def test_a_panel_gets_one_row_per_municipality_and_says_who_is_not_ranked(area_of, panel_of):
    area = area_of()
    values = [[1.0, 9], [2, 8], [3, MISSING], [MISSING, 7], [MISSING, MISSING], [4, 7]]

    index = index_rows(panel_of(area, np.array([values])), area)

    assert index["status"].to_list() == [
        "ranked",
        "ranked",
        "missing_quality",
        "missing_cost",
        "missing_cost_and_quality",
        "ranked",
    ]
    assert index["efficiency_rank"].to_list() == [1, 2, None, None, None, 3]
    assert index["n_ranked"].to_list() == [3] * 6
    assert index["resource_index"].is_null().to_list() == [False, False, False, True, True, False]
    assert index["quality_index"].is_null().to_list() == [False, False, True, False, True, False]


def test_below_the_gate_nobody_is_scored(area_of, panel_of):
    area = area_of(minimum_share=0.7)
    full = [[1.0, 9], [2, 8], [3, 7], [4, 6]]
    two_of_four = [[1.0, 9], [2, 8], [3, MISSING], [4, MISSING]]

    scores = score_panel(panel_of(area, np.array([full, two_of_four])), [area])

    later = scores.index.filter(period=2016)
    assert later["status"].unique().to_list() == ["coverage_below_gate"]
    assert later["n_ranked"].unique().to_list() == [0]
    assert later.select("resource_index", "quality_index").null_count().row(0) == (4, 4)
    assert scores.indicator_score["period"].unique().to_list() == [2015]
    assert scores.index.filter(period=2015)["n_ranked"].unique().to_list() == [4]


def test_exactly_the_share_of_the_gate_is_enough(area_of, panel_of):
    area = area_of(minimum_share=0.7)
    values = np.ones((1, 290, 2))
    values[0, 203:, 1] = MISSING  # 203 of 290 is 0.7

    assert index_rows(panel_of(area, values), area)["n_ranked"][0] == 203


@pytest.mark.parametrize("grade", ["C", "D"])
def test_grade_c_and_d_have_indices_but_no_rank(area_of, panel_of, grade):
    area = area_of(grade=grade)

    index = index_rows(panel_of(area, np.array([[[1.0, 9], [2, 8], [3, MISSING]]])), area)

    not_ranked = "not_ranked_by_grade"
    assert index["status"].to_list() == [not_ranked, not_ranked, "missing_quality"]
    assert index["efficiency_score"].to_list() == pytest.approx([100, 25, None])
    assert index["efficiency_rank"].null_count() == 3
    assert index["n_ranked"].to_list() == [0, 0, 0]


def test_an_area_without_quality_has_a_resource_index_only(area_of, panel_of):
    area = area_of(grade="D", n_quality=0)

    index = index_rows(panel_of(area, np.array([[[1.0], [2], [3]]])), area)

    assert index["status"].unique().to_list() == ["not_ranked_by_grade"]
    assert index["resource_index"].to_list() == pytest.approx([100, 50, 0])
    assert index["efficiency_score"].null_count() == 3


def test_the_scores_of_a_panel_are_sorted_and_do_not_depend_on_the_order_of_its_rows(
    area_of, panel_of
):
    areas = [area_of("school", n_quality=2), area_of("care", n_quality=2)]
    values = np.random.default_rng(1).normal(size=(2, 2, 30, 3))
    values[values > 2] = MISSING
    panel = pl.concat([panel_of(area, v) for area, v in zip(areas, values, strict=True)])

    first = score_panel(panel, areas)
    second = score_panel(panel.sample(fraction=1, shuffle=True, seed=1), reversed(areas))

    assert first.index.equals(second.index)
    assert first.indicator_score.equals(second.indicator_score)
    key = ["service_area", "period", "municipality"]
    assert first.index.equals(first.index.sort(key))
    assert first.indicator_score.equals(first.indicator_score.sort(*key, "indicator"))


def test_one_area_does_not_change_another(area_of, panel_of):
    school, care = area_of("school"), area_of("care")
    alone = panel_of(school, np.array([[[1.0, 9], [2, 8], [3, 7]]]))
    other = panel_of(care, np.array([[[7.0, 1], [7, 3], [7, 2]]]))

    together = score_panel(pl.concat([alone, other]), [school, care])

    expected = score_panel(alone, [school, care]).index
    assert together.index.filter(service_area="school").equals(expected)


def test_a_weight_that_differs_from_the_areas_is_refused(area_of, panel_of):
    values = np.array([[[1.0, 9, 1], [1, 8, 2], [1, 7, 9]]])
    heavy = area_of(n_quality=2, quality_weight=5.0)

    with pytest.raises(ValueError, match=r"quality_0 N10000 quality higher 1\.0 is only in the p"):
        score_panel(panel_of(area_of(n_quality=2), values), [heavy])


def test_a_panel_of_another_definition_is_refused(area_of, panel_of):
    panel = panel_of(area_of(), np.ones((1, 3, 2)))

    with pytest.raises(ValueError, match="school: no such service area"):
        score_panel(panel, [area_of("care")])
    with pytest.raises(ValueError, match=r"quality_0 .* is only in the area"):
        score_panel(panel.filter(role="cost"), [area_of()])


def test_a_key_that_occurs_twice_is_refused_by_name(area_of, panel_of):
    panel = panel_of(area_of(), np.ones((1, 3, 2)))

    with pytest.raises(ValueError, match=r"1 keys more than once.*school 2015 1000 cost"):
        score_panel(pl.concat([panel, panel.head(1)]), [area_of()])


def test_an_empty_panel_is_refused(area_of, panel_of):
    panel = panel_of(area_of(), np.ones((1, 3, 2)))

    with pytest.raises(ValueError, match="panel is empty"):
        score_panel(panel.head(0), [area_of()])


def real_panel(shared: Path) -> pl.DataFrame:
    """The archive's panel of the area of 2016-2020, made as plainly as can be."""
    observation = pl.read_csv(
        shared / "kolada/observations/compulsory_school_2016_2020.csv",
        schema_overrides={
            "municipality": pl.String,
            "period": pl.Int32,
            "value": pl.Float64,
        },
    ).filter((pl.col("gender") == "T") & (pl.col("municipality") != "0000"))
    indicator = indicator_frame(service_areas(AREAS.parent / "areas_recorded"))
    has_value = pl.col("value").is_not_null()
    panel = (
        observation.select("municipality")
        .unique()
        .join(observation.select("period").unique(), how="cross")
        .join(indicator, how="cross")
        .join(observation, on=["kpi", "municipality", "period"], how="left")
        .with_columns(
            value_period=pl.when(has_value).then("period"),
            is_carried=False,
            is_preliminary=False,
            reason=pl.when(~has_value).then(pl.lit("missing")),
        )
    )
    return Panel.validate(panel.select(list(Panel.to_schema().columns)), lazy=True)


def plain_percentile(values, percent):
    in_order = sorted(values)
    position = (len(in_order) - 1) * percent / 100
    below = math.floor(position)
    above = min(below + 1, len(in_order) - 1)
    return in_order[below] + (in_order[above] - in_order[below]) * (position - below)


def plain_scale(values):
    low = plain_percentile(values.values(), 2.5)
    high = plain_percentile(values.values(), 97.5)
    return {m: 100 * min(max((v - low) / (high - low), 0), 1) for m, v in values.items()}


@pytest.mark.shared
@pytest.mark.parametrize(
    ("period", "n_ranked", "resource", "quality", "score", "rka", "rank"),
    [
        # Alingsås. Worked out by hand for 2019: cost (151 877.454 - 108 868.461) / (151 877.454
        # - 102 619.436) = 0.873137; qualities (74.1 - 53.9925) / (90.0425 - 53.9925) = 0.557767,
        # (84.5 - 68.9) / (93.5 - 68.9) = 0.634146, (222.4 - 187.8675) / (256.1175 - 187.8675)
        # = 0.505971, mean 0.565961.
        (2016, 286, 76.786356, 72.684489, 74.735422, 76.635572, 58),
        (2017, 288, 78.444155, 63.620406, 71.032281, 73.619743, 73),
        (2018, 287, 85.401463, 66.041084, 75.721274, 79.644406, 49),
        (2019, 280, 87.354472, 58.691675, 73.023074, 74.427497, 63),
    ],
)
def test_the_real_archive_gives_alingsas_the_index_worked_out_apart(
    shared, period, n_ranked, resource, quality, score, rka, rank
):
    panel = real_panel(shared)

    index = index_rows(panel, *service_areas(AREAS.parent / "areas_recorded"))

    columns = ["resource_index", "quality_index", "efficiency_score", "rka_index"]
    row = index.filter(period=period, municipality="1489")
    assert row["n_ranked"].item() == n_ranked
    assert row["efficiency_rank"].item() == rank
    assert_allclose(row.select(columns).row(0), [resource, quality, score, rka], atol=1e-6)

    # All others too, by another road: dictionaries and plain Python.
    values = {
        kpi: dict(rows.select("municipality", "value").drop_nulls("value").iter_rows())
        for (kpi,), rows in panel.filter(period=period).group_by("kpi")
    }
    resources = {m: 100 - v for m, v in plain_scale(values["N15008"]).items()}
    resources = plain_scale(resources)
    scaled = [plain_scale(values[kpi]) for kpi in ("N15419", "N15436", "N15505")]
    complete = set(scaled[0]) & set(scaled[1]) & set(scaled[2])
    qualities = plain_scale({m: sum(each[m] for each in scaled) / 3 for m in complete})
    both = {m: (resources[m] + qualities[m]) / 2 for m in sorted(set(resources) & complete)}
    ranked = index.filter(period=period, status="ranked").sort("municipality")
    assert ranked["municipality"].to_list() == list(both)
    assert_allclose(ranked["efficiency_score"], list(both.values()), atol=1e-9)
    assert_allclose(ranked["rka_index"], list(plain_scale(both).values()), atol=1e-9)
    assert ranked.filter(rka_index=100.0).height == (7 if period == 2019 else 8)


@pytest.mark.shared
def test_the_year_for_which_the_archive_lacks_costs_is_not_scored(shared):
    index = index_rows(real_panel(shared), *service_areas(AREAS.parent / "areas_recorded"))

    assert index.filter(period=2020)["status"].unique().to_list() == ["coverage_below_gate"]
    assert index.height == 5 * 290
