"""Kolada -> ledger -> raw.*: the only assets that ask Kolada or read its answers."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

import dagster as dg
import polars as pl

from kolada.catch_up import QUIET_REQUESTS, night
from kolada.client import KoladaClient
from kolada.contracts import CONTRACTS
from kolada.errors import LedgerError
from kolada.history import (
    KPI,
    MUNICIPALITY,
    MUNICIPALITY_GROUP,
    OBSERVATION,
    OU,
    OU_OBSERVATION,
    RawTable,
    Wave,
    changes,
    empty,
    present,
    touched_by,
    waves,
)
from kolada.ledger import Ledger
from kolada.query import Query
from kolada.scope import Scope, scopes_of
from kolada.sync import METADATA_QUERIES, sync
from models.areas.service_area import ServiceArea
from pipelines.needed import needed_kpis
from pipelines.resources import STOCKHOLM, Settings
from pipelines.warehouse import Warehouse

LEDGER = dg.AssetKey("ledger")
RAW_TABLES = (KPI, MUNICIPALITY, MUNICIPALITY_GROUP, OU, OBSERVATION, OU_OBSERVATION)


@dg.asset(key=LEDGER, kinds={"json"})
def answers(
    settings: dg.ResourceParam[Settings],
    kolada: dg.ResourceParam[KoladaClient],
    ledger: dg.ResourceParam[Ledger],
) -> dg.MaterializeResult:
    """Every answer of Kolada as it was received; nothing is asked where a past date is set.

    What has changed is read, and a part of the rest; see `kolada.catch_up`.
    """
    if settings.as_of is not None:
        _refuse_unknown_past(ledger, settings.as_of)
        return dg.MaterializeResult(metadata={"requests": 0, "unnamed_changes": 0})
    areas = settings.service_areas()
    n_before = kolada.n_request

    wants_units = any(one.unit_data for area in areas for one in area.indicators)
    sync(kolada, ledger, [*METADATA_QUERIES, *([Query("ou")] if wants_units else [])])
    left = QUIET_REQUESTS - (kolada.n_request - n_before)
    caught = night(kolada, ledger, _scopes(ledger, areas, needed_kpis(settings)), budget=left)

    return dg.MaterializeResult(
        metadata={
            "source": kolada.base_url,
            "requests": kolada.n_request - n_before,
            "named_kpi_years": sum(one.n_named for one in caught),
            "unnamed_changes": sum(one.unnamed.height for one in caught),
            "contradicted_claims": sum(one.contradicted.height for one in caught),
            "nights_to_read_all_again": max((one.nights for one in caught), default=0),
        }
    )


def _refuse_unknown_past(ledger: Ledger, as_of: datetime) -> None:
    first = next(ledger.entries(), None)
    if first is None:
        raise LedgerError(
            f"Nothing has been read from Kolada yet into {ledger.folder}. Run `effektiv run` "
            "without --as-of first."
        )
    if first.retrieved_at > as_of:
        raise LedgerError(
            f"Nothing was known on {as_of.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}: the first answer "
            f"was read on {first.retrieved_at.astimezone(STOCKHOLM):%Y-%m-%d %H:%M}. Choose a "
            "later date, or run without --as-of."
        )


def raw_asset(table: RawTable) -> dg.AssetsDefinition:
    """The asset of one raw table: what is new in the ledger is compared and appended."""
    name = f"raw.{table.name}"

    @dg.asset(
        key=["raw", table.name],
        deps=[LEDGER],
        kinds={"duckdb"},
        description=f"Every version of every {table.name} of Kolada, with the time it was read.",
    )
    def load(
        ledger: dg.ResourceParam[Ledger], warehouse: dg.ResourceParam[Warehouse]
    ) -> dg.MaterializeResult:
        n_new = load_raw(ledger, warehouse, table)
        ((n_row,),) = warehouse.query(f"select count(*) from {name}").rows()
        return dg.MaterializeResult(metadata={"dagster/row_count": n_row, "new_rows": n_new})

    return load


def load_raw(ledger: Ledger, warehouse: Warehouse, table: RawTable) -> int:
    """Append what the ledger holds and the raw table lacks; returns the number of new rows.

    Where the ledger is not the one that the table was loaded from, the table is made anew.
    """
    name = f"raw.{table.name}"
    position = warehouse.position(name)
    if position is not None and not _is_in(ledger, position):
        warehouse.drop(name)
        position = None
    if position is None:
        position = (0, "")
        warehouse.append(name, empty(table), position=position)

    n_new = 0
    for wave in waves(ledger, table, after=position[0]):
        rows = changes(_known(warehouse, table, wave), wave)
        CONTRACTS[table.name].validate(rows, lazy=True)
        last = wave.entries[-1]
        warehouse.append(name, rows, position=(last.seq, last.sha256))
        n_new += rows.height
    return n_new


def _is_in(ledger: Ledger, position: tuple[int, str]) -> bool:
    seq, sha256 = position
    if seq == 0:
        return True
    return any(entry.sha256 == sha256 for entry in ledger.entries(after=seq - 1))


def _known(warehouse: Warehouse, table: RawTable, wave: Wave) -> pl.DataFrame:
    """The newest row of every key that the wave may change."""
    touched = touched_by(wave)
    if touched == set():
        return empty(table)
    first = table.key[0]
    inside = f"where {first} in ({', '.join(map(_quoted, sorted(touched)))})" if touched else ""
    newest = warehouse.query(
        f"select * from raw.{table.name} {inside} qualify row_number() over "
        f"(partition by {', '.join(table.key)} order by retrieved_at desc) = 1"
    )
    return newest.cast(dict(wave.received.schema))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _scopes(ledger: Ledger, areas: Sequence[ServiceArea], wanted: Iterable[str]) -> list[Scope]:
    used = [one for area in areas for one in area.indicators]
    # The year before the first is asked for too: a value may be carried forward from it.
    first = min(area.first_period for area in areas) - 1
    last = max(area.last_period or date.today().year for area in areas)
    return scopes_of(
        present(ledger, KPI),
        present(ledger, MUNICIPALITY),
        wanted=wanted,
        of_units=[one.kpi for one in used if one.unit_data and one.kpi],
        period=range(first, last + 1),
    )


raw_assets = [answers, *(raw_asset(table) for table in RAW_TABLES)]
