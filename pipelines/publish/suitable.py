"""What the audit lets through: what is withheld, and the page of how well areas are judged."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import polars as pl
from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from pipelines.wording import CREDIT, swedish

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
WITHHELD = "internal_only"
SCORES = (
    "rank_interval", "better_than", "index_alternative", "dea_score", "dea_peer", "order_m_score",
    "malmquist", "peer_comparison", "indicator_score", "rank_bounds", "peer_place",
    "peer_place_range", "change_label", "guardrail_change",
)  # fmt: skip
NUMBERS = (
    "resource_index", "quality_index", "efficiency_score", "rka_index", "efficiency_rank",
    "peer_mean",
)  # fmt: skip
KEY = ("service_area", "period")


@dataclass(frozen=True, slots=True)
class Judged:
    """A row of the page; the texts are Swedish."""

    title: str
    body: str
    statutory: str
    grade: str
    period: int
    verdict: str
    complete: str
    reasons: str


def without_withheld(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Take out the scores of the areas and years that carry internal use only.

    The rows of `efficiency` stay and say so; those of the other tables of scores go. What can not
    be published for other reasons has no scores to begin with.
    """
    withheld = tables["suitability"].filter(verdict=WITHHELD).select(KEY)
    kept = {
        name: table.join(withheld, on=KEY, how="anti", maintain_order="left")
        for name, table in tables.items()
        if name in SCORES
    }
    efficiency = tables["efficiency"].join(
        withheld.with_columns(is_withheld=True), on=KEY, how="left", maintain_order="left"
    )
    is_withheld = pl.col("is_withheld").fill_null(False)
    is_said = is_withheld & (pl.col("status") == "ranked")  # the others say already why not
    kept["efficiency"] = efficiency.with_columns(
        *(pl.when(~is_withheld).then(pl.col(name)).alias(name) for name in NUMBERS),
        pl.when(is_withheld).then(0).otherwise(pl.col("n_ranked")).cast(pl.Int32).alias("n_ranked"),
        pl.when(is_said).then(pl.lit(WITHHELD)).otherwise(pl.col("status")).alias("status"),
    ).drop("is_withheld")
    return {**tables, **kept}


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


def matrix_page(
    tables: Mapping[str, pl.DataFrame], *, municipality: str, as_of: datetime, marks: list[str]
) -> bytes:
    """Make the page that lists every area and how well it can be judged, also the empty ones.

    Parameters
    ----------
    tables : mapping
        The frames of a release by their names in it.
    municipality : str
        The one in focus, whose committees are named.
    as_of : datetime
        The moment whose knowledge the tables hold.
    marks : list of str
        What the reader must be warned of.
    """
    name = tables["efficiency"].filter(municipality=municipality)["municipality_title"][0]
    return (
        _template()
        .render(
            municipality=name,
            as_of=f"{as_of:%Y-%m-%d}",
            rows=list(_rows(tables, municipality)),
            unmeasured=_unmeasured(tables["committee"], municipality),
            marks=marks,
            credit=CREDIT,
        )
        .encode("utf-8")
    )


def _rows(tables: Mapping[str, pl.DataFrame], municipality: str) -> Iterator[Judged]:
    bodies = tables["committee"].filter(municipality=municipality).drop_nulls("service_area")
    findings, verdicts = tables["suitability_finding"], tables["suitability"]
    for area in tables["service_area"].sort("title").iter_rows(named=True):
        key = area["service_area"]
        newest = verdicts.filter(service_area=key).sort("period").row(-1, named=True)
        mine = tables["indicator"].filter(service_area=key)
        found = findings.filter(service_area=key, period=newest["period"])
        said = reasons_said(found, dict(mine.select("indicator", "label").iter_rows()))
        yield Judged(
            title=area["title"],
            body=_body(bodies.filter(service_area=key)),
            statutory="ja" if area["statutory"] else "nej",
            grade=area["evidence_grade"],
            period=newest["period"],
            verdict=VERDICTS[newest["verdict"]],
            complete=f"{swedish(newest['n_complete'])} av {swedish(newest['n_municipality'])}",
            reasons=f"{_capital(said or NOTHING)}. {area['evidence_reason']}",
        )


def _body(rows: pl.DataFrame) -> str:
    if rows.is_empty():
        return "inte angiven"
    row = rows.sort("valid_from").row(-1, named=True)
    return str(row["body"]) if row["is_verified"] else f"{row['body']} (ej verifierad)"


def _unmeasured(committee: pl.DataFrame, municipality: str) -> list[tuple[str, str]]:
    rows = committee.filter(
        pl.col("municipality") == municipality, pl.col("service_area").is_null()
    )
    return list(rows.select("body", "unmeasured_reason").iter_rows())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _number(value: Any, decimals: int, *, times: float = 1) -> str:
    return "" if value is None else swedish(value * times, decimals)


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipelines.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("matrix.html.j2")
