"""How values in any unit become scores that can be put together: the other ways than RKA's.

RKA's own is `index.scale`. Every way here takes the same two decisions as an argument: which is
better, and whose values set the scale. Without a `base` these are the values themselves, so that a
score tells of a place among the others of the year; with the values of a base year it is frozen,
so that a score tells of the municipality alone and can be followed over time.

The last axis is always the municipalities; axes before it are worlds of their own, such as draws.
NaN is missing, moves nobody and stays missing. Where nothing tells the municipalities apart each
gets the middle of the scale; where a base has no spread, nothing can be measured by it, and the
score is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.areas.roles import Direction
from models.panel import BoolArray, FloatArray
from models.score.index import NO_WIDTH, scale

NAMED_AT_MOST = 5


@dataclass(frozen=True, slots=True)
class Names:
    """What rows and columns are called in messages; without them they are counted from 1."""

    municipality: Sequence[str] = ()
    indicator: Sequence[str] = ()


def min_max(
    values: ArrayLike,
    *,
    direction: Direction,
    low: float = 0.0,
    high: float = 100.0,
    lower_percentile: float = 0.0,
    upper_percentile: float = 100.0,
    base: ArrayLike | None = None,
) -> FloatArray:
    """Put values between two ends, the worst at `low` and the best at `high`.

    With percentiles 2.5 and 97.5 it is RKA's scale. What lies beyond the bounds gets an end.

    Parameters
    ----------
    values : array, shape (..., n)
        One value per municipality, in any unit; NaN is missing.
    direction : {"higher", "lower"}
        Which is better.
    low, high : float
        The ends. A `low` above 0, such as 1, is what the geometric and the harmonic mean need.
    lower_percentile, upper_percentile : float
        Where the ends are put, in percent; 0 and 100 are the least and the largest value.
    base : array, shape (..., n_base), optional
        The values that set the scale.

    Returns
    -------
    array, shape (..., n)
        Scores from `low` to `high`.

    Raises
    ------
    ValueError
        If a value is infinite, the direction unknown, or ends or percentiles are not in order.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 5.
    """
    if not -np.inf < low < high < np.inf:
        raise ValueError(f"The ends {low} and {high} are not in order. Give low < high.")
    has_width, bounds = np.True_, None
    if base is not None:
        base = _checked(base, direction)
        nothing = np.isnan(base).all(axis=-1, keepdims=True)
        lower, upper = np.nanpercentile(
            np.where(nothing, 0.0, base), [lower_percentile, upper_percentile], -1, keepdims=True
        )
        has_width = upper - lower > NO_WIDTH * np.maximum(np.abs(lower), np.abs(upper))
        bounds = (np.where(has_width, lower, 0.0), np.where(has_width, upper, 1.0))
    score = scale(
        values,
        direction=direction,
        lower_percentile=lower_percentile,
        upper_percentile=upper_percentile,
        bounds=bounds,
    )
    score = np.where(has_width, score, np.nan)
    return low + (high - low) / 100 * score


def z_score(
    values: ArrayLike,
    *,
    direction: Direction,
    ddof: int,
    mean: float = 0.0,
    sd: float = 1.0,
    base: ArrayLike | None = None,
) -> FloatArray:
    """Count values in standard deviations from the mean.

    Nothing is trimmed: who lies far out gets a score far out, and moves the scale of all.

    Parameters
    ----------
    values : array, shape (..., n)
        One value per municipality, in any unit; NaN is missing.
    direction : {"higher", "lower"}
        Which is better.
    ddof : {0, 1}
        0 where the municipalities are all there are, 1 where they are a sample: the variance is
        the sum of squares by n - ddof.
    mean, sd : float
        Of the scores of those who set the scale, such as 100 and 10 for Mazziotta and Pareto.
    base : array, shape (..., n_base), optional
        The values that set the scale.

    Returns
    -------
    array, shape (..., n)
        Scores without bounds. With ddof 0 none is farther out than sqrt(n - 1) sd.

    Raises
    ------
    ValueError
        If a value is infinite, the direction or `ddof` unknown, or `sd` not positive.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 5.
    """
    if ddof not in (0, 1):
        raise ValueError(f"ddof is {ddof}. Use 0 for the whole country, 1 for a sample.")
    if not (0 < sd < np.inf and np.isfinite(mean)):
        raise ValueError(f"Mean {mean} and sd {sd} were asked for. Give finite ones, sd above 0.")
    values = _checked(values, direction)
    given = values if base is None else _checked(base, direction)
    there = ~np.isnan(given)
    count = there.sum(axis=-1, keepdims=True)
    centre = np.sum(given, axis=-1, keepdims=True, where=there) / np.maximum(count, 1)
    square = np.sum((given - centre) ** 2, axis=-1, keepdims=True, where=there)
    spread = np.sqrt(square / np.maximum(count - ddof, 1))
    largest = np.max(np.abs(given), axis=-1, keepdims=True, where=there, initial=0.0)
    has_spread = spread > NO_WIDTH * largest
    distance = (values - centre) / np.where(has_spread, spread, 1.0)
    nowhere = np.nan if base is not None else 0.0
    distance = np.where(has_spread | np.isnan(values), distance, nowhere)
    return mean + sd * (distance if direction == "higher" else -distance)


def percentile_rank(
    values: ArrayLike, *, direction: Direction, base: ArrayLike | None = None
) -> FloatArray:
    """Score a value by the share of the municipalities that are worse, half of the equal counted.

    Of n municipalities the one in place r has 100 (n - r + 1/2) / n, those who share places the
    mean of them. So no score is 0 or 100, and the reverse of a ranking has the reversed scores.
    Who is beyond all of a base gets what its last or first would have. A rank that all the tied
    share as the best of them (`competition_rank`) is for reading; as a score it would reward ties.

    Parameters
    ----------
    values : array, shape (..., n)
        One value per municipality, in any unit; NaN is missing. Equal means equal to the last
        digit.
    direction : {"higher", "lower"}
        Which is better.
    base : array, shape (..., n_base), optional
        The values to be ranked among. A base whose values are all equal still ranks: below,
        among or above them.

    Returns
    -------
    array, shape (..., n)
        Scores above 0 and below 100; missing where the base holds nothing.

    Raises
    ------
    ValueError
        If a value is infinite or the direction unknown.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 5, on ranking.
    """
    values = _checked(values, direction)
    given = values if base is None else _checked(base, direction)
    worlds = np.broadcast_shapes(values.shape[:-1], given.shape[:-1])
    values = np.broadcast_to(values, (*worlds, values.shape[-1]))
    in_order = np.sort(np.broadcast_to(given, (*worlds, given.shape[-1])), axis=-1)  # NaN last
    count = np.sum(~np.isnan(in_order), axis=-1)
    score = np.full(values.shape, np.nan)
    for world in np.ndindex(worlds):
        known = in_order[world][: count[world]]
        if known.size:
            below = np.searchsorted(known, values[world], side="left")
            up_to = np.searchsorted(known, values[world], side="right")
            half_places = np.clip(below + up_to, 1, 2 * known.size - 1)
            score[world] = 50 * half_places / known.size
    score = score if direction == "higher" else 100 - score
    return np.where(np.isnan(values), np.nan, score)


def relative(
    values: ArrayLike,
    *,
    direction: Direction,
    base: ArrayLike | None = None,
    names: Names | None = None,
) -> FloatArray:
    """Score a value by its ratio to the mean, which is 100: 110 is a tenth better than the mean.

    Where lower is better it is the mean by the value, so that half the cost is 200.

    Parameters
    ----------
    values : array, shape (..., n)
        One positive value per municipality, in any unit whose zero is nothing; NaN is missing.
    direction : {"higher", "lower"}
        Which is better.
    base : array, shape (..., n_base), optional
        Positive values whose mean is 100.
    names : Names, optional
        The municipalities of `values` and the one indicator, for messages.

    Returns
    -------
    array, shape (..., n)
        Positive scores. Indicators keep their spread: one that varies more will count for more.

    Raises
    ------
    ValueError
        If a value is not positive and finite, with the municipality, or the direction is unknown.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, step 5, on distance to a
    reference.
    """
    values = _checked(values, direction)
    given = values if base is None else _checked(base, direction)
    refuse(
        values[..., np.newaxis] <= 0,
        values[..., np.newaxis],
        names=names,
        remedy="A ratio to the mean needs positive values: normalise otherwise.",
    )
    refuse(
        given[..., np.newaxis] <= 0,
        given[..., np.newaxis],
        names=Names(indicator=names.indicator if names else ()),
        remedy="A base whose mean is 100 needs positive values: normalise otherwise.",
    )
    there = ~np.isnan(given)
    count = there.sum(axis=-1, keepdims=True)
    total = np.sum(given, axis=-1, keepdims=True, where=there)
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return 100 * (values / mean if direction == "higher" else mean / values)


def refuse(
    is_bad: BoolArray,
    values: FloatArray,
    *,
    names: Names | None,
    remedy: str,
) -> None:
    """Refuse values by name, five at most.

    Parameters
    ----------
    is_bad : array of bool, shape (..., n, n_indicator)
        Which are refused. The same place in several worlds is named once, with its first value.
    values : array, the same shape
        What is refused.
    names : Names, optional
        Of rows and columns.
    remedy : str
        The sentence that says what to do.

    Raises
    ------
    ValueError
        If any is bad.
    """
    if not is_bad.any():
        return
    names = names or Names()
    first: dict[tuple[int, int], float] = {}
    for place in np.argwhere(is_bad):
        first.setdefault((int(place[-2]), int(place[-1])), float(values[tuple(place)]))
    faults = []
    for (row, column), value in first.items():
        who = names.municipality[row] if names.municipality else f"row {row + 1}"
        what = names.indicator[column] if names.indicator else f"column {column + 1}"
        faults.append(f"{who} has {what} = {value:g}")
    many = f" ({len(faults)} such)" if len(faults) > NAMED_AT_MOST else ""
    raise ValueError(f"{'; '.join(faults[:NAMED_AT_MOST])}{many}. {remedy}")


def _checked(values: ArrayLike, direction: Direction) -> FloatArray:
    values = np.asarray(values, dtype=np.float64)
    if np.isinf(values).any():
        raise ValueError("A value to normalise is infinite. Set it aside before scoring.")
    if direction not in ("higher", "lower"):
        raise ValueError(f"Unknown direction {direction!r}. Use 'higher' or 'lower'.")
    return values
