"""Malmquist indices: how productivity changed, and whether the DMU or the frontier moved.

Scores are in (0, 1], 1 best, for either orientation, so everywhere above 1 is progress.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.kernel import radial, radial_replicates
from models.frontier.technology import (
    ORIENTATIONS,
    RETURNS,
    BoolArray,
    FloatArray,
    FrontierError,
    Labels,
    Orientation,
    Returns,
    check_choice,
    checked,
)

Benchmark = Literal["adjacent", "sequential", "biennial", "global"]
BENCHMARKS: tuple[Benchmark, ...] = ("adjacent", "sequential", "biennial", "global")
FEWEST_DRAWS = 20


@dataclass(frozen=True, slots=True)
class MalmquistResult:
    """Changes from each period to the next; NaN unless the status is "scored"."""

    malmquist: FloatArray  # (n_pair, n), above 1: more output per input than before
    efficiency_change: FloatArray  # (n_pair, n), above 1: nearer the frontier of its time
    technical_change: FloatArray  # (n_pair, n), above 1: the frontier moved ahead
    pure_efficiency_change: FloatArray  # (n_pair, n), under "vrs"; NaN unless split
    scale_efficiency_change: FloatArray  # (n_pair, n), the rest; NaN unless split
    score: FloatArray  # (n_period, n), each DMU against the frontier of its own period
    ahead: FloatArray  # (n_pair, n), the later DMU against the earlier frontier; see `changes`
    behind: FloatArray  # (n_pair, n), the earlier DMU against the later frontier
    status: NDArray[np.str_]  # (n_pair, n), "scored", "no_pair" or "infeasible"


@dataclass(frozen=True, slots=True)
class ChangeInterval:
    """Intervals of one pair of periods, in the order of the DMUs; NaN where there is no index."""

    malmquist: FloatArray  # (n, 2), low and high
    efficiency_change: FloatArray  # (n, 2)
    technical_change: FloatArray  # (n, 2)


def malmquist(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    benchmark: Benchmark,
    split: bool = False,
    labels: Labels | None = None,
) -> MalmquistResult:
    """Measure every DMU's change of productivity between consecutive periods.

    With E_b(t) the score of the DMU as it was in t against the frontier of b:

    - adjacent and sequential: sqrt(E_t(t+1) / E_t(t) * E_t+1(t+1) / E_t+1(t))
    - biennial and global: E_b(t+1) / E_b(t), b spanned by both periods, or by all
    - efficiency change: E_t+1(t+1) / E_t(t); technical change: the index divided by it.

    Parameters
    ----------
    inputs : array, shape (n_period, n_dmu, n_input)
        Positive; each column in one unit. A DMU without data in a period has NaN in all of its
        inputs and outputs there, and spans no frontier then.
    outputs : array, shape (n_period, n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    rts : {"crs", "vrs", "nirs", "ndrs"}
        Returns to scale. Only under "crs" is the index total factor productivity.
    benchmark : {"adjacent", "sequential", "biennial", "global"}
        What the change is measured against: the frontiers of the two periods; of all until each;
        one of both together, which makes every score feasible; one of all periods, which makes
        changes multiply over time but lets a new period change the old ones.
    split : bool
        Whether efficiency change is parted into a pure one and one of scale; under "crs" only.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    MalmquistResult
        A pair that lacks a period, and one that no radial move brings into the technology, says
        so and disturbs no other.

    Raises
    ------
    FrontierError
        As `technology.checked`, of the DMUs that are there; if a DMU has some values in a period
        but not all; if there are not two periods; or if a choice is unknown.

    References
    ----------
    Färe, Grosskopf, Norris and Zhang (1994), Am. Econ. Rev. 84(1), 66-83.
    Shestalova (2003), J. Product. Anal. 19, 211-226, on sequential frontiers.
    Pastor and Lovell (2005), Econ. Lett. 88(2), 266-271, on the global frontier.
    Pastor, Asmild and Lovell (2011), Socio-Econ. Plan. Sci. 45(1), 10-15, on the biennial one.
    """
    check_choice("benchmark", benchmark, BENCHMARKS)
    panel = _Panel.of(inputs, outputs, orientation, rts, labels)
    own, index, ahead, behind = panel.changes(benchmark)
    efficiency = own[1:] / own[:-1]
    pure = np.full_like(efficiency, np.nan)
    if split:
        check_choice("rts with split", rts, ("crs",))
        until = benchmark == "sequential"
        vrs = np.stack(
            [
                panel.several([t], list(range(t + 1)) if until else [t], "vrs")[0]
                for t in range(panel.n_period)
            ]
        )
        pure = vrs[1:] / vrs[:-1]
    has_pair = panel.is_there[:-1] & panel.is_there[1:]
    status = np.where(has_pair, np.where(np.isnan(index), "infeasible", "scored"), "no_pair")
    is_scored = status == "scored"
    efficiency = np.where(is_scored, efficiency, np.nan)
    pure = np.where(is_scored, pure, np.nan)
    return MalmquistResult(
        malmquist=index,
        efficiency_change=efficiency,
        technical_change=index / efficiency,
        pure_efficiency_change=pure,
        scale_efficiency_change=efficiency / pure,
        score=own,
        ahead=ahead,
        behind=behind,
        status=status,
    )


def malmquist_interval(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: Returns,
    benchmark: Literal["adjacent", "biennial"],
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
    labels: Labels | None = None,
) -> ChangeInterval:
    """Put intervals around the changes of one pair of periods.

    Each DMU's two scores are drawn together, from their smoothed joint distribution reflected at
    the frontier of either period, so that those who were behind stay behind as often as they did.
    Only DMUs that are there in both periods take part, and span the frontiers.

    Parameters
    ----------
    inputs : array, shape (2, n_dmu, n_input)
        As in `malmquist`.
    outputs : array, shape (2, n_dmu, n_output)
        As in `malmquist`.
    orientation, rts, benchmark, labels
        As in `malmquist`.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    draws : int
        Replicates.
    level : float
        The share of intervals that hold the true change, above 0 and below 1.

    Returns
    -------
    ChangeInterval
        Basic intervals of the logarithms, for a change is a factor. They hold fewer truths than
        the level says, so an interval without 1 in it is no test of change.

    Raises
    ------
    FrontierError
        As `malmquist`; if there are not exactly two periods, fewer than 20 draws, or a level out
        of range.

    References
    ----------
    Simar and Wilson (1999), Eur. J. Oper. Res. 115(3), 459-471.
    """
    check_choice("benchmark", benchmark, ("adjacent", "biennial"))
    if draws < FEWEST_DRAWS or not 0 < level < 1:
        raise FrontierError(
            f"{draws} draws and level {level} were asked for. Use at least {FEWEST_DRAWS} draws "
            "and a level between 0 and 1."
        )
    panel = _Panel.of(inputs, outputs, orientation, rts, labels)
    if panel.n_period != 2:
        raise FrontierError(f"{panel.n_period} periods were given. Give the two of one pair.")
    both: BoolArray = np.all(panel.is_there, axis=0)
    pair = panel.only(both)
    own = np.concatenate([pair.several([t], [t], rts) for t in range(2)])
    drawn = _joint_draws(1 / own.T, draws=draws, seed=seed)
    # Input is moved out by the drawn distance over the own one; output back by the inverse.
    factor = drawn * own.T if orientation == "input" else 1 / (drawn * own.T)
    replicate = pair.replicates(factor, benchmark)
    found = malmquist(
        pair.inputs, pair.outputs, orientation=orientation, rts=rts, benchmark=benchmark
    )
    tails = np.array([(1 - level) / 2, (1 + level) / 2])
    ends = {}
    for name, drawn_change in replicate.items():
        known = np.log(getattr(found, name)[0])
        is_known = np.isfinite(known)  # an infeasible DMU has no index to put an interval around
        deviation = np.log(drawn_change[:, is_known]) - known[is_known]
        interval = np.full((both.size, 2), np.nan)
        if is_known.any():
            quantile = np.nanquantile(deviation, tails, axis=0)
            interval[np.flatnonzero(both)[is_known]] = np.exp(known[is_known] - quantile[::-1]).T
        ends[name] = interval
    return ChangeInterval(**ends)


@dataclass(frozen=True, slots=True)
class _Panel:
    """The DMUs of all periods, and who is there when."""

    inputs: FloatArray  # (n_period, n, m), NaN where a DMU is not there
    outputs: FloatArray
    is_there: BoolArray  # (n_period, n)
    orientation: Orientation
    rts: Returns

    @classmethod
    def of(
        cls,
        inputs: ArrayLike,
        outputs: ArrayLike,
        orientation: Orientation,
        rts: Returns,
        labels: Labels | None,
    ) -> "_Panel":
        check_choice("orientation", orientation, ORIENTATIONS)
        check_choice("rts", rts, RETURNS)
        x, y = np.asarray(inputs, dtype=np.float64), np.asarray(outputs, dtype=np.float64)
        if x.ndim != 3 or y.ndim != 3 or x.shape[:2] != y.shape[:2] or len(x) < 2:
            raise FrontierError(
                f"Inputs have the shape {x.shape}, outputs {y.shape}. Give (period, DMU, column) "
                "for both, with the same DMUs and at least two periods."
            )
        is_there: BoolArray = ~np.all(np.isnan(np.concatenate([x, y], axis=2)), axis=2)
        for t in range(len(x)):
            there = np.flatnonzero(is_there[t])
            if there.size == 0:
                raise FrontierError(f"Period {t + 1} has no DMU. Leave it out.")
            names = [labels.dmu[i] if labels and labels.dmu else f"{i + 1}" for i in there.tolist()]
            named = Labels(
                dmu=[f"{name} in period {t + 1}" for name in names],
                inputs=labels.inputs if labels else (),
                outputs=labels.outputs if labels else (),
                ratios=labels.ratios if labels else (),
            )
            checked(x[t, there], y[t, there], labels=named, rts=rts)
        return cls(x, y, is_there, orientation, rts)

    @property
    def n_period(self) -> int:
        return len(self.inputs)

    def only(self, which: BoolArray) -> "_Panel":
        """Return the panel of some DMUs."""
        return _Panel(
            self.inputs[:, which], self.outputs[:, which], self.is_there[:, which],
            self.orientation, self.rts,
        )  # fmt: skip

    def spanning(self, periods: list[int]) -> tuple[FloatArray, FloatArray]:
        """Return inputs and outputs of all who are there in some period."""
        there = [self.is_there[t] for t in periods]
        return (
            np.concatenate([self.inputs[t][w] for t, w in zip(periods, there, strict=True)]),
            np.concatenate([self.outputs[t][w] for t, w in zip(periods, there, strict=True)]),
        )

    def several(self, of: list[int], against: list[int], rts: Returns) -> FloatArray:
        """Return scores of many periods at once, which share the facets that are found."""
        score = np.full((len(of), self.inputs.shape[1]), np.nan)
        place = [(k, np.flatnonzero(self.is_there[t])) for k, t in enumerate(of)]
        found = radial(
            *self.spanning(of), *self.spanning(against), orientation=self.orientation, rts=rts
        ).farrell
        found = found if self.orientation == "input" else 1 / found
        start = 0
        for k, there in place:
            score[k, there] = found[start : start + there.size]
            start += there.size
        return score

    def changes(
        self, benchmark: Benchmark
    ) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return own scores, (n_period, n), indices, and scores across periods, (n_period - 1, n).

        Against a common frontier both scores across are those against it: later, then earlier.
        """
        last = self.n_period - 1
        if benchmark in ("biennial", "global"):
            own = np.concatenate([self.several([t], [t], self.rts) for t in range(last + 1)])
            every = list(range(last + 1))
            pairs = np.stack(
                [
                    self.several(
                        [t, t + 1], [t, t + 1] if benchmark == "biennial" else every, self.rts
                    )
                    for t in range(last)
                ]
            )
            return own, pairs[:, 1] / pairs[:, 0], pairs[:, 1], pairs[:, 0]
        n = self.inputs.shape[1]
        own, ahead, behind = (np.full((last + 1, n), np.nan) for _ in range(3))
        for t in range(last + 1):
            near = [of for of in (t - 1, t, t + 1) if 0 <= of <= last]
            until = list(range(t + 1)) if benchmark == "sequential" else [t]
            for of, score in zip(near, self.several(near, until, self.rts), strict=True):
                (behind if of < t else ahead if of > t else own)[t] = score
        ahead, behind = ahead[:-1], behind[1:]
        return own, np.sqrt(ahead / own[:-1] * own[1:] / behind), ahead, behind

    def replicates(
        self, factor: FloatArray, benchmark: Literal["adjacent", "biennial"]
    ) -> dict[str, FloatArray]:
        """Return drawn changes; `factor` is (n_draw, n, 2), of the moved side in each period."""
        x, y = self.inputs, self.outputs
        n = x.shape[1]
        stacked = np.concatenate(list(x)), np.concatenate(list(y))

        def score(
            of: tuple[FloatArray, FloatArray],
            reference: tuple[FloatArray, FloatArray],
            moved: FloatArray,
        ) -> FloatArray:
            found = radial_replicates(
                *of, *reference, np.ascontiguousarray(moved),
                orientation=self.orientation, rts=self.rts,
            )  # fmt: skip
            return found if self.orientation == "input" else 1 / found

        if benchmark == "biennial":
            first, second = (score((x[t], y[t]), (x[t], y[t]), factor[:, :, t]) for t in range(2))
            union = score(stacked, stacked, np.hstack([factor[:, :, 0], factor[:, :, 1]]))
            efficiency, index = second / first, union[:, n:] / union[:, :n]
        else:
            first, second = (score(stacked, (x[t], y[t]), factor[:, :, t]) for t in range(2))
            efficiency = second[:, n:] / first[:, :n]
            index = np.sqrt(first[:, n:] / first[:, :n] * second[:, n:] / second[:, :n])
        return {
            "malmquist": index,
            "efficiency_change": efficiency,
            "technical_change": index / efficiency,
        }


def _joint_draws(distance: FloatArray, *, draws: int, seed: int) -> FloatArray:
    """Draw pairs of distances of at least 1 from their smoothed joint distribution.

    The pairs are reflected at 1 in the first, the second and both, and smoothed with their own
    covariance, whose sign turns with a single reflection.
    """
    generator = np.random.default_rng(seed)
    n = len(distance)
    width = (4 / (5 * n)) ** (1 / 6)
    covariance = np.cov(distance.T)
    root = np.linalg.cholesky(covariance + 1e-12 * np.eye(2) * max(np.trace(covariance), 1e-12))
    sign = generator.choice([-1.0, 1.0], (draws, n, 2))
    chosen = 1 + sign * (distance[generator.integers(0, n, (draws, n))] - 1)
    noise = generator.standard_normal((draws, n, 2)) @ root.T
    # Noise takes the reflection's signs, so that it leans the way the reflected pairs do.
    centre = chosen.mean(axis=1, keepdims=True)
    smooth = centre + (chosen + width * sign * noise - centre) / np.sqrt(1 + width**2)
    drawn: FloatArray = np.where(smooth < 1, 2 - smooth, smooth)
    return drawn
