"""Benefit of the doubt: one score of several indicators, at the weights that suit each DMU best.

It is DEA with an input of 1 for everybody: what is scored is the indicators alone.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.kernel import along, radial
from models.frontier.programme import solve
from models.frontier.technology import (
    EFFICIENT,
    BoolArray,
    FloatArray,
    FrontierError,
    Labels,
    checked,
    dmu_name,
)

ROUNDING = 1e-12  # a score, or steps, this near the frontier's are the frontier's


@dataclass(frozen=True, slots=True)
class BenefitOfTheDoubtResult:
    """Scores at each DMU's own best weights, in the order given; NaN where infeasible."""

    score: FloatArray  # (n,), in (0, 1] against an own reference; weight @ indicators
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,), nobody in the reference has more at the DMU's best weights
    weight: FloatArray  # (n, k), per unit of the indicator; the best of the reference gets 1 by it
    share: FloatArray  # (n, k), of an indicator in the DMU's own score; a row adds up to 1


@dataclass(frozen=True, slots=True)
class DirectionalBenefitResult:
    """Steps to the best that is seen along a direction, in the order the DMUs were given."""

    score: FloatArray  # (n,), in (0, 1], 1 / (1 + inefficiency); of one direction only
    inefficiency: FloatArray  # (n,), steps of the direction; 0 on the frontier
    is_efficient: BoolArray  # (n,), on the frontier, perhaps on a part of it that is dominated
    target: FloatArray  # (n, k), where the steps lead, in the indicators' units


def benefit_of_the_doubt(
    indicators: ArrayLike,
    *,
    share_lower: ArrayLike = 0.0,
    share_upper: ArrayLike = 1.0,
    reference: ArrayLike | None = None,
    labels: Labels | None = None,
) -> BenefitOfTheDoubtResult:
    """Score every DMU at the weights, among those allowed, that show it at its best.

    The score is the weighted sum of the DMU's indicators over the largest such sum in the
    reference. Without bounds a DMU may put all weight on the one indicator it is best in. The
    bounds hold for the shares of the DMU that is scored, at its own values: those are the shares
    that are reported, and the others' shares at its weights may lie outside.

    Parameters
    ----------
    indicators : array, shape (n_dmu, n_indicator)
        At least 0, more is better; each column in one unit. A DMU needs one indicator above 0. A
        zero is an achievement of nothing and not a missing value.
    share_lower, share_upper : array, shape (n_indicator,), or a number for all
        Bounds on the share of each indicator in the DMU's own score, 0 to 1. By default any.
    reference : array, shape (n_reference, n_indicator), optional
        Indicators of those who are compared with; without it the DMUs themselves.
    labels : Labels, optional
        Names for messages; the indicators' are `labels.outputs`.

    Returns
    -------
    BenefitOfTheDoubtResult
        Infeasible where no share can be as bounded, because the DMU has 0 in an indicator that
        must weigh something or too little else that may weigh; and where somebody outside the
        reference has something that nobody in it has, so that the score has no upper limit. The
        best weights of an efficient DMU are often one choice among many.

    Raises
    ------
    FrontierError
        As `technology.checked`; or if bounds are not in order or cannot add up to 1.

    Warns
    -----
    FrontierWarning
        As `technology.checked`, which counts the common input too.

    References
    ----------
    Melyn and Moesen (1991), Public Economics Research Paper 17, KU Leuven.
    Cherchye, Moesen, Rogge and Van Puyenbroeck (2007), Soc. Indic. Res. 82(1), 111-145.
    Wong and Beasley (1990), J. Oper. Res. Soc. 41(9), 829-835, on bounds of own shares.
    """
    own, spanning = _checked_indicators(indicators, reference, labels)
    lower, upper = _bounds(share_lower, share_upper, own.shape[1])
    free = radial(
        np.ones((len(own), 1)), own, np.ones((len(spanning), 1)), spanning,
        orientation="input", rts="crs",
    )  # fmt: skip
    share = np.maximum(free.multiplier[:, 1:-1], 0.0) * own
    share /= share.sum(axis=1, keepdims=True)
    if (lower > 0).any() or (upper < 1).any():
        share = _best_shares(own, _undominated(spanning), lower, upper, share)
    # Weighed by the shares, the best of the reference says how much of it the DMU has reached.
    per_unit = np.divide(share, own, out=np.zeros_like(share), where=own > 0)
    reached = np.zeros((len(spanning), len(own)))
    for column in range(own.shape[1]):  # one by one, so that no machine adds in another order
        reached += spanning[:, column, np.newaxis] * per_unit[:, column]
    score = 1 / reached.max(axis=0)
    score = np.where(np.abs(score - 1) <= ROUNDING, 1.0, score)
    return BenefitOfTheDoubtResult(
        score=score,
        status=np.where(np.isnan(score), "infeasible", "optimal"),
        is_efficient=score >= 1 - EFFICIENT,
        weight=per_unit * score[:, np.newaxis],
        share=share,
    )


