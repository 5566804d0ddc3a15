"""How a step that makes several tables declares, checks and writes them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg
import pandera.polars as pa
import polars as pl

from pipelines.warehouse import Warehouse

Keys = Sequence[Sequence[str]]


def specs(described: Mapping[str, str], *, deps: Keys, schema: str = "mart") -> list[dg.AssetSpec]:
    """One specification for each table and what it holds."""
    return [
        dg.AssetSpec(
            [schema, name], deps=[list(key) for key in deps], kinds={"polars", "duckdb"},
            description=description,
        )
        for name, description in described.items()
    ]  # fmt: skip


def written(
    warehouse: Warehouse,
    tables: Mapping[str, tuple[type[pa.DataFrameModel], pl.DataFrame]],
    *,
    schema: str = "mart",
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[dg.MaterializeResult]:
    """Check every table against its contract and write it."""
    for name, (contract, rows) in tables.items():
        warehouse.write(f"{schema}.{name}", contract.validate(rows, lazy=True))
        yield dg.MaterializeResult(
            asset_key=[schema, name],
            metadata={"dagster/row_count": rows.height, **(metadata or {})},
        )
