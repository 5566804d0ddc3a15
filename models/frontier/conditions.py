"""DEA under conditions: inputs that cannot be chosen, and outputs that nobody wants."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.dea import DEAResult, dea
from models.frontier.programme import solve
from models.frontier.slacks import INTENSITY_SUM
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

Condition = Literal["non_discretionary", "non_controllable"]
CONDITIONS: tuple[Condition, ...] = ("non_discretionary", "non_controllable")


@dataclass(frozen=True, slots=True)
class ConditionedResult:
    """Scores, in the order the DMUs were given; NaN where infeasible."""

    score: FloatArray  # (n,), the factor of the inputs that can be chosen
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)


@dataclass(frozen=True, slots=True)
class UndesirableResult:
    """Steps to the frontier, in the order the DMUs were given; NaN where infeasible."""

    inefficiency: FloatArray  # (n,), the share by which good may grow and bad shrink at once
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,)


def conditioned_dea(
    inputs: ArrayLike,
    outputs: ArrayLike,
    conditions: ArrayLike,
    *,
    condition: Condition,
    rts: Returns,
    reference: tuple[ArrayLike, ArrayLike, ArrayLike] | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> ConditionedResult:
    """Score the inputs that can be chosen, given those that cannot.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; what each DMU can choose, each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    conditions : array, shape (n_dmu, n_condition)
        Positive; inputs that are given to the DMU, such as its population.
    condition : {"non_discretionary", "non_controllable"}
        Who may be compared with whom: DMUs whose combination has at most as much of the
        condition (Banker and Morey), or exactly as much. The two differ, and packages use the
        words for one another.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    reference : (array, array, array), optional
        Inputs, outputs and conditions of those who span the frontier.
    labels : Labels, optional
        Names for messages; those of inputs are of inputs and conditions together.
    allow_zero : bool
        Whether a zero is a quantity like any other.

    Returns
    -------
    ConditionedResult
        Never below the score with the conditions as inputs of choice under "vrs".

    Raises
    ------
    FrontierError
        As `technology.checked`, or if a choice is unknown.

    References
    ----------
    Banker and Morey (1986), Oper. Res. 34(4), 513-521.
    Cooper, Seiford and Tone (2007), Data Envelopment Analysis, 2nd ed., chapter 7.
    """
    check_choice("condition", condition, CONDITIONS)
    check_choice("rts", rts, RETURNS)
    chosen = np.atleast_2d(np.asarray(inputs, dtype=np.float64))
    spanning = None
    if reference is not None:
        spanning = (np.hstack([reference[0], reference[2]]), reference[1])
    data = checked(
        np.hstack([chosen, np.asarray(conditions, dtype=np.float64)]),
        outputs,
        reference=spanning,
        labels=labels,
        rts=rts,
        allow_zero=allow_zero,
    )
    n_chosen = chosen.shape[1]
    m, s = data.inputs.shape[1], data.outputs.shape[1]
    in_scale = data.reference_inputs.mean(axis=0)
    out_scale = data.reference_outputs.mean(axis=0)
    x, y = data.reference_inputs / in_scale, data.reference_outputs / out_scale
    n_reference = len(x)
    score = np.full(len(data.inputs), np.nan)
    least, most = INTENSITY_SUM[rts]
    for row in range(len(score)):
        own_x, own_y = data.inputs[row] / in_scale, data.outputs[row] / out_scale
        moved = np.concatenate([-own_x[:n_chosen], np.zeros(m - n_chosen + s + 1)])
        given = own_x[n_chosen:]
        solution = solve(
            np.append(np.zeros(n_reference), 1.0),
            np.hstack([np.vstack([x.T, y.T, np.ones(n_reference)]), moved[:, np.newaxis]]),
            row_lower=np.concatenate(
                [
                    np.full(n_chosen, -np.inf),
                    given if condition == "non_controllable" else np.full(given.size, -np.inf),
                    own_y,
                    [least],
                ]
            ),
            row_upper=np.concatenate([np.zeros(n_chosen), given, np.full(s, np.inf), [most]]),
        )
        if solution.status == "optimal":
            score[row] = solution.objective
    score = np.where(np.abs(score - 1) <= 1e-12, 1.0, score)
    return ConditionedResult(
        score=score,
        status=np.where(np.isnan(score), "infeasible", "optimal"),
        is_efficient=score >= 1 - EFFICIENT,
    )


def translated_dea(
    inputs: ArrayLike,
    outputs: ArrayLike,
    undesirable: ArrayLike,
    *,
    translation: ArrayLike,
    labels: Labels | None = None,
) -> DEAResult:
    """Score outputs, under variable returns, with every undesirable one turned into a desirable.

    An undesirable output b becomes `translation` - b. Under variable returns a translation
    changes who is efficient nowhere, but it does change the scores of all others.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    undesirable : array, shape (n_dmu, n_undesirable)
        Less is better, each column in one unit.
    translation : number or array, shape (n_undesirable,)
        Above every value of the column; the scores depend on it.
    labels : Labels, optional
        Names for messages; those of outputs are of outputs and undesirable outputs together.

    Returns
    -------
    DEAResult
        Oriented to outputs.

    Raises
    ------
    FrontierError
        As `dea`; or if a value is not below its translation.

    References
    ----------
    Seiford and Zhu (2002), Eur. J. Oper. Res. 142(1), 16-20.
    """
    bad = np.asarray(undesirable, dtype=np.float64)
    bad = bad[:, np.newaxis] if bad.ndim == 1 else bad
    turned = np.asarray(translation, dtype=np.float64) - bad
    if not (turned > 0).all():
        row, column = np.argwhere(~(turned > 0))[0]
        raise FrontierError(
            f"{dmu_name(labels, int(row))} has {bad[row, column]:g} of undesirable output "
            f"{column + 1}, which is not below its translation. Give a larger one."
        )
    both = np.hstack([np.asarray(outputs, dtype=np.float64).reshape(len(bad), -1), turned])
    return dea(inputs, both, orientation="output", rts="vrs", labels=labels)


def weakly_disposable(
    inputs: ArrayLike,
    outputs: ArrayLike,
    undesirable: ArrayLike,
    *,
    rts: Returns,
    reference: Reference | None = None,
    reference_undesirable: ArrayLike | None = None,
    labels: Labels | None = None,
) -> UndesirableResult:
    """Score how far good outputs can grow while bad ones shrink by the same share.

    Bad outputs can be cut only together with good ones (weak disposability): the technology
    holds them at exactly what the combination makes.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    undesirable : array, shape (n_dmu, n_undesirable)
        Positive, less is better.
    rts : {"crs", "vrs"}
        Returns to scale. Under "vrs" every DMU of a combination may be scaled down by itself
        (Kuosmanen 2005); one common scaling would not give a convex technology.
    reference : (array, array), optional
        Inputs and outputs of those who span the frontier, with `reference_undesirable`.
    reference_undesirable : array, shape (n_reference, n_undesirable), optional
        Their undesirable outputs.
    labels : Labels, optional
        Names for messages; those of outputs are of outputs and undesirable outputs together.

    Returns
    -------
    UndesirableResult
        0 is efficient.

    Raises
    ------
    FrontierError
        As `technology.checked`, or for other returns to scale.

    References
    ----------
    Chung, Färe and Grosskopf (1997), J. Environ. Manage. 51(3), 229-240.
    Kuosmanen (2005), Am. J. Agric. Econ. 87(4), 1077-1082.
    """
    check_choice("rts", rts, ("crs", "vrs"))
    good = np.asarray(outputs, dtype=np.float64).reshape(len(np.asarray(undesirable)), -1)
    spanning = None
    if reference is not None and reference_undesirable is not None:
        spanning = (reference[0], np.hstack([reference[1], reference_undesirable]))
    data = checked(
        inputs,
        np.hstack([good, np.asarray(undesirable, dtype=np.float64).reshape(len(good), -1)]),
        reference=spanning,
        labels=labels,
        rts=rts,
    )
    n_good, m = good.shape[1], data.inputs.shape[1]
    in_scale, out_scale = data.reference_inputs.mean(axis=0), data.reference_outputs.mean(axis=0)
    x, both = data.reference_inputs / in_scale, data.reference_outputs / out_scale
    n, width = len(x), both.shape[1]
    steps = np.full(len(data.inputs), np.nan)
    # Columns: what of each DMU is in use, what of it is scaled away (inputs only), the step.
    idle = np.vstack([x.T, np.zeros((width, n)), np.ones(n)])
    active = np.vstack([x.T, both.T, np.ones(n)])
    upper = np.concatenate([np.full(n, np.inf), np.full(n, np.inf if rts == "vrs" else 0.0)])
    total = 1.0 if rts == "vrs" else np.inf
    for row in range(len(steps)):
        own_x, own = data.inputs[row] / in_scale, data.outputs[row] / out_scale
        step = np.concatenate([np.zeros(m), -own[:n_good], own[n_good:], [0.0]])
        solution = solve(
            np.append(np.zeros(2 * n), 1.0),
            np.hstack([active, idle, step[:, np.newaxis]]),
            row_lower=np.concatenate(
                [np.full(m, -np.inf), own, [1.0 if rts == "vrs" else -np.inf]]
            ),
            row_upper=np.concatenate([own_x, np.full(n_good, np.inf), own[n_good:], [total]]),
            lower=np.append(np.zeros(2 * n), -np.inf),
            upper=np.append(upper, np.inf),
            maximise=True,
        )
        if solution.status == "optimal":
            steps[row] = solution.objective
    steps = np.where(np.abs(steps) <= 1e-12, 0.0, steps)
    return UndesirableResult(
        inefficiency=steps,
        status=np.where(np.isnan(steps), "infeasible", "optimal"),
        is_efficient=steps <= EFFICIENT,
    )
