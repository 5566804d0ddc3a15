"""What a fitted stochastic frontier says, whether of one year or of a panel.

The likelihood and the search for its tops are `composed_error.py`'s. Here the tops that were found
are told apart, and the best is put in the words of the field.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.stats import chi2, skew

from models.frontier.composed_error import (
    DIFFERENCE,
    INEFFICIENCIES,
    ComposedError,
    End,
    FitStatus,
    Inefficiency,
    conditional,
    ends,
    information,
    unpacked,
)
from models.frontier.stochastic_columns import COLLINEAR, Columns
from models.frontier.technology import (
    FloatArray,
    FrontierError,
    FrontierWarning,
    IntArray,
    check_choice,
)

Frontier = Literal["production", "cost"]
FRONTIERS: tuple[Frontier, ...] = ("production", "cost")
SAME_OPTIMUM = 1e-5  # of the log-likelihood; where a search ended it is known far better


@dataclass(frozen=True, slots=True)
class StochasticResult:
    """A fitted frontier, and the efficiency of every row in the order given."""

    efficiency: FloatArray  # (n,), E[exp(-u) | e], in (0, 1]; NaN if not converged
    low: FloatArray  # (n,), lower end of the interval of exp(-u) given e
    high: FloatArray  # (n,), upper end
    efficiency_jondrow: FloatArray  # (n,), exp(-E[u | e]), at most `efficiency`
    efficiency_mode: FloatArray  # (n,), exp(-mode of u | e); 1 where no inefficiency is likeliest
    residual: FloatArray  # (n,), dependent variable less the frontier
    names: tuple[str, ...]  # (k,), of the parameters
    estimate: FloatArray  # (k,), NaN where a boundary leaves it open
    standard_error: FloatArray  # (k,), of the observed information; NaN unless "optimal"
    log_likelihood: float
    ols_log_likelihood: float  # without inefficiency
    lr: float  # likelihood ratio against no inefficiency
    lr_restrictions: int  # parameters that no inefficiency takes away
    lr_p_value: float  # of the mixed chi-square
    skewness: float  # of the OLS residuals, turned so that inefficiency makes it negative
    is_wrong_skew: bool
    status: FitStatus
    optima: FloatArray  # (m,), log-likelihoods of the distinct optima found, best first
    n_reached: IntArray  # (m,), starts that ended in each
    n_failed: int  # starts that ended in none

    def value(self, name: str) -> float:
        """Return the estimate of a parameter.

        Raises
        ------
        FrontierError
            If there is none of the name.
        """
        check_choice("parameter", name, self.names)
        return float(self.estimate[self.names.index(name)])


@dataclass(frozen=True, slots=True)
class _Form:
    """What leads from the standard form back to the data's units."""

    columns: Columns
    error: ComposedError
    sign: float  # 1 for production, -1 for cost
    scale: float  # deviation of the OLS residuals
    slopes: FloatArray  # (k,), of OLS
    turn: FloatArray  # (k, k), centred regressors are the basis without its first column @ turn
    effect_turn: FloatArray  # (p, p), the same of the effects
    years: float  # from the first period to the last; 1 without decay


def mixed_chi_square_p_value(lr: float, restrictions: int) -> float:
    """Return how likely so large a likelihood ratio is if there is no inefficiency.

    A variance cannot be below 0, so half the time the ratio has one degree of freedom less.

    Parameters
    ----------
    lr : float
        Twice the difference of the log-likelihoods.
    restrictions : int
        Parameters that no inefficiency takes away, at least 1.

    Returns
    -------
    float
        In (0, 1].

    References
    ----------
    Kodde and Palm (1986), Econometrica 54(5), 1243-1248.
    Coelli (1995), J. Prod. Anal. 6(3), 247-268.
    """
    if lr <= 0:
        return 1.0
    fewer = chi2.sf(lr, restrictions - 1) if restrictions > 1 else 0.0
    return float((fewer + chi2.sf(lr, restrictions)) / 2)


