"""Importance worked out by hand, by theory, and in made-up countries where it is known."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.areas.service_area import AREAS, service_areas
from models.panel import area_arrays
from models.score.effective_weight import effective_weights, variance_shares, weights_for
from models.score.index import area_index, weighted_mean
from tests.models.score.test_index import real_panel

MISSING = np.nan


def normal(seed, n, *, correlation):
    """Return n rows of standard normal indicators with this correlation between any two."""
    generator = np.random.default_rng(seed)
    root = np.linalg.cholesky(np.asarray(correlation, dtype=float))
    return generator.standard_normal((n, len(root))) @ root.T


def orthogonal(seed, n, k):
    """Return k indicators of mean 0 and variance 1 that are exactly uncorrelated."""
    drawn = np.random.default_rng(seed).standard_normal((n, k))
    columns, _ = np.linalg.qr(np.column_stack([np.ones(n), drawn]))
    return columns[:, 1:] * np.sqrt(n)


seeds = st.integers(0, 2**32 - 1)


def test_shares_by_hand():
    # x1 is 0, 2, 4 and x2 is 1, 1, 4 (means 2 and 2): variances 8/3 and 2, covariance 2. Of
    # y = x1 + x2 the variance is 8/3 + 2 + 2 * 2 = 26/3, and cov(x1, y) = 14/3.
    scores = [[0, 1], [2, 1], [4, 4], [9, MISSING]]

    assert_allclose(variance_shares(scores, [1, 1]), [14 / 26, 12 / 26])
    # y = 3 x1 + x2: variance 24 + 2 + 12 = 38, cov(x2, y) = 6 + 2.
    assert_allclose(variance_shares(scores, [3, 1]), [30 / 38, 8 / 38])


def test_an_indicator_that_works_against_the_rest_has_a_negative_share():
    # x2 is -x1 / 2: y = x1 + x2 is x1 / 2, so the shares are 2 and -1.
    x = np.arange(5.0)

    assert_allclose(variance_shares(np.column_stack([x, -x / 2]), [1, 1]), [2, -1])


@pytest.mark.parametrize(
    "scores", [np.full((7, 2), 0.1), np.full((4, 2), MISSING), np.empty((0, 2)), [[1, 2]]]
)
def test_where_nothing_varies_there_are_no_shares(scores):
    assert np.isnan(variance_shares(scores, [1, 1])).all()


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_shares_sum_to_1_whatever_the_correlations(seed, weights):
    generator = np.random.default_rng(seed)
    scores = generator.normal(size=(20, len(weights))) @ generator.normal(
        size=(len(weights), len(weights))
    )

    assert_allclose(variance_shares(scores, weights).sum(), 1, atol=1e-9)


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=4))
def test_uncorrelated_indicators_decide_by_the_square_of_their_weights(seed, weights):
    # So 2 to 1 is really 4 to 1: declared weights are not importance even here.
    scores, weights = orthogonal(seed, 30, len(weights)), np.array(weights)
    composite = weighted_mean(scores, weights)
    expected = weights**2 / np.sum(weights**2)

    found = effective_weights(scores, composite, weights)

    assert_allclose(variance_shares(scores, weights), expected, atol=1e-12)
    assert_allclose(found.linear, expected, atol=1e-12)
    assert_allclose(found.linear_share, expected, atol=1e-12)
    assert_allclose(found.declared, weights / weights.sum())


def test_what_varies_twice_as_much_decides_four_times_as_much():
    scores = orthogonal(1, 40, 2) * [2, 1]

    assert_allclose(variance_shares(scores, [1, 1]), [0.8, 0.2])


@given(seeds, st.randoms(use_true_random=False))
def test_neither_zeros_of_scales_nor_the_order_of_rows_matter(seed, random):
    scores = np.random.default_rng(seed).normal(size=(25, 3))
    order = list(range(25))
    random.shuffle(order)

    after = variance_shares(scores[order] + [5, 0, -70], [1, 2, 3])

    assert_allclose(after, variance_shares(scores, [1, 2, 3]), atol=1e-9)


def test_draws_have_shares_of_their_own():
    draws = np.random.default_rng(1).normal(size=(2, 3, 20, 4))
    draws[0, 1, 5, 2] = MISSING

    together = variance_shares(draws, [1, 2, 3, 4])

    assert together.shape == (2, 3, 4)
    for world in np.ndindex(2, 3):
        assert_allclose(together[world], variance_shares(draws[world], [1, 2, 3, 4]))


# Each function of independent standard normals x1 and x2, with Var(E[y | x]) / Var(y) of both by
# theory: Var(x1^2) = 2, Var(sin 2 x1) = (1 - exp(-8)) / 2, and all others are of normals.
KNOWN = {
    "sum": (lambda x: x[:, 0] + x[:, 1], [0.5, 0.5]),
    "weighted": (lambda x: 3 * x[:, 0] + x[:, 1], [0.9, 0.1]),
    "bent": (lambda x: x[:, 0] ** 2 + x[:, 1], [2 / 3, 1 / 3]),
    "waving": (lambda x: np.sin(2 * x[:, 0]) + x[:, 1], [1 / 3, 2 / 3]),
    "one": (lambda x: x[:, 1], [0, 1]),
}


@pytest.mark.parametrize("name", KNOWN)
def test_in_a_known_country_the_curve_finds_how_much_is_decided(name):
    function, truth = KNOWN[name]

    found = []
    for seed in range(20):
        x = normal(seed, 290, correlation=np.eye(2))
        found.append(effective_weights(x, function(x), [1, 1]).smooth)

    # Measured over 200 countries: the mean is off by 0.013 at most, one country by 0.06 (1 sd).
    assert_allclose(np.mean(found, axis=0), truth, atol=0.03)
    assert np.std(found, axis=0).max() < 0.08


def test_correlated_indicators_decide_what_they_have_in_common_both():
    # Of y = x1 + x2 with correlation 0.5: cov(x1, y) is 1.5, var(y) 3, so both 0.75.
    found = [
        effective_weights(x, x.sum(axis=1), [1, 1])
        for x in (normal(seed, 290, correlation=[[1, 0.5], [0.5, 1]]) for seed in range(10))
    ]

    assert_allclose(np.mean([each.linear for each in found], axis=0), 0.75, atol=0.02)
    assert_allclose(np.mean([each.smooth for each in found], axis=0), 0.75, atol=0.02)


def test_a_straight_line_misses_what_is_bent():
    x = normal(1, 290, correlation=np.eye(2))

    found = effective_weights(x, x[:, 0] ** 2 + x[:, 1], [1, 1])

    assert found.linear[0] < 0.05
    assert found.smooth[0] > 0.6
    assert np.isfinite(found.bandwidth[0])
    assert found.bandwidth[1] > 1


def test_where_the_line_is_all_there_is_the_curve_is_the_line():
    x = np.arange(30.0)

    found = effective_weights(x[:, np.newaxis], 7 - 2 * x, [1])

    assert_allclose([found.linear, found.smooth], 1)


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_neither_the_unit_nor_the_direction_matters(seed):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(40, 2))
    y = np.abs(x[:, 0]) + x[:, 1]

    before = effective_weights(x, y, [1, 1])
    after = effective_weights(x * [1000, -1] + [5, 0], 3 * y - 1, [1, 1])

    assert_allclose(after.linear, before.linear, atol=1e-9)
    assert_allclose(after.smooth, before.smooth, atol=1e-6)
    assert_allclose(after.bandwidth, before.bandwidth * [1000, 1], rtol=1e-9)


def test_who_stands_alone_far_out_does_not_make_the_curve():
    # A curve narrow enough to go through the last one would be sure of it and predict nothing.
    generator = np.random.default_rng(1)
    x = np.append(generator.normal(size=60), 1e4)[:, np.newaxis]
    y = generator.normal(size=61)

    found = effective_weights(x, y, [1])

    assert found.smooth[0] < 0.1


def test_an_indicator_on_which_all_are_alike_decides_nothing():
    x = normal(1, 30, correlation=np.eye(2))
    x[:, 0] = 0.1

    found = effective_weights(x, x[:, 1], [1, 1])

    assert_array_equal([found.linear[0], found.smooth[0]], [0, 0])
    assert_array_equal(found.linear_share, [0, 1])


def test_where_no_indicator_decides_there_are_no_shares_of_it():
    found = effective_weights(np.full((12, 2), 0.1), np.arange(12.0), [1, 1])

    assert np.isnan([found.linear_share, found.smooth_share]).all()


def test_ties_and_missing_values_are_no_obstacle():
    generator = np.random.default_rng(1)
    x = np.column_stack([generator.integers(0, 2, 100), generator.integers(0, 4, 100)]) * 1.0
    y = x[:, 0] + x[:, 1]
    x[3, 0], y[5] = MISSING, MISSING

    found = effective_weights(x, y, [1, 1])

    # Two values make a line the best curve: its share is the squared correlation, adjusted.
    n = found.n_complete
    assert n == 98
    assert_allclose(1 - found.smooth[0], (1 - found.linear[0]) * (n - 1) / (n - 2), rtol=1e-6)


@given(seeds, st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_with_the_weights_found_the_shares_are_those_asked_for(seed, shares):
    scores = np.random.default_rng(seed).normal(size=(40, len(shares)))
    scores[:, 0] *= 1000
    scores[3, 0] = MISSING

    weights = weights_for(scores, shares)

    assert_allclose(weights.sum(), 1)
    assert (weights > 0).all()
    assert_allclose(variance_shares(scores, weights), np.array(shares) / np.sum(shares), atol=1e-9)


def test_uncorrelated_indicators_need_the_square_roots():
    assert_allclose(weights_for(orthogonal(1, 30, 2), [4, 1]), [2 / 3, 1 / 3], atol=1e-9)


X = np.arange(24.0).reshape(12, 2) ** 1.5


@pytest.mark.parametrize(
    ("scores", "composite", "weights", "message"),
    [
        (X, X[:5, 0], [1, 1], r"shape \(12, 2\), the composite \(5,\)"),
        (X[:9], X[:9, 0], [1, 1], "9 municipalities have all indicators"),
        (X, np.full(12, 3.0), [1, 1], "composite is 3 for all 12"),
        (X, np.append(X[:11, 0], np.inf), [1, 1], "infinite"),
        (X, X[:, 0], [1, 0], "Each must be positive"),
        (X, X[:, 0], [1], "1 weights"),
    ],
)
def test_what_has_no_effective_weights_is_refused(scores, composite, weights, message):
    with pytest.raises(ValueError, match=message):
        effective_weights(scores, composite, weights)


def test_shares_that_no_weights_give_are_refused():
    x = normal(1, 30, correlation=np.eye(2))

    with pytest.raises(ValueError, match="indicators cancel each other"):
        weights_for(np.column_stack([x[:, 0], -x[:, 0]]), [1, 1])
    with pytest.raises(ValueError, match="decides nothing"):
        weights_for(np.column_stack([x[:, 0], np.ones(30)]), [1, 1])
    with pytest.raises(ValueError, match="9 municipalities"):
        weights_for(x[:9], [1, 1])
    with pytest.raises(ValueError, match="Each must be positive"):
        weights_for(x, [1, -1])


@pytest.mark.shared
def test_in_asem_equal_weights_are_not_equal_importance(shared):
    # Case R14's data: the two pillars of the index weigh the same; by numpy's own covariance.
    pillars = pl.read_csv(shared / "reference/R14_asem_coinr_aggregated_fullprec.csv")
    scores, index = pillars.select("Conn", "Sust").to_numpy(), pillars["Index"].to_numpy()

    shares = variance_shares(scores, [1, 1])

    covariance = np.cov(np.column_stack([scores, index]), rowvar=False)
    assert_allclose(shares, 0.5 * covariance[:2, 2] / covariance[2, 2], rtol=1e-9)
    assert_allclose(shares, [0.6414, 0.3586], atol=5e-5)
    assert_allclose(weights_for(scores, [1, 1]), [0.3853, 0.6147], atol=5e-5)


@pytest.mark.shared
def test_in_the_real_archive_half_of_the_weight_decides_no_more_than_a_sixth(shared):
    # The cost has half of the weight, but three qualities that go together decide what they share.
    areas = service_areas(AREAS.parent / "areas_recorded")
    arrays = next(area_arrays(real_panel(shared), areas))
    result = area_index(arrays, arrays.value[arrays.periods.index(2019)])
    scores = np.concatenate([result.cost_score, result.quality_score], axis=1)

    found = effective_weights(scores, result.efficiency, [1 / 2, 1 / 6, 1 / 6, 1 / 6])

    assert found.n_complete == 280
    assert_allclose(found.linear, [0.5695, 0.6056, 0.6131, 0.5633], atol=5e-5)
    assert_allclose(found.smooth, [0.5713, 0.6054, 0.6117, 0.5628], atol=5e-5)
    assert_allclose(found.smooth_share, [0.243, 0.257, 0.26, 0.239], atol=6e-4)
