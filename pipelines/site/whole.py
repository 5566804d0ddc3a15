"""The pages of the whole municipality: where it stands, and by every goal."""

from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl
from markupsafe import Markup

from pipelines.site import say
from pipelines.site.facts import Area, Facts, Row
from pipelines.site.matrix import unmeasured
from pipelines.site.page import Frame, page
from pipelines.site.place_bar import place_bar
from pipelines.wording import swedish_order
from pipelines.words.said import Said, row_cells, said

STATUS = {  # by `status` in goal_score
    "no_component": "inget av det som vägs in har något värde",
    "missing_weights": "kostnaderna att väga med saknas",
    "too_few_components": "för få delar har något värde",
    "weight_below_minimum": "det som har värden står för en för liten del",
}
SCORE_KEY = ("goal", "period", "municipality")
PART_KEY = (*SCORE_KEY, "component", "part")
BESIDE_KEY = ("goal", "panel", "name", "period", "municipality")
PARTS = {"gap": "skillnad kvinnor–män", "lowest_group": "nivå för gruppen som har det sämst"}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a goal's score."""

    title: str
    score: Said
    weight: Said
    page: str | None


@dataclass(frozen=True, slots=True)
class Beside:
    """What is shown beside a goal's score, never in it."""

    label: str
    value: Said
    unit: str
    year: Said
    kpi: str


@dataclass(frozen=True, slots=True)
class Goal:
    """A goal as the page tells of it."""

    title: str
    question: str
    decision: str
    said: list[Said | str]
    parts: list[Part]
    panels: list[tuple[str, list[Beside]]]

    @property
    def sentences(self) -> Iterator[Said]:
        """Every sentence and number of it."""
        yield from (part for part in self.said if isinstance(part, Said))
        yield from (number for part in self.parts for number in (part.score, part.weight))
        yield from (n for _, rows in self.panels for row in rows for n in (row.value, row.year))


@dataclass(frozen=True, slots=True)
class Placed:
    """An area in the overview."""

    area: Area
    place: Said | str
    why: str  # there is no place
    bar: Markup | None
    change: Said | None


def start_page(facts: Facts, frame: Frame) -> tuple[bytes, list[Said]]:
    """Make the page that one comes to first."""
    own = frame.municipality
    placed = [
        Placed(
            area,
            say.place(facts, area, own),
            say.no_place(facts, area, own),
            place_bar(facts, area, own),
            say.change(facts, area, own),
        )
        for area in facts.areas
    ]
    ranked = [row for row in placed if not row.why]
    others = [row for row in placed if row.why]
    whole = say.whole(facts, own)
    body = page(
        "index.html.j2", "index.html", frame,
        title=f"Vad får {frame.municipality_title} för pengarna?",
        whole=whole, ranked=ranked, others=others, municipality=own,
        municipalities=facts.municipalities,
    )  # fmt: skip
    numbers = [row.place for row in placed] + [row.change for row in placed]
    return body, [*whole, *(part for part in numbers if isinstance(part, Said))]


def whole_page(facts: Facts, frame: Frame) -> tuple[bytes, list[Said]]:
    """Make the page of the whole municipality by every goal; efficiency comes first."""
    rows = facts.tables["goal"].sort(pl.col("goal") != say.GOAL, "title").to_dicts()
    goals = [_goal(facts, row, frame.municipality) for row in rows]
    body = page(
        "whole.html.j2", "whole.html", frame,
        title=f"{frame.municipality_title}: hela kommunen", goals=goals,
        committees=unmeasured(facts.tables["committee"], frame.municipality),
    )  # fmt: skip
    return body, [said for goal in goals for said in goal.sentences]


def _goal(facts: Facts, goal: Row, municipality: str) -> Goal:
    name = goal["goal"]
    row = say.goal_row(facts, municipality, name)
    return Goal(
        title=goal["title"],
        question=goal["question"],
        decision=_decision(goal),
        said=_said(facts, name, row, municipality),
        parts=list(_parts(facts, name, row)),
        panels=list(_panels(facts, name, municipality)),
    )


def _said(facts: Facts, goal: str, row: Row | None, municipality: str) -> list[Said | str]:
    title = facts.municipalities[municipality]
    if row is None:
        return ["Ingen kommun kan få poäng: uppgifterna räcker inte något år."]
    if row["rank"] is None:
        return [f"{title} får ingen poäng: {STATUS.get(row['status'], 'uppgift saknas')}."]
    if goal == say.GOAL:
        return list(say.whole(facts, municipality))
    return list(say.goal(facts, row, municipality))


def _parts(facts: Facts, goal: str, row: Row | None) -> Iterator[Part]:
    if row is None:
        return
    areas = {area.name: area for area in facts.areas}
    labels = _labels(facts, goal)
    mine = facts.tables["goal_component"].filter(
        goal=goal, period=row["period"], municipality=row["municipality"]
    )
    for part in mine.drop_nulls("score").sort("weight", "component", descending=True).to_dicts():
        cells = row_cells("goal_component", part, PART_KEY)
        area = areas.get(part["component"])
        title = area.title if area else labels.get(part["component"], part["component"])
        what = PARTS.get(part["part"])
        yield Part(
            title=f"{title}, {what}" if what else title,
            score=said("{score:1}", **cells),
            weight=said("{weight:0%}", **cells),
            page=area.page if area else None,
        )


def _panels(facts: Facts, goal: str, municipality: str) -> Iterator[tuple[str, list[Beside]]]:
    kpis = facts.tables["goal_kpi"].filter(goal=goal, part="panel")
    mine = facts.tables["goal_beside"].filter(goal=goal, municipality=municipality)
    newest = mine.drop_nulls("value").sort("period").group_by("panel", "name").last()
    for (panel,), rows in newest.sort("panel", "name").group_by("panel", maintain_order=True):
        shown = []
        for row in rows.to_dicts():
            about = kpis.filter(kpi=row["kpi"]).row(0, named=True)
            cells = row_cells("goal_beside", row, BESIDE_KEY)
            shown.append(
                Beside(
                    label=about["label"],
                    value=said("{value:1}", **cells),
                    unit=about["unit"],
                    year=said("{period:year}", **cells),
                    kpi=row["kpi"],
                )
            )
        yield (
            str(kpis.filter(name=panel)["panel_title"][0]),
            sorted(shown, key=lambda row: swedish_order(row.label)),
        )


def _labels(facts: Facts, goal: str) -> dict[str, str]:
    kpis = facts.tables["goal_kpi"].filter(goal=goal, part="component")
    return dict(kpis.select("name", "label").drop_nulls().iter_rows())


def _decision(goal: Row) -> str:
    if goal["standing"] == "proposal":
        return "Förslag: valet av mått och vikter är inte politiskt beslutat."
    date = goal["decision_date"]
    return f"Beslut: {goal['decision_body']}, {goal['decision_paragraph']}, {date:%Y-%m-%d}."
