"""Whom a municipality is compared with."""

from itertools import pairwise

import pandera.polars as pa
import polars as pl
from pandera.api.polars.types import PolarsData

from models.contracts.table import FIRST_PERIOD, KPI, MUNICIPALITY, NAME, ROUNDING, Table


class PeerSet(Table):
    """`mart.peer_set`: one row per peer set, municipality and peer; no area means every area."""

    peer_set: str = pa.Field(str_matches=NAME)
    service_area: str = pa.Field(str_matches=NAME, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer: str = pa.Field(str_matches=MUNICIPALITY)
    place: pl.Int32 = pa.Field(ge=1, nullable=True)  # 1 is the nearest; null: no order is known
    distance: float = pa.Field(ge=0, nullable=True)  # in standard deviations
    vintage: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)  # null: its source gives none

    @pa.dataframe_check(error="nobody is a peer of itself, and a place goes with a distance")
    @classmethod
    def peers_are_others(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a municipality among its own peers, and half of an order."""
        return data.lazyframe.select(
            (pl.col("peer") != pl.col("municipality"))
            & (pl.col("place").is_null() == pl.col("distance").is_null())
        )

    class Config:
        """The key."""

        unique = ("peer_set", "service_area", "municipality", "peer")


class Peerless(Table):
    """`mart.peerless`: one row per peer set and municipality that has no peers in it."""

    peer_set: str = pa.Field(str_matches=NAME)
    service_area: str = pa.Field(str_matches=NAME, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    reason: str = pa.Field(isin=("no_group", "missing_structure"))
    missing: str = pa.Field(nullable=True)  # names of the variables, with a comma between

    @pa.dataframe_check(error="variables are named exactly where they are what is missing")
    @classmethod
    def missing_goes_with_reason(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a gap that is not named."""
        is_gap = pl.col("reason") == "missing_structure"
        return data.lazyframe.select(pl.col("missing").is_not_null() == is_gap)

    class Config:
        """The key."""

        unique = ("peer_set", "service_area", "municipality")


class PeerDistance(Table):
    """`mart.peer_distance`: one row per set of neighbours, municipality, peer and variable."""

    peer_set: str = pa.Field(str_matches=NAME)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer: str = pa.Field(str_matches=MUNICIPALITY)
    variable: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI)
    value: float  # in the unit of its KPI
    peer_value: float
    squared_distance: float = pa.Field(ge=0)  # the variable's part of it
    share: float = pa.Field(ge=0, le=1 + ROUNDING, nullable=True)  # null between twins

    class Config:
        """The key."""

        unique = ("peer_set", "municipality", "peer", "variable")


