"""RKA's index step in every form that its description leaves open.

RKA says that values are put on 0-100, below percentile 2.5 at 0 and above percentile 97.5 at 100,
and that a mean is scaled "in the same way". It does not say how a percentile is read between two
values, over what the way between 0 and 100 is laid, or what is rounded when. Each such choice is a
`Variant`; which of them is RKA's, the published indices can tell (`models/rka/mirror.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from models.areas.roles import Direction
from models.panel import FloatArray
from models.score.index import LOWER_PERCENTILE, UPPER_PERCENTILE, scale, weighted_mean

Percentile = Literal[
    "linear", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
    "lower", "higher", "midpoint", "nearest",
]  # fmt: skip
Inner = Literal["between_percentiles", "trimmed_range", "whole_range"]
Rounding = Literal["none", "last", "every"]

PERCENTILES: tuple[Percentile, ...] = get_args(Percentile)
INNER: tuple[Inner, ...] = get_args(Inner)
ROUNDINGS: tuple[Rounding, ...] = get_args(Rounding)
MOST_DECIMALS = 6  # of a published number; with more it is taken not to be rounded
EXACT = 1e-6  # index points; what floating point may leave between two exact computations


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to read RKA's description."""

    percentile: Percentile  # numpy's name of how it is read between two values
    inner: Inner  # what lies between 0 and 100, see `index_step`
    rounding: Rounding  # of no number, of the index as published, or of every score and mean


@dataclass(frozen=True, slots=True)
class Step:
    """Scores, and how far each may be off only because the values were rounded."""

    score: FloatArray  # (..., n), 0-100, NaN where there is none
    reach: FloatArray  # (..., 1), in points


VARIANTS: tuple[Variant, ...] = tuple(
    Variant(percentile, inner, rounding)
    for rounding, inner, percentile in product(ROUNDINGS, INNER, PERCENTILES)
)
CONVENTION = VARIANTS[0]  # linear, between the percentiles, not rounded: as `models.score.index`


def index_step(
    values: ArrayLike,
    *,
    direction: Direction,
    variant: Variant,
    decimals: int | None = None,
    reach: ArrayLike = 0.0,
) -> Step:
    """Put values on 0-100 as RKA does, in one of the ways that its description allows.

    Parameters
    ----------
    values : array, shape (..., n)
        One value per municipality; NaN is missing. Earlier axes are scaled each by itself.
    direction : {"higher", "lower"}
        Which is better.
    variant : Variant
        "between_percentiles" lays the way between 0 and 100 over the two percentiles, as
        `index.scale`; "trimmed_range" over the least and the largest of the values that are not
        beyond them; "whole_range" over the least and the largest of all, and then puts what is
        beyond them at 0 and 100, which leaves a gap.
    decimals : int, optional
        Needed where the variant rounds every step.
    reach : float or array, shape (..., 1)
        How far a value may be off for having been rounded, in its own unit.

    Returns
    -------
    Step
        With "whole_range" a value beside a percentile may be off by more than `reach` says, for
        it may fall on either side of the gap.

    Raises
    ------
    ValueError
        If a value is infinite or there is none, the direction or the variant is unknown, or
        decimals are missing.

    References
    ----------
    RKA, descriptions of Kolada's KPIs U15010, U15401 and U15900.
    Hyndman and Fan (1996), The American Statistician 50(4), 361-365, on sample percentiles.
    """
    _check(variant, decimals)
    values = np.asarray(values, dtype=np.float64)
    if values.size == 0 or np.isinf(values).any():
        raise ValueError(
            f"Of {values.size} values to scale, {np.isinf(values).sum()} are infinite. Give one "
            "value at least, and set what is infinite aside."
        )
    low, high = _percentiles(values, variant.percentile)
    least, largest = low, high
    if variant.inner != "between_percentiles":
        is_inside = (low <= values) & (values <= high)
        counted = is_inside if variant.inner == "trimmed_range" else ~np.isnan(values)
        least = np.min(values, axis=-1, keepdims=True, where=counted, initial=np.inf)
        largest = np.max(values, axis=-1, keepdims=True, where=counted, initial=-np.inf)
        has_none = ~counted.any(axis=-1, keepdims=True)  # two values lie on either side of both
        least, largest = np.where(has_none, low, least), np.where(has_none, high, largest)

    if variant.inner == "between_percentiles" and variant.percentile == "linear":
        score = scale(values, direction=direction)
    else:
        # Where there is no width `scale` wants bounds in order, and gives the middle.
        is_flat = largest <= least
        shift = np.where(is_flat & (least == 0), 1.0, 0.0)
        largest = np.where(is_flat, np.nextafter(least + shift, np.inf), largest)
        score = scale(values + shift, direction=direction, bounds=(least + shift, largest))
    if variant.inner == "whole_range":
        worst, best = (0.0, 100.0) if direction == "higher" else (100.0, 0.0)
        score = np.where(values < low, worst, np.where(values > high, best, score))
    return Step(
        _rounded(score, decimals if variant.rounding == "every" else None),
        _scaled_reach(np.asarray(reach, dtype=np.float64), largest - least),
    )


