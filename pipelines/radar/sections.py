"""The sections of the radar's page: frames -> rows of Swedish text, one line for each KPI."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from pipelines.radar import words
from pipelines.wording import swedish, swedish_order

Row = dict[str, Any]
MOST_OTHERS = 1  # named beside the municipalities: Riket; regions and groups are in the table


class Focus(NamedTuple):
    """The municipality in focus."""

    municipality: str
    title: str


@dataclass(frozen=True, slots=True)
class Places:
    """What has moved in one service area."""

    service_area: str
    title: str
    shown: list[Row]  # of mart.rank_change
    n_more: int  # rows with moves that only the table has
    headline: Row | None  # the newest year that moved, beside the release of the moment before
    is_compared: bool  # whether there was an earlier release to compare with


def places(
    rank_change: pl.DataFrame, areas: Mapping[str, str], *, since: datetime | None
) -> list[Places]:
    """The moves to show: all years of the newest release at `since`, the newest year of others."""
    made = []
    for name in sorted(areas, key=lambda name: swedish_order(areas[name])):
        rows = rank_change.filter(service_area=name)
        newest = rows["period"].max()
        before = rows if since is None else rows.filter(pl.col("release_as_of") <= since)
        base = before["release_as_of"].max()
        moved = rows.filter(pl.any_horizontal(pl.col("n_moved", "n_entered", "n_left") > 0)).sort(
            "release_as_of", "period", descending=True
        )
        is_base = pl.col("release_as_of").eq_missing(pl.lit(base, rows["release_as_of"].dtype))
        is_newest = pl.col("period").eq_missing(pl.lit(newest, rows["period"].dtype))
        shown = moved.filter(is_base | is_newest)
        headlines = moved.filter(is_base)
        made.append(
            Places(
                name,
                areas[name],
                shown.to_dicts(),
                moved.height - shown.height,
                headlines.row(0, named=True) if headlines.height else None,
                rows.height > 0,
            )
        )
    return made


def summary(
    tables: Mapping[str, pl.DataFrame], moved: list[Places], *, since: datetime, focus: Focus
) -> str:
    """The radar in one sentence."""
    parts = []
    revised = _material(tables)
    if revised.height:
        said = words.listed(words.counts(_by_kind(revised), words.VALUES))
        parts.append(f"{said} för {swedish(revised['kpi'].n_unique())} nyckeltal")
    defined = _used_definitions(tables["definition_change"])
    if defined.height:
        parts.append(
            words.counted(
                defined.select("object", "id").n_unique(),
                ("ändrad definition", "ändrade definitioner"),
            )
        )
    peers = _peer_groups(tables["definition_change"])
    if peers.height:
        parts.append(
            words.counted(
                peers["id"].n_unique(), ("ändrad jämförelsegrupp", "ändrade jämförelsegrupper")
            )
        )
    first = first_readings(tables)
    if first:
        parts.append(f"{swedish(len(first))} nyckeltal som läses för första gången")
    n_less = n_minor(tables["revision"])
    if not parts:
        said = "inget väsentligt har ändrats i våra områden"
        if n_less:
            said += f", {words.counted(n_less, ('mindre ändring', 'mindre ändringar'))}"
        return f"Sedan {words.day(since)}: {said}."
    return (
        f"Sedan {words.day(since)}: {words.listed(parts)} i våra områden"
        f"{_moved_in_words(moved, focus)}."
    )


def _moved_in_words(moved: list[Places], focus: Focus) -> str:
    if not any(area.is_compared for area in moved):
        return ""
    said = []
    for area in moved:
        row = area.headline
        if row is not None:
            own = words.place_change(row["rank_before"], row["rank_after"])
            own = own if row["rank_before"] is None else f"plats {own}"
            n_moved = words.counted(row["n_moved"], ("kommun", "kommuner"))
            said.append(
                f"{n_moved} byter plats i {area.title} {row['period']} ({focus.title}: {own})"
            )
    return f"; {words.listed(said)}" if said else "; ingen publicerad plats flyttas"


def areas(
    tables: Mapping[str, pl.DataFrame], moved: list[Places], titles: Mapping[str, str]
) -> list[Row]:
    """What touches each area: its revised KPIs, and its published places."""
    labels = dict(tables["indicator"].select("kpi", "label").unique("kpi").rows())
    revised = _material(tables)
    rows = []
    for area in moved:
        own = revised.filter(_in_area(area.service_area))["kpi"].unique().sort()
        rows.append(
            {
                "title": titles[area.service_area],
                "kpis": [f"{kpi} {labels.get(kpi, '')}".strip() for kpi in own],
                "places": [_place_row(row) for row in area.shown],
                "n_more": area.n_more,
                "is_compared": area.is_compared,
            }
        )
    return rows


def _place_row(row: Row) -> Row:
    in_and_out = [
        f"{swedish(n)} {what}"
        for n, what in ((row["n_entered"], "tillkom"), (row["n_left"], "föll bort"))
        if n
    ]
    furthest = words.NOTHING
    if row["n_moved"]:
        change = words.place_change(row["largest_move_rank_before"], row["largest_move_rank_after"])
        furthest = (
            f"{row['largest_move_municipality_title']} {change} ({swedish(row['largest_move'])})"
        )
    why = [
        said
        for is_so, said in (
            (row["is_other_code"], "annan version av beräkningen"),
            (row["is_other_area_file"], "annan områdesfil"),
        )
        if is_so
    ]
    return {
        "release": row["release"],
        "day": words.day(row["release_as_of"]),
        "period": f"{row['period']}{' (preliminärt)' if row['is_preliminary'] else ''}",
        "moved": f"{swedish(row['n_moved'])} av {swedish(row['n_ranked_after'])}",
        "in_and_out": ", ".join(in_and_out),
        "furthest": furthest,
        "focus": words.place_change(row["rank_before"], row["rank_after"]),
        "why": ", ".join(why),
    }


def definitions(definition_change: pl.DataFrame, titles: Mapping[str, str]) -> list[Row]:
    """The changed definitions of what the areas use; groups are a section of their own."""
    rows = []
    for row in (
        _used_definitions(definition_change).sort("object", "id", "kind").iter_rows(named=True)
    ):
        then, now = (
            words.YES_NO.get(text or "", text or "") for text in (row["before"], row["after"])
        )
        rows.append(
            {
                "id": row["id"],
                "title": row["title"],
                "head": words.HEADS[row["kind"]],
                "field": words.FIELDS.get(row["field"] or "", ""),
                "areas": _titles(row["service_areas"], titles),
                "change": words.text_change(then, now),
                "is_long": row["kind"] == "redefined",
            }
        )
    return rows


def values(
    tables: Mapping[str, pl.DataFrame], titles: Mapping[str, str], *, focus: Focus
) -> list[Row]:
    """One line for each KPI of the areas that has material changes."""
    units = dict(tables["indicator"].select("kpi", "unit").unique("kpi").rows())
    rows = []
    for (kpi,), own in _material(tables).sort("kpi").group_by("kpi", maintain_order=True):
        move = own.filter(kind="changed").select(
            (pl.col("after_value") - pl.col("before_value")).alias("move")
        )["move"]
        n_up, n_down = int((move > 0).sum()), int((move < 0).sum())
        directions = [f"{swedish(n)} {way}" for n, way in ((n_up, "upp"), (n_down, "ned")) if n]
        rows.append(
            {
                "kpi": kpi,
                "title": own["kpi_title"][0] or "",
                "unit": units.get(str(kpi), ""),
                "areas": _titles(own["service_areas"][0], titles),
                "periods": words.years(own["period"].to_list()),
                "what": words.listed(words.counts(_by_kind(own), words.VALUES)),
                "who": _who(own),
                "direction": ", ".join(directions) or words.NOTHING,
                "median": words.size(float(move.abs().median())) if move.len() else "",  # type: ignore[arg-type]
                "focus": _own_change(own.filter(municipality=focus.municipality)),
            }
        )
    return rows


def _who(rows: pl.DataFrame) -> str:
    named = rows.filter(pl.col("municipality_type") == "K")["municipality_title"].unique().to_list()
    other = rows.filter(pl.col("municipality_type").ne_missing("K"))["municipality_title"]
    more = sorted(other.unique().to_list(), key=swedish_order)[:MOST_OTHERS]
    names = sorted(named, key=swedish_order)
    if len(names) <= words.MOST_NAMES:
        return ", ".join([*names, *more])
    return ", ".join([f"{swedish(len(names))} kommuner", *more])


def _own_change(rows: pl.DataFrame) -> str:
    """What has happened to the one in focus: its newest year, the total before a gender."""
    if rows.is_empty():
        return "oförändrat"
    order = pl.col("gender").replace_strict({"T": 0, "K": 1, "M": 2})
    row = rows.sort(pl.col("period"), order, descending=[True, False]).row(0, named=True)
    change = words.value_change(
        row["before_value"],
        row["after_value"],
        before_status=row["before_status"],
        after_status=row["after_status"],
    )
    gender = {"K": ", kvinnor", "M": ", män"}.get(row["gender"], "")
    more = f" och {swedish(rows.height - 1)} till" if rows.height > 1 else ""
    return f"{row['period']}{gender}: {change}{more}"


def first_readings(tables: Mapping[str, pl.DataFrame]) -> list[str]:
    """The KPIs of the areas that nobody had asked for before."""
    rows = tables["revision"].filter(
        pl.col("is_first_reading") & pl.col("service_areas").is_not_null()
    )
    return [
        f"{kpi} {own['kpi_title'][0] or ''}".rstrip() + ": "
        f"{words.counted(own.height, ('värde', 'värden'))} {words.years(own['period'].to_list())}"
        for (kpi,), own in rows.sort("kpi").group_by("kpi", maintain_order=True)
    ]


def n_minor(revision: pl.DataFrame) -> int:
    """How many changes of the areas' values are below the limit."""
    return revision.filter(~pl.col("is_material") & pl.col("service_areas").is_not_null()).height


