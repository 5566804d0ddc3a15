"""Charts: a frame becomes a plotly figure with Swedish text. No file, no `show()`."""

from collections.abc import Sequence
from dataclasses import replace

import plotly.graph_objects as go
import polars as pl

from pipelines.labels import Box, Label, Point, emptiest, placed
from pipelines.sheet import (
    LINE_HEIGHT,
    MARKERS,
    NARROW_BELOW,
    WIDE,
    Sheet,
    escaped,
    shortened,
    text_width,
)
from pipelines.wording import (
    INDICES,
    MISSING,
    Caption,
    indices,
    interval,
    peers_median,
    places,
    quadrant_summary,
    quadrant_table,
    quadrant_title,
    ranking_summary,
    ranking_table,
    ranking_title,
    swedish,
    the_chosen,
)

QUADRANT_NOTE = (
    "Så får diagrammet inte läsas: som ett bevis på effektivitet. Indexen jämför kommuner under "
    "ett enda år, och små avstånd kan bero på slumpen."
)
RANKING_NOTE = (
    "Så får diagrammet inte läsas: som exakta placeringar. När två kommuners intervall överlappar "
    "kan ordningen mellan dem vara den omvända."
)
MAX_ROWS = 12  # more cannot be read in one ranking

_SPAN = (-4, 104)  # a little more than an index can be, so that no marker is cut
_SHRUNK = 0.75  # how narrow a page may make the plot of a wide figure; labels keep apart there too


def quadrant(frame: pl.DataFrame, *, caption: Caption, size: tuple[int, int] = WIDE) -> go.Figure:
    """Draw what municipalities achieve (quality) against what they spend (resources).

    `frame` has a row per municipality: municipality, municipality_title, role ("chosen", "peer"
    or "other"), resource_index and quality_index, both 0-100, more is better, null if missing.
    """
    frame = indices(frame)
    chosen, median = the_chosen(frame), peers_median(frame)
    complete = frame.drop_nulls(INDICES)
    lines = list(replace(caption, note=caption.note or QUADRANT_NOTE).lines())
    unplaced = frame.filter(pl.col("role") == "peer", pl.any_horizontal(pl.col(INDICES).is_null()))
    if not unplaced.is_empty():
        names = ", ".join(unplaced["municipality_title"])
        lines.insert(-1, f"Jämförbara kommuner som {MISSING} och inte visas: {names}.")

    meanings = {
        "chosen": chosen["municipality_title"],
        "peer": "{} jämförbara kommuner",
        "other": "{} övriga kommuner",
    }
    drawn = {role: complete.filter(pl.col("role") == role) for role in meanings}
    is_narrow = size[0] < NARROW_BELOW
    sheet = Sheet(
        size,
        title=quadrant_title(frame),
        subject=f"{caption.area} {caption.period}: kvalitet och kostnad",
        summary=quadrant_summary(frame),
        table=quadrant_table(frame),
        marks=caption.marks,
        key=[
            (role, meaning if role == "chosen" else meaning.format(swedish(drawn[role].height)))
            for role, meaning in meanings.items()
            if not drawn[role].is_empty()
        ],
        caption=lines,
        left=60,
        above=46 if is_narrow else 34,
        below=106 if is_narrow else 66,
        least=200,
    )
    _draw_index_axes(sheet)
    crowd = [_point(x, y) for x, y in complete.select(INDICES).rows()]
    taken = _draw_crosshair(sheet, median, crowd) if median else []
    for role in ("other", "peer", "chosen"):
        rows = drawn[role]
        sheet.add_markers(
            role,
            x=rows["resource_index"].to_list(),
            y=rows["quality_index"].to_list(),
            hover=[
                f"{escaped(title)}<br>resursindex {swedish(resource, 1)}, "
                f"kvalitetsindex {swedish(quality, 1)}"
                for title, resource, quality in rows.select("municipality_title", *INDICES).rows()
            ],
        )
    _draw_names(sheet, pl.concat([drawn["chosen"], drawn["peer"]]), crowd, taken)
    return sheet.figure


