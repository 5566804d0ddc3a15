"""How sure a DEA score is, without a word on how inefficiency is spread: subsampling.

The frontier of a part of the DMUs lies inside that of all, as that of all lies inside the true one.
How far inside is known for a part; at the known rate at which DEA comes nearer with more DMUs, it
says how far the frontier of all still is from the truth. Nothing is smoothed, and inefficiency may
differ from place to place.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.frontier.bootstrap import FEWEST_DRAWS, SCALES, Scale
from models.frontier.dea import dea
from models.frontier.kernel import radial_subsets
from models.frontier.technology import (
    ORIENTATIONS,
    FloatArray,
    FrontierError,
    IntArray,
    Labels,
    Orientation,
    check_choice,
    checked,
)

RatedReturns = Literal["crs", "vrs"]
RATED: tuple[RatedReturns, ...] = ("crs", "vrs")  # returns to scale whose rate is known
SizeRule = Literal["least_volatile"]
N_SIZE = 15  # at most, tried by the rule, evenly apart in logarithms
SMALLEST, LARGEST = 0.5, 0.8  # sizes tried, as powers of the number of DMUs
NEIGHBOURS = 2  # sizes on either side whose intervals are compared


@dataclass(frozen=True, slots=True)
class SubsamplingResult:
    """Scores with their bias and interval, in the order the DMUs were given.

    Status is "bounded"; or "unbounded" where so many subsets show nothing as good as the DMU on
    the other side that the interval has no lower end, and the bias no estimate: both are NaN. It
    is "infeasible" where most subsets are such, and the upper end is NaN too.
    """

    score: FloatArray  # (n,), in (0, 1], as dea gives it
    bias_corrected: FloatArray  # (n,), at most the score
    bias: FloatArray  # (n,), score less bias_corrected; of the feasible replicates
    low: FloatArray  # (n,), lower end of the interval, of scores
    high: FloatArray  # (n,), upper end, at most the score
    status: NDArray[np.str_]  # (n,), "bounded", "unbounded" or "infeasible"
    n_infeasible: IntArray  # (n,), of the draws
    size: int  # of the subsets that were used
    sizes: IntArray  # (k,), those that were tried; only `size` where it was given
    volatility: FloatArray  # (k,), of the interval at each; NaN where no neighbours are
    rate: float  # the power of the number of DMUs at which the score nears the truth


def subsampling(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    rts: RatedReturns,
    size: int | SizeRule,
    replacement: bool,
    seed: int,
    draws: int = 2000,
    level: float = 0.95,
    scale: Scale = "shephard",
    sizes: Sequence[int] | None = None,
    labels: Labels | None = None,
) -> SubsamplingResult:
    """Correct DEA scores for their bias, and put intervals around them, by drawing subsets.

    With n DMUs, n^rate (estimate / truth - 1) has a limit distribution, and so has, with the same
    limit, m^rate (estimate of a subset of m / estimate - 1). The quantiles of the second, with
    n for m, bound the truth.

    A subset may have no DMU, nor any mix of DMUs, as good as the scored one on the side that
    stays: under "vrs" no radial move then reaches its frontier. Such a replicate counts as a score
    of infinity, for the more a subset misses, the better the DMU looks. A quantile is an order
    statistic of the replicates, so it can be read wherever it is not itself one of those. The mean
    cannot; it is made of the others, and only where the interval is bounded, so that those left
    out are fewer than its tail. It then still understates the bias a little.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    rts : {"crs", "vrs"}
        Returns to scale of the technology. The rate is 2 / (columns) under "crs" and
        2 / (columns + 1) under "vrs"; that of the others is not known.
    size : int or {"least_volatile"}
        How many are drawn at a time; at least as many as columns, and fewer than there are DMUs.
        Too many give intervals that are too narrow, too few such without lower ends. The rule
        tries `sizes` on the same draws and takes the one whose interval changes least, in the
        standard deviation of both ends, from its neighbours, two on either side, on the mean of
        the DMUs whose intervals are bounded at all five.
    replacement : bool
        Whether a DMU may be drawn into a subset more than once. Both are consistent; at the same
        size, intervals with replacement are wider, for there are fewer different DMUs.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    draws : int
        Subsets per size.
    level : float
        The share of intervals that hold the true score, above 0 and below 1.
    scale : {"shephard", "farrell"}
        Of which measure estimate and truth are compared: Shephard's distance or Farrell's factor,
        its inverse. In the limit they agree.
    sizes : sequence of int, optional
        What the rule tries, in rising order; unless given, up to 15 from the power 0.5 to the
        power 0.8 of the number of DMUs.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    SubsamplingResult
        The interval lies below the score. In simulated worlds of 60 to 200 DMUs with one or two
        inputs, inefficiency spread alike or not, nominal 95 % intervals held 87 to 98 % of the
        truths with the rule's size, and 91 to 97 % with the power 0.6 of the number of DMUs; from
        a tenth to a quarter of the DMUs were unbounded under "vrs", and none under "crs".

    Raises
    ------
    FrontierError
        As `technology.checked`; or if an option is unknown or out of range.

    Warns
    -----
    FrontierWarning
        As `dea.dea`.

    References
    ----------
    Kneip, Simar and Wilson (2008), Econom. Theory 24(6), 1663-1697.
    Simar and Wilson (2011), J. Product. Anal. 36(1), 33-53.
    Politis, Romano and Wolf (1999), Subsampling, section 9.3, on the volatility of intervals.
    """
    check_choice("orientation", orientation, ORIENTATIONS)
    check_choice("rts", rts, RATED)
    check_choice("scale", scale, SCALES)
    if draws < FEWEST_DRAWS or not 0 < level < 1:
        raise FrontierError(
            f"{draws} draws and level {level} were asked for. Use at least {FEWEST_DRAWS} draws "
            "and a level between 0 and 1."
        )
    data = checked(inputs, outputs, labels=labels)
    (n, m), s = data.inputs.shape, data.outputs.shape[1]
    tried = _tried_sizes(n, m + s, size, sizes)
    score = dea(inputs, outputs, orientation=orientation, rts=rts, labels=labels).score
    rate = convergence_rate(m + s, rts)
    row = _drawn_rows(n, int(tried[-1]), draws=draws, seed=seed, replacement=replacement)
    # Only ratios of scores are estimated; their inverse is 0 where a replicate is infinite.
    is_of_score = (scale == "farrell") == (orientation == "input")
    found = []
    for each in tried:
        farrell = radial_subsets(
            data.inputs, data.outputs, data.inputs, data.outputs, row[:, :each],
            orientation=orientation, rts=rts,
        )  # fmt: skip
        inverse = score / farrell if orientation == "input" else score * farrell
        inverse = np.where(np.isnan(inverse), 0.0, np.minimum(inverse, 1.0))
        found.append(_read(inverse, (int(each) / n) ** rate, level, is_of_score))
    volatility = _volatilities(score * np.array([[each.low, each.high] for each in found]))
    chosen = _least_volatile(volatility) if isinstance(size, str) else 0
    best = found[chosen]
    corrected = score * best.mean
    return SubsamplingResult(
        score=score,
        bias_corrected=corrected,
        bias=score - corrected,
        low=score * best.low,
        high=score * best.high,
        status=np.where(
            np.isnan(best.high), "infeasible", np.where(np.isnan(best.low), "unbounded", "bounded")
        ),
        n_infeasible=best.n_infeasible,
        size=int(tried[chosen]),
        sizes=tried,
        volatility=volatility,
        rate=rate,
    )


def convergence_rate(n_column: int, rts: RatedReturns) -> float:
    """Return the power of the number of DMUs at which a DEA score nears the truth.

    Parameters
    ----------
    n_column : int
        Inputs and outputs together.
    rts : {"crs", "vrs"}
        Returns to scale, of the estimate as of the truth.

    Returns
    -------
    float
        At most 1.

    References
    ----------
    Park, Jeong and Simar (2010), Ann. Stat. 38(3), 1320-1340, on "crs".
    Kneip, Park and Simar (1998), Econom. Theory 14(6), 783-793, on "vrs".
    """
    return 2 / (n_column + (rts == "vrs"))


def _drawn_rows(n: int, size: int, *, draws: int, seed: int, replacement: bool) -> IntArray:
    """Draw subsets of rows; the first of each are themselves a subset, of a smaller size."""
    generator = np.random.default_rng(seed)
    if replacement:
        return generator.integers(0, n, (draws, size))
    return generator.permuted(np.tile(np.arange(n), (draws, 1)), axis=1)[:, :size]


def _tried_sizes(
    n: int, n_column: int, size: int | SizeRule, sizes: Sequence[int] | None
) -> IntArray:
    """Return the sizes of subsets to try, in rising order: one where it is given."""
    if isinstance(size, str):
        check_choice("size", size, ("least_volatile",))
    elif sizes is not None:
        raise FrontierError("A size and sizes to try were given. Give one of them.")
    if not isinstance(size, str):
        tried = np.asarray([size])
    elif sizes is not None:
        tried = np.asarray(sizes)
    else:
        tried = np.unique(np.round(np.geomspace(n**SMALLEST, n**LARGEST, N_SIZE)).astype(np.int64))
        tried = tried[tried >= n_column]
    if tried.ndim != 1 or tried.dtype.kind not in "iu" or (np.diff(tried) <= 0).any():
        raise FrontierError(f"The sizes are {tried.tolist()}. Give whole numbers in rising order.")
    if isinstance(size, str) and tried.size < 2 * NEIGHBOURS + 1:
        raise FrontierError(
            f"Of {n} DMUs the sizes to try are {tried.tolist()}, and {2 * NEIGHBOURS + 1} are "
            "compared at a time. Give more sizes, or one size as a number."
        )
    if tried[0] < n_column or tried[-1] >= n:
        raise FrontierError(
            f"Subsets of {tried[0]} to {tried[-1]} of {n} DMUs in {n_column} columns were asked "
            f"for. Use sizes from {n_column} to {n - 1}."
        )
    return tried.astype(np.int64)


def _volatilities(ends: FloatArray) -> FloatArray:
    """Return how much intervals change around each size, of ends of shape (n_size, 2, n)."""
    found = np.full(len(ends), np.nan)
    for at in range(NEIGHBOURS, len(ends) - NEIGHBOURS):
        spread = ends[at - NEIGHBOURS : at + NEIGHBOURS + 1].std(axis=0, ddof=1).sum(axis=0)
        if np.isfinite(spread).any():
            found[at] = spread[np.isfinite(spread)].mean()
    return found


def _least_volatile(volatility: FloatArray) -> int:
    """Return which size is the least volatile, the smallest of equals."""
    if np.isnan(volatility).all():
        raise FrontierError(
            f"No interval is bounded at {2 * NEIGHBOURS + 1} sizes in a row, so that none can be "
            "chosen. Try larger sizes, or give one as a number."
        )
    return int(np.nanargmin(volatility))


@dataclass(frozen=True, slots=True)
class _Ratios:
    """Corrected score and ends as shares of the score."""

    mean: FloatArray  # (n,)
    low: FloatArray  # (n,)
    high: FloatArray  # (n,)
    n_infeasible: IntArray  # (n,)


def _read(inverse: FloatArray, shrink: float, level: float, is_of_score: bool) -> _Ratios:
    """Read ratios of score to replicate, 0 where infeasible; `shrink` is (m / n) ** rate."""
    is_there = inverse > 0
    tails = [(1 - level) / 2, (1 + level) / 2]
    ends = np.quantile(inverse, tails, axis=0, method="inverted_cdf")
    ends = np.where(ends > 0, ends, np.nan)
    measured = inverse
    if is_of_score:
        measured = 1 / np.where(is_there, inverse, 1.0)
        ends = 1 / ends
    n_there = is_there.sum(axis=0)
    mean = (measured * is_there).sum(axis=0) / np.maximum(n_there, 1)
    truth = 1 + shrink * (np.vstack([mean, ends]) - 1)
    if is_of_score:
        truth = 1 / truth
    mean, low, high = truth
    return _Ratios(
        mean=np.where(np.isnan(low), np.nan, mean),
        low=low,
        high=high,
        n_infeasible=len(inverse) - n_there,
    )
