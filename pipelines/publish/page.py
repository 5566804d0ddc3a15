"""A figure as one page of HTML that needs nothing else: no network, no server, no second file."""

import base64
import hashlib
from functools import cache
from typing import Any

import plotly.graph_objects as go
from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from plotly.io.json import to_json_plotly
from plotly.offline import get_plotlyjs

from pipelines.publish.image import plain, svg
from pipelines.sheet import NARROW_BELOW

# Without the mode bar plotly offers no upload to its cloud, and nothing in English.
_CONFIG = {"displayModeBar": False, "showSendToCloud": False, "responsive": True}
_START = """
const charts = JSON.parse(document.getElementById("charts").textContent);
const phone = window.matchMedia("(max-width: BELOWpx)");
function draw() {
  const chart = phone.matches && charts.narrow || charts.wide;
  Plotly.react("chart", chart.data, chart.layout, charts.config);
}
document.documentElement.classList.add("live");
draw();
phone.addEventListener("change", draw);
""".replace("BELOW", str(NARROW_BELOW - 1))


def chart_page(figure: go.Figure, *, narrow: go.Figure | None = None) -> str:
    """Return a page with the figure, its text, its numbers as a table and its caption.

    All but the figure itself is taken from its `layout.meta`, which every figure of
    `pipelines.charts` has. `narrow` is the same chart drawn for a phone; without it a phone
    shows the wide one, to be moved sideways. On paper, and where scripts are not run, the page
    shows the figure as an image.

    Raises
    ------
    ValueError
        If the figure does not carry its own caption, summary and table.
    """
    meta = figure.layout.meta or {}
    missing = [name for name in ("summary", "caption", "table") if not meta.get(name)]
    if missing:
        raise ValueError(
            f"The figure carries no {', '.join(missing)} in layout.meta, and no chart leaves "
            "without. Make it with pipelines.charts."
        )
    scripts = [plotly_js(), _START]
    return _template().render(
        title=plain(figure.layout.title.text),
        summary=meta["summary"],
        caption=meta["caption"],
        table=meta["table"],
        has_narrow=narrow is not None,
        narrow_below=NARROW_BELOW,
        image=base64.b64encode(svg(_without_its_text(figure))).decode("ascii"),
        charts=chart_data(figure, narrow),
        scripts=[Markup(script) for script in scripts],
        hashes=[_hash(script) for script in scripts],
    )


def chart_data(wide: go.Figure, narrow: go.Figure | None) -> Markup:
    """Return what plotly draws of a chart, as JSON for a page that says its title and caption."""
    return _json(
        {
            "config": _CONFIG,
            "wide": _for_screen(_without_its_text(wide)),
            "narrow": None if narrow is None else _for_screen(_without_its_text(narrow)),
        }
    )


def _without_its_text(figure: go.Figure) -> go.Figure:
    """Return a copy without title and caption, which the page says itself."""
    bare = go.Figure(figure)
    layout, meta = bare.layout, figure.layout.meta
    layout.annotations = [note for note in layout.annotations if note.name != "caption"]
    layout.title = None
    layout.meta = None
    layout.margin.t -= meta["title_px"]
    layout.margin.b -= meta["caption_px"]
    layout.height -= meta["title_px"] + meta["caption_px"]
    return bare


def _for_screen(figure: go.Figure) -> dict[str, Any]:
    """Return what plotly.js draws, as wide as the page."""
    chart = figure.to_plotly_json()
    chart["layout"] = {k: v for k, v in chart["layout"].items() if k != "width"}
    chart["layout"]["autosize"] = True
    return chart


def _json(charts: dict[str, Any]) -> Markup:
    """Return JSON that cannot end the element it stands in."""
    text = to_json_plotly(charts, engine="json")
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _hash(script: str) -> Markup:
    """Return the source expression that lets this script run, and no other."""
    digest = hashlib.sha256(script.encode("utf-8")).digest()
    return Markup(f"'sha256-{base64.b64encode(digest).decode('ascii')}'")


@cache
def plotly_js() -> str:
    """Return plotly's script, as it is installed."""
    return get_plotlyjs()


@cache
def _template() -> Template:
    environment = Environment(
        loader=PackageLoader("pipelines.publish"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("chart.html.j2")
