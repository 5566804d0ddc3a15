"""A municipality's place among its peers, and whether it hangs on who the peers are.

Peers can be chosen in many ways and in any number, and none is the right one. So the place is
taken among all of them: who is better than most under every choice is so; who is sometimes first
and sometimes last has a place that was decided when the peers were.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from models.areas.service_area import ServiceArea
from models.panel import BoolArray, FloatArray
from models.score.index import RANK_DECIMALS

SIZES = (5, 7, 10, 20)  # nearest peers; seven as Kolada has them
MINIMUM_SHARE = 5 / 8  # of the peers must have a score, or there is no place: 5 of 7, 13 of 20
UNASSESSED_GRADE = "D"  # cost or activity only, of which no efficiency can be told

PLACE_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "peer_set": pl.String,
    "n_peer": pl.Int32,
    "n_peer_scored": pl.Int32,
    "place": pl.Int32,
    "n_placed": pl.Int32,
    "share_beaten": pl.Float64,
    "status": pl.String,
}
RANGE_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "n_choice": pl.Int32,
    "n_not_placed": pl.Int32,
    "share_low": pl.Float64,
    "low_peer_set": pl.String,
    "low_n_peer": pl.Int32,
    "share_high": pl.Float64,
    "high_peer_set": pl.String,
    "high_n_peer": pl.Int32,
}
KEY = ("service_area", "period", "municipality")


@dataclass(frozen=True, slots=True)
class PeerPlaces:
    """Places among peers, in the order the municipalities were given."""

    place: FloatArray  # (..., n), 1 is best and ties share; NaN where not placed
    share_beaten: FloatArray  # (..., n), of the peers with a score; NaN where not placed
    n_peer: NDArray[np.int64]  # (n,)
    n_scored: NDArray[np.int64]  # (..., n), peers with a score
    is_covered: BoolArray  # (..., n); whether enough of the peers have a score


def places_among(score: ArrayLike, peer: ArrayLike, *, minimum_share: float) -> PeerPlaces:
    """Place every municipality among its own peers.

    The place is one more than the number of peers whose score is higher; a peer with the same
    score is not beaten and does not beat.

    Parameters
    ----------
    score : array, shape (..., n)
        Higher is better; NaN has no place, and is nobody to be better than. Earlier axes are
        worlds of their own, such as draws.
    peer : array of int, shape (n, k)
        Positions of the peers; -1 where one has fewer than k.
    minimum_share : float
        Of a municipality's peers must have a score, or it has no place.

    Returns
    -------
    PeerPlaces
        Scores that agree to nine decimals are ties, as in the national rank.

    Raises
    ------
    ValueError
        If the share is not above 0 and at most 1, or the peers do not fit the scores.
    """
    score = np.round(np.asarray(score, dtype=np.float64), RANK_DECIMALS)
    peer = np.asarray(peer, dtype=np.intp)
    n = score.shape[-1]
    if not 0 < minimum_share <= 1:
        raise ValueError(
            f"The least share of peers with a score is {minimum_share}. Give one above 0, at most "
            "1, such as 0.625."
        )
    if peer.ndim != 2 or len(peer) != n or np.any((peer < -1) | (peer >= n)):
        raise ValueError(
            f"The peers, of shape {peer.shape}, do not belong to {n} scores. Give a row of "
            f"positions from 0 to {n - 1} for each, and -1 where there is no more."
        )
    is_peer = peer >= 0
    theirs = np.where(is_peer, score[..., np.where(is_peer, peer, 0)], np.nan)
    own = score[..., np.newaxis]
    n_peer = is_peer.sum(axis=1)
    n_scored = np.sum(~np.isnan(theirs), axis=-1)
    # The quotient is compared, not the product: 0.55 of 20 is 11 only so.
    share_scored = np.divide(n_scored, n_peer, where=n_peer > 0, out=np.zeros(n_scored.shape))
    is_covered = share_scored >= minimum_share
    is_placed = is_covered & ~np.isnan(score)
    beaten = np.sum(theirs < own, axis=-1)
    share = np.divide(beaten, n_scored, where=is_placed, out=np.full(score.shape, np.nan))
    return PeerPlaces(
        place=np.where(is_placed, 1.0 + np.sum(theirs > own, axis=-1), np.nan),
        share_beaten=share,
        n_peer=n_peer,
        n_scored=n_scored,
        is_covered=is_covered,
    )


def peer_places(
    index: pl.DataFrame,
    peer: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    sizes: Sequence[int] = SIZES,
    minimum_share: float = MINIMUM_SHARE,
) -> pl.DataFrame:
    """Place every municipality by its efficiency score in every peer set.

    A set whose peers have places is taken at each of the sizes, nearest first; of one without the
    order is not known, and it is taken whole.

    Parameters
    ----------
    index : frame
        `mart.index` (`contracts.index.Index`).
    peer : frame
        `peers.PEER_SET_SCHEMA`: the sets of an area, and those without one, for every area.
    areas : iterable of ServiceArea
        The definitions that the index was made from. One of grade D is not assessed.
    sizes : sequence of int
        Numbers of nearest peers.
    minimum_share : float
        Of the peers must have a score, or there is no place.

    Returns
    -------
    frame
        `PLACE_SCHEMA`, a row per area, period, municipality, set and number of peers, sorted by
        key. `status` is "placed", "no_own_score", "too_few_scored" or "not_assessed"; `place`,
        `n_placed` (the scored peers and itself) and `share_beaten` are null unless placed.

    Raises
    ------
    ValueError
        If the index holds an area that is not among `areas`, a set has fewer ordered peers than a
        size, or the share is not one.
    """
    grade = {area.name: area.evidence_grade for area in areas}
    unknown = sorted(set(index["service_area"]) - set(grade))
    if unknown:
        raise ValueError(
            f"The index has the service area {', '.join(unknown[:5])}, which is not among those "
            "given. Pass the areas it was made from."
        )
    frames = [pl.DataFrame(schema=PLACE_SCHEMA)]
    by_year = index.partition_by("service_area", "period", as_dict=True)
    for (area, period), rows in sorted(by_year.items()):
        scores = rows.select("municipality", "efficiency_score").sort("municipality")
        fitting = peer.filter((pl.col("service_area") == area) | pl.col("service_area").is_null())
        is_assessed = grade[str(area)] != UNASSESSED_GRADE
        for name, positions in _choices(fitting, scores["municipality"].to_list(), sizes):
            frames.append(
                _place_frame(scores, positions, minimum_share, is_assessed=is_assessed)
                .with_columns(
                    service_area=pl.lit(area), period=pl.lit(period), peer_set=pl.lit(name)
                )
                .select(pl.col(each).cast(kind) for each, kind in PLACE_SCHEMA.items())
            )
    return pl.concat(frames).sort(*KEY, "peer_set", "n_peer")


def place_ranges(places: pl.DataFrame) -> pl.DataFrame:
    """Say between which shares of its peers a municipality beats, over all choices of peers.

    Parameters
    ----------
    places : frame
        As `peer_places` gives it.

    Returns
    -------
    frame
        `RANGE_SCHEMA`, a row per area, period and municipality, sorted by key, with the lowest
        and the highest share and under which choice each was found: of equals the first by set
        and number. Null where no choice gave a place. Sets that overlap are not independent, so
        the range is no interval of confidence.
    """
    placed = places.filter(pl.col("status") == "placed")
    ends = []
    for end, descending in (("low", False), ("high", True)):
        in_order = placed.sort(
            "share_beaten", "peer_set", "n_peer", descending=[descending, False, False]
        )
        ends.append(
            in_order.group_by(KEY, maintain_order=True).agg(
                pl.col("share_beaten").first().alias(f"share_{end}"),
                pl.col("peer_set").first().alias(f"{end}_peer_set"),
                pl.col("n_peer").first().alias(f"{end}_n_peer"),
            )
        )
    counts = places.group_by(KEY).agg(
        n_choice=(pl.col("status") == "placed").sum(),
        n_not_placed=(pl.col("status") != "placed").sum(),
    )
    return (
        counts.join(ends[0], on=KEY, how="left")
        .join(ends[1], on=KEY, how="left")
        .select(pl.col(each).cast(kind) for each, kind in RANGE_SCHEMA.items())
        .sort(KEY)
    )


def _choices(
    peer: pl.DataFrame, names: list[str], sizes: Sequence[int]
) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield each set's name and its peers' positions, once for each size where they are ordered.

    A peer that is not in the year's index has the position after the last: it is a peer without
    a score, and not no peer.
    """
    row = {name: position for position, name in enumerate(names)}
    for (name,), rows in sorted(peer.partition_by("peer_set", as_dict=True).items()):
        is_ordered = rows["place"].null_count() == 0
        of: dict[str, list[str]] = {}
        in_order = rows.sort("municipality", "place", "peer")
        for municipality, other in in_order.select("municipality", "peer").iter_rows():
            of.setdefault(municipality, []).append(other)
        count = [len(others) for others in of.values()]
        if is_ordered and max(sizes) > min(count):
            raise ValueError(
                f"The peer set {name} has {min(count)} nearest peers, and {max(sizes)} are asked "
                "for. Raise k in its file, or ask for fewer."
            )
        for size in sizes if is_ordered else [max(count)]:
            positions = np.full((len(names) + 1, size), -1, dtype=np.intp)
            for municipality in of.keys() & row.keys():
                positions[row[municipality], : len(of[municipality])] = [
                    row.get(other, len(names)) for other in of[municipality][:size]
                ]
            yield str(name), positions


def _place_frame(
    scores: pl.DataFrame,
    positions: NDArray[np.intp],
    minimum_share: float,
    *,
    is_assessed: bool,
) -> pl.DataFrame:
    """Return a row for every municipality that has peers."""
    score = scores["efficiency_score"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    found = places_among(np.append(score, np.nan), positions, minimum_share=minimum_share)
    status = np.select(
        [np.full(score.shape, not is_assessed), np.isnan(score), ~found.is_covered[:-1]],
        ["not_assessed", "no_own_score", "too_few_scored"],
        default="placed",
    )
    is_placed = pl.col("status") == "placed"
    return (
        scores.select("municipality")
        .with_columns(
            n_peer=pl.Series(found.n_peer[:-1]),
            n_peer_scored=pl.Series(found.n_scored[:-1]),
            place=pl.Series(found.place[:-1]),
            share_beaten=pl.Series(found.share_beaten[:-1]),
            status=pl.Series(status),
        )
        .filter(pl.col("n_peer") > 0)
        .with_columns(
            pl.when(is_placed).then(pl.col("place", "share_beaten")),
            n_placed=pl.when(is_placed).then(pl.col("n_peer_scored") + 1),
        )
    )
