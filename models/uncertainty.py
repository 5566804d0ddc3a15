"""How sure a rank is: what is noise in each indicator, and what ranks the truth may have.

A value is taken to be a municipality's true level that year plus noise. The noise is estimated
from how values move from year to year beyond the country's movement, the true levels from how
they differ beyond the noise. Truths that agree with both are drawn, each draw is scored by the
same recipe as the values themselves (`index.py`), and the ranks of the draws are counted.
"""

import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.index import area_index, competition_rank
from models.panel import AreaArrays, BoolArray, FloatArray, area_arrays, period_status
from models.service_area import ServiceArea

FEWEST_PAIRS = 3  # of consecutive years; two changes cannot tell noise from one odd year
PAIR_SHARE = 0.5  # of the municipalities must have both years, or the pair does not count
PRIOR_DEGREES = 6.0  # of freedom behind the pooled variance when a municipality's own is shrunk
MAD_TO_SD = 1.4826  # for normal noise
FARTHEST = 4.0  # sd; a change beyond it is an event or an error and counts as this much
CARRIED_VARIANCE = 2.0  # a value of the year before has that year's noise and a year's change
LEAST_SIGNAL = 0.02  # of an indicator's variance; with none at all everyone would tie
TINY = 1e-12  # keeps a matrix of an indicator without noise invertible

INTERVAL_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "rank_low": pl.Int32,
    "rank_high": pl.Int32,
    "p_first": pl.Float64,
    "p_top10": pl.Float64,
    "p_top_quarter": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Noise:
    """The error budget of an area's indicators, in their own units."""

    variance: FloatArray  # (n_municipality, n_indicator), of one fresh value
    correlation: FloatArray  # (n_indicator, n_indicator), between indicators of a municipality
    n_pairs: tuple[int, ...]  # per indicator, the consecutive years it rests on

    @property
    def is_known(self) -> bool:
        """Whether every indicator has enough consecutive years."""
        return min(self.n_pairs, default=0) >= FEWEST_PAIRS


def residual_noise(
    value: FloatArray, is_carried: BoolArray, *, periods: Sequence[int], breaks: Sequence[int] = ()
) -> Noise:
    """Estimate every indicator's noise from changes between consecutive years.

    A change net of the country's (the median change of that year) is the difference of two
    noises, so its variance is twice that of one, plus what really changed: the estimate is an
    upper bound. The pooled variance is the mean square of all changes, those beyond four robust
    standard deviations cut to four.

    A municipality's own variance is shrunk towards the pooled one: with n changes of its own,
    (6 pooled + m own) / (6 + m), where m = n / (1 + (n - 1) / 2n) allows for the fact that two
    changes in a row share a year. Size is thereby allowed for without being known.

    Parameters
    ----------
    value : array, shape (n_period, n_municipality, n_indicator)
        NaN is missing.
    is_carried : array of bool, the same shape
        A carried value is no new observation and takes no part.
    periods : sequence of int
        The years, ascending; years that do not follow on each other give no change.
    breaks : sequence of int
        Years that cannot be compared with the year before.

    Returns
    -------
    Noise
        With NaN as variance of an indicator without any pair of years.

    References
    ----------
    Smyth (2004), Stat. Appl. Genet. Mol. Biol. 3(1), on shrinking variances.
    """
    fresh = np.where(is_carried, np.nan, value)
    change = np.diff(fresh, axis=0)
    comparable = np.diff(periods) == 1
    comparable &= ~np.isin(np.asarray(periods[1:], dtype=np.int64), breaks)
    n_both = np.sum(~np.isnan(change), axis=1)  # (n_pair, n_indicator)
    counts = comparable[:, np.newaxis] & (n_both >= PAIR_SHARE * value.shape[1])
    change = np.where(counts[:, np.newaxis, :], change, np.nan)
    change = change - _nanmedian(change, axis=1)[:, np.newaxis, :]

    n_indicator = value.shape[2]
    robust_sd = MAD_TO_SD * _nanmedian(np.abs(change).reshape(-1, n_indicator), axis=0)
    # Over half of the changes may be exactly 0, as in a KPI of whole numbers.
    limit = np.where(robust_sd > 0, FARTHEST * robust_sd, np.inf)
    change = np.clip(change, -limit, limit)
    square = change**2 / 2
    n_own = np.sum(~np.isnan(square), axis=0)  # (n_municipality, n_indicator)
    own_sum = np.nansum(square, axis=0)
    n_all = np.sum(n_own, axis=0)
    pooled = np.where(n_all > 0, own_sum.sum(axis=0) / np.maximum(n_all, 1), np.nan)
    own = own_sum / np.maximum(n_own, 1)
    degrees = n_own / (1 + (n_own - 1) / (2 * np.maximum(n_own, 1)))
    variance = (PRIOR_DEGREES * pooled + degrees * own) / (PRIOR_DEGREES + degrees)
    return Noise(
        variance=variance,
        correlation=_correlation(change / np.sqrt(2 * np.maximum(variance, TINY))),
        n_pairs=tuple(int(n) for n in counts.sum(axis=0)),
    )


