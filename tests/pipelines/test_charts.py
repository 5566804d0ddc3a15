import html
import random
from dataclasses import replace

import polars as pl
import pytest

from pipelines.charts import Caption, quadrant, ranking
from pipelines.sheet import COLOURS, MARKERS, NARROW, WIDE

MARKS = ("SIMULERADE DATA", "PRELIMINÄRT", "FÖRSLAG")
CAPTION = Caption("Grundskola", 2025, "2026-11-23", "RKA, version 1", 287, 3, MARKS)


def municipalities(*, chosen=(70.0, 80.0), title="Alingsås", n_other=30):
    """Return a quadrant's frame: one chosen, four peers of which one lacks data, and others."""
    rnd = random.Random(1)
    peers = [("Öckerö", 40, 50), ("Lerum", 50, 60), ("Mark", 60, 70), ("Ale", None, 55)]
    rows = [("1489", title, "chosen", *chosen)]
    rows += [(f"00{i:02d}", name, "peer", x, y) for i, (name, x, y) in enumerate(peers)]
    rows += [
        (f"20{i:02d}", f"Kommun {i}", "other", rnd.uniform(0, 100), rnd.uniform(0, 100))
        for i in range(n_other)
    ]
    columns = ["municipality", "municipality_title", "role", "resource_index", "quality_index"]
    return pl.DataFrame(rows, schema=columns, orient="row", strict=False)


def places(*, title="Alingsås"):
    """Return a ranking's frame: two with place, one without interval, one without rank."""
    return pl.DataFrame(
        {
            "municipality": ["1489", "1441", "1463", "1407"],
            "municipality_title": [title, "Lerum", "Mark", "Öckerö"],
            "role": ["chosen", "peer", "peer", "peer"],
            "efficiency_score": [70.0, 75.0, 60.0, None],
            "efficiency_rank": [45, 12, 133, None],
            "n_ranked": [287] * 4,
            "rank_low": [30, 4, None, None],
            "rank_high": [62, 25, None, None],
            "status": ["ranked", "ranked", "ranked", "missing_quality"],
        }
    )


def shown(figure):
    """Return all text a reader of the figure sees."""
    layout = figure.layout
    texts = [layout.title.text, layout.xaxis.title.text, layout.yaxis.title.text]
    texts += [note.text for note in layout.annotations]
    texts += [text for trace in figure.data for text in trace.hovertext or ()]
    return html.unescape(" ".join(text.replace("<br>", " ") for text in texts))


BOTH = pytest.mark.parametrize(
    "figure",
    [quadrant(municipalities(), caption=CAPTION), ranking(places(), caption=CAPTION)],
    ids=["quadrant", "ranking"],
)


@BOTH
def test_every_figure_carries_its_caption_and_marks(figure):
    text = shown(figure)

    assert "Egen bearbetning av data från Kolada" in text
    assert "källa: kolada" not in text.casefold()
    assert "Så får diagrammet inte läsas" in text
    for said in ("Grundskola 2025", "2026-11-23", "RKA, version 1", *MARKS):
        assert said in text


@BOTH
def test_marks_are_large(figure):
    [band] = [note for note in figure.layout.annotations if note.bgcolor == COLOURS["text"]]

    assert band.text == "SIMULERADE DATA · PRELIMINÄRT · FÖRSLAG"
    assert band.font.size >= 18


@BOTH
def test_only_line_breaks_are_tags(figure):
    texts = [figure.layout.title.text, *(note.text for note in figure.layout.annotations)]

    assert not any("<" in text.replace("<br>", "") for text in texts)


@pytest.mark.parametrize("draw", [quadrant, ranking])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_name_with_markup_is_text(draw, size):
    evil = '<script>alert(1)</script><a href="https://x.example">'
    frame = municipalities(title=evil) if draw is quadrant else places(title=evil)

    figure = draw(frame, caption=CAPTION, size=size)

    assert "<script" not in figure.to_json().replace("<br>", "").partition('"meta"')[0]
    assert "&lt;script&gt;" in figure.layout.title.text


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_a_long_name_of_an_area_is_not_cut(size):
    area = "Individ- och familjeomsorg samt arbetsmarknadsåtgärder för unga vuxna"

    figure = ranking(places(), caption=replace(CAPTION, area=area), size=size)

    bold = [note.text for note in figure.layout.annotations if note.font.weight == 700]
    assert f"{area} 2025" in " ".join(bold)


def test_a_name_cannot_fill_in_plotlys_templates():
    figure = quadrant(municipalities(title="%{meta.summary}"), caption=CAPTION)

    assert "%{" not in figure.layout.title.text
    assert "%{meta.summary}" in shown(figure)


def test_roles_differ_in_shape_and_not_only_in_colour():
    figure = quadrant(municipalities(), caption=CAPTION)

    assert len({trace.marker.symbol for trace in figure.data}) == 3


