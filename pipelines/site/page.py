"""One page of the site: the frame that all of them share, and its look."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipelines.wording import CREDIT, MARKS, swedish

ASSETS = "assets"
NAVIGATION = (  # what is found from every page
    ("index.html", "Översikt"),
    ("whole.html", "Hela kommunen"),
    ("municipalities.html", "Kommuner"),
    ("matrix.html", "Vad kan bedömas"),
    ("method.html", "Så räknas det"),
    ("revisions.html", "Ändrade uppgifter"),
    ("downloads.html", "Hämta data"),
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page says of the release it belongs to."""

    municipality: str  # the code of the one in focus
    municipality_title: str
    as_of: datetime
    marks: tuple[str, ...]


def page(
    template: str, path: str, frame: Frame, *, title: str, has_chart: bool = False, **content: Any
) -> bytes:
    """Render the page that will stand at `path` in the release.

    Parameters
    ----------
    template : str
        The name of its template.
    path : str
        Where it stands, such as `municipality/1489.html`; links are made relative to it, so that
        the site works from a folder as well as from any address of a server.
    frame : Frame
        What it says of the release.
    title : str
        Its heading and the window's title.
    has_chart : bool
        Whether it draws a chart, which alone needs plotly's script.
    **content
        What its template asks for.
    """
    text = (
        _environment()
        .get_template(template)
        .render(
            root="../" * path.count("/"),
            here=path,
            frame=frame,
            title=title,
            has_chart=has_chart,
            navigation=NAVIGATION,
            marks=[(mark, MARKS.get(mark, "")) for mark in frame.marks],
            credit=CREDIT,
            **content,
        )
    )
    return text.encode("utf-8")


def assets() -> Mapping[str, bytes]:
    """The files that pages share, by their path in the release."""
    folder = files("pipelines.site").joinpath(ASSETS)
    return {
        f"{ASSETS}/{file.name}": file.read_bytes()
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.is_file()
    }


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipelines.site"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["swedish"] = swedish
    return environment
