"""Whether enough of a municipality's peers have values for it to be shown beside them.

The nation has a gate of its own: an area's `minimum_share`, which `models.panel.period_status`
keeps. A group of eight needs another, for there a share is a matter of single municipalities.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import area_arrays

PEER_SHARE = 5 / 8  # of the municipality and its peers; Kolada's groups are of seven peers

PEER_COVERAGE_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "n_group": pl.Int32,
    "n_cost": pl.Int32,
    "n_complete": pl.Int32,
    "status": pl.String,
}


def peer_coverage(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    peers: pl.DataFrame,
    minimum_share: float = PEER_SHARE,
) -> pl.DataFrame:
    """Count who has values among a municipality and its peers, and say whether to show them.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order.
    areas : iterable of ServiceArea
        The definitions the panel was made from.
    peers : frame
        `service_area, municipality, peer`; a municipality that is not in it has no group. A peer
        that is not in the panel is counted as without values.
    minimum_share : float
        Of the group, the municipality itself included, that must be complete; above 0, at most 1.

    Returns
    -------
    frame
        `mart.peer_coverage`, sorted by key, a row for each municipality that has peers. `n_cost`
        have all cost indicators, `n_complete` all scored ones. `status` is "shown",
        "own_value_missing" or "too_few_peers", the last also where the own value is missing.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, if the share is out of range, or
        if a pair of peers occurs twice or is of one and the same municipality.
    """
    if not 0 < minimum_share <= 1:
        raise ValueError(f"minimum_share is {minimum_share}. It is a share: above 0, at most 1.")
    pairs = peers.select("service_area", "municipality", "peer")
    wrong = pairs.filter(pairs.is_duplicated() | (pl.col("municipality") == pl.col("peer")))
    if not wrong.is_empty():
        named = "; ".join(" ".join(row) for row in wrong.unique().sort(pl.all()).head(5).rows())
        raise ValueError(
            f"A municipality is its own peer, or a peer twice: {named}. Give every peer once."
        )
    own = pairs.select("service_area", "municipality", peer="municipality").unique()
    group = pl.concat([pairs, own])
    values = []
    for arrays in area_arrays(panel, areas):
        has_value = ~np.isnan(arrays.value)
        n_cost = len(arrays.cost)
        for position, period in enumerate(arrays.periods):
            values.append(
                pl.DataFrame(
                    {
                        "service_area": arrays.area.name,
                        "period": period,
                        "peer": arrays.municipalities,
                        "has_cost": has_value[position, :, :n_cost].all(axis=1),
                        "is_complete": has_value[position].all(axis=1),
                    },
                    schema_overrides={"period": pl.Int32},
                ).filter(pl.Series(arrays.in_panel[position]))
            )
    if not values:
        return pl.DataFrame(schema=PEER_COVERAGE_SCHEMA)
    value = pl.concat(values)
    is_enough = pl.col("n_complete") >= minimum_share * pl.col("n_group")
    status = (
        pl.when(~is_enough)
        .then(pl.lit("too_few_peers"))
        .when(~pl.col("is_own_complete"))
        .then(pl.lit("own_value_missing"))
        .otherwise(pl.lit("shown"))
    )
    there = value.select("service_area", "period", municipality="peer")
    return (
        there.join(group, on=["service_area", "municipality"])
        .join(value, on=["service_area", "period", "peer"], how="left")
        .with_columns(pl.col("has_cost", "is_complete").fill_null(False))
        .group_by("service_area", "period", "municipality")
        .agg(
            n_group=pl.len(),
            n_cost=pl.col("has_cost").sum(),
            n_complete=pl.col("is_complete").sum(),
            is_own_complete=pl.col("is_complete")
            .filter(pl.col("peer") == pl.col("municipality"))
            .first(),
        )
        .with_columns(status=status)
        .select(pl.col(name).cast(kind) for name, kind in PEER_COVERAGE_SCHEMA.items())
        .sort("service_area", "period", "municipality")
    )
