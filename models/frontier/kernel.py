"""Radial scores, solved by a compiled simplex; whatever it gives up is solved by HiGHS.

Everything here counts on data that `technology.checked` has seen.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from models.frontier.programme import solve
from models.frontier.simplex import FOUND, GIVEN_UP, UNBOUNDED_DUAL, solve_all
from models.frontier.technology import BoolArray, FloatArray, IntArray, Orientation, Returns

MOST_ROWS = 12  # beyond it facets are too many, and the inverse too large, for this simplex
CODES = {"crs": 0, "vrs": 1, "nirs": 2, "ndrs": 3}
DRAWS_AT_ONCE = 32  # of replicates: a block is one thread's piece of work


@dataclass(frozen=True, slots=True)
class Radial:
    """Radial scores with their proof; rows that are not optimal hold NaN, -1 and 0."""

    farrell: FloatArray  # (n,), theta for "input", phi for "output"
    is_optimal: BoolArray  # (n,); False: no radial move reaches the technology
    peer: IntArray  # (n, m + s + 1), rows of the reference in the optimal basis, -1 for a slack
    intensity: FloatArray  # (n, m + s + 1), of those; 0 for a slack
    multiplier: FloatArray  # (n, m + s + 1), prices of inputs, outputs and scale, in data's units
    n_fallback: int  # DMUs that HiGHS had to solve


def radial(
    inputs: FloatArray,
    outputs: FloatArray,
    reference_inputs: FloatArray,
    reference_outputs: FloatArray,
    *,
    orientation: Orientation,
    rts: Returns,
    leave_out: IntArray | None = None,
) -> Radial:
    """Move every DMU radially to the frontier of a reference.

    Parameters
    ----------
    inputs, outputs : array, shape (n, n_input) and (n, n_output)
        Of those who are scored.
    reference_inputs, reference_outputs : array, shape (n_reference, n_input or n_output)
        Of those who span the frontier.
    orientation : {"input", "output"}
        Which side is moved.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale of the technology.
    leave_out : array of int, shape (n,), optional
        The row of the reference that takes no part when a DMU is scored, -1 for none.

    Returns
    -------
    Radial
        The multipliers price the DMU's own inputs ("input") or outputs ("output") at 1.

    References
    ----------
    Charnes, Cooper and Rhodes (1978), Eur. J. Oper. Res. 2(6), 429-444.
    Banker, Charnes and Cooper (1984), Manage. Sci. 30(9), 1078-1092.
    """
    frame = _Frame.of(reference_inputs, reference_outputs, orientation, rts)
    left_out = np.full(len(inputs), -1) if leave_out is None else np.asarray(leave_out, np.int64)
    base, ray = frame.lines(inputs, outputs)
    found = _Found.empty(len(inputs), frame.d)
    n_fallback = _solve(frame, frame.spanning, base, ray, left_out, found)
    return frame.read(found, ray, n_fallback=n_fallback)


def along(
    inputs: FloatArray,
    outputs: FloatArray,
    reference_inputs: FloatArray,
    reference_outputs: FloatArray,
    input_direction: FloatArray,
    output_direction: FloatArray,
    *,
    rts: Returns,
) -> tuple[FloatArray, BoolArray, FloatArray]:
    """Move every DMU along its direction to the frontier of a reference.

    Parameters
    ----------
    inputs, outputs, reference_inputs, reference_outputs, rts
        As in `radial`.
    input_direction, output_direction : array, shape (n, n_input) and (n, n_output)
        How much less of each input and more of each output a step is; at least 0, not all 0.

    Returns
    -------
    steps : array, shape (n,)
        How many steps reach the frontier; negative from beyond it, NaN if none do.
    is_optimal : array of bool, shape (n,)
        False where no number of steps reaches the technology.
    price : array, shape (n, n_input + n_output + 1)
        Of inputs, outputs and scale on the facet that is reached, in the data's units; only their
        ratios mean anything. 0 where no facet is.
    """
    frame = _Frame.of(reference_inputs, reference_outputs, "output", rts)
    base, ray = np.ones((len(inputs), frame.d)), np.zeros((len(inputs), frame.d))
    columns = frame.m + frame.s
    base[:, :columns] = np.hstack([inputs, outputs]) / frame.scale
    ray[:, :columns] = np.hstack([-input_direction, output_direction]) / frame.scale
    found = _Found.empty(len(inputs), frame.d)
    _solve(frame, frame.spanning, base, ray, np.full(len(inputs), -1), found)
    is_optimal = found.status == FOUND
    price = np.zeros((len(inputs), columns + 1))
    price[:, : frame.d] = found.normal
    price[:, :columns] /= frame.scale
    price[:, : frame.m] *= -1
    return np.where(is_optimal, found.t, np.nan), is_optimal, price


def radial_replicates(
    inputs: FloatArray,
    outputs: FloatArray,
    reference_inputs: FloatArray,
    reference_outputs: FloatArray,
    factor: FloatArray,
    *,
    orientation: Orientation,
    rts: Returns,
) -> FloatArray:
    """Score the DMUs against many references that differ by a factor per DMU.

    Parameters
    ----------
    inputs, outputs, reference_inputs, reference_outputs, orientation, rts
        As in `radial`.
    factor : array, shape (n_draw, n_reference)
        In draw b the inputs ("input") or outputs ("output") of reference DMU j are multiplied by
        factor[b, j].

    Returns
    -------
    array, shape (n_draw, n)
        Farrell factors, NaN where no radial move reaches the technology. The same whatever the
        number of threads.
    """
    frame = _Frame.of(reference_inputs, reference_outputs, orientation, rts)
    moved = slice(0, frame.m) if orientation == "input" else slice(frame.m, frame.m + frame.s)

    def spanning(draw: int) -> FloatArray:
        changed = frame.spanning.copy()
        changed[moved] *= factor[draw]
        return changed

    return _many(frame, inputs, outputs, len(factor), spanning)


def radial_subsets(
    inputs: FloatArray,
    outputs: FloatArray,
    reference_inputs: FloatArray,
    reference_outputs: FloatArray,
    row: IntArray,
    *,
    orientation: Orientation,
    rts: Returns,
) -> FloatArray:
    """Score the DMUs against many subsets of a reference.

    Parameters
    ----------
    inputs, outputs, reference_inputs, reference_outputs, orientation, rts
        As in `radial`.
    row : array of int, shape (n_draw, n_subset)
        The rows of the reference that span each draw's frontier; a row may be there twice.

    Returns
    -------
    array, shape (n_draw, n)
        Farrell factors, NaN where no radial move reaches the technology.
    """
    frame = _Frame.of(reference_inputs, reference_outputs, orientation, rts)

    def spanning(draw: int) -> FloatArray:
        return np.ascontiguousarray(frame.spanning[:, row[draw]])

    return _many(frame, inputs, outputs, len(row), spanning)


@dataclass(slots=True)
class _Found:
    """What the simplex fills, a row per line."""

    t: FloatArray
    status: IntArray
    member: IntArray
    intensity: FloatArray
    normal: FloatArray

    @classmethod
    def empty(cls, n_line: int, d: int) -> "_Found":
        return cls(
            t=np.full(n_line, np.nan),
            status=np.full(n_line, GIVEN_UP),
            member=np.full((n_line, d - 1), -1),
            intensity=np.zeros((n_line, d - 1)),
            normal=np.zeros((n_line, d)),
        )


@dataclass(frozen=True, slots=True)
class _Frame:
    """A reference as the cone that the simplex searches, every column scaled to mean 1."""

    m: int
    s: int
    orientation: Orientation
    rts: Returns
    scale: FloatArray  # (m + s,), a column's mean in the reference
    spanning: FloatArray  # (d, n_reference)
    slack: FloatArray  # (d, n_slack)
    off: FloatArray  # (d,)

    @classmethod
    def of(
        cls,
        reference_inputs: FloatArray,
        reference_outputs: FloatArray,
        orientation: Orientation,
        rts: Returns,
    ) -> "_Frame":
        both = np.hstack([reference_inputs, reference_outputs])
        scale = both.mean(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        m, s = reference_inputs.shape[1], reference_outputs.shape[1]
        sign = np.concatenate([np.ones(m), -np.ones(s)])
        spanning, slack, off = (both / scale).T, np.diag(sign), -sign
        if rts != "crs":
            spanning = np.vstack([spanning, np.ones(len(both))])
            slack = np.vstack([slack, np.zeros(m + s)])
            off = np.append(off, 0.0)
        if rts in ("nirs", "ndrs"):
            of_scale = np.zeros((m + s + 1, 1))
            of_scale[-1] = 1.0 if rts == "nirs" else -1.0
            slack = np.hstack([slack, of_scale])
        spanning, slack = np.ascontiguousarray(spanning), np.ascontiguousarray(slack)
        return cls(m, s, orientation, rts, scale, spanning, slack, off)

    @property
    def d(self) -> int:
        return len(self.off)

    def lines(self, inputs: FloatArray, outputs: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return base and ray of every DMU; t along the ray is -theta or phi."""
        base, ray = np.ones((len(inputs), self.d)), np.zeros((len(inputs), self.d))
        base[:, : self.m], base[:, self.m : self.m + self.s] = inputs, outputs
        base[:, : self.m + self.s] /= self.scale
        moved = slice(0, self.m) if self.orientation == "input" else slice(self.m, self.m + self.s)
        ray[:, moved] = -base[:, moved] if self.orientation == "input" else base[:, moved]
        base[:, moved] = 0.0
        return base, ray

    def factor(self, t: FloatArray) -> FloatArray:
        """Return Farrell's factor of how far the ray was gone."""
        return -t if self.orientation == "input" else t

    def read(self, found: _Found, ray: FloatArray, *, n_fallback: int) -> Radial:
        n_line, width = len(found.t), self.m + self.s + 1
        is_optimal = found.status == FOUND
        peer, intensity = np.full((n_line, width), -1), np.zeros((n_line, width))
        is_dmu = is_optimal[:, np.newaxis] & (found.member < self.spanning.shape[1])
        is_dmu &= found.member >= 0
        peer[:, : self.d - 1] = np.where(is_dmu, found.member, -1)
        intensity[:, : self.d - 1] = np.where(is_dmu, np.maximum(found.intensity, 0.0), 0.0)
        slant = np.einsum("ij,ij->i", found.normal, ray)
        with np.errstate(divide="ignore", invalid="ignore"):
            normal = found.normal / slant[:, np.newaxis]
        multiplier = np.zeros((n_line, width))
        columns = self.m + self.s
        multiplier[:, : self.d] = np.where(is_optimal[:, np.newaxis], normal, np.nan)
        multiplier[:, :columns] /= self.scale
        multiplier[:, : self.m] *= -1
        return Radial(
            farrell=np.where(is_optimal, self.factor(found.t), np.nan),
            is_optimal=is_optimal,
            peer=peer,
            intensity=intensity,
            multiplier=multiplier,
            n_fallback=n_fallback,
        )


