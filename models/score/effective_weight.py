"""How much each indicator really decides a composite, beside the weight it was given.

A weight is what an indicator is declared to count for. What it decides depends also on how much
it varies and on what it goes together with: an indicator on which all are alike decides nothing,
two that move together decide twice. Both measures here are shares of the composite's variance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.panel import FloatArray
from models.score.index import weighted_mean

FEWEST = 10  # complete municipalities; a curve through fewer is a picture of chance
BANDWIDTHS = np.append(np.geomspace(0.1, 10, 21), np.inf)  # sd of the indicator; inf is a line
SINGULAR = 1e-10  # of its size; below it a slope is made of rounding
MOST_STEPS = 10_000
CLOSE = 1e-12  # of all variance; the shares are then as asked for


@dataclass(frozen=True, slots=True)
class EffectiveWeights:
    """Declared and real importance, in the order of the indicators."""

    declared: FloatArray  # (k,), the weights, to sum to 1
    linear: FloatArray  # (k,), 0-1: variance of the composite that a straight line explains
    smooth: FloatArray  # (k,), 0-1: that a smooth curve explains, beyond what chance would
    bandwidth: FloatArray  # (k,), of the curve, in the indicator's unit; inf: a straight line
    n_complete: int  # municipalities that have all indicators and the composite

    @property
    def smooth_share(self) -> FloatArray:
        """`smooth` to sum to 1, which is what compares with `declared`; NaN if all are 0."""
        return _to_sum_1(self.smooth)

    @property
    def linear_share(self) -> FloatArray:
        """`linear` to sum to 1; NaN if all are 0."""
        return _to_sum_1(self.linear)


def variance_shares(scores: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Divide the variance of a weighted mean among its indicators.

    The share of indicator i is w_i cov(x_i, y) / var(y), with w to sum to 1: its own variance and
    half of what it has together with each of the others. The shares sum to 1. One may be negative:
    the indicator then works against the rest, and the composite hides it.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        Normalised, better the higher; NaN is missing, and only complete rows count.
    weights : array, shape (k,)
        Positive; only their ratios matter.

    Returns
    -------
    array, shape (..., k)
        Shares; NaN where fewer than two rows are complete or the composite is the same for all.

    Raises
    ------
    ValueError
        If there is not one positive, finite weight per indicator.

    References
    ----------
    Becker, Saisana, Paruolo and Vandecasteele (2017), Ecol. Indic. 80, 12-22, on why weights are
    not importance.
    """
    scores = np.asarray(scores, dtype=np.float64)
    composite = weighted_mean(scores, weights)
    weights = np.asarray(weights, dtype=np.float64)
    is_complete = ~np.isnan(composite)
    count = np.maximum(np.sum(is_complete, axis=-1), 1)
    there = np.where(is_complete[..., np.newaxis], scores, 0.0)
    centred = there - (there.sum(axis=-2) / count[..., np.newaxis])[..., np.newaxis, :]
    centred = np.where(is_complete[..., np.newaxis], centred, 0.0)
    part = weights / weights.sum() * centred
    whole = part.sum(axis=-1)
    shares: FloatArray = np.einsum("...nk,...n->...k", part, whole)
    square = np.sum(whole**2, axis=-1)[..., np.newaxis]
    largest = np.max(np.abs(there), axis=(-2, -1), initial=0.0)[..., np.newaxis]
    varies = square > (SINGULAR * largest) ** 2
    return np.where(varies, shares / np.where(varies, square, 1.0), np.nan)


def effective_weights(
    scores: ArrayLike, composite: ArrayLike, weights: ArrayLike
) -> EffectiveWeights:
    """Say how much of a composite's variance each indicator explains by itself.

    It is the share Var(E[y | x_i]) / Var(y), the first-order sensitivity index or Pearson's
    correlation ratio: by how much the variance would fall, on average, if the indicator were
    known. E[y | x_i] is estimated twice: by a straight line, which gives the squared correlation,
    and by a local line with Gaussian weights, whose bandwidth (0.1 to 10 standard deviations, or
    boundless) predicts best who is left out. The curve's share is counted from the variance that
    it leaves per degree of freedom, because a curve explains something of anything. The composite
    may be made in any way.

    Parameters
    ----------
    scores : array, shape (n, k)
        The indicators, in any unit; NaN is missing.
    composite : array, shape (n,)
        What was made of them; NaN is missing.
    weights : array, shape (k,)
        What they were declared to count for in the composite as a whole; only ratios matter.

    Returns
    -------
    EffectiveWeights
        Of the rows that are complete. What indicators have in common counts for each of them, so
        the shares of correlated ones sum to more than 1. An indicator on which all are alike
        explains 0.

    Raises
    ------
    ValueError
        If shapes or weights do not fit, a value is infinite, fewer than ten rows are complete, or
        the composite is the same for all of them.

    References
    ----------
    Paruolo, Saisana and Saltelli (2013), J. R. Stat. Soc. A 176(3), 609-634.
    Fan and Gijbels (1996), Local Polynomial Modelling and Its Applications.
    """
    scores = np.asarray(scores, dtype=np.float64)
    composite = np.asarray(composite, dtype=np.float64)
    if scores.ndim != 2 or composite.shape != scores.shape[:1]:
        raise ValueError(
            f"The scores have the shape {scores.shape}, the composite {composite.shape}. Give one "
            "row per municipality in both, in the same order."
        )
    if np.isinf(scores).any() or np.isinf(composite).any():
        raise ValueError("A score or the composite is infinite. Set it aside first.")
    is_complete = ~np.isnan(weighted_mean(scores, weights) + composite)
    x, y = scores[is_complete], composite[is_complete]
    if len(y) < FEWEST:
        raise ValueError(
            f"{len(y)} municipalities have all indicators and the composite. At least {FEWEST} "
            "are needed: leave out the indicator that most lack."
        )
    if np.ptp(y) <= SINGULAR * np.max(np.abs(y)):
        raise ValueError(
            f"The composite is {y[0]:g} for all {len(y)} municipalities. Nothing decides it: look "
            "at how it was made."
        )
    linear, smooth, bandwidth = np.transpose([_explained(column, y) for column in x.T])
    weights = np.asarray(weights, dtype=np.float64)
    return EffectiveWeights(
        declared=weights / weights.sum(),
        linear=linear,
        smooth=smooth,
        bandwidth=bandwidth,
        n_complete=len(y),
    )


