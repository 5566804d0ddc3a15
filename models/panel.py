"""The panel as arrays: what the methods compute on, one set per service area.

A panel is long (`contracts.index.Panel`): one row per service area, period, municipality and
indicator. The methods want the scored indicators side by side, with NaN for what is missing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from models.areas.service_area import Indicator, ServiceArea

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

RANKED_GRADES = ("A", "B")
KEY = ("service_area", "period", "municipality", "indicator")


@dataclass(frozen=True, slots=True)
class AreaArrays:
    """A service area's scored values; periods and municipalities are sorted, indicators are not.

    The indicators are those of the cost side, then those of the quality side, each in the order
    of the area's file.
    """

    area: ServiceArea
    periods: tuple[int, ...]
    municipalities: tuple[str, ...]
    cost: tuple[Indicator, ...]
    quality: tuple[Indicator, ...]
    value: FloatArray  # (n_period, n_municipality, n_indicator), NaN where there is none
    is_carried: BoolArray  # the same shape; a value of an earlier period
    is_preliminary: BoolArray  # the same shape; a value that its source may still revise
    margin: FloatArray  # the same shape; published margin of error of the value, NaN where none is
    n_answer: FloatArray  # the same shape; answers behind the value, NaN where no KPI tells
    in_panel: BoolArray  # (n_period, n_municipality); False: not a municipality that year


def area_arrays(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> Iterator[AreaArrays]:
    """Put a panel's cost and quality values into arrays, area by area.

    Parameters
    ----------
    panel : frame
        As `contracts.index.Panel` says, in any row order.
    areas : iterable of ServiceArea
        The definitions the panel was made from. An area that is not in the panel gives nothing.

    Yields
    ------
    AreaArrays
        In the order of the areas' names.

    Raises
    ------
    ValueError
        If a key occurs twice, or panel and areas do not describe the same indicators: scoring
        one definition's values with another's weights would go unseen.
    """
    areas = sorted(areas, key=lambda area: area.name)
    _check_keys(panel)
    _check_definitions(panel, areas)
    for area in areas:
        rows = panel.filter(pl.col("service_area") == area.name)
        if not rows.is_empty():
            yield _arrays(rows, area)


def period_status(arrays: AreaArrays, position: int) -> NDArray[np.str_]:
    """Say who is ranked in one period, and of the others why not.

    Parameters
    ----------
    arrays : AreaArrays
        A service area.
    position : int
        Of the period in `arrays.periods`.

    Returns
    -------
    array of str, shape (n,)
        "ranked", "missing_cost", "missing_quality", "missing_cost_and_quality",
        "coverage_below_gate" (for all, where fewer than the area's `minimum_share` of the
        municipalities are complete) or "not_ranked_by_grade" (complete, in an area of grade C
        or D).
    """
    n_cost = len(arrays.cost)
    has_value = ~np.isnan(arrays.value[position])
    has_cost = has_value[:, :n_cost].all(axis=1)
    has_quality = has_value[:, n_cost:].all(axis=1)
    in_panel = arrays.in_panel[position]
    share = np.sum(has_cost & has_quality & in_panel) / np.sum(in_panel)
    if share < arrays.area.minimum_share:
        return np.full(in_panel.shape, "coverage_below_gate")
    is_ranked = arrays.area.evidence_grade in RANKED_GRADES
    return np.select(
        [has_cost & has_quality, has_quality, has_cost],
        ["ranked" if is_ranked else "not_ranked_by_grade", "missing_cost", "missing_quality"],
        default="missing_cost_and_quality",
    )


def _arrays(rows: pl.DataFrame, area: ServiceArea) -> AreaArrays:
    cost, quality = area.with_role("cost"), area.with_role("quality")
    column = {indicator.name: position for position, indicator in enumerate(cost + quality)}
    rows = rows.with_columns(
        pl.col("period").rank("dense").sub(1).cast(pl.Int64).alias("p"),
        pl.col("municipality").rank("dense").sub(1).cast(pl.Int64).alias("m"),
    )
    periods = tuple(rows["period"].unique().sort().to_list())
    municipalities = tuple(rows["municipality"].unique().sort().to_list())

    in_panel = np.zeros((len(periods), len(municipalities)), dtype=np.bool_)
    in_panel[rows["p"].to_numpy(), rows["m"].to_numpy()] = True

    shape = (*in_panel.shape, len(column))
    value, is_carried = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
    is_preliminary = np.zeros(shape, dtype=np.bool_)
    scored = rows.filter(pl.col("indicator").is_in(list(column)))
    place = _place(scored, column)
    value[place] = _numbers(scored)
    is_carried[place] = scored["is_carried"].fill_null(False).to_numpy()
    is_preliminary[place] = scored["is_preliminary"].fill_null(False).to_numpy()
    return AreaArrays(
        area=area,
        periods=periods,
        municipalities=municipalities,
        cost=cost,
        quality=quality,
        value=value,
        is_carried=is_carried & ~np.isnan(value),
        is_preliminary=is_preliminary & ~np.isnan(value),
        margin=_beside(rows, shape, [each.margin for each in cost + quality]),
        n_answer=_beside(rows, shape, [each.answers for each in cost + quality]),
        in_panel=in_panel,
    )


def _beside(
    rows: pl.DataFrame, shape: tuple[int, int, int], names: Sequence[str | None]
) -> FloatArray:
    """Put the values of other indicators in the columns of those that they tell of."""
    beside = np.full(shape, np.nan)
    for column, name in enumerate(names):
        if name is not None:
            told = rows.filter(pl.col("indicator") == name)
            beside[_place(told, {name: column})] = _numbers(told)
    return beside


def _place(
    rows: pl.DataFrame, column: Mapping[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    return (
        rows["p"].to_numpy(),
        rows["m"].to_numpy(),
        rows["indicator"].replace_strict(column, return_dtype=pl.Int64).to_numpy(),
    )


def _numbers(rows: pl.DataFrame) -> FloatArray:
    return rows["value"].cast(pl.Float64).fill_null(np.nan).to_numpy()


def _check_keys(panel: pl.DataFrame) -> None:
    twice = panel.filter(pl.struct(KEY).is_duplicated()).select(KEY).unique().sort(KEY)
    if not twice.is_empty():
        first = "; ".join(" ".join(map(str, row)) for row in twice.head(5).iter_rows())
        raise ValueError(
            f"The panel has {twice.height} keys more than once, the first are: {first}. Keep one "
            "row per service area, period, municipality and indicator."
        )


def _check_definitions(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> None:
    known = {area.name: area for area in areas}
    columns = ("service_area", "indicator", "kpi", "role", "direction", "weight")
    found: dict[str, set[tuple[object, ...]]] = {}
    for row in panel.select(columns).unique().iter_rows():
        found.setdefault(row[0], set()).add(row[1:])
    faults = []
    for name, definitions in sorted(found.items()):
        if name not in known:
            faults.append(f"{name}: no such service area")
            continue
        expected = {
            (each.name, each.kpi, each.role, each.direction, each.weight)
            for each in known[name].indicators
        }
        for definition in sorted(definitions ^ expected, key=str):
            where = "only in the panel" if definition in definitions else "only in the area"
            faults.append(f"{name}: {' '.join(map(str, definition))} is {where}")
    if faults:
        raise ValueError(
            f"Panel and service areas differ in {len(faults)} definitions (indicator, KPI, role, "
            f"direction, weight): {'; '.join(faults[:5])}. Build mart.panel again from these "
            "areas, or pass the areas it was built from."
        )
