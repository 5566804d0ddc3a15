"""The schema of every frame of rows that leaves the package: strict, nothing coerced, keys unique.

Validate with `CONTRACTS[table.name].validate(frame, lazy=True)`, which reports all at once.
"""

from typing import Annotated

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

KPI = r"^[NU]\d{5}$"
UNIT = r"^(\d{4}|G\d+)$"  # a municipality, a region, Riket or a group
OU = r"^V\w+$"
Time = Annotated[pl.Datetime, "us", "UTC"]


class RawRow(pa.DataFrameModel):
    """What every raw row has: whether it is gone, when it was read and in which page."""

    is_deleted: bool
    retrieved_at: Time
    answer: str = pa.Field(str_matches=r"^[0-9a-f]{64}$")  # SHA-256 of the page in the ledger

    class Config:
        """Nothing but the columns named."""

        strict = True


class RawObservationRow(RawRow):
    """One version of one value; null is missing, never 0."""

    kpi: str = pa.Field(str_matches=KPI)
    period: pl.Int32 = pa.Field(ge=1950, le=2100)
    gender: str = pa.Field(isin=("T", "K", "M"))
    value: float = pa.Field(nullable=True)
    count: pl.Int32 = pa.Field(ge=0, nullable=True)
    status: str

    @pa.dataframe_check(error="a value is NaN or infinite; a missing value must be null")
    @classmethod
    def values_are_finite(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse what no bound refuses."""
        return data.lazyframe.select(pl.col("value").is_finite().fill_null(True))


class RawObservation(RawObservationRow):
    """`raw.observation`: one row per version of kpi, municipality, period and gender."""

    municipality: str = pa.Field(str_matches=UNIT)

    class Config:
        """The key, for rows of one wave."""

        unique = ("kpi", "municipality", "period", "gender")


class RawOuObservation(RawObservationRow):
    """`raw.ou_observation`: one row per version of kpi, ou, period and gender."""

    ou: str = pa.Field(str_matches=OU)

    class Config:
        """The key, for rows of one wave."""

        unique = ("kpi", "ou", "period", "gender")


class RawKpi(RawRow):
    """`raw.kpi`: one row per version of a KPI's metadata."""

    kpi: str = pa.Field(str_matches=KPI, unique=True)
    title: str = pa.Field(str_length={"min_value": 1})
    description: str
    is_divided_by_gender: bool
    municipality_type: str = pa.Field(nullable=True)
    auspice: str = pa.Field(nullable=True)
    operating_area: str = pa.Field(nullable=True)
    perspective: str = pa.Field(nullable=True)
    prel_publication_date: pl.Date = pa.Field(nullable=True)
    publication_date: pl.Date = pa.Field(nullable=True)
    publ_period: str = pa.Field(nullable=True)
    has_ou_data: bool


class RawMunicipality(RawRow):
    """`raw.municipality`: one row per version of a municipality or region."""

    municipality: str = pa.Field(str_matches=r"^\d{4}$", unique=True)
    title: str = pa.Field(str_length={"min_value": 1})
    type: str = pa.Field(isin=("K", "L"))


class RawMunicipalityGroup(RawRow):
    """`raw.municipality_group`: one row per version of a group and its members."""

    municipality_group: str = pa.Field(str_matches=r"^G\d+$", unique=True)
    title: str = pa.Field(str_length={"min_value": 1})
    members: pl.List = pa.Field(dtype_kwargs={"inner": pl.String})


class RawOu(RawRow):
    """`raw.ou`: one row per version of a unit."""

    ou: str = pa.Field(str_matches=OU, unique=True)
    title: str = pa.Field(str_length={"min_value": 1})
    municipality: str = pa.Field(str_matches=r"^\d{4}$", nullable=True)


CONTRACTS = {
    "ou": RawOu,
    "observation": RawObservation,
    "ou_observation": RawOuObservation,
    "kpi": RawKpi,
    "municipality": RawMunicipality,
    "municipality_group": RawMunicipalityGroup,
}
