import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.benefit_of_the_doubt import (
    benefit_of_the_doubt,
    directional_benefit_of_the_doubt,
)
from models.frontier.dea import dea
from models.frontier.restricted import Shares, restricted_dea
from models.frontier.technology import FrontierError, FrontierWarning, Labels
from tests.models.frontier.conftest import columns

# Made up to be checked by hand. The DMUs are A to I; A and B span the frontier, (4, 2) to (2, 4).
TWO = np.array([[4.0, 2.0], [2, 4], [2, 2], [3, 1], [1, 3], [1, 0], [0, 2], [1.5, 1.5], [2.0, 1.0]])

# Nobody here has any of the second; the best has 4 of the first.
WITHOUT_SECOND = np.column_stack([np.linspace(1, 4, 9), np.zeros(9)])


def table(seed: int, n: int = 30, k: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).uniform(1, 9, (n, k))


def test_scores_are_those_found_by_hand():
    result = benefit_of_the_doubt(TWO)

    # A and B; C is on the way to (3, 3); D reaches 3 of A's 4; F and G have one indicator.
    assert_allclose(result.score, [1, 1, 2 / 3, 3 / 4, 3 / 4, 1 / 4, 1 / 2, 1 / 2, 1 / 2])
    assert_allclose(result.weight[2], [1 / 6, 1 / 6])
    assert_allclose(result.share[[2, 3, 6]], [[0.5, 0.5], [1, 0], [0, 1]], atol=1e-12)
    assert_array_equal(np.flatnonzero(result.is_efficient), [0, 1])


def test_a_lower_bound_costs_a_lopsided_dmu_what_was_found_by_hand():
    quarter = benefit_of_the_doubt(TWO, share_lower=0.25)
    more = benefit_of_the_doubt(TWO, share_lower=0.4)

    # D at shares (3/4, 1/4) is beaten 3/2 times by A and by B; at (0.6, 0.4) twice by B.
    assert_allclose([quarter.score[3], more.score[3]], [2 / 3, 1 / 2])
    assert_allclose(quarter.share[3], [0.75, 0.25])
    assert_allclose(more.share[3], [0.6, 0.4])


def test_who_has_none_of_what_must_weigh_has_a_status_and_no_score():
    result = benefit_of_the_doubt(TWO, share_lower=[0.0, 0.05])

    assert_array_equal(np.flatnonzero(result.status == "infeasible"), [5])
    assert np.isnan(result.score[5])
    assert np.isnan(result.weight[5]).all()
    assert np.isnan(result.share[5]).all()
    assert not result.is_efficient[5]
    assert result.score[6] == pytest.approx(1 / 2)


def test_who_has_too_little_else_that_may_weigh_has_a_status():
    result = benefit_of_the_doubt(TWO, share_upper=0.9)

    assert_array_equal(np.flatnonzero(result.status == "infeasible"), [5, 6])


def test_against_a_reference_a_score_may_pass_1():
    result = benefit_of_the_doubt([[8.0, 2.0]], reference=TWO)

    assert_allclose(result.score, [2])
    assert_array_equal(result.is_efficient, [True])


@pytest.mark.parametrize("bounds", [{}, {"share_upper": [0.9, 1.0]}])
def test_what_nobody_in_the_reference_has_leaves_the_score_without_a_limit(bounds):
    result = benefit_of_the_doubt([[4.0, 1.0]], reference=WITHOUT_SECOND, **bounds)

    assert_array_equal(result.status, ["infeasible"])
    assert np.isnan(result.score).all()


@pytest.mark.parametrize("bounds", [{"share_upper": [1.0, 0.75]}, {"share_lower": [0.25, 0.0]}])
def test_a_bound_on_what_nobody_else_has_limits_the_score(bounds):
    result = benefit_of_the_doubt([[4.0, 1.0]], reference=WITHOUT_SECOND, **bounds)

    # The best of the reference has as much as the DMU of a quarter of its score, and no more.
    assert_allclose(result.score, [4])
    assert_allclose(result.share, [[0.25, 0.75]])


def test_it_is_dea_with_an_input_of_1():
    indicators = table(1)

    result = benefit_of_the_doubt(indicators)

    same = dea(np.ones((30, 1)), indicators, orientation="input", rts="crs")
    assert_allclose(result.score, same.score, rtol=1e-12)


@settings(max_examples=15, deadline=None)
@drawn(
    seed=st.integers(0, 2**32 - 1),
    lower=st.lists(st.just(0.0) | st.floats(1e-3, 0.3), min_size=3, max_size=3),
    room=st.floats(0.2, 0.7),
)
def test_bounded_scores_are_those_of_the_programme_in_prices(seed, lower, room):
    indicators, upper = table(seed, n=15), np.minimum(np.array(lower) + room, 1)
    upper[0] = 1

    result = benefit_of_the_doubt(indicators, share_lower=lower, share_upper=upper)

    same = restricted_dea(
        np.ones((15, 1)), indicators, orientation="input", rts="crs",
        shares=Shares(output_lower=lower, output_upper=upper),
    )  # fmt: skip
    assert_allclose(result.score, same.score, atol=1e-9)
    assert (result.share >= np.array(lower) - 1e-9).all()
    assert (result.share <= upper + 1e-9).all()


