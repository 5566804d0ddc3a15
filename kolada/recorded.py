"""Recorded material -> an archive: Kolada's own catalogue as JSON and observations as CSV.

The folder holds `catalogue/<table>_<date>_v3.json`, of which the newest of each table is taken,
and `observations/*.csv` with kpi, municipality, period, gender and value. An empty value is a
value that Kolada answered with the status "Missing".
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from kolada.archive import METADATA, OBSERVATION_SCHEMA, Archive, Row, read_rows
from kolada.errors import ArchiveError

KEY = ["kpi", "municipality", "period", "gender"]


def recorded_archive(folder: Path) -> Archive:
    """Read the recorded material in `folder`.

    Raises
    ------
    ArchiveError
        If there is no catalogue of KPIs and municipalities, or no observations, or a file of
        them is damaged.
    """
    files = sorted((folder / "observations").glob("*.csv"))
    metadata = {table: _newest(folder / "catalogue", table) for table in METADATA}
    lacking = [table for table in ("kpi", "municipality") if metadata[table] is None]
    if lacking or not files:
        what = ", ".join([*lacking, *([] if files else ["observations"])])
        raise ArchiveError(
            f"{folder} has no recorded {what}. Give a folder with catalogue/*_v3.json and "
            "observations/*.csv."
        )
    columns = {name: OBSERVATION_SCHEMA[name] for name in (*KEY, "value")}
    tables = []
    for file in files:
        try:
            tables.append(pl.read_csv(file, schema_overrides=columns).select(list(columns)))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise ArchiveError(
                f"{file} cannot be read as observations: {error}. It must have the columns kpi, "
                "municipality, period, gender and value."
            ) from error
    values = pl.concat(tables).unique(subset=KEY, keep="first", maintain_order=True)
    is_missing = pl.col("value").is_null()
    observation = values.with_columns(
        pl.when(is_missing).then(0).otherwise(1).alias("count"),
        pl.when(is_missing).then(pl.lit("Missing")).otherwise(pl.lit("")).alias("status"),
        pl.lit(False).alias("is_deleted"),
        pl.lit(None).alias("changed"),
    ).select(list(OBSERVATION_SCHEMA))
    return Archive(
        kpi=metadata["kpi"] or (),
        kpi_groups=metadata["kpi_groups"] or (),
        municipality=metadata["municipality"] or (),
        municipality_groups=metadata["municipality_groups"] or (),
        ou=metadata["ou"] or (),
        observation=observation.cast(OBSERVATION_SCHEMA),
    )


def _newest(folder: Path, table: str) -> Sequence[Row] | None:
    dated = sorted(folder.glob(f"{table}_[0-9]*_v3.json"))
    return read_rows(dated[-1]) if dated else None
