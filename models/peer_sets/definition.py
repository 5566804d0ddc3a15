"""Reads and checks the definitions of whom a municipality is compared with.

Two kinds are data. A likeness says in which structural variables neighbours are to be alike
(`peer_sets/*.toml`); a peer list names the peers that somebody has decided on. What can only be
seen beside the service areas and Kolada's catalogue is `models/peer_sets/check.py`'s to say.
"""

import math
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from models.definition_file import Fields, known_fields, listed, not_one_of
from models.peer_sets.nearest import DISTANCES, STANDARDISATIONS, Distance, Standardisation

PEER_SETS = Path(__file__).parent
RESERVED = ("kolada", "skr")  # the names of sets that come from Kolada's groups
NAME = r"[a-z][a-z0-9_]*"
MUNICIPALITY = r"\d{4}"

LIKENESS_FIELDS: Fields = {
    "title": (str, True),
    "service_area": (str, False),
    "standardisation": (str, True),
    "distance": (str, True),
    "k": (int, True),
    "decision": (str, False),
    "variables": (dict, True),
}
VARIABLE_FIELDS: Fields = {
    "kpi": (str, True),
    "title": (str, True),
    "log": (bool, False),
    "weight": (float, False),
    "why": (str, True),
}
LIST_FIELDS: Fields = {  # and decided_on, a date
    "title": (str, True),
    "service_area": (str, False),
    "municipality": (str, True),
    "peers": (list, True),
    "decided_by": (str, True),
    "why": (str, True),
}


class PeerDefinitionError(ValueError):
    """A likeness or a peer list cannot be used as it is."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A KPI that neighbours are to be alike in; the fields are those of the file."""

    name: str
    kpi: str
    title: str  # Kolada's, verbatim
    is_log: bool
    weight: float
    why: str


@dataclass(frozen=True, slots=True)
class Likeness:
    """What makes municipalities alike; the fields are those of the file, whose name is `name`."""

    name: str
    title: str  # Swedish, for readers
    service_area: str | None  # None: alike whatever is compared
    standardisation: Standardisation
    distance: Distance
    k: int
    decision: str | None  # without a reference it is a proposal
    variables: tuple[Variable, ...]


@dataclass(frozen=True, slots=True)
class PeerList:
    """Peers that somebody has named; the fields are those of the file, whose name is `name`."""

    name: str
    title: str  # Swedish, for readers
    service_area: str | None  # None: for every service
    municipality: str
    peers: tuple[str, ...]
    decided_by: str
    decided_on: date
    why: str


def likenesses(folder: Path = PEER_SETS) -> tuple[Likeness, ...]:
    """Read every likeness of a folder.

    Parameters
    ----------
    folder : Path
        Where the `.toml` files are; the proposed ones unless another is given.

    Returns
    -------
    tuple of Likeness
        Sorted by name.

    Raises
    ------
    PeerDefinitionError
        If the folder holds no such file, or one of them is at fault.
    """
    return tuple(read_likeness(path) for path in _files(folder))


def peer_lists(folder: Path) -> tuple[PeerList, ...]:
    """Read every peer list of a folder.

    Parameters
    ----------
    folder : Path
        Where the `.toml` files are.

    Returns
    -------
    tuple of PeerList
        Sorted by name.

    Raises
    ------
    PeerDefinitionError
        If the folder holds no such file, or one of them is at fault.
    """
    return tuple(read_peer_list(path) for path in _files(folder))


