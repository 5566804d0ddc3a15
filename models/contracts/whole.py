"""The whole municipality by its goals, and whether a change is a gain or a cut."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.change.gender_gap import GAP_LABELS
from models.change.guardrail import LABELS
from models.change.label import REASONS
from models.contracts.table import FIRST_PERIOD, KPI, MUNICIPALITY, NAME, ROUNDING, Table
from models.goals.whole_municipality import STATUS as WHOLE_STATUS


class GoalScore(Table):
    """`mart.goal_score`: one row per goal, period and municipality."""

    goal: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    score: float = pa.Field(ge=0, le=100 + ROUNDING, nullable=True)
    rank: pl.Int32 = pa.Field(ge=1, nullable=True)
    rank_low: pl.Int32 = pa.Field(ge=1, nullable=True)  # null where no noise is known
    rank_high: pl.Int32 = pa.Field(ge=1, nullable=True)
    n_ranked: pl.Int32 = pa.Field(ge=0)
    weight_share: float = pa.Field(ge=0, le=1 + ROUNDING)  # of the weight that is there
    n_component: pl.Int32 = pa.Field(ge=0)
    spread: float = pa.Field(ge=0, nullable=True)  # weighted sd of the parts
    lowest_component: str = pa.Field(str_matches=NAME, nullable=True)
    lowest_score: float = pa.Field(ge=0, le=100, nullable=True)
    highest_component: str = pa.Field(str_matches=NAME, nullable=True)
    highest_score: float = pa.Field(ge=0, le=100, nullable=True)
    possible_low: float = pa.Field(ge=0, le=100 + ROUNDING, nullable=True)
    possible_high: float = pa.Field(ge=0, le=100 + ROUNDING, nullable=True)
    status: str = pa.Field(isin=WHOLE_STATUS)
    standing: str = pa.Field(isin=("decided", "proposal"))

    @pa.dataframe_check(error="score, rank, spread and bounds must be there exactly when ranked")
    @classmethod
    def numbers_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a score without its rank, spread, ends and bounds, and a status without them."""
        columns = (
            "score", "rank", "spread", "lowest_component", "lowest_score", "highest_component",
            "highest_score", "possible_low", "possible_high",
        )  # fmt: skip
        is_ranked = pl.col("status") == "ranked"
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_ranked for name in columns)
        )

    @pa.dataframe_check(error="an interval must be whole and in order, and the bounds in order")
    @classmethod
    def intervals_are_in_order(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse half an interval, one that ends before it begins, and a score out of bounds."""
        low, high = pl.col("rank_low"), pl.col("rank_high")
        score = pl.col("score")
        return data.lazyframe.select(
            (low.is_null() == high.is_null())
            & (low <= high).fill_null(True)
            & (pl.col("possible_low") <= score + ROUNDING).fill_null(True)
            & (score <= pl.col("possible_high") + ROUNDING).fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("goal", "period", "municipality")


class GoalComponent(Table):
    """`mart.goal_component`: one row per part of a municipality's score that is there."""

    goal: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    component: str = pa.Field(str_matches=NAME)
    part: str = pa.Field(isin=("score", "gap", "lowest_group"))
    value: float  # an area's efficiency score, a KPI's value, or a gap or level in its unit
    score: float = pa.Field(ge=0, le=100)
    weight: float = pa.Field(gt=0, le=1 + ROUNDING, nullable=True)  # null: not scored
    contribution: float = pa.Field(ge=0, le=100 + ROUNDING, nullable=True)

    @pa.dataframe_check(error="a contribution must be the weight times the score")
    @classmethod
    def contributions_add_up(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a contribution that explains something else."""
        product = pl.col("weight") * pl.col("score")
        contribution = pl.col("contribution")
        return data.lazyframe.select(
            (contribution.is_null() == pl.col("weight").is_null())
            & ((contribution - product).abs() <= ROUNDING).fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("goal", "period", "municipality", "component", "part")


class GoalBeside(Table):
    """`mart.goal_beside`: one row per value that is shown beside a goal's score."""

    goal: str = pa.Field(str_matches=NAME)
    panel: str = pa.Field(str_matches=NAME)
    name: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    value: float  # in the unit of its KPI

    class Config:
        """The key."""

        unique = ("goal", "kpi", "period", "municipality")


class ChangeLabel(Table):
    """`mart.change_label`: one row per service area, pair of periods and municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period_before: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    cost_change: float = pa.Field(nullable=True)  # above 0 dearer, points of the base scale
    cost_z: float = pa.Field(ge=-30, le=30, nullable=True)  # in sd of such a change
    quality_change: float = pa.Field(nullable=True)  # above 0 better
    quality_z: float = pa.Field(ge=-30, le=30, nullable=True)
    n_guardrail: pl.Int32 = pa.Field(ge=0)
    n_guardrail_known: pl.Int32 = pa.Field(ge=0)
    n_guardrail_worse: pl.Int32 = pa.Field(ge=0)
    score_change: float = pa.Field(nullable=True)  # the mean of both sides
    guarded_change: float = pa.Field(nullable=True)  # at most 0 for a possible cut
    label: str = pa.Field(isin=LABELS)
    reason: str = pa.Field(isin=REASONS, nullable=True)

    @pa.dataframe_check(error="there must be a reason exactly when there is no data")
    @classmethod
    def reasons_go_with_no_data(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a label without its two changes, and a missing one without its reason."""
        is_told = pl.col("label") != "no_data"
        has_both = pl.col("cost_z").is_not_null() & pl.col("quality_z").is_not_null()
        return data.lazyframe.select(
            (pl.col("reason").is_null() == is_told) & (has_both == is_told)
        )

    @pa.dataframe_check(error="a possible cut must not rise, nor be called anything else")
    @classmethod
    def cuts_do_not_rise(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a rise by a cut, and efficiency beside a guardrail that is worse."""
        is_cut = pl.col("label") == "possible_cut"
        is_gain = pl.col("label") == "efficiency_gain"
        return data.lazyframe.select(
            ~(is_cut & (pl.col("guarded_change") > 0)).fill_null(False)
            & ~(is_gain & (pl.col("n_guardrail_worse") > 0))
        )

    class Config:
        """The key."""

        unique = ("service_area", "period_before", "period", "municipality")


class GuardrailChange(Table):
    """`mart.guardrail_change`: one row per guardrail, pair of periods and municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period_before: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    value_before: float = pa.Field(nullable=True)  # in the indicator's unit
    value: float = pa.Field(nullable=True)
    z: float = pa.Field(ge=-30, le=30, nullable=True)  # above 0 better
    is_worse: bool = pa.Field(nullable=True)

    class Config:
        """The key."""

        unique = ("service_area", "period_before", "period", "municipality", "indicator")


class GenderGapChange(Table):
    """`mart.gender_gap_change`: one row per quality indicator, pair of periods, municipality."""

    service_area: str = pa.Field(str_matches=NAME)
    period_before: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    gap_before: float = pa.Field(ge=0, nullable=True)  # in the indicator's unit
    gap: float = pa.Field(ge=0, nullable=True)
    z: float = pa.Field(ge=-30, le=30, nullable=True)  # above 0 wider
    label: str = pa.Field(isin=GAP_LABELS)

    class Config:
        """The key."""

        unique = ("service_area", "period_before", "period", "municipality", "indicator")
