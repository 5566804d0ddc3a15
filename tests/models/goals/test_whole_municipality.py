"""The whole by hand, and the laws that no goal may break."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.goals.whole_municipality import cost_share, whole_ranks, whole_score

# Three areas that cost 50, 30 and 20 of every 100 kronor.
SHARE = np.array([0.5, 0.3, 0.2])


def test_the_score_is_the_mean_of_the_parts_weighted_by_cost():
    result = whole_score([[80.0, 60, 20], [50, 50, 50]], SHARE, minimum_share=0.7)

    # 0.5 * 80 + 0.3 * 60 + 0.2 * 20 = 62; squares 18², 2² and 42² by the same weights: 516.
    assert_allclose(result.score, [62, 50])
    assert_allclose(result.spread, [np.sqrt(516), 0])
    assert_allclose(result.contribution[0], [40, 18, 4])
    assert_array_equal(result.lowest, [2, 0])
    assert_array_equal(result.highest, [0, 0])
    assert_array_equal(result.rank, [1, 2])


def test_a_missing_part_leaves_a_score_with_its_bounds_where_enough_is_there():
    result = whole_score([[80.0, 60, np.nan]], SHARE, minimum_share=0.8)

    # 58 of the 80 % that are there; the missing fifth is worth between 0 and 20.
    assert_allclose(result.score, 58 / 0.8)
    assert_allclose(result.weight_share, 0.8)
    assert_allclose([result.possible_low[0], result.possible_high[0]], [58, 78])
    assert_array_equal(result.n_present, [2])


@pytest.mark.parametrize(
    ("score", "weight", "status"),
    [
        ([np.nan, np.nan, np.nan], SHARE, "no_component"),
        ([80.0, 60, 20], [np.nan, 0.3, 0.2], "missing_weights"),
        ([80.0, np.nan, np.nan], [0.8, 0.1, 0.1], "too_few_components"),
        ([np.nan, 60, 20], SHARE, "weight_below_minimum"),
    ],
)
def test_who_has_no_score_has_the_reason(score, weight, status):
    result = whole_score([score], weight, minimum_share=0.7, minimum_components=2)

    assert result.status.tolist() == [status]
    assert np.isnan([result.score, result.rank, result.spread, result.possible_low]).all()
    assert np.isnan(result.contribution).all()
    assert result.lowest.tolist() == [-1]


@given(st.integers(0, 2**32 - 1))
def test_contributions_add_up_and_neither_order_nor_the_unit_of_weights_matters(seed):
    generator = np.random.default_rng(seed)
    score = np.where(generator.random((8, 5)) < 0.2, np.nan, generator.uniform(0, 100, (8, 5)))
    weight = generator.uniform(0.1, 1, 5)
    order = generator.permutation(5)

    result = whole_score(score, weight, minimum_share=0.5)
    other = whole_score(score[:, order], weight[order] * 1000, minimum_share=0.5)

    assert_allclose(other.score, result.score)
    is_scored = result.status == "ranked"
    assert_allclose(np.nansum(result.contribution, axis=1)[is_scored], result.score[is_scored])
    assert_allclose(np.nansum(result.weight, axis=1)[is_scored], 1)
    assert np.all(result.possible_low[is_scored] <= result.score[is_scored] + 1e-9)
    assert np.all(result.score[is_scored] <= result.possible_high[is_scored] + 1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_a_better_part_never_lowers_the_score(seed, column):
    generator = np.random.default_rng(seed)
    score = generator.uniform(0, 90, (4, 5))
    better = score.copy()
    better[0, column] += 10

    before = whole_score(score, SHARE.repeat(2)[:5], minimum_share=0.7)
    after = whole_score(better, SHARE.repeat(2)[:5], minimum_share=0.7)

    assert after.score[0] > before.score[0]
    assert after.rank[0] <= before.rank[0]


def test_shares_of_the_country_are_those_of_its_mean_and_the_same_for_all():
    # Means 20 and 30, of the municipalities that have a value.
    cost = np.array([[10.0, 30], [30, 30], [np.nan, 30]])

    share = cost_share(cost, of="country")

    assert_allclose(share, np.tile([0.4, 0.6], (3, 1)))


def test_shares_of_the_municipality_need_all_its_own_costs():
    share = cost_share([[10.0, 30], [30, np.nan], [-1, 30]], of="municipality")

    assert_allclose(share, [[0.25, 0.75], [np.nan, np.nan], [np.nan, np.nan]])


def test_who_spends_more_on_a_part_does_not_make_it_weigh_more_than_by_its_nth():
    cost = np.full((290, 2), 100.0)
    dearer = cost.copy()
    dearer[0, 0] = 200  # twice as much

    country = cost_share(dearer, of="country")[0, 0]
    own = cost_share(dearer, of="municipality")[0, 0]

    assert country - 0.5 < 0.001
    assert_allclose(own, 2 / 3)


def test_a_cost_that_nobody_has_gives_no_weights_and_one_below_zero_is_refused():
    assert np.isnan(cost_share([[1.0, np.nan], [2, np.nan]], of="country")).all()
    with pytest.raises(ValueError, match="The mean cost of school is -1"):
        cost_share([[1.0, -1]], of="country", names=["care", "school"])
    with pytest.raises(ValueError, match="Unknown choice 'region'"):
        cost_share([[1.0]], of="region")
    with pytest.raises(ValueError, match="A cost is infinite"):
        cost_share([[np.inf]], of="country")


def test_ranks_of_draws_are_those_of_their_weighted_means():
    draws = np.array([[[10.0, 90], [50, 50], [0, 0]], [[10, 10], [20, 20], [30, 30]]])
    score = np.full((3, 2), 50.0)

    rank = whole_ranks(draws, score, [3, 1], [True, True, True])
    two = whole_ranks(draws, score, [3, 1], [True, False, True])

    # 30, 50, 0 in the first draw and 10, 20, 30 in the second.
    assert_array_equal(rank, [[2, 1, 3], [3, 2, 1]])
    assert_array_equal(two, [[1, 2], [2, 1]])


def test_a_part_counts_in_the_draws_where_it_counts_in_the_scores():
    draws = np.array([[[50.0, 50], [60, 0]]])
    score = np.array([[50, 50], [60, np.nan]])

    rank = whole_ranks(draws, score, [1, 1], [True, True])

    # A mean of 50 and one of 60, which is all there is of the second.
    assert_array_equal(rank, [[2, 1]])


def test_there_are_no_ranks_where_a_part_that_counts_has_no_draws():
    draws = np.array([[[10.0, np.nan], [20, 30]]])

    assert whole_ranks(draws, np.full((2, 2), 50.0), [1, 1], [True, True]) is None


@pytest.mark.parametrize(
    ("score", "weight", "share", "told"),
    [
        ([[101.0, 2]], [1, 1], 0.7, "outside 0-100"),
        ([[1.0, 2]], [1, 0], 0.7, "not positive and finite"),
        ([[1.0, 2]], [1, np.inf], 0.7, "not positive and finite"),
        ([[1.0, 2]], [1], 0.7, r"shape \(1, 2\), weights \(1,\)"),
        ([[1.0, 2]], [1, 1], 0, "minimum share is 0"),
    ],
)
def test_what_makes_no_score_is_refused(score, weight, share, told):
    with pytest.raises(ValueError, match=told):
        whole_score(score, weight, minimum_share=share)


def test_draws_of_others_are_refused():
    with pytest.raises(ValueError, match=r"draws are of \(2, 2\)"):
        whole_ranks(np.zeros((1, 2, 2)), np.zeros((3, 2)), [1, 1], [True] * 3)