def test_with_all_shares_given_the_score_needs_no_programme():
    indicators, share = table(2), np.array([0.2, 0.3, 0.5])

    result = benefit_of_the_doubt(indicators, share_lower=share, share_upper=share)

    by_formula = [1 / (indicators / own @ share).max() for own in indicators]
    assert_allclose(result.score, by_formula)


def test_score_weights_and_shares_tell_the_same():
    indicators = table(3)

    for bounds in ({}, {"share_lower": 0.1}):
        result = benefit_of_the_doubt(indicators, **bounds)

        worth = result.weight * indicators
        assert_allclose(worth.sum(axis=1), result.score)
        assert_allclose(worth / result.score[:, np.newaxis], result.share, atol=1e-12)
        assert_allclose((result.weight @ indicators.T).max(axis=1), 1)


@settings(max_examples=15, deadline=None)
@drawn(seed=st.integers(0, 2**32 - 1), power=st.lists(st.integers(-8, 8), min_size=3, max_size=3))
def test_units_and_order_do_not_matter(seed, power):
    indicators = table(seed, n=15)
    order = np.random.default_rng(seed).permutation(15)

    result = benefit_of_the_doubt(indicators, share_lower=0.1)
    other = benefit_of_the_doubt((indicators * 10.0 ** np.array(power))[order], share_lower=0.1)

    assert_allclose(other.score, result.score[order], rtol=1e-9)


def test_tighter_bounds_never_raise_a_score():
    indicators = table(4)

    scores = [benefit_of_the_doubt(indicators, share_lower=b).score for b in (0, 0.1, 0.2, 0.3)]

    assert (np.diff(scores, axis=0) <= 1e-12).all()
    assert (scores[3] < scores[0] - 0.01).any()


def test_a_dominated_dmu_changes_nobody():
    indicators = table(5)

    alone = benefit_of_the_doubt(indicators, share_lower=0.1)
    joined = benefit_of_the_doubt(np.vstack([indicators, [[1, 1, 1]]]), share_lower=0.1)

    assert_allclose(joined.score[:-1], alone.score, rtol=1e-12)


@pytest.mark.parametrize("nearly", [1e-9, 1e-12])
def test_a_value_near_0_counts_as_0_does_and_makes_nothing_rough(nearly):
    indicators, upper = table(13, n=200, k=4), [0.4, 0.5, 0.6, 0.7]
    is_small = np.random.default_rng(13).random(indicators.shape) < 0.2
    is_small[is_small.sum(axis=1) > 1] = False

    small = benefit_of_the_doubt(np.where(is_small, nearly, indicators), share_upper=upper)
    none = benefit_of_the_doubt(np.where(is_small, 0, indicators), share_upper=upper)

    assert_allclose(small.score, none.score, rtol=1e-7)
    assert is_small.any(axis=0).all()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.nan, "DMU Eda has trust = nan"),
        (-1.0, "DMU Eda has trust = -1"),
        (np.inf, "DMU Eda has trust = inf"),
    ],
)
def test_a_bad_value_is_refused_by_name(value, message):
    indicators = table(6)
    indicators[4, 1] = value

    with pytest.raises(FrontierError, match=message):
        benefit_of_the_doubt(
            indicators,
            labels=Labels(
                dmu=[*"ABCD", "Eda", *map(str, range(25))], outputs=("safety", "trust", "pride")
            ),
        )


def test_indicators_without_names_are_counted_and_nothing_at_all_is_refused():
    indicators = table(7)
    indicators[2] = 0
    unnamed = table(7)
    unnamed[3, 2] = np.nan

    with pytest.raises(FrontierError, match="DMU 3 has no output above 0"):
        benefit_of_the_doubt(indicators)
    with pytest.raises(FrontierError, match="DMU 4 has indicator 3 = nan"):
        benefit_of_the_doubt(unnamed)


@pytest.mark.parametrize(
    ("bounds", "message"),
    [
        ({"share_lower": -0.1}, "0 <= lower <= upper <= 1 for every indicator"),
        ({"share_lower": 0.3, "share_upper": 0.2}, "0 <= lower <= upper <= 1"),
        ({"share_lower": np.nan}, "0 <= lower <= upper <= 1"),
        ({"share_lower": 0.4}, "cannot add up to 1.*Widen"),
        ({"share_upper": 0.3}, "cannot add up to 1.*Widen"),
        ({"share_lower": [0.1, 0.2]}, r"shapes \(2,\) and \(\), for 3 indicators"),
    ],
)
def test_bounds_that_cannot_be_kept_are_refused(bounds, message):
    with pytest.raises(FrontierError, match=message):
        benefit_of_the_doubt(table(8), **bounds)


