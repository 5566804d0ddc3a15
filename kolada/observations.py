"""Records -> one tidy frame: a row per kpi, municipality (or ou), period and gender."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

PAYLOAD = ("value", "count", "status", "is_deleted")


def observation_frame(
    records: Iterable[Mapping[str, Any]], *, unit: str = "municipality"
) -> pl.DataFrame:
    """Observations as a frame, sorted by key.

    Parameters
    ----------
    records : iterable of mapping
        Rows as Kolada sends them, each with one to three inner values.
    unit : {"municipality", "ou"}
        Whose values they are.

    Returns
    -------
    frame
        kpi, municipality (or ou), period, gender, value, count, status, is_deleted. A value that
        is missing is null and never 0; the status is kept as sent. A row that was sent twice
        stands once.
    """
    columns: dict[str, list[Any]] = {
        name: [] for name in ("kpi", unit, "period", "gender", *PAYLOAD)
    }
    for record in records:
        for inner in record["values"]:
            columns["kpi"].append(record["kpi"])
            columns[unit].append(record[unit])
            columns["period"].append(record["period"])
            columns["gender"].append(inner["gender"])
            columns["value"].append(inner["value"])
            columns["count"].append(inner.get("count"))
            columns["status"].append(inner.get("status") or "")
            columns["is_deleted"].append(inner.get("isdeleted", False))
    schema = {
        "kpi": pl.String,
        unit: pl.String,
        "period": pl.Int32,
        "gender": pl.String,
        "value": pl.Float64,
        "count": pl.Int32,
        "status": pl.String,
        "is_deleted": pl.Boolean,
    }
    key = ["kpi", unit, "period", "gender"]
    return pl.DataFrame(columns, schema=schema).unique(subset=key).sort(key)
