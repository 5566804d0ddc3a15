"""What a service area's indicators may not be, beyond the form of their file.

Every rule is a mistake that others have made with Kolada's key figures: a share of a cost taken for
a cost, what a model expects taken for what came of it, staff counted as quality and as cost.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

from models.areas.roles import NOISE_ROLES, SCORED_ROLES, Role
from models.definition_file import is_of_type

# Words of Kolada's titles. What is expected, by a model or by the cost equalisation:
EXPECTED = re.compile("modellberäkna|referenskostnad|standardkostnad|strukturkostnad", re.I)
# What is put in: staff, their education, hours.
INPUT = re.compile(
    "heltidstjänst|årsarbetare|legitimation|förskollärarexamen|högskoleexamen|undersköterska|"
    "adekvat utbildning|socionomutbildning|omsorgspersonal|öppettid per|per lärare",
    re.I,
)


def not_what_it_is_called(who: str, entry: Mapping[str, Any]) -> list[str]:
    """Say where a KPI's title shows that it cannot have the part it was given."""
    title, role = entry.get("title", ""), entry.get("role")
    is_deviation = re.search("avvikelse", title, re.IGNORECASE)
    faults: list[str] = []
    if role == "cost" and "andel" in title.lower() and not is_deviation:
        faults.append(
            f"{who}: {title!r} is a share of a cost, and a small share is no low cost. Choose the "
            "cost of the whole service."
        )
    if role in SCORED_ROLES and EXPECTED.search(title) and not is_deviation:
        faults.append(
            f"{who}: {title!r} is what is expected and not what came of it. Choose the outcome, "
            "or the deviation from what is expected."
        )
    is_input = entry.get("is_input", False)
    if role == "quality" and INPUT.search(title) and not is_input:
        faults.append(
            f"{who}: {title!r} is an input, which costs and is counted as a cost already. Make it "
            "a guardrail, or say is_input = true."
        )
    if is_input and role != "quality":
        faults.append(f"{who}: only quality can be an input in disguise. Remove is_input.")
    return faults


def formula_faults(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what is wrong with values that are computed from other indicators."""
    faults: list[str] = []
    named: set[str] = set()
    for name, entry in entries.items():
        who = f"indicator {name}"
        parts, reference = entry.get("sum_of"), entry.get("relative_to")
        if (parts is None) != (reference is None):
            faults.append(f"{who}: sum_of and relative_to go together. Give both.")
        if parts is not None and entry.get("unit") != "%":
            faults.append(
                f"{who}: a sum relative to another value is a deviation in %, and the unit is "
                f"{entry.get('unit')!r}. Make it '%'."
            )
        for other in [*(parts or []), *([] if reference is None else [reference])]:
            named.add(other)
            if "kpi" not in entries.get(other, {}):
                faults.append(
                    f"{who}: it is computed from {other!r}, which is no indicator with a KPI. Add "
                    f"[indicators.{other}], or name another one."
                )
    faults += [
        f"indicator {name} ({entry.get('kpi')}): nothing is computed from this part. Name it in "
        "another indicator's sum_of, or remove it."
        for name, entry in entries.items()
        if entry.get("role") == "part" and name not in named
    ]
    return faults


def noise_faults(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say what is wrong with what indicators name as the source of their noise."""
    faults: list[str] = []
    named: set[str] = set()
    for name, entry in entries.items():
        who = f"indicator {name} ({entry.get('kpi', 'no KPI')})"
        fields = [field for field in (*NOISE_ROLES, "assumed_sd") if field in entry]
        if fields and entry.get("role") not in SCORED_ROLES:
            faults.append(
                f"{who}: only cost and quality have noise that counts, not {entry.get('role')!r}. "
                f"Remove {', '.join(fields)}."
            )
        for field in NOISE_ROLES:
            other = entry.get(field)
            if isinstance(other, str):
                named.add(other)
                if entries.get(other, {}).get("role") != field:
                    faults.append(
                        f"{who}: {field} names {other!r}, which is no indicator of that role. "
                        f'Add [indicators.{other}] with role = "{field}", or name another one.'
                    )
        if "answers" in entry and entry.get("unit") != "%":
            faults.append(
                f"{who}: the number of answers tells the noise of a share in %, and its unit is "
                f"{entry.get('unit')!r}. Remove answers."
            )
        assumed = entry.get("assumed_sd", 1.0)
        if ("assumed_sd" in entry) != ("assumed_sd_reason" in entry):
            faults.append(f"{who}: assumed_sd and assumed_sd_reason go together. Give both.")
        if is_of_type(assumed, float) and not 0 < assumed < math.inf:
            faults.append(f"{who}: assumed_sd is {assumed}. It must be above 0.")
    faults += [
        f"indicator {name} ({entry.get('kpi', 'no KPI')}): nobody names it as {entry['role']}. "
        f'Say whose it is: {entry["role"]} = "{name}" in another indicator, or remove it.'
        for name, entry in entries.items()
        if entry.get("role") in NOISE_ROLES and name not in named
    ]
    return faults


def repeated_kpis(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Say which KPIs have two parts in an area, above all on both sides."""
    faults: list[str] = []
    seen: dict[str, str] = {}
    for name, entry in entries.items():
        kpi = entry.get("kpi")
        if not isinstance(kpi, str):
            continue
        if kpi not in seen:
            seen[kpi] = name
            continue
        roles = {str(entries[seen[kpi]].get("role")), str(entry.get("role"))}
        if roles == set(SCORED_ROLES):
            faults.append(
                f"indicators {seen[kpi]} and {name} put {kpi} on both sides, cost and quality, "
                "where it would cancel itself. Keep one of them."
            )
        else:
            faults.append(f"indicators {seen[kpi]} and {name} are both {kpi}. Keep one of them.")
    return faults


def missing_sides(entries: Mapping[str, Mapping[str, Any]], grade: object) -> list[str]:
    """Say which side has no indicator, where one is needed."""
    roles = {str(entry.get("role")) for entry in entries.values()}
    if not roles <= set(get_args(Role)):  # an unknown role is told where it stands
        return []
    # Grade D is the grade of a service whose quality nobody measures.
    needed = SCORED_ROLES if grade != "D" else ("cost",)
    return [
        f"no indicator has the role {side!r}. Add one; only grade D may be without quality."
        for side in needed
        if side not in roles
    ]
