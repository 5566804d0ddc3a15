"""The error of a stochastic frontier: noise either way, less inefficiency, which is never negative.

How likely is a residual when noise is normal and inefficiency is half-normal, truncated normal or
exponential, alone or shared by the periods of one DMU? Where is that likelihood largest? And given
the residual, how much of it is inefficiency? All the models are one integral, so the likelihood is
written once: given the residuals, inefficiency is a normal variable cut off at zero, whatever it
was before.

Everything is in standard form: residuals in their standard deviation under least squares,
regressors orthogonal. So the units of the data do not touch the search.
"""

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtri_exp

from models.frontier.technology import FloatArray, IntArray

Inefficiency = Literal["half_normal", "truncated_normal", "exponential"]
FitStatus = Literal["optimal", "no_inefficiency", "no_noise", "at_limit", "not_converged"]
INEFFICIENCIES: tuple[Inefficiency, ...] = ("half_normal", "truncated_normal", "exponential")
MEAN_BY_SIZE = {"half_normal": float(np.sqrt(2 / np.pi)), "truncated_normal": 1, "exponential": 1}
LOG_2PI = float(np.log(2 * np.pi))
FAR_TAIL = -50.0  # below it the mean above zero cancels, and a series of five terms is better
SHARES = (0.1, 0.5, 0.9, 0.99)  # of the residuals' variance that a start gives to inefficiency
CENTRES = (-3.0, 0.0, 2.0)  # starts of the truncated normal's location
DECAYS = (-0.5, 0.0, 0.5)  # starts of the fall of log inefficiency over the whole panel
LEAST = 1e-2  # of the residuals' deviation: noise or inefficiency below it is none
MOST = 1e3  # of the same
FARTHEST = 30.0  # a normal so far from zero, in its deviation, is exponential, or not cut off
STEEPEST = 10.0  # fall of log inefficiency over the panel
NO_GAIN = 1e-6  # of the log-likelihood over least squares: inefficiency is not to be seen
FLAT = 1e-3  # of the same, where a search ends short of that boundary
CONVERGED = 1e-9  # what a further Newton step would add to the log-likelihood
DIFFERENCE = 1e-5  # step of central differences, of numbers of the order of 1
LEAST_CURVATURE = 1e-10  # of the largest; less is rounding
LENGTHS = 4.0 ** -np.arange(12)  # of a Newton step, tried until the likelihood rises
LONGEST = 2.0  # step of any parameter; most are logs
NEWTON_STEPS = 200


@dataclass(frozen=True, slots=True)
class ComposedError:
    """Residuals in standard form and what their inefficiency depends on."""

    residual: FloatArray  # (n,), of least squares, unit variance; inefficiency lowers it
    basis: FloatArray  # (n, k), the regressors' span; columns of mean square 1, the first all 1
    dmu: IntArray  # (n,), 0 to n_dmu - 1: rows that share one inefficiency
    since_last: FloatArray  # (n,), time from the last period, -1 to 0; all 0 without decay
    effects: FloatArray  # (n_dmu, p), centred, orthogonal, mean square 1; p may be 0
    inefficiency: Inefficiency
    has_decay: bool

    @property
    def n_frontier(self) -> int:
        """How many coefficients the frontier has, the constant included."""
        return int(self.basis.shape[1])

    @property
    def n_dmu(self) -> int:
        """How many inefficiencies there are."""
        return len(self.effects)

    @property
    def n_shape(self) -> int:
        """How many parameters inefficiency has beside its size."""
        is_truncated = self.inefficiency == "truncated_normal"
        return int(is_truncated) + int(self.effects.shape[1]) + int(self.has_decay)

    @property
    def least_squares(self) -> float:
        """The log-likelihood without inefficiency, where the variance is 1."""
        return -len(self.residual) * (LOG_2PI + 1) / 2


@dataclass(frozen=True, slots=True)
class Parameters:
    """What a vector of parameters says, in standard form."""

    shift: FloatArray  # (k,), of the frontier from least squares, along the basis
    size: float  # sigma_u at the mean of the effects; mean inefficiency of the truncated normal
    sigma_v: float
    sigma_u: FloatArray  # (n_dmu,), of the normal before it is cut off; mean of the exponential
    location: FloatArray  # (n_dmu,), mean of the normal before it is cut off, in sigma_u
    slope: FloatArray  # (p,), of location or log sigma_u along the effects
    centre: float  # location at the mean of the effects
    decay: float  # fall of log inefficiency from the first period to the last


@dataclass(frozen=True, slots=True)
class End:
    """Where a search of the likelihood's maximum ended."""

    theta: FloatArray
    value: float  # log-likelihood of the standard form
    status: FitStatus


