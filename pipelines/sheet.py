"""A sheet: an empty figure of one size with title, marks, key and caption, and room for a chart.

All of it is laid out in pixels, so that a drawing without a browser (`publish.image`) says the
same. `layout.meta` carries what a page around the figure needs: `summary`, `caption` and `table`,
and `title_px` and `caption_px`, the room that title and caption take inside the figure.
"""

import html
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from pipelines.labels import Box
from pipelines.wording import Table

# Text has at least 4.5:1 against paper and tint; the three kinds of municipality also differ in
# shape and in lightness, for readers who do not see the hue and for a print in grey.
COLOURS = {
    "chosen": "#0B3C6F",
    "peer": "#4A6E94",
    "other": "#55606C",
    "interval": "#55606C",
    "other_fill": "#D3D9DF",
    "other_edge": "#97A1AB",
    "text": "#1B2733",
    "muted": "#55606C",
    "line": "#E3E8ED",
    "tint": "#EEF3F8",
    "paper": "#FFFFFF",
}
GLYPHS = {"chosen": "◆", "peer": "■", "other": "●", "interval": "—"}
MARKERS: dict[str, dict[str, Any]] = {
    "chosen": {"symbol": "diamond", "size": 18, "fill": "chosen", "edge": "paper"},
    "peer": {"symbol": "square", "size": 11, "fill": "peer", "edge": "paper"},
    "other": {"symbol": "circle", "size": 7, "fill": "other_fill", "edge": "other_edge"},
}

WIDE = (1200, 750)  # px: a slide, a report, a computer
NARROW = (360, 900)  # px: a phone
NARROW_BELOW = 960  # px wide: smaller letters, and corners named in two lines
PAD = 24  # px between the figure's edge and its text
LINE_HEIGHT = 1.3  # of the font size; plotly's own
FONT = "Segoe UI, Helvetica Neue, Arial, DejaVu Sans, sans-serif"


