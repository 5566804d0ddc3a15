"""The form of a goal's file: its fields, and what is wrong with one.

Everything is looked at before anything is said, as in `models/areas/file.py`. The faults are
sentences; `models/goals/goal.py` puts them into one error.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Literal, get_args

from models.areas.roles import Direction
from models.areas.successor import ended_after
from models.definition_file import Fields, is_of_type, known_fields, not_one_of

Kind = Literal["service_area", "kpi", "gender_gap"]
CostShareOf = Literal["country", "municipality"]

COST_SHARE = "cost_share"  # the weight of a service area that weighs what it costs
COST_TITLE = re.compile(r"kr/inv$")  # only costs of the same people can be added up
NAME = re.compile(r"[a-z][a-z0-9_]*")

GOAL_FIELDS: Fields = {  # what it is, and whether it must be there
    "title": (str, True),
    "question": (str, True),
    "kind": (str, True),
    "minimum_share": (float, True),
    "minimum_components": (int, True),
    "cost_share_of": (str, False),
    "lowest_group_weight": (float, False),
    "decision": (dict, False),
    "components": (dict, True),
    "panels": (dict, False),
}
DECISION_FIELDS: Fields = {
    "body": (str, True),
    "paragraph": (str, True),
    "date": (date, True),
}
AREA_FIELDS: Fields = {
    "weight": (float, True),  # or "cost_share"
    "cost_weight_kpis": (list, False),
    "why": (str, True),
}
COST_FIELDS: Fields = {"kpi": (str, True), "title": (str, True)}
SHOWN_FIELDS: Fields = {
    "kpi": (str, True),
    "title": (str, True),
    "label": (str, True),
    "unit": (str, True),
    "direction": (str, True),
    "why": (str, True),
    "source": (str, True),
}
KPI_FIELDS: Fields = {**SHOWN_FIELDS, "weight": (float, True)}
PANEL_FIELDS: Fields = {"title": (str, True), "kpis": (dict, True)}


def goal_faults(name: str, table: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the goal `name` whose file holds `table`.

    Parameters
    ----------
    name : str
        The file's name without its ending.
    table : mapping
        The file as TOML gives it.

    Returns
    -------
    list of str
        Sentences of what is wrong and what to do; none if the file can be used.
    """
    if not NAME.fullmatch(name):
        return [f"the name {name!r} must be of a-z, 0-9 and _, for it names rows and files."]
    faults, goal = known_fields("the goal", table, GOAL_FIELDS)
    faults += not_one_of("the goal", goal, "kind", get_args(Kind))
    faults += not_one_of("the goal", goal, "cost_share_of", get_args(CostShareOf))
    faults += _coverage_faults(goal)
    if "decision" in goal:
        wrong, decision = known_fields("the decision", goal["decision"], DECISION_FIELDS)
        faults += wrong
        if "§" not in decision.get("paragraph", "§"):
            faults.append(
                f"the decision: paragraph is {decision['paragraph']!r}. Write it with its sign, "
                'such as "§ 149".'
            )
    kind = goal.get("kind")
    if (kind == "gender_gap") != ("lowest_group_weight" in goal) and kind in get_args(Kind):
        faults.append(
            "the goal: lowest_group_weight says how much of a gender gap's score is the level of "
            f"the worse-off group, and kind is {kind!r}. "
            + ("Add it." if kind == "gender_gap" else "Remove it.")
        )
    for component, entry in _tables(goal.get("components", {}), "component", faults):
        who = f"component {component}"
        if kind == "service_area":
            faults += _area_component_faults(who, entry)
        elif kind in get_args(Kind):
            faults += _kpi_faults(who, entry, KPI_FIELDS)
    faults += _weight_faults(goal)
    for panel, entry in _tables(goal.get("panels", {}), "panel", faults):
        wrong, known = known_fields(f"panel {panel}", entry, PANEL_FIELDS)
        faults += wrong
        for shown, kpi in _tables(known.get("kpis", {}), f"panel {panel}, KPI", faults):
            faults += _kpi_faults(f"panel {panel}, KPI {shown}", kpi, SHOWN_FIELDS)
    return faults + _repeated_kpis(goal)


def _coverage_faults(goal: Mapping[str, Any]) -> list[str]:
    faults = []
    share = goal.get("minimum_share", 1)
    if not 0 < share <= 1:
        faults.append(f"minimum_share is {share}. It is a share of the weight: above 0, at most 1.")
    level = goal.get("lowest_group_weight", 0.5)
    if not 0 <= level < 1:
        faults.append(
            f"lowest_group_weight is {level}. It is a share: from 0, and below 1, for the gap "
            "itself must count."
        )
    n_component = len(goal.get("components", {}))
    fewest = goal.get("minimum_components", 1)
    if "components" in goal and not 1 <= fewest <= n_component:
        faults.append(
            f"minimum_components is {fewest} and there are {n_component} components. Give at "
            "least one component, and a number from 1 to as many as there are."
        )
    return faults