@dataclass(frozen=True, slots=True)
class Conditional:
    """Inefficiency of every row given the residuals: a normal variable cut off at zero."""

    ratio: FloatArray  # (n,), mean of the normal before it is cut off, in its deviation
    deviation: FloatArray  # (n,), of the same, in standard form

    @property
    def mean(self) -> FloatArray:
        """E[u | e], shape (n,): the estimator of Jondrow et al. (1982)."""
        return self.deviation * _mean_above_zero(self.ratio)

    @property
    def mode(self) -> FloatArray:
        """The likeliest u given e, shape (n,); 0 where the normal has its top below it."""
        return self.deviation * np.maximum(self.ratio, 0.0)

    def efficiency(self, scale: float) -> FloatArray:
        """E[exp(-u) | e], shape (n,), with `scale` of the data's units in a standard unit.

        The estimator of Battese and Coelli (1988), J. Econom. 38(3), 387-399.
        """
        moved = self.ratio - scale * self.deviation
        log_ratio: FloatArray = _log_scaled_cdf(moved) - _log_scaled_cdf(self.ratio)
        return np.exp(log_ratio)

    def exceeded(self, share: float) -> FloatArray:
        """The inefficiency, shape (n,), that a share of the conditional distribution exceeds.

        Horrace and Schmidt (1996), J. Prod. Anal. 7, 257-282.
        """
        beyond: FloatArray = ndtri_exp(np.log(share) + log_ndtr(self.ratio))
        return np.maximum(self.deviation * (self.ratio - beyond), 0.0)


def unpacked(theta: FloatArray, error: ComposedError) -> Parameters:
    """Read a vector of parameters.

    Parameters
    ----------
    theta : array, shape (k + 2 + n_shape,)
        Shift of the frontier, less mean inefficiency in the first place; log sigma_v; log size;
        location at the mean of the effects, for the truncated normal; slopes along the effects;
        decay. Size is sigma_u, but for the truncated normal the mean inefficiency. So there are no
        ridges: frontier and inefficiency rise together without moving the residuals' mean, and
        location falls and sigma_u rises while the distribution hardly changes.
    error : ComposedError
        Of which data.

    Returns
    -------
    Parameters
        For the exponential the location is 0 and without meaning.
    """
    k, p = error.n_frontier, error.effects.shape[1]
    is_truncated = error.inefficiency == "truncated_normal"
    first = k + 2 + int(is_truncated)
    slope, size = theta[first : first + p], float(np.exp(theta[k + 1]))
    along = np.einsum("gp,p->g", error.effects, slope)
    centre = float(theta[k + 2]) if is_truncated else 0.0
    if is_truncated:
        sigma_u = np.full(error.n_dmu, size / _mean_above_zero(np.array(centre)))
        location = centre + along
    else:
        sigma_u, location = size * np.exp(along), np.zeros(error.n_dmu)
    shift = theta[:k].copy()
    shift[0] += size * MEAN_BY_SIZE[error.inefficiency]
    return Parameters(
        shift=shift,
        size=size,
        sigma_v=float(np.exp(theta[k])),
        sigma_u=sigma_u,
        location=location,
        slope=slope,
        centre=centre,
        decay=float(theta[-1]) if error.has_decay else 0.0,
    )


