"""Truncated regression: how a mean moves with what is known, where only one side is ever seen.

Distances to a frontier cannot be below 1. A normal distribution that is cut off there has its
mean above where its centre is, the more so the nearer the centre is to the cut; least squares
takes the one for the other and makes every slope too flat.

In the parameters coefficient / sigma^2 and 1 / sigma^2 the density is an exponential family, so
the likelihood is concave. (In Olsen's, which divide by sigma once, it is concave where nothing is
cut off or values are censored, but not here.) It may have no maximum all the same: where the
values thin out no faster than those of an exponential distribution, every larger sigma with a
lower centre fits better. That is a status and no number.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri_exp

from models.frontier.technology import (
    NAMED_AT_MOST,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    check_choice,
    dmu_name,
)
from models.frontier.truncated_likelihood import CONVERGED, climb_all

Side = Literal["left", "right"]
SIDES: tuple[Side, ...] = ("left", "right")
Convergence = Literal["converged", "no_maximum", "not_converged"]
STATUSES: tuple[Convergence, ...] = ("converged", "no_maximum", "not_converged")  # by their code
CONSTANT = 1e-12  # of a column's size: it varies by less, which is rounding
COLLINEAR = 1e-7  # of a column's spread: what the other columns leave of it is less


@dataclass(frozen=True, slots=True)
class TruncatedRegression:
    """Estimates by maximum likelihood; NaN where the status is not "converged"."""

    coefficient: FloatArray  # (1 + n_regressor,), the constant first
    sigma: float  # standard deviation before anything is cut off
    standard_error: FloatArray  # (2 + n_regressor,), of the coefficients, then of sigma
    log_likelihood: float
    status: Convergence
    at: float  # where the distribution is cut off
    side: Side  # which side of it is never seen


@dataclass(frozen=True, slots=True)
class Design:
    """Regressors with the constant, and the same turned so that no two have anything in common."""

    column: FloatArray  # (n, k), the constant first
    orthogonal: FloatArray  # (n, k), column @ turn; of mean square 1 and mean product 0
    turn: FloatArray  # (k, k)


def truncated_regression(
    dependent: ArrayLike,
    regressors: ArrayLike,
    *,
    at: float,
    side: Side,
    labels: Labels | None = None,
    names: Sequence[str] = (),
) -> TruncatedRegression:
    """Estimate a normal regression of values that are seen on one side of a point only.

    Parameters
    ----------
    dependent : array, shape (n,)
        All above `at` ("left"), or all below it ("right").
    regressors : array, shape (n, n_regressor)
        Each column in one unit; the constant is added here.
    at : float
        Where the distribution is cut off, in the unit of `dependent`.
    side : {"left", "right"}
        Which side of `at` is never seen. Distances are cut off on the left at 1; scores on the
        right, which leaves open that one is below 0.
    labels : Labels, optional
        Names of the rows for messages.
    names : sequence of str, optional
        Names of the regressors for messages.

    Returns
    -------
    TruncatedRegression
        A coefficient is the slope of the centre before anything is cut off; the mean of what is
        seen moves in the same direction, and less. Standard errors are from the curvature at the
        maximum.

    Raises
    ------
    FrontierError
        If a value is NaN, infinite or not on the side that is seen; if a regressor is constant or
        a combination of the others; if there are no more rows than estimates, or the regressors
        explain everything, so that sigma is 0.

    References
    ----------
    Olsen (1978), Econometrica 46(5), 1211-1215, on the censored case.
    Orme and Ruud (2002), Econ. Lett. 75(2), 209-217, on the one maximum of the truncated.
    Castillo (1994), Ann. Inst. Stat. Math. 46(1), 57-66, on when there is none.
    """
    check_choice("side", side, SIDES)
    plan = design(regressors, labels=labels, names=names)
    n, k = plan.column.shape
    excess = _checked_excess(dependent, n, at, side, labels)
    if n < k + 2:
        raise FrontierError(
            f"{n} rows cannot give {k} coefficients and sigma. Use fewer regressors or more rows."
        )
    unit = excess.mean()
    slope = np.einsum("ik,i->k", plan.orthogonal, excess) / (n * unit)
    left = excess / unit - np.einsum("ik,k->i", plan.orthogonal, slope)
    spread = np.mean(left**2)
    if spread < CONSTANT:
        raise FrontierError(
            "The regressors leave nothing of the dependent values unexplained, so that sigma is "
            "0. Use fewer regressors."
        )
    parameter, curvature, height, code = climb_all(
        excess[np.newaxis] / unit, plan.orthogonal, np.append(slope, 1.0) / spread
    )
    estimate = _estimates(parameter, code, plan, unit, at, side)[0]
    has_converged = code[0] == CONVERGED
    return TruncatedRegression(
        coefficient=estimate[:-1],
        sigma=float(estimate[-1]),
        standard_error=_standard_error(parameter[0], curvature[0], plan, unit)
        if has_converged
        else np.full(k + 1, np.nan),
        log_likelihood=float(height[0] - n * np.log(unit)) if has_converged else np.nan,
        status=STATUSES[code[0]],
        at=float(at),
        side=side,
    )


def truncated_draws(
    regression: TruncatedRegression,
    plan: Design,
    *,
    draws: int,
    generator: np.random.Generator,
) -> FloatArray:
    """Draw dependent values from a regression.

    Parameters
    ----------
    regression : TruncatedRegression
        Converged.
    plan : Design
        Of those for whom values are drawn, n of them.
    draws : int
        How many for each.
    generator : numpy.random.Generator
        In the same state it gives the same numbers.

    Returns
    -------
    array, shape (draws, n)
        On the side of the point that is seen.
    """
    sign = _sign(regression.side)
    centre = sign * (np.einsum("ik,k->i", plan.column, regression.coefficient) - regression.at)
    centre = centre / regression.sigma
    # The share of the seen part that lies beyond a draw is uniform; its logarithm keeps the tail.
    beyond = np.log1p(-generator.random((draws, len(centre)))) + log_ndtr(centre)
    excess = np.maximum(centre - ndtri_exp(beyond), 0.0) * regression.sigma
    drawn: FloatArray = regression.at + sign * excess
    return drawn


def truncated_replicates(
    regression: TruncatedRegression, plan: Design, dependent: FloatArray
) -> FloatArray:
    """Estimate a regression again on each of many draws of its dependent values.

    Parameters
    ----------
    regression : TruncatedRegression
        Converged; where the search for every draw's estimates begins.
    plan : Design
        The regressors, of n rows.
    dependent : array, shape (draws, n)
        As `truncated_draws` gives them.

    Returns
    -------
    array, shape (draws, 2 + n_regressor)
        Coefficients, then sigma; NaN in rows without a maximum.
    """
    sign = _sign(regression.side)
    excess = sign * (dependent - regression.at)
    unit = excess.mean()
    centre = sign * (np.einsum("ik,k->i", plan.column, regression.coefficient) - regression.at)
    slope = np.einsum("ik,i->k", plan.orthogonal, centre) / (len(centre) * unit)
    start = np.append(slope, 1.0) * (unit / regression.sigma) ** 2
    parameter, _, _, code = climb_all(excess / unit, plan.orthogonal, start)
    return _estimates(parameter, code, plan, unit, regression.at, regression.side)


def design(
    regressors: ArrayLike, *, labels: Labels | None = None, names: Sequence[str] = ()
) -> Design:
    """Add the constant to regressors, and refuse those that cannot be told apart.

    Parameters
    ----------
    regressors : array, shape (n, n_regressor)
        Each column in one unit.
    labels, names
        As in `truncated_regression`.

    Returns
    -------
    Design
        The same space whatever the columns' units.

    Raises
    ------
    FrontierError
        If a value is NaN or infinite, with row and column; if a column is constant, or a
        combination of the columns before it; if the shape does not fit.
    """
    value = np.asarray(regressors, dtype=np.float64)
    value = value[:, np.newaxis] if value.ndim == 1 else value
    if value.ndim != 2 or 0 in value.shape:
        raise FrontierError(
            f"The regressors have the shape {value.shape}. Give one row per DMU and one column per "
            "regressor, at least one of each."
        )
    if names and len(names) != value.shape[1]:
        raise FrontierError(
            f"{len(names)} names were given for {value.shape[1]} regressors. Give one each."
        )
    if labels and labels.dmu and len(labels.dmu) != len(value):
        raise FrontierError(
            f"{len(labels.dmu)} names were given for {len(value)} rows of regressors. Give one "
            "each."
        )
    called = list(names) or [f"regressor {column + 1}" for column in range(value.shape[1])]
    _refuse(
        [
            f"{dmu_name(labels, int(row))} has {called[column]} = {value[row, column]:g}"
            for row, column in np.argwhere(~np.isfinite(value))
        ],
        "Every value must be finite: set the DMU aside, or leave the regressor out.",
    )
    column = np.hstack([np.ones((len(value), 1)), value])
    orthogonal, turn = np.ones_like(column), np.eye(column.shape[1])
    for j, name in enumerate(called, start=1):
        rest, weight = column[:, j].copy(), turn[:, j].copy()
        spread = np.sqrt(np.mean((rest - rest.mean()) ** 2))
        if spread <= CONSTANT * np.abs(rest).max():
            raise FrontierError(
                f"{name} is {rest[0]:g} in all {len(rest)} rows, and the constant is there "
                "already. Leave it out."
            )
        for i in range(j):
            share = np.mean(orthogonal[:, i] * rest)
            rest -= share * orthogonal[:, i]
            weight -= share * turn[:, i]
        length = np.sqrt(np.mean(rest**2))
        if length <= COLLINEAR * spread:
            raise FrontierError(
                f"{name} is a combination of {', '.join(['the constant', *called[: j - 1]])}, so "
                f"that {len(rest)} rows cannot tell them apart. Leave one of them out."
            )
        orthogonal[:, j], turn[:, j] = rest / length, weight / length
    return Design(column, orthogonal, turn)


def _checked_excess(
    dependent: ArrayLike, n: int, at: float, side: Side, labels: Labels | None
) -> FloatArray:
    """Return how far beyond the point every value is."""
    value = np.asarray(dependent, dtype=np.float64)
    if value.shape != (n,):
        raise FrontierError(
            f"The dependent values have the shape {value.shape}, and the regressors {n} rows. Give "
            "one value per row."
        )
    excess = _sign(side) * (value - at)
    _refuse(
        [
            f"{dmu_name(labels, int(row))} has the dependent value {value[row]:g}"
            for row in np.flatnonzero(~(np.isfinite(value) & (excess > 0)))
        ],
        f"Every one must be finite and {'above' if side == 'left' else 'below'} {at:g}, where the "
        "distribution is cut off: set the row aside, or cut off elsewhere.",
    )
    return excess


def _refuse(bad: Sequence[str], remedy: str) -> None:
    if bad:
        many = f" ({len(bad)} such)" if len(bad) > NAMED_AT_MOST else ""
        raise FrontierError(f"{'; '.join(bad[:NAMED_AT_MOST])}{many}. {remedy}")


def _sign(side: Side) -> float:
    return 1.0 if side == "left" else -1.0


def _estimates(
    parameter: FloatArray, code: IntArray, plan: Design, unit: float, at: float, side: Side
) -> FloatArray:
    """Return coefficients and sigma in the units of the data, a row per draw."""
    slope = unit * parameter[:, :-1] / parameter[:, -1:]
    coefficient = _sign(side) * np.einsum("jk,dk->dj", plan.turn, slope)
    coefficient[:, 0] += at
    sigma = unit / np.sqrt(parameter[:, -1:])
    is_found = (code == CONVERGED)[:, np.newaxis]
    return np.where(is_found, np.hstack([coefficient, sigma]), np.nan)


def _standard_error(
    parameter: FloatArray, curvature: FloatArray, plan: Design, unit: float
) -> FloatArray:
    """Carry the curvature over from the parameters to coefficients and sigma."""
    precision = parameter[-1]
    by = np.zeros_like(curvature)
    by[:-1, :-1] = plan.turn / precision
    by[:-1, -1] = -plan.turn @ parameter[:-1] / precision**2
    by[-1, -1] = -0.5 * precision**-1.5
    covariance: FloatArray = by @ np.linalg.inv(curvature) @ by.T
    return unit * np.sqrt(np.diag(covariance))