def n_publication(definition_change: pl.DataFrame) -> int:
    """How many of the areas' publication dates have changed, which is no change of definition."""
    return definition_change.filter(
        pl.col("service_areas").is_not_null(), kind="publication_date"
    ).height


def peers(definition_change: pl.DataFrame, titles: Mapping[str, str], *, focus: Focus) -> Row:
    """The changed peer groups: how many in each area, and those of the municipality in focus."""
    rows = _peer_groups(definition_change)
    counted = [
        f"{titles[name]}: "
        + words.listed(words.counts(_by_kind(rows.filter(_in_area(name))), words.DEFINITIONS))
        for name in sorted(titles, key=lambda name: swedish_order(titles[name]))
        if rows.filter(_in_area(name)).height
    ]
    own = rows.filter(peer_of=focus.municipality).sort("id", "kind")
    return {
        "counted": counted,
        "own": [
            {
                "title": row["title"],
                "areas": _titles(row["service_areas"], titles),
                "head": words.HEADS[row["kind"]],
                "joined": _names(row["joined"]),
                "departed": _names(row["departed"]),
                "change": []
                if row["kind"] == "group_members"
                else words.text_change(row["before"] or "", row["after"] or ""),
            }
            for row in own.iter_rows(named=True)
        ],
    }


def unused(tables: Mapping[str, pl.DataFrame]) -> str:
    """What has changed that no area uses, in one line of counts."""
    rest = tables["definition_change"].filter(pl.col("service_areas").is_null())
    parts = words.counts(_by_kind(rest), words.DEFINITIONS)
    outside = tables["revision"].filter(pl.col("service_areas").is_null())
    if outside.height:
        parts.append(
            f"{words.counted(outside.height, ('värde', 'värden'))} för "
            f"{swedish(outside['kpi'].n_unique())} nyckeltal"
        )
    return words.listed(parts)


def _material(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The revisions that the page shows: of the areas' KPIs, at or above the limit."""
    return tables["revision"].filter(
        pl.col("is_material") & ~pl.col("is_first_reading") & pl.col("service_areas").is_not_null()
    )


def _used_definitions(definition_change: pl.DataFrame) -> pl.DataFrame:
    return definition_change.filter(
        pl.col("is_material") & (pl.col("object") != "municipality_group")
    )


def _peer_groups(definition_change: pl.DataFrame) -> pl.DataFrame:
    return definition_change.filter(
        pl.col("is_material") & (pl.col("object") == "municipality_group")
    )


def _in_area(name: str) -> pl.Expr:
    return pl.col("service_areas").str.split(", ").list.contains(name)


def _by_kind(rows: pl.DataFrame) -> dict[str, int]:
    return dict(rows.group_by("kind").len().rows())


def _titles(names: str, titles: Mapping[str, str]) -> str:
    return ", ".join(sorted((titles[name] for name in names.split(", ")), key=swedish_order))


def _names(joined: str | None) -> str:
    return ", ".join(sorted(joined.split(", "), key=swedish_order)) if joined else words.NOTHING
