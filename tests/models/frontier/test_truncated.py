"""Truncated regression finds the one maximum, and says where there is none."""

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import log_ndtr
from scipy.stats import norm, truncnorm

from models.frontier.technology import FrontierError, Labels
from models.frontier.truncated import (
    TruncatedRegression,
    design,
    truncated_draws,
    truncated_regression,
    truncated_replicates,
)
from models.frontier.truncated_likelihood import moments
from tests.models.frontier.conftest import columns

LEFT = {"at": 1.0, "side": "left"}


def known(coefficient, sigma, *, at=1.0, side="left"):
    coefficient = np.asarray(coefficient, dtype=float)
    return TruncatedRegression(
        coefficient, sigma, np.zeros(len(coefficient) + 1), 0.0, "converged", at, side
    )


def world(seed, n, coefficient, sigma, *, draws=1):
    """Return regressors and draws of distances with a known regression, by SciPy's truncnorm."""
    generator = np.random.default_rng(seed)
    regressors = generator.normal(size=(n, len(coefficient) - 1))
    centre = coefficient[0] + regressors @ coefficient[1:]
    distance = truncnorm.rvs(
        (1 - centre) / sigma, np.inf, centre, sigma, size=(draws, n), random_state=generator
    )
    return regressors, distance if draws > 1 else distance[0]


def log_likelihood(estimate, dependent, regressors):
    centre, sigma = estimate[0] + regressors @ estimate[1:-1], estimate[-1]
    return np.sum(norm.logpdf(dependent, centre, sigma) - log_ndtr((centre - 1) / sigma))


def numerical_hessian(function, place, step):
    eye = np.diag(step)
    at = np.arange(len(place))
    return np.array(
        [
            [
                sum(
                    a * b * function(place + a * eye[i] + b * eye[j])
                    for a in (1, -1)
                    for b in (1, -1)
                )
                / (4 * step[i] * step[j])
                for j in at
            ]
            for i in at
        ]
    )


# From hardly cut off at all to almost nothing seen: the centre is 10, 2, 0 or -3 sigmas from 1.
@pytest.mark.parametrize("constant", [11.0, 3.0, 1.0, -2.0])
def test_no_estimates_near_by_are_more_likely(constant):
    regressors, distance = world(1, 400, [constant, 0.3, -0.2], 1.0)

    found = truncated_regression(distance, regressors, **LEFT)

    estimate = np.append(found.coefficient, found.sigma)
    assert found.status == "converged"
    assert_allclose(
        found.log_likelihood, log_likelihood(estimate, distance, regressors), rtol=1e-10
    )
    for move in np.diag(found.standard_error):
        for size in (1e-3, -1e-3, 0.3, -0.3):
            moved = log_likelihood(estimate + size * move, distance, regressors)
            assert moved < found.log_likelihood


# On both sides of the three sigmas where the continued fraction takes over, and far beyond.
@pytest.mark.parametrize("centre", [-500.0, -30.0, -5.0, -3.01, -2.99, 0.0, 4.0])
def test_moments_of_the_positive_part_are_those_of_quadrature(centre):
    width = 1 / max(1.0, -centre)
    end = 60.0 if centre < 0 else centre + 40

    def integral(power):
        return quad(
            lambda x: (x * width) ** power * np.exp(centre * x * width - 0.5 * (x * width) ** 2),
            0, end, epsabs=0, epsrel=1e-13, limit=500, points=[max(centre, 1.0)],
        )[0]  # fmt: skip

    moment = np.empty(4)
    mills = moments(centre, moment)

    whole = integral(0)
    assert_allclose(moment, [integral(power) / whole for power in (1, 2, 3, 4)], rtol=1e-11)
    assert_allclose(mills, np.log(whole * width), rtol=1e-11)


