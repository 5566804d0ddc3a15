"""What the numbers rest on: what is missing, and how much may be published."""

from typing import get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.areas.roles import Grade, Role
from models.contracts.table import FIRST_PERIOD, MUNICIPALITY, NAME, ROUNDING, Filled, Table
from models.suitability.rules import RULES, VERDICTS

RANK_BOUNDS_STATUS = (
    "exact", "bounded", "no_limits", "no_indicators", "coverage_below_gate", "not_ranked_by_grade",
)  # fmt: skip
PEER_COVERAGE_STATUS = ("shown", "own_value_missing", "too_few_peers")


class RankBounds(Table):
    """`mart.rank_bounds`: the best and the worst rank, whatever the missing values are."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    rank_best: pl.Int32 = pa.Field(ge=1, nullable=True)
    rank_worst: pl.Int32 = pa.Field(ge=1, nullable=True)
    n_could_be_ranked: pl.Int32 = pa.Field(ge=1)  # if nobody lacked anything
    n_missing_own: pl.Int32 = pa.Field(ge=0)  # scored indicators that the municipality lacks
    status: str = pa.Field(isin=RANK_BOUNDS_STATUS)

    @pa.dataframe_check(error="bounds must be there exactly when exact or bounded, and in order")
    @classmethod
    def bounds_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse half a bound, bounds without the status, and an exact rank of two numbers."""
        best, worst = pl.col("rank_best"), pl.col("rank_worst")
        has_bounds = pl.col("status").is_in(["exact", "bounded"])
        in_order = (best <= worst) & (worst <= pl.col("n_could_be_ranked"))
        is_one = (pl.col("status") != "exact") | ((best == worst) & (pl.col("n_missing_own") == 0))
        return data.lazyframe.select(
            (best.is_not_null() == has_bounds)
            & (worst.is_not_null() == has_bounds)
            & in_order.fill_null(True)
            & is_one.fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class PeerCoverage(Table):
    """`mart.peer_coverage`: how many of a municipality and its peers have all values."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    n_group: pl.Int32 = pa.Field(ge=2)  # the municipality and its peers
    n_cost: pl.Int32 = pa.Field(ge=0)
    n_complete: pl.Int32 = pa.Field(ge=0)
    status: str = pa.Field(isin=PEER_COVERAGE_STATUS)

    @pa.dataframe_check(error="who is complete has all costs, and is one of the group")
    @classmethod
    def numbers_are_nested(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse more complete ones than there can be."""
        n_cost = pl.col("n_cost")
        return data.lazyframe.select(
            (pl.col("n_complete") <= n_cost) & (n_cost <= pl.col("n_group"))
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class IndicatorAudit(Filled):
    """`mart.indicator_audit`: what an indicator rests on, and what it decides."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    indicator: str = pa.Field(str_matches=NAME)
    role: str = pa.Field(isin=get_args(Role))
    n_municipality: pl.Int32 = pa.Field(ge=0)
    n_present: pl.Int32 = pa.Field(ge=0)
    n_missing: pl.Int32 = pa.Field(ge=0)  # these five by Panel's reason
    n_no_row: pl.Int32 = pa.Field(ge=0)
    n_not_published: pl.Int32 = pa.Field(ge=0)
    n_withdrawn: pl.Int32 = pa.Field(ge=0)
    n_implausible: pl.Int32 = pa.Field(ge=0)
    n_not_in_panel: pl.Int32 = pa.Field(ge=0)  # as before the indicator's first year
    n_carried: pl.Int32 = pa.Field(ge=0)
    n_preliminary: pl.Int32 = pa.Field(ge=0)
    mean_age_years: float = pa.Field(ge=0, nullable=True)
    median_answers: float = pa.Field(nullable=True)
    declared_weight: float = pa.Field(gt=0, le=0.5 + ROUNDING, nullable=True)  # of the whole
    variance_share: float = pa.Field(nullable=True)  # may be below 0 and above 1
    correlation_ratio: float = pa.Field(ge=0, le=1 + ROUNDING, nullable=True)
    reliability: float = pa.Field(ge=0, le=1, nullable=True)

    @pa.dataframe_check(error="the municipalities must be the values and the reasons together")
    @classmethod
    def municipalities_are_accounted_for(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a missing value without a reason, or one with two."""
        parts = (
            "n_present", "n_missing", "n_no_row", "n_not_published", "n_withdrawn",
            "n_implausible", "n_not_in_panel",
        )  # fmt: skip
        return data.lazyframe.select(pl.sum_horizontal(parts) == pl.col("n_municipality"))

    class Config:
        """The key."""

        unique = ("service_area", "period", "indicator")


class Suitability(Filled):
    """`mart.suitability`: how much of an area may be published, also where nobody has a value."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    evidence_grade: str = pa.Field(isin=get_args(Grade))
    n_municipality: pl.Int32 = pa.Field(ge=0)
    n_complete: pl.Int32 = pa.Field(ge=0)
    coverage_share: float = pa.Field(ge=0, le=1, nullable=True)
    n_cost: pl.Int32 = pa.Field(ge=0)
    n_quality: pl.Int32 = pa.Field(ge=0)
    carried_share: float = pa.Field(ge=0, le=1, nullable=True)
    preliminary_share: float = pa.Field(ge=0, le=1, nullable=True)
    mean_reliability: float = pa.Field(ge=0, le=1 + ROUNDING, nullable=True)
    overlap: float = pa.Field(ge=0, le=1 + ROUNDING, nullable=True)
    overlap_first: str = pa.Field(str_matches=NAME, nullable=True)
    overlap_second: str = pa.Field(str_matches=NAME, nullable=True)
    cost_quality_correlation: float = pa.Field(ge=-1, le=1, nullable=True)
    cost_quality_low: float = pa.Field(ge=-1, le=1, nullable=True)
    cost_quality_high: float = pa.Field(ge=-1, le=1, nullable=True)
    verdict: str = pa.Field(isin=VERDICTS)
    reasons: str = pa.Field(nullable=True)  # codes with a comma between, null: none

    @pa.dataframe_check(error="a verdict below 'publish' must have a reason")
    @classmethod
    def verdicts_have_reasons(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse to hold back an area without saying why."""
        return data.lazyframe.select(
            (pl.col("verdict") == "publish") | pl.col("reasons").is_not_null()
        )

    class Config:
        """The key."""

        unique = ("service_area", "period")


class SuitabilityFinding(Table):
    """`mart.suitability_finding`: one row per area, period, reason and indicator it is about."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    reason: str = pa.Field(isin=[rule.reason for rule in RULES])
    indicator: str = pa.Field(str_matches=NAME, nullable=True)
    verdict: str = pa.Field(isin=VERDICTS)
    number: float = pa.Field(nullable=True)  # what was found
    limit: float = pa.Field(nullable=True)  # what it was measured by

    class Config:
        """The key."""

        unique = ("service_area", "period", "reason", "indicator")
