"""Distances to the frontier that change inputs and outputs at once."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.kernel import along
from models.frontier.technology import (
    EFFICIENT,
    RETURNS,
    BoolArray,
    FloatArray,
    FrontierError,
    Labels,
    Reference,
    Returns,
    check_choice,
    checked,
    dmu_name,
)

MOST_ROUNDS = 60  # of the hyperbolic search, which ends by itself after a handful
SETTLED = 1e-14  # of the score


@dataclass(frozen=True, slots=True)
class DirectionalResult:
    """Steps to the frontier, in the order the DMUs were given; NaN where infeasible."""

    inefficiency: FloatArray  # (n,), steps of the direction; 0 on the frontier
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)
    input_target: FloatArray  # (n, m)
    output_target: FloatArray  # (n, s)


@dataclass(frozen=True, slots=True)
class HyperbolicResult:
    """Hyperbolic scores, in the order the DMUs were given; NaN where infeasible."""

    score: FloatArray  # (n,), inputs times it and outputs divided by it are on the frontier
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)


def directional(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    input_direction: ArrayLike,
    output_direction: ArrayLike,
    rts: Returns,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> DirectionalResult:
    """Count the steps of a direction that lead each DMU to the frontier.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    input_direction, output_direction : array, shape (n_input,) or (n_dmu, n_input), and so on
        What one step takes off the inputs and adds to the outputs, in their units; at least 0.
        A DMU's own inputs and outputs make the steps a share of them; means make one step the
        same for all; zeros leave a side as it is.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    reference : (array, array), optional
        Inputs and outputs of those who span the frontier.
    labels : Labels, optional
        Names for messages.
    allow_zero : bool
        Whether a zero is a quantity like any other.

    Returns
    -------
    DirectionalResult
        With own inputs and no output direction, 1 less the input score.

    Raises
    ------
    FrontierError
        As `technology.checked`; or if a direction is negative, not finite or nothing at all.

    References
    ----------
    Chambers, Chung and Färe (1998), J. Optim. Theory Appl. 98(2), 351-364.
    """
    check_choice("rts", rts, RETURNS)
    data = checked(
        inputs, outputs, reference=reference, labels=labels, rts=rts, allow_zero=allow_zero
    )
    less = _direction("input_direction", input_direction, data.inputs.shape)
    more = _direction("output_direction", output_direction, data.outputs.shape)
    if still := np.flatnonzero((less == 0).all(axis=1) & (more == 0).all(axis=1)).tolist():
        raise FrontierError(
            f"{dmu_name(labels, still[0])} has a direction that leads nowhere ({len(still)} such). "
            "Give each DMU something to save or to add."
        )
    steps, is_optimal, _ = along(
        data.inputs, data.outputs, data.reference_inputs, data.reference_outputs, less, more,
        rts=rts,
    )  # fmt: skip
    steps = np.where(np.abs(steps) <= 1e-12, 0.0, steps)
    return DirectionalResult(
        inefficiency=steps,
        status=np.where(is_optimal, "optimal", "infeasible"),
        is_efficient=steps <= EFFICIENT,
        input_target=data.inputs - steps[:, np.newaxis] * less,
        output_target=data.outputs + steps[:, np.newaxis] * more,
    )


def hyperbolic(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    rts: Returns,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> HyperbolicResult:
    """Score every DMU by the factor that at once shrinks its inputs and, inverted, its outputs.

    A facet with prices v, u and w bounds the score h by v(hx) = u(y / h) + w, a quadratic
    equation. The facet that binds at one h gives the next h, and the search ends where the same
    facet binds again, so the score is as exact as the radial programmes are.

    Parameters
    ----------
    inputs, outputs, rts, reference, labels, allow_zero
        As in `directional`.

    Returns
    -------
    HyperbolicResult
        Under "crs" the score is the square root of the input score.

    Raises
    ------
    FrontierError
        As `technology.checked`.

    References
    ----------
    Färe, Grosskopf and Lovell (1985), The Measurement of Efficiency of Production, chapter 5.
    """
    check_choice("rts", rts, RETURNS)
    data = checked(
        inputs, outputs, reference=reference, labels=labels, rts=rts, allow_zero=allow_zero
    )
    m, s = data.inputs.shape[1], data.outputs.shape[1]
    h = np.ones(len(data.inputs))
    for _ in range(MOST_ROUNDS):
        x, y = data.inputs * h[:, np.newaxis], data.outputs / h[:, np.newaxis]
        _, is_optimal, price = along(
            x, y, data.reference_inputs, data.reference_outputs, x, y, rts=rts
        )
        before = h
        h = np.where(
            is_optimal,
            _root(
                np.einsum("nm,nm->n", price[:, :m], data.inputs),
                np.einsum("ns,ns->n", price[:, m : m + s], data.outputs),
                price[:, m + s],
            ),
            h,
        )
        if np.all(np.abs(h - before) <= SETTLED * h):
            break
    score = h
    score = np.where(is_optimal, np.where(np.abs(score - 1) <= 1e-12, 1.0, score), np.nan)
    return HyperbolicResult(
        score=score,
        status=np.where(is_optimal, "optimal", "infeasible"),
        is_efficient=score >= 1 - EFFICIENT,
    )


def _root(cost: FloatArray, worth: FloatArray, of_scale: FloatArray) -> FloatArray:
    """Solve cost * h = worth / h + of_scale for its positive h."""
    with np.errstate(divide="ignore", invalid="ignore"):
        root = (of_scale + np.sqrt(of_scale**2 + 4 * cost * worth)) / (2 * cost)
        # Where the facet prices no input the equation is not quadratic.
        return np.where(cost > 0, root, -worth / of_scale)


def _direction(name: str, given: ArrayLike, shape: tuple[int, ...]) -> FloatArray:
    try:
        direction = np.array(np.broadcast_to(np.asarray(given, dtype=np.float64), shape))
    except ValueError as error:
        raise FrontierError(
            f"{name} has the shape {np.shape(given)}, the data {shape}. Give one number per "
            "column, or one row per DMU."
        ) from error
    if not (np.isfinite(direction).all() and (direction >= 0).all()):
        raise FrontierError(f"{name} has a negative or infinite step. Give numbers of at least 0.")
    return direction
