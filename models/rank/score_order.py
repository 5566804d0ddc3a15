"""Which of two municipalities has the higher score, whatever the missing values are.

Of RKA's scales only two numbers of each matter to those who have all values: its percentiles. What
these can be is bounded from the sorted values, with the missing ones at the ends of their limits.
The difference of two scores is bounded over all that the percentiles can be, and an order that
holds throughout is certain. Where it does not, the percentiles are divided into cells, and the
difference is bounded in each.

Values here are better the higher, scores are 0-1, and the sides are 0 (cost) and 1 (quality).
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.panel import BoolArray, FloatArray
from models.rank.score_difference import ABOVE, MARGIN, UNDECIDED, IntArray, OrderArray, decide
from models.score.index import LOWER_PERCENTILE, UPPER_PERCENTILE

NARROW = 1e-6  # of the larger bound; a scale that may be narrower orders, and tells no distance
NARROW_SIDE = 1e-3  # the same for a side, whose scores carry the indicators' rounding errors
MOST_STEPS = 6  # corners of what the two percentiles of a scale can be together


@dataclass(frozen=True, slots=True)
class Values:
    """What a period's values can be."""

    lowest: FloatArray  # (n, k), equal to `highest` where the value is known
    highest: FloatArray  # (n, k)
    is_missing: BoolArray  # (n, k)
    side: IntArray  # (k,), 0 or 1
    weight: FloatArray  # (k,), within its side to sum to 1


@dataclass(frozen=True, slots=True)
class Region:
    """What a scale's lower and upper percentile can be."""

    corner: FloatArray  # (n_corner, 2); where the difference of two scores can be least
    box: FloatArray  # (4,), lowest and highest of the lower, lowest and highest of the upper


@dataclass(frozen=True, slots=True)
class Cell:
    """A part of what the percentiles can be, and the orders that are certain in it."""

    box: FloatArray  # (k, 4), of each indicator's region
    side_width: FloatArray  # (2,), the least that each side's scale can be wide
    order: OrderArray  # (n, n), of the row beside the column
    undecided: IntArray  # (n_pair, 2)


def certain_orders(values: Values, *, cells: int) -> list[OrderArray]:
    """Find the orders that are certain, in parts that together hold all that is possible.

    Parameters
    ----------
    values : Values
        At least one municipality and one indicator on each side, all limits finite.
    cells : int
        How many parts to look at, at most; the more, the fewer orders stay undecided.

    Returns
    -------
    list of array, shape (n, n)
        One for each part: `ABOVE` where the row's score is above the column's in every filling
        of the part, `NOT_BELOW` where it is never below, otherwise `UNDECIDED`.
    """
    n, k = values.lowest.shape
    steps, boxes = [], np.empty((k, 4))
    for column in range(k):
        low, high = values.lowest[:, column], values.highest[:, column]
        is_missing = values.is_missing[:, column]
        middle = (low + high)[~is_missing] / 2
        between = float(np.median(middle)) if middle.size else float(np.mean((low + high) / 2))
        step, boxes[column] = _possible_percentiles(low, high, is_missing, between)
        steps.append(step)
    pairs = np.argwhere(~np.eye(n, dtype=np.bool_))
    whole = _cell(values, steps, boxes, pairs, np.full((n, n), UNDECIDED, dtype=np.int8))
    assert whole is not None  # the steps lie in the boxes
    # The part with most undecided pairs is divided first; the number breaks ties.
    parts, looked_at = [(-len(whole.undecided), 0, whole)], 1
    finished: list[OrderArray] = []
    while parts and looked_at < cells:
        _, _, cell = heapq.heappop(parts)
        widest = _widest(values, cell)
        if widest is None or not len(cell.undecided):
            finished.append(cell.order)
            continue
        column, end = widest
        middle_of = cell.box[column, end : end + 2].mean()
        for half in (0, 1):
            box = cell.box.copy()
            box[column, end + 1 - half] = middle_of
            part = _cell(values, steps, box, cell.undecided, cell.order)
            looked_at += 1
            if part is not None:
                heapq.heappush(parts, (-len(part.undecided), looked_at, part))
    return finished + [cell.order for _, _, cell in parts]


