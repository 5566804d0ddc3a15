"""Tables -> everything in a release: tables as files, charts, the start page, the method."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
from jinja2 import Environment, PackageLoader

from pipelines.charts import Caption, quadrant, ranking
from pipelines.publish.code import code_version
from pipelines.publish.image import png, svg
from pipelines.publish.numbers import numbers_page
from pipelines.publish.page import chart_page
from pipelines.publish.suitable import WITHHELD, matrix_page, without_withheld
from pipelines.publish.tables import table_files
from pipelines.sheet import NARROW, WIDE
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


@dataclass(frozen=True, slots=True)
class AreaResult:
    """What a release says of one service area, for the municipality in focus."""

    name: str
    title: str
    period: int | None  # the newest year that could be ranked
    messages: tuple[str, ...]  # Swedish
    charts: tuple[str, ...] = ()  # paths without ending


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

    results = []
    for area in tables["service_area"].sort("service_area").iter_rows(named=True):
        result, charts = _area(tables, area, municipality=municipality, as_of=as_of)
        results.append(result)
        content.files.update(charts)

    title = dict(tables["efficiency"].select("municipality", "municipality_title").unique().rows())
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
    content.files["matrix.html"] = matrix_page(
        tables, municipality=municipality, as_of=as_of, marks=marks
    )
    content.files["numbers.html"] = numbers_page(
        tables,
        {result.name: result.period for result in results if result.period is not None},
        municipality=municipality,
        as_of=as_of,
        marks=marks,
        method=METHOD,
    )
    content.files["index.html"] = _start_page(
        results,
        municipality=title[municipality],
        as_of=as_of,
        marks=marks,
        tables={
            name: f"tables/{name}.csv" in content.files
            for name in sorted(content.manifest["tables"])
        },
    )
    return content


def _area(
    tables: Mapping[str, pl.DataFrame],
    area: Mapping[str, Any],
    *,
    municipality: str,
    as_of: datetime,
) -> tuple[AreaResult, dict[str, bytes]]:
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
    files: dict[str, bytes] = {}
    paths = []
    for kind, draw, rows in (("quadrant", quadrant, frame), ("ranking", ranking, placed)):
        path = f"charts/{name}/{kind}"
        paths.append(path)
        wide, narrow = (draw(rows, caption=caption, size=size) for size in (WIDE, NARROW))
        for ending, body in _chart_files(wide, narrow):
            files[f"{path}.{ending}"] = body

    messages = [ranking_title(places(placed)), quadrant_title(frame), f"{_covered(covered)}."]
    for late in (
        coverage.filter((pl.col("period") > period) & ~pl.col("is_covered"))
        .sort("period")
        .iter_rows(named=True)
    ):
        messages.append(f"{late['period']} kan inte rangordnas: {_covered(late)}.")
    return AreaResult(name, area["title"], period, tuple(messages), tuple(paths)), files


def _chart_files(wide: go.Figure, narrow: go.Figure) -> Iterator[tuple[str, bytes]]:
    yield "html", chart_page(wide, narrow=narrow).encode("utf-8")
    yield "svg", svg(wide)
    yield "png", png(wide)


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


def _start_page(
    results: list[AreaResult],
    *,
    municipality: str,
    as_of: datetime,
    marks: list[str],
    tables: Mapping[str, bool],
) -> bytes:
    environment = Environment(
        loader=PackageLoader("pipelines.publish"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("index.html.j2").render(
        results=results,
        municipality=municipality,
        as_of=f"{as_of:%Y-%m-%d}",
        marks=marks,
        tables=tables,
        credit=CREDIT,
        method=METHOD,
    )
    return page.encode("utf-8")
