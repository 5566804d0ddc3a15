"""The panel, and every score and rank made of it by an index."""

from typing import get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.areas.roles import SCORED_ROLES, Direction, Role
from models.contracts.table import FIRST_PERIOD, KPI, MUNICIPALITY, NAME, STATUS, Filled, Table


class Panel(Filled):
    """`mart.panel`: one row per service area, period, municipality and indicator.

    Every municipality has every indicator of the area; the value is null where there is none,
    and then `reason` says why.
    """

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI, nullable=True)  # null: computed from others
    role: str = pa.Field(isin=get_args(Role))
    direction: str = pa.Field(isin=get_args(Direction), nullable=True)
    weight: float = pa.Field(gt=0)
    value: float = pa.Field(nullable=True)  # in the unit of its KPI
    value_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)  # what the value is about
    is_carried: bool
    is_preliminary: bool
    reason: str = pa.Field(nullable=True)  # why there is no value

    @pa.dataframe_check(error="a row must have either a value and its period, or a reason")
    @classmethod
    def value_or_reason(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a missing value without a reason, and a reason beside a value."""
        has_value = pl.col("value").is_not_null()
        return data.lazyframe.select(
            (has_value == pl.col("reason").is_null())
            & (has_value == pl.col("value_period").is_not_null())
        )

    @pa.dataframe_check(error="is_carried must say whether value_period is before period")
    @classmethod
    def carried_values_are_older(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a value of another year that is not marked, and a mark without one."""
        is_older = pl.col("value_period") < pl.col("period")
        is_newer = pl.col("value_period") > pl.col("period")
        return data.lazyframe.select(
            (is_older.fill_null(False) == pl.col("is_carried")) & ~is_newer.fill_null(False)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "indicator")


class IndicatorScore(Table):
    """`mart.indicator_score`: one row per scored cost or quality value, 100 best."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    role: str = pa.Field(isin=SCORED_ROLES)
    score: float = pa.Field(ge=0, le=100)

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "indicator")


class Ranked(Filled):
    """The columns and checks that `Index` and `Efficiency` share."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    resource_index: float = pa.Field(ge=0, le=100, nullable=True)
    quality_index: float = pa.Field(ge=0, le=100, nullable=True)
    efficiency_score: float = pa.Field(ge=0, le=100, nullable=True)
    rka_index: float = pa.Field(ge=0, le=100, nullable=True)
    efficiency_rank: pl.Int32 = pa.Field(ge=1, nullable=True)
    n_ranked: pl.Int32 = pa.Field(ge=0)
    status: str = pa.Field(isin=STATUS)

    @pa.dataframe_check(error="efficiency_rank must be null exactly when status is not 'ranked'")
    @classmethod
    def rank_goes_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a rank without the status, a status without the rank, a rank beyond the last."""
        rank = pl.col("efficiency_rank")
        return data.lazyframe.select(
            (rank.is_not_null() == (pl.col("status") == "ranked"))
            & (rank <= pl.col("n_ranked")).fill_null(True)
        )

    @pa.dataframe_check(error="who is ranked must have all four numbers")
    @classmethod
    def ranked_rows_have_numbers(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a rank whose score cannot be shown."""
        numbers = pl.col("resource_index", "quality_index", "efficiency_score", "rka_index")
        return data.lazyframe.select(
            pl.all_horizontal(numbers.is_not_null()) | (pl.col("status") != "ranked")
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class Index(Ranked):
    """`mart.index`: one row per service area, period and municipality."""


class Efficiency(Ranked):
    """`mart.efficiency`: `mart.index` with the municipality's name and its peers' mean."""

    municipality_title: str
    peer_mean: float = pa.Field(ge=0, le=100, nullable=True)  # of the peers' efficiency scores


class IndexAlternative(Table):
    """`mart.index_alternative`: the score by other recipes, a row as in `mart.index`."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    base_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)  # whose scale is kept
    fixed_base_score: float = pa.Field(ge=0, le=100, nullable=True)
    geometric_score: float = pa.Field(ge=0, le=100, nullable=True)

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")