def _widest(values: Values, cell: Cell) -> tuple[int, int] | None:
    """Return the indicator and the percentile whose range moves scores most; none if none has."""
    box = cell.box
    width = np.maximum(box[:, 2] - box[:, 1], NARROW * np.abs(box).max(axis=1))
    scale = np.where(width > 0, width, 1.0) * np.maximum(cell.side_width, NARROW)[values.side]
    effect = np.stack([box[:, 1] - box[:, 0], box[:, 3] - box[:, 2]], axis=1)
    effect = effect * (values.weight / scale)[:, np.newaxis]
    at = int(np.argmax(effect))
    return (at // 2, 2 * (at % 2)) if effect.flat[at] > MARGIN else None


def _cell(
    values: Values,
    steps: Sequence[FloatArray],
    boxes: FloatArray,
    pairs: IntArray,
    known: OrderArray,
) -> Cell | None:
    """Bound the differences of pairs in a part; none where no filling is in it."""
    n, k = values.lowest.shape
    regions = [_region(steps[column], boxes[column]) for column in range(k)]
    inside = [region for region in regions if region is not None]
    if len(inside) < k:
        return None
    low, high = np.zeros((2, n)), np.zeros((2, n))
    is_narrow = np.array([_is_narrow(region.box) for region in inside])
    for column, region in enumerate(inside):
        side, weight = values.side[column], values.weight[column]
        if is_narrow[column]:
            high[side] += weight
            continue
        first, last, lowest, highest = region.box
        bottom, top = values.lowest[:, column], values.highest[:, column]
        # A score falls with either percentile, so it is least where both are highest.
        low[side] += weight * np.clip((bottom - last) / (highest - last), 0, 1)
        high[side] += weight * np.clip((top - first) / (lowest - first), 0, 1)
    sides = []
    for side in (0, 1):
        is_missing = np.any(values.is_missing[:, values.side == side], axis=1)
        middle = (low[side] + high[side])[~is_missing] / 2
        between = float(np.median(middle)) if middle.size else 0.5
        step, box = _possible_percentiles(low[side], high[side], is_missing, between)
        sides.append(Region(_corners(step, box), box))
    corner, n_corner, box = _stacked(inside)
    side_corner, n_side_corner, side_box = _stacked(sides)
    side_width = side_box[:, 2] - side_box[:, 1]
    order = known.copy()
    decide(
        order, pairs, values.lowest, values.highest, values.side, values.weight,
        _scores(values.lowest, corner), _scores(values.highest, corner), n_corner, box, is_narrow,
        low, high, side_corner, n_side_corner, side_box, side_width <= NARROW_SIDE,
    )  # fmt: skip
    here, there = pairs[:, 0], pairs[:, 1]
    is_open = (order[here, there] != ABOVE) & (order[there, here] != ABOVE)
    is_open &= (order[here, there] == UNDECIDED) | (order[there, here] == UNDECIDED)
    return Cell(
        box=box,
        side_width=side_width,
        order=order,
        undecided=pairs[is_open],
    )


def _possible_percentiles(
    low: FloatArray, high: FloatArray, is_missing: BoolArray, between: float
) -> tuple[FloatArray, FloatArray]:
    """Return the steps (lowest lower, highest upper percentile) and the box around all.

    A missing value is below `between` or it is not. With m of h below, the lower percentile is
    least when these are as low as they can be, the upper greatest when the other h - m are as
    high: no filling has both at their extremes unless there are enough missing values for both.
    """
    n, h = low.size, int(is_missing.sum())
    lowest, highest = np.sort(low[is_missing]), np.sort(high[is_missing])[::-1]
    box = np.array([
        _percentile(low, LOWER_PERCENTILE), _percentile(high, LOWER_PERCENTILE),
        _percentile(low, UPPER_PERCENTILE), _percentile(high, UPPER_PERCENTILE),
    ])  # fmt: skip
    # A percentile rests on no more than this many of the lowest or highest values.
    most = int((n - 1) * LOWER_PERCENTILE / 100) + 2
    if h >= 2 * most:
        return np.array([[box[0], box[3]]]), box
    lower, upper = np.empty(h + 1), np.empty(h + 1)
    for m in range(h + 1):
        below = np.concatenate([low[~is_missing], lowest[:m], np.maximum(lowest[m:], between)])
        above = np.concatenate([high[~is_missing], highest[:m], np.minimum(highest[m:], between)])
        lower[m] = np.clip(_percentile(below, LOWER_PERCENTILE), box[0], box[1])
        upper[m] = np.clip(_percentile(above, UPPER_PERCENTILE), box[2], box[3])
    cut = np.unique(np.linspace(0, h, min(h, MOST_STEPS) + 1).round().astype(np.int64))
    first, last = (cut[:-1], cut[1:]) if h else (cut, cut)
    return np.stack([lower[last], upper[h - first]], axis=1), box


def _region(steps: FloatArray, box: FloatArray) -> Region | None:
    """Return what is possible within a box; none if nothing is."""
    first, last, lowest, highest = box
    lower, upper = np.maximum(steps[:, 0], first), np.minimum(steps[:, 1], highest)
    inside = (lower <= last) & (upper >= lowest)
    if not inside.any():
        return None
    lower, upper = lower[inside], upper[inside]
    box = np.array([lower.min(), last, lowest, upper.max()])
    return Region(_corners(np.stack([lower, upper], axis=1), box), box)


def _corners(steps: FloatArray, box: FloatArray) -> FloatArray:
    first, last, lowest, highest = box
    others = [(last, highest), (first, lowest), (last, lowest)]
    # Where little is missing many are the same.
    return np.array(sorted({*map(tuple, steps.tolist()), *others}))


def _is_narrow(box: FloatArray) -> bool:
    return bool(box[2] - box[1] <= NARROW * np.abs(box).max())


def _stacked(regions: Sequence[Region]) -> tuple[FloatArray, IntArray, FloatArray]:
    """Return the corners, how many there are of each, and the boxes."""
    number = np.array([len(region.corner) for region in regions])
    corner = np.zeros((len(regions), number.max(), 2))
    for position, region in enumerate(regions):
        corner[position, : number[position]] = region.corner
    return corner, number, np.stack([region.box for region in regions])


def _scores(values: FloatArray, corner: FloatArray) -> FloatArray:
    """Return the scores (k, n, n_corner) of values (n, k) at each corner (k, n_corner, 2)."""
    lower, upper = corner[:, np.newaxis, :, 0], corner[:, np.newaxis, :, 1]
    width = np.where(upper > lower, upper - lower, 1.0)  # a narrow scale's are not looked at
    return np.clip((values.T[:, :, np.newaxis] - lower) / width, 0.0, 1.0)


def _percentile(values: FloatArray, percent: float) -> float:
    position = (values.size - 1) * percent / 100
    below = int(position)
    above = min(below + 1, values.size - 1)
    in_place = np.partition(values, (below, above))
    return float(in_place[below] + (in_place[above] - in_place[below]) * (position - below))