def log_likelihood(theta: FloatArray, error: ComposedError) -> tuple[float, FloatArray]:
    """Return the log-likelihood of the standard form and its gradient.

    The gradient is the expectation, given the residuals, of the gradient that would be had if
    inefficiency were seen (Fisher's identity), so the first two conditional moments give all of it.

    Parameters
    ----------
    theta : array, shape (k + 2 + n_shape,)
        As in `unpacked`.
    error : ComposedError
        Of which data.

    Returns
    -------
    float
        Of all rows.
    array, of the shape of theta
        Its gradient.

    References
    ----------
    Aigner, Lovell and Schmidt (1977), J. Econom. 6(1), 21-37.
    Stevenson (1980), J. Econom. 13(1), 57-66, on the truncated normal.
    Battese and Coelli (1992), J. Prod. Anal. 3, 153-169, on panels; (1995), Empir. Econ. 20,
    325-332, on effects.
    """
    known = unpacked(theta, error)
    k, noise = error.n_frontier, known.sigma_v**-2
    is_exponential = error.inefficiency == "exponential"
    e, factor, ratio, deviation = _posterior(known, error)
    ee, fe, ff = (_per_dmu(each, error) for each in (e * e, factor * e, factor * factor))
    count = _per_dmu(np.ones_like(e), error)

    value = -count * (LOG_2PI / 2 + np.log(known.sigma_v)) - ee * noise / 2
    value += np.log(deviation / known.sigma_u) + _log_scaled_cdf(ratio)
    value += LOG_2PI / 2 if is_exponential else -_log_scaled_cdf(known.location)

    above = _mean_above_zero(ratio)
    mean, square = deviation * above, deviation**2 * _square_above_zero(ratio, above)
    gradient = np.empty_like(theta)
    gradient[:k] = noise * np.einsum("nk,n->k", error.basis, e + factor * mean[error.dmu])
    gradient[k] = (noise * (ee + 2 * fe * mean + ff * square) - count).sum()
    in_sigma = mean / known.sigma_u
    if is_exponential:
        by_size = in_sigma - 1
    else:
        by_size = square / known.sigma_u**2 - known.location * in_sigma - 1
    along = by_size
    by_mean = gradient[0] * known.size * MEAN_BY_SIZE[error.inefficiency]
    gradient[k + 1] = by_size.sum() + by_mean
    first = k + 2
    if error.inefficiency == "truncated_normal":
        along = in_sigma - _mean_above_zero(known.location)
        centre = np.array(known.centre)
        at_centre = _mean_above_zero(centre)
        variance = _square_above_zero(centre, at_centre) - at_centre**2
        gradient[first] = along.sum() - by_size.sum() * float(variance / at_centre)
        first += 1
    gradient[first : first + len(known.slope)] = np.einsum("gp,g->p", error.effects, along)
    if error.has_decay:
        by_factor = -noise * (e * mean[error.dmu] + factor * square[error.dmu])
        gradient[-1] = -(by_factor * error.since_last * factor).sum()
    return float(value.sum()), gradient


def information(theta: FloatArray, error: ComposedError) -> FloatArray:
    """Return the observed information: central differences of the gradient, turned.

    Parameters
    ----------
    theta, error
        As in `log_likelihood`.

    Returns
    -------
    array, shape (len(theta), len(theta))
        Symmetric.
    """
    steps = DIFFERENCE * np.eye(len(theta))
    second = np.array(
        [
            log_likelihood(theta - step, error)[1] - log_likelihood(theta + step, error)[1]
            for step in steps
        ]
    )
    return np.asarray((second + second.T) / (4 * DIFFERENCE), dtype=np.float64)


def conditional(theta: FloatArray, error: ComposedError) -> Conditional:
    """Return the distribution of every row's inefficiency given the residuals.

    Parameters
    ----------
    theta, error
        As in `log_likelihood`.

    Returns
    -------
    Conditional
        The ratio is the same in all periods of a DMU; the deviation follows the decay.

    References
    ----------
    Jondrow, Lovell, Materov and Schmidt (1982), J. Econom. 19(2-3), 233-238.
    """
    _, factor, ratio, deviation = _posterior(unpacked(theta, error), error)
    return Conditional(ratio=ratio[error.dmu], deviation=deviation[error.dmu] * factor)


def ends(error: ComposedError) -> list[End]:
    """Search the maximum of the likelihood from every start.

    Each search is Newton's, with the curvature's sign turned where it is wrong, within bounds that
    mean a boundary of the model, until a further step would add less than 1e-9.

    Parameters
    ----------
    error : ComposedError
        Of which data.

    Returns
    -------
    list of End
        "optimal": the gradient is zero and the information positive definite. "no_inefficiency":
        the end is as good as least squares. "no_noise": sigma_v is at its bound. "at_limit":
        another parameter is at its. "not_converged": none of these.
    """
    k, p = error.n_frontier, error.effects.shape[1]
    is_truncated = error.inefficiency == "truncated_normal"
    n_of_each = int(is_truncated), p, int(error.has_decay)
    far = np.repeat([FARTHEST, FARTHEST, STEEPEST], n_of_each)
    high = np.concatenate([np.full(k, np.inf), np.full(2, np.log(MOST)), far])
    low = np.concatenate([np.full(k, -np.inf), np.full(2, np.log(LEAST)), -far])
    found = []
    for share, centre, decay in product(
        SHARES, CENTRES if is_truncated else (0.0,), DECAYS if error.has_decay else (0.0,)
    ):
        start = np.zeros(len(high))
        start[k] = np.log(1 - share) / 2
        start[k + 1] = np.log(_size(error.inefficiency, share, centre))
        start[k + 2 :] = np.repeat([centre, 0.0, decay], n_of_each)
        found.append(_end(start, low, high, error))
    return found


def _size(inefficiency: Inefficiency, variance: float, centre: float) -> float:
    """Return the size, as in `unpacked`, of inefficiency with a variance."""
    if inefficiency == "exponential":
        return float(np.sqrt(variance))
    ratio = np.array(centre)
    mean = _mean_above_zero(ratio)
    sigma_u = np.sqrt(variance / (_square_above_zero(ratio, mean) - mean**2))
    return float(sigma_u * mean if inefficiency == "truncated_normal" else sigma_u)


