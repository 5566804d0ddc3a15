"""Scores as they might have been: drawn from the smoothed distribution of those that were found.

Scores end at the frontier, and many are on it, so a plain kernel would put DMUs beyond it.
"""

from typing import Literal

import numpy as np

from models.frontier.technology import FloatArray, FrontierError, check_choice

BandwidthRule = Literal["silverman", "cross_validation"]
Reflection = Literal["reflected", "none"]
RULES: tuple[BandwidthRule, ...] = ("silverman", "cross_validation")
REFLECTIONS: tuple[Reflection, ...] = ("reflected", "none")


def check_bandwidth(bandwidth: float | BandwidthRule) -> None:
    """Refuse what is neither a width nor a rule.

    Raises
    ------
    FrontierError
        With what may be given.
    """
    if isinstance(bandwidth, str):
        check_choice("bandwidth", bandwidth, RULES)
    elif not 0 < bandwidth < np.inf:
        raise FrontierError(f"The bandwidth is {bandwidth}. Give a number above 0, or a rule.")


def score_bandwidth(
    score: FloatArray, rule: BandwidthRule, *, reflection: Reflection = "reflected"
) -> float:
    """Choose how far scores are smoothed.

    Parameters
    ----------
    score : array, shape (n,)
        All at most 1, or all at least 1.
    rule : {"silverman", "cross_validation"}
        As in `bootstrap.bootstrap`.
    reflection : {"reflected", "none"}
        As in `bootstrap.bootstrap`.

    Returns
    -------
    float
        Above 0, in the unit of the scores.

    Raises
    ------
    FrontierError
        If the scores that are not on the frontier are too few, or too alike, for a width.

    References
    ----------
    Silverman (1986), Density Estimation, section 3.4.
    """
    inside = score[np.abs(score - 1) > 1e-6]
    sample = np.concatenate([inside, 2 - inside]) if reflection == "reflected" else inside
    spread = sample.std(ddof=1) if sample.size > 1 else 0.0
    if not spread > 0:
        raise FrontierError(
            f"{inside.size} of {score.size} scores are off the frontier, and they do not differ, "
            "so that no rule finds a bandwidth. Give it as a number."
        )
    quarter, three = np.quantile(sample, [0.25, 0.75])
    width = 0.9 * min(spread, (three - quarter) / 1.34) * sample.size**-0.2
    if rule == "cross_validation":
        width = _cross_validated(sample, width)
    # From the sample that was used, without the frontier and perhaps doubled, to the scores.
    adjusted = width * (sample.size / score.size) ** 0.2 * score.std(ddof=1) / spread
    return float(adjusted)


def drawn_scores(
    score: FloatArray,
    bandwidth: float,
    *,
    draws: int,
    seed: int,
    near: FloatArray | None = None,
    reflection: Reflection = "reflected",
    variance_correction: bool = True,
) -> FloatArray:
    """Draw scores from the smoothed distribution of scores.

    Parameters
    ----------
    score : array, shape (n,)
        All at most 1, or all at least 1: the frontier is at 1.
    bandwidth : float
        Standard deviation of the smoothing.
    draws : int
        How many.
    seed : int
        The same seed gives the same numbers.
    near : array, shape (n, n), optional
        Row i: the cumulative probability that DMU i's score is drawn from each DMU.
    reflection, variance_correction
        As in `bootstrap.bootstrap`.

    Returns
    -------
    array, shape (draws, n)
        On the same side of 1 as the scores, unless there is no reflection. With the correction of
        the variance they have the scores' mean and variance, but for the reflection.
    """
    generator = np.random.default_rng(seed)
    n = score.size
    if near is None:
        drawn = score[generator.integers(0, n, (draws, n))]
    else:
        uniform = generator.random((draws, n))
        chosen = [np.searchsorted(near[i], uniform[:, i], side="right") for i in range(n)]
        drawn = score[np.minimum(np.stack(chosen, axis=1), n - 1)]
    is_below = bool(score.min() < 1)
    centre = drawn.mean(axis=1, keepdims=True)
    smooth = drawn + bandwidth * generator.standard_normal((draws, n))
    if reflection == "reflected":
        smooth = _folded(smooth, is_below)
    if not variance_correction:
        return smooth
    back = centre + (smooth - centre) / np.sqrt(1 + bandwidth**2 / score.var(ddof=1))
    return _folded(back, is_below) if reflection == "reflected" else back


def _folded(score: FloatArray, is_below: bool) -> FloatArray:
    if is_below:  # there is another end, at 0, which a wide kernel passes as well
        return np.abs(np.where(score > 1, 2 - score, score))
    return np.where(score < 1, 2 - score, score)


def _cross_validated(sample: FloatArray, about: float) -> float:
    """Return the width with the least estimate of the integrated squared error."""
    apart = (sample[:, np.newaxis] - sample[np.newaxis, :]) ** 2
    n = sample.size
    widths = about * np.geomspace(0.1, 3, 60)
    criterion = []
    for width in widths:
        squared = np.exp(-apart / (4 * width**2)).sum() / (2 * np.sqrt(np.pi) * width)
        each = np.exp(-apart / (2 * width**2)).sum() - n
        criterion.append(squared / n**2 - 2 * each / (np.sqrt(2 * np.pi) * width) / (n * (n - 1)))
    return float(widths[int(np.argmin(criterion))])
