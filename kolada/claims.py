"""What Kolada says has changed (`from_date`), and whether it holds.

A sweep is the answers of one night to the question what has changed, over all municipalities. It
is settled when it asks from the settled one before it, or from the cell that was read longest ago,
and every KPI-year that it names has been read whole since. The next sweep asks from the day of the
newest settled one, so neither a night that was cut short nor nights that follow fewer cells lose
anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from kolada.history import RawTable
from kolada.ledger import Entry, Ledger
from kolada.query import Query
from kolada.scope import LastRead, Scope

MARGIN = timedelta(days=1)  # a date has no time zone, and clocks differ


@dataclass(frozen=True, slots=True)
class Sweep:
    """What Kolada named in one night."""

    entries: tuple[Entry, ...]
    rows: pl.DataFrame  # key and content of the values named, those in scope

    @property
    def day(self) -> date:
        """The day on which it began, UTC."""
        return self.entries[0].retrieved_at.date()

    @property
    def since(self) -> date:
        """The day from which it asked."""
        return self.entries[0].query.from_date or self.day


def sweeps(ledger: Ledger, scope: Scope, *, after: int) -> list[Sweep]:
    """The sweeps that ended after an entry, and the one before them; the oldest first.

    One that was cut short is among them.
    """
    by_sync: dict[str, list[Entry]] = {}
    for entry in ledger.entries():
        query = entry.query
        if query.table == scope.table and query.from_date and not query.kpi:
            entries = by_sync.pop(entry.sync, [])  # one that was gone on with is as new as its end
            by_sync[entry.sync] = [*entries, entry]
    found = list(by_sync.values())
    n_before = sum(entries[-1].seq <= after for entries in found)
    chosen = found[max(0, n_before - 1) :]
    return [Sweep(tuple(entries), _rows(ledger, scope, entries)) for entries in chosen]


def last_settled(
    known: Sequence[Sweep], scope: Scope, read: LastRead
) -> tuple[Sweep | None, list[Sweep]]:
    """The newest settled sweep, and those after it.

    Parameters
    ----------
    known : sequence of Sweep
        All since the cell that was read longest ago, and the one before it.
    """
    settled, later = None, list[Sweep]()
    for sweep in known:
        if sweep.since <= since(settled, read) and _is_whole(sweep, scope, read):
            last = sweep.entries[-1].seq
            named = news(sweep, settled, later, scope).select("kpi", "period").unique()
            if all(read.is_newer(kpi, period, seq=last) for kpi, period in named.iter_rows()):
                settled, later = sweep, []
                continue
        later.append(sweep)
    return settled, later


def news(sweep: Sweep, settled: Sweep | None, later: Sequence[Sweep], scope: Scope) -> pl.DataFrame:
    """What `sweep` names and the settled one has not named with the same content.

    `from_date` is a day, so two nights in a row name much of the same. What a sweep between the
    two, in `later`, names otherwise may have been read so: it is news again.
    """
    if settled is None:
        return sweep.rows
    content, key = _content(scope.raw), list(scope.raw.key)
    old = settled.rows
    for between in later:
        moved = between.rows.join(settled.rows, on=content, how="anti", nulls_equal=True)
        old = old.join(moved, on=key, how="anti")
    return sweep.rows.join(old, on=content, how="anti", nulls_equal=True)


def since(settled: Sweep | None, read: LastRead) -> date:
    """The day from which the next sweep asks."""
    return (read.first_day() if settled is None else settled.day) - MARGIN


def unnamed_changes(ledger: Ledger, scope: Scope, *, after: int) -> pl.DataFrame:
    """What differs in the answers after entry `after` from those before, and no sweep has named.

    Returns
    -------
    frame
        The keys of those values. Only questions that have been asked before in the same words
        are compared; two answers with the same bytes are not opened.
    """
    table, key = scope.raw, list(scope.raw.key)
    before: dict[Query, Entry] = {}
    found: list[tuple[Entry, Entry, pl.DataFrame]] = []
    for entry in ledger.entries():
        if entry.query.table != scope.table or not entry.query.is_whole:
            continue
        earlier = before.get(entry.query)
        before[entry.query] = entry
        if entry.seq <= after or earlier is None or _bytes(entry) == _bytes(earlier):
            continue
        was, now = (_frame(ledger, table, [one]) for one in (earlier, entry))
        content = _content(table)
        differs = pl.concat(
            [
                now.join(was, on=content, how="anti", nulls_equal=True).select(key),
                was.join(now, on=key, how="anti").select(key),
            ]
        )
        if not differs.is_empty():
            found.append((earlier, entry, differs))
    if not found:
        return _nothing(table)
    told = pl.concat(
        [
            _nothing(table).select(*key[:3], pl.lit(0, pl.Int64).alias("seq")),
            *(
                sweep.rows.select(*key[:3], pl.lit(sweep.entries[-1].seq, pl.Int64).alias("seq"))
                for sweep in sweeps(ledger, scope, after=min(one.seq for one, _, _ in found))
            ),
        ]
    )
    unnamed = [
        differs.join(
            told.filter(pl.col("seq").is_between(earlier.seq, entry.seq)), on=key[:3], how="anti"
        )
        for earlier, entry, differs in found
    ]
    return pl.concat(unnamed).unique().sort(key)


def contradicted_claims(ledger: Ledger, scope: Scope, *, after: int) -> pl.DataFrame:
    """What the newest sweep names otherwise than the answers after entry `after` have it.

    Returns
    -------
    frame
        The keys of those values.
    """
    table, key = scope.raw, list(scope.raw.key)
    named = sweeps(ledger, scope, after=after)[-1].rows
    read = [
        entry
        for entry in ledger.entries(after=after)
        if entry.query.table == scope.table and entry.query.is_whole
    ]
    if named.is_empty() or not read:
        return _nothing(table)
    named = pl.concat(named.filter(table.covered(entry.query)) for entry in read).unique()
    now = _frame(ledger, table, read)
    present = now.filter(~pl.col("is_deleted"))
    gone = named.filter(pl.col("is_deleted")).join(present, on=key, how="semi")
    other = named.filter(~pl.col("is_deleted")).join(
        now, on=_content(table), how="anti", nulls_equal=True
    )
    return pl.concat([gone, other]).select(key).unique().sort(key)


def _is_whole(sweep: Sweep, scope: Scope, read: LastRead) -> bool:
    """Whether nothing that had been read by then was left out."""
    asked = {(entry.query.municipality, entry.query.period) for entry in sweep.entries}
    batches_of_places = {municipality for municipality, _ in asked}
    years = {period for _, period in asked}
    places = {one for some in batches_of_places for one in some}
    if len(asked) != len(batches_of_places) * len(years):
        return False
    if scope.table == "oudata" and not places.issuperset(scope.municipality):
        return False  # answers about units are not by municipality
    return read.is_newer_outside(
        places, {one for some in years for one in some}, seq=sweep.entries[-1].seq
    )


def _rows(ledger: Ledger, scope: Scope, entries: Sequence[Entry]) -> pl.DataFrame:
    return _frame(ledger, scope.raw, entries).filter(
        pl.col("kpi").is_in(scope.kpi), pl.col("period").is_in(scope.period)
    )


def _frame(ledger: Ledger, table: RawTable, entries: Sequence[Entry]) -> pl.DataFrame:
    pages = [table.read(ledger.body(page.sha256)) for entry in entries for page in entry.pages]
    return pl.concat(pages).unique(subset=list(table.key), keep="last", maintain_order=True)


def _bytes(entry: Entry) -> list[str]:
    return [page.sha256 for page in entry.pages]


def _content(table: RawTable) -> list[str]:
    return [*table.key, "value", "count", "status", "is_deleted"]


def _nothing(table: RawTable) -> pl.DataFrame:
    return table.frame([]).select(table.key)