def escaped(text: str) -> str:
    """Return `text` so that plotly shows it as it is: no tag, template or control character."""
    visible = "".join(c for c in text if unicodedata.category(c)[0] != "C")
    return html.escape(visible, quote=False).replace("%{", "%&#123;")


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return about how many px `text` takes in a wide sans-serif, rather too many than too few."""
    em = sum(0.72 if c.isupper() else 0.38 if c in " ,.:;()ijlt|'" else 0.62 for c in text)
    return em * size * (1.12 if bold else 1.0)


def wrapped(text: str, size: float, room: float, *, bold: bool = False) -> list[str]:
    """Break `text` at its spaces into lines of at most `room` px; no-break spaces hold."""
    lines: list[str] = []
    for word in text.split(" "):
        if lines and text_width(f"{lines[-1]} {word}", size, bold=bold) <= room:
            lines[-1] = f"{lines[-1]} {word}"
        else:
            lines.append(word)
    return lines


def shortened(text: str, room: float, size: float) -> str:
    """Return `text`, or as much of it as `room` px in bold hold, with an ellipsis."""
    if text_width(text, size, bold=True) <= room:
        return text
    while text and text_width(text + "…", size, bold=True) > room:
        text = text[:-1]
    return text.rstrip() + "…"


class Sheet:
    """A figure with its text around an empty plot of `plot` px, to which a chart adds traces."""

    def __init__(
        self,
        size: tuple[int, int],
        *,
        title: str,
        subject: str,
        summary: str,
        table: Table,
        marks: Sequence[str],
        key: Sequence[tuple[str, str]],
        caption: Sequence[str],
        left: float,
        above: float,
        below: float,
        least: float,
    ) -> None:
        """Lay out the text.

        `key` has a role and what its markers mean; `left`, `above` and `below` are the px that
        the chart needs outside the plot for the labels of its axes, `least` the px its plot must
        be high.
        """
        width, height = size
        self.is_narrow = width < NARROW_BELOW
        self.font_size = 12 if self.is_narrow else 14
        self.figure = go.Figure(
            layout={
                "template": "none",
                "width": width,
                "height": height,
                "paper_bgcolor": COLOURS["paper"],
                "plot_bgcolor": COLOURS["paper"],
                "font": {"family": FONT, "size": self.font_size, "color": COLOURS["text"]},
                "showlegend": False,
                "dragmode": False,
                "hovermode": "closest",
                "separators": ",\u00a0",
            }
        )
        self._room = width - 2 * PAD
        self._to_edge = PAD - left
        title_px = self._write_title(title)
        top = above + self._write_key(subject, key, above)
        top += self._write_marks(marks, top)
        caption_px = self._write_caption(caption, below)
        margin = {"l": left, "r": PAD, "t": title_px + top, "b": below + caption_px}
        self.figure.update_layout(
            margin=margin,
            meta={
                "summary": summary,
                "caption": list(caption),
                "table": table,
                "title_px": title_px,
                "caption_px": caption_px,
            },
        )
        self.plot = (width - left - PAD, height - margin["t"] - margin["b"])
        if self.plot[0] < 100 or self.plot[1] < least:
            raise ValueError(
                f"A figure of {width} x {height} px leaves {self.plot[0]:.0f} x "
                f"{self.plot[1]:.0f} px for the chart, not the 100 x {least:.0f} it needs. "
                "Make it larger."
            )

    def write(
        self,
        text: str,
        *,
        colour: str = "text",
        size: float | None = None,
        weight: int = 400,
        **where: Any,
    ) -> None:
        """Write `text`, already escaped, at a place in plotly's words for an annotation."""
        font = {"size": size or self.font_size, "color": COLOURS[colour], "weight": weight}
        self.figure.add_annotation(text=text, font=font, **({"showarrow": False} | where))

    def add_markers(
        self, role: str, *, x: Sequence[float], y: Sequence[float], hover: Sequence[str]
    ) -> None:
        """Draw a marker of `role` at every x and y; `hover` is escaped already."""
        look = MARKERS[role]
        self.figure.add_scatter(
            x=x,
            y=y,
            mode="markers",
            marker={
                "symbol": look["symbol"],
                "size": look["size"] * (0.75 if self.is_narrow else 1),
                "color": COLOURS[look["fill"]],
                "line": {"color": COLOURS[look["edge"]], "width": 1},
                "opacity": 1,
            },
            hoverinfo="text",
            hovertext=hover,
        )

    def write_box(
        self, text: str, *, x: float, y: float, box: Box, has_line: bool = False, **look: Any
    ) -> None:
        """Write `text`, already escaped, in a box beside the point x, y."""
        paper = {"bgcolor": "rgba(255,255,255,0.75)", "borderpad": 1}
        anchor = {"x": x, "y": y, "xref": "x", "yref": "y", "xanchor": "center"}
        if has_line:
            shift = {"showarrow": True, "ax": box.dx, "ay": box.dy, "arrowhead": 0}
            shift |= {"arrowwidth": 1, "arrowcolor": COLOURS[look["colour"]]}
        else:
            shift = {"xshift": box.dx, "yshift": -box.dy}
        self.write(text, **anchor, yanchor="middle", **shift, **paper, **look)

    def draw_axis(
        self,
        axis: str,
        title: str,
        span: tuple[float, float],
        ticks: Mapping[float, str],
        *,
        gap: float,
    ) -> None:
        """Draw the "x" or "y" axis over `span`; `gap` px part its title from the tick labels."""
        self.figure.update_layout(
            {
                f"{axis}axis": {
                    "range": list(span),
                    "tickvals": list(ticks),
                    "ticktext": list(ticks.values()),
                    "tickfont": {"color": COLOURS["muted"]},
                    "title": {
                        "text": title,
                        "standoff": gap,
                        "font": {"size": self.font_size, "color": COLOURS["text"]},
                    },
                    "showgrid": True,
                    "gridcolor": COLOURS["line"],
                    "gridwidth": 1,
                    "zeroline": False,
                    "showline": False,
                    "ticks": "",
                    "automargin": False,
                    "fixedrange": True,
                }
            }
        )

    def add_line(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Draw a dashed line of reference from one point to another."""
        line = {"color": COLOURS["muted"], "width": 1.5, "dash": "dash"}
        self._add_shape("line", x, y, line=line, layer="between")

    def add_area(self, x: tuple[float, float], y: tuple[float, float]) -> None:
        """Tint a rectangle under everything else."""
        tint = {"fillcolor": COLOURS["tint"], "line": {"width": 0}}
        self._add_shape("rect", x, y, **tint, layer="below")

    def add_intervals(self, role: str, intervals: Sequence[tuple[float, float, float]]) -> None:
        """Draw a bar from low to high at each height, given as (low, high, y)."""
        self.figure.add_scatter(
            x=[value for low, high, _ in intervals for value in (low, high, None)],
            y=[value for _, _, y in intervals for value in (y, y, None)],
            mode="lines",
            line={"color": COLOURS[role], "width": 5 if role == "chosen" else 3},
            hoverinfo="skip",
        )

    def _add_shape(
        self, kind: str, x: tuple[float, float], y: tuple[float, float], **look: Any
    ) -> None:
        ends = {"x0": x[0], "x1": x[1], "y0": y[0], "y1": y[1], "xref": "x", "yref": "y"}
        self.figure.add_shape(type=kind, **ends, **look)

    def _write_title(self, title: str) -> int:
        size = 19 if self.is_narrow else 26
        lines = wrapped(title, size, self._room, bold=True)
        self.figure.update_layout(
            title={
                "text": "<br>".join(map(escaped, lines)),
                "font": {"size": size, "weight": 700},
                "xref": "container",
                "yref": "container",
                "x": 0,
                "y": 1,
                "xanchor": "left",
                "yanchor": "top",
                "pad": {"l": PAD, "t": PAD},
            }
        )
        return PAD + round(len(lines) * size * LINE_HEIGHT)

    def _write_key(self, subject: str, key: Sequence[tuple[str, str]], above: float) -> float:
        items = [(line, "text") for line in wrapped(subject, self.font_size, self._room, bold=True)]
        for role, meaning in key:
            text = shortened(f"{GLYPHS[role]} {meaning}", self._room, self.font_size)
            items.append((text, role))
        widths = [text_width(text, self.font_size, bold=role == "text") for text, role in items]
        spots, n_row = _flow(widths, room=self._room, gap=20)
        row_px = self.font_size * 1.7
        for (text, role), (left, row) in zip(items, spots, strict=True):
            up = above + (n_row - 1 - row) * row_px
            weight = 700 if role == "text" else 400
            self._write_above(escaped(text), left, up, colour=role, weight=weight)
        return n_row * row_px

    def _write_marks(self, marks: Sequence[str], above: float) -> float:
        if not marks:
            return 0
        size, pad = (14, 5) if self.is_narrow else (20, 7)
        # A mark is not broken; the dots between marks are where a line may end.
        text = " · ".join(mark.replace(" ", "\u00a0") for mark in marks)
        lines = wrapped(text, size, self._room - 2 * pad, bold=True)
        look = {"colour": "paper", "size": size, "weight": 700, "align": "left"}
        box = {"bgcolor": COLOURS["text"], "borderpad": pad}
        shown = "<br>".join(escaped(line.strip(" ·")) for line in lines).replace("\u00a0", " ")
        self._write_above(shown, 0, above + 6, **look, **box)
        return len(lines) * size * LINE_HEIGHT + 2 * pad + 16

    def _write_above(self, text: str, left: float, up: float, **look: Any) -> None:
        place = {"x": 0, "y": 1, "xref": "paper", "yref": "paper"}
        anchor = {"xanchor": "left", "yanchor": "bottom"}
        self.write(text, xshift=self._to_edge + left, yshift=up, **place, **anchor, **look)

    def _write_caption(self, caption: Sequence[str], below: float) -> int:
        size = 11 if self.is_narrow else 12
        lines = [part for line in caption for part in wrapped(line, size, self._room)]
        place = {"x": 0, "y": 0, "xref": "paper", "yref": "paper"}
        anchor = {"xanchor": "left", "yanchor": "top", "align": "left"}
        text = "<br>".join(map(escaped, lines))
        shift = {"xshift": self._to_edge, "yshift": -below}
        self.write(text, name="caption", size=size, colour="muted", **place, **anchor, **shift)
        return round(len(lines) * size * LINE_HEIGHT) + PAD


def _flow(
    widths: Sequence[float], *, room: float, gap: float
) -> tuple[list[tuple[float, int]], int]:
    """Return left edge and row of items set side by side in rows, and the number of rows."""
    spots: list[tuple[float, int]] = []
    left, row = 0.0, 0
    for width in widths:
        if left and left + width > room:
            left, row = 0.0, row + 1
        spots.append((left, row))
        left += width + gap
    return spots, row + 1 if spots else 0
