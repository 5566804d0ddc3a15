"""How sure a DEA score is: the smoothed bootstrap of Simar and Wilson.

The frontier that the data show lies inside the true one, so every score is too good. How much is
found by doing to the data what nature did to the truth: DMUs are moved behind the frontier that
is known, a frontier is made of them, and the known DMUs are scored against it.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.dea import dea
from models.frontier.kernel import radial_replicates
from models.frontier.technology import (
    BoolArray,
    FloatArray,
    FrontierError,
    Labels,
    Orientation,
    Returns,
    check_choice,
    checked,
)

Scale = Literal["shephard", "farrell"]
Interval = Literal["basic", "percentile"]
BandwidthRule = Literal["silverman", "cross_validation"]
SCALES: tuple[Scale, ...] = ("shephard", "farrell")
INTERVALS: tuple[Interval, ...] = ("basic", "percentile")
RULES: tuple[BandwidthRule, ...] = ("silverman", "cross_validation")
FEWEST_DRAWS = 20
QUANTILES: Literal["normal_unbiased"] = "normal_unbiased"  # R's type 9, as Benchmarking uses
CORRECTION_WORTH = 3.0  # Simar and Wilson (2000): bias squared over variance, below it leave be


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """Scores with their bias and interval, in the order the DMUs were given."""

    score: FloatArray  # (n,), in (0, 1], as dea gives it
    bias_corrected: FloatArray  # (n,), below the score
    bias: FloatArray  # (n,), score less bias_corrected
    variance: FloatArray  # (n,), of the replicates of Farrell's factor
    low: FloatArray  # (n,), lower end of the interval, of scores
    high: FloatArray  # (n,), upper end
    is_worth_correcting: BoolArray  # (n,), the correction adds less noise than it takes off bias
    bandwidth: float  # on the scale that was smoothed


@dataclass(frozen=True, slots=True)
class Correction:
    """What replicates say of Farrell's factors, in the order of the DMUs."""

    bias_corrected: FloatArray  # (n,)
    bias: FloatArray  # (n,), farrell less bias_corrected
    variance: FloatArray  # (n,), of the replicates
    low: FloatArray  # (n,)
    high: FloatArray  # (n,)
    is_worth_correcting: BoolArray  # (n,)


