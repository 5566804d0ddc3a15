"""The tables of the definitions: service areas, indicators, committees, equations, goals."""

from typing import get_args

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.areas.file import AREA_REGI, INDICATOR_REGI
from models.areas.roles import Direction, Grade, Role
from models.committees.committee import BodyKind
from models.contracts.table import FIRST_PERIOD, KPI, MUNICIPALITY, NAME, Filled, Table
from models.frontier.technology import ORIENTATIONS, RETURNS
from models.goals.file import CostShareOf
from models.goals.file import Kind as GoalKind
from models.identity import Form, Part


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
    small_numbers: str = pa.Field(nullable=True)
    rka_resource: str = pa.Field(str_matches=KPI, nullable=True)
    rka_quality: str = pa.Field(str_matches=KPI, nullable=True)
    rka_efficiency: str = pa.Field(str_matches=KPI, nullable=True)
    decision: str = pa.Field(nullable=True)


class IndicatorTable(Filled):
    """`staging.indicator`: one row per service area and indicator."""

    service_area: str = pa.Field(str_matches=NAME)
    indicator: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI, nullable=True)  # null: computed from others
    title: str
    relative_to: str = pa.Field(str_matches=NAME, nullable=True)
    label: str
    unit: str
    role: str = pa.Field(isin=get_args(Role))
    direction: str = pa.Field(isin=get_args(Direction), nullable=True)
    weight: float = pa.Field(gt=0)
    regi: str = pa.Field(isin=INDICATOR_REGI)
    regi_reason: str = pa.Field(nullable=True)
    is_input: bool
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


class NeededKpi(Filled):
    """`staging.needed_kpi`: one row per KPI that a run reads."""

    kpi: str = pa.Field(str_matches=KPI, unique=True)


class Formula(Table):
    """`staging.formula`: one row per computed indicator and indicator it is computed from."""

    service_area: str = pa.Field(str_matches=NAME)
    indicator: str = pa.Field(str_matches=NAME)
    term: str = pa.Field(str_matches=NAME)
    is_reference: bool  # else it is a part of the sum

    class Config:
        """The key."""

        unique = ("service_area", "indicator", "term")


class Committee(Table):
    """`staging.committee`: one row per body and service area it answers for, or per body."""

    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    body: str
    kind: str = pa.Field(isin=get_args(BodyKind))
    service_area: str = pa.Field(str_matches=NAME, nullable=True)  # null: nothing is measured
    valid_from: pl.Date
    valid_to: pl.Date = pa.Field(nullable=True)  # the last day
    is_verified: bool
    unmeasured_reason: str = pa.Field(nullable=True)  # Swedish
    source: str  # Swedish

    @pa.dataframe_check(error="who answers for no service area must say why")
    @classmethod
    def nothing_is_unmeasured_in_silence(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a body without a service area and without a reason."""
        return data.lazyframe.select(
            pl.col("service_area").is_not_null() | pl.col("unmeasured_reason").is_not_null()
        )

    class Config:
        """The key."""

        unique = ("municipality", "body", "service_area", "valid_from")


class IdentityTerm(Filled):
    """`staging.identity_term`: one row per equation among Kolada's figures and KPI in it."""

    identity: str = pa.Field(str_matches=NAME)
    form: str = pa.Field(isin=get_args(Form))
    tolerance: float = pa.Field(gt=0)  # percentage points, or million kronor
    part: str = pa.Field(isin=get_args(Part))
    kpi: str = pa.Field(str_matches=KPI)
    title: str

    class Config:
        """The key."""

        unique = ("identity", "part", "kpi")


class GoalTable(Filled):
    """`staging.goal`: one row per goal."""

    goal: str = pa.Field(str_matches=NAME, unique=True)
    title: str
    question: str
    kind: str = pa.Field(isin=get_args(GoalKind))
    minimum_share: float = pa.Field(gt=0, le=1)
    minimum_components: pl.Int32 = pa.Field(ge=1)
    cost_share_of: str = pa.Field(isin=get_args(CostShareOf), nullable=True)
    lowest_group_weight: float = pa.Field(ge=0, lt=1, nullable=True)
    standing: str = pa.Field(isin=("decided", "proposal"))
    decision_body: str = pa.Field(nullable=True)
    decision_paragraph: str = pa.Field(nullable=True)
    decision_date: pl.Date = pa.Field(nullable=True)

    @pa.dataframe_check(error="a decision must be whole exactly where the goal is decided")
    @classmethod
    def decisions_are_whole(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse half a decision, and one that nobody has taken."""
        is_decided = pl.col("standing") == "decided"
        columns = ("decision_body", "decision_paragraph", "decision_date")
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_decided for name in columns)
        )


class GoalKpiTable(Table):
    """`staging.goal_kpi`: one row per goal and KPI that it scores, weighs by or shows."""

    goal: str = pa.Field(str_matches=NAME)
    part: str = pa.Field(isin=("component", "cost_weight", "panel"))
    name: str = pa.Field(str_matches=NAME)  # the component's or the panel's
    panel_title: str = pa.Field(nullable=True)  # of a panel alone
    kpi: str = pa.Field(str_matches=KPI)
    title: str
    label: str = pa.Field(nullable=True)
    unit: str
    direction: str = pa.Field(isin=get_args(Direction), nullable=True)
    weight: float = pa.Field(gt=0, nullable=True)
    needs_gender: bool
    why: str
    source: str = pa.Field(nullable=True)

    class Config:
        """A KPI has one part in a goal: never inside the score and beside it."""

        unique = ("goal", "kpi")
