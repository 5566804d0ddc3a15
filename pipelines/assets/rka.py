"""models -> mart.rka_*: RKA's indices recomputed, and held against the published ones."""

import dagster as dg

from models.contracts.rka import RkaComparison, RkaDefinition, RkaMirrorRow, RkaVariant
from models.rka.mirror import rka_mirror
from models.rka.recipe import area_recipes, definition_flags
from pipelines.assets.several_tables import specs, written
from pipelines.warehouse import Warehouse

WORTH_A_REASON = 1.0  # index points; a smaller difference is listed without one
MUNICIPALITIES_ONLY = """
select o.*
from staging.observation as o
inner join staging.municipality as m on o.municipality = m.municipality
where o.gender = 'T'
order by all
"""


@dg.multi_asset(
    specs=specs(
        {
            "rka_mirror": "RKA's indices recomputed beside the published; one row per area, index, "
            "source, period and municipality.",
            "rka_comparison": "How well they agree; one row per area, index, source and period.",
            "rka_variant": "Every way that was tried; one row per area, index, source and way.",
            "rka_definition": "Whether RKA's texts are those the recipes were written from; one "
            "row per area, index and KPI.",
        },
        deps=[["staging", "observation"], ["staging", "municipality"], ["staging", "kpi"]],
    )
)
def mirror(warehouse: dg.ResourceParam[Warehouse]):
    """RKA's six areas, mirrored."""
    recipes = area_recipes()

    found = rka_mirror(warehouse.query(MUNICIPALITIES_ONLY), recipes, threshold=WORTH_A_REASON)
    flags = definition_flags(warehouse.read("staging.kpi"), recipes)

    yield from written(
        warehouse,
        {
            "rka_mirror": (RkaMirrorRow, found.mirror),
            "rka_comparison": (RkaComparison, found.comparison),
            "rka_variant": (RkaVariant, found.variants),
            "rka_definition": (RkaDefinition, flags),
        },
        metadata={"variant": str(found.variant), "chosen_by": found.chosen_by},
    )


rka_assets = [mirror]