def _area_component_faults(who: str, table: Mapping[str, Any]) -> list[str]:
    is_cost_share = table.get("weight") == COST_SHARE
    weight = str if is_cost_share else float
    faults, entry = known_fields(who, table, {**AREA_FIELDS, "weight": (weight, True)})
    costs = entry.get("cost_weight_kpis", [])
    if is_cost_share and not costs:
        faults.append(
            f"{who}: its weight is its share of the cost, and no cost is named. Add "
            "cost_weight_kpis, a list of kpi and title."
        )
    if costs and not is_cost_share and "weight" in entry:
        faults.append(f"{who}: its weight is a number. Remove cost_weight_kpis.")
    for cost in costs:
        if not isinstance(cost, dict):
            faults.append(f"{who}: {cost!r} is not a table. Write {{ kpi = …, title = … }}.")
            continue
        wrong, known = known_fields(f"{who}, cost", cost, COST_FIELDS)
        faults += wrong + _title_faults(f"{who}, cost {known.get('kpi', '')}", known)
        if not COST_TITLE.search(known.get("title", "kr/inv")):
            faults.append(
                f"{who}, cost {known.get('kpi')}: {known['title']!r} is not a cost in kr/inv, and "
                "costs of different people cannot be added up. Choose one that is."
            )
    return faults


def _kpi_faults(who: str, table: Mapping[str, Any], fields: Fields) -> list[str]:
    faults, entry = known_fields(who, table, fields)
    faults += not_one_of(who, entry, "direction", get_args(Direction))
    faults += _title_faults(f"{who} ({table.get('kpi', 'no KPI')})", entry)
    return faults


def _title_faults(who: str, entry: Mapping[str, Any]) -> list[str]:
    faults = []
    if "kpi" in entry and not re.fullmatch(r"[NU]\d{5}", entry["kpi"]):
        faults.append(f"{who}: a KPI's id is N or U and five digits, such as N15505.")
    ended = ended_after(entry.get("title", ""))
    if ended is not None:
        faults.append(
            f"{who}: by its title there is nothing after {ended}. Choose a KPI that is still "
            "published."
        )
    return faults


def _weight_faults(goal: Mapping[str, Any]) -> list[str]:
    faults = []
    weights = {
        name: entry["weight"]
        for name, entry in goal.get("components", {}).items()
        if isinstance(entry, dict) and _is_weight(entry.get("weight"))
    }
    numbers = {name: weight for name, weight in weights.items() if weight != COST_SHARE}
    faults += [
        f"component {name}: weight is {weight}. It must be above 0 and finite."
        for name, weight in numbers.items()
        if not 0 < weight < math.inf
    ]
    n_share = len(weights) - len(numbers)
    if numbers and n_share:
        faults.append(
            f"{n_share} components weigh their share of the cost and {len(numbers)} a number, and "
            "the two cannot be compared. Give all the same."
        )
    if (n_share > 0) != ("cost_share_of" in goal) and weights:
        faults.append(
            "the goal: cost_share_of says whose costs are weights, and "
            + (
                f'{n_share} components weigh their share. Add "country" or "municipality".'
                if n_share
                else "no component weighs its share. Remove it."
            )
        )
    return faults


def _repeated_kpis(goal: Mapping[str, Any]) -> list[str]:
    faults: list[str] = []
    seen: dict[str, tuple[str, bool]] = {}
    for kpi, where, is_inside in _kpis(goal):
        if kpi not in seen:
            seen[kpi] = where, is_inside
            continue
        other, was_inside = seen[kpi]
        if was_inside != is_inside:
            faults.append(
                f"{kpi} is inside the score ({other}) and beside it ({where}), where it could "
                "not be told apart from it. Keep one of them."
            )
        else:
            faults.append(f"{kpi} is there twice ({other}; {where}). Keep one of them.")
    return faults


def _kpis(goal: Mapping[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Yield every KPI with where it stands and whether that is inside the score."""
    for name, entry in goal.get("components", {}).items():
        if isinstance(entry, dict):
            costs = entry.get("cost_weight_kpis")
            for each in (entry, *(costs if isinstance(costs, list) else ())):
                if isinstance(each, dict) and isinstance(each.get("kpi"), str):
                    yield each["kpi"], f"component {name}", True
    for name, panel in goal.get("panels", {}).items():
        shown = panel.get("kpis") if isinstance(panel, dict) else None
        for entry in shown.values() if isinstance(shown, dict) else ():
            if isinstance(entry, dict) and isinstance(entry.get("kpi"), str):
                yield entry["kpi"], f"panel {name}", False


def _tables(
    entries: Mapping[str, Any], what: str, faults: list[str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the entries that are tables with a usable name, and note the others."""
    for name, entry in entries.items():
        if not NAME.fullmatch(name):
            faults.append(f"{what} {name!r}: the name must be of a-z, 0-9 and _.")
        elif isinstance(entry, dict):
            yield name, entry
        else:
            faults.append(f"{what} {name} is {entry!r}. Make it a table.")


def _is_weight(value: object) -> bool:
    return value == COST_SHARE or is_of_type(value, float)