def truth_draws(
    value: FloatArray, is_carried: BoolArray, noise: Noise, normal: FloatArray
) -> FloatArray:
    """Draw true levels that agree with the values, given their noise.

    Empirical Bayes: the levels of all municipalities are taken to be normal around their mean,
    with the covariance of the values less that of the noise (eigenvalues below 0.02 of a
    variance raised to that). A municipality's level given its values is then normal too: its
    values shrunk towards the mean, the noisier the more. All indicators are treated together,
    because indicators of the same pupils err together, and because good schools are good in
    several: taken one by one, their mean would seem surer than it is.

    Parameters
    ----------
    value : array, shape (n_municipality, n_indicator)
        One year's values; NaN is missing, and stays so in every draw.
    is_carried : array of bool, the same shape
        A value of the year before has twice the variance.
    noise : Noise
        Of the same municipalities and indicators.
    normal : array, shape (n_draw, n_municipality, n_indicator)
        Independent standard normal numbers.

    Returns
    -------
    array, shape (n_draw, n_municipality, n_indicator)
        In the units of the values.

    Raises
    ------
    ValueError
        If no municipality has all indicators, so that nothing is known of how they go together.

    References
    ----------
    Efron and Morris (1975), J. Am. Stat. Assoc. 70, 311-319.
    """
    has_value = ~np.isnan(value)
    complete = has_value.all(axis=1)
    if not complete.any():
        raise ValueError("No municipality has all indicators. Draw only where some are ranked.")
    mean = np.nanmean(value, axis=0)
    spread = np.nanstd(value, axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    standard = np.where(has_value, (value - mean) / spread, 0.0)

    variance = noise.variance * np.where(is_carried, CARRIED_VARIANCE, 1.0)
    sd = np.sqrt(variance) / spread
    error = sd[:, :, np.newaxis] * sd[:, np.newaxis, :] * noise.correlation
    total = np.einsum("mi,mj->ij", standard[complete], standard[complete]) / np.sum(complete)
    signal = _floored(total - error[complete].mean(axis=0), LEAST_SIGNAL)

    # A missing value is one about which the noise is boundless.
    both = has_value[:, :, np.newaxis] & has_value[:, np.newaxis, :]
    unit = np.eye(value.shape[1])
    error = np.where(both, error, 0.0) + unit * np.where(has_value, TINY, 1 / TINY)[:, np.newaxis]
    gain = np.swapaxes(np.linalg.solve(signal + error, np.broadcast_to(signal, error.shape)), 1, 2)
    centre = np.einsum("mij,mj->mi", gain, standard)
    covariance = signal - gain @ signal
    covariance = (covariance + np.swapaxes(covariance, 1, 2)) / 2
    root = np.linalg.cholesky(covariance + TINY * unit)
    draw = mean + spread * (centre + np.einsum("mij,dmj->dmi", root, normal))
    return np.where(has_value, draw, np.nan)


def rank_intervals(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 1489,
) -> pl.DataFrame:
    """Say which ranks every ranked municipality may truly have.

    The interval tells of the rank that the true levels of that year would give, all of them
    scored by the same recipe. It is not about next year, nor about whether the recipe is right.
    A rank may lie outside its own interval: the best of many is more often lucky than unlucky.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`models.contracts.Panel`), with as many periods as there are: the noise is
        estimated from all of them.
    areas : iterable of ServiceArea
        The definitions the panel was made from.
    draws : int
        How many truths to draw.
    level : float
        The share of the draws inside the interval, above 0 and below 1.
    seed : int
        The same seed gives the same frame, whatever the order of the rows and whichever other
        areas there are.

    Returns
    -------
    frame
        `mart.rank_interval` (`models.contracts.RankInterval`), sorted by key: one row for each
        ranked municipality. The interval is null in an area where some indicator has fewer than
        three pairs of consecutive years. `p_first` counts a shared first place for all who
        share it; the top quarter of n is n / 4 places, rounded up.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, or an option is out of range.

    References
    ----------
    Marshall and Spiegelhalter (1998), BMJ 316, 1701-1704, rank intervals by simulation.
    Goldstein and Spiegelhalter (1996), J. R. Stat. Soc. A 159(3), 385-443.
    """
    if draws < 1 or not 0 < level < 1:
        raise ValueError(
            f"{draws} draws and level {level} were asked for. Use at least 1 draw and a level "
            "between 0 and 1."
        )
    frames = [pl.DataFrame(schema=INTERVAL_SCHEMA)]
    for arrays in area_arrays(panel, areas):
        noise = residual_noise(
            arrays.value,
            arrays.is_carried,
            periods=arrays.periods,
            breaks=[each.period for each in arrays.area.breaks],
        )
        for position, period in enumerate(arrays.periods):
            is_ranked = period_status(arrays, position) == "ranked"
            if not is_ranked.any():
                continue
            numbers: dict[str, object] = {}
            if noise.is_known:
                place = (zlib.crc32(arrays.area.name.encode()), period)
                generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))
                normal = generator.standard_normal((draws, *arrays.value.shape[1:]))
                rank = _drawn_ranks(arrays, position, noise, normal)[:, is_ranked]
                numbers = _rank_summary(rank, level)
            key = {
                "service_area": [arrays.area.name] * int(is_ranked.sum()),
                "period": [period] * int(is_ranked.sum()),
                "municipality": np.array(arrays.municipalities)[is_ranked].tolist(),
            }
            empty = dict.fromkeys(set(INTERVAL_SCHEMA) - set(key))
            frames.append(pl.DataFrame(key | empty | numbers, schema=INTERVAL_SCHEMA))
    return pl.concat(frames).sort("service_area", "period", "municipality")