def bootstrap(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
    bandwidth: float | BandwidthRule = "silverman",
    neighbourhood: float | None = None,
    scale: Scale = "shephard",
    interval: Interval = "basic",
    labels: Labels | None = None,
) -> BootstrapResult:
    """Correct DEA scores for their bias, and put intervals around them.

    Replicates of the scores are drawn from their own smoothed distribution, which is reflected at
    1 so that it does not smooth over the frontier, and rescaled to the variance of the scores.
    Each draw moves every DMU along its own ray to where the replicate puts it; the DMUs as they
    are are then scored against those.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    draws : int
        Replicates; 2 000 settle the ends of a 95 % interval to some thousandths.
    level : float
        The share of intervals that hold the true score, above 0 and below 1.
    bandwidth : number or {"silverman", "cross_validation"}
        How far a drawn score is smoothed. "silverman" is the normal reference rule on the
        reflected scores without those on the frontier, adjusted to the size and spread of the
        sample; "cross_validation" minimises the integrated squared error instead.
    neighbourhood : float, optional
        None draws every DMU's score from those of all (homogeneous: inefficiency is the same
        everywhere). A number draws it from DMUs whose mix and size are near its own, with a
        normal kernel of so many standard deviations: the heterogeneous variant.
    scale : {"shephard", "farrell"}
        On which scale scores are smoothed, bias is taken off and intervals are made: Shephard's
        distance, the inverse of Farrell's factor, is what Simar and Wilson use.
    interval : {"basic", "percentile"}
        "basic": the score less the quantiles of the replicates' deviations from it (2000);
        "percentile": the replicates' quantiles, moved by twice the bias (1998).
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    BootstrapResult
        With `draws` replicates; the interval lies below the score.

    Raises
    ------
    FrontierError
        As `technology.checked`; if an option is unknown or out of range; or if every DMU is
        efficient, so that there is no distribution to draw from.

    References
    ----------
    Simar and Wilson (1998), Manage. Sci. 44(1), 49-61.
    Simar and Wilson (2000), J. Appl. Stat. 27(6), 779-802, on heterogeneity and basic intervals.
        There mix, size and score are drawn together; here mix and size stay, as the score's
        condition, which spares targets that no technology reaches.
    Daraio and Simar (2007), Advanced Robust and Nonparametric Methods, section 3.4, on bandwidths.
    """
    _check(draws, level, scale, interval)
    if isinstance(bandwidth, str):
        check_choice("bandwidth", bandwidth, RULES)
    elif not 0 < bandwidth < np.inf:
        raise FrontierError(f"The bandwidth is {bandwidth}. Give a number above 0, or a rule.")
    if neighbourhood is not None and not 0 < neighbourhood < np.inf:
        raise FrontierError(
            f"The neighbourhood is {neighbourhood}. Give standard deviations above 0, or None."
        )
    result = dea(inputs, outputs, orientation=orientation, rts=rts, labels=labels)
    data = checked(inputs, outputs, labels=labels)
    if result.is_efficient.all():
        raise FrontierError(
            f"All {len(result.score)} DMUs are efficient, so nothing is known of how far behind "
            "the frontier a DMU may be. Use fewer columns or more DMUs."
        )
    smoothed = _on_scale(result.farrell, scale)
    width = bandwidth if not isinstance(bandwidth, str) else score_bandwidth(smoothed, bandwidth)
    near = None
    if neighbourhood is not None:
        sides = (data.inputs, data.outputs)
        moved, kept = sides if orientation == "input" else sides[::-1]
        near = _nearness(moved, kept, neighbourhood)
    drawn = drawn_scores(smoothed, width, draws=draws, seed=seed, near=near)
    # A replicate is at the same place on its ray, so its reference is the DMU's point moved by
    # the factor between where it is and where it is drawn.
    factor = smoothed / drawn if scale == "farrell" else drawn / smoothed
    replicates = radial_replicates(
        data.inputs, data.outputs, data.inputs, data.outputs, factor,
        orientation=orientation, rts=rts,
    )  # fmt: skip
    found = correction(result.farrell, replicates, level=level, scale=scale, interval=interval)
    ends = np.stack([found.low, found.high])
    corrected = found.bias_corrected
    if orientation == "output":
        ends, corrected = 1 / ends[::-1], 1 / corrected
    return BootstrapResult(
        score=result.score,
        bias_corrected=corrected,
        bias=result.score - corrected,
        variance=found.variance,
        low=ends[0],
        high=ends[1],
        is_worth_correcting=found.is_worth_correcting,
        bandwidth=float(width),
    )


def correction(
    farrell: ArrayLike,
    replicates: ArrayLike,
    *,
    level: float = 0.95,
    scale: Scale = "shephard",
    interval: Interval = "basic",
) -> Correction:
    """Make bias, corrected factor and interval of replicates.

    Parameters
    ----------
    farrell : array, shape (n,)
        The factors of the data.
    replicates : array, shape (n_draw, n)
        Factors of the same DMUs against each draw's frontier.
    level, scale, interval
        As in `bootstrap`.

    Returns
    -------
    Correction
        Of Farrell's factors, whatever the scale; low is below high.

    Raises
    ------
    FrontierError
        If an option is unknown or out of range.
    """
    farrell = np.asarray(farrell, dtype=np.float64)
    replicates = np.asarray(replicates, dtype=np.float64)
    _check(len(replicates), level, scale, interval)
    known, drawn = _on_scale(farrell, scale), _on_scale(replicates, scale)
    bias = drawn.mean(axis=0) - known
    spread = drawn.var(axis=0, ddof=1)
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    if interval == "basic":
        ends = known - np.quantile(drawn - known, tails, axis=0, method=QUANTILES)
    else:
        ends = np.quantile(drawn - 2 * bias, tails, axis=0, method=QUANTILES)
    corrected = _on_scale(known - bias, scale)
    ends = np.sort(_on_scale(ends, scale), axis=0)
    return Correction(
        bias_corrected=corrected,
        bias=farrell - corrected,
        variance=replicates.var(axis=0, ddof=1),
        low=ends[0],
        high=ends[1],
        is_worth_correcting=CORRECTION_WORTH * spread < bias**2,
    )


