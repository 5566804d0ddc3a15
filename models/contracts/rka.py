"""RKA's indices computed again, and what they rest on."""

from typing import get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.contracts.table import (
    FIRST_PERIOD,
    KPI,
    MUNICIPALITY,
    NAME,
    ROUNDING,
    Filled,
    Table,
)
from models.rka.index import INNER, PERCENTILES, ROUNDINGS
from models.rka.recipe import Flag
from models.rka.series import INDICES, REASONS, SOURCES, STATUSES


class RkaMirrorRow(Table):
    """`mart.rka_mirror`: one row per area, index, source, period and municipality with a number."""

    service_area: str = pa.Field(str_matches=NAME)
    index: str = pa.Field(isin=INDICES)
    source: str = pa.Field(isin=SOURCES)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    kpi: str = pa.Field(str_matches=KPI)
    published: float = pa.Field(ge=0, le=100, nullable=True)
    recomputed: float = pa.Field(ge=0, le=100, nullable=True)
    difference: float = pa.Field(nullable=True)  # recomputed less published, index points
    is_carried: bool
    reason: str = pa.Field(isin=REASONS, nullable=True)  # null: no difference worth a row

    @pa.dataframe_check(error="the difference must be that of the two numbers")
    @classmethod
    def difference_is_one(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a difference that is not one, and a row without any number."""
        both = pl.col("recomputed") - pl.col("published")
        is_one = ((pl.col("difference") - both).abs() <= ROUNDING).fill_null(True)
        has_any = pl.col("published").is_not_null() | pl.col("recomputed").is_not_null()
        return data.lazyframe.select(
            is_one & has_any & (both.is_null() == pl.col("difference").is_null())
        )

    class Config:
        """The key."""

        unique = ("service_area", "index", "source", "period", "municipality")


class RkaComparison(Table):
    """`mart.rka_comparison`: one row per area, index, source and period with any number."""

    service_area: str = pa.Field(str_matches=NAME)
    index: str = pa.Field(isin=INDICES)
    source: str = pa.Field(isin=SOURCES)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    kpi: str = pa.Field(str_matches=KPI)
    status: str = pa.Field(isin=STATUSES)
    is_break: bool  # not comparable with the period before
    n_published: pl.Int32 = pa.Field(ge=0)
    n_recomputed: pl.Int32 = pa.Field(ge=0)
    n_compared: pl.Int32 = pa.Field(ge=0)
    n_carried: pl.Int32 = pa.Field(ge=0)
    max_abs_error: float = pa.Field(ge=0, le=100, nullable=True)  # index points, here and below
    mean_abs_error: float = pa.Field(ge=0, le=100, nullable=True)
    rank_correlation: float = pa.Field(ge=-1 - ROUNDING, le=1 + ROUNDING, nullable=True)
    rounding_allowance: float = pa.Field(ge=0, nullable=True)
    n_beyond_rounding: pl.Int32 = pa.Field(ge=0, nullable=True)
    n_top_published: pl.Int32 = pa.Field(ge=0)  # at 100
    n_top_recomputed: pl.Int32 = pa.Field(ge=0)

    @pa.dataframe_check(error="errors must be there exactly when status is 'compared'")
    @classmethod
    def errors_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse errors of nothing, and a comparison without them."""
        is_compared = pl.col("status") == "compared"
        names = ("max_abs_error", "mean_abs_error", "rounding_allowance", "n_beyond_rounding")
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_compared for name in names)
        )

    class Config:
        """The key."""

        unique = ("service_area", "index", "source", "period")


class RkaVariant(Table):
    """`mart.rka_variant`: one row per area, index, source and way of computing, over all years."""

    service_area: str = pa.Field(str_matches=NAME)
    index: str = pa.Field(isin=INDICES)
    source: str = pa.Field(isin=SOURCES)
    percentile: str = pa.Field(isin=PERCENTILES)
    inner: str = pa.Field(isin=INNER)
    rounding: str = pa.Field(isin=ROUNDINGS)
    n_period: pl.Int32 = pa.Field(ge=1)
    n_compared: pl.Int32 = pa.Field(ge=1)
    max_abs_error: float = pa.Field(ge=0, le=100)
    mean_abs_error: float = pa.Field(ge=0, le=100)
    is_chosen: bool

    class Config:
        """The key."""

        unique = ("service_area", "index", "source", "percentile", "inner", "rounding")


class RkaDefinition(Filled):
    """`mart.rka_definition`: one row per area, index and KPI that it rests on."""

    service_area: str = pa.Field(str_matches=NAME)
    index: str = pa.Field(isin=INDICES)
    part: str = pa.Field(isin=("index", "component"))
    kpi: str = pa.Field(str_matches=KPI)
    title: str  # of the recipe
    title_now: str = pa.Field(nullable=True)  # null where the catalogue has it no more
    flag: str = pa.Field(isin=get_args(Flag))

    class Config:
        """The key."""

        unique = ("service_area", "index", "kpi")
