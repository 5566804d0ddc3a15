"""Tables -> everything in a radar: the page, the tables as files, the one line of the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.publish.content import PRELIMINARY, PROPOSAL, SIMULATED
from pipelines.publish.tables import table_files
from pipelines.radar import sections, words
from pipelines.wording import CREDIT, MARKS, swedish

TABLES = {  # what is published of it, by name in the folder
    "revision": "mart.revision",
    "definition_change": "mart.definition_change",
    "rank_change": "mart.rank_change",
}
# What it is made from beside them.
NEEDED_TABLES = {
    **TABLES,
    "service_area": "staging.service_area",
    "indicator": "staging.indicator",
    "kpi": "staging.kpi",
    "municipality": "staging.municipality",
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two moments, and whose places, a radar is about."""

    since: datetime | None  # None is the first reading
    until: datetime
    municipality: str  # in focus
    materiality: float
    n_value: int = 0  # known at `until`, for the first reading
    n_kpi: int = 0
    note: str = ""  # in Swedish: which places were compared, where it is not the newest


@dataclass(frozen=True, slots=True)
class Content:
    """A radar: its line, and its files where there is anything to read."""

    line: str  # Swedish
    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)


def radar_content(tables: Mapping[str, pl.DataFrame], compared: Comparison) -> Content:
    """Make the files of a radar; the same tables give the same bytes.

    Parameters
    ----------
    tables : mapping
        The frames of `NEEDED_TABLES` by their names.
    compared : Comparison
        The moments that the tables compare.

    Returns
    -------
    Content
        Without files where Kolada has changed nothing.
    """
    since = compared.since
    if (
        since is not None
        and tables["revision"].is_empty()
        and tables["definition_change"].is_empty()
    ):
        return Content(words.quiet(since))

    titles = dict(tables["municipality"].select("municipality", "title").rows())
    focus = sections.Focus(
        compared.municipality, titles.get(compared.municipality, compared.municipality)
    )
    areas = dict(tables["service_area"].select("service_area", "title").rows())
    marks = _marks(tables)
    files = _table_files(tables, marks)
    places = sections.places(tables["rank_change"], areas, since=since)
    line = (
        words.first_reading(compared.n_value, compared.n_kpi)
        if since is None
        else sections.summary(tables, places, since=since, focus=focus)
    )
    page = _page(
        title=f"Revisionsradar {words.day(compared.until)}",
        line=line,
        moments=words.moments(since, compared.until) if since else None,
        marks=[(mark, MARKS[mark]) for mark in marks],
        focus=focus.title,
        areas=sections.areas(tables, places, areas),
        note=compared.note,
        definitions=sections.definitions(tables["definition_change"], areas),
        values=sections.values(tables, areas, focus=focus),
        first_readings=sections.first_readings(tables),
        n_publication=sections.n_publication(tables["definition_change"]),
        n_minor=sections.n_minor(tables["revision"]),
        materiality=words.size(compared.materiality * 100),
        peers=sections.peers(tables["definition_change"], areas, focus=focus),
        unused=sections.unused(tables),
        tables=[(name, tables[name].height, f"{name}.csv" in files) for name in TABLES],
        credit=CREDIT,
        raw_credit=words.RAW_CREDIT,
    )
    return Content(
        line,
        {"index.html": page, **files},
        {
            "format": 1,
            "since": since.isoformat(timespec="microseconds") if since else None,
            "until": compared.until.isoformat(timespec="microseconds"),
            "line": line,
            "municipality": compared.municipality,
            "materiality": compared.materiality,
            "service_areas": sorted(areas),
            "marks": marks,
            "credit": {"computed": CREDIT, "as received": words.RAW_CREDIT},
            "tables": {name: tables[name].height for name in TABLES},
            "releases": tables["rank_change"]["release"].unique().sort().to_list(),
        },
    )


def _marks(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    used = tables["indicator"]["kpi"]
    is_marked = {
        SIMULATED: tables["kpi"].filter(pl.col("kpi").is_in(used.implode()))["is_simulated"].any(),
        PRELIMINARY: tables["rank_change"]["is_preliminary"].any(),
        PROPOSAL: tables["service_area"]["decision"].has_nulls(),
    }
    return [mark for mark, is_so in is_marked.items() if is_so]


def _table_files(tables: Mapping[str, pl.DataFrame], marks: Sequence[str]) -> dict[str, bytes]:
    simulated = [mark for mark in marks if mark == SIMULATED]
    notes = {
        "revision": [*simulated, f"Värden före och efter: {words.RAW_CREDIT}"],
        "definition_change": [*simulated, f"Texter före och efter: {words.RAW_CREDIT}"],
        "rank_change": marks,
    }
    return {
        file: body
        for name in TABLES
        for file, body in table_files(name, tables[name], marks=notes[name]).items()
    }


def _page(**said: Any) -> bytes:
    environment = Environment(
        loader=PackageLoader("pipelines.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["swedish"] = swedish
    return environment.get_template("radar.html.j2").render(said).encode("utf-8")
