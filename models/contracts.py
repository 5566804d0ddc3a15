"""The schema of the panel, of the service areas' tables and of every result of the methods.

Strict and nothing coerced: a column too many, another type or a key that occurs twice is a
failure, and all failures are reported at once with `validate(frame, lazy=True)`. Only frames are
validated: of a LazyFrame pandera would look at the types and at no value.
"""

from typing import Annotated, Any, get_args

import pandera.polars as pa
import polars as pl
import polars.selectors as cs
from pandera.api.polars.types import PolarsData

from models.area_file import AREA_REGI, INDICATOR_REGI, SCORED_ROLES, Direction, Grade, Role
from models.error_budget import Kind, PartName
from models.frontier.technology import ORIENTATIONS, RETURNS

FIRST_PERIOD = 1990  # Kolada has nothing older than its own beginnings
MUNICIPALITY = r"^\d{4}$"
KPI = r"^[NU]\d{5}$"
NAME = r"^[a-z][a-z0-9_]*$"
STATUS = (
    "ranked",
    "missing_cost",
    "missing_quality",
    "missing_cost_and_quality",
    "coverage_below_gate",
    "not_ranked_by_grade",
)
ROUNDING = 1e-9  # of what is computed in two ways
FRONTIER_STATUS = ("scored", *STATUS[1:], "no_quantity", "all_efficient")
MALMQUIST_STATUS = ("scored", "no_pair", "infeasible")

REVISION_KINDS = ("new", "changed", "struck", "restored", "status_changed")
DEFINITION_KINDS = (
    "kpi_new", "kpi_gone", "retitled", "ended", "redefined", "gender_division", "publication_date",
    "other_field", "group_new", "group_gone", "group_retitled", "group_members",
    "municipality_new", "municipality_gone", "municipality_retitled",
)  # fmt: skip
Time = Annotated[pl.Datetime, "us", "UTC"]


