"""Reads and checks `goals/*.toml`: what the whole municipality is judged by.

A goal says which scores make up its own, what they weigh, how many of them must be there, and
what is shown beside it and never counted. Whoever wants another goal writes another file. Weights
and choices are politics: a file names the decision behind them, or is a proposal.
"""

import datetime
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from models.areas.roles import Direction
from models.areas.service_area import ServiceArea
from models.areas.successor import ended_after
from models.definition_file import listed
from models.goals.file import COST_SHARE, CostShareOf, Kind, goal_faults
from models.panel import RANKED_GRADES

GOALS = Path(__file__).parent

Standing = Literal["decided", "proposal"]

GOAL_SCHEMA = {
    "goal": pl.String,
    "title": pl.String,
    "question": pl.String,
    "kind": pl.String,
    "minimum_share": pl.Float64,
    "minimum_components": pl.Int32,
    "cost_share_of": pl.String,
    "lowest_group_weight": pl.Float64,
    "standing": pl.String,
    "decision_body": pl.String,
    "decision_paragraph": pl.String,
    "decision_date": pl.Date,
}
GOAL_KPI_SCHEMA = {
    "goal": pl.String,
    "part": pl.String,
    "name": pl.String,
    "panel_title": pl.String,
    "kpi": pl.String,
    "title": pl.String,
    "label": pl.String,
    "unit": pl.String,
    "direction": pl.String,
    "weight": pl.Float64,
    "needs_gender": pl.Boolean,
    "why": pl.String,
    "source": pl.String,
}


class GoalError(ValueError):
    """A goal's file, or what it names, cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Who has decided the goal's weights and choices."""

    body: str
    paragraph: str
    date: datetime.date


@dataclass(frozen=True, slots=True)
class Measure:
    """A KPI that a goal scores or shows."""

    name: str
    kpi: str
    title: str  # Kolada's, verbatim
    label: str  # Swedish, short, for charts
    unit: str  # Swedish
    direction: Direction
    why: str
    source: str


@dataclass(frozen=True, slots=True)
class CostKpi:
    """A net cost in kr/inv that tells what a service area weighs."""

    kpi: str
    title: str


@dataclass(frozen=True, slots=True)
class Component:
    """A part of a goal's score: a service area of that name, or a KPI."""

    name: str
    weight: float | None  # None: its share of the cost
    cost: tuple[CostKpi, ...]  # added up; none unless the weight is a share of the cost
    measure: Measure | None  # None: a service area's efficiency score
    why: str


