"""A whole Kolada as frames and rows: what `serve` answers from.

An archive is a folder with Kolada's metadata as JSON in its own words and the observations as
Parquet, one row per gender:

    archive/
      kpi.json  kpi_groups.json  municipality.json  municipality_groups.json  ou.json
      observation.parquet  ou_observation.parquet

In a large one the ids are read as numbers of one or two bytes.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from kolada.errors import ArchiveError
from kolada.value_index import texts

Row = Mapping[str, Any]

PACKED_FROM = 2_000_000  # values; text is read as Enum from here on, 2 bytes in place of 16

METADATA = ("kpi", "kpi_groups", "municipality", "municipality_groups", "ou")

OBSERVATION_SCHEMA = pl.Schema(
    {
        "kpi": pl.String,
        "municipality": pl.String,
        "period": pl.Int32,
        "gender": pl.String,
        "count": pl.Int32,
        "status": pl.String,
        "value": pl.Float64,
        "is_deleted": pl.Boolean,
        "changed": pl.Date,  # the day the value became what it is; null: before all memory
    }
)
OU_OBSERVATION_SCHEMA = pl.Schema(
    {"ou" if name == "municipality" else name: kind for name, kind in OBSERVATION_SCHEMA.items()}
)


@dataclass(frozen=True, slots=True)
class Archive:
    """Kolada's tables at one moment.

    The metadata are rows in Kolada's words, as the API sends them; the observations are frames
    of `OBSERVATION_SCHEMA` and `OU_OBSERVATION_SCHEMA`, one row per gender. Their columns of text
    may be Enum or Categorical too.
    """

    kpi: Sequence[Row]
    municipality: Sequence[Row]
    observation: pl.DataFrame
    municipality_groups: Sequence[Row] = ()
    kpi_groups: Sequence[Row] = ()
    ou: Sequence[Row] = ()
    ou_observation: pl.DataFrame = field(
        default_factory=lambda: pl.DataFrame(schema=OU_OBSERVATION_SCHEMA)
    )


def write_archive(archive: Archive, folder: Path) -> None:
    """Write `archive` into `folder`, which is made if it is not there.

    Raises
    ------
    ArchiveError
        If the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in METADATA:
            rows = {"values": list(getattr(archive, name))}
            (folder / f"{name}.json").write_text(
                json.dumps(rows, ensure_ascii=False, separators=(",", ":")), encoding="utf-8"
            )
        archive.observation.write_parquet(folder / "observation.parquet")
        archive.ou_observation.write_parquet(folder / "ou_observation.parquet")
    except OSError as error:
        raise ArchiveError(
            f"The archive cannot be written to {folder}: {error.strerror or error}. Name another "
            "folder, or correct the rights of this one."
        ) from error


def read_archive(folder: Path) -> Archive:
    """Read the archive in `folder`; the text of `PACKED_FROM` values or more is Enum.

    Raises
    ------
    ArchiveError
        If the folder lacks one of the archive's files, or one of them is damaged.
    """
    names = [f"{name}.json" for name in METADATA]
    names += ["observation.parquet", "ou_observation.parquet"]
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise ArchiveError(
            f"{folder} is not an archive: {', '.join(missing)} not found there. Make one with "
            "`python -m kolada archive SOURCE FOLDER`."
        )
    try:
        return Archive(
            **{name: read_rows(folder / f"{name}.json") for name in METADATA},
            observation=_read_values(folder / "observation.parquet", OBSERVATION_SCHEMA),
            ou_observation=_read_values(folder / "ou_observation.parquet", OU_OBSERVATION_SCHEMA),
        )
    except (OSError, pl.exceptions.PolarsError) as error:
        raise ArchiveError(
            f"The observations in {folder} cannot be read: {error}. Make the archive anew."
        ) from error


def read_rows(path: Path) -> Sequence[Row]:
    """The rows of a metadata file: an envelope as Kolada sends it.

    Raises
    ------
    ArchiveError
        If it is not one.
    """
    try:
        rows: Sequence[Row] = json.loads(path.read_text(encoding="utf-8"))["values"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ArchiveError(
            f"{path} cannot be read as rows of Kolada: {type(error).__name__} {error}. Restore or "
            "fetch the file again."
        ) from error
    return rows


def _read_values(path: Path, schema: pl.Schema) -> pl.DataFrame:
    # Column by column, so that the text of no more than one is in memory before it is packed.
    is_large = pl.scan_parquet(path).select(pl.len()).collect().item() >= PACKED_FROM
    columns = []
    for name, kind in schema.items():
        column = pl.read_parquet(path, columns=[name]).to_series()
        packed = pl.Enum(texts(column)) if is_large and kind == pl.String else kind
        columns.append(column.cast(packed).rechunk())
    return pl.DataFrame(columns)
