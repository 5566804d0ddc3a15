"""A sentence is a template and cells: no number of its own, and held against the tables."""

import re
from importlib.resources import files

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.words.said import Cell, WordsError, row_cells, said, unfounded
from pipelines.words.templates import sentence

TABLE = pl.DataFrame(
    {
        "municipality": ["1489", "0180"], "period": [2024, 2024], "rank": [1087, None],
        "share": [0.123, 0.5], "change": [-1.5, 0.0], "title": ["Al<i>ngsås", "Stockholm"],
    }
)  # fmt: skip
KEY = ("municipality", "period")
JARGON = ("DMU", "efficiency", "score", "percentil", "koefficient", "signifikan", "avvikelse")
CELLS = row_cells("efficiency", TABLE.row(0, named=True), KEY)


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("Plats {rank:0}.", "Plats 1\u00a0087."),
        ("{share:1%} av alla", "12,3\u00a0% av alla"),
        ("{change:+1} poäng", "−1,5 poäng"),
        ("{share:+2} poäng", "+0,12 poäng"),
        ("{title:text} år {period:year}", "Al<i>ngsås år 2024"),
    ],
)
def test_a_cell_is_shown_as_swedish_does(template, expected):
    assert str(said(template, **CELLS)) == expected


def test_in_a_page_a_number_tells_its_cell_and_text_is_text():
    html = said("{title:text}: plats {rank:0}", **CELLS).__html__()

    assert html == (
        '<data value="Al&lt;i&gt;ngsås" '
        'data-cell="efficiency/title?municipality=1489&amp;period=2024">Al&lt;i&gt;ngsås</data>'
        ': plats <data value="1087" '
        'data-cell="efficiency/rank?municipality=1489&amp;period=2024">1\u00a0087</data>'
    )


def test_a_template_with_a_number_of_its_own_is_refused():
    with pytest.raises(WordsError, match="has a number of its own, ' av 290'"):
        said("{rank:0} av 290", **CELLS)


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{place:0}", "speaks of 'place', and there are the cells change, municipality"),
        ("{rank}", "shows efficiency/rank.* as '', and it holds 1087"),
        ("{title:1}", "as '1', and it holds 'Al<i>ngsås'"),
        ("{share:year}", "as 'year', and it holds 0.123"),
    ],
)
def test_a_field_that_does_not_fit_its_cell_is_refused(template, message):
    with pytest.raises(WordsError, match=message):
        said(template, **CELLS)


def test_a_row_without_a_value_has_no_cell_and_one_without_its_key_is_refused():
    assert "rank" not in row_cells("efficiency", TABLE.row(1, named=True), KEY)
    with pytest.raises(WordsError, match="A row of efficiency has no year"):
        row_cells("efficiency", TABLE.row(1, named=True), ("year",))


def test_what_the_tables_hold_is_founded():
    assert list(unfounded([said("{rank:0} {share:1}", **CELLS)], {"efficiency": TABLE})) == []


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({}, "there is no such column"),
        ({"efficiency": TABLE.drop("rank")}, "there is no such column"),
        ({"efficiency": TABLE.head(0)}, "0 rows are told by that"),
        ({"efficiency": pl.concat([TABLE, TABLE])}, "2 rows are told by that"),
        ({"efficiency": TABLE.with_columns(rank=88)}, "said to be 1087, and is 88"),
    ],
)
def test_a_number_that_no_table_holds_is_told_by_its_address(tables, told):
    (fault,) = unfounded([said("{rank:0}", **CELLS)], tables)

    assert fault.startswith("efficiency/rank?municipality=1489&period=2024: ")
    assert told in fault


def test_a_cell_said_in_two_ways_is_told():
    other = Cell("efficiency", "rank", CELLS["rank"].key, 12)

    faults = list(
        unfounded([said("{rank:0}", **CELLS), said("{rank:0}", rank=other)], {"efficiency": TABLE})
    )

    assert "said to be 1087 and 12" in faults[0]


@given(value=st.floats(-1e9, 1e9), decimals=st.integers(0, 4))
def test_a_number_read_back_is_the_cell_as_far_as_it_is_shown(value: float, decimals: int):
    cell = Cell("t", "value", (("id", "a"),), value)

    shown = str(said(f"{{value:{decimals}}}", value=cell))

    number = float(shown.replace("\u00a0", "").replace("−", "-").replace(",", "."))
    assert abs(number - value) <= 0.5 * 10**-decimals * (1 + 1e-9) + 1e-6
    assert not shown.startswith("−0,0") or number != 0


def test_a_template_that_is_not_there_is_refused():
    with pytest.raises(WordsError, match=r"no template place\.nowhere"):
        sentence("place.nowhere")


def test_every_template_is_plain_language():
    text = files("pipelines.words").joinpath("sentences.toml").read_text(encoding="utf-8")
    templates = re.findall(r'^\w+ = "(.*)"$', text, flags=re.MULTILINE)
    sentences = [part for template in templates for part in re.split(r"(?<=[.:]) ", template)]

    assert len(templates) > 20
    assert max(len(part.split()) for part in sentences) <= 20
    words = " ".join(re.sub(r"{.*?}", "", template) for template in templates)
    assert [word for word in JARGON if word in words] == []
