"""Linear and mixed-integer programmes, solved by HiGHS.

The frontier methods with a form of their own are written as one `solve` each; those with a
kernel are checked against it.
"""

from dataclasses import dataclass
from typing import Literal

import highspy
import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

TOLERANCE = 1e-10  # the least that HiGHS takes for feasibility and optimality
# Tried in turn, one added to the other, where it comes to no answer.
ANOTHER_WAY: tuple[tuple[str, str | int | float], ...] = (
    ("presolve", "off"),
    ("simplex_strategy", 4),  # primal
    ("simplex_scale_strategy", 0),
    ("primal_feasibility_tolerance", 1e-9),
    ("dual_feasibility_tolerance", 1e-9),
)

Found = Literal["optimal", "infeasible", "unbounded"]

_FOUND: dict[highspy.HighsModelStatus, Found] = {
    highspy.HighsModelStatus.kOptimal: "optimal",
    highspy.HighsModelStatus.kInfeasible: "infeasible",
    highspy.HighsModelStatus.kUnbounded: "unbounded",
}
_UNSETTLED = (
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
    highspy.HighsModelStatus.kUnknown,
)


class ProgrammeError(RuntimeError):
    """HiGHS came to no answer: neither an optimum nor a proof that there is none."""


@dataclass(frozen=True, slots=True)
class Solution:
    """What HiGHS found; the numbers are NaN unless the status is "optimal"."""

    status: Found
    objective: float
    primal: FloatArray  # (n_column,)
    dual: FloatArray  # (n_row,), the change of the objective per unit of a row's bound
    reduced_cost: FloatArray  # (n_column,)


def solve(
    cost: ArrayLike,
    matrix: ArrayLike,
    *,
    row_lower: ArrayLike,
    row_upper: ArrayLike,
    lower: ArrayLike = 0.0,
    upper: ArrayLike = np.inf,
    maximise: bool = False,
    integer: ArrayLike = False,
) -> Solution:
    """Optimise cost @ x where row_lower <= matrix @ x <= row_upper and lower <= x <= upper.

    Parameters
    ----------
    cost : array, shape (n_column,)
        The objective's coefficients.
    matrix : array, shape (n_row, n_column)
        The rows' coefficients; give columns of similar size, HiGHS's tolerances are absolute.
    row_lower, row_upper : array, shape (n_row,) or a number for all
        Bounds of the rows; equal for an equality, infinite for none.
    lower, upper : array, shape (n_column,) or a number for all
        Bounds of the variables.
    maximise : bool
        Otherwise the objective is minimised.
    integer : array of bool, shape (n_column,) or one for all
        Which variables must be whole numbers.

    Returns
    -------
    Solution
        Duals and reduced costs are NaN where some variable must be whole.

    Raises
    ------
    ValueError
        If a coefficient is not finite, a bound NaN, or the shapes do not fit.
    ProgrammeError
        If HiGHS gives up.

    References
    ----------
    Huangfu and Hall (2018), Math. Program. Comput. 10(1), 119-142.
    """
    cost = np.asarray(cost, dtype=np.float64)
    matrix = np.asarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or cost.shape != matrix.shape[1:]:
        raise ValueError(
            f"The objective has {cost.size} coefficients, the matrix the shape {matrix.shape}. "
            "Give one coefficient per column."
        )
    if not (np.isfinite(cost).all() and np.isfinite(matrix).all()):
        raise ValueError("A coefficient is not finite. Leave out rows and columns without data.")
    n_row, n_column = matrix.shape
    rows = _spread(row_lower, n_row), _spread(row_upper, n_row)
    columns = _spread(lower, n_column), _spread(upper, n_column)
    if np.isnan(np.concatenate([*rows, *columns])).any():
        raise ValueError("A bound is NaN. Write an infinite one where there is none.")
    is_integer = np.broadcast_to(np.asarray(integer, dtype=np.bool_), n_column)

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n_column, n_row
    model.col_cost_ = cost
    model.col_lower_, model.col_upper_ = columns
    model.row_lower_, model.row_upper_ = rows
    model.sense_ = highspy.ObjSense.kMaximize if maximise else highspy.ObjSense.kMinimize
    is_there = matrix.T != 0
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(is_there.sum(axis=1))])
    model.a_matrix_.index_ = np.nonzero(is_there)[1]
    model.a_matrix_.value_ = matrix.T[is_there]
    if is_integer.any():
        kind = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kind[int(each)] for each in is_integer]

    solver = highspy.Highs()
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "primal_feasibility_tolerance": TOLERANCE,
        "dual_feasibility_tolerance": TOLERANCE,
        "mip_feasibility_tolerance": TOLERANCE,
        "mip_rel_gap": 0.0,
        "mip_abs_gap": 0.0,
    }.items():
        solver.setOptionValue(option, value)
    solver.passModel(model)
    solver.run()
    status = solver.getModelStatus()
    for option, other in ANOTHER_WAY:
        if status not in _UNSETTLED:
            break
        solver.clearSolver()
        solver.setOptionValue(option, other)
        solver.run()
        status = solver.getModelStatus()
    if status not in _FOUND:
        raise ProgrammeError(
            f"HiGHS stopped with {solver.modelStatusToString(status)!r} on a programme of {n_row} "
            f"rows and {n_column} columns. Look for columns that differ by many powers of ten."
        )
    if status != highspy.HighsModelStatus.kOptimal:
        nothing = np.full(n_column, np.nan)
        return Solution(_FOUND[status], np.nan, nothing, np.full(n_row, np.nan), nothing)
    solution = solver.getSolution()
    has_dual = not is_integer.any()
    return Solution(
        status="optimal",
        objective=float(solver.getInfo().objective_function_value),
        primal=np.array(solution.col_value),
        dual=np.array(solution.row_dual) if has_dual else np.full(n_row, np.nan),
        reduced_cost=np.array(solution.col_dual) if has_dual else np.full(n_column, np.nan),
    )


def _spread(bound: ArrayLike, n: int) -> FloatArray:
    return np.array(np.broadcast_to(np.asarray(bound, dtype=np.float64), n))
