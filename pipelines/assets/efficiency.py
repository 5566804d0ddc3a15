"""models -> mart.*: the scores, the index with its rank, how sure a rank is, and the frontiers."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from models.contracts.frontier import DeaPeer, DeaScore, Malmquist, OrderMScore
from models.contracts.index import Index, IndexAlternative, IndicatorScore
from models.contracts.uncertainty import BetterThan, ErrorBudget, RankInterval
from models.frontier.panels import dea_panel, malmquist_panel, order_m_panel
from models.frontier.technology import FrontierWarning
from models.rank.error_budget import revision_variance
from models.rank.uncertainty import rank_probabilities
from models.score.alternatives import alternative_scores
from models.score.index import score_panel
from pipelines.assets.several_tables import specs, written
from pipelines.resources import FEWEST_DRAWS, Settings
from pipelines.warehouse import Warehouse

PANEL = ["mart", "panel"]
KINDS = {"polars", "duckdb"}
PEERS = """
select a.service_area, p.municipality, p.peer
from staging.service_area as a
inner join staging.peer as p on a.peer_group = p.peer_group
order by all
"""
PER_CHANGE = 4  # draws of a score for one of a change, which costs six and is settled by fewer


@dg.multi_asset(
    specs=specs(
        {
            "indicator_score": "Every indicator on 0-100; one row per service area, period, "
            "municipality and indicator.",
            "index": "Resource, quality and efficiency; one row per service area, period and "
            "municipality.",
        },
        deps=[PANEL],
    )
)
def scores(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """Indicator scores and indices by RKA's recipe."""
    result = score_panel(warehouse.read("mart.panel"), settings.service_areas())

    yield from written(
        warehouse,
        {
            "indicator_score": (IndicatorScore, result.indicator_score),
            "index": (Index, result.index),
        },
    )


@dg.asset(key=["mart", "index_alternative"], deps=[PANEL], kinds=KINDS)
def index_alternative(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """The score by other recipes; one row per service area, period and municipality."""
    panel = warehouse.read("mart.panel")

    rows = IndexAlternative.validate(alternative_scores(panel, settings.service_areas()), lazy=True)

    warehouse.write("mart.index_alternative", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.multi_asset(
    specs=specs(
        {
            "rank_interval": "How sure every rank is; one row per service area, period and "
            "ranked municipality.",
            "better_than": "Whose true score is the higher; one row per service area, period, "
            "ranked municipality and ranked peer.",
            "error_budget": "What is noise in an indicator and how that is known; one row per "
            "service area, period, indicator and part.",
        },
        deps=[PANEL, ["mart", "settled_value"], ["staging", "peer"], ["staging", "service_area"]],
    )
)
def rank_uncertainty(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """How sure the ranks are, and what makes them unsure."""
    panel = warehouse.read("mart.panel")
    peers = warehouse.query(PEERS)
    revisions = revision_variance(warehouse.read("mart.settled_value"))

    result = rank_probabilities(
        panel, settings.service_areas(), peers=peers, revisions=revisions, draws=settings.draws
    )

    yield from written(
        warehouse,
        {
            "rank_interval": (RankInterval, result.interval),
            "better_than": (BetterThan, result.better_than),
            "error_budget": (ErrorBudget, result.error_budget),
        },
    )


@dg.multi_asset(
    specs=specs(
        {
            "dea_score": "DEA score with its bias taken off; one row per service area, period "
            "and municipality.",
            "dea_peer": "Who spans a municipality's target; one row per service area, period, "
            "municipality and peer.",
        },
        deps=[PANEL],
    )
)
def dea_scores(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """DEA of every area and year, as the area's file orients it."""
    panel = warehouse.read("mart.panel")

    with _warned() as said:
        result = dea_panel(panel, settings.service_areas(), draws=settings.draws)

    yield from written(
        warehouse,
        {"dea_score": (DeaScore, result.score), "dea_peer": (DeaPeer, result.peer)},
        metadata={"warnings": list(said)},
    )


@dg.asset(key=["mart", "order_m_score"], deps=[PANEL], kinds=KINDS)
def order_m_score(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Score against the best of m; one row per service area, period and municipality."""
    panel = warehouse.read("mart.panel")

    with _warned() as said:
        rows = order_m_panel(panel, settings.service_areas())

    warehouse.write("mart.order_m_score", OrderMScore.validate(rows, lazy=True))
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height, "warnings": list(said)})


@dg.asset(key=["mart", "malmquist"], deps=[PANEL], kinds=KINDS)
def malmquist(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Change of productivity; one row per service area, pair of periods and municipality."""
    panel = warehouse.read("mart.panel")

    with _warned() as said:
        rows = malmquist_panel(
            panel, settings.service_areas(), draws=max(settings.draws // PER_CHANGE, FEWEST_DRAWS)
        )

    warehouse.write("mart.malmquist", Malmquist.validate(rows, lazy=True))
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height, "warnings": list(said)})


@contextmanager
def _warned() -> Iterator[Sequence[str]]:
    """Collect what the frontier methods warn of: it belongs to the table, not to a console."""
    said: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", FrontierWarning)
        yield said
    said.extend(str(each.message) for each in caught)


efficiency_assets = [
    scores, index_alternative, rank_uncertainty, dea_scores, order_m_score, malmquist,
]  # fmt: skip
