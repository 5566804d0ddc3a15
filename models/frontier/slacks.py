"""Efficiency measured by slacks: additive, slacks-based (SBM) and super-SBM."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.programme import Solution, solve
from models.frontier.technology import (
    EFFICIENT,
    RETURNS,
    BoolArray,
    Data,
    FloatArray,
    Labels,
    Reference,
    Returns,
    check_choice,
    checked,
)

SlackWeight = Literal["raw", "mean", "own", "range"]
SLACK_WEIGHTS: Sequence[SlackWeight] = ("raw", "mean", "own", "range")
Side = Literal["input", "output", "both"]
SIDES: Sequence[Side] = ("input", "output", "both")
INTENSITY_SUM: dict[Returns, tuple[float, float]] = {
    "crs": (-np.inf, np.inf),
    "vrs": (1.0, 1.0),
    "nirs": (-np.inf, 1.0),
    "ndrs": (1.0, np.inf),
}


@dataclass(frozen=True, slots=True)
class SlacksResult:
    """Measures made of slacks, in the order the DMUs were given; NaN where infeasible."""

    score: FloatArray  # (n,), as the function that made it says
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)
    input_slack: FloatArray  # (n, m), in the inputs' units
    output_slack: FloatArray  # (n, s)


def additive(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    rts: Returns,
    weight: SlackWeight,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> SlacksResult:
    """Find the largest weighted sum of slacks between each DMU and the frontier.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    weight : {"raw", "mean", "own", "range"}
        What a slack is counted in: the data's units, so that units decide ("raw"); the column's
        mean in the reference; the DMU's own value (the measure of inefficiency proportions); the
        column's range in the reference times the number of columns (the range-adjusted measure).
    reference : (array, array), optional
        Inputs and outputs of those who span the frontier.
    labels : Labels, optional
        Names for messages.
    allow_zero : bool
        Whether a zero is a quantity like any other; not with weight "own".

    Returns
    -------
    SlacksResult
        The score is the sum; 0 is efficient.

    Raises
    ------
    FrontierError
        As `technology.checked`, or if a choice is unknown.

    References
    ----------
    Charnes, Cooper, Golany, Seiford and Stutz (1985), J. Econom. 30, 91-107.
    Cooper, Park and Pastor (1999), J. Product. Anal. 11, 5-42, on the range-adjusted measure.
    """
    check_choice("weight", weight, SLACK_WEIGHTS)
    data = _data(inputs, outputs, rts, reference, labels, allow_zero and weight != "own")
    scaled, scale = _scaled(data)
    m, s = scaled.inputs.shape[1], scaled.outputs.shape[1]
    both = np.hstack([scaled.reference_inputs, scaled.reference_outputs])
    spread = np.ptp(both, axis=0)
    spread = np.where(spread > 0, spread, 1.0) * (m + s)
    slack, objective = np.full((len(scaled.inputs), m + s), np.nan), []
    for row in range(len(scaled.inputs)):
        own = np.concatenate([scaled.inputs[row], scaled.outputs[row]])
        price = {"raw": scale, "mean": np.ones(m + s), "own": 1 / np.where(own > 0, own, 1.0),
                 "range": 1 / spread}[weight]  # fmt: skip
        solution = _with_slacks(scaled, rts, row, price / price.max())
        if solution.status == "optimal":
            slack[row] = solution.primal[-(m + s) :]
        objective.append(price @ slack[row])
    score = np.array(objective)
    is_there = ~np.isnan(score)
    return SlacksResult(
        score=np.where(np.abs(score) <= 1e-12, 0.0, score),
        status=np.where(is_there, "optimal", "infeasible"),
        is_efficient=np.all(slack <= EFFICIENT, axis=1),
        input_slack=slack[:, :m] * scale[:m],
        output_slack=slack[:, m:] * scale[m:],
    )


def sbm(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    rts: Returns,
    side: Side,
    reference: Reference | None = None,
    labels: Labels | None = None,
) -> SlacksResult:
    """Score every DMU by its mean slacks: the slacks-based measure.

    Parameters
    ----------
    inputs, outputs, rts, reference, labels
        As in `additive`; values must be positive, for each slack is a share of its own value.
    side : {"input", "output", "both"}
        Whose slacks count. With "both": one less the mean share of input that is slack, divided
        by one plus the mean share of output that lacks.

    Returns
    -------
    SlacksResult
        The score is in (0, 1] and never above the radial one.

    Raises
    ------
    FrontierError
        As `technology.checked`, or if a choice is unknown.

    References
    ----------
    Tone (2001), Eur. J. Oper. Res. 130(3), 498-509.
    """
    check_choice("side", side, SIDES)
    data = _data(inputs, outputs, rts, reference, labels, False)
    scaled, scale = _scaled(data)
    m, s = scaled.inputs.shape[1], scaled.outputs.shape[1]
    n = len(scaled.inputs)
    score, slack = np.full(n, np.nan), np.full((n, m + s), np.nan)
    technology = np.vstack([scaled.reference_inputs.T, scaled.reference_outputs.T])
    for row in range(n):
        x, y = scaled.inputs[row], scaled.outputs[row]
        lost = np.concatenate([1 / (m * x) * (side != "output"), np.zeros(s)])
        lacks = np.concatenate([np.zeros(m), 1 / (s * y) * (side != "input")])
        score[row], slack[row] = _least_ratio(
            -lost,
            lacks,
            technology=technology,
            slack=np.diag(np.concatenate([np.ones(m), -np.ones(s)])),
            own=np.concatenate([x, y]),
            row_lower=np.zeros(m + s),
            rts=rts,
        )
    return SlacksResult(
        score=np.where(np.abs(score - 1) <= 1e-12, 1.0, score),
        status=np.where(np.isnan(score), "infeasible", "optimal"),
        is_efficient=score >= 1 - EFFICIENT,
        input_slack=slack[:, :m] * scale[:m],
        output_slack=slack[:, m:] * scale[m:],
    )


def super_sbm(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    rts: Returns,
    side: Side,
    labels: Labels | None = None,
) -> SlacksResult:
    """Score the SBM-efficient DMUs by how far the others' frontier is, slack by slack.

    Parameters
    ----------
    inputs, outputs, rts, side, labels
        As in `sbm`.

    Returns
    -------
    SlacksResult
        The score is above 1 for those beyond what the others show, which `is_efficient` says;
        for all others it is 1. `input_slack` is what may be added to the inputs, `output_slack`
        what may be lost of the outputs, before a DMU falls behind.

    Raises
    ------
    FrontierError
        As `technology.checked`, or if a choice is unknown.

    References
    ----------
    Tone (2002), Eur. J. Oper. Res. 143(1), 32-41.
    """
    check_choice("side", side, SIDES)
    data = _data(inputs, outputs, rts, None, labels, False)
    scaled, scale = _scaled(data)
    n, m, s = *scaled.inputs.shape, scaled.outputs.shape[1]
    score, slack = np.full(n, np.nan), np.full((n, m + s), np.nan)
    for row in range(n):
        x, y = scaled.inputs[row], scaled.outputs[row]
        others = np.delete(np.arange(n), row)
        grown = np.concatenate([1 / (m * x) * (side != "output"), np.zeros(s)])
        lost = np.concatenate([np.zeros(m), 1 / (s * y) * (side != "input")])
        may_change = np.concatenate([np.full(m, side != "output"), np.full(s, side != "input")])
        score[row], slack[row] = _least_ratio(
            grown,
            -lost,
            technology=np.vstack([scaled.inputs[others].T, -scaled.outputs[others].T]),
            slack=-np.eye(m + s),
            own=np.concatenate([x, -y]),
            row_lower=np.full(m + s, -np.inf),
            rts=rts,
            may_be=may_change,
        )
    return SlacksResult(
        score=np.where(np.abs(score - 1) <= 1e-12, 1.0, score),
        status=np.where(np.isnan(score), "infeasible", "optimal"),
        is_efficient=score > 1 + EFFICIENT,
        input_slack=slack[:, :m] * scale[:m],
        output_slack=slack[:, m:] * scale[m:],
    )


def _data(
    inputs: ArrayLike,
    outputs: ArrayLike,
    rts: Returns,
    reference: Reference | None,
    labels: Labels | None,
    allow_zero: bool,
) -> Data:
    check_choice("rts", rts, RETURNS)
    return checked(
        inputs, outputs, reference=reference, labels=labels, rts=rts, allow_zero=allow_zero
    )


def _scaled(data: Data) -> tuple[Data, FloatArray]:
    """Return the data with every column's mean in the reference as its unit, and those means."""
    m = data.inputs.shape[1]
    scale = np.hstack([data.reference_inputs, data.reference_outputs]).mean(axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    scaled = Data(
        inputs=data.inputs / scale[:m],
        outputs=data.outputs / scale[m:],
        reference_inputs=data.reference_inputs / scale[:m],
        reference_outputs=data.reference_outputs / scale[m:],
        is_own_reference=data.is_own_reference,
    )
    return scaled, scale


def _least_ratio(
    numerator: FloatArray,
    denominator: FloatArray,
    *,
    technology: FloatArray,
    slack: FloatArray,
    own: FloatArray,
    row_lower: FloatArray,
    rts: Returns,
    may_be: BoolArray | None = None,
) -> tuple[float, FloatArray]:
    """Find the slacks with the least (1 + numerator @ slack) / (1 + denominator @ slack).

    The rows are technology @ intensity + slack @ slacks, between `row_lower` and 0 when `own` is
    taken off. Multiplied by one more variable, the inverse of the denominator, it is a linear
    programme (Charnes and Cooper 1962).
    """
    n, n_slack = technology.shape[1], slack.shape[1]
    rows = [
        np.hstack([technology, slack, -own[:, np.newaxis]]),
        np.concatenate([np.zeros(n), denominator, [1.0]])[np.newaxis],
    ]
    low, high = [row_lower, np.ones(1)], [np.zeros(len(own)), np.ones(1)]
    for bound, is_least in zip(INTENSITY_SUM[rts], (True, False), strict=True):
        if np.isfinite(bound):
            rows.append(np.concatenate([np.ones(n), np.zeros(n_slack), [-bound]])[np.newaxis])
            low.append(np.full(1, 0.0 if is_least else -np.inf))
            high.append(np.full(1, np.inf if is_least else 0.0))
    upper = np.full(n + n_slack + 1, np.inf)
    if may_be is not None:
        upper[n:-1] = np.where(may_be, np.inf, 0.0)
    solution = solve(
        np.concatenate([np.zeros(n), numerator, [1.0]]),
        np.vstack(rows),
        row_lower=np.concatenate(low),
        row_upper=np.concatenate(high),
        upper=upper,
    )
    if solution.status != "optimal":
        return np.nan, np.full(n_slack, np.nan)
    return solution.objective, solution.primal[n:-1] / solution.primal[-1]


def _with_slacks(data: Data, rts: Returns, row: int, price: FloatArray) -> Solution:
    """Find the intensities and slacks with the largest sum of slacks at `price`."""
    n, m, s = len(data.reference_inputs), data.inputs.shape[1], data.outputs.shape[1]
    technology = np.vstack([data.reference_inputs.T, data.reference_outputs.T, np.ones(n)])
    slack = np.vstack([np.diag(np.concatenate([np.ones(m), -np.ones(s)])), np.zeros(m + s)])
    own = np.concatenate([data.inputs[row], data.outputs[row]])
    least, most = INTENSITY_SUM[rts]
    return solve(
        np.concatenate([np.zeros(n), price]),
        np.hstack([technology, slack]),
        row_lower=np.append(own, least),
        row_upper=np.append(own, most),
        maximise=True,
    )
