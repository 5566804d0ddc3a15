"""models -> mart.*: how well each area can be judged, and what is missing could change."""

import dagster as dg

from models.contracts.suitability import (
    IndicatorAudit,
    PeerCoverage,
    RankBounds,
    Suitability,
    SuitabilityFinding,
)
from models.rank.bounds import panel_rank_bounds
from models.suitability.coverage_gate import peer_coverage
from models.suitability.verdict import suitability
from pipelines.assets.efficiency import PEERS
from pipelines.assets.several_tables import specs, written
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse

PANEL, BUDGET = ["mart", "panel"], ["mart", "error_budget"]


@dg.multi_asset(
    specs=specs(
        {
            "indicator_audit": "What there is of every indicator and what it decides; one row per "
            "service area, period and indicator.",
            "suitability": "Whether an area's numbers may be published; one row per service area "
            "and period.",
            "suitability_finding": "Why; one row per service area, period and finding.",
        },
        deps=[PANEL, BUDGET],
    )
)
def audit(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """Coverage and suitability of every area and period."""
    panel, budget = warehouse.read("mart.panel"), warehouse.read("mart.error_budget")

    found = suitability(panel, settings.service_areas(), error_budget=budget)

    yield from written(
        warehouse,
        {
            "indicator_audit": (IndicatorAudit, found.indicator),
            "suitability": (Suitability, found.area),
            "suitability_finding": (SuitabilityFinding, found.finding),
        },
    )


@dg.multi_asset(
    specs=specs(
        {
            "rank_bounds": "The best and the worst rank, whatever the missing values are; one row "
            "per service area, period and municipality.",
            "peer_coverage": "Who has values among a municipality and its peers; one row per "
            "service area, period and municipality.",
        },
        deps=[PANEL, ["staging", "peer"], ["staging", "service_area"]],
    )
)
def missing(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """What the missing values could change."""
    panel, areas = warehouse.read("mart.panel"), settings.service_areas()
    peers = warehouse.query(PEERS)

    yield from written(
        warehouse,
        {
            "rank_bounds": (RankBounds, panel_rank_bounds(panel, areas, limits="plausible")),
            "peer_coverage": (PeerCoverage, peer_coverage(panel, areas, peers=peers)),
        },
    )


suitability_assets = [audit, missing]