def directional_benefit_of_the_doubt(
    indicators: ArrayLike,
    *,
    is_undesirable: ArrayLike,
    direction: ArrayLike,
    labels: Labels | None = None,
) -> DirectionalBenefitResult:
    """Count the steps of a direction to the frontier of indicators, some of them better low.

    A step adds the direction to what should be high and takes it off what should be low. The
    frontier is spanned by averages of the DMUs; who does worse than one of them in every
    indicator is below it.

    Parameters
    ----------
    indicators : array, shape (n_dmu, n_indicator)
        At least 0; each column in one unit. A DMU needs a desirable indicator above 0.
    is_undesirable : array of bool, shape (n_indicator,)
        Which indicators are better low; not all of them.
    direction : array, shape (n_indicator,) or (n_dmu, n_indicator)
        A step, in the indicators' units; at least 0. A DMU's own indicators make the steps a
        share of them, and without an undesirable one the score that of `benefit_of_the_doubt`;
        means make a step the same for all; a zero leaves an indicator as it is.
    labels : Labels, optional
        Names for messages; the indicators' are `labels.outputs`.

    Returns
    -------
    DirectionalBenefitResult
        Twice the direction halves the steps: scores can be compared within one direction.

    Raises
    ------
    FrontierError
        As `technology.checked`; if all indicators are undesirable; or if a direction is negative,
        not finite or nothing at all.

    Warns
    -----
    FrontierWarning
        As `technology.checked`, which counts the common input too.

    References
    ----------
    Fusco (2015), Eur. J. Oper. Res. 242(2), 620-630, on a direction that is chosen.
    Zanella, Camanho and Dias (2015), Eur. J. Oper. Res. 245(2), 517-530, on undesirable ones.
    """
    table = np.array(indicators, dtype=np.float64, ndmin=1)
    n_column = table.shape[1] if table.ndim == 2 else 1
    is_low = np.asarray(is_undesirable, dtype=np.bool_)
    if is_low.shape != (n_column,) or is_low.all():
        raise FrontierError(
            f"is_undesirable is {is_low.tolist()}, of {n_column} indicators. Say of each whether "
            "it is, and leave one that is not."
        )
    own, _ = _checked_indicators(table, None, labels)
    step = _step(direction, own.shape, labels)
    if lacking := np.flatnonzero((own[:, ~is_low] == 0).all(axis=1)).tolist():
        raise FrontierError(
            f"{dmu_name(labels, lacking[0])} has no desirable indicator above 0 "
            f"({len(lacking)} such). Set it aside."
        )
    # The common input says no more than that intensities add up to 1; without an undesirable
    # indicator it is the only one.
    low = np.hstack([np.ones((len(own), 1)), own[:, is_low]])
    less = np.hstack([np.zeros((len(own), 1)), step[:, is_low]])
    steps, _, _ = along(low, own[:, ~is_low], low, own[:, ~is_low], less, step[:, ~is_low],
                        rts="vrs")  # fmt: skip
    steps = np.where(np.abs(steps) <= ROUNDING, 0.0, steps)
    return DirectionalBenefitResult(
        score=1 / (1 + steps),
        inefficiency=steps,
        is_efficient=steps <= EFFICIENT,
        target=own + np.where(is_low, -1.0, 1.0) * steps[:, np.newaxis] * step,
    )


def _checked_indicators(
    indicators: ArrayLike, reference: ArrayLike | None, labels: Labels | None
) -> tuple[FloatArray, FloatArray]:
    table = np.array(indicators, dtype=np.float64, ndmin=1)
    labels = labels or Labels()
    n_column = table.shape[1] if table.ndim == 2 else 1
    names = labels.outputs or [f"indicator {column + 1}" for column in range(n_column)]
    spanning = None
    if reference is not None:
        theirs = np.asarray(reference, dtype=np.float64)
        spanning = np.ones((len(theirs), 1)), theirs
    data = checked(
        np.ones((len(table), 1)),
        table,
        reference=spanning,
        labels=Labels(dmu=labels.dmu, outputs=names),
        allow_zero=True,
    )
    return data.outputs, data.reference_outputs


