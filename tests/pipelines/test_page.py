import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import plotly.graph_objects as go
import polars as pl
import pytest

from pipelines.charts import Caption, quadrant
from pipelines.publish.page import chart_page
from pipelines.sheet import NARROW

CAPTION = Caption("Grundskola", 2025, "2026-11-23", "RKA <1>", 4, 1, ("SIMULERADE DATA",))
EVIL = '</script><script>alert(1)</script><img src="https://x.example/a.png" onerror="alert(2)">'


class Parsed(HTMLParser):
    """Elements of a page with their attributes, and the text of each kind of element."""

    def __init__(self, page):
        super().__init__()
        self.elements = []
        self.text = {}
        self.open = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def chart(title="Alingsås", **options):
    frame = pl.DataFrame(
        {
            "municipality": ["1489", "1441", "1463", "1407", "1440"],
            "municipality_title": [title, "Lerum", "Mark", "Öckerö", "Ale"],
            "role": ["chosen", "peer", "peer", "other", "other"],
            "resource_index": [70.0, 40.0, 60.0, 55.0, None],
            "quality_index": [80.0, 50.0, 70.0, 35.0, 12.3],
        }
    )
    return quadrant(frame, caption=CAPTION, **options)


PAGE = chart_page(chart(), narrow=chart(size=NARROW))


def test_a_page_is_swedish_and_has_one_heading_that_is_its_title():
    page = Parsed(PAGE)

    assert page.all("html") == [{"lang": "sv"}]
    assert page.text["h1"] == page.text["title"]
    assert page.text["h1"][0].startswith("Alingsås: kvalitet över")


def test_a_page_asks_nobody_for_anything():
    page = Parsed(PAGE)

    asked = ("src", "href", "srcset", "poster", "action", "data", "background")
    addresses = [attrs[name] for _, attrs in page.elements for name in asked if attrs.get(name)]
    assert addresses
    assert all(address.startswith("data:") for address in addresses)
    assert not page.all("base") + page.all("iframe") + page.all("form")
    assert not re.search(r"url\(|@import", "".join(page.text["style"]))


def test_a_page_forbids_requests_and_scripts_that_are_not_its_own():
    page = Parsed(PAGE)

    [policy] = [meta["content"] for meta in page.all("meta") if "http-equiv" in meta]
    allowed = set(re.findall(r"'sha256-([^']+)'", policy))
    own = {
        base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
        for script in re.findall(r"<script>(.*?)</script>", PAGE, flags=re.DOTALL)
    }
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "unsafe" not in policy.partition("script-src")[2]
    assert own == allowed
    assert len(own) == 2


def test_plotly_is_there_once():
    assert PAGE.count("plotly.js v") == 1


def test_no_bar_and_no_upload_is_offered():
    charts = json.loads(Parsed(PAGE).text["script"][0])

    assert charts["config"] == {
        "displayModeBar": False, "showSendToCloud": False, "responsive": True,
    }  # fmt: skip


def test_the_same_chart_gives_the_same_page():
    assert chart_page(chart(), narrow=chart(size=NARROW)) == PAGE


def test_numbers_of_the_chart_are_a_table_with_caption_and_scope():
    page = Parsed(PAGE)

    cells = page.text["td"]
    assert page.text["caption"][0] == "Resursindex och kvalitetsindex, 0–100, högre är bättre"
    assert {attrs.get("scope") for attrs in page.all("th")} == {"col", "row"}
    for number in ("70,0", "80,0", "40,0", "35,0", "12,3"):
        assert number in cells
    assert "saknar uppgift" in cells
    assert set(page.text["th"]) >= {"Alingsås", "Lerum", "Mark", "Öckerö", "Ale"}


def test_a_page_carries_summary_and_caption_as_text():
    page = Parsed(PAGE)

    said = " ".join(page.text["p"])
    [image] = page.all("img")
    assert "Alingsås har resursindex 70,0 och kvalitetsindex 80,0." in said
    assert image["alt"] in said
    for line in ("SIMULERADE DATA", "Egen bearbetning av data från Kolada", "2026-11-23"):
        assert line in said
    assert "källa: kolada" not in PAGE.casefold()


def test_marks_are_in_the_chart_of_every_width_and_in_the_image():
    charts = json.loads(Parsed(PAGE).text["script"][0])

    [image] = Parsed(PAGE).all("img")
    picture = base64.b64decode(image["src"].partition("base64,")[2]).decode("utf-8")
    assert "SIMULERADE DATA" in picture
    for width in ("wide", "narrow"):
        notes = charts[width]["layout"]["annotations"]
        assert any(note["text"] == "SIMULERADE DATA" for note in notes)


def test_title_and_caption_are_not_said_twice():
    layout = json.loads(Parsed(PAGE).text["script"][0])["wide"]["layout"]

    assert "text" not in layout.get("title", {})
    assert not [note for note in layout["annotations"] if note.get("name") == "caption"]


def test_the_figure_itself_is_left_as_it_was():
    figure = chart()

    chart_page(figure)

    assert figure == chart()


def test_markup_in_a_name_is_inert():
    page = chart_page(chart(EVIL), narrow=chart(EVIL, size=NARROW))

    parsed = Parsed(page)
    assert len(parsed.all("script")) == len(Parsed(PAGE).all("script"))
    assert len(parsed.all("img")) == 1
    assert not any(name.startswith("on") for _, attrs in parsed.elements for name in attrs)
    assert EVIL in parsed.text["th"] or EVIL in "".join(parsed.text["th"])
    assert json.loads(parsed.text["script"][0])["wide"]


def test_markup_anywhere_in_the_figure_cannot_end_its_script():
    figure = chart()
    figure.data[0].name = EVIL

    page = Parsed(chart_page(figure))

    assert json.loads(page.text["script"][0])["wide"]["data"][0]["name"] == EVIL
    assert len(page.all("script")) == len(Parsed(PAGE).all("script"))


def test_without_a_narrow_chart_the_wide_one_can_be_moved_sideways():
    page = chart_page(chart())

    assert '"narrow":null' in page.replace(" ", "")
    assert "overflow-x: auto" in page
    assert [attrs for attrs in Parsed(page).all("div") if attrs.get("tabindex") == "0"]


def test_a_figure_without_its_own_caption_is_refused():
    with pytest.raises(ValueError, match="summary, caption, table"):
        chart_page(go.Figure())