@dataclass(frozen=True, slots=True)
class Panel:
    """KPIs that are shown beside the score and never counted."""

    name: str
    title: str
    measures: tuple[Measure, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """What the whole municipality is judged by; the fields are those of the file."""

    name: str
    title: str
    question: str
    kind: Kind
    minimum_share: float  # of the weight must be there, or nobody is scored
    minimum_components: int
    cost_share_of: CostShareOf | None
    lowest_group_weight: float | None  # of a gender gap's score; the rest is the gap
    decision: Decision | None
    components: tuple[Component, ...]
    panels: tuple[Panel, ...]

    @property
    def standing(self) -> Standing:
        """Whether anybody has decided it; a proposal is marked as one wherever it is shown."""
        return "proposal" if self.decision is None else "decided"


def goals(folder: Path = GOALS) -> tuple[Goal, ...]:
    """Read every goal of a folder.

    Parameters
    ----------
    folder : Path
        Where the `.toml` files are; the official goals unless another is given.

    Returns
    -------
    tuple of Goal
        Sorted by name.

    Raises
    ------
    GoalError
        If the folder holds no such file, or one of them is at fault.
    """
    paths = sorted(folder.glob("*.toml"), key=lambda path: path.stem)
    if not paths:
        raise GoalError(
            f"There is no goal (*.toml) in {folder}. Name another folder, or write the first file "
            "after the pattern of models/goals/efficiency.toml."
        )
    return tuple(read_goal(path) for path in paths)


def read_goal(path: Path) -> Goal:
    """Read one goal and check all that can be seen in the file itself.

    Parameters
    ----------
    path : Path
        A TOML file; its name without the ending becomes the goal's name.

    Returns
    -------
    Goal
        Components and panels in the order of the file.

    Raises
    ------
    GoalError
        If anything in the file is unknown, missing or contradictory. The message lists all
        faults, five at most, each with what to do.
    """
    file = f"{path.parent.name}/{path.name}"
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise GoalError(f"{file} is not TOML: {error}. Correct the file there.") from error

    faults = goal_faults(path.stem, table)
    if faults:
        raise GoalError(listed(file, faults))

    level = table.get("lowest_group_weight")
    return Goal(
        name=path.stem,
        title=table["title"],
        question=table["question"],
        kind=table["kind"],
        minimum_share=float(table["minimum_share"]),
        minimum_components=table["minimum_components"],
        cost_share_of=table.get("cost_share_of"),
        lowest_group_weight=None if level is None else float(level),
        decision=Decision(**table["decision"]) if "decision" in table else None,
        components=tuple(_component(*each) for each in table["components"].items()),
        panels=tuple(
            Panel(name, panel["title"], tuple(_measure(*each) for each in panel["kpis"].items()))
            for name, panel in table.get("panels", {}).items()
        ),
    )


def check_against_areas(goals: Iterable[Goal], areas: Iterable[ServiceArea]) -> None:
    """Check that every service area that a goal counts is there and may be ranked.

    Parameters
    ----------
    goals : iterable of Goal
        The goals to check.
    areas : iterable of ServiceArea
        All areas there are.

    Raises
    ------
    GoalError
        If an area is not there, or has a grade that is not ranked. All goals' faults are counted
        and five listed.
    """
    grade = {area.name: area.evidence_grade for area in areas}
    faults = []
    for goal in goals:
        for component in goal.components if goal.kind == "service_area" else ():
            who = f"{goal.name}, component {component.name}"
            if component.name not in grade:
                faults.append(
                    f"{who}: there is no such service area. The areas are "
                    f"{', '.join(sorted(grade))}: name one of them."
                )
            elif grade[component.name] not in RANKED_GRADES:
                faults.append(
                    f"{who} has evidence grade {grade[component.name]}, and only "
                    f"{' and '.join(RANKED_GRADES)} are ranked. Take it out of the goal."
                )
    if faults:
        raise GoalError(listed("The goals beside the service areas", faults))


def check_against_catalogue(goals: Iterable[Goal], kpi: pl.DataFrame) -> None:
    """Check every goal's KPIs against Kolada's catalogue.

    Parameters
    ----------
    goals : iterable of Goal
        The goals to check.
    kpi : frame with the columns kpi, title, is_divided_by_gender
        Kolada's catalogue, one row per KPI.

    Raises
    ------
    GoalError
        If a KPI is not in the catalogue, its title is another, its series has ended, or its gap
        between women and men is asked for and it has none. All goals' faults are counted and five
        listed.
    """
    known = {
        row["kpi"]: row
        for row in kpi.select("kpi", "title", "is_divided_by_gender").iter_rows(named=True)
    }
    faults = []
    for goal in goals:
        for row in _kpi_rows(goal):
            who = f"{goal.name}, {row['part']} {row['name']} ({row['kpi']})"
            found = known.get(str(row["kpi"]))
            if found is None:
                faults.append(f"{who} is not in Kolada's catalogue. Correct the id.")
            elif ended_after(found["title"]) is not None:
                faults.append(
                    f"{who} has ended: Kolada's title is {found['title']!r}. Choose a KPI that is "
                    "still published, or take it out."
                )
            elif found["title"] != row["title"]:
                faults.append(
                    f"{who} has the title {found['title']!r} at Kolada, but {row['title']!r} in "
                    "the file. If it is the same measure, copy Kolada's title; else correct the id."
                )
            elif row["needs_gender"] and not found["is_divided_by_gender"]:
                faults.append(f"{who} is not divided by gender at Kolada. Choose one that is.")
    if faults:
        raise GoalError(listed("The goals beside Kolada's catalogue", faults))


def goal_frame(goals: Iterable[Goal]) -> pl.DataFrame:
    """Put the goals in the form of `staging.goal`.

    Parameters
    ----------
    goals : iterable of Goal
        In any order.

    Returns
    -------
    frame
        One row per goal, sorted by `goal`.
    """
    rows = []
    for goal in sorted(goals, key=lambda goal: goal.name):
        decision = goal.decision
        rows.append(
            {
                "goal": goal.name,
                "title": goal.title,
                "question": goal.question,
                "kind": goal.kind,
                "minimum_share": goal.minimum_share,
                "minimum_components": goal.minimum_components,
                "cost_share_of": goal.cost_share_of,
                "lowest_group_weight": goal.lowest_group_weight,
                "standing": goal.standing,
                "decision_body": None if decision is None else decision.body,
                "decision_paragraph": None if decision is None else decision.paragraph,
                "decision_date": None if decision is None else decision.date,
            }
        )
    return pl.DataFrame(rows, schema=GOAL_SCHEMA)


def goal_kpi_frame(goals: Iterable[Goal]) -> pl.DataFrame:
    """Put the KPIs that goals need in the form of `staging.goal_kpi`.

    Parameters
    ----------
    goals : iterable of Goal
        In any order.

    Returns
    -------
    frame
        One row per goal and KPI, sorted by goal and within it in the order of the file. `part` is
        "component", "cost_weight" or "panel", `name` the component's or the panel's.
    """
    in_order = sorted(goals, key=lambda goal: goal.name)
    rows = [row for goal in in_order for row in _kpi_rows(goal)]
    return pl.DataFrame(rows, schema=GOAL_KPI_SCHEMA)


def _kpi_rows(goal: Goal) -> Iterator[dict[str, object]]:
    for component in goal.components:
        for cost in component.cost:
            named: dict[str, object] = {
                "kpi": cost.kpi,
                "title": cost.title,
                "unit": "kr/inv",
                "why": component.why,
            }
            yield _kpi_row(goal, "cost_weight", component.name) | named
        if component.measure is not None:
            row = _kpi_row(goal, "component", component.name) | _shown(component.measure)
            yield row | {
                "weight": component.weight,
                "needs_gender": goal.kind == "gender_gap",
            }
    for panel in goal.panels:
        for measure in panel.measures:
            row = _kpi_row(goal, "panel", panel.name) | _shown(measure)
            yield row | {"panel_title": panel.title}


def _kpi_row(goal: Goal, part: str, name: str) -> dict[str, object]:
    return dict.fromkeys(GOAL_KPI_SCHEMA) | {
        "goal": goal.name,
        "part": part,
        "name": name,
        "needs_gender": False,
    }


def _shown(measure: Measure) -> dict[str, object]:
    fields = ("kpi", "title", "label", "unit", "direction", "why", "source")
    return {field: getattr(measure, field) for field in fields}


def _component(name: str, table: Mapping[str, Any]) -> Component:
    weight = table["weight"]
    return Component(
        name=name,
        weight=None if weight == COST_SHARE else float(weight),
        cost=tuple(CostKpi(**each) for each in table.get("cost_weight_kpis", [])),
        measure=_measure(name, table) if "kpi" in table else None,
        why=table["why"],
    )


def _measure(name: str, table: Mapping[str, Any]) -> Measure:
    return Measure(
        name=name,
        kpi=table["kpi"],
        title=table["title"],
        label=table["label"],
        unit=table["unit"],
        direction=table["direction"],
        why=table["why"],
        source=table["source"],
    )