def test_standard_errors_are_those_of_a_numerical_curvature():
    regressors, distance = world(2, 300, [1.2, 0.4], 0.6)

    found = truncated_regression(distance, regressors * [100.0], **LEFT)

    estimate = np.append(found.coefficient, found.sigma)
    hessian = numerical_hessian(
        lambda place: log_likelihood(place, distance, regressors * 100.0),
        estimate,
        1e-2 * found.standard_error,
    )
    assert_allclose(found.standard_error, np.sqrt(np.diag(np.linalg.inv(-hessian))), rtol=1e-4)


def test_truncated_regression_finds_the_slope_that_least_squares_flattens():
    regressors, distance = world(3, 20_000, [1.0, 0.5], 0.5)

    found = truncated_regression(distance, regressors, **LEFT)

    flat = np.polyfit(regressors[:, 0], distance, 1)[0]
    assert_allclose(found.coefficient, [1.0, 0.5], atol=0.04)
    assert_allclose(found.sigma, 0.5, atol=0.02)
    assert flat < 0.35


def test_estimates_of_many_samples_spread_as_the_standard_errors_say():
    truth = [1.5, 0.3, 0.0]
    regressors, distance = world(4, 400, truth, 0.5, draws=400)
    plan = design(regressors)
    errors = [truncated_regression(each, regressors, **LEFT).standard_error for each in distance]

    estimates = truncated_replicates(known(truth, 0.5), plan, distance)

    assert_allclose(estimates.mean(axis=0), [*truth, 0.5], atol=0.02)
    assert_allclose(estimates.std(axis=0), np.mean(errors, axis=0), rtol=0.15)


def test_replicates_are_what_estimating_each_alone_gives():
    regressors, distance = world(5, 40, [-0.5, 0.3], 0.7, draws=30)

    together = truncated_replicates(known([-0.5, 0.3], 0.7), design(regressors), distance)

    has_maximum = np.isfinite(together).all(axis=1)
    assert 0 < has_maximum.sum() < 30
    for each, estimate, is_found in zip(distance, together, has_maximum, strict=True):
        alone = truncated_regression(each, regressors, **LEFT)
        assert (alone.status == "converged") == is_found
        if is_found:
            assert_allclose([*alone.coefficient, alone.sigma], estimate, rtol=1e-6)


# The regressor says nothing, so this is Castillo's condition for one sample: there is a maximum
# where the mean square is below twice the squared mean. (1, 1, 8) has 22 and 22.2; (1, 1, 9) has
# 27.7 and 26.9.
@pytest.mark.parametrize(
    ("beyond", "status"),
    [
        ([1, 2, 3], "converged"),
        ([1, 1, 8], "converged"),
        ([1, 1, 9], "no_maximum"),
        ([1, 1, 1000], "no_maximum"),
    ],
)
def test_a_maximum_exists_where_values_thin_out_faster_than_exponentially(beyond, status):
    distance = 1 + np.array([*beyond, *beyond], dtype=float)
    group = np.repeat([0.0, 1.0], len(beyond))

    found = truncated_regression(distance, group, **LEFT)

    exponential = -len(distance) * (1 + np.log(np.mean(beyond)))
    assert found.status == status
    if status == "converged":
        assert_allclose(found.coefficient[1], 0, atol=1e-6 * found.sigma)
        assert found.log_likelihood > exponential
    else:
        assert np.isnan([*found.coefficient, found.sigma, *found.standard_error]).all()
        assert np.isnan(found.log_likelihood)


def test_every_sample_has_a_maximum_or_is_known_to_have_none():
    # The centre is two sigmas beyond the cut, so that one in nine of these samples has none.
    regressors, distance = world(11, 25, [-1.0, 0.5], 1.0, draws=2000)

    found = [truncated_regression(each, regressors, **LEFT).status for each in distance]

    assert set(found) == {"converged", "no_maximum"}


