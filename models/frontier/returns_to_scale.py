"""Are returns to scale constant? The test of Simar and Wilson.

Under variable returns every score is at least as good as under constant ones, and with few DMUs it
is better even where the truth is constant. So how much better it has to be to tell against
constant returns is found by drawing DMUs from a technology that has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from models.frontier.bootstrap import FEWEST_DRAWS, SCALES, Scale
from models.frontier.dea import dea
from models.frontier.kernel import radial_replicates
from models.frontier.smoothing import (
    BandwidthRule,
    check_bandwidth,
    drawn_scores,
    score_bandwidth,
)
from models.frontier.technology import (
    FloatArray,
    FrontierError,
    Labels,
    Orientation,
    check_choice,
    checked,
)

Null = Literal["crs", "nirs", "ndrs"]
NULLS: tuple[Null, ...] = ("crs", "nirs", "ndrs")
Statistic = Literal["ratio_of_means", "mean_of_ratios", "median_of_ratios"]
Efficient = Literal["kept", "left_out"]
STATISTICS: tuple[Statistic, ...] = ("ratio_of_means", "mean_of_ratios", "median_of_ratios")
EFFICIENTS: tuple[Efficient, ...] = ("kept", "left_out")
LEVELS = (0.01, 0.05, 0.1)
TIE = 1e-9  # a drawn statistic this near the one of the data is the same, but for rounding


@dataclass(frozen=True, slots=True)
class ReturnsTest:
    """How far the data speak against the returns that are supposed.

    The hypothesis is rejected at a level where the statistic is below its critical value, which is
    where the p-value is at most the level.
    """

    statistic: float  # scores under the hypothesis by those under "vrs", above 0 and at most 1
    p_value: float  # share of draws at or below the statistic, which is itself one of them
    levels: FloatArray  # (n_level,)
    critical: FloatArray  # (n_level,), of the statistic at each level
    draws: FloatArray  # (draws,), the statistic where the hypothesis holds
    bandwidth: float  # of drawn scores, on the scale that was smoothed


def returns_test(
    inputs: ArrayLike,
    outputs: ArrayLike,
    *,
    orientation: Orientation,
    null: Null,
    statistic: Statistic,
    efficient: Efficient,
    seed: int,
    draws: int = 2000,
    levels: Sequence[float] = LEVELS,
    bandwidth: float | BandwidthRule = "silverman",
    scale: Scale = "shephard",
    labels: Labels | None = None,
) -> ReturnsTest:
    """Test returns to scale by drawing DMUs behind the frontier that the hypothesis gives.

    Each draw moves every DMU along its own ray to a score from the smoothed distribution of
    scores under the hypothesis, and scores the moved DMUs against each other both ways. That
    supposes inefficiency to be spread alike over mix and size on the side that stays. Where it
    grows with size there, the test rejects constant returns that are true.

    Parameters
    ----------
    inputs : array, shape (n_dmu, n_input)
        Positive; each column in one unit.
    outputs : array, shape (n_dmu, n_output)
        Positive, more is better.
    orientation : {"input", "output"}
        Which side is moved towards the frontier.
    null : {"crs", "nirs", "ndrs"}
        Returns to scale that are supposed: constant, or non-increasing, or non-decreasing. The
        alternative is always variable returns. As Simar and Wilson go about it, the second is
        asked where the first is rejected. Non-increasing returns hold constant ones in them, where
        a rejection in error is most likely.
    statistic : {"ratio_of_means", "mean_of_ratios", "median_of_ratios"}
        How scores under the hypothesis are compared with those under variable returns.
    efficient : {"kept", "left_out"}
        Whether scores on the frontier are among those that are drawn. "kept" is what Simar and
        Wilson do. But DMUs that are efficient in the data are in truth behind the frontier;
        with so many drawn on it, the moved DMUs span their frontier more fully than the data
        do, and the test rejects too often. "left_out" draws from the others alone.
    seed : int
        The same seed gives the same bytes, whatever the number of threads.
    draws : int
        How many; at a level of 5 %, 2 000 settle the critical value to a tenth of the level.
    levels : sequence of float
        For which critical values are given; each at least 1 / (draws + 1), and below 1.
    bandwidth, scale
        As in `bootstrap.bootstrap`; scores are drawn reflected, and with their variance.
    labels : Labels, optional
        Names for messages.

    Returns
    -------
    ReturnsTest
        At nominally 5 %, with the efficient left out, true constant returns were rejected in 3 to
        9 % of simulated worlds (60 and 150 DMUs, one or two inputs), and with them kept in 4 to
        19 %; supposing non-increasing returns, in 7 to 11 % and in 10 to 21 %. With inefficiency
        growing with the side that stays it was 79 % and more.

    Raises
    ------
    FrontierError
        As `technology.checked`; if an option is unknown or out of range; or if every DMU is
        efficient under the hypothesis.

    Warns
    -----
    FrontierWarning
        As `dea.dea`.

    References
    ----------
    Simar and Wilson (2002), Eur. J. Oper. Res. 139(1), 115-132.
    """
    check_choice("null", null, NULLS)
    check_choice("efficient", efficient, EFFICIENTS)
    check_choice("scale", scale, SCALES)
    _check(statistic, draws, levels)
    check_bandwidth(bandwidth)
    supposed = dea(inputs, outputs, orientation=orientation, rts=null, labels=labels)
    variable = dea(inputs, outputs, orientation=orientation, rts="vrs", labels=labels)
    data = checked(inputs, outputs, labels=labels)
    if supposed.is_efficient.all():
        raise FrontierError(
            f"All {len(supposed.score)} DMUs are efficient under {null!r}, so nothing is known of "
            "how far behind the frontier a DMU may be. Use fewer columns or more DMUs."
        )
    smoothed = 1 / supposed.farrell if scale == "shephard" else supposed.farrell
    width = bandwidth if not isinstance(bandwidth, str) else score_bandwidth(smoothed, bandwidth)
    near = None
    if efficient == "left_out":
        of_each = np.cumsum(~supposed.is_efficient) / np.sum(~supposed.is_efficient)
        near = np.tile(of_each, (len(of_each), 1))
    drawn = drawn_scores(smoothed, width, draws=draws, seed=seed, near=near)
    factor = smoothed / drawn if scale == "farrell" else drawn / smoothed
    of_null, of_variable = (
        radial_replicates(
            data.inputs, data.outputs, data.inputs, data.outputs, factor,
            orientation=orientation, rts=rts,
        )
        / factor  # the DMUs as they are, against those moved; moving them too divides by it
        for rts in (null, "vrs")
    )  # fmt: skip
    if orientation == "output":
        of_null, of_variable = 1 / of_null, 1 / of_variable
    return _result(
        _compared(supposed.score, variable.score, statistic),
        _compared(of_null, of_variable, statistic),
        levels,
        float(width),
    )


def _compared(null: FloatArray, variable: FloatArray, statistic: Statistic) -> FloatArray:
    """Return the statistic of the scores in each row."""
    if statistic == "ratio_of_means":
        return np.asarray(null.mean(axis=-1) / variable.mean(axis=-1))
    ratio = null / variable
    middle = np.mean if statistic == "mean_of_ratios" else np.median
    return np.asarray(middle(ratio, axis=-1))


def _check(statistic: str, draws: int, levels: Sequence[float]) -> None:
    check_choice("statistic", statistic, STATISTICS)
    of = np.asarray(levels, dtype=np.float64)
    if (
        draws < FEWEST_DRAWS
        or of.ndim != 1
        or of.size == 0
        or not ((of * (draws + 1) >= 1) & (of < 1)).all()
    ):
        raise FrontierError(
            f"{draws} draws and the levels {of.tolist()} were asked for. Use at least "
            f"{FEWEST_DRAWS} draws, and levels from 1 / (draws + 1) to below 1."
        )


def _result(
    known: FloatArray, drawn: FloatArray, levels: Sequence[float], bandwidth: float
) -> ReturnsTest:
    n_draw, of = len(drawn), np.asarray(levels, dtype=np.float64)
    as_far = int(np.sum(drawn <= known + TIE))
    # The critical value is the draw below which the statistic makes the p-value at most the level.
    place = np.floor(of * (n_draw + 1) + TIE).astype(np.int64) - 1
    return ReturnsTest(
        statistic=float(known),
        p_value=(1 + as_far) / (1 + n_draw),
        levels=of,
        critical=np.sort(drawn)[place],
        draws=drawn,
        bandwidth=bandwidth,
    )
