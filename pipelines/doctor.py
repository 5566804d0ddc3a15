"""What is right and wrong with the set-up, in Swedish and in words that need no programmer."""

import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from kolada.client import KoladaClient
from kolada.errors import KoladaError
from kolada.ledger import Ledger
from kolada.query import Query
from models.areas.service_area import ServiceAreaError
from pipelines.publish.release import LATEST, ReleaseError, faults_of, read_manifest
from pipelines.resources import ROOT, Settings, SettingsError
from pipelines.warehouse import Warehouse, WarehouseError

LEAST_ROOM = 2 * 2**30  # bytes; a full ledger, warehouse and some releases


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    is_well: bool
    text: str  # Swedish


def findings() -> Iterator[Finding]:
    """Look at everything that a run needs, one thing at a time."""
    yield Finding(
        (3, 11) <= sys.version_info[:2] < (3, 15),
        f"Python {sys.version.split()[0]} används; 3.11–3.14 fungerar.",
    )
    try:
        settings = Settings.from_environment()
    except SettingsError as error:
        yield Finding(False, f"En inställning är fel: {error}")
        return
    yield Finding(
        (ROOT / "dagster.yaml").is_file(),
        f"Dagsters inställningar, dagster.yaml, söks i {ROOT}.",
    )
    yield from _data(settings)
    yield from _areas(settings)
    yield from _ledger(settings)
    yield from _warehouse(settings)
    yield from _kolada(settings)
    yield from _release(settings)


def _data(settings: Settings) -> Iterator[Finding]:
    folder = settings.data
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    is_writable = os.access(existing, os.W_OK)
    yield Finding(
        is_writable,
        f"Datamappen {folder} går att skriva i."
        if is_writable
        else f"Datamappen {folder} går inte att skriva i. Ändra rättigheterna eller sätt "
        "EFFEKTIV_DATA till en annan mapp.",
    )
    free = shutil.disk_usage(existing).free
    yield Finding(
        free >= LEAST_ROOM,
        f"{free / 2**30:.1f} GiB är lediga på disken".replace(".", ",")
        + ("." if free >= LEAST_ROOM else "; minst 2 behövs. Frigör utrymme."),
    )


def _areas(settings: Settings) -> Iterator[Finding]:
    try:
        areas = settings.service_areas()
    except (ServiceAreaError, SettingsError) as error:
        yield Finding(False, f"Verksamhetsfilerna går inte att använda: {error}")
        return
    names = ", ".join(area.title for area in areas)
    yield Finding(True, f"{len(areas)} verksamheter är definierade: {names}.")


def _ledger(settings: Settings) -> Iterator[Finding]:
    try:
        last = Ledger(settings.ledger).last()
    except KoladaError as error:
        yield Finding(False, f"Loggboken är skadad: {error}")
        return
    if last is None:
        yield Finding(True, "Loggboken är tom; den fylls av den första körningen.")
    else:
        yield Finding(
            True, f"Loggboken har {last.seq} svar, det senaste från {last.retrieved_at:%Y-%m-%d}."
        )


def _warehouse(settings: Settings) -> Iterator[Finding]:
    if not settings.warehouse.exists():
        yield Finding(True, "Datalagret finns inte ännu; det byggs av den första körningen.")
        return
    try:
        Warehouse(settings.warehouse).query("select 1")
    except WarehouseError as error:
        yield Finding(False, f"Datalagret går inte att öppna: {error}")
    else:
        yield Finding(True, f"Datalagret {settings.warehouse} går att öppna.")


def _kolada(settings: Settings) -> Iterator[Finding]:
    try:
        with KoladaClient(settings.source, attempts=1, timeout=10, deadline=30) as kolada:
            kolada.answer(Query("municipality", id=(settings.municipality,)))
    except KoladaError as error:
        yield Finding(False, f"Kolada svarar inte på {settings.source}: {error}")
    else:
        yield Finding(True, f"Kolada svarar på {settings.source}.")


def _release(settings: Settings) -> Iterator[Finding]:
    latest = settings.releases / LATEST
    if not latest.exists():
        yield Finding(True, "Ingen release är gjord ännu.")
        return
    try:
        faults = faults_of(latest)
        day = read_manifest(latest)["as_of"][:10]
    except ReleaseError as error:
        yield Finding(False, f"Den senaste releasen går inte att läsa: {error}")
        return
    yield Finding(
        not faults,
        f"Den senaste releasen, med kunskapsläge {day}, är hel."
        if not faults
        else f"Den senaste releasen är ändrad: {'; '.join(faults[:5])}.",
    )
