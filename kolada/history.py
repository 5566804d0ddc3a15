"""Answers -> what changed when: rows to append, so that any past state can be had again.

A sync asks for each cell once. Its answers are compared, wave by wave, with what was known before:
a row is appended where a value is new, differs, or has gone without a word.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from kolada.archive import OBSERVATION_SCHEMA, OU_OBSERVATION_SCHEMA, Archive, Row
from kolada.catalogue import group_frame, kpi_frame, municipality_frame, ou_frame
from kolada.errors import LedgerError
from kolada.ledger import Entry, Ledger
from kolada.observations import observation_frame, observations_of
from kolada.query import Query, Table

ABSENT = "Absent"  # our status for a row that Kolada used to send and sends no longer
WAVE_LIMIT = 1_000_000  # rows handled at a time, which bounds the memory needed


@dataclass(frozen=True, slots=True)
class RawTable:
    """How the answers of one of Kolada's tables become rows."""

    name: str
    asked: Table  # the table's name in a query
    key: tuple[str, ...]
    frame: Callable[[Iterable[Mapping[str, Any]]], pl.DataFrame]

    def read(self, body: bytes) -> pl.DataFrame:
        """The rows of one page, as it lies in the ledger."""
        if "gender" in self.key:
            return observations_of(body, unit=self.key[1])
        return self.frame(json.loads(body)["values"])

    def covered(self, query: Query) -> pl.Expr:
        """Whether a row known before would be in the answer to `query`."""
        if not query.is_whole:
            return pl.lit(False)
        inside = pl.lit(True)
        if self.asked not in ("data", "oudata"):
            return inside if not query.id else pl.col(self.key[0]).is_in(query.id)
        for name in ("kpi", "municipality", "ou", "period"):
            if values := getattr(query, name):
                if name not in self.key:  # rows of units do not say whose the units are
                    return pl.lit(False)
                inside = inside & pl.col(name).is_in(values)
        return inside


OBSERVATION = RawTable(
    "observation", "data", ("kpi", "municipality", "period", "gender"), observation_frame
)
OU_OBSERVATION = RawTable(
    "ou_observation",
    "oudata",
    ("kpi", "ou", "period", "gender"),
    partial(observation_frame, unit="ou"),
)
KPI = RawTable("kpi", "kpi", ("kpi",), kpi_frame)
MUNICIPALITY = RawTable("municipality", "municipality", ("municipality",), municipality_frame)
MUNICIPALITY_GROUP = RawTable(
    "municipality_group", "municipality_groups", ("municipality_group",), group_frame
)
OU = RawTable("ou", "ou", ("ou",), ou_frame)


@dataclass(frozen=True, slots=True)
class Wave:
    """Answers that ask for no cell twice, and the rows they hold."""

    table: RawTable
    entries: tuple[Entry, ...]
    received: pl.DataFrame  # key, payload, retrieved_at, answer (SHA-256 of the page)


def waves(
    ledger: Ledger, table: RawTable, *, after: int = 0, as_of: datetime | None = None
) -> Iterator[Wave]:
    """The answers of one table in order, in parts small enough for memory."""
    entries: list[Entry] = []
    frames: list[pl.DataFrame] = []
    n_row = 0
    for entry in ledger.entries(after=after, as_of=as_of):
        if entry.query.table != table.asked:
            continue
        if entries and (
            entry.sync != entries[-1].sync
            or entry.query.is_whole != entries[-1].query.is_whole
            or n_row > WAVE_LIMIT
        ):
            yield _wave(table, entries, frames)
            entries, frames, n_row = [], [], 0
        frame = _received(ledger, table, entry)
        entries.append(entry)
        frames.append(frame)
        n_row += frame.height
    if entries:
        yield _wave(table, entries, frames)


def changes(known: pl.DataFrame, wave: Wave) -> pl.DataFrame:
    """The rows that `wave` adds to what was known.

    Parameters
    ----------
    known : frame
        The newest row of every key that the wave may touch, with the columns of `wave.received`.
    wave : Wave
        Answers received after all of `known`.

    Returns
    -------
    frame
        Rows of `wave.received` whose key is new or whose content differs, and one row with
        `is_deleted` for each key that was asked for again and is no longer sent.
    """
    table = wave.table
    key = list(table.key)
    content = [c for c in wave.received.columns if c not in {*key, "retrieved_at", "answer"}]
    before = known.select(*key, pl.struct(content).alias("before"))
    moved = (
        wave.received.join(before, on=key, how="left")
        .filter(pl.struct(content).ne_missing(pl.col("before")))
        .drop("before")
    )
    # Looked for among few: that each of a thousand answers looks through all rows takes minutes.
    unsent = known.filter(~pl.col("is_deleted")).join(wave.received, on=key, how="anti")
    by_kpi = {
        kpis: unsent.filter(pl.col("kpi").is_in(kpis)) if kpis else unsent
        for kpis in {entry.query.kpi for entry in wave.entries}
    }
    gone = [
        by_kpi[entry.query.kpi]
        .filter(table.covered(entry.query))
        .with_columns(
            pl.lit(True).alias("is_deleted"),
            pl.lit(entry.retrieved_at, dtype=_TIME).alias("retrieved_at"),
            pl.lit(entry.pages[0].sha256).alias("answer"),
        )
        for entry in wave.entries
        if by_kpi[entry.query.kpi].height
    ]
    if not gone:
        return moved.sort(key)
    once = pl.concat(gone).unique(subset=key, keep="last")
    if "value" in content:
        once = once.with_columns(
            pl.lit(None, dtype=pl.Float64).alias("value"),
            pl.lit(0, dtype=pl.Int32).alias("count"),
            pl.lit(ABSENT).alias("status"),
        )
    return pl.concat([moved, once.select(moved.columns)]).sort(key)


