import io
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import plotly.graph_objects as go
import polars as pl
import pytest
from PIL import Image

from pipelines.charts import Caption, quadrant
from pipelines.publish.image import UnsupportedFigureError, png, svg

MARKS = ("SIMULERADE DATA", "PRELIMINÄRT")
CAPTION = Caption("Grundskola", 2025, "2026-11-23", "RKA, version 1", 287, 3, MARKS)


def chart(title="Alingsås", **options):
    frame = pl.DataFrame(
        {
            "municipality": ["1489", "1441", "1463", "1407"],
            "municipality_title": [title, "Lerum", "Mark", "Öckerö"],
            "role": ["chosen", "peer", "peer", "other"],
            "resource_index": [70.0, 40.0, 60.0, 55.0],
            "quality_index": [80.0, 50.0, 70.0, 35.0],
        }
    )
    return quadrant(frame, caption=CAPTION, **options)


def text_of(image):
    return [
        element.text for element in ET.fromstring(image).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_text_of_an_svg_is_found_by_a_search():
    image = svg(chart()).decode("utf-8")

    for said in ("SIMULERADE DATA", "Egen bearbetning av data från Kolada", "Lerum"):
        assert re.search(f"<text[^>]*>[^<]*{said}", image)


def test_marks_and_credit_are_in_the_metadata_of_a_png():
    with Image.open(io.BytesIO(png(chart()))) as image:
        text = image.text

    assert text["Title"].startswith("Alingsås: kvalitet över")
    assert "SIMULERADE DATA" in text["Description"]
    assert "Egen bearbetning av data från Kolada" in text["Description"]


@pytest.mark.parametrize("draw", [svg, png])
def test_the_same_figure_gives_the_same_bytes(draw):
    assert draw(chart()) == draw(chart())


def test_no_date_is_in_the_images():
    assert b"<dc:date>" not in svg(chart())
    assert b"Creation" not in png(chart())


@pytest.mark.parametrize("size", [(1200, 750), (360, 900)])
def test_images_have_the_size_of_the_figure(size):
    figure = chart(size=size)

    root = ET.fromstring(svg(figure))
    with Image.open(io.BytesIO(png(figure))) as image:
        assert image.size == (2 * size[0], 2 * size[1])
    points = [float(root.get(side).removesuffix("pt")) for side in ("width", "height")]
    assert points == [0.75 * side for side in size]


def test_every_text_of_the_figure_is_in_the_image():
    figure = chart()

    drawn = " ".join(filter(None, text_of(svg(figure))))
    wanted = [figure.layout.title.text, figure.layout.xaxis.title.text]
    wanted += [note.text for note in figure.layout.annotations]
    for text in wanted:
        for line in text.split("<br>"):
            assert line in drawn


def test_every_marker_of_the_figure_is_in_the_image():
    image = svg(chart()).decode("utf-8")

    assert len(re.findall(r"<use ", image)) == 4


def test_a_name_with_markup_is_shown_as_it_is():
    figure = chart("<b>Mark</b> & $x^2$ _{i}")

    assert any("<b>Mark</b> & $x^2$ _{i}" in (text or "") for text in text_of(svg(figure)))


def test_someones_own_matplotlib_settings_change_nothing():
    expected = svg(chart())
    with mpl.rc_context({"svg.fonttype": "path", "savefig.bbox": "tight", "font.size": 30}):
        assert svg(chart()) == expected


def changed(**attributes):
    figure = chart()
    figure.update_layout(attributes)
    return figure


def with_trace(trace):
    return chart().add_trace(trace)


@pytest.mark.parametrize(
    ("figure", "named"),
    [
        (with_trace(go.Bar(x=[1], y=[2])), "type='bar'"),
        (with_trace(go.Heatmap(z=[[1]])), "type='heatmap'"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="text", text=["a"])), "text"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="lines+markers")), "lines\\+markers"),
        (with_trace(go.Scatter(x=["a"], y=[2], mode="lines", line={"color": "#000", "width": 1})),
         "numbers"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="lines", fill="tozeroy")), "fill"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="lines")), "color, width"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="markers",
                               marker={"size": [3], "color": "#000"})), "many sizes"),
        (with_trace(go.Scatter(x=[1], y=[2], mode="markers",
                               marker={"size": 3, "color": "#000", "symbol": "star"})), "star"),
        (changed(xaxis_type="log"), "type"),
        (changed(xaxis_tickvals=None), "tickvals"),
        (changed(xaxis2={"overlaying": "x"}), "xaxis2"),
        (changed(showlegend=True), "showlegend"),
        (changed(template="plotly_white"), "template"),
        (changed(title_x=0.5), "x=0.5"),
        (chart().add_annotation(text="<i>a</i>", x=0, y=0, xref="x", yref="y", xanchor="left",
                                yanchor="top", showarrow=False), "tag"),
        (chart().add_annotation(text="a", x=0, y=0, showarrow=False), "xref"),
        (chart().add_shape(type="circle", x0=0, x1=1, y0=0, y1=1, line={"width": 1}), "circle"),
        (go.Figure(go.Scatter(x=[1], y=[2])), "layout"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("draw", [svg, png])
def test_what_cannot_be_drawn_is_refused_and_named(draw, figure, named):
    with pytest.raises(UnsupportedFigureError, match=named):
        draw(figure)