def score_bandwidth(score: FloatArray, rule: BandwidthRule) -> float:
    """Choose how far scores are smoothed.

    Parameters
    ----------
    score : array, shape (n,)
        All at most 1, or all at least 1.
    rule : {"silverman", "cross_validation"}
        As in `bootstrap`.

    Returns
    -------
    float
        Above 0, in the unit of the scores.

    References
    ----------
    Silverman (1986), Density Estimation, section 3.4.
    """
    inside = score[np.abs(score - 1) > 1e-6]
    reflected = np.concatenate([inside, 2 - inside])
    spread = reflected.std(ddof=1)
    quarter, three = np.quantile(reflected, [0.25, 0.75])
    width = 0.9 * min(spread, (three - quarter) / 1.34) * reflected.size**-0.2
    if rule == "cross_validation":
        width = _cross_validated(reflected, width)
    # From the doubled sample without the frontier to the sample itself.
    adjusted = width * (reflected.size / score.size) ** 0.2 * score.std(ddof=1) / spread
    return float(adjusted)


def drawn_scores(
    score: FloatArray,
    bandwidth: float,
    *,
    draws: int,
    seed: int,
    near: FloatArray | None = None,
) -> FloatArray:
    """Draw scores from the smoothed, reflected distribution of scores.

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

    Returns
    -------
    array, shape (draws, n)
        On the same side of 1 as the scores, with their mean and variance but for the reflection.
    """
    generator = np.random.default_rng(seed)
    n = score.size
    if near is None:
        drawn = score[generator.integers(0, n, (draws, n))]
    else:
        uniform = generator.random((draws, n))
        chosen = [np.searchsorted(near[i], uniform[:, i], side="right") for i in range(n)]
        drawn = score[np.minimum(np.stack(chosen, axis=1), n - 1)]
    centre = drawn.mean(axis=1, keepdims=True)
    smooth = drawn + bandwidth * generator.standard_normal((draws, n))
    is_below = score.min() < 1
    smooth = np.where(smooth > 1, 2 - smooth, smooth) if is_below else _above(smooth)
    shrunk = np.sqrt(1 + bandwidth**2 / score.var(ddof=1))
    back = centre + (smooth - centre) / shrunk
    return np.where(back > 1, 2 - back, back) if is_below else _above(back)


def _above(score: FloatArray) -> FloatArray:
    return np.where(score < 1, 2 - score, score)


def _on_scale(farrell: FloatArray, scale: Scale) -> FloatArray:
    """Turn factors into the scale, or back: the one scale is the other's inverse."""
    return 1 / farrell if scale == "shephard" else farrell


def _check(draws: int, level: float, scale: Scale, interval: Interval) -> None:
    check_choice("scale", scale, SCALES)
    check_choice("interval", interval, INTERVALS)
    if draws < FEWEST_DRAWS or not 0 < level < 1:
        raise FrontierError(
            f"{draws} draws and level {level} were asked for. Use at least {FEWEST_DRAWS} draws "
            "and a level between 0 and 1."
        )


def _nearness(moved: FloatArray, kept: FloatArray, width: float) -> FloatArray:
    """Return cumulative kernel weights of every DMU for every other, by mix and size."""
    mix = np.log(moved) - np.log(moved).mean(axis=1, keepdims=True)
    place = np.hstack([mix[:, 1:], np.log(kept)])  # one mix less: they add up to 0
    place = (place - place.mean(axis=0)) / np.maximum(place.std(axis=0, ddof=1), 1e-12)
    apart = ((place[:, np.newaxis, :] - place[np.newaxis, :, :]) ** 2).sum(axis=2)
    weight = np.exp(-apart / (2 * width**2))
    return np.cumsum(weight / weight.sum(axis=1, keepdims=True), axis=1)


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
