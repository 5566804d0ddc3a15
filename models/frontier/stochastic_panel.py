"""Stochastic frontier of a panel: who is behind year after year, and what goes with it?

Seen once, a DMU's gap is luck or inefficiency, and only the shape of all gaps tells which. Seen
several times, luck averages out. What that buys depends on what is taken for granted: that
inefficiency stays, that everybody's fades at one rate, or that it depends on things that are seen.
"""

from collections.abc import Hashable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.composed_error import Inefficiency
from models.frontier.stochastic_columns import Columns, checked_columns
from models.frontier.stochastic_fit import Frontier, StochasticResult, estimated
from models.frontier.technology import (
    NAMED_AT_MOST,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    check_choice,
)

Path = Literal["constant", "decay"]
PATHS: tuple[Path, ...] = ("constant", "decay")


def panel_frontier(
    dependent: ArrayLike,
    regressors: ArrayLike,
    *,
    dmu: Sequence[Hashable],
    period: Sequence[int],
    frontier: Frontier,
    inefficiency: Inefficiency,
    path: Path,
    level: float = 0.95,
    labels: Labels | None = None,
) -> StochasticResult:
    """Fit a frontier with one inefficiency per DMU to a panel, by maximum likelihood.

    y = a + xb + v - u exp(-eta (t - T)), with + for cost: noise v is new in every period, u is the
    DMU's inefficiency in the last period T of the panel.

    Parameters
    ----------
    dependent : array, shape (n,)
        As in `stochastic.stochastic_frontier`, a row per DMU and period.
    regressors : array, shape (n, n_regressor)
        Rows in the same order, which may be any.
    dmu : sequence, shape (n,)
        Whose row it is. DMUs need not be there in all periods.
    period : sequence of int, shape (n,)
        When, such as the year; the steps between periods count as they are.
    frontier : {"production", "cost"}
        Whether inefficiency lowers or raises the dependent variable.
    inefficiency : {"half_normal", "truncated_normal", "exponential"}
        The distribution of u over DMUs.
    path : {"constant", "decay"}
        "constant": eta is 0, inefficiency stays as it is. "decay": eta is estimated, above 0 where
        inefficiency falls; by the same share for everybody, so ranks do not change over time.
    level : float
        As in `stochastic.stochastic_frontier`.
    labels : Labels, optional
        Names of the columns; DMUs are named by `dmu` and `period`.

    Returns
    -------
    StochasticResult
        Efficiency of every row; with "constant" it is the same in all rows of a DMU. With "decay"
        there is the parameter "eta", per unit of `period`.

    Raises
    ------
    FrontierError
        As `stochastic.stochastic_frontier`; if a DMU has two rows of one period; if no DMU has two
        periods.

    Warns
    -----
    FrontierWarning
        As `stochastic.stochastic_frontier`.

    References
    ----------
    Pitt and Lee (1981), J. Dev. Econ. 9(1), 43-64, on the half-normal.
    Battese and Coelli (1988), J. Econom. 38(3), 387-399, on the truncated normal.
    Battese and Coelli (1992), J. Prod. Anal. 3, 153-169, on decay and unbalanced panels.
    """
    check_choice("path", path, PATHS)
    columns, number, years = _checked_panel(dependent, regressors, None, dmu, period, labels, ())
    if np.bincount(number).max() < 2:
        raise FrontierError(
            "No DMU has two periods. Use `stochastic.stochastic_frontier`, or give more periods."
        )
    has_decay = path == "decay"
    return estimated(
        columns,
        dmu=number,
        since_last=years - years.max() if has_decay else np.zeros(len(years)),
        has_decay=has_decay,
        frontier=frontier,
        inefficiency=inefficiency,
        level=level,
    )


def inefficiency_effects(
    dependent: ArrayLike,
    regressors: ArrayLike,
    effects: ArrayLike,
    *,
    dmu: Sequence[Hashable],
    period: Sequence[int],
    frontier: Frontier,
    level: float = 0.95,
    labels: Labels | None = None,
    effect_names: Sequence[str] = (),
) -> StochasticResult:
    """Fit a frontier and what inefficiency depends on, both at once, to a panel.

    y = a + xb + v - u, with + for cost, and u normal with mean z delta and deviation sigma_u, cut
    off at 0. Rows are independent given z: that two are of one DMU is known only through z. Both at
    once, because inefficiencies that were estimated without z are wrong if z matters.

    Parameters
    ----------
    dependent, regressors, dmu, period, frontier, level, labels
        As in `panel_frontier`.
    effects : array, shape (n, n_effect)
        z, rows in the same order. A constant is added.
    effect_names : sequence of str
        Names of the effects.

    Returns
    -------
    StochasticResult
        With the parameters "mu constant" and "mu" with the name of each effect. A positive one goes
        with more inefficiency; it is a slope of the normal's mean before it is cut off, not of
        inefficiency itself.

    Raises
    ------
    FrontierError
        As `stochastic.stochastic_frontier`; if a DMU has two rows of one period.

    Warns
    -----
    FrontierWarning
        As `stochastic.stochastic_frontier`.

    References
    ----------
    Battese and Coelli (1995), Empir. Econ. 20, 325-332.
    Wang and Schmidt (2002), J. Prod. Anal. 18, 129-144, on why not in two steps.
    """
    columns, _, years = _checked_panel(
        dependent, regressors, effects, dmu, period, labels, effect_names
    )
    n = len(years)
    return estimated(
        columns,
        dmu=np.arange(n),
        since_last=np.zeros(n),
        has_decay=False,
        frontier=frontier,
        inefficiency="truncated_normal",
        level=level,
    )


def _checked_panel(
    dependent: ArrayLike,
    regressors: ArrayLike,
    effects: ArrayLike | None,
    dmu: Sequence[Hashable],
    period: Sequence[int],
    labels: Labels | None,
    effect_names: Sequence[str],
) -> tuple[Columns, IntArray, FloatArray]:
    """Return the columns, whose row each is from 0, and when."""
    years = np.asarray(period)
    if years.ndim != 1 or years.dtype.kind not in "iu":
        raise FrontierError("A period is no whole number. Give the year of every row.")
    if len(dmu) != len(years):
        raise FrontierError(
            f"{len(dmu)} DMUs and {len(years)} periods were given. Give one of each per row."
        )
    rows = [f"{each} in {year}" for each, year in zip(dmu, years, strict=True)]
    named = labels or Labels()
    columns = checked_columns(
        dependent,
        regressors,
        effects,
        Labels(dmu=rows, inputs=named.inputs, outputs=named.outputs),
        effect_names,
    )
    place = {each: i for i, each in enumerate(dict.fromkeys(dmu))}
    number = np.array([place[each] for each in dmu])
    pairs, count = np.unique(np.column_stack([number, years]), axis=0, return_counts=True)
    twice = [f"{list(place)[i]} in {year}" for i, year in pairs[count > 1]]
    if twice:
        many = f" ({len(twice)} such)" if len(twice) > NAMED_AT_MOST else ""
        raise FrontierError(
            f"There are several rows of {', '.join(twice[:NAMED_AT_MOST])}{many}. Give one row per "
            "DMU and period."
        )
    return columns, number, years.astype(np.float64)
