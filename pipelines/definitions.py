"""The one Definitions: assets, checks, resources and the job `benchmark`."""

import dagster as dg

from pipelines.assets.definitions import definition_assets
from pipelines.assets.efficiency import efficiency_assets
from pipelines.assets.peers import peer_assets
from pipelines.assets.published import published_assets
from pipelines.assets.radar import radar_assets
from pipelines.assets.raw import raw_assets
from pipelines.assets.rka import rka_assets
from pipelines.assets.suitability import suitability_assets
from pipelines.assets.tables import table_assets
from pipelines.assets.whole import whole_assets
from pipelines.checks import checks
from pipelines.resources import (
    KoladaResource,
    LedgerResource,
    SettingsResource,
    WarehouseResource,
)

JOB = "benchmark"

assets = [
    *raw_assets, *definition_assets, *table_assets, *efficiency_assets, *published_assets,
    *suitability_assets, *peer_assets, *rka_assets, *whole_assets, *radar_assets,
]  # fmt: skip

defs = dg.Definitions(
    assets=assets,
    asset_checks=checks,
    jobs=[
        dg.define_asset_job(
            JOB,
            selection=dg.AssetSelection.all(),
            description="From Kolada's answers to a published release.",
        )
    ],
    resources={
        "settings": SettingsResource(),
        "ledger": LedgerResource(),
        "warehouse": WarehouseResource(),
        "kolada": KoladaResource(),
    },
    # DuckDB takes one writing process, so all steps run in one.
    executor=dg.in_process_executor,
)