def composite_index(
    values: ArrayLike,
    *,
    directions: Sequence[Direction],
    weights: ArrayLike,
    scalings: int,
    variant: Variant,
    least: int | None = None,
    decimals: int | None = None,
    reach: ArrayLike = 0.0,
) -> Step:
    """Make an index of resources, of quality or of survey questions out of its components.

    Every component is scaled over all who have it, the weighted mean is taken, and the mean is
    scaled again. An index of one component is that component scaled once: scaling it again would
    change it, because after the first time the percentiles no longer lie at 0 and 100 unless
    they fall on values.

    Parameters
    ----------
    values : array, shape (..., n, k)
        One column per component, each in its own unit; NaN is missing.
    directions : sequence of {"higher", "lower"}
        One per component.
    weights : array, shape (k,)
        Positive; only their ratios matter.
    scalings : {1, 2}
        1: the components only; 2: their mean as well.
    variant : Variant
        How every step is done.
    least : int, optional
        So many components are enough, and the mean is that of those that are there (RKA's survey
        index: 6 of 11 questions). Without it only complete cases have an index.
    decimals : int, optional
        Of the published index; needed where the variant rounds.
    reach : float or array, shape (k,) or (..., k)
        How far the values of each component may be off for having been rounded.

    Returns
    -------
    Step
        The index; rounded only where the variant rounds every step, see `as_published`.

    Raises
    ------
    ValueError
        If the numbers of directions or weights do not fit, `scalings` or `least` is out of range,
        or for what `index_step` refuses.
    """
    values = np.asarray(values, dtype=np.float64)
    n_component = values.shape[-1]
    _check(variant, decimals)
    if len(directions) != n_component or n_component == 0:
        raise ValueError(
            f"{len(directions)} directions were given for {n_component} components. Give one "
            "each, of one component at least."
        )
    if scalings not in (1, 2):
        raise ValueError(f"scalings is {scalings}. Use 1 (components) or 2 (their mean too).")
    if least is not None and not 1 <= least <= n_component:
        raise ValueError(
            f"{least} of {n_component} components were said to be enough. Use 1 to {n_component}."
        )
    reaches = np.broadcast_to(reach, (*values.shape[:-2], n_component))
    steps = [
        index_step(
            values[..., column],
            direction=direction,
            variant=variant,
            decimals=decimals,
            reach=reaches[..., column, np.newaxis],
        )
        for column, direction in enumerate(directions)
    ]
    scores = np.stack([step.score for step in steps], axis=-1)
    mean = _mean(scores, np.asarray(weights, dtype=np.float64), least)
    off = weighted_mean(np.stack([step.reach for step in steps], axis=-1), weights)
    return _last(mean, off, scalings == 2, variant, decimals)


def efficiency_of_sides(
    resource: ArrayLike,
    quality: ArrayLike,
    *,
    variant: Variant,
    decimals: int | None = None,
    reach: ArrayLike = 0.0,
) -> Step:
    """Make RKA's index of efficiency out of its two sides, which are not scaled again first.

    Parameters
    ----------
    resource, quality : array, shape (..., n)
        The two indices, 0-100; NaN is missing, and then there is no index of efficiency.
    variant, decimals
        As in `composite_index`.
    reach : float or array, shape (..., 1)
        How far the mean of the two may be off for their having been rounded.

    Returns
    -------
    Step
        The mean, scaled.

    Raises
    ------
    ValueError
        As `index_step`.
    """
    _check(variant, decimals)
    mean = (np.asarray(resource, dtype=np.float64) + np.asarray(quality, dtype=np.float64)) / 2
    return _last(mean, np.asarray(reach, dtype=np.float64), True, variant, decimals)