def ranking(frame: pl.DataFrame, *, caption: Caption, size: tuple[int, int] = WIDE) -> go.Figure:
    """Draw the places in the country of a municipality and its peers, each with its interval.

    `frame` has a row per municipality: municipality, municipality_title, role ("chosen" or
    "peer"), efficiency_score, efficiency_rank, n_ranked, rank_low and rank_high (90 % interval)
    and status. A place without an interval is not drawn; its row says why.
    """
    if frame.height > MAX_ROWS or "other" in frame["role"]:
        raise ValueError(
            f"A ranking shows the chosen municipality and its peers, {MAX_ROWS} rows at most, this "
            f"frame has {frame.height}. Leave out the others."
        )
    frame = places(frame)
    drawn = frame.with_row_index("row").filter(pl.col("reason").is_null())
    chosen = the_chosen(frame)
    is_narrow = size[0] < NARROW_BELOW
    name_size = 12 if is_narrow else 15
    names = [shortened(title, 0.3 * size[0], name_size) for title in frame["municipality_title"]]
    sheet = Sheet(
        size,
        title=ranking_title(frame),
        subject=f"{caption.area} {caption.period}: plats i landet",
        summary=ranking_summary(frame),
        table=ranking_table(frame),
        marks=caption.marks,
        key=[
            (role, meaning)
            for role, meaning, is_drawn in (
                ("chosen", chosen["municipality_title"], chosen["reason"] is None),
                ("peer", "jämförbara kommuner", (drawn["role"] == "peer").any()),
                ("interval", "90-procentigt intervall för platsen", not drawn.is_empty()),
            )
            if is_drawn
        ],
        caption=replace(caption, note=caption.note or RANKING_NOTE).lines(),
        left=max(text_width(name, name_size, bold=True) for name in names) + 40,
        above=10,
        below=58,
        least=30 * frame.height,
    )
    n_ranked = max(2, int(frame["n_ranked"].max() or caption.n_ranked))
    margin = 0.03 * n_ranked
    span = (1 - margin, n_ranked + margin)
    _draw_place_axis(sheet, n_ranked, span, n_row=frame.height)
    for row, (name, data) in enumerate(zip(names, frame.iter_rows(named=True), strict=True)):
        is_chosen = data["role"] == "chosen"
        place = {"x": 0, "xref": "paper", "y": row, "yref": "y"}
        look = {"colour": data["role"], "size": name_size, "weight": 700 if is_chosen else 400}
        anchor = {"xanchor": "right", "yanchor": "middle", "xshift": -16}
        sheet.write(escaped(name), **place, **anchor, **look)
        if is_chosen:
            sheet.add_area(span, (row - 0.48, row + 0.42))
        if data["reason"] is not None:
            anchor = {"xanchor": "left", "yanchor": "middle", "xshift": 8}
            sheet.write(escaped(data["reason"]), **place, **anchor, colour="muted")
            continue
        text = f"plats {swedish(data['efficiency_rank'])} ({interval(data)})"
        share = (data["efficiency_rank"] - span[0]) / (span[1] - span[0])
        half = text_width(text, name_size, bold=True) / 2
        room = sheet.plot[0] * (1 if is_narrow else _SHRUNK)
        side = "left" if share * room < half else "right" if (1 - share) * room < half else "center"
        sheet.write(
            text,
            **(place | {"x": data["efficiency_rank"], "xref": "x"}),
            xanchor=side,
            yanchor="bottom",
            xshift={"left": -9, "center": 0, "right": 9}[side],
            yshift=8,
            **(look | {"size": sheet.font_size}),
        )
    _draw_places(sheet, drawn)
    return sheet.figure


def _draw_index_axes(sheet: Sheet) -> None:
    ticks = {tick: swedish(tick) for tick in (0, 25, 50, 75, 100)}
    gap = 52 if sheet.is_narrow else 14  # the corners' names stand above the title, or beside it
    sheet.draw_axis("x", "Resursindex (0–100, högre = lägre kostnad)", _SPAN, ticks, gap=gap)
    sheet.draw_axis("y", "Kvalitetsindex (0–100, högre = bättre)", _SPAN, ticks, gap=8)
    space = "<br>" if sheet.is_narrow else " "
    for quality, y, anchor, shift in (("Hög", 1, "bottom", 5), ("Låg", 0, "top", -28)):
        for cost, x, side in (("hög", 0, "left"), ("låg", 1, "right")):
            sheet.write(
                f"{quality} kvalitet{space}till {cost} kostnad",
                x=x,
                y=y,
                xref="paper",
                yref="paper",
                xanchor=side,
                yanchor=anchor,
                yshift=shift,
                align=side,
                size=12 if sheet.is_narrow else 14,
                weight=700,
            )


