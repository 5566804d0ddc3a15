"""A chart in a page: drawn by plotly where scripts run, an image where they do not and on paper."""

from dataclasses import dataclass

import plotly.graph_objects as go
from markupsafe import Markup

from pipelines.publish.image import plain
from pipelines.publish.page import chart_data
from pipelines.wording import Table


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart with all that a page says of it."""

    title: str
    summary: str
    caption: tuple[str, ...]
    table: Table
    path: str  # of its files in the release, without their ending
    data: Markup  # what plotly draws, wide and narrow


def picture(path: str, wide: go.Figure, narrow: go.Figure) -> Picture:
    """Take a chart's two figures apart into what a page needs."""
    meta = wide.layout.meta
    return Picture(
        title=plain(wide.layout.title.text),
        summary=meta["summary"],
        caption=tuple(meta["caption"]),
        table=meta["table"],
        path=path,
        data=chart_data(wide, narrow),
    )
