"""Partial frontiers: against the best of m, or all but a share, so that no one DMU decides.

Both are functions of the same numbers: for a DMU, the radial ratios of those in the reference who
are at least as good on the other side, in order. All scores here are exact; nothing is drawn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.technology import (
    ORIENTATIONS,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    Orientation,
    Reference,
    check_choice,
    checked,
)

PartialOrientation = Literal["input", "output", "hyperbolic"]
PARTIAL_ORIENTATIONS: Sequence[PartialOrientation] = ("input", "output", "hyperbolic")
WHOLE = 1e-9  # a share of DMUs this near a whole number of them is that number


@dataclass(frozen=True, slots=True)
class PartialResult:
    """Scores, in the order the DMUs were given; NaN where nobody compares."""

    score: FloatArray  # (n,) or (n, k) for k orders; above 1: better than the partial frontier
    farrell: FloatArray  # the same shape; the score for "input", its inverse for the others
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    n_compared: IntArray  # (n,), DMUs of the reference at least as good on the other side


def order_m(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    m: int | Sequence[int],
    orientation: PartialOrientation,
    reference: Reference | None = None,
    with_self: bool = True,
    labels: Labels | None = None,
) -> PartialResult:
    """Score every DMU against the expected best of m drawn from those who compare with it.

    With N DMUs that compare and their ratios in order, the least of m draws with replacement is
    the k-th with probability ((N - k + 1) / N)^m - ((N - k) / N)^m: the expectation is a sum of N
    terms, not a simulation.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    m : int or sequence of int
        How many are drawn; the larger, the nearer the free disposal hull.
    orientation : {"input", "output", "hyperbolic"}
        Which side is compared among those as good on the other; with "hyperbolic" both are, and
        everybody compares. The expectation is of the least share of input, or of the largest
        multiple of output, or of output and inverse input together.
    reference : (array, array), optional
        Inputs and outputs of those who are drawn.
    with_self : bool
        Whether a DMU is among those who are drawn for it, as is usual. Without it the score says
        what the others show of the DMU, which `influence.outliers` asks for.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    PartialResult
        With a sequence of m, a column for each.

    Raises
    ------
    FrontierError
        As `technology.checked`; if an m is not at least 1, the orientation unknown, or a DMU is to
        be left out of a reference that is not the DMUs themselves.

    References
    ----------
    Cazals, Florens and Simar (2002), J. Econom. 106(1), 1-25.
    Daouia and Simar (2007), J. Econom. 140(2), 375-400, on the closed form.
    """
    orders = np.atleast_1d(np.asarray(m))
    if orders.ndim != 1 or orders.dtype.kind not in "iu" or not (orders >= 1).all():
        raise FrontierError(f"m is {m!r}. Give a whole number of at least 1, or several.")
    if not with_self and reference is not None:
        raise FrontierError(
            "A DMU cannot be left out of a separate reference. Give either `reference` or "
            "`with_self=False`."
        )
    ratio, n_compared = _ratios(inputs, outputs, orientation, reference, labels, with_self)
    n, n_reference = ratio.shape
    worse = np.maximum(n_compared[:, np.newaxis] - np.arange(n_reference + 1), 0)
    share_worse = worse / np.maximum(n_compared, 1)[:, np.newaxis]
    ratio = np.where(np.arange(n_reference) < n_compared[:, np.newaxis], ratio, 0.0)
    best = np.empty((n, orders.size))
    for column, order in enumerate(orders):
        probability = -np.diff(share_worse**order, axis=1)
        best[:, column] = np.einsum("nk,nk->n", probability, ratio)
    return _result(best if np.ndim(m) else best[:, 0], n_compared, orientation)


def order_alpha(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    alpha: float | Sequence[float],
    orientation: Orientation,
    reference: Reference | None = None,
    labels: Labels | None = None,
) -> PartialResult:
    """Score every DMU against the frontier that all but a share of those who compare are behind.

    With N DMUs that compare and their ratios in order, best first, the score is the ratio number
    floor(N (1 - alpha)) + 1: the least of which more than the share 1 - alpha are no better. Where
    N (1 - alpha) is a whole number other packages take the one before.

    Parameters
    ----------
    inputs, outputs, reference, labels
        As in `order_m`.
    alpha : float or sequence of float
        Above 0 and at most 1; 1 is the free disposal hull.
    orientation : {"input", "output"}
        Which side is compared among those as good on the other.

    Returns
    -------
    PartialResult
        With a sequence of alpha, a column for each.

    Raises
    ------
    FrontierError
        As `technology.checked`; if an alpha is out of range, or the orientation unknown.

    References
    ----------
    Aragon, Daouia and Thomas-Agnan (2005), Econom. Theory 21(2), 358-389.
    """
    check_choice("orientation", orientation, ORIENTATIONS)
    shares = np.atleast_1d(np.asarray(alpha, dtype=np.float64))
    if shares.ndim != 1 or not ((shares > 0) & (shares <= 1)).all():
        raise FrontierError(f"alpha is {alpha!r}. Give a number above 0 and at most 1.")
    ratio, n_compared = _ratios(inputs, outputs, orientation, reference, labels)
    place = np.floor(n_compared[:, np.newaxis] * (1 - shares) + WHOLE).astype(np.int64)
    place = np.minimum(place, np.maximum(n_compared - 1, 0)[:, np.newaxis])
    best = np.take_along_axis(ratio, place, axis=1)
    return _result(best if np.ndim(alpha) else best[:, 0], n_compared, orientation)


def _ratios(
    inputs: ArrayLike,
    outputs: ArrayLike,
    orientation: PartialOrientation,
    reference: Reference | None,
    labels: Labels | None,
    with_self: bool = True,
) -> tuple[FloatArray, IntArray]:
    """Return each DMU's ratios in order, least first, then infinity; and how many there are.

    A ratio is what the other uses as a share of what the DMU uses; for outputs, what the DMU
    makes as a share of what the other makes.
    """
    check_choice("orientation", orientation, PARTIAL_ORIENTATIONS)
    data = checked(inputs, outputs, reference=reference, labels=labels)
    x, y = data.inputs, data.outputs
    other_x, other_y = data.reference_inputs, data.reference_outputs
    if orientation == "output":
        x, y, other_x, other_y = 1 / y, 1 / x, 1 / other_y, 1 / other_x
    if orientation == "hyperbolic":
        x, other_x = np.hstack([x, 1 / y]), np.hstack([other_x, 1 / other_y])
        y, other_y = np.zeros((len(x), 1)), np.zeros((len(other_x), 1))
    left_out = np.full(len(x), -1) if with_self else np.arange(len(x))
    ratio, n_compared = _all_ratios(x, y, other_x, other_y, left_out)
    ratio.sort(axis=1)
    if orientation != "input":
        # The expectation is of the multiple, not of its inverse: the best has the largest.
        with np.errstate(divide="ignore"):
            ratio = 1 / ratio
    return ratio, n_compared


@numba.njit(cache=True, nogil=True)
def _all_ratios(
    used: FloatArray,
    made: FloatArray,
    other_used: FloatArray,
    other_made: FloatArray,
    left_out: IntArray,
) -> tuple[FloatArray, IntArray]:
    n, n_other, n_used = used.shape[0], other_used.shape[0], used.shape[1]
    ratio, count = np.full((n, n_other), np.inf), np.zeros(n, dtype=np.int64)
    for i in range(n):
        for j in range(n_other):
            compares = j != left_out[i]
            for k in range(made.shape[1]):
                if other_made[j, k] < made[i, k]:
                    compares = False
                    break
            if not compares:
                continue
            worst = 0.0
            for k in range(n_used):
                worst = max(worst, other_used[j, k] / used[i, k])
            ratio[i, count[i]] = worst
            count[i] += 1
    return ratio, count


def _result(
    best: FloatArray, n_compared: IntArray, orientation: PartialOrientation
) -> PartialResult:
    is_there = n_compared > 0
    shown = is_there[:, np.newaxis] if best.ndim == 2 else is_there
    farrell = np.where(shown, best, np.nan)
    return PartialResult(
        score=farrell if orientation == "input" else 1 / farrell,
        farrell=farrell,
        status=np.where(is_there, "optimal", "infeasible"),
        n_compared=n_compared,
    )