def estimated(
    columns: Columns,
    *,
    dmu: IntArray,
    since_last: FloatArray,
    has_decay: bool,
    frontier: Frontier,
    inefficiency: Inefficiency,
    level: float,
) -> StochasticResult:
    """Fit the frontier from several starts, and say what was found on the way.

    Parameters
    ----------
    columns : Columns
        Checked; effects have a row per DMU, everything else a row per DMU and period.
    dmu : array, shape (n,)
        0 to n_dmu - 1: whose inefficiency a row has.
    since_last : array, shape (n,)
        Time from the last period, at most 0.
    has_decay : bool
        Whether inefficiency may change with time.
    frontier, inefficiency, level
        As in `stochastic_frontier`.

    Returns
    -------
    StochasticResult
        As `stochastic_frontier`; with decay there is the parameter "eta", per unit of time.

    Raises
    ------
    FrontierError
        If a choice is unknown, or there are too few rows.

    Warns
    -----
    FrontierWarning
        As `stochastic_frontier`.
    """
    check_choice("frontier", frontier, FRONTIERS)
    check_choice("inefficiency", inefficiency, INEFFICIENCIES)
    if not 0 < level < 1:
        raise FrontierError(f"The level is {level}. Give a number between 0 and 1.")
    form = _standard_form(columns, dmu, since_last, has_decay, frontier, inefficiency)
    without = form.error.least_squares
    found = ends(form.error)
    reached = [end for end in found if end.status != "not_converged"]
    if max((end.value for end in reached), default=-np.inf) < without:
        # Least squares is the model without inefficiency, whether or not a search ended there.
        reached.append(End(np.zeros(0), without, "no_inefficiency"))
    optima, n_reached = _optima(reached, found)
    best = max(reached, key=lambda end: end.value)
    if max(end.value for end in found) > best.value + SAME_OPTIMUM:
        best = End(np.zeros(0), np.nan, "not_converged")

    names, restrictions = _names(form), 1 + form.error.n_shape
    estimate, error, rows = _estimates(best, form, len(names), (1 - level) / 2)
    unit, lr = len(dmu) * np.log(form.scale), 2 * (best.value - without)
    skewness = float(skew(form.error.residual))
    result = StochasticResult(
        **rows,
        names=names,
        estimate=estimate,
        standard_error=error,
        log_likelihood=best.value - unit,
        ols_log_likelihood=without - unit,
        lr=lr,
        lr_restrictions=restrictions,
        lr_p_value=mixed_chi_square_p_value(lr, restrictions),
        skewness=skewness,
        is_wrong_skew=skewness >= 0,
        status=best.status,
        optima=optima - unit,
        n_reached=n_reached,
        n_failed=sum(end.status == "not_converged" for end in found),
    )
    _warn(result, len(found))
    return result


def _standard_form(
    columns: Columns,
    dmu: IntArray,
    since_last: FloatArray,
    has_decay: bool,
    frontier: Frontier,
    inefficiency: Inefficiency,
) -> _Form:
    y, x, z = columns.dependent, columns.regressors, columns.effects
    n = len(y)
    basis, turn = np.linalg.qr(x - x.mean(axis=0))
    slopes = np.linalg.solve(turn, basis.T @ (y - y.mean()))
    residual = y - y.mean() - (x - x.mean(axis=0)) @ slopes
    scale = float(np.sqrt(np.mean(residual**2)))
    if scale <= COLLINEAR * np.sqrt(np.mean(y**2)):
        raise FrontierError(
            "The regressors give the dependent variable without a residual. Leave out the column "
            "that it was made from."
        )
    if z.shape[1]:
        effects, effect_turn = np.linalg.qr(z - z.mean(axis=0))
    else:
        effects, effect_turn = np.zeros((int(dmu.max()) + 1, 0)), np.zeros((0, 0))
    root, effect_root = np.sqrt(n), np.sqrt(len(effects))
    sign = 1.0 if frontier == "production" else -1.0
    years = -float(since_last.min()) if has_decay else 1.0
    error = ComposedError(
        residual=sign * residual / scale,
        basis=np.column_stack([np.ones(n), basis * root]),
        dmu=dmu,
        since_last=since_last / years,
        effects=effects * effect_root,
        inefficiency=inefficiency,
        has_decay=has_decay,
    )
    n_parameter = error.n_frontier + 2 + error.n_shape
    if n <= n_parameter:
        raise FrontierError(
            f"{n} rows were given for {n_parameter} parameters. Give more rows or fewer columns."
        )
    return _Form(columns, error, sign, scale, slopes, turn / root, effect_turn / effect_root, years)


def _names(form: _Form) -> tuple[str, ...]:
    effects, shape = form.columns.effect_names, []
    variances = ["sigma2", "gamma", "lambda", "sigma_u", "sigma_v"]
    if form.error.inefficiency == "truncated_normal":
        shape = [f"mu {name}" for name in ("constant", *effects)] if effects else ["mu"]
    elif effects:
        variances = [*(f"log_variance {name}" for name in ("constant", *effects)), "sigma_v"]
    decay = ["eta"] if form.error.has_decay else []
    return ("constant", *form.columns.regressor_names, *shape, *decay, *variances)