def _drawn_ranks(arrays: AreaArrays, position: int, noise: Noise, normal: FloatArray) -> FloatArray:
    drawn = truth_draws(arrays.value[position], arrays.is_carried[position], noise, normal)
    return competition_rank(area_index(arrays, drawn).efficiency)


def _rank_summary(rank: FloatArray, level: float) -> dict[str, object]:
    n_draw, n_ranked = rank.shape
    in_order = np.sort(rank, axis=0)
    tail = (1 - level) / 2 * (n_draw - 1)
    return {
        "rank_low": in_order[int(np.floor(tail))].astype(np.int32),
        "rank_high": in_order[int(np.ceil(n_draw - 1 - tail))].astype(np.int32),
        "p_first": np.mean(rank == 1, axis=0),
        "p_top10": np.mean(rank <= 10, axis=0),
        "p_top_quarter": np.mean(rank <= np.ceil(n_ranked / 4), axis=0),
    }


def _correlation(standard: FloatArray) -> FloatArray:
    """Return the correlation of the last axis over the others, of pairs that are both there."""
    flat = standard.reshape(-1, standard.shape[-1])
    there = (~np.isnan(flat)).astype(np.float64)
    filled = np.nan_to_num(flat)
    product = np.einsum("ri,rj->ij", filled, filled)
    scale = np.sqrt(np.einsum("ri,rj->ij", filled**2, there))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.nan_to_num(product / (scale * scale.T))
    correlation = _floored(correlation, LEAST_SIGNAL)
    diagonal = np.sqrt(np.diag(correlation))
    unit: FloatArray = correlation / np.outer(diagonal, diagonal)
    return unit


def _floored(matrix: FloatArray, least: float) -> FloatArray:
    """Return the symmetric matrix with eigenvalues below `least` raised to it."""
    eigenvalue, vector = np.linalg.eigh((matrix + matrix.T) / 2)
    floored: FloatArray = (vector * np.maximum(eigenvalue, least)) @ vector.T
    return floored


def _nanmedian(values: FloatArray, *, axis: int) -> FloatArray:
    """Return the median without NaN; NaN, without a warning, where there is nothing else."""
    if values.shape[axis] == 0:
        return np.full(np.delete(values.shape, axis), np.nan)
    nothing = np.isnan(values).all(axis=axis, keepdims=True)
    median = np.nanmedian(np.where(nothing, 0.0, values), axis=axis)
    return np.where(np.squeeze(nothing, axis=axis), np.nan, median)