class Table(pa.DataFrameModel):
    """What every table has in common."""

    @classmethod
    def validate(cls, check_obj: pl.DataFrame, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
        """Check a frame and return it; `lazy=True` reports all failures at once.

        Raises
        ------
        TypeError
            If it is a LazyFrame, whose values pandera would not look at.
        """
        if not isinstance(check_obj, pl.DataFrame):
            raise TypeError(
                f"{cls.__name__} was given a {type(check_obj).__name__}, of which no value would "
                "be checked. Collect it first."
            )
        return super().validate(check_obj, *args, **kwargs)

    @pa.dataframe_check(error="a number is NaN or infinite; a missing number must be null")
    @classmethod
    def numbers_are_finite(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse NaN, which no bound refuses, and infinity; null is another matter."""
        return data.lazyframe.select(pl.all_horizontal(cs.float().is_finite().fill_null(True)))

    class Config:
        """Nothing but the columns named."""

        strict = True


class Filled(Table):
    """A table that is a failure when it is empty."""

    @pa.dataframe_check(error="the table is empty")
    @classmethod
    def has_rows(cls, data: PolarsData) -> bool:
        """Refuse an empty table."""
        return bool(data.lazyframe.select(pl.len() > 0).collect().item())


class ServiceAreaTable(Filled):
    """`staging.service_area`: one row per service area."""

    service_area: str = pa.Field(str_matches=NAME, unique=True)
    title: str
    first_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    last_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)
    statutory: bool
    regi: str = pa.Field(isin=AREA_REGI)
    peer_group: str
    evidence_grade: str = pa.Field(isin=get_args(Grade))
    evidence_reason: str
    minimum_share: float = pa.Field(gt=0, le=1)
    orientation: str = pa.Field(isin=ORIENTATIONS)
    rts: str = pa.Field(isin=RETURNS)
    decision: str = pa.Field(nullable=True)


class IndicatorTable(Filled):
    """`staging.indicator`: one row per service area and indicator."""

    service_area: str = pa.Field(str_matches=NAME)
    indicator: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI)
    title: str
    label: str
    unit: str
    role: str = pa.Field(isin=get_args(Role))
    direction: str = pa.Field(isin=get_args(Direction), nullable=True)
    weight: float = pa.Field(gt=0)
    regi: str = pa.Field(isin=INDICATOR_REGI)
    carry_forward: pl.Int32 = pa.Field(isin=(0, 1))
    unit_data: bool
    first_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    plausible_min: float = pa.Field(nullable=True)
    plausible_max: float = pa.Field(nullable=True)
    zero: float = pa.Field(nullable=True)
    margin: str = pa.Field(str_matches=NAME, nullable=True)
    answers: str = pa.Field(str_matches=NAME, nullable=True)
    assumed_sd: float = pa.Field(gt=0, nullable=True)
    assumed_sd_reason: str = pa.Field(nullable=True)
    why: str
    source: str

    class Config:
        """A KPI has one part in an area."""

        unique = ("service_area", "indicator")


class Panel(Filled):
    """`mart.panel`: one row per service area, period, municipality and indicator.

    Every municipality has every indicator of the area; the value is null where there is none,
    and then `reason` says why.
    """

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI)
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


class Revision(Table):
    """`mart.revision`: one row per value that Kolada has changed between two moments."""

    kpi: str = pa.Field(str_matches=KPI)
    kpi_title: str = pa.Field(nullable=True)  # null where the catalogue was never read
    municipality: str  # a group's id where groups are read
    municipality_title: str
    municipality_type: str = pa.Field(isin=("K", "L"), nullable=True)
    period: pl.Int32
    gender: str = pa.Field(isin=("T", "K", "M"))
    kind: str = pa.Field(isin=REVISION_KINDS)
    before_value: float = pa.Field(nullable=True)  # in the unit of the KPI
    after_value: float = pa.Field(nullable=True)
    before_status: str = pa.Field(nullable=True)
    after_status: str
    spread: float = pa.Field(ge=0, nullable=True)  # interquartile range before
    is_material: bool
    is_first_reading: bool  # the KPI was not read before
    service_areas: str = pa.Field(nullable=True)  # names with a comma between, null: of none
    first_retrieved_at: Time
    last_retrieved_at: Time
    n_version: pl.Int32 = pa.Field(ge=1)

    @pa.dataframe_check(error="a changed value must have a value before and after, and they differ")
    @classmethod
    def changed_values_differ(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse what is no change."""
        differ = (pl.col("before_value") != pl.col("after_value")).fill_null(False)
        return data.lazyframe.select((pl.col("kind") != "changed") | differ)

    class Config:
        """The key."""

        unique = ("kpi", "municipality", "period", "gender")


class DefinitionChange(Table):
    """`mart.definition_change`: one row per field that Kolada has changed between two moments."""

    object: str = pa.Field(isin=("kpi", "municipality", "municipality_group"))
    id: str
    title: str  # after, or before where it is gone
    kind: str = pa.Field(isin=DEFINITION_KINDS)
    field: str = pa.Field(nullable=True)  # null where it is new or gone
    before: str = pa.Field(nullable=True)
    after: str = pa.Field(nullable=True)
    joined: str = pa.Field(nullable=True)  # names of members with a comma between
    departed: str = pa.Field(nullable=True)
    service_areas: str = pa.Field(nullable=True)
    peer_of: str = pa.Field(nullable=True)  # the municipality whose peers the group holds
    is_material: bool

    class Config:
        """The key."""

        unique = ("object", "id", "field")


class RankChange(Table):
    """`mart.rank_change`: one row per release before, service area and period that is ranked."""

    release: str
    release_as_of: Time
    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    is_preliminary: bool
    n_ranked_before: pl.Int32 = pa.Field(ge=0)
    n_ranked_after: pl.Int32 = pa.Field(ge=0)
    n_moved: pl.Int32 = pa.Field(ge=0)  # ranked in both, at another place
    n_entered: pl.Int32 = pa.Field(ge=0)
    n_left: pl.Int32 = pa.Field(ge=0)
    largest_move: pl.Int32 = pa.Field(ge=0)  # places
    largest_move_municipality: str = pa.Field(str_matches=MUNICIPALITY, nullable=True)
    largest_move_municipality_title: str = pa.Field(nullable=True)
    largest_move_rank_before: pl.Int32 = pa.Field(ge=1, nullable=True)
    largest_move_rank_after: pl.Int32 = pa.Field(ge=1, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)  # in focus
    municipality_title: str = pa.Field(nullable=True)
    rank_before: pl.Int32 = pa.Field(ge=1, nullable=True)
    rank_after: pl.Int32 = pa.Field(ge=1, nullable=True)
    is_other_code: bool  # then the move is not the data's alone
    is_other_area_file: bool

    @pa.dataframe_check(error="the furthest move is named exactly where anybody has moved")
    @classmethod
    def the_furthest_is_named(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse moves without anybody who moved."""
        named = pl.col("largest_move_municipality").is_not_null()
        return data.lazyframe.select((pl.col("n_moved") > 0) == named)

    class Config:
        """The key."""

        unique = ("release", "service_area", "period")