def _draw_crosshair(sheet: Sheet, median: tuple[float, float], crowd: Sequence[Point]) -> list[Box]:
    """Draw the peers' median as two named lines, and return the boxes of the names."""
    resource, quality = median
    sheet.add_area((resource, _SPAN[1]), (quality, _SPAN[1]))
    sheet.add_line((resource, resource), _SPAN)
    sheet.add_line(_SPAN, (quality, quality))
    words = "median" if sheet.is_narrow else "jämförbara kommuners median"
    size = sheet.font_size - 1
    ends = {
        "resource_index": [(resource, _SPAN[0]), (resource, _SPAN[1])],
        "quality_index": [(_SPAN[1], quality), (_SPAN[0], quality)],
    }
    taken: list[Box] = []
    for index, value in zip(INDICES, median, strict=True):
        text = f"{words} {swedish(value, 1)}"
        width, height = text_width(text, size) + 4, size * LINE_HEIGHT + 4
        spots = [
            (
                end,
                Box(_point(*end), right * (width / 2 + 3), down * (height / 2 + 2), width, height),
            )
            for end in ends[index]
            for right in (1, -1)
            for down in (1, -1)
        ]
        boxes = [box for _, box in spots]
        best = emptiest(boxes, crowd=crowd, taken=taken, plots=_plots(sheet))
        (x, y), box = spots[best]
        taken.append(box)
        sheet.write_box(text, x=x, y=y, box=box, size=size, colour="muted")
    return taken


def _draw_names(
    sheet: Sheet, named: pl.DataFrame, crowd: Sequence[Point], taken: Sequence[Box]
) -> None:
    """Write the names beside their markers, off each other."""
    looks, labels = [], []
    for title, role, x, y in named.select("municipality_title", "role", *INDICES).rows():
        is_chosen = role == "chosen"
        size = sheet.font_size + (3 if is_chosen else 0)
        text = shortened(title, 0.4 * sheet.plot[0], size)
        look = {"colour": role, "size": size, "weight": 700 if is_chosen else 400}
        looks.append((text, x, y, look))
        width, height = text_width(text, size, bold=is_chosen) + 4, size * LINE_HEIGHT + 2
        labels.append(Label(_point(x, y), width, height, MARKERS[role]["size"]))
    spots = placed(labels, crowd=crowd, taken=taken, plots=_plots(sheet))
    for (text, x, y, look), (box, has_line) in zip(looks, spots, strict=True):
        sheet.write_box(escaped(text), x=x, y=y, box=box, has_line=has_line, **look)


def _draw_place_axis(sheet: Sheet, n_ranked: int, span: tuple[float, float], *, n_row: int) -> None:
    most = 4 if sheet.is_narrow else 7
    step = next(step for step in (1, 5, 10, 50, 100) if n_ranked / step <= most or step == 100)
    ticks = {1: "1", n_ranked: swedish(n_ranked)}
    ticks |= {
        tick: swedish(tick) for tick in range(step, n_ranked, step) if step / 2 < n_ranked - tick
    }
    title = "Plats i landet (1 = mest effektiv)"
    sheet.draw_axis("x", title, span, dict(sorted(ticks.items())), gap=8)
    rows = dict.fromkeys(range(n_row), "")
    sheet.draw_axis("y", "", (n_row - 0.5, -0.6), rows, gap=0)


def _draw_places(sheet: Sheet, drawn: pl.DataFrame) -> None:
    for role in ("peer", "chosen"):
        rows = drawn.filter(pl.col("role") == role)
        sheet.add_intervals(role, rows.select("rank_low", "rank_high", "row").rows())
        sheet.add_markers(
            role,
            x=rows["efficiency_rank"].to_list(),
            y=rows["row"].to_list(),
            hover=[
                f"{escaped(row['municipality_title'])}<br>"
                f"plats {swedish(row['efficiency_rank'])} ({interval(row)})"
                for row in rows.iter_rows(named=True)
            ],
        )


def _point(x: float, y: float) -> Point:
    width = _SPAN[1] - _SPAN[0]
    return (x - _SPAN[0]) / width, (_SPAN[1] - y) / width


def _plots(sheet: Sheet) -> list[Point]:
    """Return the sizes the plot may have on a page."""
    width, height = sheet.plot
    return [sheet.plot] if sheet.is_narrow else [sheet.plot, (_SHRUNK * width, height)]
