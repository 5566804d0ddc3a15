"""How few of many linear forms can be positive at once, over weights that are shares.

Weights are cut into boxes. Over a box (and the sums that weights must have) the largest and the
least value of a form are found exactly, by filling up the dearest or the cheapest weights first.
Forms that are positive all over a box bound from below what can be had in it; one point of it
bounds the answer from above; a box that cannot do better is left, the others are halved. Around
any point a small enough box knows all forms but those that are 0 there, so this ends.
"""

from dataclasses import dataclass
from itertools import pairwise

import numba
import numpy as np

from models.frontier.programme import solve
from models.frontier.technology import FloatArray, IntArray

TIE = 1e-9  # a form, scaled to coefficients of at most 1, that is no larger is not positive
ROUNDING = 1e-12  # a form that is nowhere smaller than this is positive
MOST_BOXES = 20_000_000  # some ten seconds; the hardest of 290 DMUs in 6 indicators takes 100 000


@dataclass(frozen=True, slots=True)
class FeasibleWeights:
    """Weights in blocks: within each they sum to 1; each has bounds; linear rows are at most 0."""

    lower: FloatArray  # (n_weight,)
    upper: FloatArray  # (n_weight,)
    block: IntArray  # (n_block + 1,), where each block of weights begins, and the end
    rows: FloatArray  # (n_row, n_weight), of a size of about 1


@dataclass(frozen=True, slots=True)
class Fewest:
    """How few forms are positive, and weights that show it."""

    n_positive: int  # -1 if no weights are feasible
    weight: FloatArray  # (n_weight,), NaN if there are none


def fewest_positive(form: FloatArray, feasible: FeasibleWeights) -> Fewest:
    """Find the least number of forms that are positive at the same weights.

    Parameters
    ----------
    form : array, shape (n_form, n_weight)
        Coefficients, of a size of at most about 1.
    feasible : FeasibleWeights
        Over which weights.

    Returns
    -------
    Fewest
        The number is exact but for ties: a form between 0 and 1e-9 may count as not positive.
    """
    least, weight, is_complete = _search(
        np.ascontiguousarray(form),
        _order(form, feasible.block),
        np.ascontiguousarray(feasible.rows),
        _order(feasible.rows, feasible.block),
        feasible.block,
        feasible.lower,
        feasible.upper,
        MOST_BOXES,
    )
    if not is_complete:
        return fewest_by_programme(form, feasible)
    if least > len(form):
        return Fewest(-1, np.full(form.shape[1], np.nan))
    return Fewest(int(least), weight)


def fewest_by_programme(form: FloatArray, feasible: FeasibleWeights) -> Fewest:
    """Find the same by a mixed-integer programme, which is slow where many forms can be either.

    Parameters
    ----------
    form, feasible
        As in `fewest_positive`.

    Returns
    -------
    Fewest
        As there.
    """
    largest = _largest(form, feasible)
    can_be = np.flatnonzero(largest > TIE)
    n_weight, n = form.shape[1], can_be.size
    # No more than its largest value is asked of a form, so the relaxation is as tight as it can be.
    bound = np.hstack([form[can_be] / largest[can_be, np.newaxis], -np.eye(n)])
    sums = np.zeros((len(feasible.block) - 1, n_weight + n))
    for each, (first, last) in enumerate(pairwise(feasible.block)):
        sums[each, first:last] = 1.0
    rows = np.hstack([feasible.rows, np.zeros((len(feasible.rows), n))])
    below = np.zeros(len(rows) + n)
    solution = solve(
        np.concatenate([np.zeros(n_weight), np.ones(n)]),
        np.vstack([bound, rows, sums]),
        row_lower=np.concatenate([np.full(below.size, -np.inf), np.ones(len(sums))]),
        row_upper=np.concatenate([below, np.ones(len(sums))]),
        lower=np.concatenate([feasible.lower, np.zeros(n)]),
        upper=np.concatenate([feasible.upper, np.ones(n)]),
        integer=np.arange(n_weight + n) >= n_weight,
    )
    if solution.status != "optimal":
        return Fewest(-1, np.full(n_weight, np.nan))
    return Fewest(round(solution.objective), solution.primal[:n_weight])


def _order(form: FloatArray, block: IntArray) -> IntArray:
    """Return, block by block, the weights of every form, the largest coefficient first."""
    parts = [
        first + np.argsort(-form[:, first:last], axis=1, kind="stable")
        for first, last in pairwise(block)
    ]
    return np.hstack(parts)


def _largest(form: FloatArray, feasible: FeasibleWeights) -> FloatArray:
    order = _order(form, feasible.block)
    return np.array(
        [
            sum(
                _filled(each, order[row], first, last, feasible.lower, feasible.upper, 1)
                for first, last in pairwise(feasible.block)
            )
            for row, each in enumerate(form)
        ]
    )


@numba.njit(cache=True, nogil=True)
def _filled(
    form: FloatArray,
    order: IntArray,
    first: int,
    last: int,
    lower: FloatArray,
    upper: FloatArray,
    step: int,
) -> float:
    """Return a block's largest (step 1) or least (step -1) part of a form over a box."""
    value, left = 0.0, 1.0
    for k in range(first, last):
        value += form[k] * lower[k]
        left -= lower[k]
    at = first if step > 0 else last - 1
    for _ in range(last - first):
        if left <= 0.0:
            break
        k = order[at]
        more = min(left, upper[k] - lower[k])
        value += more * form[k]
        left -= more
        at += step
    return value


