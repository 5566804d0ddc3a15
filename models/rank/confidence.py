"""Which ranks the truth may have, when all there is are estimates with their errors.

Two DMUs differ clearly when their difference is beyond what chance alone makes of the largest of
all the differences that are looked at. A DMU's best rank is one after those clearly better; its
worst rank leaves behind it only those clearly worse. Unlike in `models/rank/uncertainty.py` nothing
is taken for granted of how the truths are spread, and nothing is shrunk.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import rankdata

from models.areas.roles import Direction
from models.panel import BoolArray, FloatArray
from models.rank.critical_value import (
    CriticalValue,
    IntArray,
    drawn_critical_value,
    lower_root,
    shared_critical_value,
)

Coverage = Literal["marginal", "simultaneous"]
Sides = Literal["two-sided", "lower", "upper"]
Critical = Literal["bootstrap", "bonferroni"]

NAMED_AT_MOST = 5
WITHOUT_ERROR = 1e-12  # of two variances; a difference of which no more is left is known
SAME = 1e-9  # of two standard errors; what rounding leaves of a symmetric matrix


@dataclass(frozen=True, slots=True)
class RankSets:
    """Ranks and the ends of their confidence sets, in the order of `chosen`."""

    chosen: IntArray  # (n_chosen,), positions among the n estimates
    rank: IntArray  # (n_chosen,), of the estimate; 1 is best, who ties shares the better rank
    low: IntArray  # (n_chosen,), the best rank in the set, at least 1
    high: IntArray  # (n_chosen,), the worst rank in the set, at most n
    critical_value: FloatArray  # (n_chosen,), in standard errors; NaN if all differences are known
    is_better: BoolArray  # (n_chosen, n), the chosen is clearly better than the column
    is_worse: BoolArray  # (n_chosen, n), the chosen is clearly worse than the column
    coverage: Coverage  # whether the level is of each set, or of all together


def rank_sets(
    estimate: ArrayLike,
    *,
    standard_error: ArrayLike | None = None,
    covariance: ArrayLike | None = None,
    direction: Direction,
    coverage: Coverage,
    stepdown: bool,
    sides: Sides = "two-sided",
    chosen: Sequence[int] | None = None,
    level: float = 0.95,
    critical: Critical = "bootstrap",
    draws: int = 2000,
    seed: int = 1489,
    allow_zero: bool = False,
    labels: Sequence[str] = (),
) -> RankSets:
    """Give every chosen DMU the set of ranks that its true level may have.

    The true rank is one more than the number of those truly better, so that who ties shares the
    better rank. A set misses it only if a difference is called clear that is none or goes the
    other way. The chance of that is at most 1 - level for all the differences of one set
    ("marginal") or of all sets together ("simultaneous").

    Parameters
    ----------
    estimate : array, shape (n,)
        One per DMU, all in one unit, unbiased and near normal around the truth. Not shrunk: the
        mean of a posterior is no such estimate.
    standard_error : array, shape (n,), optional
        In the unit of the estimates, of estimates that err independently.
    covariance : array, shape (n, n), optional
        In that unit squared, of estimates that err together; either this or `standard_error`. Of
        replicates, shape (n_draw, n), it is `numpy.cov(replicates, rowvar=False)`.
    direction : {"higher", "lower"}
        Which is better.
    coverage : {"marginal", "simultaneous"}
        For the question of one DMU alone, or for sets that are read beside each other.
    stepdown : bool
        Whether, once some differences are clear, the rest is looked at anew, being fewer, until
        no more are found. That keeps the level and never widens a set.
    sides : {"two-sided", "lower", "upper"}
        With "lower" only the best rank is bounded and the worst is n; with "upper" only the worst,
        and the best is 1. For all DMUs simultaneously that narrows nothing, for A above B is B
        below A.
    chosen : sequence of int, optional
        Positions of those who get a set; by default all. Everybody is compared with.
    level : float
        Above 0 and below 1.
    critical : {"bootstrap", "bonferroni"}
        Where the critical value is from: draws of the errors' normal distribution, or the normal
        tail shared among the differences, which needs no draws and is wider (with `stepdown` it
        is Holm's).
    draws : int
        How many. Few draws cost width, not level.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    allow_zero : bool
        Whether a standard error of 0 says that the estimate is the truth. By default it is
        refused, because most such zeros are errors that could not be computed. A difference
        between two DMUs without error is known: if nobody errs, each set is the rank itself.
    labels : sequence of str, optional
        Names of the DMUs for messages.

    Returns
    -------
    RankSets
        A set holds every rank from `low` to `high`.

    Raises
    ------
    ValueError
        If a value is not finite, a standard error negative or, without `allow_zero`, 0; if the
        covariance is not one; if shapes do not fit; if an option is unknown or out of range.

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), Rev. Econ. Stud. 91(1), 476-518.
    Romano and Wolf (2005), Econometrica 73(4), 1237-1282, on stepping down.
    Holm (1979), Scand. J. Stat. 6(2), 65-70.
    """
    _check_options(direction, coverage, sides, critical, level)
    values = _checked_estimate(estimate, labels)
    root, variance = _checked_error(values.size, standard_error, covariance, allow_zero, labels)
    positions = _checked_positions(chosen, values.size)
    critical_value = shared_critical_value(level=level)
    if critical == "bootstrap":
        critical_value = drawn_critical_value(root, level=level, draws=draws, seed=seed)

    upwards = values if direction == "higher" else -values
    difference = upwards[:, np.newaxis] - upwards[np.newaxis, :]
    error = np.sqrt(variance)
    is_known = error == 0
    np.fill_diagonal(is_known, False)  # nobody ties with itself
    families = [positions] if coverage == "simultaneous" else list(positions[:, np.newaxis])
    parts = []
    for members in families:
        is_asked = np.zeros(error.shape, dtype=np.bool_)  # whether the row is better
        if sides != "lower":
            is_asked[members, :] = True
        if sides != "upper":
            is_asked[:, members] = True
        np.fill_diagonal(is_asked, False)
        is_clear = is_asked & is_known & (difference > 0)
        last = _mark_clear(is_clear, is_asked, difference, error, critical_value, stepdown)
        parts.append((is_clear[members], is_clear[:, members].T, np.full(members.size, last)))

    is_better, is_worse, last_used = (np.concatenate(each) for each in zip(*parts, strict=True))
    # Who is known to tie is no better, and so no reason for a worse rank.
    is_tied = (is_known & (difference == 0))[positions]
    low = 1 + np.sum(is_worse, axis=1)
    high = values.size - np.sum(is_better | is_tied, axis=1)
    return RankSets(
        chosen=positions,
        rank=rankdata(-upwards, method="min").astype(np.int64)[positions],
        low=low if sides != "upper" else np.ones_like(low),
        high=high if sides != "lower" else np.full_like(high, values.size),
        critical_value=last_used,
        is_better=is_better,
        is_worse=is_worse,
        coverage=coverage,
    )


def best_set(sets: RankSets, *, tau: int) -> BoolArray:
    """Say who may be among the best tau.

    That is everybody whose best rank is at most tau. With the level of the sets, and for every
    tau at once, nobody is left out who truly is among the best tau.

    Parameters
    ----------
    sets : RankSets
        Simultaneous and of all DMUs; with sides "upper" everybody may be best. For the worst tau,
        sets of the other direction.
    tau : int
        At least 1 and at most the number of DMUs.

    Returns
    -------
    array of bool, shape (n,)
        In the order of the estimates.

    Raises
    ------
    ValueError
        If the sets are marginal or not of all DMUs, or tau is out of range.

    References
    ----------
    Mogstad, Romano, Shaikh and Wilhelm (2024), as in `rank_sets`, on projection.
    """
    n = sets.is_better.shape[1]
    if sets.coverage != "simultaneous" or sets.chosen.size < n:
        raise ValueError(
            f"The sets are {sets.coverage}, of {sets.chosen.size} of {n} DMUs. Give simultaneous "
            "sets of all."
        )
    if not 1 <= tau <= n:
        raise ValueError(f"tau is {tau}. Give a whole number from 1 to {n}.")
    is_among = np.zeros(n, dtype=np.bool_)
    is_among[sets.chosen] = sets.low <= tau
    return is_among


def _mark_clear(
    is_clear: BoolArray,
    is_asked: BoolArray,
    difference: FloatArray,
    error: FloatArray,
    critical_value: CriticalValue,
    stepdown: bool,
) -> float:
    """Mark in `is_clear` where the row is clearly better; return the critical value used last."""
    first, second = np.divmod(np.flatnonzero(is_asked & (error > 0)), len(error))
    last = np.nan
    while first.size:
        own_error = error[first, second]
        last = critical_value(first, second, own_error)
        is_found = difference[first, second] > last * own_error
        is_clear[first[is_found], second[is_found]] = True
        if not stepdown or not is_found.any():
            break
        first, second = first[~is_found], second[~is_found]
    return last


def _check_options(
    direction: Direction, coverage: Coverage, sides: Sides, critical: Critical, level: float
) -> None:
    for name, value, choices in (
        ("direction", direction, get_args(Direction)),
        ("coverage", coverage, get_args(Coverage)),
        ("sides", sides, get_args(Sides)),
        ("critical", critical, get_args(Critical)),
    ):
        if value not in choices:
            raise ValueError(f"Unknown {name} {value!r}. Use {' or '.join(map(repr, choices))}.")
    if not 0 < level < 1:
        raise ValueError(f"The level is {level}. Give a number above 0 and below 1.")


def _checked_estimate(estimate: ArrayLike, labels: Sequence[str]) -> FloatArray:
    values = np.asarray(estimate, dtype=np.float64)
    if values.ndim != 1 or values.size < 2:
        raise ValueError(f"The estimates have the shape {values.shape}. Give at least 2 in a row.")
    if labels and len(labels) != values.size:
        raise ValueError(f"{len(labels)} names were given for {values.size} DMUs. Give one each.")
    _refuse(values, np.isfinite(values), "the estimate", "finite", labels)
    return values


def _checked_error(
    n: int,
    standard_error: ArrayLike | None,
    covariance: ArrayLike | None,
    allow_zero: bool,
    labels: Sequence[str],
) -> tuple[FloatArray, FloatArray]:
    """Return the errors' standard errors or root, and the variance of every difference."""
    if (standard_error is None) == (covariance is None):
        given = "Neither" if covariance is None else "Both"
        raise ValueError(f"{given} of standard_error and covariance were given. Give one of them.")
    asked = "finite and positive" + (" or 0" if allow_zero else ", or 0 with `allow_zero=True`")
    if covariance is None:
        error = np.asarray(standard_error, dtype=np.float64)
        if error.shape != (n,):
            raise ValueError(
                f"The standard errors of {n} estimates have the shape {error.shape}. Give one each."
            )
        is_good = np.isfinite(error) & ((error >= 0) if allow_zero else (error > 0))
        _refuse(error, is_good, "the standard error", asked, labels)
        return error, error[:, np.newaxis] ** 2 + error[np.newaxis, :] ** 2

    matrix = np.asarray(covariance, dtype=np.float64)
    if matrix.shape != (n, n):
        raise ValueError(
            f"The covariance of {n} estimates has the shape {matrix.shape}. Give ({n}, {n})."
        )
    own = np.diag(matrix)
    is_good = np.isfinite(own) & ((own >= 0) if allow_zero else (own > 0))
    _refuse(own, is_good, "the variance", asked, labels)
    is_same = np.isclose(matrix, matrix.T, rtol=0, atol=SAME * np.sqrt(np.outer(own, own)))
    for row, column in np.argwhere(~(is_same & np.isfinite(matrix)))[:1]:
        raise ValueError(
            f"The covariance of {_name(labels, row)} and {_name(labels, column)} is "
            f"{matrix[row, column]:g}, the other way round {matrix[column, row]:g}. Give a "
            "symmetric matrix of finite numbers."
        )
    matrix = (matrix + matrix.T) / 2
    least = np.linalg.eigvalsh(matrix)[0]
    if least < -SAME * own.max():
        raise ValueError(
            f"The covariance has the eigenvalue {least:g}, so that no errors can have it. Estimate "
            "it from replicates without gaps."
        )
    total = own[:, np.newaxis] + own[np.newaxis, :]
    variance = total - 2 * matrix
    return lower_root(matrix), np.where(variance > WITHOUT_ERROR * total, variance, 0.0)


def _checked_positions(chosen: Sequence[int] | None, n: int) -> IntArray:
    positions = np.arange(n) if chosen is None else np.asarray(chosen)
    is_good = positions.ndim == 1 and positions.size > 0 and positions.dtype.kind in "iu"
    if (
        not is_good
        or np.unique(positions).size < positions.size
        or not set(positions) <= set(range(n))
    ):
        raise ValueError(f"chosen is {chosen!r}. Give positions from 0 to {n - 1}, each once.")
    return positions.astype(np.int64)


def _refuse(
    values: FloatArray, is_good: BoolArray, what: str, asked: str, labels: Sequence[str]
) -> None:
    bad = [f"{_name(labels, row)} has {what} {values[row]:g}" for row in np.flatnonzero(~is_good)]
    if bad:
        many = f" ({len(bad)} such)" if len(bad) > NAMED_AT_MOST else ""
        raise ValueError(
            f"{'; '.join(bad[:NAMED_AT_MOST])}{many}. It must be {asked}: set the DMU aside."
        )


def _name(labels: Sequence[str], row: np.intp) -> str:
    return labels[int(row)] if labels else f"DMU {row + 1}"
