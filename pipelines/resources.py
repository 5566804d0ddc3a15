"""Settings from the environment -> the plain objects that assets, notebooks and tests share."""

import math
import os
import re
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import dagster as dg

from kolada.client import BASE_URL, POLITE_RATE, KoladaClient
from kolada.ledger import Ledger
from models.areas.service_area import AREAS, ServiceArea, service_areas
from pipelines.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent
STOCKHOLM = ZoneInfo("Europe/Stockholm")
ALINGSAS = "1489"
MATERIALITY = 0.02  # of the interquartile range of a KPI over the municipalities
FEWEST_DRAWS = 20  # below it the ends of a 90 % interval are the extremes
DRAWS = 2000  # what Simar and Wilson use, and as many as a tail of 5 % needs


class SettingsError(Exception):
    """A setting that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is about and where its files are."""

    data: Path = ROOT / "data"
    store: str = "."  # below data: the folder of ledger and warehouse, one for each kind of source
    source: str = BASE_URL
    rate: float | None = POLITE_RATE  # requests/s; None is no limit
    areas: Path = AREAS
    only: tuple[str, ...] = ()  # names of service areas; empty is all
    municipality: str = ALINGSAS  # in focus
    as_of: datetime | None = None  # None is what Kolada says now
    materiality: float = MATERIALITY  # what the radar shows of a change; 0 is all
    draws: int = DRAWS  # of every bootstrap and every rank

    @property
    def ledger(self) -> Path:
        """The folder of every answer."""
        return self.data / self.store / "ledger"

    @property
    def warehouse(self) -> Path:
        """The DuckDB file."""
        return self.data / self.store / "warehouse.duckdb"

    @property
    def releases(self) -> Path:
        """The folder of all releases."""
        return self.data / "releases"

    @property
    def radars(self) -> Path:
        """The folder of all radars."""
        return self.data / "radar"

    @property
    def dagster(self) -> Path:
        """The folder of Dagster's run history."""
        return self.data / "dagster"

    def service_areas(self) -> tuple[ServiceArea, ...]:
        """The service areas of this run.

        Raises
        ------
        SettingsError
            If one is asked for that has no file.
        """
        found = service_areas(self.areas)
        names = [area.name for area in found]
        if unknown := [name for name in self.only if name not in names]:
            raise SettingsError(
                f"There is no service area {', '.join(unknown)} in {self.areas}. Choose among "
                f"{', '.join(names)}."
            )
        return tuple(area for area in found if not self.only or area.name in self.only)

    def as_environment(self) -> dict[str, str]:
        """The environment from which `from_environment` reads these settings."""
        return {
            "EFFEKTIV_DATA": str(self.data),
            "EFFEKTIV_STORE": self.store,
            "KOLADA_URL": self.source,
            "KOLADA_RATE": "none" if self.rate is None else str(self.rate),
            "EFFEKTIV_AREAS": str(self.areas),
            "EFFEKTIV_ONLY": ",".join(self.only),
            "EFFEKTIV_MUNICIPALITY": self.municipality,
            "EFFEKTIV_AS_OF": self.as_of.isoformat() if self.as_of else "",
            "EFFEKTIV_MATERIALITY": str(self.materiality),
            "EFFEKTIV_DRAWS": str(self.draws),
        }

    @classmethod
    def from_environment(cls) -> "Settings":
        """The settings that the environment gives, the rest by default.

        Raises
        ------
        SettingsError
            If a variable's value cannot be understood.
        """
        get = os.environ.get
        return cls(
            data=Path(get("EFFEKTIV_DATA") or ROOT / "data").resolve(),
            store=get("EFFEKTIV_STORE") or ".",
            source=get("KOLADA_URL") or BASE_URL,
            rate=rate_of(get("KOLADA_RATE") or str(POLITE_RATE)),
            areas=Path(get("EFFEKTIV_AREAS") or AREAS).resolve(),
            only=tuple(name for name in (get("EFFEKTIV_ONLY") or "").split(",") if name),
            municipality=municipality_of(get("EFFEKTIV_MUNICIPALITY") or ALINGSAS),
            as_of=moment_of(get("EFFEKTIV_AS_OF") or ""),
            materiality=materiality_of(get("EFFEKTIV_MATERIALITY") or str(MATERIALITY)),
            draws=draws_of(get("EFFEKTIV_DRAWS") or str(DRAWS)),
        )

    def area_files(self) -> dict[str, Path]:
        """The definition of every service area of this run, by its name."""
        return {area.name: self.areas / f"{area.name}.toml" for area in self.service_areas()}


def rate_of(text: str) -> float | None:
    """Requests per second; None for "none"."""
    if text.lower() == "none":
        return None
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not rate > 0:
        raise SettingsError(
            f"KOLADA_RATE is {text!r}. Give requests per second, such as 5, or none for a Kolada "
            "on this machine."
        )
    return rate


def municipality_of(text: str) -> str:
    """A municipality's code, four digits."""
    if not re.fullmatch(r"\d{4}", text):
        raise SettingsError(
            f"{text!r} is not a municipality's code. Give four digits, such as {ALINGSAS} for "
            "Alingsås."
        )
    return text


def materiality_of(text: str) -> float:
    """A share of the interquartile range, 0 or more."""
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not 0 <= share < math.inf:
        raise SettingsError(
            f"EFFEKTIV_MATERIALITY is {text!r}. Give a share of the spread between municipalities, "
            f"such as {MATERIALITY}, or 0 to show every change."
        )
    return share


def draws_of(text: str) -> int:
    """A number of draws: fewer are faster, and their intervals rougher."""
    if not re.fullmatch(r"\d{1,6}", text) or int(text) < FEWEST_DRAWS:
        raise SettingsError(
            f"EFFEKTIV_DRAWS is {text!r}. Give a whole number from {FEWEST_DRAWS}, such as {DRAWS}."
        )
    return int(text)


def moment_of(text: str) -> datetime | None:
    """A moment from a date, which means its end in Stockholm, or from a date with a time."""
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise SettingsError(
            f"{text!r} is not a date. Give one such as 2026-09-01, or 2026-09-01T12:00."
        ) from error
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}|\d{8}", text):
        moment = datetime.combine(moment.date(), time.max)
    return moment if moment.tzinfo else moment.replace(tzinfo=STOCKHOLM)


class SettingsResource(dg.ConfigurableResource):
    """The settings of the run."""

    def create_resource(self, context: dg.InitResourceContext) -> Settings:
        """Read the environment when the run begins."""
        del context
        return Settings.from_environment()


class WarehouseResource(dg.ConfigurableResource):
    """The DuckDB warehouse."""

    def create_resource(self, context: dg.InitResourceContext) -> Warehouse:
        """A warehouse that connects per call."""
        del context
        return Warehouse(Settings.from_environment().warehouse)


class LedgerResource(dg.ConfigurableResource):
    """Every answer of Kolada as received."""

    def create_resource(self, context: dg.InitResourceContext) -> Ledger:
        """A ledger on disk."""
        del context
        return Ledger(Settings.from_environment().ledger)


class KoladaResource(dg.ConfigurableResource):
    """Kolada over HTTP."""

    def create_resource(self, context: dg.InitResourceContext) -> KoladaClient:
        """A client that asks the configured Kolada and no other."""
        del context
        settings = Settings.from_environment()
        return KoladaClient(settings.source, rate=settings.rate)