def _bounds(lower: ArrayLike, upper: ArrayLike, n: int) -> tuple[FloatArray, FloatArray]:
    try:
        least = np.broadcast_to(np.asarray(lower, dtype=np.float64), n)
        most = np.broadcast_to(np.asarray(upper, dtype=np.float64), n)
    except ValueError as error:
        raise FrontierError(
            f"The bounds on shares have the shapes {np.shape(lower)} and {np.shape(upper)}, for "
            f"{n} indicators. Give one number each, or one for all."
        ) from error
    if not ((least >= 0) & (least <= most) & (most <= 1)).all():
        raise FrontierError(
            f"The bounds on shares are {least.tolist()} and {most.tolist()}. Give "
            "0 <= lower <= upper <= 1 for every indicator."
        )
    if least.sum() > 1 + ROUNDING or most.sum() < 1 - ROUNDING:
        raise FrontierError(
            f"The shares cannot add up to 1: their least are {least.tolist()}, their most "
            f"{most.tolist()}. Widen the bounds."
        )
    return least, most


def _undominated(spanning: FloatArray) -> FloatArray:
    """Return those of the reference who alone decide what the best at any weights is."""
    one = np.ones((len(spanning), 1))
    score = radial(one, spanning, one, spanning, orientation="input", rts="crs").farrell
    return spanning[score >= 1 - EFFICIENT]


def _best_shares(
    own: FloatArray,
    spanning: FloatArray,
    lower: FloatArray,
    upper: FloatArray,
    free_share: FloatArray,
) -> FloatArray:
    """Return every DMU's best shares within the bounds, NaN where there are none.

    With shares p of the indicators y, somebody who has z gets the sum of p * z / y where the DMU
    gets 1. The best shares make the largest such sum as small as it can be, a programme in which
    every bound is one on a variable.
    """
    n, k = own.shape
    best = np.full((n, k), np.nan)
    unseen = spanning.max(axis=0) == 0
    for row in range(n):
        has = own[row] > 0
        if (lower[~has] > 0).any() or upper[has].sum() < 1 - ROUNDING:
            continue
        if upper[has & unseen].sum() >= 1 - ROUNDING and not lower[~unseen].any():
            continue
        within = (free_share[row] >= lower - ROUNDING) & (free_share[row] <= upper + ROUNDING)
        if within.all():
            best[row] = free_share[row]
            continue
        found = np.zeros(k)
        found[has] = _best_within(spanning[:, has] / own[row, has], lower[has], upper[has])
        best[row] = found / found.sum()
    return best


def _best_within(times: FloatArray, lower: FloatArray, upper: FloatArray) -> FloatArray:
    """Return the shares that make the largest of times @ shares as small as it can be.

    The solver's tolerances are absolute, and an indicator near 0 makes the columns differ by many
    powers of ten. So every share is counted from its lower bound, in units of the room it has:
    no more than to its upper bound, and no more than leaves the answer below one that is known.
    """
    most = times.max(axis=0)
    known, left = lower.copy(), 1 - lower.sum()
    for column in np.argsort(most, kind="stable"):
        more = min(left, upper[column] - lower[column])
        known[column] += more
        left -= more
    size = known @ most
    room = np.minimum(upper, np.divide(size, most, out=np.ones_like(most), where=most > 0)) - lower
    room = np.maximum(room, 0.0)
    solution = solve(
        np.append(np.zeros(room.size), 1.0),
        np.vstack(
            [
                np.hstack([times * room / size, -np.ones((len(times), 1))]),
                np.append(room, 0.0),
            ]
        ),
        row_lower=np.append(np.full(len(times), -np.inf), 1 - lower.sum()),
        row_upper=np.append(-(times @ lower) / size, 1 - lower.sum()),
        upper=np.append(np.ones(room.size), np.inf),
    )
    shares: FloatArray = lower + room * np.clip(solution.primal[:-1], 0.0, 1.0)
    return shares


def _step(direction: ArrayLike, shape: tuple[int, ...], labels: Labels | None) -> FloatArray:
    try:
        step = np.array(np.broadcast_to(np.asarray(direction, dtype=np.float64), shape))
    except ValueError as error:
        raise FrontierError(
            f"The direction has the shape {np.shape(direction)}, the indicators {shape}. Give one "
            "number per indicator, or one row per DMU."
        ) from error
    if not (np.isfinite(step).all() and (step >= 0).all()):
        raise FrontierError(
            "The direction has a negative or infinite step. Give numbers of at least 0."
        )
    if still := np.flatnonzero((step == 0).all(axis=1)).tolist():
        raise FrontierError(
            f"{dmu_name(labels, still[0])} has a direction that leads nowhere ({len(still)} "
            "such). Give each DMU something to change."
        )
    return step
