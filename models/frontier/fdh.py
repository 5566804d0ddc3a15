"""Free disposal hull: each DMU against the single others that dominate it, with no averaging."""

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.technology import (
    EFFICIENT,
    ORIENTATIONS,
    BoolArray,
    FloatArray,
    IntArray,
    Labels,
    Orientation,
    Reference,
    check_choice,
    checked,
)


@dataclass(frozen=True, slots=True)
class FDHResult:
    """Scores, in the order the DMUs were given; NaN where infeasible."""

    score: FloatArray  # (n,), in (0, 1] against an own reference, for either orientation
    farrell: FloatArray  # (n,), theta for "input", phi for "output"
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)
    peer: IntArray  # (n,), the row of the reference that sets the score, -1 where infeasible


def fdh(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    reference: Reference | None = None,
    labels: Labels | None = None,
) -> FDHResult:
    """Score every DMU against the best single DMU that dominates it.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the other DMU.
    reference : (array, array), optional
        Inputs and outputs of those who may dominate.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    FDHResult
        Of several peers as good as each other the first is named.

    Raises
    ------
    FrontierError
        As `technology.checked`, or if the orientation is unknown.

    References
    ----------
    Deprins, Simar and Tulkens (1984), in Marchand, Pestieau and Tulkens, The Performance of
    Public Enterprises, 243-267.
    """
    check_choice("orientation", orientation, ORIENTATIONS)
    data = checked(inputs, outputs, reference=reference, labels=labels)
    score, peer = hull(
        data.inputs,
        data.outputs,
        data.reference_inputs,
        data.reference_outputs,
        orientation=orientation,
    )
    return FDHResult(
        score=score,
        farrell=score if orientation == "input" else 1 / score,
        status=np.where(peer >= 0, "optimal", "infeasible"),
        is_efficient=score >= 1 - EFFICIENT,
        peer=peer,
    )


def hull(
    inputs: FloatArray,
    outputs: FloatArray,
    reference_inputs: FloatArray,
    reference_outputs: FloatArray,
    *,
    orientation: Orientation,
    leave_out: IntArray | None = None,
) -> tuple[FloatArray, IntArray]:
    """Score data that `technology.checked` has seen, each DMU perhaps without one of the others.

    Parameters
    ----------
    inputs, outputs : array, shape (n, n_input) and (n, n_output)
        Of those who are scored.
    reference_inputs, reference_outputs : array, shape (n_reference, n_input or n_output)
        Of those who may dominate.
    orientation : {"input", "output"}
        Which side is moved.
    leave_out : array of int, shape (n,), optional
        The row of the reference that takes no part when a DMU is scored, -1 for none.

    Returns
    -------
    score : array, shape (n,)
        NaN where nobody dominates.
    peer : array of int, shape (n,)
        The row of the reference that sets the score, -1 where nobody does.
    """
    left_out = np.full(len(inputs), -1) if leave_out is None else np.asarray(leave_out, np.int64)
    if orientation == "input":
        return _least_ratio(inputs, outputs, reference_inputs, reference_outputs, left_out)
    # The same search with the sides exchanged: less input is more of its inverse.
    return _least_ratio(
        1 / outputs, 1 / inputs, 1 / reference_outputs, 1 / reference_inputs, left_out
    )


@numba.njit(cache=True, nogil=True)
def _least_ratio(
    used: FloatArray,
    made: FloatArray,
    other_used: FloatArray,
    other_made: FloatArray,
    left_out: IntArray,
) -> tuple[FloatArray, IntArray]:
    """Find, of those who make as much, who uses the least share of what the DMU uses."""
    n, n_used = used.shape
    least, peer = np.full(n, np.nan), np.full(n, -1)
    for i in range(n):
        for j in range(other_used.shape[0]):
            dominates = j != left_out[i]
            for k in range(made.shape[1]):
                if other_made[j, k] < made[i, k]:
                    dominates = False
                    break
            if not dominates:
                continue
            ratio = 0.0
            for k in range(n_used):
                ratio = max(ratio, other_used[j, k] / used[i, k])
            if peer[i] < 0 or ratio < least[i]:
                least[i], peer[i] = ratio, j
    return least, peer
