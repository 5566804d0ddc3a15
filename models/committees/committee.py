"""Who in a municipality answers for which service area, when, and whether that is confirmed.

A score belongs to a service area. It is only grouped by committee (nämnd), and an area may move
from one to another: so the mapping is data with dates, and says of every name whether the
municipality has confirmed it.
"""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

import polars as pl

from models.definition_file import Fields, known_fields, listed, not_one_of

COMMITTEES = Path(__file__).parent
BodyKind = Literal["committee", "federation", "company"]
FILE_FIELDS: Fields = {"municipality": (str, True), "bodies": (list, True)}
BODY_FIELDS: Fields = {
    "name": (str, True),
    "kind": (str, True),
    "service_areas": (list, True),
    "valid_from": (date, True),
    "valid_to": (date, False),
    "is_verified": (bool, True),
    "unmeasured_reason": (str, False),
    "source": (str, True),
}
COMMITTEE_SCHEMA = {
    "municipality": pl.String,
    "body": pl.String,
    "kind": pl.String,
    "service_area": pl.String,
    "valid_from": pl.Date,
    "valid_to": pl.Date,
    "is_verified": pl.Boolean,
    "unmeasured_reason": pl.String,
    "source": pl.String,
}


class CommitteeError(ValueError):
    """A mapping that cannot be used; the message names the file and every fault."""


@dataclass(frozen=True, slots=True)
class Body:
    """A committee, federation or company, while it answers for the same service areas."""

    municipality: str
    name: str  # Swedish
    kind: BodyKind
    service_areas: tuple[str, ...]  # none where nothing is measured, and then why
    valid_from: date
    valid_to: date | None  # the last day
    is_verified: bool  # the municipality has confirmed the name and the areas
    unmeasured_reason: str | None  # Swedish
    source: str  # Swedish


def bodies(known_areas: Iterable[str], *, folder: Path = COMMITTEES) -> tuple[Body, ...]:
    """Read who answers for what in every municipality that has a file.

    Parameters
    ----------
    known_areas : iterable of str
        The names of the service areas there are.
    folder : Path
        Where the `.toml` files are, each named as its municipality.

    Returns
    -------
    tuple of Body
        By municipality, in the order of the files.

    Raises
    ------
    CommitteeError
        If a field is unknown, missing or of another type; if a body names an area there is not,
        names none and says not why, or two answer for the same area at the same time.
    """
    known = set(known_areas)
    found: list[Body] = []
    for path in sorted(folder.glob("*.toml")):
        where = f"{path.parent.name}/{path.name}"
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CommitteeError(
                f"{where} is not TOML: {error}. Correct the file there."
            ) from error
        faults, right = known_fields("the file", table, FILE_FIELDS)
        if right.get("municipality", path.stem) != path.stem:
            faults.append(
                f"the file is of {right['municipality']} and is named {path.stem}. Make both the "
                "municipality's four digits."
            )
        mine: list[Body] = []
        for position, entry in enumerate(right.get("bodies", []), start=1):
            who = f"body number {position}"
            if not isinstance(entry, dict):
                faults.append(f"{who} is not a table. Write it as [[bodies]].")
                continue
            wrong, fields = known_fields(who, entry, BODY_FIELDS)
            wrong += not_one_of(who, fields, "kind", get_args(BodyKind))
            faults += wrong
            if not wrong:
                mine.append(_body(path.stem, fields))
        faults += _mismatches(mine, known)
        if faults:
            raise CommitteeError(listed(where, faults))
        found += mine
    return tuple(found)


def committee_frame(bodies: Iterable[Body]) -> pl.DataFrame:
    """Put the mapping in the form of `staging.committee`.

    Parameters
    ----------
    bodies : iterable of Body
        In any order.

    Returns
    -------
    frame
        One row per body and service area, or per body where it has none, sorted by key;
        `contracts.definitions.Committee` says which columns.
    """
    rows = [
        {
            "municipality": body.municipality,
            "body": body.name,
            "kind": body.kind,
            "service_area": area,
            "valid_from": body.valid_from,
            "valid_to": body.valid_to,
            "is_verified": body.is_verified,
            "unmeasured_reason": body.unmeasured_reason,
            "source": body.source,
        }
        for body in bodies
        for area in (body.service_areas or (None,))
    ]
    return pl.DataFrame(rows, schema=COMMITTEE_SCHEMA).sort(
        "municipality", "body", "service_area", "valid_from"
    )


def _body(municipality: str, fields: dict[str, Any]) -> Body:
    return Body(
        municipality=municipality,
        name=fields["name"],
        kind=fields["kind"],
        service_areas=tuple(fields["service_areas"]),
        valid_from=fields["valid_from"],
        valid_to=fields.get("valid_to"),
        is_verified=fields["is_verified"],
        unmeasured_reason=fields.get("unmeasured_reason"),
        source=fields["source"],
    )


def _mismatches(mine: list[Body], known: set[str]) -> list[str]:
    faults: list[str] = []
    for body in mine:
        unknown = sorted(set(body.service_areas) - known)
        if unknown:
            faults.append(
                f"{body.name} answers for {', '.join(unknown)}, which are no service areas. Name "
                "files of models/areas."
            )
        if not body.service_areas and body.unmeasured_reason is None:
            faults.append(
                f"{body.name} answers for no service area and does not say why. Add "
                "unmeasured_reason, or service_areas."
            )
        if body.valid_to is not None and body.valid_to < body.valid_from:
            faults.append(f"{body.name} ends before it begins. Correct one of the dates.")
    for number, body in enumerate(mine):
        for other in mine[number + 1 :]:
            both = sorted(set(body.service_areas) & set(other.service_areas))
            if both and _overlap(body, other):
                faults.append(
                    f"{body.name} and {other.name} answer for {', '.join(both)} at the same time. "
                    "End one of them with valid_to."
                )
    return faults


def _overlap(one: Body, other: Body) -> bool:
    end = date.max
    return one.valid_from <= (other.valid_to or end) and other.valid_from <= (one.valid_to or end)
