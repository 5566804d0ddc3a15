"""How peer sets hold together: whether likeness goes both ways, and what a new vintage changed.

A municipality may be compared with seven that are themselves compared with others; and with seven
others next year, though nothing has happened in it. Both belong beside a place among peers.
"""

from dataclasses import dataclass

import polars as pl

from models.peer_sets.peers import SET_KEY

PAIR_SCHEMA = {
    "peer_set": pl.String,
    "service_area": pl.String,
    "municipality": pl.String,
    "peer": pl.String,
    "is_mutual": pl.Boolean,
}
RECIPROCITY_SCHEMA = {
    "peer_set": pl.String,
    "service_area": pl.String,
    "municipality": pl.String,
    "n_peer": pl.Int32,
    "n_known": pl.Int32,
    "n_mutual": pl.Int32,
    "mutual_share": pl.Float64,
    "n_counted_by": pl.Int32,
}
CHANGE_SCHEMA = {
    "peer_set": pl.String,
    "service_area": pl.String,
    "municipality": pl.String,
    "vintage_before": pl.Int32,
    "vintage": pl.Int32,
    "n_kept": pl.Int32,
    "n_joined": pl.Int32,
    "n_departed": pl.Int32,
    "joined": pl.String,
    "departed": pl.String,
}


@dataclass(frozen=True, slots=True)
class Reciprocity:
    """Which peers count a municipality as theirs; sorted by key."""

    pair: pl.DataFrame  # PAIR_SCHEMA, a row per set, municipality and peer
    municipality: pl.DataFrame  # RECIPROCITY_SCHEMA, a row per set and municipality in it


def reciprocity(peer: pl.DataFrame) -> Reciprocity:
    """Say of every pair whether it goes both ways, and count them.

    Parameters
    ----------
    peer : frame
        `peers.PEER_SET_SCHEMA`, of any number of sets.

    Returns
    -------
    Reciprocity
        `is_mutual` is null where the peer has no peers of its own in that set, as in somebody's
        list: it could not count anybody. `mutual_share` is of the pairs where that is known
        (`n_known`), null where none is. `n_counted_by` is how many have the municipality as their
        peer, and who has no peers but is counted by others has a row too.
    """
    key = list(SET_KEY)
    own = peer.select(*key, "peer")
    back = own.rename({"municipality": "peer", "peer": "municipality"})
    has_own = own.select(*key).unique().rename({"municipality": "peer"})
    pair = (
        own.join(back.with_columns(goes_back=True), on=[*key, "peer"], how="left", nulls_equal=True)
        .join(
            has_own.with_columns(can_go_back=True),
            on=["peer_set", "service_area", "peer"],
            how="left",
            nulls_equal=True,
        )
        .with_columns(
            is_mutual=pl.when(pl.col("can_go_back")).then(pl.col("goes_back").fill_null(False))
        )
        .select(list(PAIR_SCHEMA))
        .sort(*key, "peer", nulls_last=True)
    )
    counted = back.group_by("peer_set", "service_area", pl.col("peer").alias("municipality")).len(
        "n_peer"
    )
    counted_by = own.group_by("peer_set", "service_area", pl.col("peer").alias("municipality")).len(
        "n_counted_by"
    )
    mutual = pair.group_by(key).agg(
        n_known=pl.col("is_mutual").count(), n_mutual=pl.col("is_mutual").sum()
    )
    municipality = (
        counted.join(mutual, on=key, how="left", nulls_equal=True)
        .join(counted_by, on=key, how="full", nulls_equal=True, coalesce=True)
        .with_columns(pl.col("n_peer", "n_known", "n_mutual", "n_counted_by").fill_null(0))
        .with_columns(
            mutual_share=pl.when(pl.col("n_known") > 0).then(pl.col("n_mutual") / pl.col("n_known"))
        )
        .select(pl.col(name).cast(kind) for name, kind in RECIPROCITY_SCHEMA.items())
        .sort(key, nulls_last=True)
    )
    return Reciprocity(pair=pair, municipality=municipality)


def peer_changes(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """Compare the peers of two vintages.

    Parameters
    ----------
    before, after : frame
        `peers.PEER_SET_SCHEMA`, the earlier and the later, each of one vintage.

    Returns
    -------
    frame
        `CHANGE_SCHEMA`, a row per set and municipality that has peers in both, sorted by key. The
        ids of who joined and departed stand with a comma between. Who has peers in one of them
        only has not changed peers and has no row.
    """
    key = list(SET_KEY)
    sides = [
        side.group_by(key).agg(pl.col("peer").sort(), pl.col("vintage").max())
        for side in (before, after)
    ]
    return (
        sides[1]
        .join(sides[0], on=key, how="inner", nulls_equal=True, suffix="_before")
        .with_columns(
            kept=pl.col("peer").list.set_intersection("peer_before"),
            joined=pl.col("peer").list.set_difference("peer_before").list.sort(),
            departed=pl.col("peer_before").list.set_difference("peer").list.sort(),
        )
        .with_columns(
            n_kept=pl.col("kept").list.len(),
            n_joined=pl.col("joined").list.len(),
            n_departed=pl.col("departed").list.len(),
        )
        .with_columns(pl.col("joined", "departed").list.join(","))
        .select(pl.col(name).cast(kind) for name, kind in CHANGE_SCHEMA.items())
        .sort(key, nulls_last=True)
    )
