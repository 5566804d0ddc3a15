"""A page for every municipality, and the one that lists them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from pipelines.site import say
from pipelines.site.facts import Area, Facts, Row
from pipelines.site.page import Frame, page
from pipelines.site.place_bar import place_bar
from pipelines.words.said import Said, row_cells, said

ROLE_NAMES = {
    "cost": "Kostnad",
    "unadjusted_cost": "Kostnad, ej justerad",
    "quality": "Kvalitet",
    "guardrail": "Skydd",
    "control": "Kontroll, utanför poängen",
    "context": "Förutsättning",
}
BETTER = {"higher": "högre är bättre", "lower": "lägre är bättre", None: ""}
ABSENT = {  # by `reason` in panel
    "not_published": "inte publicerat än",
    "missing": "saknas hos Kolada",
    "no_row": "saknas hos Kolada",
    "withdrawn": "återkallat",
    "implausible": "orimligt värde, används inte",
    "not_in_panel": "används inte det året",
}
DECIMALS = 1
BETTER_KEY = ("service_area", "period", "municipality", "peer")


@dataclass(frozen=True, slots=True)
class Value:
    """A row of an area's values; the texts are Swedish."""

    label: str
    role: str
    better: str
    kpi: str | None
    value: Said | str
    unit: str
    year: Said | str
    beside: Said | str
    notes: str


@dataclass(frozen=True, slots=True)
class Section:
    """An area on a municipality's page."""

    area: Area
    place: Said | str
    bar: Markup | None
    about: list[Said]
    peers: list[tuple[str, str]]
    better: list[tuple[str, Said]]
    values: list[Value]


def municipality_pages(facts: Facts, frame: Frame) -> Iterator[tuple[str, bytes, list[Said]]]:
    """Yield path, page and sentences of every municipality."""
    for municipality, title in facts.municipalities.items():
        sections = [_section(facts, area, municipality) for area in facts.areas]
        whole = say.whole(facts, municipality)
        path = f"municipality/{municipality}.html"
        body = page(
            "municipality.html.j2", path, frame, title=f"{title}: vad får man för pengarna?",
            municipality=municipality, whole=whole, sections=sections,
        )  # fmt: skip
        yield path, body, [*whole, *_sentences(sections)]


def list_page(facts: Facts, frame: Frame) -> bytes:
    """Make the page that leads to every municipality."""
    return page(
        "municipalities.html.j2", "municipalities.html", frame, title="Alla kommuner",
        municipalities=facts.municipalities,
    )  # fmt: skip


def _section(facts: Facts, area: Area, municipality: str) -> Section:
    return Section(
        area=area,
        place=say.place(facts, area, municipality),
        bar=place_bar(facts, area, municipality),
        about=say.about(facts, area, municipality),
        peers=[(peer, facts.municipalities[peer]) for peer in facts.peers(area, municipality)
               if peer in facts.municipalities],
        better=[
            (row["peer"], said("{p_better:0%}", **row_cells("better_than", row, BETTER_KEY)))
            for row in facts.better_than(area, municipality)
        ],
        values=list(_values(facts, area, municipality)),
    )  # fmt: skip


def _values(facts: Facts, area: Area, municipality: str) -> Iterator[Value]:
    values = facts.values(area, municipality)
    for indicator in area.indicators:
        found = values.get(indicator["indicator"])
        row, beside = found if found else (None, None)
        yield Value(
            label=indicator["label"],
            role=ROLE_NAMES[indicator["role"]],
            better=BETTER[indicator["direction"]],
            kpi=indicator["kpi"],
            unit=indicator["unit"],
            **_numbers(row, beside),
        )


def _numbers(row: Row | None, beside: Row | None) -> dict[str, Any]:
    if row is None or row["value"] is None:
        why = ABSENT.get(row["reason"] if row else "not_in_panel", "saknas")
        return {"value": why, "year": "", "beside": "", "notes": ""}
    key = ("service_area", "period", "municipality", "indicator")
    cells = row_cells("panel", row, key)
    notes = [
        note
        for flag, note in (("is_preliminary", "preliminärt"), ("is_carried", "från året innan"))
        if row[flag]
    ]
    median: Said | str = "för få har värde"
    if beside is not None and beside["peer_median"] is not None:
        median = _shown("peer_median", row_cells("peer_value", beside, key))
    return {
        "value": _shown("value", cells),
        "year": said("{value_period:year}", **cells),
        "beside": median,
        "notes": ", ".join(notes),
    }


def _shown(column: str, cells: dict[str, Any]) -> Said:
    """A value with as many decimals as its size bears."""
    size = abs(float(cells[column].value))
    decimals = 0 if size >= 1000 or (size == round(size) and size >= 100) else DECIMALS
    return said(f"{{{column}:{decimals}}}", **cells)


def _sentences(sections: list[Section]) -> Iterator[Said]:
    for section in sections:
        parts: list[Said | str] = [section.place, *section.about]
        parts += [chance for _, chance in section.better]
        parts += [part for v in section.values for part in (v.value, v.year, v.beside)]
        yield from (part for part in parts if isinstance(part, Said))
