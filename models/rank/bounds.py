"""How good and how bad a place could be, given that values are missing.

A missing value is not average, and not the worst. It could be anything within its limits, and so
the municipality could have any of several places. Others could too: the scales are percentiles of
all municipalities, and a hole in one is a doubt about the scale of everyone.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from models.areas.roles import Direction
from models.areas.service_area import ServiceArea
from models.panel import RANKED_GRADES, AreaArrays, FloatArray, area_arrays, period_status
from models.rank.score_difference import ABOVE, UNDECIDED
from models.rank.score_order import Values, certain_orders
from models.score.index import competition_rank, efficiency_index, stated_direction

Limits = Literal["plausible", "observed"]
CELLS = 32  # four times as many: bounds 1 to 11 per cent narrower, in three times the time

RANK_BOUNDS_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "rank_best": pl.Int32,
    "rank_worst": pl.Int32,
    "n_could_be_ranked": pl.Int32,
    "n_missing_own": pl.Int32,
    "status": pl.String,
}


@dataclass(frozen=True, slots=True)
class RankBounds:
    """The best and the worst rank of each, in the order the municipalities were given."""

    best: NDArray[np.int64]  # (n,), 1 is best; no filling gives a better one
    worst: NDArray[np.int64]  # (n,), at most n; no filling gives a worse one
    is_exact: bool  # nothing is missing: both are the rank


def rank_bounds(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    cost_direction: Sequence[Direction],
    quality_direction: Sequence[Direction],
    cost_weight: ArrayLike,
    quality_weight: ArrayLike,
    cost_limits: ArrayLike,
    quality_limits: ArrayLike,
    cells: int = CELLS,
) -> RankBounds:
    """Bound the rank of every municipality over all that the missing values could be.

    Whatever the missing values are within their limits: filled with them and scored by
    `models.score.index.efficiency_index`, every municipality's rank is within its bounds. The
    bounds hold for certain and are wider than they need be, the more so the more is missing: a
    municipality's best and worst case are looked for against each of the others by itself.

    Parameters
    ----------
    cost, quality : array, shape (n, n_cost) and (n, n_quality)
        As `efficiency_index` takes them; NaN is missing.
    cost_direction, quality_direction : sequence of {"higher", "lower"}
        Which is better, one per indicator.
    cost_weight, quality_weight : array, shape (n_cost,) and (n_quality,)
        Positive; only the ratios within a side matter.
    cost_limits, quality_limits : array, shape (n_cost, 2) and (n_quality, 2)
        The lowest and the highest that a missing value could be, in the indicator's unit; not
        looked at where none is missing. Values that are known may lie outside.
    cells : int
        Into how many parts to divide what the percentiles could be. More parts give narrower
        bounds and take longer; with any number they hold.

    Returns
    -------
    RankBounds
        Of all municipalities, those with missing values and those without.

    Raises
    ------
    ValueError
        If numbers of rows, directions, weights or limits do not fit; if a side has no indicator;
        if a value is infinite; if limits of an indicator with missing values are not finite and
        in order; if `cells` is below 1.

    References
    ----------
    Manski (2003), Partial Identification of Probability Distributions, on bounds instead of
    imputation where values are missing for unknown reasons.
    Moore, Kearfott and Cloud (2009), Introduction to Interval Analysis.
    """
    if cells < 1:
        raise ValueError(f"{cells} cells were asked for. Use at least 1.")
    cost = np.asarray(cost, dtype=np.float64)
    quality = np.asarray(quality, dtype=np.float64)
    # Checks shapes, directions, weights and values too.
    score = efficiency_index(
        cost,
        quality,
        cost_direction=cost_direction,
        quality_direction=quality_direction,
        cost_weight=cost_weight,
        quality_weight=quality_weight,
    ).efficiency
    if cost.ndim != 2 or not cost.shape[1] or not quality.shape[1]:
        raise ValueError(
            f"Cost has the shape {cost.shape}, quality {quality.shape}. Give one row per "
            "municipality, and at least one indicator on each side."
        )
    n_cost = cost.shape[1]
    value = np.concatenate([cost, quality], axis=1)
    limits = np.concatenate(
        [
            _checked_limits(cost, cost_limits, "cost"),
            _checked_limits(quality, quality_limits, "quality"),
        ]
    )
    is_missing = np.isnan(value)
    if not is_missing.any():
        rank = competition_rank(score).astype(np.int64)
        return RankBounds(best=rank, worst=rank.copy(), is_exact=True)
    sign = np.where(np.array([*cost_direction, *quality_direction]) == "higher", 1.0, -1.0)
    ends = np.sort(limits * sign[:, np.newaxis], axis=1)
    weights = [np.asarray(each, dtype=np.float64) for each in (cost_weight, quality_weight)]
    orders = certain_orders(
        Values(
            lowest=np.where(is_missing, ends[:, 0], value * sign),
            highest=np.where(is_missing, ends[:, 1], value * sign),
            is_missing=is_missing,
            side=np.repeat([0, 1], [n_cost, quality.shape[1]]),
            weight=np.concatenate([each / each.sum() for each in weights]),
        ),
        cells=cells,
    )
    # Who is above in every filling of a part; and who may be, less oneself.
    best = np.min([1 + np.sum(order == ABOVE, axis=0) for order in orders], axis=0)
    worst = np.max([np.sum(order == UNDECIDED, axis=1) for order in orders], axis=0)
    return RankBounds(best=best.astype(np.int64), worst=worst.astype(np.int64), is_exact=False)


def panel_rank_bounds(
    panel: pl.DataFrame, areas: Iterable[ServiceArea], *, limits: Limits, cells: int = CELLS
) -> pl.DataFrame:
    """Bound the rank of every municipality in every service area and period of a panel.

    The rank is the one that the municipality would have if all that are in the panel had all
    values. It is not the rank among those who have them now.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order.
    areas : iterable of ServiceArea
        The definitions the panel was made from.
    limits : {"plausible", "observed"}
        What a missing value could be: anything in the indicator's plausible range, as its file
        gives it, or anything between the lowest and the highest value of all municipalities and
        years in the panel. The first is safer, the second narrower.
    cells : int
        As in `rank_bounds`.

    Returns
    -------
    frame
        `mart.rank_bounds`, sorted by key. `n_missing_own` counts the scored indicators that the
        municipality lacks. `status` is "exact" (nobody lacks anything), "bounded", "no_limits"
        (an indicator with missing values has none), "no_indicators" (on one of the sides),
        "coverage_below_gate" or "not_ranked_by_grade"; only with the first two there are ranks.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, a value is infinite, `limits` is
        unknown or `cells` is below 1.
    """
    if limits not in get_args(Limits):
        raise ValueError(f"Unknown limits {limits!r}. Use one of {', '.join(get_args(Limits))}.")

    def bounded(place: tuple[AreaArrays, int]) -> pl.DataFrame:
        return _bounds_frame(*place, limits=limits, cells=cells)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        frames = list(pool.map(bounded, _places(panel, areas)))
    empty = pl.DataFrame(schema=RANK_BOUNDS_SCHEMA)
    return pl.concat([empty, *frames]).sort("service_area", "period", "municipality")


def _places(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> Iterator[tuple[AreaArrays, int]]:
    for arrays in area_arrays(panel, areas):
        for position in range(len(arrays.periods)):
            yield arrays, position


def _bounds_frame(arrays: AreaArrays, position: int, *, limits: Limits, cells: int) -> pl.DataFrame:
    is_there = arrays.in_panel[position]
    value = arrays.value[position, is_there]
    n_missing = np.isnan(value).sum(axis=1)
    status, ends = _status(arrays, position), _limits(arrays, limits)
    if status == "bounded" and np.isnan(ends[np.isnan(value).any(axis=0)]).any():
        status = "no_limits"
    ranks: dict[str, object] = {}
    if status == "bounded":
        n_cost = len(arrays.cost)
        found = rank_bounds(
            value[:, :n_cost],
            value[:, n_cost:],
            cost_direction=[stated_direction(each) for each in arrays.cost],
            quality_direction=[stated_direction(each) for each in arrays.quality],
            cost_weight=[each.weight for each in arrays.cost],
            quality_weight=[each.weight for each in arrays.quality],
            cost_limits=ends[:n_cost],
            quality_limits=ends[n_cost:],
            cells=cells,
        )
        status = "exact" if found.is_exact else "bounded"
        ranks = {"rank_best": found.best, "rank_worst": found.worst}
    rows = pl.DataFrame(
        {
            "municipality": np.array(arrays.municipalities)[is_there].tolist(),
            "n_missing_own": n_missing,
            **ranks,
        }
    )
    same = {
        "service_area": arrays.area.name,
        "period": arrays.periods[position],
        "n_could_be_ranked": int(is_there.sum()),
        "status": status,
    }
    same |= {name: None for name in RANK_BOUNDS_SCHEMA if name not in {*rows.columns, *same}}
    return rows.with_columns(pl.lit(each).alias(name) for name, each in same.items()).select(
        pl.col(name).cast(kind) for name, kind in RANK_BOUNDS_SCHEMA.items()
    )


def _status(arrays: AreaArrays, position: int) -> str:
    if not (arrays.cost and arrays.quality):
        return "no_indicators"
    if period_status(arrays, position)[0] == "coverage_below_gate":
        return "coverage_below_gate"
    return "bounded" if arrays.area.evidence_grade in RANKED_GRADES else "not_ranked_by_grade"


def _limits(arrays: AreaArrays, limits: Limits) -> FloatArray:
    """Return (n_indicator, 2) limits, NaN where there are none."""
    ends = np.full((arrays.value.shape[-1], 2), np.nan)
    for column, indicator in enumerate(arrays.cost + arrays.quality):
        known = arrays.value[..., column][~np.isnan(arrays.value[..., column])]
        if limits == "plausible":
            ends[column] = indicator.plausible or np.nan
        elif known.size:
            ends[column] = known.min(), known.max()
    return ends


def _checked_limits(value: FloatArray, limits: ArrayLike, side: str) -> FloatArray:
    limits = np.asarray(limits, dtype=np.float64)
    if limits.shape != (value.shape[1], 2):
        raise ValueError(
            f"The limits of {side} have the shape {limits.shape}. Give one row of lowest and "
            f"highest for each of the {value.shape[1]} indicators."
        )
    for column in np.flatnonzero(np.isnan(value).any(axis=0)):
        lowest, highest = limits[column]
        if not -np.inf < lowest <= highest < np.inf:
            raise ValueError(
                f"The limits of {side} indicator {column} are {lowest:g} and {highest:g}, and "
                "values are missing there. Give a finite lowest and highest, in order."
            )
    return np.where(np.isfinite(limits), limits, 0.0)