class PeerPair(Table):
    """`mart.peer_pair`: one row per peer set, municipality and peer: is it mutual?"""

    peer_set: str = pa.Field(str_matches=NAME)
    service_area: str = pa.Field(str_matches=NAME, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer: str = pa.Field(str_matches=MUNICIPALITY)
    is_mutual: bool = pa.Field(nullable=True)  # null: the peer has no peers of its own

    class Config:
        """The key."""

        unique = ("peer_set", "service_area", "municipality", "peer")


class PeerReciprocity(Table):
    """`mart.peer_reciprocity`: one row per peer set and municipality that is in it."""

    peer_set: str = pa.Field(str_matches=NAME)
    service_area: str = pa.Field(str_matches=NAME, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    n_peer: pl.Int32 = pa.Field(ge=0)
    n_known: pl.Int32 = pa.Field(ge=0)  # peers that have peers of their own
    n_mutual: pl.Int32 = pa.Field(ge=0)
    mutual_share: float = pa.Field(ge=0, le=1, nullable=True)  # of n_known
    n_counted_by: pl.Int32 = pa.Field(ge=0)

    @pa.dataframe_check(error="n_mutual <= n_known <= n_peer, and a share where any is known")
    @classmethod
    def counts_are_nested(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse more mutual peers than peers, and a share of none."""
        return data.lazyframe.select(
            (pl.col("n_mutual") <= pl.col("n_known"))
            & (pl.col("n_known") <= pl.col("n_peer"))
            & (pl.col("mutual_share").is_null() == (pl.col("n_known") == 0))
        )

    class Config:
        """The key."""

        unique = ("peer_set", "service_area", "municipality")


class PeerPlace(Table):
    """`mart.peer_place`: one row per area, period, municipality, peer set and number of peers."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    peer_set: str = pa.Field(str_matches=NAME)
    n_peer: pl.Int32 = pa.Field(ge=1)
    n_peer_scored: pl.Int32 = pa.Field(ge=0)
    place: pl.Int32 = pa.Field(ge=1, nullable=True)
    n_placed: pl.Int32 = pa.Field(ge=1, nullable=True)  # the scored peers and itself
    share_beaten: float = pa.Field(ge=0, le=1, nullable=True)  # of the scored peers
    status: str = pa.Field(isin=("placed", "no_own_score", "too_few_scored", "not_assessed"))

    @pa.dataframe_check(error="all numbers must be there exactly when status is 'placed'")
    @classmethod
    def numbers_go_with_status(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a place without its status, a status without the place, one beyond the last."""
        is_placed = pl.col("status") == "placed"
        numbers = ("place", "n_placed", "share_beaten")
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_placed for name in numbers)
            & (pl.col("place") <= pl.col("n_placed")).fill_null(True)
            & (pl.col("n_peer_scored") <= pl.col("n_peer"))
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "peer_set", "n_peer")


class PeerPlaceRange(Table):
    """`mart.peer_place_range`: one row per area, period and municipality that has peers."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    n_choice: pl.Int32 = pa.Field(ge=0)  # choices of peers that gave a place
    n_not_placed: pl.Int32 = pa.Field(ge=0)
    share_low: float = pa.Field(ge=0, le=1, nullable=True)  # of its peers it beats
    low_peer_set: str = pa.Field(str_matches=NAME, nullable=True)
    low_n_peer: pl.Int32 = pa.Field(ge=1, nullable=True)
    share_high: float = pa.Field(ge=0, le=1, nullable=True)
    high_peer_set: str = pa.Field(str_matches=NAME, nullable=True)
    high_n_peer: pl.Int32 = pa.Field(ge=1, nullable=True)

    @pa.dataframe_check(error="a range must be in order, and there exactly when any was placed")
    @classmethod
    def ranges_are_whole(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse half a range and one that ends before it begins."""
        is_placed = pl.col("n_choice") > 0
        columns = ("share_low", "low_peer_set", "low_n_peer", "share_high", "high_peer_set",
                   "high_n_peer")  # fmt: skip
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_placed for name in columns)
            & (pl.col("share_low") <= pl.col("share_high")).fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality")


class PeerChange(Table):
    """`mart.peer_change`: one row per peer set and municipality with peers in both vintages."""

    peer_set: str = pa.Field(str_matches=NAME)
    service_area: str = pa.Field(str_matches=NAME, nullable=True)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    vintage_before: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)
    vintage: pl.Int32 = pa.Field(ge=FIRST_PERIOD, nullable=True)
    n_kept: pl.Int32 = pa.Field(ge=0)
    n_joined: pl.Int32 = pa.Field(ge=0)
    n_departed: pl.Int32 = pa.Field(ge=0)
    joined: str  # ids with a comma between
    departed: str

    class Config:
        """The key."""

        unique = ("peer_set", "service_area", "municipality")


class PeerValue(Table):
    """`mart.peer_value`: one row per area, period, municipality and indicator that has a value."""

    service_area: str = pa.Field(str_matches=NAME)
    period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    municipality: str = pa.Field(str_matches=MUNICIPALITY)
    indicator: str = pa.Field(str_matches=NAME)
    kpi: str = pa.Field(str_matches=KPI, nullable=True)  # null: computed from several
    value: float
    value_period: pl.Int32 = pa.Field(ge=FIRST_PERIOD)
    is_carried: bool
    is_preliminary: bool
    n_peer: pl.Int64 = pa.Field(ge=1)
    n_peer_value: pl.Int64 = pa.Field(ge=0)
    peer_low: float = pa.Field(nullable=True)
    peer_lower_quartile: float = pa.Field(nullable=True)
    peer_median: float = pa.Field(nullable=True)
    peer_upper_quartile: float = pa.Field(nullable=True)
    peer_high: float = pa.Field(nullable=True)

    @pa.dataframe_check(error="the peers' numbers are out of order, or there for too few of them")
    @classmethod
    def peers_are_enough_and_in_order(cls, data: PolarsData) -> pl.LazyFrame:
        """Refuse a median of fewer than four peers, and quartiles that cross."""
        order = ("peer_low", "peer_lower_quartile", "peer_median", "peer_upper_quartile",
                 "peer_high")  # fmt: skip
        is_shown = pl.col("n_peer_value") >= 4
        in_order = pl.all_horizontal(
            pl.col(lower) <= pl.col(upper) + ROUNDING * pl.col(upper).abs()
            for lower, upper in pairwise(order)
        )
        return data.lazyframe.select(
            pl.all_horizontal(pl.col(name).is_not_null() == is_shown for name in order)
            & in_order.fill_null(True)
        )

    class Config:
        """The key."""

        unique = ("service_area", "period", "municipality", "indicator")
