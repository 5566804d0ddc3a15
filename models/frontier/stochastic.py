"""Stochastic frontier: how far behind the best when the best may have been lucky.

DEA and FDH call every gap inefficiency. Here a gap is partly noise, and how much is told by the
shape of the residuals: noise is symmetric, inefficiency goes one way. That is little to go by. So
the result says when the shape contradicts the model, when the likelihood has several tops, and
when it ends at a boundary.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.composed_error import Inefficiency
from models.frontier.stochastic_columns import checked_columns
from models.frontier.stochastic_fit import Frontier, StochasticResult, estimated
from models.frontier.technology import Labels


def stochastic_frontier(
    dependent: ArrayLike,
    regressors: ArrayLike,
    *,
    frontier: Frontier,
    inefficiency: Inefficiency,
    effects: ArrayLike | None = None,
    level: float = 0.95,
    labels: Labels | None = None,
    effect_names: Sequence[str] = (),
) -> StochasticResult:
    """Fit a frontier with noise to one cross-section, by maximum likelihood.

    Production: y = a + xb + v - u. Cost: y = a + xb + v + u. Noise v is normal with deviation
    sigma_v; inefficiency u is at least 0.

    Parameters
    ----------
    dependent : array, shape (n_dmu,)
        Output or cost as it enters the frontier: in logs if exp(-u) is to be an efficiency.
    regressors : array, shape (n_dmu, n_regressor)
        As they enter the frontier, such as logs of inputs, their squares and products. No constant:
        it is added.
    frontier : {"production", "cost"}
        Whether inefficiency lowers or raises the dependent variable.
    inefficiency : {"half_normal", "truncated_normal", "exponential"}
        The distribution of u: N(0, sigma_u^2) or N(mu, sigma_u^2) cut off at 0, or the exponential
        with mean sigma_u.
    effects : array, shape (n_dmu, n_effect), optional
        What inefficiency depends on: mu is linear in it for the truncated normal, log sigma_u^2
        for the others. A constant is added.
    level : float
        The share of the conditional distribution of exp(-u) between `low` and `high`. The
        parameters count as known, so in small samples the interval is too short.
    labels : Labels, optional
        Names for messages and parameters: `inputs` are the regressors, `outputs` the dependent
        variable.
    effect_names : sequence of str
        Names of the effects.

    Returns
    -------
    StochasticResult
        Parameters are "constant", the regressors, then "mu" (with effects "mu constant" and "mu"
        with each name), and "sigma2" = sigma_u^2 + sigma_v^2, "gamma" = sigma_u^2 / sigma2,
        "lambda" = sigma_u / sigma_v, "sigma_u", "sigma_v". Where effects move sigma_u, it is
        "log_variance" with each name and "sigma_v" instead. With the status "no_inefficiency" the
        likelihood is that of OLS, gamma is 0 and every efficiency 1; with "no_noise" gamma is all
        but 1, for sigma_v is held at 1 % of the OLS residuals' deviation; with "at_limit" a
        parameter has run away, most often the truncated normal's mu, so that it is as good as
        exponential; with "not_converged" all is NaN.

    Raises
    ------
    FrontierError
        If a value is NaN or infinite, with the DMU and the column; if a column is a combination of
        the others; if there are too few DMUs, shapes do not fit, or a choice is unknown.

    Warns
    -----
    FrontierWarning
        If the OLS residuals are skewed the other way; if the status is not "optimal"; if only one
        start of several ended in the best optimum.

    References
    ----------
    Aigner, Lovell and Schmidt (1977), J. Econom. 6(1), 21-37.
    Meeusen and van den Broeck (1977), Int. Econ. Rev. 18(2), 435-444, on the exponential.
    Stevenson (1980), J. Econom. 13(1), 57-66, on the truncated normal.
    Waldman (1982), J. Econom. 18(2), 275-279, on the skewness.
    Caudill, Ford and Gropper (1995), J. Bus. Econ. Stat. 13(1), 105-111, on effects in sigma_u.
    """
    columns = checked_columns(dependent, regressors, effects, labels, effect_names)
    n = len(columns.dependent)
    return estimated(
        columns,
        dmu=np.arange(n),
        since_last=np.zeros(n),
        has_decay=False,
        frontier=frontier,
        inefficiency=inefficiency,
        level=level,
    )
