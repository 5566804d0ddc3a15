"""A figure as SVG or PNG without a browser: its own parts are drawn with matplotlib.

Only what is known here is drawn. A figure that holds anything else, be it one attribute, is
refused as a whole, so that an image never says less than the figure.
"""

import html
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.style
import plotly.graph_objects as go
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

DEFAULT_SIZE = (1200, 750)  # px
PNG_SCALE = 2  # image px per px, for projectors and print
PX_PER_INCH = 96  # as in CSS
PT = 72 / PX_PER_INCH  # matplotlib measures lines and letters in points

LINE_HEIGHT = 1.3  # plotly's, of the font size
_STYLE = {"svg.fonttype": "none", "svg.hashsalt": "effektiv", "font.family": "DejaVu Sans"}
# Plotly's diamond reaches 1.3 radii from its centre; matplotlib's is a square of that side.
_SYMBOLS = {"circle": ("o", 1.0), "square": ("s", 1.0), "diamond": ("D", 1.3 / math.sqrt(2))}
_DASHES = {"solid": "solid", "dash": (0, (6, 6)), "dot": (0, (2, 2))}  # of the line's width
_DEPTHS = {"below": 1, "between": 3, "above": 5}  # the grid has 2, traces 4, text 6
_ALIGN = {"left": 0.0, "center": 0.5, "right": 1.0, "top": 0.0, "middle": 0.5, "bottom": 1.0}

_FONT = {"family", "size", "color", "weight"}
_LINE = {"color", "width", "dash"}
_KNOWN = {
    "layout": {
        "template", "width", "height", "margin", "paper_bgcolor", "plot_bgcolor", "font", "title",
        "xaxis", "yaxis", "shapes", "annotations", "showlegend", "meta", "separators",
        "dragmode", "hovermode",
    },
    "margin": {"l", "r", "t", "b"},
    "font": _FONT,
    "title": {"text", "font", "xref", "yref", "x", "y", "xanchor", "yanchor", "pad"},
    "axis": {
        "range", "tickvals", "ticktext", "tickfont", "title", "showgrid", "gridcolor", "gridwidth",
        "zeroline", "showline", "ticks", "automargin", "fixedrange",
    },
    "axis title": {"text", "font", "standoff"},
    "trace": {"type", "mode", "x", "y", "marker", "line", "hoverinfo", "hovertext", "name"},
    "marker": {"symbol", "size", "color", "opacity", "line"},
    "line": _LINE,
    "shape": {"type", "x0", "x1", "y0", "y1", "xref", "yref", "line", "fillcolor", "layer"},
    "annotation": {
        "text", "name", "x", "y", "xref", "yref", "xanchor", "yanchor", "xshift", "yshift", "align",
        "font", "bgcolor", "borderpad", "showarrow", "ax", "ay", "arrowhead", "arrowwidth",
        "arrowcolor",
    },
}  # fmt: skip
# What must have one value for the drawing to be true, as plotly would do something else.
_FIXED = {
    "layout": {"showlegend": False},
    "title": {"xref": "container", "yref": "container", "x": 0, "y": 1, "xanchor": "left",
              "yanchor": "top"},
    "axis": {"zeroline": False, "showline": False, "ticks": "", "automargin": False},
    "trace": {"type": "scatter"},
}  # fmt: skip


class UnsupportedFigureError(ValueError):
    """The figure holds something that cannot be drawn without a browser."""


def svg(figure: go.Figure) -> bytes:
    """Return the figure as SVG; its text stays text, and the same figure gives the same bytes."""
    metadata = {"Language": "sv", "Creator": "effektiv", "Date": None}
    return _drawn(figure, "svg", metadata, dpi=72)


def png(figure: go.Figure) -> bytes:
    """Return the figure as PNG, twice its size in px, with its text as metadata."""
    return _drawn(figure, "png", {"Software": None}, dpi=PNG_SCALE * PX_PER_INCH)


def plain(text: str | None) -> str:
    """Return a plotly text in one line, as a reader sees it."""
    return " ".join(_lines(text or ""))


def _drawn(figure: go.Figure, kind: str, metadata: dict[str, Any], *, dpi: float) -> bytes:
    given = figure.to_plotly_json()
    texts = {
        "Title": plain(figure.layout.title.text),
        "Description": " ".join(plain(note.text) for note in figure.layout.annotations),
    }
    # Someone's own matplotlibrc must not change a published image.
    with mpl.style.context(["default", _STYLE]):
        canvas = _Canvas(given["layout"])
        canvas.draw(given["data"])
        body = io.BytesIO()
        canvas.paper.savefig(body, format=kind, dpi=dpi, metadata=texts | metadata)
    return body.getvalue()


