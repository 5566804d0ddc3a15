"""models -> mart.peer_*: whom a municipality is compared with, and whether its place holds."""

import dagster as dg
import polars as pl

from models.contracts.peers import (
    PeerDistance,
    Peerless,
    PeerPair,
    PeerPlace,
    PeerPlaceRange,
    PeerReciprocity,
    PeerSet,
)
from models.peer_sets.definition import Likeness, likenesses
from models.peer_sets.nearest_peers import PEER_DISTANCE_SCHEMA, nearest_peers
from models.peer_sets.peers import GENERAL_GROUPS, kolada_peers, skr_peers, together
from models.peer_sets.places import peer_places, place_ranges
from models.peer_sets.relation import reciprocity
from pipelines.assets.several_tables import specs, written
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse


@dg.multi_asset(
    specs=specs(
        {
            "peer_set": "Every peer set; one row per set, municipality and peer.",
            "peerless": "Who has no peers in a set, and why; one row per set and municipality.",
            "peer_distance": "What makes neighbours alike; one row per set, municipality, peer and "
            "variable.",
            "peer_pair": "Whether a pair goes both ways; one row per set, municipality and peer.",
            "peer_reciprocity": "How many of one's peers count one too; one row per set and "
            "municipality.",
        },
        deps=[["staging", "peer"], ["staging", "municipality_group"], ["staging", "municipality"],
              ["staging", "observation"], ["staging", "service_area"]],
    )
)  # fmt: skip
def peer_sets(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """Peer sets of Kolada, of SKR and of one's own making."""
    areas = settings.service_areas()
    municipalities = warehouse.read("staging.municipality")["municipality"].to_list()
    groups = warehouse.read("staging.municipality_group")
    of_kolada = warehouse.read("staging.peer")
    sets, not_made = [], []
    for make in (
        lambda: kolada_peers(
            of_kolada, areas, municipalities=municipalities, general=GENERAL_GROUPS
        ),
        lambda: skr_peers(groups, municipalities=municipalities),
    ):
        # A group that Kolada has renamed is one peer set less, and no reason to publish nothing.
        try:
            sets.append(make())
        except ValueError as error:
            not_made.append(str(error))
    distances = [pl.DataFrame(schema=PEER_DISTANCE_SCHEMA)]
    structure = warehouse.query("select * from staging.observation where gender = 'T'")
    for likeness in likenesses():
        period = _newest_whole_year(structure, likeness)
        if period is not None and likeness.service_area in (None, *(each.name for each in areas)):
            found = nearest_peers(
                structure, likeness, areas, period=period, municipalities=municipalities
            )
            sets.append(found.sets)
            distances.append(found.distance)
    all_sets = together(sets)
    related = reciprocity(all_sets.peer)

    yield from written(
        warehouse,
        {
            "peer_set": (PeerSet, all_sets.peer),
            "peerless": (Peerless, all_sets.peerless),
            "peer_distance": (PeerDistance, pl.concat(distances)),
            "peer_pair": (PeerPair, related.pair),
            "peer_reciprocity": (PeerReciprocity, related.municipality),
        },
        metadata={"not_made": not_made},
    )


@dg.multi_asset(
    specs=specs(
        {
            "peer_place": "The place among every set of peers; one row per service area, period, "
            "municipality, set and number of peers.",
            "peer_place_range": "How far the place hangs on the choice of peers; one row per "
            "service area, period and municipality.",
        },
        deps=[["mart", "index"], ["mart", "peer_set"]],
    )
)
def places(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """Places among peers, by every set."""
    found = peer_places(
        warehouse.read("mart.index"), warehouse.read("mart.peer_set"), settings.service_areas()
    )

    yield from written(
        warehouse,
        {
            "peer_place": (PeerPlace, found),
            "peer_place_range": (PeerPlaceRange, place_ranges(found)),
        },
    )


def _newest_whole_year(structure: pl.DataFrame, likeness: Likeness) -> int | None:
    """Return the newest year in which every variable has been published."""
    kpis = {variable.kpi for variable in likeness.variables}
    years = (
        structure.filter(pl.col("kpi").is_in(list(kpis)))
        .group_by("period")
        .agg(pl.col("kpi").n_unique())
        .filter(pl.col("kpi") == len(kpis))["period"]
    )
    return None if years.is_empty() else int(years.max())  # type: ignore[arg-type]


peer_assets = [peer_sets, places]
