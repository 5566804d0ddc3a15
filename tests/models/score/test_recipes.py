"""The official score among the recipes, what each of them keeps, and the real archive."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from models.areas.service_area import AREAS, service_areas
from models.panel import area_arrays
from models.score.index import area_index
from models.score.recipes import AGGREGATIONS, NORMALISATIONS, Recipe, recipe_score
from tests.models.score.test_index import real_panel

MISSING = np.nan
N_QUALITY = 3
# Mazziotta and Pareto's penalty needs z-scores.
SENSIBLE = [
    Recipe(normalisation, aggregation)
    for normalisation, aggregation in product(NORMALISATIONS, AGGREGATIONS)
    if aggregation != "mazziotta_pareto" or normalisation == "z_score"
]
MONOTONE = [recipe for recipe in SENSIBLE if recipe.normalisation != "z_score"]
every = pytest.mark.parametrize("recipe", SENSIBLE, ids=str)
with_scales = pytest.mark.parametrize(
    "recipe", [each for each in SENSIBLE if each.aggregation != "copeland"], ids=str
)


@pytest.fixture(scope="module")
def arrays(area_of, panel_of):
    """A cost and three qualities of weights 1, 2 and 3; twelve municipalities, all positive."""
    area = area_of(n_quality=N_QUALITY)
    cost, *qualities = area.indicators
    weighted = [replace(each, weight=1.0 + i) for i, each in enumerate(qualities)]
    area = replace(area, indicators=(cost, *weighted))
    value = np.random.default_rng(1).uniform(10, 30, (1, 12, 1 + N_QUALITY))
    return next(area_arrays(panel_of(area, value), [area]))


@st.composite
def values(draw):
    """Positive whole numbers (n, 4)."""
    n = draw(st.integers(3, 12))
    row = st.lists(st.integers(1, 20), min_size=1 + N_QUALITY, max_size=1 + N_QUALITY)
    return np.array([draw(row) for _ in range(n)], dtype=float)


def test_trimmed_and_arithmetic_is_the_official_score_to_the_last_digit(arrays):
    draws = np.random.default_rng(2).normal(20, 5, (4, 50, 1 + N_QUALITY))
    draws[0, 3, 1] = MISSING

    score = recipe_score(arrays, draws, Recipe("trimmed", "arithmetic"))

    assert_array_equal(score, area_index(arrays, draws).efficiency)


def test_the_weights_of_the_file_are_the_votes(arrays):
    # Qualities of weights 1, 2 and 3: the first two draw with the third.
    value = np.array([[20.0, 9, 9, 1], [20, 1, 1, 9], [30, 9, 1, 9]])

    score = recipe_score(arrays, value, Recipe("min_max", "copeland"))

    # The third has the better qualities against the first, 3 to 2, and against the second, 1 to
    # 0, but the worse cost, which is worth 6.
    assert_allclose(score, [75, 75, 0])


def test_a_recipe_by_hand(area_of, panel_of):
    # Cost scores 100, 1, 50.5 and quality scores 1, 100, 50.5 on 1-100, the mean of a side is the
    # same: geometric means 10, 10 and 50.5.
    area = area_of()
    value = np.array([[10.0, 1], [30, 3], [20, 2], [MISSING, 2]])
    arrays = next(area_arrays(panel_of(area, value[np.newaxis]), [area]))

    geometric = recipe_score(arrays, value, Recipe("min_max", "geometric"))
    minimum = recipe_score(arrays, value, Recipe("min_max", "minimum"))

    assert_allclose(geometric, [10, 10, 50.5, MISSING])
    assert_allclose(minimum, [0, 0, 50, MISSING])


def test_each_side_has_half_of_the_votes(area_of, panel_of):
    # Votes: the cost 1/2, a quality 1/6. A beats B by the cost and one quality to two. C has the
    # cost against all three qualities: a draw with each.
    area = area_of(n_quality=3)
    value = np.array([[20.0, 5, 5, 5], [30, 6, 6, 4], [10, 1, 1, 3]])
    arrays = next(area_arrays(panel_of(area, value[np.newaxis]), [area]))

    score = recipe_score(arrays, value, Recipe("min_max", "copeland"))

    assert_allclose(score, [75, 25, 50])


@every
def test_who_lacks_an_indicator_has_no_score_and_the_others_do(arrays, recipe):
    value = arrays.value[0].copy()
    value[5, 2] = MISSING

    score = recipe_score(arrays, value, recipe)

    assert_array_equal(np.flatnonzero(np.isnan(score)), [5])


@every
def test_draws_are_scored_each_by_itself(arrays, recipe):
    draws = np.random.default_rng(3).uniform(10, 30, (3, 12, 1 + N_QUALITY))

    together = recipe_score(arrays, draws, recipe)

    assert_allclose(together[2], recipe_score(arrays, draws[2], recipe))


@with_scales
def test_on_its_own_base_a_year_has_the_scores_it_has(arrays, recipe):
    frozen = recipe_score(arrays, arrays.value[0], recipe, base=arrays.value[0])

    assert_allclose(frozen, recipe_score(arrays, arrays.value[0], recipe))


@with_scales
def test_on_a_base_nobody_is_moved_by_the_others(arrays, recipe):
    value = arrays.value[0]

    alone = recipe_score(arrays, value[[4]] * 1.1, recipe, base=value)
    among = recipe_score(arrays, value * 1.1, recipe, base=value)

    assert alone[0] == among[4]


def test_an_area_without_quality_has_no_score(area_of, panel_of):
    area = area_of(n_quality=0)
    arrays = next(area_arrays(panel_of(area, np.ones((1, 3, 1))), [area]))

    for aggregation in AGGREGATIONS:
        score = recipe_score(arrays, arrays.value[0], Recipe("min_max", aggregation))
        assert np.isnan(score).all()


@settings(deadline=None)
@given(values(), st.sampled_from(SENSIBLE), st.sampled_from([0.001, 1000.0]))
def test_units_do_not_matter(arrays, value, recipe, factor):
    before = recipe_score(arrays, value, recipe)

    after = recipe_score(arrays, value * [factor, 1, 3, 1], recipe)

    assert_allclose(after, before, atol=1e-6)


@settings(deadline=None)
@given(values(), st.sampled_from(MONOTONE), st.data())
def test_a_better_value_never_lowers_ones_own_score(arrays, value, recipe, data):
    row = data.draw(st.integers(0, len(value) - 1))
    column = data.draw(st.integers(0, N_QUALITY))
    better = value.copy()
    better[row, column] *= 1 + 3 * data.draw(st.floats(0, 1)) if column else 0.3

    before = recipe_score(arrays, value, recipe)[row]

    assert recipe_score(arrays, better, recipe)[row] >= before - 1e-9


def test_under_z_scores_of_z_scores_a_better_value_can_lower_ones_own_score(area_of, panel_of):
    # Three municipalities: the first's first quality goes from 6 to 11, which widens the scale on
    # which its side's mean is counted by more than it raises that mean.
    area = area_of(n_quality=2)
    value = np.array([[8.0, 6, 5], [5, 6, 4], [9, 5, 8]])
    better = value.copy()
    better[0, 1] = 11
    arrays = next(area_arrays(panel_of(area, value[np.newaxis]), [area]))

    before, after = (
        recipe_score(arrays, each, Recipe("z_score", "arithmetic")) for each in (value, better)
    )

    assert after[0] < before[0] - 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"recipe": Recipe("ranks", "arithmetic")}, r"normalisation 'ranks'\. Use one of trimmed"),
        ({"recipe": Recipe("trimmed", "mean")}, r"aggregation 'mean'\. Use one of arithmetic"),
        ({"value": np.ones((5, 3))}, "values have 3 columns, school has 4 scored indicators"),
        ({"base": np.ones((5, 3))}, "values of the base have 3 columns"),
    ],
)
def test_what_cannot_be_scored_is_refused(arrays, change, message):
    given = {"value": arrays.value[0], "recipe": Recipe("trimmed", "arithmetic")} | change

    with pytest.raises(ValueError, match=message):
        recipe_score(arrays, given.pop("value"), given.pop("recipe"), **given)


def test_duels_are_refused_a_base(arrays):
    value = arrays.value[0]

    with pytest.raises(ValueError, match=r"no scale to freeze\. Leave the base out"):
        recipe_score(arrays, value, Recipe("min_max", "copeland"), base=value)


def test_what_a_recipe_cannot_use_is_refused_by_name(arrays):
    value = arrays.value[0].copy()
    value[4, 0] = 0
    even = np.full((12, 1 + N_QUALITY), 20.0)
    even[2, 1:] = [1e6, 20, 20]

    with pytest.raises(ValueError, match=r"^1004 has cost = 0\. A ratio"):
        recipe_score(arrays, value, Recipe("relative", "arithmetic"))
    with pytest.raises(
        ValueError, match=r"^1\d\d\d has the quality side = -.* A ratio to the mean"
    ):
        recipe_score(arrays, even, Recipe("relative", "mazziotta_pareto"))


@pytest.mark.shared
def test_on_the_real_archive_the_scale_matters_less_than_what_may_make_up_for_what(shared):
    areas = service_areas(AREAS.parent / "areas_recorded")
    arrays = next(area_arrays(real_panel(shared), areas))
    value = arrays.value[arrays.periods.index(2019)]
    official = recipe_score(arrays, value, Recipe("trimmed", "arithmetic"))
    ranked = ~np.isnan(official)

    agreement = {}
    for recipe in SENSIBLE:
        score = recipe_score(arrays, value, recipe)
        assert_array_equal(~np.isnan(score), ranked)
        rank_correlation = stats.spearmanr(official[ranked], score[ranked]).statistic
        agreement.setdefault(recipe.aggregation, []).append(rank_correlation)

    assert np.sum(ranked) == 280
    # The least and the largest rank correlation over the five scales.
    span = {name: (min(found), max(found)) for name, found in agreement.items()}
    assert span == {
        "arithmetic": pytest.approx((0.981, 1), abs=6e-4),
        "geometric": pytest.approx((0.976, 0.997), abs=6e-4),
        "harmonic": pytest.approx((0.953, 0.996), abs=6e-4),
        "minimum": pytest.approx((0.866, 0.916), abs=6e-4),
        "copeland": pytest.approx((0.954, 0.954), abs=6e-4),
        "mazziotta_pareto": pytest.approx((0.996, 0.996), abs=6e-4),
    }
