"""What every table's contract has in common.

Strict and nothing coerced: a column too many, another type or a key that occurs twice is a
failure, and all failures are reported at once with `validate(frame, lazy=True)`. Only frames are
validated: of a LazyFrame pandera would look at the types and at no value.
"""

from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import polars.selectors as cs
from pandera.api.polars.types import PolarsData

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
