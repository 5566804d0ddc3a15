"""Values of components as RKA's indices use them: with those of another year where it says so."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from models.panel import BoolArray, FloatArray
from models.rka.recipe import Component, IndexRecipe

SideStatus = Literal["usable", "no_values", "no_recipe"]
COLUMNS = ("kpi", "municipality", "period", "value")
KEY = ("kpi", "period", "municipality")
FIRST_MUNICIPALITY = "0100"  # below it Kolada has Riket (0000) and the regions


@dataclass(frozen=True, slots=True)
class KpiValues:
    """Published values by KPI; periods and municipalities are sorted."""

    periods: tuple[int, ...]
    municipalities: tuple[str, ...]
    of_kpi: dict[str, FloatArray]  # (n_period, n_municipality), NaN where there is none

    def at(self, kpi: str, period: int) -> FloatArray:
        """Return a KPI's values of one period, (n_municipality,), all NaN where there are none."""
        if kpi in self.of_kpi and period in self.periods:
            found: FloatArray = self.of_kpi[kpi][self.periods.index(period)]
            return found
        return np.full(len(self.municipalities), np.nan)


@dataclass(frozen=True, slots=True)
class SideValues:
    """What an index of resources or quality is made of in one period."""

    value: FloatArray  # (n_municipality, n_component), NaN is missing
    is_carried: BoolArray  # the same shape; the value is another year's
    status: SideStatus  # "no_recipe": a component has ended, and what replaced it is not known


def kpi_values(observations: pl.DataFrame, kpis: Collection[str]) -> KpiValues:
    """Put the observations of some KPIs into arrays.

    Parameters
    ----------
    observations : frame with the columns kpi, municipality, period, value
        Of municipalities only; where there is a column gender, only T counts. Null is missing.
    kpis : collection of str
        Those wanted.

    Returns
    -------
    KpiValues
        Of the KPIs that are there.

    Raises
    ------
    ValueError
        If a column is missing, a key occurs twice, a value is not finite, or a row is of Riket, a
        region or a group, whose values would move the percentiles.
    """
    lacking = [name for name in COLUMNS if name not in observations.columns]
    if lacking:
        raise ValueError(
            f"The observations have no column {', '.join(lacking)}. Give {', '.join(COLUMNS)}."
        )
    rows = observations.filter(pl.col("kpi").is_in(list(kpis)), pl.col("value").is_not_null())
    if "gender" in rows.columns:
        rows = rows.filter(pl.col("gender") == "T")
    rows = rows.select(COLUMNS).sort(KEY)
    is_municipality = pl.col("municipality").str.contains(r"^\d{4}$") & (
        pl.col("municipality") >= FIRST_MUNICIPALITY
    )
    _refuse(
        rows.filter(~is_municipality),
        "of no municipality",
        "Leave out Riket, regions and groups: they would move the percentiles.",
    )
    _refuse(rows.filter(~pl.col("value").is_finite()), "not finite", "Set them aside first.")
    _refuse(
        rows.filter(pl.struct(KEY).is_duplicated()), "there more than once", "Keep one of each key."
    )
    periods = tuple(rows["period"].unique().sort().to_list())
    municipalities = tuple(rows["municipality"].unique().sort().to_list())
    of_kpi = {}
    for (kpi,), part in rows.partition_by("kpi", as_dict=True, maintain_order=True).items():
        array = np.full((len(periods), len(municipalities)), np.nan)
        array[
            np.searchsorted(periods, part["period"].to_numpy()),
            np.searchsorted(municipalities, part["municipality"].to_list()),
        ] = part["value"].cast(pl.Float64).to_numpy()
        of_kpi[str(kpi)] = array
    return KpiValues(periods, municipalities, of_kpi)


def side_values(values: KpiValues, recipe: IndexRecipe, period: int) -> SideValues:
    """Collect the components of an index in one period, filled as the index fills them.

    "year_before" lends a municipality without a value its own of the year before, component by
    component. "adjacent_year" lends everybody another year's value where nobody has one, because
    the component was not collected: the year that the recipe names, else the year before, else
    the year after.

    Parameters
    ----------
    values : KpiValues
        Published values.
    recipe : IndexRecipe
        Which components, and what is done where one is missing.
    period : int
        The year of the index.

    Returns
    -------
    SideValues
        With the status "no_values" where some component has no value for anybody.
    """
    found = [_filled(values, each, recipe, period) for each in recipe.components]
    value, is_carried = (np.stack(each, axis=-1) for each in zip(*found, strict=True))
    is_there = ~np.isnan(value)
    status: SideStatus = "usable" if is_there.any(axis=0).all() else "no_values"
    last = min((each.last_period for each in recipe.components if each.last_period), default=period)
    if period > last and not (recipe.missing == "adjacent_year" and status == "usable"):
        status = "no_recipe"
    return SideValues(value, is_carried & is_there, status)


def _filled(
    values: KpiValues, component: Component, recipe: IndexRecipe, period: int
) -> tuple[FloatArray, BoolArray]:
    own = values.at(component.kpi, period)
    is_missing = np.isnan(own)
    if recipe.missing == "year_before":
        return np.where(is_missing, values.at(component.kpi, period - 1), own), is_missing
    if recipe.missing == "adjacent_year" and is_missing.all():
        named = dict(component.donors).get(period)
        for year in (period - 1, period + 1) if named is None else (named,):
            lent = values.at(component.kpi, year)
            if not np.isnan(lent).all():
                return lent, is_missing
    return own, np.zeros_like(is_missing)


def _refuse(rows: pl.DataFrame, what: str, remedy: str) -> None:
    if not rows.is_empty():
        first = "; ".join(" ".join(map(str, row)) for row in rows.head(5).iter_rows())
        raise ValueError(
            f"{rows.height} observations are {what} (KPI, municipality, period, value): {first}. "
            f"{remedy}"
        )