def _natural(theta: FloatArray, form: _Form) -> FloatArray:
    """Return the parameters of `_names` in the units of the data."""
    known, columns, scale = unpacked(theta, form.error), form.columns, form.scale
    slopes = form.slopes + form.sign * scale * np.linalg.solve(form.turn, known.shift[1:])
    constant = columns.dependent.mean() - columns.regressors.mean(axis=0) @ slopes
    along = np.linalg.solve(form.effect_turn, known.slope)
    means = columns.effects.mean(axis=0)
    sigma_u, sigma_v = scale * known.sigma_u[0], scale * known.sigma_v
    squares = sigma_u**2 + sigma_v**2
    shape: list[float] = []
    variances = [squares, sigma_u**2 / squares, sigma_u / sigma_v, sigma_u, sigma_v]
    if form.error.inefficiency == "truncated_normal":
        shape = [sigma_u * (known.centre - means @ along), *(sigma_u * along)]
    elif along.size:
        at_mean = 2 * np.log(scale * known.size)
        variances = [at_mean - 2 * means @ along, *(2 * along), sigma_v]
    decay = [known.decay / form.years] if form.error.has_decay else []
    first = constant + form.sign * scale * known.shift[0]
    return np.array([first, *slopes, *shape, *decay, *variances])


def _estimates(
    best: End, form: _Form, n_name: int, tail: float
) -> tuple[FloatArray, FloatArray, dict[str, FloatArray]]:
    """Return parameters, their standard errors, and what is known of each row."""
    y, x = form.columns.dependent, form.columns.regressors
    estimate, error = np.full(n_name, np.nan), np.full(n_name, np.nan)
    k = form.error.n_frontier
    if best.status in ("not_converged", "no_inefficiency"):
        is_known = best.status == "no_inefficiency"
        figure = np.full(len(y), 1.0 if is_known else np.nan)
        if is_known:
            estimate[:k] = y.mean() - x.mean(axis=0) @ form.slopes, *form.slopes
            estimate[-1] = form.scale
            if form.error.inefficiency == "truncated_normal" or not form.columns.effect_names:
                estimate[-5:-1] = form.scale**2, 0, 0, 0
        figures = (figure,) * 5
    else:
        estimate = _natural(best.theta, form)
        known = conditional(best.theta, form.error)
        figures = (
            known.efficiency(form.scale),
            np.exp(-form.scale * known.exceeded(tail)),
            np.exp(-form.scale * known.exceeded(1 - tail)),
            np.exp(-form.scale * known.mean),
            np.exp(-form.scale * known.mode),
        )
    if best.status == "optimal":
        steps = DIFFERENCE * np.eye(len(best.theta))
        slope = np.array(
            [
                _natural(best.theta + step, form) - _natural(best.theta - step, form)
                for step in steps
            ]
        ) / (2 * DIFFERENCE)
        covariance = np.linalg.inv(information(best.theta, form.error))
        error = np.sqrt(np.einsum("in,ij,jn->n", slope, covariance, slope))
    names = "efficiency", "low", "high", "efficiency_jondrow", "efficiency_mode"
    rows = dict(zip(names, figures, strict=True))
    rows["residual"] = y - estimate[0] - x @ estimate[1:k]
    return estimate, error, rows


def _optima(reached: Sequence[End], found: Sequence[End]) -> tuple[FloatArray, IntArray]:
    """Return the distinct log-likelihoods, best first, and how many starts led to each."""
    value = np.sort([end.value for end in reached])[::-1]
    is_new = np.concatenate([[True], -np.diff(value) > SAME_OPTIMUM])
    optima = value[is_new]
    starts = [end.value for end in found if end.status != "not_converged"]
    place = [int(np.argmin(np.abs(optima - each))) for each in starts]
    return optima, np.bincount(np.array(place, dtype=np.int64), minlength=len(optima))


def _warn(result: StochasticResult, n_start: int) -> None:
    said = []
    if result.is_wrong_skew:
        said.append(
            f"The residuals of OLS have the skewness {result.skewness:+.3f} where inefficiency "
            "would make it negative (turned for cost). Do not read a score into them; look for an "
            "outlier or a missing regressor."
        )
    if result.status == "no_inefficiency":
        said.append(
            "The likelihood is largest without inefficiency: every efficiency is 1, which means "
            "that none can be told from noise."
        )
    elif result.status == "no_noise":
        said.append(
            "The likelihood is largest without noise (gamma is 1), where there are no standard "
            "errors. Compare with DEA, and look for an outlier."
        )
    elif result.status == "at_limit":
        said.append(
            "A parameter ran away: the likelihood is largest at the edge of the model. With a "
            "truncated normal, use the exponential or the half-normal."
        )
    elif result.status == "not_converged":
        said.append("The best search of the likelihood ended in no optimum. Use a simpler model.")
    if result.n_reached[0] < 2 and result.status not in ("no_inefficiency", "not_converged"):
        said.append(
            f"Only one of {n_start} starts ended in the best optimum, log-likelihood "
            f"{result.log_likelihood:.4f}, so a better one may have been missed."
        )
    for each in said:
        warnings.warn(each, FrontierWarning, stacklevel=4)
