"""The form of a service area's file: its fields, and what is wrong with one.

Everything is looked at before anything is said, so that a file is corrected once and not fault
by fault. The faults are sentences; `models/areas/service_area.py` puts them into one error.
"""

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

from models.areas.roles import DIRECTED_ROLES, SCORED_ROLES, Direction, Grade, Role
from models.areas.rules import (
    formula_faults,
    missing_sides,
    noise_faults,
    not_what_it_is_called,
    repeated_kpis,
)
from models.definition_file import Fields, is_of_type, known_fields, not_one_of
from models.frontier.technology import ORIENTATIONS, RETURNS

LONGEST_CARRY = 1  # years; an older value says nothing about this year

AREA_REGI = ("kommunal", "hemkommun")
# An indicator may also describe every school or unit that lies in the municipality.
INDICATOR_REGI = (*AREA_REGI, "lägeskommun")

AREA_FIELDS: Fields = {  # the type, and whether it must be there
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
    "small_numbers": (str, False),
    "rka": (dict, False),
    "decision": (str, False),
    "breaks": (list, False),
    "indicators": (dict, True),
}
INDICATOR_FIELDS: Fields = {
    "kpi": (str, False),  # there, unless the value is computed from other indicators
    "title": (str, True),
    "sum_of": (list, False),
    "relative_to": (str, False),
    "label": (str, True),
    "unit": (str, True),
    "role": (str, True),
    "direction": (str, False),
    "weight": (float, False),
    "regi": (str, True),
    "regi_reason": (str, False),
    "is_input": (bool, False),
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
RKA_FIELDS: Fields = {
    "resource": (str, True),
    "quality": (str, True),
    "efficiency": (str, True),
}
BREAK_FIELDS: Fields = {"period": (int, True), "reason": (str, True)}


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
    faults, area = known_fields("the area", table, AREA_FIELDS)
    faults += not_one_of("the area", area, "regi", AREA_REGI)
    faults += not_one_of("the area", area, "evidence_grade", get_args(Grade))
    faults += not_one_of("the area", area, "orientation", ORIENTATIONS)
    faults += not_one_of("the area", area, "rts", RETURNS)
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
            faults += known_fields(who, entry, BREAK_FIELDS)[0]
        else:
            faults.append(f"{who} is not a table. Write it as [[breaks]] with period and reason.")

    if "rka" in area:
        entry = known_fields("rka", area["rka"], RKA_FIELDS)
        faults += entry[0]
        faults += [
            f"rka: {name} is {kpi!r}. An index's id is U and five digits, such as U15900."
            for name, kpi in entry[1].items()
            if not re.fullmatch(r"U\d{5}", kpi)
        ]

    indicators = area.get("indicators", {})
    for indicator, entry in indicators.items():
        if isinstance(entry, dict):
            faults += _indicator_faults(indicator, entry, area.get("regi"))
        else:
            faults.append(f"indicator {indicator} is not a table: use [indicators.{indicator}].")
    entries = {name: entry for name, entry in indicators.items() if isinstance(entry, dict)}
    faults += noise_faults(entries) + formula_faults(entries)
    return faults + repeated_kpis(entries) + missing_sides(entries, area.get("evidence_grade"))


def _indicator_faults(name: str, table: Mapping[str, Any], area_regi: str | None) -> list[str]:
    who = f"indicator {name} ({table.get('kpi', 'no KPI')})"
    faults, entry = known_fields(who, table, INDICATOR_FIELDS)
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        faults.append(f"{who}: the name must be of a-z, 0-9 and _, for it names a column.")
    if "kpi" in entry and not re.fullmatch(r"[NU]\d{5}", entry["kpi"]):
        faults.append(f"{who}: a KPI's id is N or U and five digits, such as N15505.")
    if ("kpi" in table) == ("sum_of" in table):
        faults.append(
            f"{who}: it has both a kpi and sum_of, or neither. Give the KPI that is its value, or "
            "sum_of and relative_to if it is computed from other indicators."
        )
    faults += not_one_of(who, entry, "role", get_args(Role))
    faults += not_one_of(who, entry, "direction", get_args(Direction))
    faults += not_one_of(who, entry, "regi", INDICATOR_REGI)

    role = entry.get("role")
    if role in DIRECTED_ROLES and "direction" not in table:
        faults.append(
            f"{who}: role {role!r} needs a direction. Say which is better: "
            'direction = "higher" or "lower".'
        )
    regi = entry.get("regi")
    is_known = area_regi in AREA_REGI and regi in INDICATOR_REGI
    differs = role in SCORED_ROLES and is_known and regi != area_regi
    if differs and "regi_reason" not in entry:
        faults.append(
            f"{who}: regi {regi!r} differs from the area's {area_regi!r}, so cost and quality "
            "would describe different groups. Choose a KPI of the area's regi, or say in "
            "regi_reason why the groups are nearly the same."
        )
    if "regi_reason" in entry and is_known and not differs:
        faults.append(f"{who}: regi_reason explains no difference. Remove it.")
    faults += not_what_it_is_called(who, entry)
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
    numbers = [is_of_type(bound, float) and math.isfinite(bound) for bound in plausible]
    if len(numbers) != 2 or not all(numbers) or not plausible[0] < plausible[1]:
        faults.append(f"{who}: plausible is {plausible}. Write [lowest, highest].")
    return faults
