"""The metadata of the simulated Sweden: KPIs, municipalities, peer groups and school units.

Ids, titles and types are Kolada's own. The descriptions are not: they are short, written for
this project, and each ends with where the values come from.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

SIMULATED_SOURCE = "SIMULERADE DATA"

N_PEER = 7  # as in every "Liknande kommuner" of Kolada

# The KPIs whose dates in kpis.csv are about this period; another last period moves them.
DATED_PERIOD = 2025

# The kinds of peers that Kolada has, and the number in the ids of ours.
PEER_KINDS = {
    "grundskola": 1,
    "äldreomsorg": 2,
    "övergripande": 3,
    "förskola": 4,
    "fritidshem": 5,
    "gymnasieskola": 6,
    "LSS": 7,
    "IFO": 8,
    "ekonomiskt bistånd": 9,
    "arbetsmarknad": 10,
    "räddningstjänst": 11,
    "socioekonomi": 12,
}

SKR_GROUPS = {  # Kolada's own ids and titles of SKR's division of municipalities
    "G92786": "Lågpendlingskommun nära större stad",
    "G92787": "Storstäder",
    "G92788": "Mindre stad/tätort",
    "G92789": "Pendlingskommun nära mindre tätort",
    "G92790": "Större stad",
    "G92791": "Landsbygdskommun, ej nära större stad",
    "G92792": "Pendlingskommun nära större stad",
    "G92793": "Pendlingskommun nära storstad",
    "G92794": "Landsbygdskommun med besöksnäring",
}

_KPI_GROUPS = {
    "G2KPI900001": ("Grundskola, simulerat urval", ("U15049", "N15561", "N15505", "N15436")),
    "G2KPI900002": ("Äldreomsorg, simulerat urval", ("N20900", "U21468", "U23471", "U23401")),
}


def kpi_rows(last_period: int) -> list[dict[str, Any]]:
    """Return the KPIs in Kolada's words, as if `last_period` were the latest published.

    N20048 is the KPI whose latest period is still preliminary in November: it builds on the
    municipalities' annual accounts, the one source that is published in spring and corrected
    in autumn, and the simulated correction is late.
    """
    shift = last_period - DATED_PERIOD

    def moved(date: str) -> str | None:
        return f"{int(date[:4]) + shift}{date[4:]}" if date else None

    return [
        {
            **row,
            "description": f"{row['description']} Källa: {SIMULATED_SOURCE}.",
            "is_divided_by_gender": row["is_divided_by_gender"] == "true",
            "auspice": row["auspice"] or None,
            "prel_publication_date": moved(row["prel_publication_date"]),
            "publication_date": moved(row["publication_date"]),
            "publ_period": moved(row["publ_period"]),
            "has_ou_data": row["has_ou_data"] == "true",
        }
        for row in _csv_rows("kpis.csv")
    ]


def municipality_rows() -> list[dict[str, Any]]:
    """Return the municipalities, the regions and Riket in Kolada's words."""
    return [
        {name: row[name] for name in ("id", "title", "type")}
        for row in _csv_rows("municipalities.csv")
    ]


def inhabitants() -> dict[str, int]:
    """Return the rough number of inhabitants of each of the 290 municipalities, about 2025."""
    return {
        row["id"]: int(row["inhabitants"])
        for row in _csv_rows("municipalities.csv")
        if row["type"] == "K"
    }


def kpi_groups(kpi: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return two small groups of KPIs."""
    title = {row["id"]: row["title"] for row in kpi}
    return [
        {"id": group, "title": name, "members": [_member(id_, title[id_]) for id_ in members]}
        for group, (name, members) in _KPI_GROUPS.items()
    ]


def _skr_group() -> dict[str, str]:
    """Return the id of each municipality's group in SKR's division."""
    return {
        row["id"]: row["skr_group"] for row in _csv_rows("municipalities.csv") if row["skr_group"]
    }


def municipality_groups(
    title: Mapping[str, str], conditions: Mapping[str, npt.NDArray[np.float64]], *, period: int
) -> list[dict[str, Any]]:
    """Return the group of all municipalities, and a group of peers of each kind for each.

    Parameters
    ----------
    title : mapping
        Id and title of each municipality, in the order of the rows of the arrays.
    conditions : mapping
        For each of `PEER_KINDS` the conditions in which peers are alike, shape (n_municipality,
        n_condition); each condition is standardised here.
    period : int
        The year in the titles.
    """
    ids = list(title)
    # Kolada's own id and title of this one; peers get numbers far above those in use.
    everyone = [_member(id_, title[id_]) for id_ in ids]
    groups = [{"id": "G2328", "title": "Alla kommuner (ovägt medel)", "members": everyone}]
    for group, name in SKR_GROUPS.items():
        members = [_member(id_, title[id_]) for id_, own in _skr_group().items() if own == group]
        groups.append({"id": group, "title": f"{name} (ovägt medel)", "members": members})
    for kind, number in PEER_KINDS.items():
        comma = "," if kind == "övergripande" else ""  # the extra comma is Kolada's
        for id_, nearest in zip(ids, _nearest(conditions[kind]), strict=True):
            peers = sorted(ids[i] for i in nearest)
            groups.append(
                {
                    "id": f"G9{number}{id_}",
                    "title": f"Liknande kommuner{comma} {kind}, {title[id_]}, {period}",
                    "members": [_member(peer, title[peer]) for peer in peers],
                }
            )
    return groups


def unit_rows(title: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the school units in Kolada's words: one in the smallest municipality, 59 in Stockholm.

    Parameters
    ----------
    title : mapping
        Id and title of each municipality; the units come in their order.
    """
    size = inhabitants()
    return [
        {
            "id": f"V15E{municipality}{number:03d}01",
            "title": f"Simulerade skolan {number}, {name}",
            "municipality": municipality,
        }
        for municipality, name in title.items()
        # Schools are larger where more people live.
        for number in range(1, max(1, round((size[municipality] / 6_000) ** 0.8)) + 1)
    ]


def _nearest(conditions: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    standardised = (conditions - conditions.mean(axis=0)) / conditions.std(axis=0)
    apart = np.square(standardised[:, None, :] - standardised[None, :, :]).sum(axis=2)
    np.fill_diagonal(apart, np.inf)  # nobody is a peer of itself
    return np.argsort(apart, axis=1, kind="stable")[:, :N_PEER]


def _member(id_: str, title: str) -> dict[str, str]:
    return {"member_id": id_, "member_title": title}


def _csv_rows(name: str) -> list[dict[str, str]]:
    with Path(__file__).with_name(name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