def read_likeness(path: Path) -> Likeness:
    """Read one likeness and check all that can be seen in the file itself.

    Parameters
    ----------
    path : Path
        A TOML file; its name without the ending becomes the likeness's name.

    Returns
    -------
    Likeness
        With the defaults filled in: no logarithm, weight 1.

    Raises
    ------
    PeerDefinitionError
        If anything in the file is unknown, missing or contradictory.
    """
    faults, table = known_fields("the likeness", _table(path), LIKENESS_FIELDS)
    faults += _name_faults(path.stem)
    faults += not_one_of("the likeness", table, "standardisation", STANDARDISATIONS)
    faults += not_one_of("the likeness", table, "distance", DISTANCES)
    if (table.get("standardisation"), table.get("distance")) == ("robust", "mahalanobis"):
        faults.append("a Mahalanobis distance has its own scale. Use standardisation 'z' with it.")
    if table.get("k", 1) < 1:
        faults.append(f"k is {table['k']}. At least one neighbour must be asked for.")
    variables = table.get("variables", {})
    if not variables:
        faults.append("there are no variables. Add [variables.<name>] with kpi, title and why.")
    for name, entry in variables.items():
        faults += _variable_faults(name, entry)
    kpis = [entry.get("kpi") for entry in variables.values() if isinstance(entry, dict)]
    for kpi in sorted({str(one) for one in kpis if one is not None and kpis.count(one) > 1}):
        faults.append(f"{kpi} is there more than once. Keep one, with the weight it should have.")
    if faults:
        raise PeerDefinitionError(listed(_called(path), faults))
    return Likeness(
        name=path.stem,
        title=table["title"],
        service_area=table.get("service_area"),
        standardisation=table["standardisation"],
        distance=table["distance"],
        k=table["k"],
        decision=table.get("decision"),
        variables=tuple(
            Variable(
                name=name,
                kpi=entry["kpi"],
                title=entry["title"],
                is_log=entry.get("log", False),
                weight=float(entry.get("weight", 1)),
                why=entry["why"],
            )
            for name, entry in variables.items()
        ),
    )


def read_peer_list(path: Path) -> PeerList:
    """Read one peer list and check all that can be seen in the file itself.

    Parameters
    ----------
    path : Path
        A TOML file; its name without the ending becomes the list's name.

    Returns
    -------
    PeerList
        As the file says.

    Raises
    ------
    PeerDefinitionError
        If anything in the file is unknown, missing or contradictory: such as nobody who decided,
        a peer twice, or the municipality among its own peers.
    """
    whole = _table(path)
    decided_on = whole.pop("decided_on", None)
    faults, table = known_fields("the list", whole, LIST_FIELDS)
    faults += _name_faults(path.stem)
    if type(decided_on) is not date:  # a date with a time is one too, to Python
        faults.append(
            f"decided_on is {decided_on!r}. Write the day, without quotes: decided_on = 2025-09-01."
        )
    municipality, peers = table.get("municipality"), table.get("peers", [])
    for one in [*([] if municipality is None else [municipality]), *peers]:
        if not (isinstance(one, str) and re.fullmatch(MUNICIPALITY, one)):
            faults.append(f"{one!r} is no municipality. Its id is a text of four digits: '0180'.")
    if "peers" in table and not peers:
        faults.append("peers is empty. Name at least one, or remove the file.")
    if municipality in peers:
        faults.append(f"{municipality} is among its own peers. Take it out.")
    for one in sorted({str(peer) for peer in peers if peers.count(peer) > 1}):
        faults.append(f"{one} is among the peers more than once. Name it once.")
    if faults or type(decided_on) is not date:
        raise PeerDefinitionError(listed(_called(path), faults))
    return PeerList(
        name=path.stem,
        title=table["title"],
        service_area=table.get("service_area"),
        municipality=table["municipality"],
        peers=tuple(table["peers"]),
        decided_by=table["decided_by"],
        decided_on=decided_on,
        why=table["why"],
    )


def _variable_faults(name: str, table: object) -> list[str]:
    if not isinstance(table, dict):
        return [f"the variable {name} is not a table: use [variables.{name}]."]
    who = f"the variable {name}"
    faults, entry = known_fields(who, table, VARIABLE_FIELDS)
    if not re.fullmatch(NAME, name):
        faults.append(f"{who}: the name must be of a-z, 0-9 and _, for it names rows.")
    if not re.fullmatch(r"[NU]\d{5}", entry.get("kpi", "N00000")):
        faults.append(f"{who}: {entry['kpi']!r} is no KPI. An id is N or U and five digits.")
    if not 0 < entry.get("weight", 1) < math.inf:
        faults.append(
            f"{who}: its weight is {entry['weight']}. Make it positive, or leave the variable out."
        )
    return faults


def _name_faults(name: str) -> list[str]:
    if re.fullmatch(NAME, name) and not name.startswith(RESERVED):
        return []
    return [
        f"the name {name!r} must be of a-z, 0-9 and _, and not begin with {' or '.join(RESERVED)}, "
        "for it names a peer set."
    ]


def _files(folder: Path) -> list[Path]:
    paths = sorted(folder.glob("*.toml"), key=lambda path: path.stem)
    if not paths:
        raise PeerDefinitionError(
            f"There is no definition (*.toml) in {folder}. Name another folder, or write the first "
            "file."
        )
    return paths


def _called(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PeerDefinitionError(
            f"{_called(path)} is not TOML: {error}. Correct the file there."
        ) from error
