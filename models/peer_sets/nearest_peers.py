"""A municipality's own peers: the nearest neighbours in structure, of any year and any number.

Kolada's groups are seven, of one year, and how they are made is known in part only. Neighbours made
here (`models/peer_sets/nearest.py`) say by what they are near, and their number can be varied.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import FloatArray
from models.peer_sets.check import check_no_outcomes
from models.peer_sets.definition import Likeness
from models.peer_sets.nearest import Nearest, nearest, yardstick
from models.peer_sets.peers import PeerSets, peer_set

PEER_DISTANCE_SCHEMA = {
    "peer_set": pl.String,
    "municipality": pl.String,
    "peer": pl.String,
    "variable": pl.String,
    "kpi": pl.String,
    "value": pl.Float64,
    "peer_value": pl.Float64,
    "squared_distance": pl.Float64,
    "share": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class NearestPeers:
    """A peer set of nearest neighbours, and why they are near."""

    sets: PeerSets
    distance: pl.DataFrame  # PEER_DISTANCE_SCHEMA, a row per municipality, peer and variable


def nearest_peers(
    structure: pl.DataFrame,
    likeness: Likeness,
    areas: Iterable[ServiceArea],
    *,
    period: int,
    municipalities: Collection[str],
) -> NearestPeers:
    """Make a peer set of the nearest neighbours in structure, of one year.

    Parameters
    ----------
    structure : frame
        Values of Kolada: kpi, municipality, period, value; of one gender. Other KPIs, periods and
        municipalities may be there too.
    likeness : Likeness
        The variables, their weights and how distance is measured.
    areas : iterable of ServiceArea
        All service areas, whose outcomes may not be matched on.
    period : int
        The year of every variable; it becomes the vintage.
    municipalities : collection of str
        All there are. Who lacks a variable that year has no peers and is nobody's.

    Returns
    -------
    NearestPeers
        The set, with places and distances, and each variable's part in them.

    Raises
    ------
    ValueError
        If the likeness matches on an outcome, a value is there twice, too few municipalities are
        complete, or as `nearest.yardstick` and `nearest.nearest` say.
    """
    check_no_outcomes(likeness, areas)
    names = sorted(municipalities)
    values = _structure(structure, likeness, period, names)
    variables = likeness.variables
    scale = yardstick(
        values,
        variable=[each.name for each in variables],
        municipality=names,
        is_log=[each.is_log for each in variables],
        standardisation=likeness.standardisation,
        distance=likeness.distance,
    )
    found = nearest(
        values,
        scale,
        k=likeness.k,
        weight=[each.weight for each in variables],
        municipality=names,
    )
    pairs = _pairs(found, names).with_columns(vintage=pl.lit(period))
    peerless = [
        (
            names[row],
            "missing_structure",
            ", ".join(each.name for each, gone in zip(variables, gaps, strict=True) if gone),
        )
        for row, gaps in enumerate(np.isnan(values).tolist())
        if any(gaps)
    ]
    return NearestPeers(
        sets=peer_set(
            pairs, name=likeness.name, service_area=likeness.service_area, peerless=peerless
        ),
        distance=_distances(found, likeness, values, names),
    )


def _structure(
    structure: pl.DataFrame, likeness: Likeness, period: int, names: list[str]
) -> FloatArray:
    """Return the values (n_municipality, n_variable) of the year; NaN is missing."""
    kpis = [each.kpi for each in likeness.variables]
    rows = structure.filter(
        pl.col("period") == period,
        pl.col("kpi").is_in(kpis),
        pl.col("municipality").is_in(names),
    )
    twice = rows.filter(pl.struct("kpi", "municipality").is_duplicated()).sort(
        "kpi", "municipality"
    )
    if not twice.is_empty():
        kpi, municipality = twice.select("kpi", "municipality").row(0)
        raise ValueError(
            f"{municipality} has more than one value of {kpi} for {period}. Keep those of one "
            "gender, T."
        )
    values = np.full((len(names), len(kpis)), np.nan)
    row = {one: position for position, one in enumerate(names)}
    column = {kpi: position for position, kpi in enumerate(kpis)}
    for kpi, municipality, value in rows.select("kpi", "municipality", "value").iter_rows():
        if value is not None:
            values[row[municipality], column[kpi]] = value
    return values


def _pairs(found: Nearest, names: list[str]) -> pl.DataFrame:
    own = np.flatnonzero(found.has_peers)
    k = found.peer.shape[1]
    called = np.array(names)
    return pl.DataFrame(
        {
            "municipality": np.repeat(called[own], k).tolist(),
            "peer": called[found.peer[own].ravel()].tolist(),
            "place": np.tile(np.arange(1, k + 1), len(own)),
            "distance": found.distance[own].ravel(),
        }
    )


def _distances(
    found: Nearest, likeness: Likeness, values: FloatArray, names: list[str]
) -> pl.DataFrame:
    pairs = _pairs(found, names)
    own = np.flatnonzero(found.has_peers)
    part = found.contribution[own].reshape(pairs.height, -1)
    total = pl.Series(part.sum(axis=1))
    peer = found.peer[own].ravel()
    frames = [
        pairs.select("municipality", "peer").with_columns(
            peer_set=pl.lit(likeness.name),
            variable=pl.lit(variable.name),
            kpi=pl.lit(variable.kpi),
            value=pl.Series(np.repeat(values[own, column], found.peer.shape[1])),
            peer_value=pl.Series(values[peer, column]),
            squared_distance=pl.Series(part[:, column]),
            # Twins are not apart, so that no variable has a share in it.
            share=pl.when(total > 0).then(pl.Series(part[:, column]) / total),
        )
        for column, variable in enumerate(likeness.variables)
    ]
    return pl.concat(frame.select(list(PEER_DISTANCE_SCHEMA)) for frame in frames).sort(
        "peer_set", "municipality", "peer", "variable"
    )
