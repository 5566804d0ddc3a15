"""The form of a definition in TOML: its fields, their types, and how faults are told.

A definition is looked at whole before anything is said, so that it is corrected once and not fault
by fault.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

MOST_FAULTS = 5  # as many as one reads; the rest are counted
Fields = Mapping[str, tuple[type, bool]]  # the type, and whether it must be there
TYPE_WORDS = {
    str: "a text that is not empty",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "a table",
    date: "a date, such as 2026-09-01",
}


def known_fields(
    who: str, table: Mapping[str, Any], fields: Fields
) -> tuple[list[str], dict[str, Any]]:
    """Return what is wrong with the fields, and those that are right.

    Parameters
    ----------
    who : str
        What the table is, for the sentences.
    table : mapping
        As TOML gives it.
    fields : mapping
        Every field there may be.

    Returns
    -------
    faults : list of str
        Sentences of what is wrong and what to do.
    right : dict
        The fields that are known and of their type.
    """
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
        elif is_of_type(table[name], kind):
            right[name] = table[name]
        else:
            faults.append(f"{who}: {name} is {table[name]!r}. Make it {TYPE_WORDS[kind]}.")
    return faults, right


def not_one_of(who: str, table: Mapping[str, Any], field: str, allowed: Sequence[str]) -> list[str]:
    """Say, in a sentence or none, that a field is none of the words it may be."""
    if field not in table or table[field] in allowed:
        return []
    return [f"{who}: unknown {field} {table[field]!r}. Use one of {', '.join(allowed)}."]


def is_of_type(value: object, kind: type) -> bool:
    """Whether a value is of a type as a reader would say: true is no number, "" no text."""
    if isinstance(value, bool) or kind is bool:  # true is an int to Python, not to a reader
        return isinstance(value, bool) and kind is bool
    if kind is str:
        return isinstance(value, str) and bool(value.strip())
    return isinstance(value, (int, float) if kind is float else kind)


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
