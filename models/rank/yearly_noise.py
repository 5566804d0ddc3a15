"""How much an indicator moves from year to year for no lasting reason.

What moves up and down again is noise. Every municipality has few changes of its own, so what the
others' changes say of how large noises are, and how much they differ, is used for each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

from models.panel import BoolArray, FloatArray

IntArray = NDArray[np.int64]

FEWEST_PAIRS = 3  # of consecutive years; two changes cannot tell noise from one odd year
PAIR_SHARE = 0.5  # of the municipalities must have both years, or the pair does not count
MAD_TO_SD = 1.4826  # for normal noise
FARTHEST = 10.0  # sd; a change beyond it is an event or an error and counts as this much
PRIOR_DEGREES = 6.0  # behind the pooled variance where the municipalities cannot tell it
FEWEST_OWN = 20  # municipalities whose own variances tell how much variances differ
DEGREES = (1.0, 200.0)  # of freedom: with fewer there is no mean, with more all are alike
LEAST_OWN = 0.01  # of the pooled variance; a KPI in whole numbers may not have moved at all
LEAST_EIGENVALUE = 0.02  # of a correlation matrix
TINY = 1e-12  # keeps a division by an indicator without noise possible


@dataclass(frozen=True, slots=True)
class YearlyNoise:
    """The noise of every indicator as changes between years show it, in their own units."""

    variance: FloatArray  # (n_municipality, n_indicator), of one fresh value
    degrees: FloatArray  # (n_municipality, n_indicator), of freedom that it rests on
    pooled: FloatArray  # (n_indicator,), mean over the municipalities
    correlation: FloatArray  # (n_indicator, n_indicator), between indicators of a municipality
    n_pairs: tuple[int, ...]  # per indicator, the consecutive years it rests on


def yearly_noise(
    value: FloatArray,
    is_carried: BoolArray,
    *,
    periods: Sequence[int],
    breaks: Sequence[int] = (),
    judged: int | None = None,
) -> YearlyNoise:
    """Estimate every indicator's noise from changes between consecutive years.

    A change net of the country's (the median change of that year) is the difference of two
    noises, so its variance is twice that of one, plus what really changed: the estimate is an
    upper bound. The pooled variance is the mean square of all changes, those beyond four robust
    standard deviations cut to four.

    A municipality's own variance rests on few changes, so it is shrunk: towards the value and by
    the degrees of freedom that best explain how much the own variances differ (Smyth's empirical
    Bayes). n changes of one's own have n / (1 + (n - 1) / 2n) degrees of freedom, for two changes
    in a row share a year. Size is thereby allowed for without being known. Where fewer than 20
    municipalities have three changes it is shrunk towards the pooled one, with 6 degrees.

    A year's values should be judged by the other years. If its own changes took part, a value that
    happens to be far off would widen its own interval, and one that happens to be near narrow it.

    Parameters
    ----------
    value : array, shape (n_period, n_municipality, n_indicator)
        NaN is missing.
    is_carried : array of bool, the same shape
        A carried value is no new observation and takes no part.
    periods : sequence of int
        The years, ascending; years that do not follow on each other give no change.
    breaks : sequence of int
        Years that cannot be compared with the year before.
    judged : int, optional
        Position of the period whose values the noise is of. Changes to it and from it take no part
        in a municipality's own variance; everything that is common to all rests on all changes.

    Returns
    -------
    YearlyNoise
        With NaN as variance of an indicator without any pair of years.

    References
    ----------
    Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3(1), on shrinking variances.
    """
    fresh = np.where(is_carried, np.nan, value)
    change = np.diff(fresh, axis=0)
    comparable = np.diff(periods) == 1
    comparable &= ~np.isin(np.asarray(periods[1:], dtype=np.int64), breaks)
    n_both = np.sum(~np.isnan(change), axis=1)  # (n_pair, n_indicator)
    counts = comparable[:, np.newaxis] & (n_both >= PAIR_SHARE * value.shape[1])
    change = np.where(counts[:, np.newaxis, :], change, np.nan)
    change = change - _nanmedian(change, axis=1)[:, np.newaxis, :]

    n_indicator = value.shape[2]
    robust_sd = MAD_TO_SD * _nanmedian(np.abs(change).reshape(-1, n_indicator), axis=0)
    # Over half of the changes may be exactly 0, as in a KPI of whole numbers.
    limit = np.where(robust_sd > 0, FARTHEST * robust_sd, np.inf)
    change = np.clip(change, -limit, limit)
    square = change**2 / 2
    own, own_degrees, n_own = _own(square)
    n_all = np.sum(n_own, axis=0)
    pooled = np.where(n_all > 0, np.nansum(square, axis=(0, 1)) / np.maximum(n_all, 1), np.nan)
    centre, prior_degrees = np.empty(n_indicator), np.empty(n_indicator)
    for column in range(n_indicator):
        rests = n_own[:, column] >= FEWEST_PAIRS
        centre[column], prior_degrees[column] = _prior(
            own[rests, column], own_degrees[rests, column], pooled[column]
        )
    if judged is not None:
        own, own_degrees, _ = _own(np.delete(square, _touching(judged, len(square)), axis=0))
    degrees = prior_degrees + own_degrees
    variance = (prior_degrees * centre + own_degrees * own) / degrees
    return YearlyNoise(
        variance=variance,
        degrees=degrees,
        pooled=pooled,
        correlation=_correlation(change / np.sqrt(2 * np.maximum(variance, TINY))),
        n_pairs=tuple(int(n) for n in counts.sum(axis=0)),
    )


def floored(matrix: FloatArray, least: float) -> FloatArray:
    """Return a symmetric matrix with eigenvalues below a bound raised to it.

    Parameters
    ----------
    matrix : array, shape (k, k)
        Nearly symmetric.
    least : float
        The bound.

    Returns
    -------
    array, shape (k, k)
        Symmetric.
    """
    eigenvalue, vector = np.linalg.eigh((matrix + matrix.T) / 2)
    raised: FloatArray = (vector * np.maximum(eigenvalue, least)) @ vector.T
    return raised


def _own(square: FloatArray) -> tuple[FloatArray, FloatArray, IntArray]:
    """Return mean, degrees of freedom and number of squares of (n_pair, n_municipality, k)."""
    n = np.sum(~np.isnan(square), axis=0)
    degrees = n / (1 + (n - 1) / (2 * np.maximum(n, 1)))
    return np.nansum(square, axis=0) / np.maximum(n, 1), degrees, n


def _touching(position: int, n_pair: int) -> list[int]:
    """Return the pairs of periods that a period is one of."""
    return [pair for pair in (position - 1, position) if 0 <= pair < n_pair]


def _prior(own: FloatArray, degrees: FloatArray, pooled: float) -> tuple[float, float]:
    """Return what variances are shrunk towards and by how many degrees of freedom.

    The logarithms of own variances spread by chance, which is known, and because the true ones
    differ: what is beyond chance gives the degrees.
    """
    if own.size < FEWEST_OWN or not pooled > 0:
        return pooled, PRIOR_DEGREES
    half = degrees / 2
    logarithm = np.log(np.maximum(own, LEAST_OWN * pooled)) - special.digamma(half) + np.log(half)
    beyond = logarithm.var(ddof=1) - special.polygamma(1, half).mean()
    low, high = DEGREES
    if beyond <= special.polygamma(1, high / 2):
        prior = high
    elif beyond >= special.polygamma(1, low / 2):
        prior = low
    else:
        prior = 2 * optimize.brentq(
            lambda half: special.polygamma(1, half) - beyond, low / 2, high / 2
        )
    centre = np.exp(logarithm.mean() + special.digamma(prior / 2) - np.log(prior / 2))
    return float(centre), float(prior)


def _correlation(standard: FloatArray) -> FloatArray:
    """Return the correlation of the last axis over the others, of pairs that are both there."""
    flat = standard.reshape(-1, standard.shape[-1])
    there = (~np.isnan(flat)).astype(np.float64)
    filled = np.nan_to_num(flat)
    product = np.einsum("ri,rj->ij", filled, filled)
    scale = np.sqrt(np.einsum("ri,rj->ij", filled**2, there))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(product / (scale * scale.T))
    correlation = floored(correlation, LEAST_EIGENVALUE)
    diagonal = np.sqrt(np.diag(correlation))
    unit: FloatArray = correlation / np.outer(diagonal, diagonal)
    return unit


def _nanmedian(values: FloatArray, *, axis: int) -> FloatArray:
    """Return the median without NaN; NaN, without a warning, where there is nothing else."""
    if values.shape[axis] == 0:
        return np.full(np.delete(values.shape, axis), np.nan)
    nothing = np.isnan(values).all(axis=axis, keepdims=True)
    median = np.nanmedian(np.where(nothing, 0.0, values), axis=axis)
    return np.where(np.squeeze(nothing, axis=axis), np.nan, median)
