"""Data envelopment analysis: the radial score, what is left after it, and who shows the way."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.kernel import Radial, radial
from models.frontier.programme import solve
from models.frontier.technology import (
    EFFICIENT,
    ORIENTATIONS,
    RETURNS,
    BoolArray,
    Data,
    FloatArray,
    FrontierWarning,
    Labels,
    Orientation,
    Reference,
    Returns,
    check_choice,
    checked,
    dmu_name,
)

SlackUnit = Literal["mean", "raw"]
SLACK_UNITS: tuple[SlackUnit, ...] = ("mean", "raw")
ON_FACE = 1e-9  # a reduced cost below it is 0; columns are scaled to mean 1
LEVERAGE_SCORE = 3.0  # super-efficiency; published examples reach 2.4, a slipped decimal 10
LEVERAGE_SHARE = 0.5  # of the other DMUs have it as a peer


@dataclass(frozen=True, slots=True)
class DEAResult:
    """Scores, in the order the DMUs were given; NaN and False where infeasible."""

    score: FloatArray  # (n,), in (0, 1] against an own reference, for either orientation
    farrell: FloatArray  # (n,), theta <= 1 for "input", phi >= 1 for "output"
    status: NDArray[np.str_]  # (n,), "optimal" or "infeasible"
    is_efficient: BoolArray  # (n,), on the frontier, perhaps on a part of it that is dominated
    multiplier: FloatArray  # (n, m + s + 1), prices of inputs, outputs and scale; see kernel.radial


@dataclass(frozen=True, slots=True)
class ProjectionResult:
    """Where the frontier is for each DMU, and whose practice it is; NaN where infeasible."""

    dea: DEAResult
    input_slack: FloatArray  # (n, m), in the inputs' units, beyond the radial move
    output_slack: FloatArray  # (n, s)
    input_target: FloatArray  # (n, m), after radial move and slacks
    output_target: FloatArray  # (n, s)
    intensity: FloatArray  # (n, n_reference); row o holds the weights of o's peers
    is_unique: BoolArray  # (n,), no other intensities give the same target with as much slack
    is_strongly_efficient: BoolArray  # (n,), efficient and without slack


@dataclass(frozen=True, slots=True)
class ScaleResult:
    """How much of the distance is the wrong scale, and on which side it is wrong."""

    crs: DEAResult
    vrs: DEAResult
    scale_efficiency: FloatArray  # (n,), in (0, 1]: the score under crs by that under vrs
    returns: NDArray[np.str_]  # (n,), "increasing", "constant" or "decreasing"; "" if infeasible


def dea(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> DEAResult:
    """Score every DMU against the frontier that all of them, or a reference, span.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        What each DMU uses; positive, each column in one unit, such as SEK per pupil.
    outputs : array, shape (n_dmu, n_output)
        What each DMU achieves; positive, more is better, rows in the order of `inputs`.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    reference : (array, array), optional
        Inputs and outputs of those who span the frontier. Scores may then be above 1, and a DMU
        that no radial move brings into the technology is infeasible.
    labels : Labels, optional
        Names for messages, and which columns are ratios.
    allow_zero : bool
        Whether a zero is a quantity like any other; see `technology.checked`.

    Returns
    -------
    DEAResult
        With "output" the score is the inverse of Farrell's factor, so that 1 is best.

    Raises
    ------
    FrontierError
        If a value is not positive and finite, the shapes do not fit, or a choice is unknown.

    Warns
    -----
    FrontierWarning
        As `technology.checked`; and where one DMU spans the frontier of most others from far
        outside what the others show.

    References
    ----------
    Charnes, Cooper and Rhodes (1978), Eur. J. Oper. Res. 2(6), 429-444.
    Banker, Charnes and Cooper (1984), Manage. Sci. 30(9), 1078-1092.
    """
    data = _data(inputs, outputs, orientation, rts, reference, labels, allow_zero)
    found = _radial(data, orientation, rts)
    if data.is_own_reference:
        _warn_of_leverage(data, found, orientation, rts, labels)
    return _result(found, orientation)


def projection(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
    slack_unit: SlackUnit = "mean",
) -> ProjectionResult:
    """Find every DMU's target on the efficient part of the frontier, and its peers.

    After the radial move the sum of slacks is made as large as it can be, so that nothing
    dominates the target. Only intensities of an optimal radial move take part: those of DMUs
    that the optimal prices leave without profit or loss.

    Parameters
    ----------
    inputs, outputs, orientation, rts, reference, labels, allow_zero
        As in `dea`.
    slack_unit : {"mean", "raw"}
        What a slack is counted in when slacks are added: the column's mean in the reference, so
        that units do not matter; or the data's own units, as most packages do.

    Returns
    -------
    ProjectionResult
        `is_unique` False says that other peers show the way as well.

    Raises
    ------
    FrontierError
        As `dea`.

    References
    ----------
    Ali and Seiford (1993), in Fried, Lovell and Schmidt, The Measurement of Productive
    Efficiency, 120-159, on the two stages and on units.
    """
    check_choice("slack_unit", slack_unit, SLACK_UNITS)
    data = _data(inputs, outputs, orientation, rts, reference, labels, allow_zero)
    found = _radial(data, orientation, rts)
    n, m, s = *data.inputs.shape, data.outputs.shape[1]
    theta = found.farrell[:, np.newaxis]
    moved_inputs = data.inputs * (theta if orientation == "input" else 1.0)
    moved_outputs = data.outputs * (1.0 if orientation == "input" else theta)

    scale = np.hstack([data.reference_inputs, data.reference_outputs]).mean(axis=0)
    stage = _SlackStage.of(data, rts, scale, slack_unit)
    slack = np.full((n, m + s), np.nan)
    intensity = np.full((n, len(data.reference_inputs)), np.nan)
    is_unique = np.zeros(n, dtype=np.bool_)
    for row in np.flatnonzero(found.is_optimal):
        point = np.concatenate([moved_inputs[row], moved_outputs[row]])
        slack[row], intensity[row], is_unique[row] = stage.solve(point, found.multiplier[row])
    input_slack, output_slack = slack[:, :m], slack[:, m:]
    result = _result(found, orientation)
    has_no_slack = (slack / scale <= EFFICIENT).all(axis=1)
    return ProjectionResult(
        dea=result,
        input_slack=input_slack,
        output_slack=output_slack,
        input_target=np.where(result.status[:, np.newaxis] == "optimal", moved_inputs, np.nan)
        - input_slack,
        output_target=moved_outputs + output_slack,
        intensity=intensity,
        is_unique=is_unique,
        is_strongly_efficient=result.is_efficient & has_no_slack,
    )


def super_efficiency(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> DEAResult:
    """Score every DMU against the frontier of all others, so that the efficient differ too.

    Parameters
    ----------
    inputs, outputs, orientation, rts, labels, allow_zero
        As in `dea`.

    Returns
    -------
    DEAResult
        Scores above 1 say how far a DMU could fall back and still be on the frontier. Except
        under "crs" it is infeasible for those who stand where the others show nothing.

    Raises
    ------
    FrontierError
        As `dea`; and for a single DMU, which has no others.

    References
    ----------
    Andersen and Petersen (1993), Manage. Sci. 39(10), 1261-1264.
    """
    data = _data(inputs, outputs, orientation, rts, None, labels, allow_zero)
    found = _radial(data, orientation, rts, leave_out=np.arange(len(data.inputs)))
    return _result(found, orientation)


def scale_efficiency(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    reference: Reference | None = None,
    labels: Labels | None = None,
    allow_zero: bool = False,
) -> ScaleResult:
    """Part the score under constant returns into pure efficiency and scale.

    Parameters
    ----------
    inputs, outputs, orientation, reference, labels, allow_zero
        As in `dea`.

    Returns
    -------
    ScaleResult
        Returns are "increasing" where the DMU's target is too small: forbidding to scale down
        (non-increasing returns) changes nothing against constant returns there. They are told
        of the target, so they may differ between the orientations.

    Raises
    ------
    FrontierError
        As `dea`.

    References
    ----------
    Färe, Grosskopf and Lovell (1985), The Measurement of Efficiency of Production.
    """
    data = _data(inputs, outputs, orientation, "vrs", reference, labels, allow_zero)
    crs, vrs, nirs = (
        _result(_radial(data, orientation, rts), orientation) for rts in ("crs", "vrs", "nirs")
    )
    ratio = crs.score / vrs.score
    is_constant = ratio >= 1 - EFFICIENT
    is_increasing = nirs.score <= crs.score * (1 + EFFICIENT)
    returns = np.where(
        np.isnan(ratio),
        "",
        np.where(is_constant, "constant", np.where(is_increasing, "increasing", "decreasing")),
    )
    return ScaleResult(crs=crs, vrs=vrs, scale_efficiency=ratio, returns=returns)


def _data(
    inputs: ArrayLike,
    outputs: ArrayLike,
    orientation: Orientation,
    rts: Returns,
    reference: Reference | None,
    labels: Labels | None,
    allow_zero: bool,
) -> Data:
    check_choice("orientation", orientation, ORIENTATIONS)
    check_choice("rts", rts, RETURNS)
    return checked(
        inputs, outputs, reference=reference, labels=labels, rts=rts, allow_zero=allow_zero
    )


def _radial(
    data: Data, orientation: Orientation, rts: Returns, leave_out: NDArray[np.int64] | None = None
) -> Radial:
    return radial(
        data.inputs,
        data.outputs,
        data.reference_inputs,
        data.reference_outputs,
        orientation=orientation,
        rts=rts,
        leave_out=leave_out,
    )


def _result(found: Radial, orientation: Orientation) -> DEAResult:
    farrell = found.farrell
    score = farrell if orientation == "input" else 1 / farrell
    # Rounding only: a DMU of the reference cannot be beyond its own frontier.
    is_efficient = score >= 1 - EFFICIENT
    rounded = np.where(np.abs(score - 1) <= 1e-12, 1.0, score)
    return DEAResult(
        score=rounded,
        farrell=rounded if orientation == "input" else 1 / rounded,
        status=np.where(found.is_optimal, "optimal", "infeasible"),
        is_efficient=is_efficient,
        multiplier=found.multiplier,
    )


def _warn_of_leverage(
    data: Data,
    found: Radial,
    orientation: Orientation,
    rts: Returns,
    labels: Labels | None,
) -> None:
    n = len(data.inputs)
    spanned = found.peer[found.intensity > 0]
    n_spanned = np.bincount(spanned[spanned >= 0], minlength=n)
    suspects = np.flatnonzero(n_spanned > LEVERAGE_SHARE * (n - 1))
    if suspects.size == 0 or n == 1:
        return
    alone = radial(
        data.inputs[suspects],
        data.outputs[suspects],
        data.inputs,
        data.outputs,
        orientation=orientation,
        rts=rts,
        leave_out=suspects,
    )
    score = alone.farrell if orientation == "input" else 1 / alone.farrell
    for row, beyond in zip(suspects, score, strict=True):
        if beyond > LEVERAGE_SCORE:
            warnings.warn(
                f"{dmu_name(labels, int(row))} spans the frontier of {n_spanned[row] - 1} of "
                f"{n - 1} others and is {beyond:.1f} times as good as they show to be possible. "
                "Check its values, and compare with the scores without it.",
                FrontierWarning,
                stacklevel=3,
            )


@dataclass(frozen=True, slots=True)
class _SlackStage:
    """The second stage: the largest slacks on the face of optimal intensities."""

    vectors: FloatArray  # (d, n + n_slack), scaled, a column per DMU and per slack
    scale: FloatArray  # (m + s,)
    weight: FloatArray  # (n + n_slack,), of slacks in the sum; 0 for DMUs
    n: int
    m: int
    s: int

    @classmethod
    def of(cls, data: Data, rts: Returns, scale: FloatArray, unit: SlackUnit) -> "_SlackStage":
        m, s = data.reference_inputs.shape[1], data.reference_outputs.shape[1]
        both = np.hstack([data.reference_inputs, data.reference_outputs]) / scale
        n = len(both)
        rows = np.hstack([both.T, np.diag(np.concatenate([np.ones(m), -np.ones(s)]))])
        weight = np.concatenate([np.zeros(n), scale if unit == "raw" else np.ones(m + s)])
        if rts != "crs":
            rows = np.vstack([rows, np.concatenate([np.ones(n), np.zeros(m + s)])])
        if rts in ("nirs", "ndrs"):
            of_scale = np.zeros((m + s + 1, 1))
            of_scale[-1] = 1.0 if rts == "nirs" else -1.0
            rows, weight = np.hstack([rows, of_scale]), np.append(weight, 0.0)
        return cls(rows, scale, weight / weight.max(), n, m, s)

    def solve(
        self, point: FloatArray, multiplier: FloatArray
    ) -> tuple[FloatArray, FloatArray, bool]:
        """Return slacks in units, intensities, and whether those are the only ones."""
        columns, d = self.m + self.s, len(self.vectors)
        price = multiplier[:d].copy()
        price[:columns] *= self.scale
        price[: self.m] *= -1
        price /= np.abs(price[:columns]).sum()
        at = np.append(point / self.scale, 1.0)[:d]

        on_face = np.flatnonzero(np.abs(price @ self.vectors) <= ON_FACE)
        face, weight = self.vectors[:, on_face], self.weight[on_face]
        amount = np.zeros(self.vectors.shape[1])
        if np.linalg.matrix_rank(face, tol=ON_FACE) == on_face.size:
            # Independent columns meet the point in one way only, and no programme is needed.
            only = np.linalg.lstsq(face, at, rcond=None)[0]
            if (only >= -ON_FACE).all() and np.allclose(face @ only, at, rtol=0, atol=ON_FACE):
                amount[on_face] = np.maximum(only, 0.0)
                return self._slack(amount), amount[: self.n], True
        solution = solve(weight, face, row_lower=at, row_upper=at, maximise=True)
        if solution.status != "optimal":  # the prices were too rough: take all columns
            on_face = np.arange(self.vectors.shape[1])
            face, weight = self.vectors, self.weight
            nearly = 1e-9 * np.maximum(1.0, np.abs(at))
            solution = solve(
                weight, face, row_lower=at - nearly, row_upper=at + nearly, maximise=True
            )
        amount[on_face] = solution.primal
        is_unique = _is_unique(face, at, solution.primal, solution.reduced_cost)
        return self._slack(amount), amount[: self.n], is_unique

    def _slack(self, amount: FloatArray) -> FloatArray:
        return amount[self.n : self.n + self.m + self.s] * self.scale


def _is_unique(
    face: FloatArray, at: FloatArray, primal: FloatArray, reduced_cost: FloatArray
) -> bool:
    """Say whether the optimum of a programme is the only one."""
    best = np.flatnonzero(np.abs(reduced_cost) <= ON_FACE)
    used = primal[best] > ON_FACE
    if np.linalg.matrix_rank(face[:, best[used]], tol=ON_FACE) < np.sum(used):
        return False
    if used.all():
        return True
    # Independent columns and no other that can come in: there is no second way to the point.
    other = solve(
        (~used).astype(np.float64), face[:, best], row_lower=at, row_upper=at, maximise=True
    )
    return other.status == "optimal" and other.objective <= 1e-7
