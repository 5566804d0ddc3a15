"""The form of a service area's file: its fields, and what is wrong with one.

Everything is looked at before anything is said, so that a file is corrected once and not fault
by fault. The faults are sentences; `service_area.py` puts them into one error.
"""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

from models.frontier.technology import ORIENTATIONS, RETURNS

Role = Literal[
    "cost", "unadjusted_cost", "quality", "guardrail", "context", "control", "flag",
    "margin", "answers",
]  # fmt: skip
Direction = Literal["higher", "lower"]
Grade = Literal["A", "B", "C", "D"]

SCORED_ROLES = ("cost", "quality")
NOISE_ROLES = ("margin", "answers")  # of a scored indicator, which names it in a field so called
DIRECTED_ROLES = ("cost", "unadjusted_cost", "quality", "guardrail", "control")
LONGEST_CARRY = 1  # years; an older value says nothing about this year
MOST_FAULTS = 5  # as many as one reads; the rest are counted

AREA_REGI = ("kommunal", "hemkommun")
# An indicator may also describe every school or unit that lies in the municipality.
INDICATOR_REGI = (*AREA_REGI, "lägeskommun")

AREA_FIELDS: Mapping[str, tuple[type, bool]] = {  # the type, and whether it must be there
    "title": (str, True),
    "first_period": (int, True),
    "last_period": (int, False),
    "statutory": (bool, True),
    "regi": (str, True),
    "peer_group": (str, True),
    "evidence_grade": (str, True),
    "evidence_reason": (str, True),
    "minimum_share": (float, False),
    "orientation": (str, False),
    "rts": (str, False),
    "decision": (str, False),
    "breaks": (list, False),
    "indicators": (dict, True),
}
INDICATOR_FIELDS: Mapping[str, tuple[type, bool]] = {
    "kpi": (str, True),
    "title": (str, True),
    "label": (str, True),
    "unit": (str, True),
    "role": (str, True),
    "direction": (str, False),
    "weight": (float, False),
    "regi": (str, True),
    "carry_forward": (int, False),
    "unit_data": (bool, False),
    "first_period": (int, False),
    "plausible": (list, False),
    "zero": (float, False),
    "margin": (str, False),
    "answers": (str, False),
    "assumed_sd": (float, False),
    "assumed_sd_reason": (str, False),
    "why": (str, True),
    "source": (str, True),
}
BREAK_FIELDS: Mapping[str, tuple[type, bool]] = {"period": (int, True), "reason": (str, True)}
TYPE_WORDS = {
    str: "a text that is not empty",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
}