def weights_for(scores: ArrayLike, shares: ArrayLike) -> FloatArray:
    """Return the weights under which indicators decide what they are said to decide.

    They are the ones positive weights whose `variance_shares` are the shares asked for: the least
    of w'Cw / 2 - sum(share log w), C being the covariance, found one weight at a time.

    Parameters
    ----------
    scores : array, shape (n, k)
        Normalised, better the higher; NaN is missing, and only complete rows count.
    shares : array, shape (k,)
        Positive; only their ratios matter.

    Returns
    -------
    array, shape (k,)
        Positive, to sum to 1.

    Raises
    ------
    ValueError
        If there is not one positive, finite share per indicator; if an indicator is the same for
        all, or indicators cancel each other, so that no weights will do.

    References
    ----------
    Maillard, Roncalli and Teiletche (2010), J. Portf. Manag. 36(4), 60-70, on equal shares of risk.
    Becker, Saisana, Paruolo and Vandecasteele (2017), Ecol. Indic. 80, 12-22.
    """
    scores = np.asarray(scores, dtype=np.float64)
    complete = scores[~np.isnan(weighted_mean(scores, shares))]
    target = np.asarray(shares, dtype=np.float64)
    target = target / target.sum()
    if len(complete) < FEWEST:
        raise ValueError(
            f"{len(complete)} municipalities have all indicators. At least {FEWEST} are needed: "
            "leave out the indicator that most lack."
        )
    spread = np.std(complete, axis=0)
    if np.any(spread <= SINGULAR * np.max(np.abs(complete), axis=0)):
        raise ValueError("An indicator is the same for all and decides nothing. Leave it out.")
    standard = (complete - complete.mean(axis=0)) / spread
    correlation = np.einsum("ni,nj->ij", standard, standard) / len(standard)
    weight = np.sqrt(target)
    for _ in range(MOST_STEPS):
        for i in range(weight.size):
            others = correlation[i] @ weight - correlation[i, i] * weight[i]
            weight[i] = (np.sqrt(others**2 + 4 * target[i]) - others) / 2
        if np.max(np.abs(weight * (correlation @ weight) - target)) < CLOSE:
            found: FloatArray = weight / spread
            return found / np.sum(found)
    raise ValueError(
        "No positive weights give these shares: indicators cancel each other. Leave one out, or "
        "turn the one whose direction is wrong."
    )


def _to_sum_1(importance: FloatArray) -> FloatArray:
    total = np.sum(importance)
    return importance / total if total > 0 else np.full_like(importance, np.nan)


def _explained(x: FloatArray, y: FloatArray) -> tuple[float, float, float]:
    """Return what a line and a curve explain of y, and the curve's bandwidth."""
    spread = np.std(x)
    if spread <= SINGULAR * np.max(np.abs(x)):
        return 0.0, 0.0, np.inf
    distance = (x - x[:, np.newaxis]) / spread
    least, curve, best = np.inf, 0.0, np.inf
    for bandwidth in BANDWIDTHS[::-1]:  # of equally good ones the smoothest
        smoother = _local_line(distance, bandwidth)
        own = 1 - np.diag(smoother)
        if np.isnan(smoother).any() or np.min(own) < SINGULAR:
            continue  # somebody is alone within this bandwidth
        residual = y - smoother @ y
        error = float(np.mean((residual / own) ** 2))
        if error < least * (1 - SINGULAR):
            unexplained = np.sum(residual**2) / np.sum(own)  # n less the degrees of freedom
            least, best = error, bandwidth
            curve = 1 - float(unexplained / np.var(y, ddof=1))
    line = float(np.corrcoef(x, y)[0, 1] ** 2)
    return line, max(curve, 0.0), float(best * spread)


def _local_line(distance: FloatArray, bandwidth: float) -> FloatArray:
    """Return the matrix that turns y into its local line; rows of NaN where there is none."""
    kernel = np.exp(-((distance / bandwidth) ** 2) / 2)
    first = (kernel * distance).sum(axis=1, keepdims=True)
    second = (kernel * distance**2).sum(axis=1, keepdims=True)
    size = kernel.sum(axis=1, keepdims=True) * second
    weight = kernel * (second - first * distance)
    total = size - first**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(total > SINGULAR * size, weight / total, np.nan)
