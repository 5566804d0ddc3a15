"""models/sql -> staging.* and mart.*: one asset per file, its dependencies read from the select."""

import dagster as dg

from pipelines.warehouse import Warehouse, select_of, sql_tables, tables_read_by


def table_asset(table: str) -> dg.AssetsDefinition:
    """The asset that makes `table` from its select."""
    select = select_of(table)

    @dg.asset(
        key=table.split("."),
        deps=[read.split(".") for read in sorted(tables_read_by(select))],
        kinds={"sql", "duckdb"},
        description=_header(select),
    )
    def build(warehouse: dg.ResourceParam[Warehouse]) -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"dagster/row_count": warehouse.build(table)})

    return build


def _header(select: str) -> str:
    lines = [line for line in select.splitlines() if line.startswith("-- ")]
    return " ".join(line.removeprefix("-- ") for line in lines[:4])


table_assets = [table_asset(table) for table in sql_tables()]