def test_near_the_exponential_limit_no_digits_are_lost():
    # (1, 1, 8) is close to the limit: sigma is many times the values, and the centre far beyond 1.
    distance = 1 + np.array([1.0, 1, 8, 1, 1, 8])

    found = truncated_regression(distance, np.repeat([0.0, 1.0], 3), **LEFT)

    # At a maximum the fitted distribution has the mean and the mean square of the values.
    beyond = (1 - found.coefficient[0]) / found.sigma
    fitted = truncnorm(beyond, np.inf, found.coefficient[0], found.sigma)
    assert beyond > 5
    assert_allclose(fitted.mean(), distance.mean(), rtol=1e-6)
    assert_allclose(fitted.var(), distance.var(), rtol=1e-4)


def test_a_point_far_from_all_values_leaves_least_squares():
    regressors, distance = world(6, 100, [5.0, 0.3], 0.5)

    found = truncated_regression(distance, regressors, at=-30.0, side="left")

    slope, constant = np.polyfit(regressors[:, 0], distance, 1)
    assert_allclose(found.coefficient, [constant, slope], rtol=1e-9)
    assert_allclose(found.sigma, np.std(distance - constant - slope * regressors[:, 0]), rtol=1e-7)


@settings(max_examples=25, deadline=None)
@drawn(
    seed=st.integers(0, 2**32 - 1),
    of_regressor=st.sampled_from([-1e6, -1.0, 1e-7, 3.0, 1e9]),
    origin=st.sampled_from([0.0, 2015.0, -50.0]),
    of_value=st.sampled_from([1e-6, 0.5, 1e5]),
)
def test_units_and_origins_only_rescale(seed, of_regressor, origin, of_value):
    regressors, distance = world(seed, 80, [1.6, 0.3, -0.1], 0.4)
    before = truncated_regression(distance, regressors, **LEFT)

    after = truncated_regression(
        distance * of_value,
        (regressors + origin) * [of_regressor, 1.0],
        at=of_value,
        side="left",
    )

    slopes = before.coefficient[1:] * of_value / [of_regressor, 1.0]
    assert_allclose(after.coefficient[1:], slopes, rtol=1e-6, atol=1e-9 * of_value)
    assert_allclose(after.sigma, before.sigma * of_value, rtol=1e-7)
    assert_allclose(
        after.standard_error[1:-1],
        before.standard_error[1:-1] * of_value / np.abs([of_regressor, 1.0]),
        rtol=1e-5,
    )
    assert_allclose(
        after.log_likelihood, before.log_likelihood - 80 * np.log(of_value), rtol=1e-9, atol=1e-8
    )


@settings(max_examples=15, deadline=None)
@drawn(seed=st.integers(0, 2**32 - 1))
def test_the_right_side_is_the_left_side_turned_and_order_does_not_matter(seed):
    regressors, distance = world(seed, 80, [1.6, 0.3], 0.4)
    order = np.random.default_rng(seed).permutation(80)
    left = truncated_regression(distance, regressors, **LEFT)

    right = truncated_regression(2 - distance[order], regressors[order], at=1.0, side="right")

    assert_allclose(right.coefficient, [2 - left.coefficient[0], -left.coefficient[1]], rtol=1e-6)
    assert_allclose(right.standard_error, left.standard_error, rtol=1e-6)
    assert_allclose(right.log_likelihood, left.log_likelihood, rtol=1e-9)


# The centre is 5, 0, -3 and -40 sigmas from the point.
@pytest.mark.parametrize("constant", [3.5, 1.0, -0.5, -19.0])
@pytest.mark.parametrize("side", ["left", "right"])
def test_draws_have_the_mean_and_spread_of_the_truncated_normal(constant, side):
    regression = known([constant if side == "left" else 2 - constant, 0.0], 0.5, side=side)
    plan = design(np.array([0.0, 1.0]))

    values = truncated_draws(
        regression, plan, draws=40_000, generator=np.random.default_rng(1)
    ).ravel()

    beyond = values - 1 if side == "left" else 1 - values
    expected = truncnorm((1 - constant) / 0.5, np.inf, constant - 1, 0.5)
    assert (beyond >= 0).all()
    assert_allclose(beyond.mean(), expected.mean(), rtol=0.02)
    assert_allclose(beyond.std(), expected.std(), rtol=0.03)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1.0, 0.8])