def _solve(
    frame: _Frame,
    spanning: FloatArray,
    base: FloatArray,
    ray: FloatArray,
    left_out: IntArray,
    found: _Found,
) -> int:
    """Solve every line, and return how many HiGHS had to solve."""
    if frame.d <= MOST_ROWS:
        solve_all(
            spanning, frame.slack, frame.off, frame.m, CODES[frame.rts], base, ray, left_out,
            found.t, found.status, found.member, found.intensity, found.normal,
        )  # fmt: skip
    given_up = np.flatnonzero(found.status == GIVEN_UP)
    vectors = np.hstack([spanning, frame.slack]) if given_up.size else spanning
    for line in given_up:
        _solve_by_highs(vectors, base[line], ray[line], left_out[line], found, line)
    return given_up.size


def _solve_by_highs(
    vectors: FloatArray,
    base: FloatArray,
    ray: FloatArray,
    left_out: np.int64,
    found: _Found,
    line: np.int64,
) -> None:
    """Find how far the line goes, with an intensity for every spanning vector."""
    n = vectors.shape[1]
    lower, upper = np.append(np.zeros(n), -np.inf), np.full(n + 1, np.inf)
    if left_out >= 0:
        upper[left_out] = 0.0
    solution = solve(
        np.append(np.zeros(n), 1.0),
        np.hstack([vectors, -ray[:, np.newaxis]]),
        row_lower=base,
        row_upper=base,
        lower=lower,
        upper=upper,
        maximise=True,
    )
    if solution.status != "optimal":
        found.status[line] = UNBOUNDED_DUAL
        return
    found.status[line] = FOUND
    found.t[line] = solution.primal[-1]
    found.normal[line] = -solution.dual
    largest = np.argsort(-solution.primal[:-1], kind="stable")[: found.member.shape[1]]
    found.member[line] = largest
    found.intensity[line] = solution.primal[largest]


def _many(
    frame: _Frame,
    inputs: FloatArray,
    outputs: FloatArray,
    n_draw: int,
    spanning_of: Callable[[int], FloatArray],
) -> FloatArray:
    """Score the lines in every draw; each draw is one thread's work, and knows of no other."""
    base, ray = frame.lines(inputs, outputs)
    left_out = np.full(len(inputs), -1)
    farrell = np.empty((n_draw, len(inputs)))

    def score(draws: range) -> None:
        for draw in draws:
            spanning = spanning_of(draw)
            found = _Found.empty(len(inputs), frame.d)
            _solve(frame, spanning, base, ray, left_out, found)
            farrell[draw] = np.where(found.status == FOUND, frame.factor(found.t), np.nan)

    blocks = [
        range(first, min(first + DRAWS_AT_ONCE, n_draw))
        for first in range(0, n_draw, DRAWS_AT_ONCE)
    ]
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for _ in pool.map(score, blocks):
            pass
    return farrell
