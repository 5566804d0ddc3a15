"""What the frontier methods say of every municipality."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.contracts.table import FIRST_PERIOD, MUNICIPALITY, NAME, ROUNDING, STATUS, Filled, Table

FRONTIER_STATUS = ("scored", *STATUS[1:], "no_quantity", "all_efficient")
MALMQUIST_STATUS = ("scored", "no_pair", "infeasible")


class DeaScore(Filled):
    """`mart.dea_score`: one row per service area, period and municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    score: float = pa.Field(gt=0, le=1, nullable=True)
    is_efficient: bool = pa.Field(nullable=True)
    bias_corrected: float = pa.Field(gt=0, le=1, nullable=True)
    score_low: float = pa.Field(gt=0, le=1, nullable=True)
    score_high: float = pa.Field(gt=0, le=1, nullable=True)
    n_scored: pl.Int32 = pa.Field(ge=0)
    status: str = pa.Field(isin=FRONTIER_STATUS)

    @pa.dataframe_check(error="all numbers must be there exactly when status is 'scored'")
    @classmethod
    def numbers_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a score without its correction and interval, and a status without the score."""
        columns = ("score", "is_efficient", "bias_corrected", "score_low", "score_high")
        is_scored = pl.col("status") == "scored"
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_scored for name in columns)
        )

    @pa.dataframe_check(error="the interval must be in order and not above the score")
    @classmethod
    def intervals_are_in_order(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse an interval that the uncorrected score does not bound."""
        low, high = pl.col("score_low"), pl.col("score_high")
        return data.lazyframe.select(
            ((low <= high) & (high <= pl.col("score") + ROUNDING)).fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class DeaPeer(Table):
    """`mart.dea_peer`: one row per municipality and each of those that span its target."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer: str = pa.Field(str_matches=MUNICIPALITY)
    intensity: float = pa.Field(gt=0)

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "peer")


class OrderMScore(Filled):
    """`mart.order_m_score`: one row per service area, period and municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    m: pl.Int32 = pa.Field(ge=1)  # municipalities drawn, to be the best of
    score: float = pa.Field(gt=0, nullable=True)  # above 1: better than the best of m, on average
    status: str = pa.Field(isin=FRONTIER_STATUS)

    @pa.dataframe_check(error="the score must be there exactly when status is 'scored'")
    @classmethod
    def score_goes_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a score without the status, and a status without the score."""
        is_scored = pl.col("status") == "scored"
        return data.lazyframe.select(pl.col("score").is_not_null() == is_scored)

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class Malmquist(Table):
    """`mart.malmquist`: one row per service area, pair of periods and municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)  # the later of the pair
    period_before: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    malmquist: float = pa.Field(gt=0, nullable=True)  # above 1 is progress, here and below
    malmquist_low: float = pa.Field(gt=0, nullable=True)
    malmquist_high: float = pa.Field(gt=0, nullable=True)
    efficiency_change: float = pa.Field(gt=0, nullable=True)
    technical_change: float = pa.Field(gt=0, nullable=True)
    status: str = pa.Field(isin=MALMQUIST_STATUS)

    @pa.dataframe_check(error="the index and its parts must be there exactly when scored")
    @classmethod
    def numbers_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse an index without its parts, and a status without the index."""
        columns = ("malmquist", "efficiency_change", "technical_change")
        is_scored = pl.col("status") == "scored"
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_scored for name in columns)
        )

    @pa.dataframe_check(error="the index must be the product of its parts")
    @classmethod
    def parts_make_the_whole(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse parts that explain something else."""
        product = pl.col("efficiency_change") * pl.col("technical_change")
        return data.lazyframe.select(
            ((product / pl.col("malmquist") - 1).abs() <= ROUNDING).fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")