@numba.njit(cache=True, nogil=True)
def _tighten(block: IntArray, lower: FloatArray, upper: FloatArray) -> bool:
    """Draw in bounds that the sums of weights leave no use for; False if none can sum to 1."""
    for b in range(block.size - 1):
        least, most = 0.0, 0.0
        for k in range(block[b], block[b + 1]):
            least += lower[k]
            most += upper[k]
        if least > 1.0 + ROUNDING or most < 1.0 - ROUNDING:
            return False
        for k in range(block[b], block[b + 1]):
            low, high = lower[k], upper[k]
            lower[k] = min(high, max(low, 1.0 - (most - high)))
            upper[k] = max(lower[k], min(high, 1.0 - (least - low)))
    return True


@numba.njit(cache=True, nogil=True)
def _middle(block: IntArray, lower: FloatArray, upper: FloatArray, weight: FloatArray) -> None:
    """Set weights inside a box that sum to 1."""
    for b in range(block.size - 1):
        least, most = 0.0, 0.0
        for k in range(block[b], block[b + 1]):
            least += lower[k]
            most += upper[k]
        share = min(1.0, max(0.0, (1.0 - least) / (most - least))) if most > least else 0.0
        for k in range(block[b], block[b + 1]):
            weight[k] = lower[k] + share * (upper[k] - lower[k])


@numba.njit(cache=True, nogil=True)
def _search(
    form: FloatArray,
    order: IntArray,
    rows: FloatArray,
    row_order: IntArray,
    block: IntArray,
    first_lower: FloatArray,
    first_upper: FloatArray,
    most_boxes: int,
) -> tuple[int, FloatArray, bool]:
    n, p = form.shape
    n_block = block.size - 1
    depth = 64 * p  # halvings until a box is a point
    lowers, uppers = np.empty((depth, p)), np.empty((depth, p))
    n_known, n_open = np.empty(depth, dtype=np.int64), np.empty(depth, dtype=np.int64)
    opens = np.empty((depth, n), dtype=np.int64)
    lowers[0], uppers[0], n_known[0], n_open[0] = first_lower, first_upper, 0, n
    opens[0] = np.arange(n)
    waiting, boxes = 1, 0
    best, best_weight = n + 1, np.full(p, np.nan)
    weight, reach, pull = np.empty(p), np.empty(p), np.zeros(p)
    middle = np.empty(n_block)
    here = np.empty(n, dtype=np.int64)
    while waiting > 0:
        boxes += 1
        if boxes > most_boxes or waiting + 1 >= depth:
            return best, best_weight, False
        waiting -= 1
        lower, upper = lowers[waiting].copy(), uppers[waiting].copy()
        if not _tighten(block, lower, upper):
            continue
        is_feasible = True
        for c in range(rows.shape[0]):
            least = 0.0
            for b in range(n_block):
                least += _filled(rows[c], row_order[c], block[b], block[b + 1], lower, upper, -1)
            if least > ROUNDING:
                is_feasible = False
                break
        if not is_feasible:
            continue
        known, still = n_known[waiting], 0
        reach[:] = 1e-9  # so that a box is halved for the rows' sake where no form is open
        for q in range(n_open[waiting]):
            i = opens[waiting, q]
            most, least = 0.0, 0.0
            for b in range(n_block):
                high = _filled(form[i], order[i], block[b], block[b + 1], lower, upper, 1)
                low = _filled(form[i], order[i], block[b], block[b + 1], lower, upper, -1)
                most += high
                least += low
                middle[b] = 0.5 * (high + low)
            if most <= TIE:
                continue
            if least > ROUNDING:
                known += 1
                continue
            here[still] = i
            still += 1
            for b in range(n_block):
                for k in range(block[b], block[b + 1]):
                    reach[k] += abs(form[i, k] - middle[b])
        if known >= best:
            continue
        _middle(block, lower, upper, weight)
        for c in range(rows.shape[0]):
            if np.dot(rows[c], weight) > TIE:
                is_feasible = False
                break
        if is_feasible:
            count = known
            pull[:] = 0.0
            for q in range(still):
                i = here[q]
                value = 0.0
                for k in range(p):
                    value += form[i, k] * weight[k]
                if value > TIE:
                    count += 1
                    pull += form[i]
            if count < best:
                best, best_weight = count, weight.copy()
            if known >= best:
                continue
        widest = np.argmax((upper - lower) * reach)
        cut = 0.5 * (lower[widest] + upper[widest])
        for b in range(n_block):
            if block[b] <= widest < block[b + 1]:
                average = 0.0
                for k in range(block[b], block[b + 1]):
                    average += pull[k] * weight[k]
                less = pull[widest] > average
        for half in range(2):
            lowers[waiting], uppers[waiting] = lower, upper
            if (half == 0) == less:
                lowers[waiting, widest] = cut
            else:
                uppers[waiting, widest] = cut
            n_known[waiting], n_open[waiting] = known, still
            opens[waiting, :still] = here[:still]
            waiting += 1
    return best, best_weight, True