def as_published(step: Step, *, variant: Variant, decimals: int | None) -> Step:
    """Round an index as the variant publishes it; what is made of it further may not be rounded.

    Parameters
    ----------
    step : Step
        The index.
    variant, decimals
        As in `composite_index`.

    Returns
    -------
    Step
        The same where the variant does not round.

    Raises
    ------
    ValueError
        If the variant rounds and decimals are missing.
    """
    _check(variant, decimals)
    return Step(_rounded(step.score, decimals if variant.rounding != "none" else None), step.reach)


def published_decimals(values: ArrayLike) -> int | None:
    """Return to how many decimals numbers have been rounded, as far as they show.

    Parameters
    ----------
    values : array, any shape
        Published numbers; NaN is skipped.

    Returns
    -------
    int or None
        The fewest that all of them have; None where some have more than six, or there are none.
    """
    numbers = np.asarray(values, dtype=np.float64)
    numbers = numbers[np.isfinite(numbers)]
    tolerance = 1e-9 * np.maximum(1.0, np.abs(numbers))  # a decimal number is not exact in binary
    for decimals in range(MOST_DECIMALS + 1) if numbers.size else ():
        if np.all(np.abs(np.round(numbers, decimals) - numbers) <= tolerance):
            return decimals
    return None


def rounding_error(decimals: int | None) -> float:
    """Return how far a number of so many decimals may be from what it was before.

    Parameters
    ----------
    decimals : int or None
        As `published_decimals` gives it.

    Returns
    -------
    float
        Half of the last decimal; 0 where nothing was rounded.
    """
    return 0.0 if decimals is None else float(0.5 * 10.0**-decimals)


def _percentiles(values: FloatArray, method: Percentile) -> tuple[FloatArray, FloatArray]:
    has_none = np.isnan(values).all(axis=-1, keepdims=True)
    low, high = np.nanpercentile(
        np.where(has_none, 0.0, values),
        [LOWER_PERCENTILE, UPPER_PERCENTILE],
        axis=-1,
        method=method,
        keepdims=True,
    )
    return low, high


def _mean(scores: FloatArray, weights: FloatArray, least: int | None) -> FloatArray:
    if least is None:
        return weighted_mean(scores, weights)
    is_there = ~np.isnan(scores)
    total = np.where(is_there, weights * np.where(is_there, scores, 0.0), 0.0).sum(axis=-1)
    weight = np.where(is_there, weights, 0.0).sum(axis=-1)
    is_enough = is_there.sum(axis=-1) >= least
    return np.where(is_enough, total / np.where(is_enough, weight, 1.0), np.nan)


def _last(
    mean: FloatArray, reach: FloatArray, is_scaled: bool, variant: Variant, decimals: int | None
) -> Step:
    step = Step(mean, reach)
    if is_scaled:
        mean = _rounded(mean, decimals if variant.rounding == "every" else None)
        step = index_step(mean, direction="higher", variant=variant, decimals=decimals, reach=reach)
    return Step(_rounded(step.score, decimals if variant.rounding == "every" else None), step.reach)


def _scaled_reach(reach: FloatArray, width: FloatArray) -> FloatArray:
    """Return what an error of the values does to scores: both a value and its bounds may move."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = 2 * reach / (width - 2 * reach)
    return np.where(reach == 0, 0.0, np.where(width > 2 * reach, np.minimum(share, 1), 1.0)) * 100


def _rounded(score: FloatArray, decimals: int | None) -> FloatArray:
    return score if decimals is None else np.round(score, decimals)


def _check(variant: Variant, decimals: int | None) -> None:
    for what, choice, choices in (
        ("percentile", variant.percentile, PERCENTILES),
        ("inner", variant.inner, INNER),
        ("rounding", variant.rounding, ROUNDINGS),
    ):
        if choice not in choices:
            raise ValueError(f"Unknown {what} {choice!r}. Use one of {', '.join(choices)}.")
    if variant.rounding != "none" and decimals is None:
        raise ValueError(
            f"The variant rounds ({variant.rounding}), and not to how many decimals. Give decimals."
        )
