"""The page of how well every area can be judged, and why."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipelines.site.facts import Facts
from pipelines.site.page import Frame, page
from pipelines.wording import swedish

VERDICTS = {
    "publish": "publicera",
    "internal_only": "endast internt",
    "do_not_publish": "publicera inte",
}
FINDINGS = {  # {number} and {limit} are what was found and what it is measured by
    "no_data": "det finns inga uppgifter",
    "cost_missing": "kostnaden saknas helt",
    "quality_missing": "kvalitetsmått saknas helt",
    "coverage_below_gate": "bara {number_pct} % av kommunerna har alla uppgifter; minst "
    "{limit_pct} % krävs",
    "cost_level_only": "det finns en kostnad men inget att ställa den mot",
    "few_quality_indicators": "bara {number} kvalitetsmått; minst {limit} krävs",
    "quality_is_input": "kvalitetsmåtten är insatser, inte resultat",
    "low_reliability": "mer av skillnaderna är slump än inte (tillförlitlighet {number_2})",
    "one_indicator_decides": "ett enda mått avgör {number_pct} % av poängen",
    "peers_only": "visas bara bredvid jämförbara kommuner, utan plats i landet",
    "reliability_unknown": "tillförlitligheten är inte känd",
    "overlap": "två kvalitetsmått säger nästan samma sak",
    "preliminary": "en del uppgifter är preliminära",
}
NAMED = ("cost_missing", "quality_missing", "one_indicator_decides", "overlap")  # by indicator
NOTHING = "inget att anmärka"


@dataclass(frozen=True, slots=True)
class Judged:
    """A row of the page; the texts are Swedish."""

    title: str
    page: str
    body: str
    statutory: str
    grade: str
    period: int
    verdict: str
    complete: str
    reasons: str


def reasons_said(findings: pl.DataFrame, labels: Mapping[str, str]) -> str:
    """Return the findings of one area and year in Swedish, each rule once.

    Parameters
    ----------
    findings : frame
        `mart.suitability_finding` of the area and year.
    labels : mapping
        The Swedish name of every indicator of the area.
    """
    said = []
    for (reason,), rows in findings.group_by("reason", maintain_order=True):
        number, limit = rows["number"][0], rows["limit"][0]
        text = FINDINGS[str(reason)].format(
            number=_number(number, 0),
            limit=_number(limit, 0),
            number_2=_number(number, 2),
            number_pct=_number(number, 0, times=100),
            limit_pct=_number(limit, 0, times=100),
        )
        names = [labels.get(name, name) for name in rows["indicator"].drop_nulls().unique().sort()]
        is_named = names and reason in NAMED
        said.append(f"{text} ({', '.join(names)})" if is_named else text)
    return "; ".join(said)


def matrix_page(facts: Facts, frame: Frame) -> bytes:
    """Make the page that lists every area and how well it can be judged, also the empty ones."""
    return page(
        "matrix.html.j2", "matrix.html", frame, title="Hur väl kan varje område bedömas?",
        municipality=frame.municipality_title,
        rows=list(_rows(facts, frame.municipality)),
        unmeasured=unmeasured(facts.tables["committee"], frame.municipality),
    )  # fmt: skip


def area_body(committee: pl.DataFrame, area: str, municipality: str) -> str:
    """Name the committee that answers for an area in a municipality, and whether that is sure."""
    rows = committee.filter(municipality=municipality, service_area=area)
    if rows.is_empty():
        return "inte angiven"
    row = rows.sort("valid_from").row(-1, named=True)
    return str(row["body"]) if row["is_verified"] else f"{row['body']} (ej verifierad)"


def unmeasured(committee: pl.DataFrame, municipality: str) -> list[tuple[str, str]]:
    """List the committees that have no score on purpose, with the reason."""
    rows = committee.filter(
        pl.col("municipality") == municipality, pl.col("service_area").is_null()
    )
    return list(rows.select("body", "unmeasured_reason").iter_rows())


def _rows(facts: Facts, municipality: str) -> Iterator[Judged]:
    verdicts = facts.tables["suitability"]
    findings = facts.tables["suitability_finding"]
    for area in facts.areas:
        newest = verdicts.filter(service_area=area.name).sort("period").row(-1, named=True)
        found = findings.filter(service_area=area.name, period=newest["period"])
        said = reasons_said(found, {row["indicator"]: row["label"] for row in area.indicators})
        yield Judged(
            title=area.title,
            page=area.page,
            body=area_body(facts.tables["committee"], area.name, municipality),
            statutory="ja" if area.row["statutory"] else "nej",
            grade=area.row["evidence_grade"],
            period=newest["period"],
            verdict=VERDICTS[newest["verdict"]],
            complete=f"{swedish(newest['n_complete'])} av {swedish(newest['n_municipality'])}",
            reasons=f"{_capital(said or NOTHING)}. {area.row['evidence_reason']}",
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Any, decimals: int, *, times: float = 1) -> str:
    return "" if value is None else swedish(value * times, decimals)
