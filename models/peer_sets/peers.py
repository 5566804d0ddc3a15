"""Whom a municipality is compared with: peer sets from every source, in one form.

A peer set is a list of pairs. Kolada's groups, SKR's groups, own neighbours and lists that somebody
has decided on differ in what is known of a pair: only neighbours have a distance and a place, for
Kolada gives its groups in the order of the ids. What is not known is null. Who has no peers in a
set is a row as well, with the reason.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from models.areas.service_area import ServiceArea
from models.peer_sets.definition import PeerList

PEER_SET_SCHEMA = {
    "peer_set": pl.String,
    "service_area": pl.String,
    "municipality": pl.String,
    "peer": pl.String,
    "place": pl.Int32,
    "distance": pl.Float64,
    "vintage": pl.Int32,
}
PEERLESS_SCHEMA = {
    "peer_set": pl.String,
    "service_area": pl.String,
    "municipality": pl.String,
    "reason": pl.String,
    "missing": pl.String,
}
SET_KEY = ("peer_set", "service_area", "municipality")
PEER_ORDER = (*SET_KEY, "place", "peer")

# Kolada's groups that fit any service, beside the one of the service itself.
GENERAL_GROUPS = {"kolada_overall": "övergripande", "kolada_socioeconomic": "socioekonomi"}
UNWEIGHTED = " (ovägt medel)"  # what Kolada adds to a group's title
# SKR's municipality groups as Kolada's titles have them.
SKR_GROUPS = (
    "Storstäder",
    "Pendlingskommun nära storstad",
    "Större stad",
    "Pendlingskommun nära större stad",
    "Lågpendlingskommun nära större stad",
    "Mindre stad/tätort",
    "Pendlingskommun nära mindre tätort",
    "Landsbygdskommun, ej nära större stad",
    "Landsbygdskommun med besöksnäring",
)


@dataclass(frozen=True, slots=True)
class PeerSets:
    """Peers and those who have none, sorted by key."""

    peer: pl.DataFrame  # PEER_SET_SCHEMA, a row per set, municipality and peer
    peerless: pl.DataFrame  # PEERLESS_SCHEMA, a row per set and municipality without peers


def kolada_peers(
    group: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    municipalities: Collection[str],
    general: Mapping[str, str],
) -> PeerSets:
    """Make peer sets of Kolada's groups "Liknande kommuner".

    "kolada" is every service's own group; the general ones stand beside it, for any service.

    Parameters
    ----------
    group : frame
        `staging.peer`: peer_group, municipality, peer, vintage.
    areas : iterable of ServiceArea
        Whose `peer_group` is looked up.
    municipalities : collection of str
        All there are; who has no group is told of.
    general : mapping of str to str
        Names of further sets and Kolada's word for their group, such as `GENERAL_GROUPS`.

    Returns
    -------
    PeerSets
        Without places and distances: Kolada gives none.

    Raises
    ------
    ValueError
        If Kolada has no group of that word at all.
    """
    asked: list[tuple[str, str | None, str]] = [
        ("kolada", area.name, area.peer_group) for area in areas
    ]
    asked += [(name, None, word) for name, word in general.items()]
    has = sorted(group["peer_group"].unique())
    unknown = sorted({word for _, _, word in asked} - set(has))
    if unknown:
        raise ValueError(
            f"Kolada has no groups 'Liknande kommuner' of {', '.join(unknown[:5])}. The words it "
            f"has are {', '.join(has)}: correct peer_group in the area's file."
        )
    sets = []
    for name, area, word in asked:
        rows = group.filter(pl.col("peer_group") == word)
        alone = set(municipalities) - set(rows["municipality"])
        peerless = [(municipality, "no_group", None) for municipality in alone]
        sets.append(peer_set(rows, name=name, service_area=area, peerless=peerless))
    return _stacked(sets)


def skr_peers(group: pl.DataFrame, *, municipalities: Collection[str]) -> PeerSets:
    """Make a peer set of SKR's municipality groups: all others of the group.

    Parameters
    ----------
    group : frame
        `staging.municipality_group`: title and members, a list of ids.
    municipalities : collection of str
        All there are; who is in no group is told of.

    Returns
    -------
    PeerSets
        "skr", from 2 peers of the three cities to 62. Without vintage: Kolada's titles have no
        year, so a new division is seen only as changed members.

    Raises
    ------
    ValueError
        If one of the nine groups is missing, or a municipality is in two.
    """
    named = group.select(pl.col("title").str.strip_suffix(UNWEIGHTED), "members").filter(
        pl.col("title").is_in(list(SKR_GROUPS))
    )
    missing = sorted(set(SKR_GROUPS) - set(named["title"]))
    if missing:
        raise ValueError(
            f"Kolada has no municipality group {'; '.join(missing)}, of SKR's nine. Look for its "
            "new title in Kolada, and correct SKR_GROUPS."
        )
    member = named.explode("members", empty_as_null=False).rename({"members": "municipality"})
    twice = member.filter(pl.col("municipality").is_duplicated()).sort("municipality", "title")
    if not twice.is_empty():
        first = twice["municipality"][0]
        of = twice.filter(pl.col("municipality") == first)["title"]
        raise ValueError(
            f"{first} is in more than one of SKR's groups: {'; '.join(of)}. Fetch the groups again."
        )
    rows = (
        member.join(member.rename({"municipality": "peer"}), on="title")
        .filter(pl.col("municipality") != pl.col("peer"))
        .with_columns(vintage=pl.lit(None))
    )
    alone = set(municipalities) - set(rows["municipality"])
    peerless = [(municipality, "no_group", None) for municipality in alone]
    return peer_set(rows, name="skr", service_area=None, peerless=peerless)


def listed_peers(
    lists: Iterable[PeerList], areas: Iterable[ServiceArea], *, municipalities: Collection[str]
) -> PeerSets:
    """Make peer sets of lists that somebody has decided on.

    Parameters
    ----------
    lists : iterable of PeerList
        Each becomes a set of its name; its vintage is the year of the decision.
    areas : iterable of ServiceArea
        All service areas.
    municipalities : collection of str
        All there are.

    Returns
    -------
    PeerSets
        Without places and distances. That others have no list is no gap, so nobody is told of.

    Raises
    ------
    ValueError
        If a list names somebody who is no municipality, or a service area that there is none of.
    """
    known = sorted(area.name for area in areas)
    sets = []
    for one in lists:
        if one.service_area not in (None, *known):
            raise ValueError(
                f"The peer list {one.name} is for the service area {one.service_area!r}, which "
                f"there is none of. Name one of {', '.join(known)}, or leave it out."
            )
        unknown = sorted({one.municipality, *one.peers} - set(municipalities))
        if unknown:
            raise ValueError(
                f"The peer list {one.name} names {', '.join(unknown[:5])}, which is no "
                "municipality in Kolada. Correct the id."
            )
        rows = pl.DataFrame({"peer": list(one.peers)}).with_columns(
            municipality=pl.lit(one.municipality), vintage=pl.lit(one.decided_on.year)
        )
        sets.append(peer_set(rows, name=one.name, service_area=one.service_area))
    return together(sets)


def together(sets: Iterable[PeerSets]) -> PeerSets:
    """Put peer sets of several sources into one table.

    Parameters
    ----------
    sets : iterable of PeerSets
        Each name in one of them only.

    Returns
    -------
    PeerSets
        All rows, sorted by key.

    Raises
    ------
    ValueError
        If two sets have one name.
    """
    sets = list(sets)
    seen: set[str] = set()
    for each in sets:
        names = set(each.peer["peer_set"]) | set(each.peerless["peer_set"])
        if names & seen:
            raise ValueError(
                f"Two peer sets are called {', '.join(sorted(names & seen))}. Rename the file of "
                "one of them."
            )
        seen |= names
    return _stacked(sets)


def peer_set(
    pairs: pl.DataFrame,
    *,
    name: str,
    service_area: str | None,
    peerless: Sequence[tuple[str, str, str | None]] = (),
) -> PeerSets:
    """Make one peer set of its pairs.

    Parameters
    ----------
    pairs : frame
        municipality, peer and vintage, and place and distance where they are known.
    name : str
        Of the set.
    service_area : str or None
        The service that it is for; None is any.
    peerless : sequence of (municipality, reason, missing)
        Who has no peers and why; missing names the variables that are, if it is that.

    Returns
    -------
    PeerSets
        Sorted by key.
    """
    unknown = [pl.lit(None).alias(each) for each in {"place", "distance"} - set(pairs.columns)]
    peer = pairs.with_columns(*unknown, peer_set=pl.lit(name), service_area=pl.lit(service_area))
    without = pl.DataFrame(
        [(name, service_area, *row) for row in peerless], schema=PEERLESS_SCHEMA, orient="row"
    )
    return PeerSets(
        peer=peer.select(pl.col(each).cast(kind) for each, kind in PEER_SET_SCHEMA.items()).sort(
            PEER_ORDER, nulls_last=True
        ),
        peerless=without.sort(SET_KEY, nulls_last=True),
    )


def _stacked(sets: Sequence[PeerSets]) -> PeerSets:
    peer = [pl.DataFrame(schema=PEER_SET_SCHEMA), *(each.peer for each in sets)]
    peerless = [pl.DataFrame(schema=PEERLESS_SCHEMA), *(each.peerless for each in sets)]
    return PeerSets(
        peer=pl.concat(peer).sort(PEER_ORDER, nulls_last=True),
        peerless=pl.concat(peerless).sort(SET_KEY, nulls_last=True),
    )
