"""The rule in a table of all cases, and that a cut never counts as a rise."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.change.guardrail import (
    LABELS,
    change_label,
    change_threshold,
    guarded_change,
    side_change,
)

# By cost (-1 cheaper), quality (-1 worse) and the worst of the guardrails.
RULE = {
    (-1, -1, -1): "possible_cut",
    (-1, -1, 0): "possible_cut",
    (-1, 0, -1): "possible_cut",
    (-1, 1, -1): "possible_cut",
    (-1, 0, 0): "efficiency_gain",
    (-1, 1, 0): "efficiency_gain",
    (0, 1, 0): "efficiency_gain",
    (0, 1, -1): "mixed",
    (0, 0, 0): "no_clear_change",
    (0, 0, -1): "worse",
    (0, -1, -1): "worse",
    (0, -1, 0): "worse",
    (1, 1, 0): "dearer_and_better",
    (1, 1, -1): "dearer_and_better",
    (1, 0, 0): "dearer",
    (1, 0, -1): "dearer_and_worse",
    (1, -1, -1): "dearer_and_worse",
    (1, -1, 0): "dearer_and_worse",
}


def test_the_rule_is_complete():
    assert set(RULE) == set(itertools.product((-1, 0, 1), (-1, 0, 1), (-1, 0)))
    assert set(RULE.values()) | {"no_data"} == set(LABELS)


@pytest.mark.parametrize("case", RULE)
def test_every_case_has_its_word(case):
    cost, quality, guard = (3.0 * each for each in case)

    label = change_label(cost, quality, [5.0, guard, np.nan], threshold=2.0)

    assert label.tolist() == RULE[case]


@given(st.integers(0, 2**32 - 1))
def test_a_lower_cost_with_anything_worse_is_never_called_efficiency(seed):
    generator = np.random.default_rng(seed)
    cost, quality = generator.normal(0, 4, (2, 50))
    guard = np.where(generator.random((50, 3)) < 0.3, np.nan, generator.normal(0, 4, (50, 3)))

    label = change_label(cost, quality, guard, threshold=2.0)

    fell = (cost < -2) & ((quality < -2) | np.any(guard < -2, axis=1))
    assert np.all(label[fell] == "possible_cut")
    assert not np.any(label[~fell] == "possible_cut")


def test_without_cost_or_quality_nothing_is_said():
    label = change_label([np.nan, -5.0], [5.0, np.nan], np.full((2, 1), -5.0), threshold=2.0)

    assert label.tolist() == ["no_data", "no_data"]


def test_an_area_without_guardrails_is_judged_by_cost_and_quality():
    label = change_label([-5.0, -5.0], [0.0, -5.0], np.empty((2, 0)), threshold=2.0)

    assert label.tolist() == ["efficiency_gain", "possible_cut"]


def test_a_possible_cut_never_rises_and_the_others_are_left():
    change = guarded_change([5.0, -5, 5], ["possible_cut", "possible_cut", "efficiency_gain"])

    assert_array_equal(change, [0, -5, 5])


@pytest.mark.parametrize("n_guardrail", [0, 2, 5])
def test_the_threshold_leaves_so_few_normal_changes_beyond_it(n_guardrail):
    threshold = change_threshold(0.1, n_guardrail=n_guardrail)
    z = np.random.default_rng(1).normal(size=(200_000, 2 + n_guardrail))

    label = change_label(z[:, 0], z[:, 1], z[:, 2:], threshold=threshold)

    assert_allclose(np.mean(label != "no_clear_change"), 0.1, atol=0.003)


def side(before, after, *, base=((0.0,), (100.0,)), direction="higher", variance=1.0):
    before, after, base = (np.array(each, dtype=float) for each in (before, after, base))
    k = before.shape[1]
    return side_change(
        before,
        after,
        base=base,
        directions=[direction] * k,
        weights=[1.0] * k,
        variance=np.full(before.shape, variance),
        degrees=np.full(before.shape, np.inf),
        correlation=np.eye(k),
    )


def test_a_change_is_in_points_of_the_base_years_scale():
    # Of 0 and 100 the percentiles are 2.5 and 97.5: 95 apart; a change of 9.5 is 10 points.
    result = side([[50.0]], [[59.5]], variance=9.5**2 / 4)

    assert_allclose([result.change[0], result.z[0]], [10, 2])
    assert_allclose(side([[50.0]], [[59.5]], direction="lower").change, [-10])


def test_a_change_beyond_the_ends_of_the_scale_is_seen():
    result = side([[150.0]], [[140.5]])

    assert_allclose(result.change, [-10])


def test_the_mean_of_two_independent_indicators_is_surer_than_of_two_that_err_together():
    def z(correlation):
        return side_change(
            np.zeros((1, 2)),
            np.ones((1, 2)),
            base=np.array([[0.0, 0], [100, 100]]),
            directions=["higher", "higher"],
            weights=[1.0, 1.0],
            variance=np.ones((1, 2)),
            degrees=np.full((1, 2), np.inf),
            correlation=np.array([[1, correlation], [correlation, 1]]),
        ).z[0]

    assert_allclose([z(0.0), z(1.0)], [np.sqrt(2), 1])


def test_who_lacks_an_indicator_and_a_base_without_width_have_no_change():
    assert np.isnan(side([[np.nan]], [[1.0]]).z).all()
    assert np.isnan(side([[0.0]], [[1.0]], base=[[5.0], [5.0]]).change).all()
    assert np.isnan(side([[0.0]], [[1.0]], base=[[np.nan], [np.nan]]).change).all()


@pytest.mark.parametrize("threshold", [0.0, -1.0, np.inf, np.nan])
def test_a_threshold_that_separates_nothing_is_refused(threshold):
    with pytest.raises(ValueError, match="The threshold is"):
        change_label(0.0, 0.0, [0.0], threshold=threshold)


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="shapes"):
        change_label([0.0], [0.0, 1.0], [[0.0]], threshold=2.0)
    with pytest.raises(ValueError, match="A share of 0"):
        change_threshold(0, n_guardrail=1)
