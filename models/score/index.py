"""RKA's index of resources, quality and efficiency, and the ranking made from it.

Every indicator is put on 0-100, the mean of a side is put on 0-100 again, and the efficiency
score is the mean of the two sides. RKA puts that mean on 0-100 a third time, which leaves some
eight of 290 municipalities at exactly 100 and no first: that index is computed too, but the rank
is made from the mean.

The last axis but one, or the last where there is no axis for indicators, is always the
municipalities; axes before it are worlds of their own, such as the draws of
`models/rank/uncertainty.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from models.areas.roles import Direction
from models.areas.service_area import Indicator, ServiceArea
from models.panel import AreaArrays, BoolArray, FloatArray, area_arrays, period_status

LOWER_PERCENTILE, UPPER_PERCENTILE = 2.5, 97.5  # RKA's, so that extremes do not set the scale
MIDDLE = 50.0  # the score where nothing tells the municipalities apart
NO_WIDTH = 1e-9  # of the larger bound; a narrower scale would only enlarge rounding errors
RANK_DECIMALS = 9

INDICATOR_SCORE_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "indicator": pl.String,
    "role": pl.String,
    "score": pl.Float64,
}
INDEX_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "resource_index": pl.Float64,
    "quality_index": pl.Float64,
    "efficiency_score": pl.Float64,
    "rka_index": pl.Float64,
    "efficiency_rank": pl.Int32,
    "n_ranked": pl.Int32,
    "status": pl.String,
}


@dataclass(frozen=True, slots=True)
class IndexResult:
    """Scores on 0-100, 100 best, in the order the municipalities were given; NaN: no score."""

    cost_score: FloatArray  # (..., n, n_cost), each indicator scaled by itself
    quality_score: FloatArray  # (..., n, n_quality)
    resource: FloatArray  # (..., n), 100 is the cheapest
    quality: FloatArray  # (..., n)
    efficiency: FloatArray  # (..., n), the mean of the two, not scaled again
    rka: FloatArray  # (..., n), that mean scaled a third time


@dataclass(frozen=True, slots=True)
class PanelScores:
    """The scores of a panel, sorted by their keys; a missing number is null, never NaN."""

    indicator_score: pl.DataFrame  # contracts.index.IndicatorScore
    index: pl.DataFrame  # contracts.index.Index


def scale(
    values: ArrayLike,
    *,
    direction: Direction,
    lower_percentile: float = LOWER_PERCENTILE,
    upper_percentile: float = UPPER_PERCENTILE,
    bounds: tuple[ArrayLike, ArrayLike] | None = None,
) -> FloatArray:
    """Put values on 0-100, 100 best, so that extremes do not set the scale.

    A value at or below the lower bound gets 0, at or above the upper 100, between them the share
    of the way; where lower is better it is reversed. The bounds are percentiles of the values
    that are not missing, by linear interpolation: of n sorted values, percentile p lies at
    position (n - 1) p / 100, counted from 0.

    Where the bounds coincide there is no way between them: what lies at them gets 50, what lies
    beyond still gets 0 or 100. So every value of a constant column gets 50, and so does a lone
    value. "Coincide" means within a billionth of the larger, lest rounding errors become scores.

    Parameters
    ----------
    values : array, shape (..., n)
        One value per municipality, in any unit; NaN is missing. Earlier axes are scaled each by
        itself.
    direction : {"higher", "lower"}
        Which is better.
    lower_percentile, upper_percentile : float
        Where 0 and 100 are put, in percent.
    bounds : (float, float) or two arrays of shape (..., 1), optional
        Lower and upper bound to use instead of percentiles: a scale frozen at a base year.

    Returns
    -------
    array, shape (..., n)
        Scores; NaN where the value is.

    Raises
    ------
    ValueError
        If a value is infinite, the direction unknown, or the percentiles or bounds not in order.

    References
    ----------
    RKA, descriptions of Kolada's KPIs U15010, U15401 and U15900: percentiles 2.5 and 97.5. They
    do not say how percentiles are interpolated.
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, on min-max and trimming.
    """
    values = np.asarray(values, dtype=np.float64)
    if np.isinf(values).any():
        raise ValueError("A value to scale is infinite. Set it aside before scoring.")
    if direction not in ("higher", "lower"):
        raise ValueError(f"Unknown direction {direction!r}. Use 'higher' or 'lower'.")
    if not 0 <= lower_percentile < upper_percentile <= 100:
        raise ValueError(
            f"The percentiles {lower_percentile} and {upper_percentile} are not in order. "
            "Give 0 <= lower < upper <= 100."
        )
    if bounds is not None:
        lower, upper = (np.atleast_1d(np.asarray(each, dtype=np.float64)) for each in bounds)
        if not np.all((lower > -np.inf) & (lower < upper) & (upper < np.inf)):
            raise ValueError(f"The bounds {bounds} are not in order. Give (lower, upper).")
    elif values.size == 0:
        return values.copy()
    else:
        in_order = np.sort(values, axis=-1)  # NaN last
        count = np.sum(~np.isnan(values), axis=-1, keepdims=True)
        lower = _percentile(in_order, count, lower_percentile)
        upper = _percentile(in_order, count, upper_percentile)

    width = upper - lower
    tolerance = NO_WIDTH * np.maximum(np.abs(lower), np.abs(upper))
    with np.errstate(divide="ignore", invalid="ignore"):
        between = np.clip((values - lower) / width, 0.0, 1.0) * 100.0
    if np.any(width <= tolerance):
        beyond = np.where(values > upper + tolerance, 100.0, MIDDLE)
        beyond = np.where(values < lower - tolerance, 0.0, beyond)
        between = np.where(width <= tolerance, beyond, between)
    score = between if direction == "higher" else 100.0 - between
    return np.where(np.isnan(values), np.nan, score)


def weighted_mean(scores: ArrayLike, weights: ArrayLike) -> FloatArray:
    """Take the weighted mean over indicators, of complete rows only.

    The sum is made column by column, so that it comes out the same to the last digit on every
    machine. A missing indicator makes the mean missing: it is not the mean of the others.

    Parameters
    ----------
    scores : array, shape (..., n, k)
        One column per indicator; NaN is missing.
    weights : array, shape (k,)
        Positive; only their ratios matter.

    Returns
    -------
    array, shape (..., n)
        NaN for incomplete rows, and for all rows if there is no indicator.

    Raises
    ------
    ValueError
        If there is not one positive, finite weight per indicator.
    """
    scores = np.asarray(scores, dtype=np.float64)
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != scores.shape[-1:]:
        raise ValueError(
            f"{weights.size} weights were given for {scores.shape[-1]} indicators. Give one each."
        )
    if not np.all((weights > 0) & (weights < np.inf)):
        raise ValueError(f"The weights are {weights.tolist()}. Each must be positive and finite.")
    if weights.size == 0:
        return np.full(scores.shape[:-1], np.nan)
    total, weight = np.zeros(scores.shape[:-1]), 0.0
    for column in range(weights.size):
        total = total + weights[column] * scores[..., column]
        weight += float(weights[column])
    return total / weight


def efficiency_index(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    cost_direction: Sequence[Direction],
    quality_direction: Sequence[Direction],
    cost_weight: ArrayLike,
    quality_weight: ArrayLike,
) -> IndexResult:
    """Score every municipality as RKA does, and keep the steps.

    1. Every indicator is scaled over those who have it (`scale`).
    2. The weighted mean of complete cases is taken for each side and scaled again: the resource
       index and the quality index.
    3. The efficiency score is the mean of the two, for those who have both. It is not scaled.
    4. RKA's index is that mean, scaled.

    Parameters
    ----------
    cost : array, shape (..., n, n_cost)
        Indicators of cost, each in one unit; NaN is missing.
    quality : array, shape (..., n, n_quality)
        Indicators of quality, rows in the order of `cost`. A side without indicators has no
        index, and then nobody has an efficiency score.
    cost_direction, quality_direction : sequence of {"higher", "lower"}
        Which is better, one per indicator.
    cost_weight, quality_weight : array, shape (n_cost,) and (n_quality,)
        Positive; only the ratios within a side matter. The sides weigh the same.

    Returns
    -------
    IndexResult
        The scores of all steps.

    Raises
    ------
    ValueError
        If the numbers of rows, directions or weights do not fit, or a value is infinite.

    References
    ----------
    RKA (2021), Effektivitet i kommuner, and the descriptions of Kolada's KPIs U15010 (resources),
    U15401 (quality) and U15900 (efficiency).
    """
    cost = np.asarray(cost, dtype=np.float64)
    quality = np.asarray(quality, dtype=np.float64)
    if cost.shape[:-1] != quality.shape[:-1]:
        raise ValueError(
            f"Cost has the rows {cost.shape[:-1]}, quality {quality.shape[:-1]}. Give one row "
            "per municipality in both, in the same order."
        )
    cost_score = _scaled_columns(cost, cost_direction)
    quality_score = _scaled_columns(quality, quality_direction)
    resource = scale(weighted_mean(cost_score, cost_weight), direction="higher")
    quality_index = scale(weighted_mean(quality_score, quality_weight), direction="higher")
    efficiency = (resource + quality_index) / 2
    return IndexResult(
        cost_score=cost_score,
        quality_score=quality_score,
        resource=resource,
        quality=quality_index,
        efficiency=efficiency,
        rka=scale(efficiency, direction="higher"),
    )


def competition_rank(score: ArrayLike, *, decimals: int = RANK_DECIMALS) -> FloatArray:
    """Rank scores as in a competition: 1, 2, 2, 4.

    Parameters
    ----------
    score : array, shape (..., n)
        Higher is better; NaN is not ranked.
    decimals : int
        Scores that agree when rounded to so many decimals share their rank. What is left after
        nine is rounding error, and must not decide who is first.

    Returns
    -------
    array, shape (..., n)
        1 is best; whole numbers as floats, NaN for those who are not ranked.
    """
    score = np.asarray(score, dtype=np.float64)
    if score.size == 0:
        return score.copy()
    downwards = -np.round(score, decimals)
    order = np.argsort(downwards, axis=-1, kind="stable")  # NaN last
    in_order = np.take_along_axis(downwards, order, axis=-1)
    is_new = np.ones(score.shape, dtype=np.bool_)
    is_new[..., 1:] = in_order[..., 1:] != in_order[..., :-1]
    place = np.arange(1, score.shape[-1] + 1)
    rank_in_order = np.maximum.accumulate(np.where(is_new, place, 0), axis=-1)
    rank = np.empty(score.shape)
    np.put_along_axis(rank, order, rank_in_order.astype(np.float64), axis=-1)
    return np.where(np.isnan(score), np.nan, rank)


def stated_direction(indicator: Indicator) -> Direction:
    """Return which is better of a scored indicator, which its file must say.

    Parameters
    ----------
    indicator : Indicator
        With the role cost or quality.

    Returns
    -------
    {"higher", "lower"}

    Raises
    ------
    ValueError
        If it has none.
    """
    if indicator.direction is None:
        raise ValueError(
            f"The indicator {indicator.name} has no direction. Say which is better in its area's "
            "file."
        )
    return indicator.direction


def area_index(arrays: AreaArrays, value: FloatArray) -> IndexResult:
    """Score values of a service area as its file says.

    Parameters
    ----------
    arrays : AreaArrays
        Whose indicators, directions and weights count.
    value : array, shape (..., n, n_indicator)
        One period's values or draws of them, indicators in the order of `arrays`.

    Returns
    -------
    IndexResult
        As `efficiency_index` gives it.

    Raises
    ------
    ValueError
        If a value is infinite.
    """
    n_cost = len(arrays.cost)
    return efficiency_index(
        value[..., :n_cost],
        value[..., n_cost:],
        cost_direction=[stated_direction(each) for each in arrays.cost],
        quality_direction=[stated_direction(each) for each in arrays.quality],
        cost_weight=[each.weight for each in arrays.cost],
        quality_weight=[each.weight for each in arrays.quality],
    )


def score_panel(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> PanelScores:
    """Score every municipality in every service area and period of a panel.

    Every cost and quality indicator of the area counts in every period: an index with fewer
    indicators in some years would be another index. Where coverage is below the area's gate
    nobody is scored, on no indicator either.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`): one row per area, period, municipality and
        indicator, also where the value is null. The order of the rows does not matter.
    areas : iterable of ServiceArea
        The definitions the panel was made from.

    Returns
    -------
    PanelScores
        `indicator_score`, one row per cost or quality value, and `index`, one row per area,
        period and municipality.

    Raises
    ------
    ValueError
        If the panel is empty, has a key twice or differs from the areas, or a value is infinite.
    """
    if panel.is_empty():
        raise ValueError("The panel is empty. Fetch and build mart.panel before scoring.")
    indicator_scores, indices = [], []
    for arrays in area_arrays(panel, areas):
        for position in range(len(arrays.periods)):
            status = period_status(arrays, position)
            value = arrays.value[position]
            if status[0] == "coverage_below_gate":
                value = np.full_like(value, np.nan)
            result = area_index(arrays, value)
            indicator_scores.append(_indicator_score_frame(arrays, position, result))
            indices.append(_index_frame(arrays, position, result, status))
    key = ["service_area", "period", "municipality"]
    return PanelScores(
        indicator_score=pl.concat(indicator_scores).sort(*key, "indicator"),
        index=pl.concat(indices).sort(key),
    )


def _percentile(in_order: FloatArray, count: NDArray[np.intp], percent: float) -> FloatArray:
    position = np.maximum(count - 1, 0) * percent / 100
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(count - 1, 0))
    low = np.take_along_axis(in_order, below, axis=-1)
    high = np.take_along_axis(in_order, above, axis=-1)
    return low + (high - low) * (position - below)


def _scaled_columns(values: FloatArray, directions: Sequence[Direction]) -> FloatArray:
    if len(directions) != values.shape[-1]:
        raise ValueError(
            f"{len(directions)} directions were given for {values.shape[-1]} indicators. "
            "Give one each."
        )
    scores = np.empty(values.shape)
    for column, direction in enumerate(directions):
        scores[..., column] = scale(values[..., column], direction=direction)
    return scores


def _key_columns(arrays: AreaArrays, position: int) -> dict[str, object]:
    return {
        "service_area": [arrays.area.name] * len(arrays.municipalities),
        "period": [arrays.periods[position]] * len(arrays.municipalities),
        "municipality": arrays.municipalities,
    }


def _indicator_score_frame(arrays: AreaArrays, position: int, result: IndexResult) -> pl.DataFrame:
    score = np.concatenate([result.cost_score, result.quality_score], axis=-1)
    frames = [
        pl.DataFrame(
            _key_columns(arrays, position)
            | {
                "indicator": [indicator.name] * len(score),
                "role": [indicator.role] * len(score),
                "score": score[:, column],
            },
            schema=INDICATOR_SCORE_SCHEMA,
        )
        for column, indicator in enumerate(arrays.cost + arrays.quality)
    ]
    return pl.concat(frames).filter(pl.col("score").is_not_nan())


def _index_frame(
    arrays: AreaArrays, position: int, result: IndexResult, status: NDArray[np.str_]
) -> pl.DataFrame:
    is_ranked: BoolArray = status == "ranked"
    rank = competition_rank(np.where(is_ranked, result.efficiency, np.nan))
    frame = pl.DataFrame(
        _key_columns(arrays, position)
        | {
            "resource_index": result.resource,
            "quality_index": result.quality,
            "efficiency_score": result.efficiency,
            "rka_index": result.rka,
            "efficiency_rank": pl.Series(rank).fill_nan(None).cast(pl.Int32),
            "n_ranked": [int(is_ranked.sum())] * len(status),
            "status": status.tolist(),
        },
        schema=INDEX_SCHEMA,
    )
    in_panel = pl.Series(arrays.in_panel[position])
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None)).filter(in_panel)
