"""A frame -> its files: Parquet, machine CSV and Swedish CSV, each with its marks inside."""

from collections.abc import Sequence
from io import BytesIO

import polars as pl
import polars.selectors as cs

from pipelines.wording import CREDIT

MOST_CSV_ROWS = 60_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def table_files(name: str, rows: pl.DataFrame, *, marks: Sequence[str]) -> dict[str, bytes]:
    """The files of one table, by file name.

    The same rows give the same bytes. In Parquet the marks stand in the file's metadata; in CSV,
    which has no other place, in a last column. A text that a spreadsheet would run as a formula
    is preceded by an apostrophe. A table of more rows than one reads in a spreadsheet is Parquet
    only: as text it would be a hundred times as large. So is one without rows, which as text could
    not carry its marks.
    """
    note = " · ".join([*marks, CREDIT])
    if not 0 < rows.height <= MOST_CSV_ROWS:
        return {f"{name}.parquet": _parquet(rows, note)}
    flat = rows.with_columns(
        _inert(pl.col(column)).alias(column) for column in rows.select(cs.string()).columns
    ).with_columns(pl.lit(note).alias("marks"))
    return {
        f"{name}.parquet": _parquet(rows, note),
        f"{name}.csv": _csv(flat, swedish=False),
        f"{name}.sv.csv": _csv(flat, swedish=True),
    }


def _parquet(rows: pl.DataFrame, note: str) -> bytes:
    file = BytesIO()
    rows.write_parquet(file, compression="zstd", statistics=True, metadata={"marks": note})
    return file.getvalue()


def _csv(rows: pl.DataFrame, *, swedish: bool) -> bytes:
    file = BytesIO()
    if swedish:
        # Excel reads a file without the mark as if å, ä and ö were something else.
        rows.write_csv(file, separator=";", decimal_comma=True, include_bom=True)
    else:
        rows.write_csv(file)
    return file.getvalue()


def _inert(text: pl.Expr) -> pl.Expr:
    starts = [text.str.starts_with(start) for start in FORMULA_STARTS]
    return pl.when(pl.any_horizontal(starts)).then(pl.lit("'") + text).otherwise(text)
