"""What goes with efficiency: DEA scores and what DMUs cannot choose, by Simar and Wilson (2007).

To regress scores on environmental variables by least squares or tobit is common, and wrong. A
score is an estimate in which the other DMUs take part, so scores are not independent of each
other, and each is too good by an amount that goes with the environment too. An efficient DMU is
not one whose inefficiency was censored, as tobit has it: its true distance is above 1, and the 1
is there because every sample has a best. And least squares does not know that distances end at 1.
Here the regression is truncated at 1 and its intervals are those of a parametric bootstrap; the
second algorithm takes the bias of the distances off first.

Both take separability for granted: the environment moves how far behind the frontier DMUs are,
and not where the frontier is, which is the same for all. Where it is not, the first stage
measures by a frontier that some cannot reach, and no second stage mends that.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.bootstrap import FEWEST_DRAWS, INTERVALS, QUANTILES, Interval
from models.frontier.dea import DEAResult, dea
from models.frontier.kernel import radial_replicates
from models.frontier.technology import (
    BoolArray,
    FloatArray,
    FrontierError,
    FrontierWarning,
    Labels,
    Orientation,
    Returns,
    check_choice,
    checked,
)
from models.frontier.truncated import (
    TruncatedRegression,
    design,
    truncated_draws,
    truncated_regression,
    truncated_replicates,
)

INEFFICIENT_PER_ESTIMATE = 3  # fewer, and a coefficient is the distance of one or two DMUs


@dataclass(frozen=True, slots=True)
class SecondStage:
    """A truncated regression of distances on the environment, with intervals.

    Intervals are in the order of the coefficients, the constant first, then sigma.
    """

    dea: DEAResult
    distance: FloatArray  # (n,), at least 1: 1 / score, in algorithm 2 without its bias
    is_used: BoolArray  # (n,), takes part in the regression
    regression: TruncatedRegression  # its standard errors take the distances for observed
    low: FloatArray  # (2 + n_variable,), lower ends; minus infinity where there is none
    high: FloatArray  # (2 + n_variable,), upper ends
    n_without_maximum: int  # draws whose likelihood has none


def single_bootstrap(
    inputs: ArrayLike,
    outputs: ArrayLike,
    environment: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
    interval: Interval = "percentile",
    labels: Labels | None = None,
    names: Sequence[str] = (),
) -> SecondStage:
    """Regress the distances of inefficient DMUs on their environment: algorithm 1.

    Distances are drawn from the regression and regressed again, which gives the intervals. They
    say how sure the regression is, given the distances; that those are estimates, and too short,
    is left as it is. `double_bootstrap` does something about it.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    environment : array, shape (n_dmu, n_variable)
        What a DMU cannot choose; each column in one unit. The constant is added here.
    orientation : {"input", "output"}
        Which side is moved towards the frontier. The distance is 1 / score in either case:
        Shephard's for inputs, Farrell's factor for outputs; 1 is best, and a coefficient above 0
        says that more of the variable goes with less efficiency.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    draws : int
        Of the regression.
    level : float
        The share of intervals that hold the truth, above 0 and below 1.
    interval : {"basic", "percentile"}
        "percentile": the draws' quantiles; "basic", which is Simar and Wilson's: the estimate
        less the quantiles of the draws' deviations from it. Where much is cut off, "basic" holds
        far fewer truths than it says, and may put sigma below 0. A draw whose likelihood has no
        maximum counts as beyond both ends.
    labels : Labels, optional
        Names for messages.
    names : sequence of str, optional
        Names of the environmental variables for messages.

    Returns
    -------
    SecondStage
        `is_used` is False for efficient DMUs: their distance of 1 is no observation of theirs.

    Raises
    ------
    FrontierError
        As `technology.checked`; if an environmental variable is NaN, infinite, constant or a
        combination of others; if all DMUs are efficient, or too few are not; if the distances
        have no truncated regression that fits best; or if an option is unknown or out of range.

    Warns
    -----
    FrontierWarning
        As `dea.dea`; and if so many draws have no maximum that intervals have no ends.

    References
    ----------
    Simar and Wilson (2007), J. Econom. 136(1), 31-64.
    """
    _check(draws, level, interval)
    first = _first_stage(inputs, outputs, environment, orientation, rts, labels, names)
    _, generator = _generators(seed)
    return _second_stage(first, ~first.dea.is_efficient, generator, draws, level, interval)


def double_bootstrap(
    inputs: ArrayLike,
    outputs: ArrayLike,
    environment: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    seed: int,
    correction_draws: int = 100,
    draws: int = 2000,
    level: float = 0.95,
    interval: Interval = "percentile",
    labels: Labels | None = None,
    names: Sequence[str] = (),
) -> SecondStage:
    """Take the bias off distances, and regress those of all DMUs on the environment: algorithm 2.

    Distances of all DMUs are drawn from the regression of algorithm 1. Each draw moves every DMU
    along its own ray to where its distance from the known frontier is the drawn one; the DMUs as
    they are are scored against those. What their distances lose on average is taken as what they
    had lost already, and added.

    Parameters
    ----------
    inputs, outputs, environment, orientation, rts, seed, draws, level, interval, labels, names
        As in `single_bootstrap`.
    correction_draws : int
        Draws for the bias; a mean needs fewer than the ends of an interval.

    Returns
    -------
    SecondStage
        All DMUs are used, and every distance is above the one that DEA gives.

    Raises
    ------
    FrontierError
        As `single_bootstrap`.

    Warns
    -----
    FrontierWarning
        As `single_bootstrap`.

    References
    ----------
    Simar and Wilson (2007), J. Econom. 136(1), 31-64.
    """
    _check(min(draws, correction_draws), level, interval)
    first = _first_stage(inputs, outputs, environment, orientation, rts, labels, names)
    for_bias, for_interval = _generators(seed)
    rough = first.regression(~first.dea.is_efficient)
    drawn = truncated_draws(
        rough, design(first.environment), draws=correction_draws, generator=for_bias
    )
    data = checked(inputs, outputs, labels=labels)
    replicates = radial_replicates(
        data.inputs, data.outputs, data.inputs, data.outputs,
        drawn / first.distance if orientation == "input" else first.distance / drawn,
        orientation=orientation, rts=rts,
    )  # fmt: skip
    replicates = 1 / replicates if orientation == "input" else replicates
    corrected = replace(first, distance=2 * first.distance - replicates.mean(axis=0))
    everybody = np.ones(len(first.distance), dtype=np.bool_)
    return _second_stage(corrected, everybody, for_interval, draws, level, interval)


@dataclass(frozen=True, slots=True)
class _FirstStage:
    """Distances, and what they are to be regressed on."""

    dea: DEAResult
    distance: FloatArray  # (n,)
    environment: FloatArray  # (n, n_variable)
    names: Sequence[str]

    def regression(self, is_used: BoolArray) -> TruncatedRegression:
        """Regress the distances of some, and refuse where no regression fits best."""
        found = truncated_regression(
            self.distance[is_used],
            self.environment[is_used],
            at=1.0,
            side="left",
            names=self.names,
        )
        if found.status != "converged":
            raise FrontierError(
                f"The truncated regression of {is_used.sum()} distances found no maximum (its "
                f"status is {found.status!r}), as where they thin out no faster than an "
                "exponential distribution. Look among the longest for DMUs that are not comparable."
            )
        return found


def _first_stage(
    inputs: ArrayLike,
    outputs: ArrayLike,
    environment: ArrayLike,
    orientation: Orientation,
    rts: Returns,
    labels: Labels | None,
    names: Sequence[str],
) -> _FirstStage:
    result = dea(inputs, outputs, orientation=orientation, rts=rts, labels=labels)
    n = len(result.score)
    value = np.asarray(environment, dtype=np.float64)
    value = value[:, np.newaxis] if value.ndim == 1 else value
    if value.ndim != 2 or len(value) != n:
        raise FrontierError(
            f"The environment has the shape {value.shape} and there are {n} DMUs. Give one row "
            "per DMU and one column per variable, in the order of the inputs."
        )
    called = names or [f"environmental variable {each + 1}" for each in range(value.shape[1])]
    design(value, labels=labels, names=called)
    n_inefficient, n_estimate = n - int(result.is_efficient.sum()), value.shape[1] + 2
    if n_inefficient == 0:
        raise FrontierError(
            f"All {n} DMUs are efficient, so no distance is left to go with the environment. Use "
            "fewer columns or more DMUs."
        )
    if n_inefficient < INEFFICIENT_PER_ESTIMATE * n_estimate:
        raise FrontierError(
            f"{n_inefficient} of {n} DMUs are inefficient, for {n_estimate} estimates (constant "
            f"and sigma among them) that need {INEFFICIENT_PER_ESTIMATE * n_estimate}. Use fewer "
            "environmental variables, fewer inputs and outputs, or more DMUs."
        )
    return _FirstStage(result, 1 / result.score, value, called)


def _second_stage(
    first: _FirstStage,
    is_used: BoolArray,
    generator: np.random.Generator,
    draws: int,
    level: float,
    interval: Interval,
) -> SecondStage:
    """Regress, and put intervals around what is found."""
    found = first.regression(is_used)
    plan = design(first.environment[is_used])
    drawn = truncated_draws(found, plan, draws=draws, generator=generator)
    replicates = truncated_replicates(found, plan, drawn)
    is_there = np.isfinite(replicates).all(axis=1)
    n_without = int(draws - is_there.sum())
    low, high = _ends(
        np.append(found.coefficient, found.sigma), replicates[is_there], draws, level, interval
    )
    return SecondStage(
        dea=first.dea,
        distance=first.distance,
        is_used=is_used,
        regression=found,
        low=low,
        high=high,
        n_without_maximum=n_without,
    )


def _ends(
    estimate: FloatArray, replicates: FloatArray, draws: int, level: float, interval: Interval
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of intervals from those of the draws that have a maximum.

    The others are beyond any number, and not known to be on which side: they count on both.
    """
    n_without = draws - len(replicates)
    tail = (draws * (1 - level) / 2 - n_without) / max(len(replicates), 1)
    if tail <= 0:
        warnings.warn(
            f"{n_without} of {draws} draws from the regression have no estimates, so its "
            f"intervals have no ends at the level {level}. The distances are nearly exponential: "
            "look at the longest, or use a lower level.",
            FrontierWarning,
            stacklevel=4,
        )
        return np.full_like(estimate, -np.inf), np.full_like(estimate, np.inf)
    low, high = np.quantile(replicates, [tail, 1 - tail], axis=0, method=QUANTILES)
    return (2 * estimate - high, 2 * estimate - low) if interval == "basic" else (low, high)


def _generators(seed: int) -> list[np.random.Generator]:
    """Return one generator for the bias and one for intervals; neither's use moves the other."""
    return [np.random.default_rng(each) for each in np.random.SeedSequence(seed).spawn(2)]


def _check(draws: int, level: float, interval: Interval) -> None:
    check_choice("interval", interval, INTERVALS)
    if draws < FEWEST_DRAWS or not 0 < level < 1:
        raise FrontierError(
            f"{draws} draws and level {level} were asked for. Use at least {FEWEST_DRAWS} draws "
            "and a level between 0 and 1."
        )
