"""Influence: whose scores hang on a single other DMU, and which DMUs are out of line.

A frontier is spanned by a few. Where one of them has a wrong value, it lowers the score of many,
and nothing in their own values shows it. Here each DMU is left out in turn.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.fdh import hull
from models.frontier.kernel import radial
from models.frontier.partial import order_m
from models.frontier.technology import (
    EFFICIENT,
    ORIENTATIONS,
    RETURNS,
    BoolArray,
    Data,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    Orientation,
    Returns,
    check_choice,
    checked,
)

Technology = Returns | Literal["fdh"]
TECHNOLOGIES: tuple[Technology, ...] = (*RETURNS, "fdh")


@dataclass(frozen=True, slots=True)
class InfluenceResult:
    """What each DMU does to the others' scores, in the order the DMUs were given.

    The last three are a row per pair in which it does something, sorted by DMU, then by
    `left_out`.
    """

    score: FloatArray  # (n,), in (0, 1], with everybody there
    super_score: FloatArray  # (n,), against the others alone; NaN where infeasible
    super_status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    n_affected: IntArray  # (n,), others whose score rises when this DMU is left out
    mean_change: FloatArray  # (n,), of the others' scores, those unchanged included; at least 0
    max_change: FloatArray  # (n,)
    dmu: IntArray  # (n_pair,), whose score changes
    left_out: IntArray  # (n_pair,), without whom
    change: FloatArray  # (n_pair,), of the score; above 0


@dataclass(frozen=True, slots=True)
class Dependence:
    """A row per DMU and other DMU that its score depends on, the largest change first."""

    dmu: IntArray  # (k,)
    depends_on: IntArray  # (k,)
    score: FloatArray  # (k,), of the DMU, with everybody there
    change: FloatArray  # (k,), of that score without the other


@dataclass(frozen=True, slots=True)
class OutlierResult:
    """Which DMUs are out of line with all others, in the order they were given."""

    super_score: FloatArray  # (n,), against the others alone; NaN where infeasible
    super_status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_super_outlier: BoolArray  # (n,)
    partial_score: FloatArray  # (n, k), order-m among the others, per m; NaN where nobody compares
    n_compared: IntArray  # (n,), others at least as good on the other side; few prove little
    share_beyond: FloatArray  # (k,), of the DMUs that compare, beyond the threshold at each m
    is_partial_outlier: BoolArray  # (n,), beyond it at every m


def influence(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    technology: Technology,
    labels: Labels | None = None,
) -> InfluenceResult:
    """Leave every DMU out in turn, and see whose scores rise and by how much.

    A score can only rise if the one who is left out is a peer with an intensity above 0: without
    any other, the same peers still give the same target. So only those are solved again.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    technology : {"crs", "vrs", "nirs", "ndrs", "fdh"}
        Returns to scale, or the free disposal hull.
    labels : Labels, optional
        Names for messages, and which columns are ratios.

    Returns
    -------
    InfluenceResult
        A change below 1e-7 is rounding and counts as none.

    Raises
    ------
    FrontierError
        As `technology.checked`; if a choice is unknown, or there is but one DMU.

    Warns
    -----
    FrontierWarning
        As `technology.checked`.

    References
    ----------
    Wilson (1995), J. Prod. Anal. 6(1), 27-45.
    Pastor, Ruiz and Sirvent (1999), Eur. J. Oper. Res. 115(3), 542-554.
    """
    check_choice("technology", technology, TECHNOLOGIES)
    data = _data(inputs, outputs, orientation, None if technology == "fdh" else technology, labels)
    n = len(data.inputs)
    everyone = np.arange(n)
    score, peers = _scores(data, everyone, None, orientation, technology)
    super_score, _ = _scores(data, everyone, everyone, orientation, technology)

    rows = np.repeat(everyone[:, np.newaxis], peers.shape[1], axis=1)
    is_other = (peers >= 0) & (peers != rows)
    dmu, left_out = np.unique(np.column_stack([rows[is_other], peers[is_other]]), axis=0).T
    without, _ = _scores(data, dmu, left_out, orientation, technology)
    change = without - score[dmu]
    changes = change > EFFICIENT
    dmu, left_out, change = dmu[changes], left_out[changes], change[changes]

    max_change = np.zeros(n)
    np.maximum.at(max_change, left_out, change)
    return InfluenceResult(
        score=score,
        super_score=super_score,
        super_status=np.where(np.isnan(super_score), "infeasible", "optimal"),
        n_affected=np.bincount(left_out, minlength=n),
        mean_change=np.bincount(left_out, weights=change, minlength=n) / (n - 1),
        max_change=max_change,
        dmu=dmu,
        left_out=left_out,
        change=change,
    )


def dependent(result: InfluenceResult, *, threshold: float) -> Dependence:
    """Name the DMUs whose score would rise by more than a threshold without one single other.

    Parameters
    ----------
    result : InfluenceResult
        From `influence`.
    threshold : float
        In units of the score, such as 0.05; at least 0.

    Returns
    -------
    Dependence
        A DMU has a row for each other that it depends on so much.

    Raises
    ------
    FrontierError
        If the threshold is negative or no number.
    """
    _check_threshold("threshold", threshold)
    rows = np.flatnonzero(result.change > threshold)
    rows = rows[np.argsort(-result.change[rows], kind="stable")]
    dmu = result.dmu[rows]
    return Dependence(dmu, result.left_out[rows], result.score[dmu], result.change[rows])


def outliers(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    super_threshold: float,
    m: Sequence[int],
    partial_threshold: float,
    labels: Labels | None = None,
) -> OutlierResult:
    """Flag DMUs that are far better than all others, alone or m at a time, show to be possible.

    Two screens. By the first a DMU is an outlier if its super-efficiency is above
    1 + super_threshold. By the second if its order-m score among the others is above
    1 + partial_threshold at every m that is asked for: at a small m many are beyond, and as m
    grows the share that is falls until only those remain who are out of line. Where the fall of
    `share_beyond` over m stops is how the threshold is chosen. A flag says that the values should
    be checked, not that they are wrong.

    Parameters
    ----------
    inputs, outputs, orientation, labels
        As in `influence`. The orientations see different outliers; ask for both.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the super-efficiency. Except under "crs" it is infeasible for some.
    super_threshold : float
        How much better than possible is out of line by the first screen; at least 0.
    m : sequence of int
        How many are drawn, such as 10, 25, 50, 100 and 150 of 290.
    partial_threshold : float
        How much better than the partial frontier is out of line by the second; at least 0.

    Returns
    -------
    OutlierResult
        Whom nobody compares with, or who is infeasible, has no score and no flag by that screen:
        their status and `n_compared` of 0 are as good a reason to look.

    Raises
    ------
    FrontierError
        As `technology.checked`; if a choice is unknown, a threshold negative, no m is given, an m
        is not at least 1, or there is but one DMU.

    Warns
    -----
    FrontierWarning
        As `technology.checked`.

    References
    ----------
    Banker and Chang (2006), Eur. J. Oper. Res. 175(2), 1311-1320.
    Simar (2003), J. Prod. Anal. 20(3), 391-424.
    """
    check_choice("rts", rts, RETURNS)
    _check_threshold("super_threshold", super_threshold)
    _check_threshold("partial_threshold", partial_threshold)
    if np.ndim(m) != 1 or len(m) == 0:
        raise FrontierError(f"m is {m!r}. Give one or several whole numbers in a sequence.")
    data = _data(inputs, outputs, orientation, rts, labels)
    everyone = np.arange(len(data.inputs))
    super_score, _ = _scores(data, everyone, everyone, orientation, rts)
    partial = order_m(data.inputs, data.outputs, m=m, orientation=orientation, with_self=False)
    is_beyond = partial.score > 1 + partial_threshold
    return OutlierResult(
        super_score=super_score,
        super_status=np.where(np.isnan(super_score), "infeasible", "optimal"),
        is_super_outlier=super_score > 1 + super_threshold,
        partial_score=partial.score,
        n_compared=partial.n_compared,
        share_beyond=is_beyond.sum(axis=0) / max(1, int(np.sum(partial.n_compared > 0))),
        is_partial_outlier=np.all(is_beyond, axis=1),
    )


def _data(
    inputs: ArrayLike,
    outputs: ArrayLike,
    orientation: Orientation,
    rts: Returns | None,
    labels: Labels | None,
) -> Data:
    check_choice("orientation", orientation, ORIENTATIONS)
    data = checked(inputs, outputs, labels=labels, rts=rts)
    if len(data.inputs) == 1:
        raise FrontierError("There is one DMU, and no other to compare it with. Give at least two.")
    return data


def _check_threshold(name: str, threshold: float) -> None:
    if not 0 <= threshold < np.inf:
        raise FrontierError(f"{name} is {threshold!r}. Give a number of at least 0.")


def _scores(
    data: Data,
    rows: IntArray,
    leave_out: IntArray | None,
    orientation: Orientation,
    technology: Technology,
) -> tuple[FloatArray, IntArray]:
    """Return the rows' scores and their peers, -1 for none; one row may be asked for often."""
    mine = data.inputs[rows], data.outputs[rows]
    reference = data.reference_inputs, data.reference_outputs
    if technology == "fdh":
        score, peer = hull(*mine, *reference, orientation=orientation, leave_out=leave_out)
        return score, peer[:, np.newaxis]
    found = radial(*mine, *reference, orientation=orientation, rts=technology, leave_out=leave_out)
    score = found.farrell if orientation == "input" else 1 / found.farrell
    return score, np.where(found.intensity > 0, found.peer, -1)
