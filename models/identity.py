"""Equations that Kolada's figures satisfy among themselves, read from `identities.toml`.

A net cost deviation is a net cost by a reference cost, and all three are published. Where they do
not agree an id is wrong, one of them is of another vintage, or a revision has reached one of them.
"""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from models.definition_file import Fields, known_fields, listed, not_one_of

IDENTITIES = Path(__file__).parent / "identities.toml"
Form = Literal["percent", "million_kronor"]
Part = Literal["published", "net", "reference", "inhabitants"]
IDENTITY_FIELDS: Fields = {
    "form": (str, True),
    "tolerance": (float, True),
    "published": (dict, True),
    "net": (list, True),
    "reference": (list, True),
    "inhabitants": (dict, False),
}
KPI_FIELDS: Fields = {"kpi": (str, True), "title": (str, True)}
TERM_SCHEMA = {
    "identity": pl.String,
    "form": pl.String,
    "tolerance": pl.Float64,
    "part": pl.String,
    "kpi": pl.String,
    "title": pl.String,
}


class IdentityError(ValueError):
    """A file of identities that cannot be used; the message names every fault."""


@dataclass(frozen=True, slots=True)
class Term:
    """A KPI with a part in an equation."""

    part: Part
    kpi: str
    title: str  # Kolada's, verbatim


@dataclass(frozen=True, slots=True)
class Identity:
    """One equation; `form` says which, `tolerance` is in its unit."""

    name: str
    form: Form
    tolerance: float  # percentage points, or million kronor
    terms: tuple[Term, ...]


def identities(path: Path = IDENTITIES) -> tuple[Identity, ...]:
    """Read the equations.

    Parameters
    ----------
    path : Path
        A TOML file with a table for each.

    Returns
    -------
    tuple of Identity
        In the order of the file.

    Raises
    ------
    IdentityError
        If a field is unknown, missing or of another type, or an equation in million kronor lacks
        the inhabitants.
    """
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    faults: list[str] = []
    found: list[Identity] = []
    for name, entry in table.items():
        wrong, fields = known_fields(name, entry, IDENTITY_FIELDS)
        wrong += not_one_of(name, fields, "form", get_args(Form))
        if not wrong and (fields["form"] == "million_kronor") != ("inhabitants" in fields):
            wrong.append(
                f"{name}: inhabitants turn kronor per inhabitant into million kronor. Give them "
                'with form = "million_kronor" and only there.'
            )
        terms = [(part, each) for part in get_args(Part) for each in _as_list(fields.get(part, []))]
        for part, each in terms:
            wrong += known_fields(f"{name}, {part}", each, KPI_FIELDS)[0]
        faults += wrong
        if not wrong:
            found.append(
                Identity(
                    name=name,
                    form=fields["form"],
                    tolerance=float(fields["tolerance"]),
                    terms=tuple(Term(part, each["kpi"], each["title"]) for part, each in terms),
                )
            )
    if faults:
        raise IdentityError(listed(path.name, faults))
    return tuple(found)


def identity_frame(identities: Iterable[Identity]) -> pl.DataFrame:
    """Put the equations in the form of `staging.identity_term`.

    Parameters
    ----------
    identities : iterable of Identity
        In any order.

    Returns
    -------
    frame
        One row per equation and KPI, sorted by key; `contracts.definitions.IdentityTerm` says which
        columns.
    """
    rows = [
        (each.name, each.form, each.tolerance, term.part, term.kpi, term.title)
        for each in identities
        for term in each.terms
    ]
    frame = pl.DataFrame(rows, schema=TERM_SCHEMA, orient="row")
    return frame.sort("identity", "part", "kpi")


def _as_list(value: Mapping[str, Any] | list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [value] if isinstance(value, Mapping) else list(value)
