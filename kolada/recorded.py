"""Recorded material -> an archive: Kolada's own catalogue as JSON and observations as CSV.

The folder holds `catalogue/<table>_<date>_v<2 or 3>.json`, snapshots of which the newest of each
table is taken, or the newest at or before a date; where both versions are of that day, version 3.
`observations/*.csv` has kpi, municipality, period, gender and value, and no date of its own: it is
taken whole whatever the date. An empty value is one that Kolada answered with the status
"Missing".

A KPI in version 2's words is put into version 3's:

    auspices                   -> auspice, the same letters
    is_divided_by_gender 0, 1  -> false, true
    has_ou_data null           -> false
    ou_publication_date        -> left out; version 3 has no such field

All else of it, and groups with their members, municipalities and units, are the same in both
versions and stand as they were sent: `operating_area` and `perspective` are other words in 2024
than in 2026, which is Kolada's change and not the version's.
"""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from kolada.archive import METADATA, OBSERVATION_SCHEMA, Archive, Row, read_rows
from kolada.errors import ArchiveError

KEY = ["kpi", "municipality", "period", "gender"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, order=True)
class _Snapshot:
    on: str  # ISO, so that it sorts
    version: int
    path: Path


def recorded_archive(folder: Path, *, on: date | None = None) -> Archive:
    """Read the recorded material in `folder`, as it was on the day `on` or as it is newest.

    Municipalities hardly change and are seldom recorded: where none are from that day or before,
    the first after it stand in, and a warning is logged.

    Raises
    ------
    ArchiveError
        If there is no catalogue of KPIs (from that day or before) and municipalities, or no
        observations, or a file of them is damaged.
    """
    files = sorted((folder / "observations").glob("*.csv"))
    chosen = {table: _newest(folder / "catalogue", table, on) for table in METADATA}
    lacking = [table for table in ("kpi", "municipality") if chosen[table] is None]
    if lacking or not files:
        what = ", ".join([*lacking, *([] if files else ["observations"])])
        when = f" from {on} or before" if on and lacking else ""
        raise ArchiveError(
            f"{folder} has no recorded {what}{when}. Give a folder with catalogue/*_v3.json and "
            f"observations/*.csv{', or a later day' if when else ''}."
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
    metadata = {table: _rows(found, table) for table, found in chosen.items()}
    return Archive(
        kpi=metadata["kpi"],
        kpi_groups=metadata["kpi_groups"],
        municipality=metadata["municipality"],
        municipality_groups=metadata["municipality_groups"],
        ou=metadata["ou"],
        observation=observation.cast(OBSERVATION_SCHEMA),
    )


def _newest(folder: Path, table: str, on: date | None) -> _Snapshot | None:
    snapshots = []
    for path in folder.glob(f"{table}_*.json"):
        if found := re.fullmatch(rf"{table}_(\d{{4}}-\d\d-\d\d)_v([23])\.json", path.name):
            snapshots.append(_Snapshot(found[1], int(found[2]), path))
    known = [one for one in snapshots if on is None or one.on <= on.isoformat()]
    if known or not snapshots or table != "municipality":
        return max(known, default=None)
    first = min(snapshots, key=lambda one: (one.on, -one.version))
    log.warning("no municipalities were recorded by %s; those of %s stand in", on, first.on)
    return first


def _rows(snapshot: _Snapshot | None, table: str) -> Sequence[Row]:
    if snapshot is None:
        return ()
    rows = read_rows(snapshot.path)
    if table != "kpi" or snapshot.version == 3:
        return rows
    try:
        return [_in_version_3(row) for row in rows]
    except (KeyError, TypeError) as error:
        raise ArchiveError(
            f"{snapshot.path} does not hold KPIs in version 2's words: {type(error).__name__} "
            f"{error}. Restore the file, or name it after the version it has."
        ) from error


def _in_version_3(row: Row) -> Row:
    return {
        "id": row["id"],
        "title": row["title"],
        "description": row["description"],
        "is_divided_by_gender": {0: False, 1: True}[row["is_divided_by_gender"]],
        "municipality_type": row["municipality_type"],
        "auspice": row["auspices"],
        "operating_area": row["operating_area"],
        "perspective": row["perspective"],
        "prel_publication_date": row["prel_publication_date"],
        "publication_date": row["publication_date"],
        "publ_period": row["publ_period"],
        "has_ou_data": bool(row["has_ou_data"]),
    }
