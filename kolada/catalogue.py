"""Metadata of kpis, municipalities, groups and units as frames, and the search among KPIs."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import polars as pl

KPI_SCHEMA = pl.Schema(
    {
        "kpi": pl.String,
        "title": pl.String,
        "description": pl.String,
        "is_divided_by_gender": pl.Boolean,
        "municipality_type": pl.String,
        "auspice": pl.String,
        "operating_area": pl.String,
        "perspective": pl.String,
        "prel_publication_date": pl.Date,
        "publication_date": pl.Date,
        "publ_period": pl.String,
        "has_ou_data": pl.Boolean,
    }
)
MUNICIPALITY_SCHEMA = pl.Schema({"municipality": pl.String, "title": pl.String, "type": pl.String})
GROUP_SCHEMA = pl.Schema(
    {
        "municipality_group": pl.String,
        "title": pl.String,
        "members": pl.List(pl.String),  # municipality ids in order
    }  # type: ignore[arg-type]
)

OU_SCHEMA = pl.Schema({"ou": pl.String, "title": pl.String, "municipality": pl.String})


def kpi_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """KPIs, a row each, sorted by id; dates that Kolada leaves out are null."""
    rows = [
        {
            "kpi": record["id"],
            "title": record["title"],
            "description": record.get("description") or "",
            "is_divided_by_gender": bool(record.get("is_divided_by_gender")),
            "municipality_type": record.get("municipality_type"),
            "auspice": record.get("auspice"),
            "operating_area": record.get("operating_area"),
            "perspective": record.get("perspective"),
            "prel_publication_date": _date(record.get("prel_publication_date")),
            "publication_date": _date(record.get("publication_date")),
            "publ_period": record.get("publ_period"),
            "has_ou_data": bool(record.get("has_ou_data")),
        }
        for record in records
    ]
    return pl.DataFrame(rows, schema=KPI_SCHEMA).unique(subset="kpi").sort("kpi")


def municipality_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Municipalities and regions, a row each, sorted by id; type is K or L."""
    rows = [
        {"municipality": record["id"], "title": record["title"], "type": record.get("type")}
        for record in records
    ]
    frame = pl.DataFrame(rows, schema=MUNICIPALITY_SCHEMA)
    return frame.unique(subset="municipality").sort("municipality")


def group_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Municipality groups with their members' ids, a row each, sorted by id."""
    rows = [
        {
            "municipality_group": record["id"],
            "title": record["title"],
            "members": sorted(member["member_id"] for member in record.get("members") or ()),
        }
        for record in records
    ]
    frame = pl.DataFrame(rows, schema=GROUP_SCHEMA)
    return frame.unique(subset="municipality_group").sort("municipality_group")


def ou_frame(records: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Units with the municipality where they are, a row each, sorted by id."""
    rows = [
        {"ou": record["id"], "title": record["title"], "municipality": record.get("municipality")}
        for record in records
    ]
    return pl.DataFrame(rows, schema=OU_SCHEMA).unique(subset="ou").sort("ou")


def search(kpi: pl.DataFrame, words: str) -> pl.DataFrame:
    """KPIs whose id or title has every one of `words`, whatever the case."""
    found = kpi
    for word in words.split():
        found = found.filter(
            pl.concat_str("kpi", "title", separator=" ")
            .str.to_lowercase()
            .str.contains(word.lower(), literal=True)
        )
    return found


def _date(text: str | None) -> date | None:
    # Kolada has sent dates with and without a time of day.
    return date.fromisoformat(text[:10]) if text else None
