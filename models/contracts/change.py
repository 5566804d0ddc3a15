"""What Kolada has changed between two moments, and whom it moved."""

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.contracts.table import FIRST_PERIOD, KPI, MUNICIPALITY, NAME, Table, Time

REVISION_KINDS = ("new", "changed", "struck", "restored", "status_changed")
DEFINITION_KINDS = (
    "kpi_new", "kpi_gone", "retitled", "ended", "redefined", "gender_division", "publication_date",
    "other_field", "group_new", "group_gone", "group_retitled", "group_members",
    "municipality_new", "municipality_gone", "municipality_retitled",
)  # fmt: skip


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


class RevisionLog(Table):
    """`mart.revision_log`: one row per kpi, period and day on which known values had changed."""

    kpi: str = pa.Field(str_matches=KPI)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    read_on: pl.Date
    n_changed: pl.Int64 = pa.Field(ge=0)  # municipalities whose value is another
    n_gone: pl.Int64 = pa.Field(ge=0)  # municipalities that no longer have one
    largest_change: float = pa.Field(ge=0, nullable=True)  # in the KPI's unit

    class Config:
        """The key."""

        unique = ("kpi", "period", "read_on")