def test_few_dmus_are_warned_of():
    with pytest.warns(FrontierWarning, match="8 DMUs span a frontier in 3"):
        benefit_of_the_doubt(TWO[:8])


def test_steps_are_those_found_by_hand():
    # The second is better low. Frontier from (2, 1) to (4, 3); a step is (1, 1).
    indicators = [[2.0, 1.0], [4, 3], [2, 3], [3, 2], [1, 1], [3, 4], [2, 2], [1, 3], [4, 4]]

    result = directional_benefit_of_the_doubt(
        indicators, is_undesirable=[False, True], direction=[1.0, 1.0]
    )

    assert_allclose(result.inefficiency, [0, 0, 1, 0, 0, 1, 0.5, 1.5, 0], atol=1e-12)
    assert_allclose(result.target[2], [3, 2])
    assert_allclose(result.target[7], [2.5, 1.5])
    assert_allclose(result.score[[2, 6, 7]], [1 / 2, 2 / 3, 2 / 5])
    assert_array_equal(np.flatnonzero(~result.is_efficient), [2, 5, 6, 7])


def test_along_own_indicators_the_score_is_that_without_a_direction():
    indicators = table(9)

    result = directional_benefit_of_the_doubt(
        indicators, is_undesirable=[False] * 3, direction=indicators
    )

    assert_allclose(result.score, benefit_of_the_doubt(indicators).score, rtol=1e-10)


@settings(max_examples=15, deadline=None)
@drawn(seed=st.integers(0, 2**32 - 1), power=st.lists(st.integers(-6, 6), min_size=3, max_size=3))
def test_steps_have_no_unit_and_half_as_long_ones_are_twice_as_many(seed, power):
    indicators, unit = table(seed, n=20), 10.0 ** np.array(power)
    choices = {"is_undesirable": [False, True, False]}
    direction = np.array([1.0, 2.0, 0.5])

    result = directional_benefit_of_the_doubt(indicators, direction=direction, **choices)
    other = directional_benefit_of_the_doubt(
        indicators * unit, direction=direction * unit / 2, **choices
    )

    assert_allclose(other.inefficiency, 2 * result.inefficiency, rtol=1e-7, atol=1e-10)


def test_less_of_what_is_undesirable_never_lowers_a_score():
    indicators = table(10)
    worst = int(
        np.argmin(
            directional_benefit_of_the_doubt(
                indicators, is_undesirable=[False, True, False], direction=np.ones(3)
            ).score
        )
    )
    better = indicators.copy()
    better[worst, 1] *= 0.9

    before, after = (
        directional_benefit_of_the_doubt(
            each, is_undesirable=[False, True, False], direction=np.ones(3)
        ).score[worst]
        for each in (indicators, better)
    )

    assert after > before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"is_undesirable": [True] * 3}, "leave one that is not"),
        ({"is_undesirable": [True]}, "of 3 indicators"),
        ({"direction": [1.0, 1.0]}, r"shape \(2,\), the indicators \(30, 3\)"),
        ({"direction": [1.0, -1.0, 0.0]}, "negative or infinite step"),
        ({"direction": 0.0}, r"row 1 has a direction that leads nowhere \(30 such\)"),
    ],
)
def test_a_direction_that_is_none_is_refused(change, message):
    choices = {"is_undesirable": [False, True, False], "direction": 1.0} | change

    with pytest.raises(FrontierError, match=message):
        directional_benefit_of_the_doubt(table(11), **choices)


def test_who_has_nothing_desirable_is_refused():
    indicators = table(12)
    indicators[1, 0] = 0

    with pytest.raises(FrontierError, match=r"row 2 has no desirable indicator .*\(1 such\)"):
        directional_benefit_of_the_doubt(
            indicators, is_undesirable=[False, True, True], direction=1.0
        )


@pytest.mark.shared
def test_european_regions_are_those_of_compind(answers):
    theirs = answers("R12_eunuts1_bod_compind")
    indicators = columns(theirs, "roads_norm", "trains_norm")

    free = benefit_of_the_doubt(indicators)
    bounded = benefit_of_the_doubt(indicators, share_lower=0.05)

    assert_allclose(free.score, theirs["bod"], rtol=0, atol=1e-9)
    assert_allclose(free.weight, columns(theirs, "w.v1", "w.v2"), rtol=0, atol=1e-9)
    is_scored = bounded.status == "optimal"
    expected = theirs["bod_constr"].to_numpy()
    assert_allclose(bounded.score[is_scored], expected[is_scored], rtol=0, atol=1e-9)
    # Compind gives 0, all weights 0, to the two regions that have none of an indicator.
    assert_array_equal(expected == 0, ~is_scored)
    assert (~is_scored).sum() == 2