def _end(theta: FloatArray, low: FloatArray, high: FloatArray, error: ComposedError) -> End:
    value, gradient = log_likelihood(theta, error)
    has_converged = False
    for _ in range(NEWTON_STEPS):
        # What a bound holds back stays there; the rest moves.
        is_held = ((theta <= low) & (gradient < 0)) | ((theta >= high) & (gradient > 0))
        free = np.flatnonzero(~is_held)
        root, turn = np.linalg.eigh(information(theta, error)[np.ix_(free, free)])
        # Where the likelihood curves upwards the turned curvature leads away from the saddle.
        along = np.einsum("ij,i->j", turn, gradient[free])
        along = along / np.maximum(np.abs(root), np.abs(root).max() * LEAST_CURVATURE)
        step = np.zeros_like(theta)
        step[free] = np.einsum("ij,j->i", turn, along)
        step *= min(1.0, LONGEST / np.abs(step).max())
        if np.einsum("i,i->", gradient, step) / 2 < CONVERGED:
            has_converged = bool(root[0] > 0)
            break
        tried = (np.clip(theta + length * step, low, high) for length in LENGTHS)
        better = next((each for each in tried if log_likelihood(each, error)[0] > value), None)
        if better is None:
            break
        theta, (value, gradient) = better, log_likelihood(better, error)

    # Where inefficiency vanishes the likelihood is flat, and a search stops short of least squares.
    is_bound = (theta <= low) | (theta >= high)
    k = error.n_frontier
    is_flat = not has_converged or is_bound[k + 1]
    if abs(value - error.least_squares) <= (FLAT if is_flat else NO_GAIN):
        return End(theta, error.least_squares, "no_inefficiency")
    if not has_converged:
        return End(theta, value, "not_converged")
    if is_bound[k]:
        return End(theta, value, "no_noise")
    return End(theta, value, "at_limit" if is_bound.any() else "optimal")


def _posterior(
    known: Parameters, error: ComposedError
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return residuals and factors of the rows, and ratio and deviation of each DMU given them."""
    # einsum, for a threaded product is slow on so little and may round otherwise elsewhere.
    e = error.residual - np.einsum("nk,k->n", error.basis, known.shift)
    factor = np.exp(-known.decay * error.since_last)
    noise = known.sigma_v**-2
    if error.inefficiency == "exponential":
        precision, pull = np.zeros(error.n_dmu), -1 / known.sigma_u
    else:
        precision, pull = known.sigma_u**-2, known.location / known.sigma_u
    deviation = (_per_dmu(factor * factor, error) * noise + precision) ** -0.5
    ratio = (pull - _per_dmu(factor * e, error) * noise) * deviation
    return e, factor, ratio, deviation


def _per_dmu(values: FloatArray, error: ComposedError) -> FloatArray:
    return np.bincount(error.dmu, weights=values, minlength=error.n_dmu).astype(np.float64)


def _log_scaled_cdf(ratio: FloatArray) -> FloatArray:
    """Return log Phi(ratio) + ratio^2 / 2, which stays finite where Phi does not."""
    low: FloatArray = np.log(erfcx(-np.minimum(ratio, 0.0) / np.sqrt(2)) / 2)
    high = np.maximum(ratio, 0.0)
    return np.where(ratio < 0, low, log_ndtr(high) + high**2 / 2)


def _mean_above_zero(ratio: FloatArray) -> FloatArray:
    """Return the mean of a normal variable of this mean and deviation 1, cut off at zero."""
    near: FloatArray = ratio + np.sqrt(2 / np.pi) / erfcx(-ratio / np.sqrt(2))
    if ratio.min() >= FAR_TAIL:
        return near
    x = np.minimum(ratio, FAR_TAIL) ** -2.0
    series = np.sqrt(x) * (1 + x * (-3 + x * (15 - 105 * x))) / _mills(x)
    return np.where(ratio < FAR_TAIL, series, near)


def _square_above_zero(ratio: FloatArray, mean: FloatArray) -> FloatArray:
    """Return the mean square of the same variable, given its mean."""
    near = 1 + ratio * mean
    if ratio.min() >= FAR_TAIL:
        return near
    x = np.minimum(ratio, FAR_TAIL) ** -2.0
    series = x * (2 + x * (-12 + x * (90 - 840 * x))) / _mills(x)
    return np.where(ratio < FAR_TAIL, series, near)


def _mills(x: FloatArray) -> FloatArray:
    """Return Mills' ratio times t at t = x^(-1/2), by its asymptotic series."""
    return 1 + x * (-1 + x * (3 + x * (-15 + 105 * x)))
