"""What a run is about: the moment whose knowledge it shows, and the areas it ranks."""

from datetime import datetime

import dagster as dg
import polars as pl

from models.areas.service_area import (
    check_against_catalogue,
    formula_frame,
    indicator_frame,
    service_area_frame,
    service_areas,
)
from models.committees.committee import bodies, committee_frame
from models.contracts.definitions import (
    Committee,
    Formula,
    IdentityTerm,
    IndicatorTable,
    NeededKpi,
    ServiceAreaTable,
)
from models.identity import identities, identity_frame
from pipelines.needed import needed_kpis
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse


@dg.asset(
    key=["staging", "as_of"],
    deps=[["raw", "kpi"], ["raw", "municipality"], ["raw", "municipality_group"],
          ["raw", "observation"]],
    kinds={"duckdb"},
)  # fmt: skip
def as_of(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """The moment whose knowledge everything downstream shows; one row.

    It is the newest retrieval that changed anything that is needed, so that a night in which
    nothing of it changed gives the same tables and the same release.
    """
    kpis = ", ".join(f"'{kpi}'" for kpi in sorted(needed_kpis(settings)))
    ((chosen,),) = warehouse.query(
        f"""
        select max(retrieved_at)
        from (
            select retrieved_at from raw.observation where kpi in ({kpis})
            union all by name select retrieved_at from raw.kpi where kpi in ({kpis})
            union all by name select retrieved_at from raw.municipality
            union all by name select retrieved_at from raw.municipality_group
        )
        where retrieved_at <= coalesce({_literal(settings.as_of)}, 'infinity'::timestamptz)
        """
    ).rows()

    warehouse.write("staging.as_of", pl.DataFrame({"as_of": [chosen]}))
    return dg.MaterializeResult(metadata={"as_of": str(chosen)})


@dg.asset(key=["staging", "service_area"], kinds={"toml", "duckdb"})
def service_area(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """The benchmarked services by their files; one row per service area."""
    rows = ServiceAreaTable.validate(service_area_frame(settings.service_areas()), lazy=True)

    warehouse.write("staging.service_area", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.asset(key=["staging", "indicator"], deps=[["staging", "kpi"]], kinds={"toml", "duckdb"})
def indicator(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Their KPIs, each as Kolada's catalogue had it; one row per service area and indicator."""
    areas = settings.service_areas()
    gone = warehouse.query(
        """
        select kpi, title, description
        from raw.kpi
        where retrieved_at <= (select as_of from staging.as_of)
        qualify is_deleted and row_number() over (partition by kpi order by retrieved_at desc) = 1
        """
    )
    check_against_catalogue(areas, warehouse.read("staging.kpi"), earlier=gone)

    rows = IndicatorTable.validate(indicator_frame(areas), lazy=True)

    warehouse.write("staging.indicator", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.asset(key=["staging", "formula"], kinds={"toml", "duckdb"})
def formula(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """What is computed from other indicators; one row per indicator and term."""
    rows = Formula.validate(formula_frame(settings.service_areas()), lazy=True)

    warehouse.write("staging.formula", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


def _literal(moment: datetime | None) -> str:
    return f"'{moment.isoformat()}'::timestamptz" if moment else "null"


@dg.asset(key=["staging", "committee"], kinds={"toml", "duckdb"})
def committee(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
    """Who answers for which service area; one row per body and area, or per body without one."""
    known = [area.name for area in service_areas()]
    rows = Committee.validate(committee_frame(bodies(known)), lazy=True)

    warehouse.write("staging.committee", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.asset(key=["staging", "identity_term"], kinds={"toml", "duckdb"})
def identity_term(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
    """Equations among Kolada's own figures; one row per equation and KPI in it."""
    rows = IdentityTerm.validate(identity_frame(identities()), lazy=True)

    warehouse.write("staging.identity_term", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


@dg.asset(key=["staging", "needed_kpi"], kinds={"toml", "duckdb"})
def needed_kpi(
    settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]
) -> dg.MaterializeResult:
    """Which of Kolada's KPIs this run reads; one row per KPI."""
    rows = NeededKpi.validate(pl.DataFrame({"kpi": sorted(needed_kpis(settings))}), lazy=True)

    warehouse.write("staging.needed_kpi", rows)
    return dg.MaterializeResult(metadata={"dagster/row_count": rows.height})


definition_assets = [
    as_of, service_area, indicator, formula, committee, identity_term, needed_kpi,
]  # fmt: skip
