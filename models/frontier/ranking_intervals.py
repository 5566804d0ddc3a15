"""Ranking intervals: the best and the worst rank a DMU can have, whatever the weights.

A ranking by a weighted sum, or by a ratio of two, is one of many: others follow from other weights
that are as easy to defend. What holds for all of them does not hang on the choice of weights.
"""

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.fewest import FeasibleWeights, Fewest, fewest_positive
from models.frontier.restricted import PriceRatio
from models.frontier.technology import (
    NAMED_AT_MOST,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    checked,
    dmu_name,
)


@dataclass(frozen=True, slots=True)
class RankingIntervals:
    """Best and worst rank over all feasible weights, and weights that give them."""

    best: IntArray  # (n,), 1 is first; those who tie with the DMU are behind it
    worst: IntArray  # (n,), at most n; those who tie with the DMU are ahead of it
    best_weight: FloatArray  # (n, n_weight), weights at which the best rank is had
    worst_weight: FloatArray  # (n, n_weight)


def ranking_intervals(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    ratios: Iterable[PriceRatio] = (),
    labels: Labels | None = None,
) -> RankingIntervals:
    """Find the best and worst rank by efficiency that feasible prices give each DMU.

    At given prices a DMU's efficiency is the worth of its outputs by that of its inputs, and its
    rank counts those of higher efficiency. Prices are the same for all, at least 0, not all 0 on
    either side. Under crs a DMU is efficient where its best rank is 1.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    ratios : iterable of PriceRatio
        Bounds on ratios of two inputs' or two outputs' prices, in the data's units. An input's
        and an output's price have no ratio here: only ranks matter, and they stay the same when
        all prices of a side are multiplied.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    RankingIntervals
        Exact, but that efficiencies closer than 1e-9 of each other may count as equal. The
        weights are prices of inputs, then outputs, in the data's units, at which the DMU's own
        inputs are worth 1 and its outputs too.

    Raises
    ------
    FrontierError
        As `technology.checked`; or if a ratio's columns or bounds make no sense, or no prices
        satisfy all ratios.

    Warns
    -----
    FrontierWarning
        As `technology.checked`.

    References
    ----------
    Salo and Punkka (2011), Manage. Sci. 57(1), 200-214.
    """
    data = checked(inputs, outputs, labels=labels, rts="crs")
    m, s = data.inputs.shape[1], data.outputs.shape[1]
    own = np.hstack([data.inputs, data.outputs])
    bounds = _ratio_rows(ratios, m, s)

    def problem(row: int) -> tuple[FloatArray, FeasibleWeights]:
        # In shares of the DMU's own totals prices have no unit, and the totals are 1.
        form = np.hstack([-data.inputs / data.inputs[row], data.outputs / data.outputs[row]])
        form /= np.abs(form).max(axis=1, keepdims=True)
        rows = bounds / own[row]
        feasible = FeasibleWeights(
            lower=np.zeros(m + s),
            upper=np.ones(m + s),
            block=np.array([0, m, m + s]),
            rows=rows / np.abs(rows).max(axis=1, keepdims=True),
        )
        return np.delete(form, row, axis=0), feasible

    found = _intervals(len(data.inputs), problem)
    if (found.best < 1).any():
        raise FrontierError(
            "No prices satisfy all ratios at once. Widen the bounds of a ratio, or leave one out."
        )
    return RankingIntervals(
        found.best, found.worst, found.best_weight / own, found.worst_weight / own
    )


def weight_rank_intervals(
    scores: ArrayLike,
    *,
    lower: ArrayLike,
    upper: ArrayLike,
    labels: Labels | None = None,
) -> RankingIntervals:
    """Find the best and worst rank by a weighted mean that feasible weights give each DMU.

    Parameters
    ----------
    scores : array, shape (n_dmu, n_indicator)
        All in one unit, such as 0 to 100; more is better. Zeros are scores like any other.
    lower, upper : array, shape (n_indicator,) or a number for all
        Bounds on each indicator's weight; weights are at least 0 and sum to 1.
    labels : Labels, optional
        Names for messages; the indicators' are its `outputs`.

    Returns
    -------
    RankingIntervals
        Exact, but that means closer than 1e-9 of the scores' range may count as equal. Equal
        DMUs stand behind each other at best and ahead at worst, so the interval holds the rank
        however ties are broken.

    Raises
    ------
    FrontierError
        If a score is NaN or infinite, the shapes do not fit, or no weights are within bounds.

    References
    ----------
    Salo and Punkka (2011), Manage. Sci. 57(1), 200-214, on ratios; here the inputs are all 1.
    """
    value = _checked_scores(scores, labels or Labels())
    n, k = value.shape
    low, high = _checked_bounds(lower, upper, k)
    feasible = FeasibleWeights(low, high, np.array([0, k]), np.zeros((0, k)))
    extent = np.ptp(value) or 1.0

    def problem(row: int) -> tuple[FloatArray, FeasibleWeights]:
        return np.delete((value - value[row]) / extent, row, axis=0), feasible

    return _intervals(n, problem)


