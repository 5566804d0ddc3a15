"""The noise of yearly changes by hand, and in made-up countries where it is known."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from models.rank.yearly_noise import yearly_noise

PERIODS = list(range(2015, 2021))


def noise_of(value, *, periods=PERIODS, breaks=(), is_carried=None, judged=None):
    if is_carried is None:
        is_carried = np.zeros(value.shape, dtype=bool)
    return yearly_noise(value, is_carried, periods=periods, breaks=breaks, judged=judged)


def test_noise_is_half_the_square_of_a_change_beyond_the_countrys():
    # The changes are 4, 5 and 6; the country's is 5, what remains -1, 0 and 1. Pooled variance
    # (1/2 + 0 + 1/2) / 3 = 1/3; one change of one's own weighs 1 against the prior's 6.
    value = np.array([[[10.0], [20], [30]], [[14.0], [25], [36]]])

    noise = noise_of(value, periods=[2015, 2016])

    assert_allclose(noise.variance.ravel(), [2.5 / 7, 2 / 7, 2.5 / 7])
    assert_allclose(noise.pooled, [1 / 3])
    assert_allclose(noise.degrees.ravel(), [7, 7, 7])
    assert noise.n_pairs == (1,)


def test_a_change_beyond_ten_sd_counts_as_ten():
    # Of the changes -1, -1, 0, 1, 1 and 1000 the median is 0.5; what remains is 1.5, 1.5, 0.5,
    # 0.5, 0.5 and 999.5, of which the median is 1, so ten sd are 10 * 1.4826.
    change = np.array([-1.0, -1, 0, 1, 1, 1000])
    value = np.stack([np.zeros(6), change])[:, :, np.newaxis]

    variance = noise_of(value, periods=[2015, 2016]).variance.ravel()

    farthest = (10 * 1.4826) ** 2 / 2
    pooled = (2 * 1.125 + 3 * 0.125 + farthest) / 6
    assert_allclose(variance[-1], (6 * pooled + farthest) / 7)
    assert_allclose(variance[0], (6 * pooled + 1.125) / 7)


def test_noise_that_was_put_in_is_found_again():
    generator = np.random.default_rng(1)
    correlation = np.array([[1, 0.8], [0.8, 1]])
    error = generator.multivariate_normal([0, 0], correlation, size=(6, 290)) * [2, 5]
    truth = generator.normal(size=(1, 290, 2)) * [10, 10] + np.arange(6)[:, None, None]

    noise = noise_of(truth + error)

    assert_allclose(np.sqrt(noise.variance.mean(axis=0)), [2, 5], rtol=0.06)
    assert_allclose(noise.correlation[0, 1], 0.8, atol=0.05)


def test_the_noisier_municipality_gets_the_larger_variance():
    generator = np.random.default_rng(2)
    sd = np.where(np.arange(290) < 100, 3.0, 1.0)
    value = generator.normal(size=(6, 290, 1)) * sd[:, np.newaxis]

    variance = noise_of(value).variance.ravel()

    assert variance[:100].mean() > 2 * variance[100:].mean()


def test_the_unit_of_an_indicator_does_not_change_its_noise():
    value = np.random.default_rng(3).normal(size=(6, 50, 2))

    in_kronor = noise_of(value * [1000, 1])

    assert_allclose(in_kronor.variance, noise_of(value).variance * [1e6, 1])
    assert_allclose(in_kronor.correlation, noise_of(value).correlation)


@pytest.mark.parametrize(
    ("periods", "breaks", "n_pairs"),
    [
        ([2015, 2016, 2017, 2018, 2019, 2020], (), 5),
        ([2015, 2016, 2018, 2019, 2020, 2022], (), 3),
        ([2015, 2016, 2017, 2018, 2019, 2020], (2017,), 4),
    ],
)
def test_only_comparable_years_in_a_row_make_a_pair(periods, breaks, n_pairs):
    value = np.random.default_rng(4).normal(size=(6, 20, 1))

    assert noise_of(value, periods=periods, breaks=breaks).n_pairs == (n_pairs,)


def test_a_carried_or_rare_value_makes_no_pair():
    value = np.random.default_rng(4).normal(size=(6, 20, 2))
    is_carried = np.zeros(value.shape, dtype=bool)
    is_carried[2, :, 0] = True
    value[5, :11, 1] = np.nan

    assert noise_of(value, is_carried=is_carried).n_pairs == (3, 4)


def test_one_year_tells_nothing_of_noise():
    noise = noise_of(np.ones((1, 5, 2)), periods=[2015])

    assert noise.n_pairs == (0, 0)
    assert np.isnan(noise.variance).all()


@pytest.mark.parametrize("degrees", [4.0, 12.0])
def test_how_much_noises_differ_is_found_again(degrees):
    # Variances are scaled inverse chi-squares, whose harmonic mean is 9: sd 3.
    generator = np.random.default_rng(5)
    variance = 9 * degrees / generator.chisquare(degrees, size=3000)
    value = generator.normal(size=(12, 3000, 1)) * np.sqrt(variance)[:, np.newaxis]

    noise = noise_of(value, periods=list(range(2000, 2012)))

    own_degrees = 11 / (1 + 10 / 22)
    assert_allclose(noise.degrees.mean() - own_degrees, degrees, rtol=0.2)
    # Shrunk, the estimates are nearer the truth than a municipality's own and than the pooled one.
    change = np.diff(value[:, :, 0], axis=0)
    own = (change**2 / 2).mean(axis=0)
    error = {
        name: np.median(np.abs(np.log(estimate / variance)))
        for name, estimate in (("own", own), ("pooled", own.mean()), ("it", noise.variance[:, 0]))
    }
    assert error["it"] < 0.95 * min(error["own"], error["pooled"])


def test_where_noises_are_alike_everybody_gets_nearly_the_pooled_one():
    value = np.random.default_rng(6).normal(size=(6, 290, 1))

    noise = noise_of(value)

    assert noise.degrees.min() > 50
    assert_allclose(noise.variance, noise.pooled[0], rtol=0.15)


def test_a_kpi_that_has_not_moved_in_most_municipalities_has_noise_all_the_same():
    # Whole numbers, of which two thirds stand still: their own variance is 0.
    value = np.zeros((6, 60, 1))
    value[:, :20, 0] = np.random.default_rng(7).integers(0, 2, (6, 20))

    noise = noise_of(value)

    assert np.isfinite(noise.variance).all()
    assert (noise.variance > 0).all()


@pytest.mark.parametrize(("judged", "n_left"), [(0, 4), (2, 3), (5, 4)])
def test_a_year_is_judged_by_the_changes_of_the_other_years(judged, n_left):
    generator = np.random.default_rng(8)
    sd = np.sqrt(4 / generator.chisquare(4, size=(290, 1)))
    value = generator.normal(size=(6, 290, 1)) * sd
    far_off = value.copy()
    far_off[judged, 0] += 6

    usual, noise = noise_of(value, judged=judged), noise_of(far_off, judged=judged)

    # One value of 1 740 changes a little what is common to all.
    assert_allclose(noise.variance[0], usual.variance[0], rtol=0.03)
    assert noise_of(far_off).variance[0] > 1.1 * noise.variance[0]
    prior_degrees = noise_of(value).degrees[0, 0] - 5 / (1 + 4 / 10)
    assert_allclose(usual.degrees - prior_degrees, n_left / (1 + (n_left - 1) / (2 * n_left)))
    assert usual.n_pairs == (5,)