def newest(rows: pl.DataFrame, table: RawTable) -> pl.DataFrame:
    """The last known row of every key."""
    key = list(table.key)
    by_time = rows.sort("retrieved_at", maintain_order=True)  # pages of one answer share a time
    return by_time.unique(subset=key, keep="last").sort(key)


def replay(ledger: Ledger, table: RawTable, *, as_of: datetime | None = None) -> pl.DataFrame:
    """The newest row of every key as it was known at `as_of`, from the ledger alone."""
    known: dict[str, pl.DataFrame] = {}  # of observations by KPI, so that a wave moves few rows
    for wave in waves(ledger, table, as_of=as_of):
        if "gender" not in table.key:
            before = known.get("all", empty(table))
            known["all"] = newest(pl.concat([before, changes(before, wave)]), table)
            continue
        touched = touched_by(wave)
        names = list(known) if touched is None else [name for name in touched if name in known]
        before = pl.concat([empty(table), *(known[name] for name in names)])
        after = newest(pl.concat([before, changes(before, wave)]), table)
        known.update((str(name), part) for (name,), part in after.group_by("kpi"))
    return pl.concat([empty(table), *known.values()]).sort(table.key)


def present(ledger: Ledger, table: RawTable) -> pl.DataFrame:
    """The rows of a metadata table as it was last answered whole; none where it never was."""
    newest_whole = None
    for entry in ledger.entries():
        if entry.query == Query(table.asked):
            newest_whole = entry
    return empty(table) if newest_whole is None else _received(ledger, table, newest_whole)


def touched_by(wave: Wave) -> set[str] | None:
    """The first parts of the keys that `wave` may change, or None where it may be any."""
    received = set(wave.received[wave.table.key[0]].unique())
    asked: set[str] = set()
    for entry in wave.entries:
        if entry.query.is_whole:
            named = entry.query.kpi if "gender" in wave.table.key else entry.query.id
            if not named:
                return None
            asked.update(named)
    return asked | received


def empty(table: RawTable) -> pl.DataFrame:
    """A frame without rows, with the columns of the raw table."""
    return _dated(table.frame([]), None, "").clear()


def archive_of(ledger: Ledger, *, as_of: datetime | None = None) -> Archive:
    """Kolada as the ledger knew it at `as_of`, ready to be served.

    Raises
    ------
    LedgerError
        If nothing was known then.
    """
    if ledger.last(as_of=as_of) is None:
        until = f" from {as_of:%Y-%m-%d %H:%M:%S} or before" if as_of else ""
        raise LedgerError(
            f"The ledger in {ledger.folder} has no answer{until}. Give the folder of a ledger that "
            "was synced, and a time after that."
        )
    metadata: dict[str, dict[str, Row]] = {}
    for entry in ledger.entries(as_of=as_of):
        if entry.query.table in ("data", "oudata"):
            continue
        known = metadata.get(entry.query.table, {})
        kept = {id_: row for id_, row in known.items() if not _asked_for(row, entry.query)}
        received = {row["id"]: row for _, page in ledger.records(entry) for row in page}
        metadata[entry.query.table] = kept | received
    return Archive(
        **{name: list(rows.values()) for name, rows in metadata.items()},
        **{name: [] for name in ("kpi", "municipality") if name not in metadata},
        observation=_as_archived(replay(ledger, OBSERVATION, as_of=as_of), OBSERVATION_SCHEMA),
        ou_observation=_as_archived(
            replay(ledger, OU_OBSERVATION, as_of=as_of), OU_OBSERVATION_SCHEMA
        ),
    )


_TIME = pl.Datetime("us", "UTC")


def _asked_for(row: Row, query: Query) -> bool:
    return (
        query.is_whole
        and (not query.id or row["id"] in query.id)
        and (not query.municipality or row.get("municipality") in query.municipality)
    )


def _received(ledger: Ledger, table: RawTable, entry: Entry) -> pl.DataFrame:
    pages = [
        _dated(table.read(ledger.body(page.sha256)), entry.retrieved_at, page.sha256)
        for page in entry.pages
    ]
    return pl.concat(pages) if pages else empty(table)


def _dated(frame: pl.DataFrame, retrieved_at: datetime | None, answer: str) -> pl.DataFrame:
    if "is_deleted" not in frame.columns:
        frame = frame.with_columns(pl.lit(False).alias("is_deleted"))
    return frame.with_columns(
        pl.lit(retrieved_at, dtype=_TIME).alias("retrieved_at"), pl.lit(answer).alias("answer")
    )


def _wave(table: RawTable, entries: list[Entry], frames: list[pl.DataFrame]) -> Wave:
    # Pages may overlap, and a cell may be asked for again: its newest row is the one that counts.
    received = newest(pl.concat(frames), table)
    return Wave(table, tuple(entries), received)


def _as_archived(rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    dated = rows.with_columns(pl.col("retrieved_at").dt.date().alias("changed"))
    return dated.select(list(schema)).cast(schema)