def area_faults(name: str, table: Mapping[str, Any]) -> list[str]:
    """Say what is wrong with the area `name` whose file holds `table`.

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
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        return [f"the name {name!r} must be of a-z, 0-9 and _, for it names rows and files."]
    faults, area = _known_fields("the area", table, AREA_FIELDS)
    faults += _not_one_of("the area", area, "regi", AREA_REGI)
    faults += _not_one_of("the area", area, "evidence_grade", get_args(Grade))
    faults += _not_one_of("the area", area, "orientation", ORIENTATIONS)
    faults += _not_one_of("the area", area, "rts", RETURNS)
    share = area.get("minimum_share", 0.7)
    if not 0 < share <= 1:
        faults.append(f"minimum_share is {share}. It is a share: above 0, at most 1.")
    if area.get("last_period", math.inf) < area.get("first_period", -math.inf):
        faults.append(
            f"last_period {area['last_period']} is before first_period {area['first_period']}. "
            "Correct one of them."
        )
    for position, entry in enumerate(area.get("breaks", []), start=1):
        who = f"break number {position}"
        if isinstance(entry, dict):
            faults += _known_fields(who, entry, BREAK_FIELDS)[0]
        else:
            faults.append(f"{who} is not a table. Write it as [[breaks]] with period and reason.")

    indicators = area.get("indicators", {})
    for indicator, entry in indicators.items():
        if isinstance(entry, dict):
            faults += _indicator_faults(indicator, entry, area.get("regi"))
        else:
            faults.append(f"indicator {indicator} is not a table: use [indicators.{indicator}].")
    entries = {name: entry for name, entry in indicators.items() if isinstance(entry, dict)}
    faults += _noise_faults(entries)
    return faults + _repeated_kpis(entries) + _missing_sides(entries, area.get("evidence_grade"))


def _indicator_faults(name: str, table: Mapping[str, Any], area_regi: str | None) -> list[str]:
    who = f"indicator {name} ({table.get('kpi', 'no KPI')})"
    faults, entry = _known_fields(who, table, INDICATOR_FIELDS)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        faults.append(f"{who}: the name must be of a-z, 0-9 and _, for it names a column.")
    if "kpi" in entry and not re.fullmatch(r"[NU]\d{5}", entry["kpi"]):
        faults.append(f"{who}: a KPI's id is N or U and five digits, such as N15505.")
    faults += _not_one_of(who, entry, "role", get_args(Role))
    faults += _not_one_of(who, entry, "direction", get_args(Direction))
    faults += _not_one_of(who, entry, "regi", INDICATOR_REGI)

    role = entry.get("role")
    if role in DIRECTED_ROLES and "direction" not in table:
        faults.append(
            f"{who}: role {role!r} needs a direction. Say which is better: "
            'direction = "higher" or "lower".'
        )
    regi = entry.get("regi")
    is_known = area_regi in AREA_REGI and regi in INDICATOR_REGI
    if role in SCORED_ROLES and is_known and regi != area_regi:
        faults.append(
            f"{who}: regi {regi!r} differs from the area's {area_regi!r}, so cost and quality "
            "would describe different groups. Choose a KPI of the area's regi."
        )
    if "weight" in entry:
        if role in get_args(Role) and role not in SCORED_ROLES:
            faults.append(
                f"{who}: only cost and quality are weighted, not {role!r}. Remove weight."
            )
        if not 0 < entry["weight"] < math.inf:
            faults.append(f"{who}: weight is {entry['weight']}. It must be above 0.")
    if "zero" in entry:
        if role in get_args(Role) and role not in SCORED_ROLES:
            faults.append(f"{who}: only cost and quality have a zero, not {role!r}. Remove zero.")
        if not math.isfinite(entry["zero"]):
            faults.append(f"{who}: zero is {entry['zero']}. It must be a finite number.")
    years = entry.get("carry_forward", 0)
    if not 0 <= years <= LONGEST_CARRY:
        faults.append(
            f"{who}: carry_forward is {years}. A value is carried one year at most: use 0 or 1."
        )
    plausible = entry.get("plausible", [0, 1])
    numbers = [_typed(bound, float) and math.isfinite(bound) for bound in plausible]
    if len(numbers) != 2 or not all(numbers) or not plausible[0] < plausible[1]:
        faults.append(f"{who}: plausible is {plausible}. Write [lowest, highest].")
    return faults


def _noise_faults(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
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
        if _typed(assumed, float) and not 0 < assumed < math.inf:
            faults.append(f"{who}: assumed_sd is {assumed}. It must be above 0.")
    faults += [
        f"indicator {name} ({entry.get('kpi', 'no KPI')}): nobody names it as {entry['role']}. "
        f'Say whose it is: {entry["role"]} = "{name}" in another indicator, or remove it.'
        for name, entry in entries.items()
        if entry.get("role") in NOISE_ROLES and name not in named
    ]
    return faults


def _repeated_kpis(entries: Mapping[str, Mapping[str, Any]]) -> list[str]:
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


def _missing_sides(entries: Mapping[str, Mapping[str, Any]], grade: object) -> list[str]:
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


def _known_fields(
    who: str, table: Mapping[str, Any], fields: Mapping[str, tuple[type, bool]]
) -> tuple[list[str], dict[str, Any]]:
    """Return what is wrong with the fields, and those that are right."""
    faults = [
        f"{who}: unknown field {name!r}. The fields are {', '.join(fields)}."
        for name in table
        if name not in fields
    ]
    right: dict[str, Any] = {}
    for name, (kind, required) in fields.items():
        if name not in table:
            if required:
                faults.append(f"{who}: {name} is missing. Add {TYPE_WORDS[kind]}.")
        elif _typed(table[name], kind):
            right[name] = table[name]
        else:
            faults.append(f"{who}: {name} is {table[name]!r}. Make it {TYPE_WORDS[kind]}.")
    return faults, right


def _typed(value: object, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:  # true is an int to Python, not to a reader
        return isinstance(value, bool) and kind is bool
    if kind is str:
        return isinstance(value, str) and bool(value.strip())
    return isinstance(value, (int, float) if kind is float else kind)


def _not_one_of(
    who: str, table: Mapping[str, Any], field: str, allowed: Sequence[str]
) -> list[str]:
    if field not in table or table[field] in allowed:
        return []
    return [f"{who}: unknown {field} {table[field]!r}. Use one of {', '.join(allowed)}."]


def listed(where: str, faults: Sequence[str]) -> str:
    """Make one message of `faults`, of which the first five are told and the rest counted.

    Parameters
    ----------
    where : str
        The file, or what else the faults are in.
    faults : sequence of str
        One sentence or two each.

    Returns
    -------
    str
        One line per fault.
    """
    count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
    rest = len(faults) - MOST_FAULTS
    more = f"\n  - and {rest} more, shown when these are gone" if rest > 0 else ""
    return f"{where}: {count}." + "".join(f"\n  - {f}" for f in faults[:MOST_FAULTS]) + more