def test_a_value_that_could_not_be_seen_is_refused_by_name(value):
    regressors, distance = world(7, 30, [2.0, 0.3], 0.4)
    distance[4] = value
    labels = Labels(dmu=[f"kommun {row}" for row in range(30)])

    with pytest.raises(FrontierError, match=f"kommun 4 has the dependent value {value:g}"):
        truncated_regression(distance, regressors, labels=labels, **LEFT)


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_regressor_that_is_no_number_is_refused_by_name(value):
    regressors, distance = world(8, 30, [2.0, 0.3, 0.1], 0.4)
    regressors[[2, 9], 1] = value

    with pytest.raises(FrontierError, match=rf"row 3 has density = {value:g}; row 10 has density"):
        truncated_regression(distance, regressors, names=["share", "density"], **LEFT)


def test_regressors_that_cannot_be_told_apart_are_refused_by_name():
    regressors, distance = world(9, 30, [2.0, 0.3, 0.1], 0.4)
    names = ["young", "old", "rest"]
    same = np.column_stack([regressors, 100 - regressors.sum(axis=1)])
    constant = np.column_stack([regressors, np.full(30, 0.1)])

    with pytest.raises(FrontierError, match="rest is a combination of the constant, young, old,"):
        truncated_regression(distance, same, names=names, **LEFT)
    with pytest.raises(FrontierError, match=r"rest is 0\.1 in all 30 rows, and the constant is"):
        truncated_regression(distance, constant, names=names, **LEFT)


def test_shapes_that_do_not_fit_are_refused():
    regressors, distance = world(10, 30, [2.0, 0.3], 0.4)

    with pytest.raises(FrontierError, match=r"shape \(29,\), and the regressors 30 rows"):
        truncated_regression(distance[1:], regressors, **LEFT)
    with pytest.raises(FrontierError, match=r"regressors have the shape \(30, 0\)"):
        truncated_regression(distance, regressors[:, :0], **LEFT)
    with pytest.raises(FrontierError, match="2 names were given for 1 regressors"):
        truncated_regression(distance, regressors, names=["a", "b"], **LEFT)
    with pytest.raises(FrontierError, match="1 names were given for 30 rows"):
        truncated_regression(distance, regressors, labels=Labels(dmu=["a"]), **LEFT)
    with pytest.raises(FrontierError, match="3 rows cannot give 2 coefficients and sigma"):
        truncated_regression(distance[:3], regressors[:3], **LEFT)
    with pytest.raises(FrontierError, match="Unknown side 'above'"):
        truncated_regression(distance, regressors, at=1.0, side="above")


def test_values_that_the_regressors_explain_in_full_are_refused():
    regressor = np.arange(10.0)

    with pytest.raises(FrontierError, match="so that sigma is 0"):
        truncated_regression(2 + 3 * regressor, regressor, **LEFT)


@pytest.mark.shared
def test_the_hospitals_have_the_estimates_of_truncreg(answers):
    table = answers("R16_hospitals_second_stage")
    score, environment = columns(table, "eff_vrs_in").ravel(), columns(table, "z1")
    is_used = score < 1 - 1e-7

    found = truncated_regression(1 / score[is_used], environment[is_used], **LEFT)

    assert is_used.sum() == 176
    assert_allclose(found.coefficient, [0.62597343851, -0.00011190218352], rtol=0, atol=1e-5)
    assert_allclose(found.sigma, 0.48850622463, rtol=0, atol=1e-5)
    assert_allclose(found.log_likelihood, 54.2280180674, rtol=0, atol=1e-9)
