"""How sure a rank is, and why it is not surer."""

from typing import get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.contracts.table import FIRST_PERIOD, MUNICIPALITY, NAME, ROUNDING, Table
from models.rank.error_budget import Kind, PartName


class RankInterval(Table):
    """`mart.rank_interval`: one row per ranked municipality; null where no noise is known."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    rank_low: pl.Int32 = pa.Field(ge=1, nullable=True)  # the best rank in the interval
    rank_high: pl.Int32 = pa.Field(ge=1, nullable=True)
    p_first: float = pa.Field(ge=0, le=1, nullable=True)
    p_top10: float = pa.Field(ge=0, le=1, nullable=True)
    p_top_quarter: float = pa.Field(ge=0, le=1, nullable=True)

    @pa.dataframe_check(error="an interval must be whole, in order, or not there at all")
    @classmethod
    def intervals_are_whole(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse half an interval and one that ends before it begins."""
        columns = ["rank_high", "p_first", "p_top10", "p_top_quarter"]
        has_low = pl.col("rank_low").is_not_null()
        is_whole = pl.all_horizontal(pl.col(name).is_not_null() == has_low for name in columns)
        in_order = (pl.col("rank_low") <= pl.col("rank_high")).fill_null(True)
        return data.lazyframe.select(is_whole & in_order)

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class BetterThan(Table):
    """`mart.better_than`: one row per ranked municipality and each ranked one of its peers."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer: str = pa.Field(str_matches=MUNICIPALITY)
    p_better: float = pa.Field(ge=0, le=1)  # that the municipality's true score is the higher

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "peer")


class ErrorBudget(Table):
    """`mart.error_budget`: one row per service area, period, indicator and part of its noise."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    indicator: str = pa.Field(str_matches=NAME)
    part: str = pa.Field(isin=get_args(PartName))
    kind: str = pa.Field(isin=get_args(Kind))
    sd: float = pa.Field(ge=0, nullable=True)  # in the indicator's unit; null: not known
    noise_share: float = pa.Field(ge=0, le=1 + ROUNDING, nullable=True)  # of its noise variance
    reliability: float = pa.Field(ge=0, le=1, nullable=True)  # share of its variance that is none
    n_municipality: pl.Int32 = pa.Field(ge=0)  # whose values have the part

    @pa.dataframe_check(error="a part of unknown size must have none, and any other a size")
    @classmethod
    def sizes_go_with_kind(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a size that nobody knows, and a part without one."""
        is_unknown = pl.col("kind") == "unknown"
        return data.lazyframe.select(pl.col("sd").is_null() == is_unknown)

    class Config:
        """The key."""

        unique = ("service_area", "period", "indicator", "part")
