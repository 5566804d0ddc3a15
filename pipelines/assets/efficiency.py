"""models -> mart.*: the scores, the index with its rank, and how sure a rank is."""

import dagster as dg

from models.contracts import Index, IndicatorScore, RankInterval
from models.index import score_panel
from models.uncertainty import rank_intervals
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse

PANEL = dg.AssetKey(["mart", "panel"])


@dg.multi_asset(
    specs=[
        dg.AssetSpec(
            ["mart", "indicator_score"],
            deps=[PANEL],
            kinds={"polars", "duckdb"},
            description="Every indicator on 0-100; one row per service area, period, municipality "
            "and indicator.",
        ),
        dg.AssetSpec(
            ["mart", "index"],
            deps=[PANEL],
            kinds={"polars", "duckdb"},
            description="Resource, quality and efficiency; one row per service area, period and "
            "municipality.",
        ),
    ]
)
def scores(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """Indicator scores and indices by RKA's recipe."""
    result = score_panel(warehouse.read("mart.panel"), settings.service_areas())

    for name, model, rows in (
        ("indicator_score", IndicatorScore, result.indicator_score),
        ("index", Index, result.index),
    ):
        warehouse.write(f"mart.{name}", model.validate(rows, lazy=True))
        yield dg.MaterializeResult(
            asset_key=["mart", name], metadata={"dagster/row_count": rows.height}
        )


@dg.asset(key=["mart", "rank_interval"], deps=[PANEL], kinds={"polars", "duckdb"})
def rank_interval(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """How sure every rank is; one row per service area, period and ranked municipality."""
    panel = warehouse.read("mart.panel")

    rows = RankInterval.validate(rank_intervals(panel, settings.service_areas()), lazy=True)

    warehouse.write("mart.rank_interval", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


efficiency_assets = [scores, rank_interval]
