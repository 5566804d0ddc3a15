"""raw.*, mart.* -> radar: what Kolada has changed since the radar before, and what it moves."""

import dagster as dg
import polars as pl

from models.contracts.change import RankChange
from pipelines.publish.code import code_version
from pipelines.publish.release import publish
from pipelines.radar.content import NEEDED_TABLES, Comparison, radar_content
from pipelines.radar.made import RETRIEVALS, newest_until
from pipelines.radar.ranks import SCHEMA, published_before, rank_changes
from pipelines.radar.words import day
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse

RADAR = "radar"
MOMENT = pl.Datetime("us", "UTC")
RANKED_NOW = """
    select
        e.service_area, e.period, e.municipality, e.municipality_title, e.efficiency_rank,
        e.n_ranked, a.is_preliminary
    from mart.efficiency as e
    inner join mart.area_coverage as a
        on e.service_area = a.service_area and e.period = a.period
"""
READ = "select count(*), count(distinct kpi) from staging.observation"


@dg.asset(key=["staging", "interval"], deps=[["staging", "as_of"]], kinds={"duckdb"})
def interval(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """The two moments that the radar compares, and its limit; one row.

    From that of the newest radar to the newest retrieval that changed anything, whether an area
    uses it or not. The first is null before the first radar, and where a past date is shown,
    which is news to nobody.
    """
    since = None
    if settings.as_of is None:
        ((until,),) = warehouse.query(f"select max(retrieved_at) from {RETRIEVALS}").rows()
        since = newest_until(
            settings.radars, store=settings.store, only=settings.only, before=until
        )
    else:
        until = warehouse.read("staging.as_of").item()

    warehouse.write(
        "staging.interval",
        pl.DataFrame(
            {"since": [since], "until": [until], "materiality": [settings.materiality]},
            schema={"since": MOMENT, "until": MOMENT, "materiality": pl.Float64},
        ),
    )
    return dg.MaterializeResult(metadata={"since": str(since), "until": str(until)})


@dg.asset(
    key=["mart", "rank_change"],
    deps=[["staging", "interval"], ["staging", "as_of"], ["mart", "efficiency"],
          ["mart", "area_coverage"]],
    kinds={"polars", "duckdb"},
)  # fmt: skip
def rank_change(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Places moved since each published release; one row per release, service area and period."""
    as_of = warehouse.read("staging.as_of").item()
    compared = warehouse.read("staging.interval").row(0, named=True)
    rows = pl.DataFrame(schema=SCHEMA)
    if compared["since"] is not None and compared["since"] < compared["until"]:
        rows = rank_changes(
            warehouse.query(RANKED_NOW),
            published_before(
                settings.releases, as_of, store=settings.store, municipality=settings.municipality
            ),
            municipality=settings.municipality,
            area_files=settings.area_files(),
            code=code_version(),
        )

    warehouse.write("mart.rank_change", RankChange.validate(rows, lazy=True))
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.asset(
    key=RADAR,
    deps=[["staging", "interval"], ["staging", "observation"],
          *(table.split(".") for table in NEEDED_TABLES.values())],
    kinds={"parquet"},
)  # fmt: skip
def radar(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """One page and the tables behind it; `data/radar/latest` leads to it. None of a past date."""
    if settings.as_of is not None:
        return dg.MaterializeResult(metadata={"line": "", "page": ""})
    compared = warehouse.read("staging.interval").row(0, named=True)
    ((n_value, n_kpi),) = warehouse.query(READ).rows()

    content = radar_content(
        {name: warehouse.read(table) for name, table in NEEDED_TABLES.items()},
        Comparison(
            since=compared["since"],
            until=compared["until"],
            municipality=settings.municipality,
            materiality=settings.materiality,
            n_value=n_value,
            n_kpi=n_kpi,
        ),
    )
    if not content.files:
        return dg.MaterializeResult(metadata={"line": content.line, "page": ""})
    made = publish(
        content.files,
        {
            **content.manifest,
            "store": settings.store,
            "only": sorted(settings.only),
            "code": code_version(),
        },
        day=day(compared["until"]),
        releases=settings.radars,
    )
    return dg.MaterializeResult(
        metadata={"line": content.line, "page": str(made.folder / "index.html")}
    )


radar_assets = [interval, rank_change, radar]
