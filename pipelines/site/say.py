"""What is said of a municipality in an area, and of all of it: which sentences fit the numbers."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

import polars as pl

from pipelines.site.facts import Area, Facts, Row
from pipelines.wording import MISSING, REASONS
from pipelines.words.said import Cell, Said, row_cells
from pipelines.words.templates import sentence

GOAL = "efficiency"
LEVEL = 0.05  # index points: what differs by less is shown as the same number
CLEAR = 0.01  # a smaller probability is not said


def place(facts: Facts, area: Area, municipality: str) -> Said | str:
    """Where it stands in the country, or in words why it has no place there."""
    why = no_place(facts, area, municipality)
    if why:
        return f"{facts.municipalities[municipality]} får ingen plats i landet: {why}."
    cells = facts.cells("efficiency", area, municipality)
    span = facts.cells("rank_interval", area, municipality)
    if "rank_low" not in span or "rank_high" not in span:
        return sentence("place.unsure", **cells)
    is_exact = span["rank_low"].value == span["rank_high"].value
    return sentence("place.exact" if is_exact else "place.interval", **cells, **_new(span, cells))


def no_place(facts: Facts, area: Area, municipality: str) -> str:
    """Why it has no place in the country, in a few words; empty where it has one."""
    row = facts.row("efficiency", area, municipality)
    if row is None:
        return MISSING
    return "" if row["efficiency_rank"] is not None else REASONS.get(row["status"], MISSING)


def about(facts: Facts, area: Area, municipality: str) -> list[Said]:
    """Everything else that the numbers allow to be said of it in the area, in order."""
    return list(
        chain(
            _chances(facts, area, municipality),
            _bounds(facts, area, municipality),
            _beside_peers(facts, area, municipality),
            filter(None, [change(facts, area, municipality)]),
        )
    )


def change(facts: Facts, area: Area, municipality: str) -> Said | None:
    """What has happened since the year before; None where that is not known."""
    row = facts.row("change_label", area, municipality)
    if row is None or row["label"] == "no_data":
        return None
    return sentence(f"change.{row['label']}", **facts.cells("change_label", area, municipality))


def coverage(area: Area) -> list[Said]:
    """For how many municipalities the area has all it needs, that year and later."""
    key = ("service_area", "period")
    return [
        sentence("coverage.area", **row_cells("area_coverage", area.covered, key)),
        *(sentence("coverage.later", **row_cells("area_coverage", row, key)) for row in area.later),
    ]


def whole(facts: Facts, municipality: str) -> list[Said]:
    """What is said of the whole municipality by its goal; nothing where it has no score."""
    row = goal_row(facts, municipality)
    if row is None or row["rank"] is None:
        return []
    key = ("goal", "period", "municipality")
    cells = row_cells("goal_score", row, key)
    titles = facts.tables["service_area"].select("service_area", "title")
    named = {
        f"{end}_title": row_cells("service_area", found, ("service_area",))["title"]
        for end in ("lowest", "highest")
        for found in titles.filter(service_area=row[f"{end}_component"]).to_dicts()
    }
    cells |= named | {"municipality_title": _title(facts, municipality)}
    names = ["whole.ranked", "whole.share"]
    if "rank_low" in cells and "rank_high" in cells:
        names.insert(1, "whole.interval")
    if len(named) == 2:
        names.append("whole.extremes")
    if row["possible_high"] is not None and row["possible_high"] > row["possible_low"]:
        names.append("whole.gaps")
    return [sentence(name, **cells) for name in names]


def goal(facts: Facts, row: Row, municipality: str) -> list[Said]:
    """What is said of a municipality by a goal other than efficiency; `row` is of `goal_score`."""
    cells = row_cells("goal_score", row, ("goal", "period", "municipality"))
    return [sentence("whole.goal", **cells, municipality_title=_title(facts, municipality))]


def goal_row(facts: Facts, municipality: str, goal: str = GOAL) -> Row | None:
    """The row of `goal_score` of the newest year in which anybody is ranked by the goal."""
    scores = facts.tables["goal_score"].filter(pl.col("goal") == goal, pl.col("n_ranked") > 0)
    if scores.is_empty():
        return None
    mine = scores.filter(
        pl.col("period") == scores["period"].max(), pl.col("municipality") == municipality
    )
    return mine.row(0, named=True) if mine.height else None


def _title(facts: Facts, municipality: str) -> Cell:
    area = facts.areas[0]
    return facts.cells("efficiency", area, municipality)["municipality_title"]


def _chances(facts: Facts, area: Area, municipality: str) -> Iterator[Said]:
    cells = facts.cells("rank_interval", area, municipality)
    for name, column in (("first", "p_first"), ("top_ten", "p_top10")):
        if column in cells and float(cells[column].value) >= CLEAR:
            yield sentence(f"place.{name}", **cells)
    if "p_top_quarter" in cells:
        yield sentence("place.top_quarter", **cells)


def _bounds(facts: Facts, area: Area, municipality: str) -> Iterator[Said]:
    row = facts.row("rank_bounds", area, municipality)
    if area.is_ranked and row and row["rank_best"] is not None and row["status"] == "bounded":
        yield sentence("place.bounds", **facts.cells("rank_bounds", area, municipality))


def _beside_peers(facts: Facts, area: Area, municipality: str) -> Iterator[Said]:
    cells = facts.cells("efficiency", area, municipality)
    cells |= _new(facts.cells("peer_comparison", area, municipality), cells)
    for index, words in (
        ("resource_index", ("cheaper", "same_cost", "dearer")),
        ("quality_index", ("better", "same_quality", "worse")),
    ):
        if {index, f"peer_mean_{index}"} <= cells.keys():
            gap = float(cells[index].value) - float(cells[f"peer_mean_{index}"].value)
            which = 1 if abs(gap) < LEVEL else 0 if gap > 0 else 2
            yield sentence(f"peers.{words[which]}", **cells)
    if "place_among_peers" in cells:
        yield sentence("peers.place", **cells)


def _new(more: dict[str, Any], cells: dict[str, Any]) -> dict[str, Any]:
    """Return what `more` has beyond `cells`."""
    return {name: cell for name, cell in more.items() if name not in cells}
