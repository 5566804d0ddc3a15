"""DEA whose prices are not free: bounds on shares, and on ratios of prices."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.programme import solve
from models.frontier.technology import (
    EFFICIENT,
    ORIENTATIONS,
    RETURNS,
    BoolArray,
    FloatArray,
    FrontierError,
    Labels,
    Orientation,
    Reference,
    Returns,
    check_choice,
    checked,
)


@dataclass(frozen=True, slots=True)
class Shares:
    """Bounds on how much each column weighs in its side's total at a DMU's own values, 0 to 1."""

    input_lower: ArrayLike = 0.0  # one number for all columns, or one per column
    input_upper: ArrayLike = 1.0
    output_lower: ArrayLike = 0.0
    output_upper: ArrayLike = 1.0


@dataclass(frozen=True, slots=True)
class PriceRatio:
    """An assurance region: lower <= price of `column` / price of `other` <= upper.

    Inputs are counted from 0, outputs on from the last input, so that a ratio may also tie an
    output's price to an input's.
    """

    column: int
    other: int
    lower: float = 0.0
    upper: float = np.inf


@dataclass(frozen=True, slots=True)
class RestrictedResult:
    """Scores under restricted prices, in the order of the DMUs; NaN where infeasible."""

    score: FloatArray  # (n,), in (0, 1] against an own reference, for either orientation
    farrell: FloatArray  # (n,), theta for "input", phi for "output"
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)
    multiplier: FloatArray  # (n, m + s + 1), prices of inputs, outputs and scale in data's units
    share: FloatArray  # (n, m + s), of a column in its side's total


def restricted_dea(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    shares: Shares | None = None,
    ratios: Iterable[PriceRatio] = (),
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> RestrictedResult:
    """Score every DMU at its best prices among those that are allowed.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side's total is 1 at the DMU's own values.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    shares : Shares, optional
        Bounds at the values of the DMU that is scored; units do not matter to them.
    ratios : iterable of PriceRatio
        Bounds in the data's units, the same for all DMUs.
    reference : (array, array), optional
        Inputs and outputs of those who span the frontier.
    labels : Labels, optional
        Names for messages.
    allow_zero : bool
        Whether a zero is a quantity like any other.

    Returns
    -------
    RestrictedResult
        Infeasible where no prices satisfy all restrictions: bounds on shares can contradict each
        other at a DMU's own values.

    Raises
    ------
    FrontierError
        As `technology.checked`; or if bounds are not in order, or a ratio's column is not there.

    References
    ----------
    Wong and Beasley (1990), J. Oper. Res. Soc. 41(9), 829-835, on shares.
    Thompson, Langemeier, Lee, Lee and Thrall (1990), J. Econom. 46, 93-108, on ratios.
    """
    check_choice("orientation", orientation, ORIENTATIONS)
    check_choice("rts", rts, RETURNS)
    data = checked(
        inputs, outputs, reference=reference, labels=labels, rts=rts, allow_zero=allow_zero
    )
    n, m, s = *data.inputs.shape, data.outputs.shape[1]
    both = np.hstack([data.reference_inputs, data.reference_outputs])
    scale = both.mean(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    own = np.hstack([data.inputs, data.outputs]) / scale
    sign = np.concatenate([-np.ones(m), np.ones(s)])
    of_scale = {"crs": (0.0, 0.0), "vrs": (-np.inf, np.inf), "nirs": (-np.inf, 0.0),
                "ndrs": (0.0, np.inf)}[rts]  # fmt: skip

    # No profit for anyone in the reference, and the ratios: the same rows for every DMU.
    profit = np.hstack([both / scale * sign, np.ones((len(both), 1))])
    common = np.vstack([profit, *_ratio_rows(ratios, scale, m + s)])
    bounds = _share_bounds(shares or Shares(), m, s)
    price = np.full((n, m + s + 1), np.nan)
    for row in range(n):
        matrix = np.vstack([common, *_share_rows(bounds, own[row], m)])
        normed = slice(0, m) if orientation == "input" else slice(m, m + s)
        one = np.zeros(m + s + 1)
        one[normed] = own[row, normed]
        aim = np.append(own[row] * sign, 1.0)
        aim[normed] = 0.0
        solution = solve(
            aim,
            np.vstack([matrix, one]),
            row_lower=np.append(np.full(len(matrix), -np.inf), 1.0),
            row_upper=np.append(np.zeros(len(matrix)), 1.0),
            lower=np.append(np.zeros(m + s), of_scale[0]),
            upper=np.append(np.full(m + s, np.inf), of_scale[1]),
            maximise=True,
        )
        if solution.status == "optimal":
            price[row] = solution.primal
    worth = own * price[:, :-1]
    used, made = worth[:, :m].sum(axis=1), worth[:, m:].sum(axis=1)
    farrell = made + price[:, -1] if orientation == "input" else used - price[:, -1]
    farrell = np.where(np.abs(farrell - 1) <= 1e-12, 1.0, farrell)
    score = farrell if orientation == "input" else 1 / farrell
    totals = np.hstack([np.repeat(used[:, np.newaxis], m, 1), np.repeat(made[:, np.newaxis], s, 1)])
    with np.errstate(invalid="ignore"):
        share = np.where(totals > 0, worth / totals, np.where(np.isnan(worth), np.nan, 0.0))
    return RestrictedResult(
        score=score,
        farrell=farrell,
        status=np.where(np.isnan(score), "infeasible", "optimal"),
        is_efficient=score >= 1 - EFFICIENT,
        multiplier=price / np.append(scale, 1.0),
        share=share,
    )


def _share_bounds(shares: Shares, m: int, s: int) -> tuple[FloatArray, FloatArray]:
    lower = np.concatenate(
        [np.broadcast_to(shares.input_lower, m), np.broadcast_to(shares.output_lower, s)]
    ).astype(np.float64)
    upper = np.concatenate(
        [np.broadcast_to(shares.input_upper, m), np.broadcast_to(shares.output_upper, s)]
    ).astype(np.float64)
    if not ((lower >= 0) & (lower <= upper) & (upper <= 1)).all():
        raise FrontierError(
            f"The bounds on shares are {lower.tolist()} and {upper.tolist()}. Give "
            "0 <= lower <= upper <= 1 for every column."
        )
    for side, part in (("inputs", slice(0, m)), ("outputs", slice(m, m + s))):
        if lower[part].sum() > 1 or upper[part].sum() < 1:
            raise FrontierError(
                f"The shares of the {side} cannot add up to 1: their least are "
                f"{lower[part].tolist()}, their most {upper[part].tolist()}. Widen the bounds."
            )
    return lower, upper


def _share_rows(
    bounds: tuple[FloatArray, FloatArray], own: FloatArray, m: int
) -> Iterable[FloatArray]:
    """Rows that are at most 0 where every share is within its bounds."""
    lower, upper = bounds
    for column in range(own.size):
        side = slice(0, m) if column < m else slice(m, own.size)
        for bound, sign, is_bound in (
            (lower[column], 1.0, lower[column] > 0),
            (upper[column], -1.0, upper[column] < 1),
        ):
            if is_bound:
                row = np.zeros(own.size + 1)
                row[side] = sign * bound * own[side]
                row[column] -= sign * own[column]
                yield row


def _ratio_rows(
    ratios: Iterable[PriceRatio], scale: FloatArray, n_column: int
) -> Iterable[FloatArray]:
    """Rows that are at most 0 where every ratio of prices is within its bounds."""
    for each in ratios:
        if not (0 <= each.column < n_column and 0 <= each.other < n_column):
            raise FrontierError(
                f"A ratio is of the columns {each.column} and {each.other}, but they are 0 to "
                f"{n_column - 1}. Count inputs from 0 and outputs on from the last input."
            )
        if not 0 <= each.lower <= each.upper:
            raise FrontierError(
                f"The bounds of a ratio are {each.lower:g} and {each.upper:g}. Give "
                "0 <= lower <= upper."
            )
        for bound, sign in ((each.lower, 1.0), (each.upper, -1.0)):
            if 0 < bound < np.inf or (bound == 0 and sign < 0):
                row = np.zeros(n_column + 1)
                row[each.other] = sign * bound / scale[each.other]
                row[each.column] = -sign / scale[each.column]
                yield row / np.abs(row).max()