def _intervals(
    n: int, problem: Callable[[int], tuple[FloatArray, FeasibleWeights]]
) -> RankingIntervals:
    """Return both ends for every DMU, whose problem says how far each other is ahead of it.

    The best rank is 0 where no weights are feasible.
    """

    def both(row: int) -> tuple[Fewest, Fewest]:
        form, feasible = problem(row)
        # At worst as few as can be are behind: all others are ahead or tie.
        return fewest_positive(form, feasible), fewest_positive(-form, feasible)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = list(pool.map(both, range(n)))
    return RankingIntervals(
        best=np.array([1 + ahead.n_positive for ahead, _ in found]),
        worst=np.array([n - behind.n_positive for _, behind in found]),
        best_weight=np.array([ahead.weight for ahead, _ in found]),
        worst_weight=np.array([behind.weight for _, behind in found]),
    )


def _ratio_rows(ratios: Iterable[PriceRatio], m: int, s: int) -> FloatArray:
    """Rows over prices that are at most 0 where every ratio is within its bounds."""
    rows = []
    for each in ratios:
        pair = sorted((each.column, each.other))
        is_input = pair[0] >= 0 and pair[1] < m
        is_output = m <= pair[0] and pair[1] < m + s
        if not (is_input or is_output) or pair[0] == pair[1]:
            raise FrontierError(
                f"A ratio is of the columns {each.column} and {each.other}. Give two inputs "
                f"(0 to {m - 1}) or two outputs ({m} to {m + s - 1})."
            )
        if not 0 <= each.lower <= each.upper:
            raise FrontierError(
                f"The bounds of a ratio are {each.lower:g} and {each.upper:g}. Give "
                "0 <= lower <= upper."
            )
        for bound, sign in ((each.lower, 1.0), (each.upper, -1.0)):
            if np.isfinite(bound):
                row = np.zeros(m + s)
                row[each.column], row[each.other] = -sign, sign * bound
                rows.append(row)
    return np.array(rows).reshape(-1, m + s)


def _checked_scores(scores: ArrayLike, labels: Labels) -> FloatArray:
    value = np.asarray(scores, dtype=np.float64)
    if value.ndim != 2 or 0 in value.shape:
        raise FrontierError(
            f"The scores have the shape {value.shape}. Give one row per DMU and one column per "
            "indicator, at least one of each."
        )
    for what, names, n in (
        ("DMUs", labels.dmu, value.shape[0]),
        ("indicators", labels.outputs, value.shape[1]),
    ):
        if names and len(names) != n:
            raise FrontierError(f"{len(names)} names were given for {n} {what}. Give one each.")
    bad = [
        f"{dmu_name(labels, int(row))} has "
        f"{labels.outputs[column] if labels.outputs else f'indicator {column + 1}'} = "
        f"{value[row, column]:g}"
        for row, column in np.argwhere(~np.isfinite(value))
    ]
    if bad:
        many = f" ({len(bad)} such)" if len(bad) > NAMED_AT_MOST else ""
        raise FrontierError(
            f"{'; '.join(bad[:NAMED_AT_MOST])}{many}. Every score must be finite: set the DMU "
            "aside, or leave the indicator out."
        )
    return value


def _checked_bounds(lower: ArrayLike, upper: ArrayLike, k: int) -> tuple[FloatArray, FloatArray]:
    bounds: Sequence[FloatArray] = [np.asarray(each, dtype=np.float64) for each in (lower, upper)]
    if any(each.shape not in ((), (k,)) for each in bounds):
        raise FrontierError(
            f"The bounds have the shapes {bounds[0].shape} and {bounds[1].shape}. Give one number "
            f"for all {k} indicators, or one for each."
        )
    low, high = (np.array(np.broadcast_to(each, k)) for each in bounds)
    if not ((low >= 0) & (low <= high) & (high <= 1)).all():
        raise FrontierError(
            f"The bounds on weights are {low.tolist()} and {high.tolist()}. Give "
            "0 <= lower <= upper <= 1 for every indicator."
        )
    # Bounds such as three thirds are meant to sum to 1.
    if low.sum() > 1 + 1e-12 or high.sum() < 1 - 1e-12:
        raise FrontierError(
            f"The weights cannot sum to 1: their least are {low.tolist()}, their most "
            f"{high.tolist()}. Widen the bounds."
        )
    return low, high
