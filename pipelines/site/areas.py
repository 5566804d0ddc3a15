"""A page for every service area: charts, all municipalities, and how it is measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipelines.site import say
from pipelines.site.facts import Area, Facts
from pipelines.site.matrix import VERDICTS, area_body, reasons_said
from pipelines.site.municipalities import BETTER, ROLE_NAMES
from pipelines.site.page import Frame, page
from pipelines.site.picture import Picture
from pipelines.wording import MISSING, REASONS, swedish, swedish_order
from pipelines.words.said import Said

GRADES = {
    "A": "Underlaget bär en plats i landet.",
    "B": "Underlaget bär en plats i landet, med förbehåll.",
    "C": "Visas bara bredvid liknande kommuner, utan plats i landet.",
    "D": "Effektivitet kan inte bedömas.",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """A municipality in the table of all; the texts are Swedish."""

    municipality: str
    title: str
    place: str
    interval: str
    score: str
    resource: str
    quality: str
    is_own: bool


def area_pages(
    facts: Facts, frame: Frame, pictures: Mapping[str, Sequence[Picture]]
) -> Iterator[tuple[str, bytes, list[Said]]]:
    """Yield path, page and sentences of every area.

    Parameters
    ----------
    facts : Facts
        The tables of the release.
    frame : Frame
        What every page says of it.
    pictures : mapping
        The charts of every area that has any.
    """
    for area in facts.areas:
        place = say.place(facts, area, frame.municipality)
        about = say.about(facts, area, frame.municipality)
        coverage = say.coverage(area)
        labels = {row["indicator"]: row["label"] for row in area.indicators}
        body = page(
            "area.html.j2", area.page, frame, title=f"{area.title} {area.period}",
            has_chart=bool(pictures.get(area.name)),
            area=area, place=place, about=about, coverage=coverage,
            pictures=pictures.get(area.name, ()),
            verdict=VERDICTS[area.verdict["verdict"]],
            reasons=reasons_said(area.findings, labels),
            grade=GRADES[area.row["evidence_grade"]],
            committee=area_body(facts.tables["committee"], area.name, frame.municipality),
            indicators=area.indicators, roles=ROLE_NAMES, better=BETTER,
            rows=list(_rows(facts, area, frame.municipality)),
            peers=[(p, facts.municipalities[p]) for p in facts.peers(area, frame.municipality)
                   if p in facts.municipalities],
        )  # fmt: skip
        yield area.page, body, [s for s in (place, *about, *coverage) if isinstance(s, Said)]


def _rows(facts: Facts, area: Area, own: str) -> Iterator[Placed]:
    def order(municipality: str) -> tuple[Any, ...]:
        row = facts.row("efficiency", area, municipality)
        rank = row["efficiency_rank"] if row else None
        return (rank is None, rank, swedish_order(facts.municipalities[municipality]))

    for municipality in sorted(facts.municipalities, key=order):
        row = facts.row("efficiency", area, municipality)
        if row is None:
            continue
        span = facts.row("rank_interval", area, municipality)
        has_place = row["efficiency_rank"] is not None
        has_span = span is not None and span["rank_low"] is not None
        yield Placed(
            municipality=municipality,
            title=facts.municipalities[municipality],
            place=swedish(row["efficiency_rank"])
            if has_place
            else REASONS.get(row["status"], MISSING),
            interval=f"{swedish(span['rank_low'])}–{swedish(span['rank_high'])}"
            if has_place and has_span
            else "",
            score=_points(row["efficiency_score"]),
            resource=_points(row["resource_index"]),
            quality=_points(row["quality_index"]),
            is_own=municipality == own,
        )


def _points(value: float | None) -> str:
    return "" if value is None else swedish(value, 1)
