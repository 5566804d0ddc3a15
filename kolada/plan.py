"""What to ask for, and what that costs, before anything is asked."""

import math
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from kolada.errors import ArchiveError, UnknownIdError
from kolada.query import PAGE_ROWS, Query, batches

RIKET = "0000"  # the country's own values, a region in Kolada's words


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions of one sync, in the order in which they are asked."""

    queries: tuple[Query, ...]

    @property
    def n_row(self) -> int:
        """Rows at most: one per kpi, municipality and year; Kolada leaves out what is not there."""
        return sum(_n_row(query) for query in self.queries)

    @property
    def n_request(self) -> int:
        """Requests at most: one per full page and question."""
        return sum(max(1, math.ceil(_n_row(query) / PAGE_ROWS)) for query in self.queries)

    def seconds(self, rate: float | None) -> float:
        """The time that `rate` requests per second allow it to take at best; 0 without a limit."""
        return self.n_request / rate if rate else 0.0


def observation_plan(
    *, kpi: Iterable[str], municipality: Iterable[str], period: Iterable[int]
) -> Plan:
    """Ask for every cell of kpi x municipality x period once, a batch of KPIs at a time.

    No question has more cells than a page has rows: the answer is one page, and nothing that
    Kolada publishes meanwhile can slip between two.
    """
    periods = sorted(set(period))
    return Plan(
        tuple(
            Query("data", kpi=kpis, municipality=municipalities, period=some)
            for kpis in batches(sorted(set(kpi)))
            for municipalities in batches(sorted(set(municipality)))
            for some in batches(periods, most=PAGE_ROWS // (len(kpis) * len(municipalities) or 1))
        )
    )


def ou_plan(*, kpi: Iterable[str], period: Iterable[int]) -> Plan:
    """Ask for every unit's value of kpi x period, a year of a KPI at a time."""
    return Plan(
        tuple(
            Query("oudata", kpi=(one,), period=(year,))
            for one in sorted(set(kpi))
            for year in sorted(set(period))
        )
    )


def municipalities_to_ask(municipality: pl.DataFrame) -> list[str]:
    """All municipalities of the catalogue, and the country."""
    is_asked = (pl.col("type") == "K") | (pl.col("municipality") == RIKET)
    return municipality.filter(is_asked & ~pl.col("is_deleted"))["municipality"].to_list()


def known_kpis(kpi: pl.DataFrame, wanted: Sequence[str] | None) -> list[str]:
    """The KPIs wanted, or all that municipalities can have, checked against the catalogue.

    Raises
    ------
    UnknownIdError
        If one of them is not in the catalogue.
    """
    present = kpi.filter(~pl.col("is_deleted"))
    if wanted is None:
        return present.filter(pl.col("municipality_type").ne_missing("L"))["kpi"].to_list()
    known = set(present["kpi"])
    if unknown := sorted({one for one in wanted if one not in known}):
        raise UnknownIdError(
            f"Kolada has no KPI {', '.join(unknown[:5])} ({len(unknown)} of {len(wanted)} asked "
            "for). Find the id with `python -m kolada kpi <word>`."
        )
    return sorted(set(wanted))


def kpis_of_areas(folder: Path) -> tuple[list[str], list[str]]:
    """The KPIs that the area files of a folder name, and those whose units are wanted too.

    Raises
    ------
    ArchiveError
        If the folder has no area file, or one that is not TOML.
    """
    found: set[str] = set()
    of_units: set[str] = set()
    for path in sorted(folder.glob("*.toml")):
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except tomllib.TOMLDecodeError as error:
            raise ArchiveError(f"{path} is not TOML: {error}. Correct the file there.") from error
        named = [one for one in content.get("indicators", {}).values() if "kpi" in one]
        found.update(one["kpi"] for one in named)
        of_units.update(one["kpi"] for one in named if one.get("unit_data"))
    if not found:
        raise ArchiveError(
            f"There is no service area with a KPI in {folder}. Name the folder of the area files, "
            "or ask with --all or --kpi."
        )
    return sorted(found), sorted(of_units)


def _n_row(query: Query) -> int:
    return math.prod(len(ids) for ids in (query.kpi, query.municipality, query.period) if ids)