def _lines(text: str) -> list[str]:
    """Return the lines of a plotly text as a reader sees them."""
    lines = text.split("<br>")
    if any("<" in line for line in lines):
        raise UnsupportedFigureError(
            f"The text {text[:60]!r} holds a tag other than <br>, which an image cannot show. "
            "Escape it or use the font's own attributes."
        )
    return [html.unescape(line) for line in lines]


def _checked(
    given: Mapping[str, Any], what: str, *, needs: Sequence[str] = ()
) -> Mapping[str, Any]:
    """Return the attributes as given, or refuse the unknown, the different and the missing."""
    unknown = sorted(given.keys() - _KNOWN[what])
    different = [name for name, value in _FIXED.get(what, {}).items() if given.get(name) != value]
    missing = [name for name in needs if given.get(name) is None]
    for names, problem in (
        ([f"{name}={given.get(name)!r}" for name in different], "is not as an image shows it"),
        (unknown, "holds what an image cannot show"),
        (missing, "leaves to plotly what an image must know"),
    ):
        if names:
            raise UnsupportedFigureError(
                f"A {what} of the figure {problem}: {', '.join(names[:5])}. Draw it otherwise, or "
                "teach pipelines.publish.image to draw it."
            )
    return given


def _one_of(given: Mapping[str, Any], name: str, choices: Mapping[str, Any], default: str) -> Any:
    value = given.get(name, default)
    if not isinstance(value, str) or value not in choices:
        raise UnsupportedFigureError(
            f"The figure has {name}={value!r}, and an image can show {', '.join(choices)}. Choose "
            "one of them."
        )
    return choices[value]


def _colour(name: str) -> Any:
    if not name.startswith("rgba("):
        return name
    *rgb, alpha = (float(part) for part in name[5:-1].split(","))
    return (*(part / 255 for part in rgb), alpha)