def test_only_the_chosen_and_its_peers_are_named_beside_their_markers():
    figure = quadrant(municipalities(), caption=CAPTION)

    beside = {note.text for note in figure.layout.annotations if note.xref == "x"}
    assert {"Alingsås", "Lerum", "Mark", "Öckerö"} <= beside
    assert not any(text.startswith("Kommun ") for text in beside)


def test_crosshair_stands_at_the_peers_median_and_says_it():
    figure = quadrant(municipalities(), caption=CAPTION)

    upright, level = (shape for shape in figure.layout.shapes if shape.type == "line")
    assert (upright.x0, upright.x1) == (50, 50)
    assert (level.y0, level.y1) == (60, 60)
    assert "jämförbara kommuners median 50,0" in shown(figure)
    assert "jämförbara kommuners median 60,0" in shown(figure)


@pytest.mark.parametrize("quality", ["Hög", "Låg"])
@pytest.mark.parametrize("cost", ["hög", "låg"])
def test_corners_are_named_in_words(quality, cost):
    figure = quadrant(municipalities(), caption=CAPTION)

    [corner] = [
        note
        for note in figure.layout.annotations
        if note.text == f"{quality} kvalitet till {cost} kostnad"
    ]
    assert (corner.x, corner.y) == (int(cost == "låg"), int(quality == "Hög"))


def test_a_chosen_one_without_data_is_said_and_not_drawn():
    figure = quadrant(municipalities(chosen=(None, 80.0)), caption=CAPTION)

    assert figure.layout.title.text == "Alingsås kan inte placeras: uppgift saknas"
    assert not list(figure.data[-1].x)


def test_a_peer_without_data_is_named_in_the_caption():
    text = shown(quadrant(municipalities(), caption=CAPTION))

    assert "Jämförbara kommuner som saknar uppgift och inte visas: Ale." in text


def test_no_municipality_with_data_is_left_out():
    frame = municipalities()

    figure = quadrant(frame, caption=CAPTION)

    drawn = sorted((x, y) for trace in figure.data for x, y in zip(trace.x, trace.y, strict=True))
    complete = frame.drop_nulls(["resource_index", "quality_index"])
    assert drawn == sorted(complete.select("resource_index", "quality_index").rows())


def test_a_chart_without_any_peer_is_drawn():
    frame = municipalities().filter(pl.col("role") != "peer")

    figure = quadrant(frame, caption=CAPTION)

    assert "kan inte jämföras" in figure.layout.title.text
    assert not figure.layout.shapes


def test_order_of_the_rows_does_not_matter():
    frame = municipalities()

    assert quadrant(frame, caption=CAPTION) == quadrant(frame.reverse(), caption=CAPTION)


def test_a_place_without_interval_has_no_dot():
    figure = ranking(places(), caption=CAPTION)

    markers = [trace for trace in figure.data if trace.mode == "markers"]
    assert sorted(x for trace in markers for x in trace.x) == [12, 45]
    assert "133" not in shown(figure)
    assert "intervall kan inte beräknas" in shown(figure)


def test_a_row_without_a_rank_is_listed_with_its_reason():
    text = shown(ranking(places(), caption=CAPTION))

    assert "Öckerö" in text
    assert "saknar uppgift om kvalitet" in text


def test_every_dot_has_its_interval_at_the_same_height():
    figure = ranking(places(), caption=CAPTION)

    lines = {
        (trace.y[i], trace.x[i], trace.x[i + 1])
        for trace in figure.data
        if trace.mode == "lines"
        for i in range(0, len(trace.x), 3)
    }
    assert lines == {(0, 4, 25), (1, 30, 62)}
    assert "plats 45 (30–62)" in shown(figure)


def test_axis_goes_from_the_first_place_to_the_last():
    figure = ranking(places(), caption=CAPTION)

    assert figure.layout.xaxis.tickvals[0] == 1
    assert figure.layout.xaxis.tickvals[-1] == 287


def test_the_whole_country_is_not_a_ranking_to_read():
    frame = pl.concat([places()] * 4)

    with pytest.raises(ValueError, match="this frame has 16"):
        ranking(frame, caption=CAPTION)


def test_a_figure_too_small_to_read_is_refused():
    with pytest.raises(ValueError, match="Make it larger"):
        quadrant(municipalities(), caption=CAPTION, size=(360, 500))


def luminance(colour):
    # WCAG 2.2, definition of relative luminance.
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("role", ["chosen", "peer", "other", "interval", "text", "muted"])
@pytest.mark.parametrize("ground", ["paper", "tint"])
def test_text_can_be_read_by_weak_eyes(role, ground):
    dark, light = luminance(COLOURS[role]), luminance(COLOURS[ground])

    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_markers_differ_in_a_grey_print():
    chosen, peer, other = (
        luminance(COLOURS[MARKERS[role]["fill"]]) for role in ("chosen", "peer", "other")
    )

    assert (peer + 0.05) / (chosen + 0.05) > 1.5
    assert (other + 0.05) / (peer + 0.05) > 1.5
