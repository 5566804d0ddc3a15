"""Tables -> everything in a release: tables as files, charts, the start page, the method."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl

from pipelines.charts import Caption, quadrant, ranking
from pipelines.publish.code import code_version
from pipelines.publish.image import png, svg
from pipelines.publish.tables import table_files
from pipelines.publish.withheld import WITHHELD, without_withheld
from pipelines.sheet import NARROW, WIDE
from pipelines.site.made import site_files
from pipelines.site.page import Frame
from pipelines.site.picture import picture
from pipelines.wording import CREDIT, places, quadrant_title, ranking_title, swedish

PUBLISHED_TABLES = {
    "efficiency": "mart.efficiency",
    "rank_interval": "mart.rank_interval",
    "better_than": "mart.better_than",
    "error_budget": "mart.error_budget",
    "index_alternative": "mart.index_alternative",
    "dea_score": "mart.dea_score",
    "dea_peer": "mart.dea_peer",
    "order_m_score": "mart.order_m_score",
    "malmquist": "mart.malmquist",
    "peer_comparison": "mart.peer_comparison",
    "peer_value": "mart.peer_value",
    "revision_log": "mart.revision_log",
    "indicator_score": "mart.indicator_score",
    "panel": "mart.panel",
    "set_aside": "mart.set_aside",
    "coverage": "mart.coverage",
    "area_coverage": "mart.area_coverage",
    "suitability": "mart.suitability",
    "suitability_finding": "mart.suitability_finding",
    "indicator_audit": "mart.indicator_audit",
    "rank_bounds": "mart.rank_bounds",
    "peer_coverage": "mart.peer_coverage",
    "peer_set": "mart.peer_set",
    "peerless": "mart.peerless",
    "peer_reciprocity": "mart.peer_reciprocity",
    "peer_place": "mart.peer_place",
    "peer_place_range": "mart.peer_place_range",
    "change_label": "mart.change_label",
    "guardrail_change": "mart.guardrail_change",
    "gender_gap_change": "mart.gender_gap_change",
    "rka_comparison": "mart.rka_comparison",
    "rka_variant": "mart.rka_variant",
    "rka_definition": "mart.rka_definition",
    "goal_score": "mart.goal_score",
    "goal_component": "mart.goal_component",
    "goal_beside": "mart.goal_beside",
    "identity_check": "mart.identity_check",
    "committee": "staging.committee",
    "goal": "staging.goal",
    "goal_kpi": "staging.goal_kpi",
    "service_area": "staging.service_area",
    "indicator": "staging.indicator",
    "peer": "staging.peer",
}
# What a release is made from beside them: which KPIs are simulated, and the moment it shows.
NEEDED_TABLES = {**PUBLISHED_TABLES, "kpi": "staging.kpi", "as_of": "staging.as_of"}
METHOD = (
    "RKA:s indexmetod (0–100, percentil 2,5–97,5); rangen bygger på medelvärdet av resurs- och "
    "kvalitetsindex."
)
NOT_COVERED = "{title} kan inte rangordnas: {covered}."
WITHHELD_AREA = "{title} publiceras inte, för underlaget bär bara intern användning. {reason}"
BY_GRADE = {  # what is said of an area whose evidence does not carry a place in the country
    "C": "{title} får ingen plats i landet, för underlaget bär den inte. {reason}",
    "D": "{title}: effektivitet kan inte bedömas. {reason}",
}
SIMULATED, PRELIMINARY, PROPOSAL = "SIMULERADE DATA", "PRELIMINÄRT", "FÖRSLAG"


Figures = tuple[go.Figure, go.Figure]  # wide and narrow


@dataclass(frozen=True, slots=True)
class AreaResult:
    """What a release says of one service area, for the municipality in focus."""

    name: str
    title: str
    period: int | None  # the newest year that could be ranked
    messages: tuple[str, ...]  # Swedish


@dataclass(slots=True)
class Content:
    """Every file of a release by its path, and what its manifest says beside their hashes."""

    files: dict[str, bytes] = field(default_factory=dict)
    manifest: dict[str, Any] = field(default_factory=dict)


def release_content(
    tables: Mapping[str, pl.DataFrame],
    *,
    municipality: str,
    as_of: datetime,
    area_files: Mapping[str, Path],
) -> Content:
    """Make the files of a release; the same tables give the same bytes.

    Parameters
    ----------
    tables : mapping
        The frames of `NEEDED_TABLES` by their names in the release.
    municipality : str
        The one in focus of the charts; the tables hold all.
    as_of : datetime
        The moment whose knowledge the tables hold, in Stockholm.
    area_files : mapping
        The definition of every service area, by its name.
    """
    tables = without_withheld(tables)
    marks = _marks(tables)
    content = Content()
    for name in PUBLISHED_TABLES:
        for file, body in table_files(name, tables[name], marks=marks).items():
            content.files[f"tables/{file}"] = body
    for name, path in area_files.items():
        content.files[f"method/areas/{name}.toml"] = path.read_bytes()

    results, pictures = [], {}
    for area in tables["service_area"].sort("service_area").iter_rows(named=True):
        result, charts = _area(tables, area, municipality=municipality, as_of=as_of)
        results.append(result)
        pictures[result.name] = [picture(path, *figures) for path, figures in charts.items()]
        for path, (wide, _) in charts.items():
            content.files |= {f"{path}.svg": svg(wide), f"{path}.png": png(wide)}

    content.manifest = {
        "format": 1,
        "as_of": as_of.isoformat(timespec="microseconds"),
        "municipality": municipality,
        "service_areas": sorted(area_files),
        "marks": marks,
        "credit": CREDIT,
        "method": METHOD,
        "code": code_version(),
        "tables": {name: tables[name].height for name in PUBLISHED_TABLES},
        "headlines": {
            result.name: {
                "title": result.title,
                "period": result.period,
                "messages": list(result.messages),
            }
            for result in results
        },
    }
    title = dict(tables["efficiency"].select("municipality", "municipality_title").unique().rows())
    content.files |= site_files(
        tables,
        Frame(municipality, title[municipality], as_of, tuple(marks)),
        pictures=pictures,
        downloads=_downloads(content.files, content.manifest["tables"]),
        method=METHOD,
    )
    return content


def _area(
    tables: Mapping[str, pl.DataFrame],
    area: Mapping[str, Any],
    *,
    municipality: str,
    as_of: datetime,
) -> tuple[AreaResult, dict[str, Figures]]:
    name = area["service_area"]
    scored = tables["efficiency"].filter(service_area=name)
    coverage = tables["area_coverage"].filter(service_area=name)
    ranked = scored.filter(pl.col("n_ranked") > 0)
    if ranked.is_empty():
        newest = coverage.sort("period").row(-1, named=True)
        is_withheld = (scored["status"] == WITHHELD).any()
        form = WITHHELD_AREA if is_withheld else BY_GRADE.get(area["evidence_grade"], NOT_COVERED)
        said = form.format(
            title=area["title"], covered=_covered(newest), reason=area["evidence_reason"]
        )
        return AreaResult(name, area["title"], None, (said,)), {}

    period = int(ranked["period"].max())  # type: ignore[arg-type]
    frame = _with_roles(
        scored.filter(period=period), tables["peer"], area["peer_group"], municipality
    )
    placed = frame.filter(pl.col("role") != "other").join(
        tables["rank_interval"].filter(service_area=name, period=period),
        on="municipality",
        how="left",
    )
    covered = coverage.filter(period=period).row(0, named=True)
    caption = Caption(
        area=area["title"],
        period=period,
        as_of=f"{as_of:%Y-%m-%d}",
        method=METHOD,
        n_ranked=int(frame["n_ranked"][0]),
        n_missing=covered["n_municipality"] - covered["n_complete"],
        marks=tuple(_area_marks(tables, area, is_preliminary=covered["is_preliminary"])),
    )
    charts = {
        f"charts/{name}/{kind}": (
            draw(rows, caption=caption, size=WIDE),
            draw(rows, caption=caption, size=NARROW),
        )
        for kind, draw, rows in (("quadrant", quadrant, frame), ("ranking", ranking, placed))
    }

    messages = [ranking_title(places(placed)), quadrant_title(frame), f"{_covered(covered)}."]
    for late in (
        coverage.filter((pl.col("period") > period) & ~pl.col("is_covered"))
        .sort("period")
        .iter_rows(named=True)
    ):
        messages.append(f"{late['period']} kan inte rangordnas: {_covered(late)}.")
    return AreaResult(name, area["title"], period, tuple(messages)), charts


def _with_roles(
    rows: pl.DataFrame, peer: pl.DataFrame, peer_group: str, municipality: str
) -> pl.DataFrame:
    peers = peer.filter(peer_group=peer_group, municipality=municipality)["peer"]
    return rows.with_columns(
        pl.when(pl.col("municipality") == municipality)
        .then(pl.lit("chosen"))
        .when(pl.col("municipality").is_in(peers.implode()))
        .then(pl.lit("peer"))
        .otherwise(pl.lit("other"))
        .alias("role")
    )


def _covered(row: Mapping[str, Any]) -> str:
    return (
        f"{swedish(row['n_complete'])} av {swedish(row['n_municipality'])} kommuner har alla "
        "uppgifter"
    )


def _marks(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    is_preliminary = bool(tables["panel"]["is_preliminary"].any())
    areas = tables["service_area"].iter_rows(named=True)
    found = {m for a in areas for m in _area_marks(tables, a, is_preliminary=is_preliminary)}
    return [mark for mark in (SIMULATED, PRELIMINARY, PROPOSAL) if mark in found]


def _area_marks(
    tables: Mapping[str, pl.DataFrame], area: Mapping[str, Any], *, is_preliminary: bool
) -> Iterator[str]:
    used = tables["indicator"].filter(service_area=area["service_area"])["kpi"]
    if tables["kpi"].filter(pl.col("kpi").is_in(used.implode()))["is_simulated"].any():
        yield SIMULATED
    if is_preliminary:
        yield PRELIMINARY
    if area["decision"] is None:
        yield PROPOSAL


def _downloads(files: Mapping[str, bytes], n_row: Mapping[str, int]) -> list[dict[str, Any]]:
    kinds = (("svensk CSV", "sv.csv"), ("CSV", "csv"), ("Parquet", "parquet"))
    return [
        {
            "name": name,
            "description": "",
            "rows": rows,
            "files": [
                (label, f"tables/{name}.{ending}")
                for label, ending in kinds
                if f"tables/{name}.{ending}" in files
            ],
        }
        for name, rows in sorted(n_row.items())
    ]