@dataclass(frozen=True, slots=True)
class _Axis:
    """From data and from shares of the plot to px of the paper."""

    start: float
    end: float
    low: float
    high: float

    def px(self, value: float, ref: str) -> float:
        share = value if ref == "paper" else (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


class _Canvas:
    """A paper whose coordinates are the figure's px, from its upper left corner."""

    def __init__(self, layout: Mapping[str, Any]) -> None:
        self.layout = _checked(layout, "layout", needs=("font", "margin", "xaxis", "yaxis"))
        if layout.get("template") != go.Figure(layout={"template": "none"}).to_plotly_json()[
            "layout"
        ].get("template"):
            raise UnsupportedFigureError(
                "The figure has a template, whose looks an image does not know. Make it with "
                'template="none" and say the looks in the figure.'
            )
        self.font = _checked(layout["font"], "font", needs=("size", "color"))
        width, height = (
            layout.get(side, size)
            for side, size in zip(("width", "height"), DEFAULT_SIZE, strict=True)
        )
        margin = _checked(layout["margin"], "margin", needs=("l", "r", "t", "b"))
        self.x_axis = _checked(layout["xaxis"], "axis", needs=("range", "tickvals", "ticktext"))
        self.y_axis = _checked(layout["yaxis"], "axis", needs=("range", "tickvals", "ticktext"))
        self.x = _Axis(margin["l"], width - margin["r"], *self.x_axis["range"])
        self.y = _Axis(height - margin["b"], margin["t"], *self.y_axis["range"])

        paper = _colour(layout.get("paper_bgcolor", "#FFFFFF"))
        size = (width / PX_PER_INCH, height / PX_PER_INCH)
        self.paper = Figure(figsize=size, dpi=PX_PER_INCH, facecolor=paper)
        self.axes = self.paper.add_axes((0, 0, 1, 1))
        self.axes.set_xlim(0, width)
        self.axes.set_ylim(height, 0)
        self.axes.axis("off")
        self.renderer = FigureCanvasAgg(self.paper).get_renderer()

    def draw(self, traces: Sequence[Mapping[str, Any]]) -> None:
        plot = _colour(self.layout.get("plot_bgcolor", "#FFFFFF"))
        self._rectangle(self.x.start, self.y.end, self.x.end, self.y.start, plot, depth=0)
        self._draw_x_axis()
        self._draw_y_axis()
        for shape in self.layout.get("shapes", ()):
            self._draw_shape(_checked(shape, "shape", needs=("type", "x0", "x1", "y0", "y1")))
        for trace in traces:
            self._draw_trace(_checked(trace, "trace", needs=("mode", "x", "y")))
        for note in self.layout.get("annotations", ()):
            needs = ("text", "x", "y", "xref", "yref", "xanchor", "yanchor")
            self._draw_annotation(_checked(note, "annotation", needs=needs))
        self._draw_title(_checked(self.layout.get("title", _FIXED["title"]), "title"))

    def _draw_title(self, title: Mapping[str, Any]) -> None:
        pad = {"l": 0, "t": 0} | title.get("pad", {})
        font = self._font(title.get("font", {}), grown=1.4)
        for i, line in enumerate(_lines(title.get("text", ""))):
            y = pad["t"] + (0.7 + i * LINE_HEIGHT) * font["size"]
            self._text(pad["l"], y, line, font, "left")

    def _draw_x_axis(self) -> None:
        axis, font = self.x_axis, self._font(self.x_axis.get("tickfont", {}))
        for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
            x = self.x.px(value, "x")
            self._grid(axis, (x, x), (self.y.start, self.y.end))
            self._text(x, self.y.start + 1.1 * font["size"], "".join(_lines(text)), font, "center")
        title = _checked(axis.get("title", {}), "axis title")
        look = self._font(title.get("font", {}), grown=1.2)
        below = LINE_HEIGHT * font["size"] + title.get("standoff", 0) + 0.8 * look["size"]
        middle = (self.x.start + self.x.end) / 2
        text = "".join(_lines(title.get("text", "")))
        self._text(middle, self.y.start + below, text, look, "center")

    def _draw_y_axis(self) -> None:
        axis, font = self.y_axis, self._font(self.y_axis.get("tickfont", {}))
        room = 0.0
        for value, text in zip(axis["tickvals"], axis["ticktext"], strict=True):
            y = self.y.px(value, "y")
            self._grid(axis, (self.x.start, self.x.end), (y, y))
            line = "".join(_lines(text))
            self._text(self.x.start - 3, y + 0.35 * font["size"], line, font, "right")
            room = max(room, self._width(line, font))
        title = _checked(axis.get("title", {}), "axis title")
        look = self._font(title.get("font", {}), grown=1.2)
        x = self.x.start - 3 - room - title.get("standoff", 0) - 0.2 * look["size"]
        middle = (self.y.start + self.y.end) / 2
        text = "".join(_lines(title.get("text", "")))
        self._text(x, middle, text, look, "center", rotation=90)

    def _draw_shape(self, shape: Mapping[str, Any]) -> None:
        x = [self.x.px(shape[end], shape.get("xref", "x")) for end in ("x0", "x1")]
        y = [self.y.px(shape[end], shape.get("yref", "y")) for end in ("y0", "y1")]
        depth = _one_of(shape, "layer", _DEPTHS, "above")
        kind = _one_of(shape, "type", {"line": "line", "rect": "rect"}, "")
        line = _checked(shape.get("line", {}), "line", needs=("width",))
        if kind == "rect":
            if line["width"] or "fillcolor" not in shape:
                raise UnsupportedFigureError(
                    "The figure has a rectangle with an edge or without a filling, which an image "
                    "cannot show. Give it fillcolor and line.width=0."
                )
            self._rectangle(x[0], y[0], x[1], y[1], _colour(shape["fillcolor"]), depth=depth)
        else:
            self._line(x, y, line, depth=depth)

    def _draw_trace(self, trace: Mapping[str, Any]) -> None:
        mode = _one_of(trace, "mode", {"lines": "lines", "markers": "markers"}, "")
        try:
            x, y = (
                [
                    math.nan if value is None else axis.px(float(value), name)
                    for value in trace[name]
                ]
                for name, axis in (("x", self.x), ("y", self.y))
            )
        except (TypeError, ValueError) as error:
            raise UnsupportedFigureError(
                "The figure has a trace over something else than numbers, which an image cannot "
                "show. Give numbers, and their names as ticktext."
            ) from error
        if mode == "lines":
            self._line(x, y, _checked(trace.get("line", {}), "line", needs=("color", "width")))
            return
        marker = _checked(trace.get("marker", {}), "marker", needs=("size", "color"))
        edge = _checked(marker.get("line", {"width": 0, "color": marker["color"]}), "line")
        symbol, scale = _one_of(marker, "symbol", _SYMBOLS, "circle")
        if not isinstance(marker["size"], int | float) or not isinstance(marker["color"], str):
            raise UnsupportedFigureError(
                "The figure has markers of many sizes or colours in one trace, which an image "
                "cannot show. Make a trace of each."
            )
        self.axes.plot(
            x,
            y,
            linestyle="none",
            marker=symbol,
            markersize=marker["size"] * scale * PT,
            markerfacecolor=_colour(marker["color"]),
            markeredgecolor=_colour(edge["color"]),
            markeredgewidth=edge["width"] * PT,
            alpha=marker.get("opacity", 1),
            zorder=4,
            clip_on=False,
        )

    def _draw_annotation(self, note: Mapping[str, Any]) -> None:
        lines, font = _lines(note["text"]), self._font(note.get("font", {}))
        x, y = self.x.px(note["x"], note["xref"]), self.y.px(note["y"], note["yref"])
        pad = note.get("borderpad", 1)
        width = max(self._width(line, font) for line in lines) + 2 * pad
        height = len(lines) * LINE_HEIGHT * font["size"] + 2 * pad
        across, down = (_one_of(note, name, _ALIGN, "") for name in ("xanchor", "yanchor"))
        dx, dy = note.get("xshift", 0), -note.get("yshift", 0)
        if note.get("showarrow", True):
            dx, dy = note["ax"], note["ay"]
            self._draw_arrow(note, x, y, dx, dy, width, height)
        left, top = x + dx - across * width, y + dy - down * height
        if "bgcolor" in note:
            paper = _colour(note["bgcolor"])
            self._rectangle(left, top, left + width, top + height, paper, depth=6)
        # A single line hangs on its anchor, so that it stays there in another font.
        side = note["xanchor"] if len(lines) == 1 else note.get("align", "center")
        at = left + pad + _one_of({"align": side}, "align", _ALIGN, "") * (width - 2 * pad)
        for i, line in enumerate(lines):
            middle = top + pad + (i + 0.5) * LINE_HEIGHT * font["size"]
            self._text(at, middle + 0.35 * font["size"], line, font, side)

    def _draw_arrow(
        self, note: Mapping[str, Any], x: float, y: float, dx: float, dy: float, width: float,
        height: float,
    ) -> None:  # fmt: skip
        """Draw the line from a marker to the edge of the box that belongs to it."""
        _checked(note, "annotation", needs=("ax", "ay", "arrowcolor", "arrowwidth"))
        if note.get("arrowhead") != 0:
            raise UnsupportedFigureError(
                "The figure has an arrow with a head, which an image cannot show. Give it "
                "arrowhead=0."
            )
        inside = min(width / 2 / abs(dx) if dx else 1, height / 2 / abs(dy) if dy else 1, 1)
        share = 1 - inside
        look = {"color": note["arrowcolor"], "width": note["arrowwidth"]}
        self._line([x, x + share * dx], [y, y + share * dy], look, depth=5.5)

    def _font(self, given: Mapping[str, Any], *, grown: float = 1.0) -> dict[str, Any]:
        """Return the font with the figure's own where nothing is said; plotly enlarges titles."""
        inherited = dict(self.font) | {"size": grown * self.font["size"]}
        return inherited | dict(_checked(given, "font"))

    def _text(
        self, x: float, y: float, text: str, font: Mapping[str, Any], side: str, rotation: float = 0
    ) -> None:
        if not text:
            return
        self.axes.text(
            x,
            y,
            text,
            color=_colour(font["color"]),
            fontsize=font["size"] * PT,
            fontweight=font.get("weight", 400),
            ha=side,
            va="baseline",
            rotation=rotation,
            rotation_mode="anchor",
            parse_math=False,
            zorder=6,
        )

    def _width(self, text: str, font: Mapping[str, Any]) -> float:
        look = {"fontsize": font["size"] * PT, "fontweight": font.get("weight", 400)}
        probe = self.axes.text(0, 0, text, parse_math=False, **look)
        width = probe.get_window_extent(self.renderer).width
        probe.remove()
        return width

    def _grid(self, axis: Mapping[str, Any], x: Sequence[float], y: Sequence[float]) -> None:
        if axis.get("showgrid"):
            look = {"color": axis["gridcolor"], "width": axis.get("gridwidth", 1)}
            self._line(x, y, look, depth=2)

    def _line(
        self, x: Sequence[float], y: Sequence[float], look: Mapping[str, Any], *, depth: float = 4
    ) -> None:
        self.axes.plot(
            x,
            y,
            color=_colour(look["color"]),
            linewidth=look["width"] * PT,
            linestyle=_one_of(look, "dash", _DASHES, "solid"),
            solid_capstyle="butt",
            zorder=depth,
            clip_on=False,
        )

    def _rectangle(
        self, x0: float, y0: float, x1: float, y1: float, colour: Any, *, depth: float
    ) -> None:
        box = Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=colour, linewidth=0, zorder=depth)
        self.axes.add_patch(box)
