"""How far one score is ahead of another at least: the compiled loops of `score_order`.

290 municipalities make 83 810 pairs, and each is looked at anew in every part of what the scales
can be.
"""

import numba
import numpy as np
from numpy.typing import NDArray

from models.panel import BoolArray, FloatArray

OrderArray = NDArray[np.int8]
IntArray = NDArray[np.int64]

UNDECIDED, NOT_BELOW, ABOVE = 0, 1, 2  # of a municipality beside another
MARGIN = 1e-6  # of a side; what is closer may be a tie when scores are rounded


def _decide_pairs(
    order: OrderArray,
    pairs: IntArray,
    lowest: FloatArray,
    highest: FloatArray,
    side_of: IntArray,
    weight: FloatArray,
    bottom: FloatArray,
    top: FloatArray,
    n_corner: IntArray,
    box: FloatArray,
    is_narrow: BoolArray,
    low: FloatArray,
    high: FloatArray,
    side_corner: FloatArray,
    n_side_corner: IntArray,
    side_box: FloatArray,
    side_is_narrow: BoolArray,
) -> None:
    """Write what is certain of each pair, in a part of what the scales can be.

    Parameters
    ----------
    order : array, shape (n, n)
        Changed in place: `ABOVE` or `NOT_BELOW` where that is certain of the row beside the column.
    pairs : array, shape (n_pair, 2)
        Which to look at.
    lowest, highest : array, shape (n, k)
        What each value can be, better the higher.
    side_of, weight : array, shape (k,)
        The indicator's side, 0 or 1, and its weight within it.
    bottom, top : array, shape (k, n, n_corner)
        The scores, 0-1, of the lowest and the highest value at each corner of the scale's region.
    n_corner, box, is_narrow : array, shape (k,), (k, 4) and (k,)
        How many corners the region has, what is around it, and whether the scale may have no width.
    low, high : array, shape (2, n)
        What the mean of each side can be.
    side_corner : array, shape (2, n_corner, 2)
        The corners of the sides' regions, lower and upper percentile.
    n_side_corner, side_box, side_is_narrow : array, shape (2,), (2, 4) and (2,)
        As of the indicators.
    """
    ahead = np.zeros(2)
    for pair in range(len(pairs)):
        i, j = pairs[pair]
        ahead[:] = 0.0
        is_nowhere_worse = True
        for k in range(lowest.shape[1]):
            value, other = lowest[i, k], highest[j, k]
            is_nowhere_worse &= value >= other
            if is_narrow[k]:
                least = 0.0 if value >= other else -1.0
            elif value >= other:
                # Along either percentile the difference rises and then falls: a corner is least.
                least = 1.0
                for c in range(n_corner[k]):
                    least = min(least, bottom[k, i, c] - top[k, j, c])
            else:
                least = _behind(value, other, box[k])
            ahead[side_of[k]] += weight[k] * least
        total = 0.0
        for s in range(2):
            total += side_difference(
                ahead[s], low[s, i], high[s, i], low[s, j], high[s, j],
                side_corner[s, : n_side_corner[s]], side_box[s], side_is_narrow[s],
            )  # fmt: skip
        if total > MARGIN:
            order[i, j] = ABOVE
        elif is_nowhere_worse:
            order[i, j] = max(order[i, j], NOT_BELOW)


def _least_side_difference(
    ahead: float,
    low: float,
    high: float,
    other_low: float,
    other_high: float,
    corner: FloatArray,
    box: FloatArray,
    is_narrow: bool,
) -> float:
    """Return the least difference of two scores on a side.

    Parameters
    ----------
    ahead : float
        By how much at least the mean of the one is above that of the other; may be negative.
    low, high, other_low, other_high : float
        What the two means can be.
    corner : array, shape (n_corner, 2)
        Of what the lower and the upper percentile can be.
    box : array, shape (4,)
        Around it: lowest and highest of the lower, lowest and highest of the upper.
    is_narrow : bool
        Whether the scale may have no width. It then orders, and tells no distance.

    Returns
    -------
    float
        -1 to 1; no two such means differ by less on any such scale.
    """
    ahead = max(ahead, low - other_high)
    if is_narrow:
        return 0.0 if ahead > MARGIN else -1.0
    last = min(high, other_high + ahead)
    first = min(max(low, other_low + ahead), last)
    if ahead < 0:
        mean = min(max(box[1], first), last)
        return float(_behind(mean, mean - ahead, box))
    # How far apart the scores of two so distant means are rises and falls along the scale too.
    least = 1.0
    for c in range(len(corner)):
        lower, upper = corner[c]
        at_first = _score(first, lower, upper) - _score(first - ahead, lower, upper)
        at_last = _score(last, lower, upper) - _score(last - ahead, lower, upper)
        least = min(least, at_first, at_last)
    return least


def _most_behind(value: float, other: float, box: FloatArray) -> float:
    """Return the difference to a higher one: greatest with the scale just around the two."""
    lower = min(max(value, box[0]), box[1])
    upper = min(max(other, box[2]), box[3])
    return float(_score(value, lower, upper) - _score(other, lower, upper))


def _score_of(value: float, lower: float, upper: float) -> float:
    if value <= lower:
        return 0.0
    if value >= upper:
        return 1.0
    return (value - lower) / (upper - lower)


# Called, not written as decorators: outside `frontier` mypy wants decorators that have types.
_score = numba.njit(cache=True, nogil=True)(_score_of)
_behind = numba.njit(cache=True, nogil=True)(_most_behind)
side_difference = numba.njit(cache=True, nogil=True)(_least_side_difference)
decide = numba.njit(cache=True, nogil=True)(_decide_pairs)
