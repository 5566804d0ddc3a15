"""mart.* -> release: the last step, and the only one that readers see."""

import dagster as dg

from kolada.ledger import Ledger
from pipelines.publish.content import NEEDED_TABLES, release_content
from pipelines.publish.release import publish
from pipelines.resources import STOCKHOLM, Settings
from pipelines.warehouse import Warehouse

RELEASE = "release"


@dg.asset(
    key=RELEASE,
    deps=[table.split(".") for table in NEEDED_TABLES.values()],
    kinds={"parquet", "plotly"},
)
def release(
    settings: dg.ResourceParam[Settings],
    ledger: dg.ResourceParam[Ledger],
    warehouse: dg.ResourceParam[Warehouse],
) -> dg.MaterializeResult:
    """One immutable folder of tables, charts and method; `data/releases/latest` leads to it."""
    tables = {name: warehouse.read(table) for name, table in NEEDED_TABLES.items()}
    as_of = tables["as_of"]["as_of"].item()
    newest = ledger.last(as_of=as_of)

    content = release_content(
        tables,
        municipality=settings.municipality,
        as_of=as_of.astimezone(STOCKHOLM),
        area_files=settings.area_files(),
    )
    made = publish(
        content.files,
        {
            **content.manifest,
            "store": settings.store,
            "draws": settings.draws,
            "ledger": {"seq": newest.seq, "sha256": newest.sha256} if newest else None,
        },
        day=f"{as_of.astimezone(STOCKHOLM):%Y-%m-%d}",
        releases=settings.releases,
    )
    return dg.MaterializeResult(
        metadata={"folder": str(made.folder), "is_new": made.is_new, "files": len(content.files)}
    )


published_assets = [release]
