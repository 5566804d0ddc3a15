"""A table's files: the same rows give the same bytes, marked and harmless in a spreadsheet."""

import csv
from io import BytesIO

import polars as pl

from pipelines.publish.tables import table_files
from pipelines.wording import CREDIT

ROWS = pl.DataFrame(
    {"municipality_title": ["Älvdalen", "=cmd|'/c calc'!A1", "-2"], "score": [56.25, None, 0.5]}
)


def test_the_same_rows_give_the_same_bytes():
    assert table_files("a", ROWS, marks=["X"]) == table_files("a", ROWS.clone(), marks=["X"])


def test_parquet_holds_the_rows_as_they_are_and_the_marks_in_its_metadata():
    body = table_files("a", ROWS, marks=["SIMULERADE DATA"])["a.parquet"]

    assert pl.read_parquet(BytesIO(body)).equals(ROWS)
    assert "SIMULERADE DATA" in pl.read_parquet_metadata(BytesIO(body))["marks"]


def test_machine_csv_has_points_and_swedish_csv_semicolons_commas_and_a_mark_of_its_encoding():
    files = table_files("a", ROWS, marks=[])

    assert f"Älvdalen,56.25,{CREDIT}\n" in files["a.csv"].decode()
    assert files["a.sv.csv"].startswith(b"\xef\xbb\xbf")
    assert f"Älvdalen;56,25;{CREDIT}\n" in files["a.sv.csv"].decode("utf-8-sig")


def test_a_text_that_a_spreadsheet_would_run_is_made_inert_and_a_number_is_not():
    rows = ROWS.with_columns(pl.Series("change", [-1.5, 2.0, 0.0]))

    body = table_files("a", rows, marks=[])["a.csv"].decode()

    read = list(csv.DictReader(body.splitlines()))
    assert read[1]["municipality_title"] == "'=cmd|'/c calc'!A1"
    assert read[2]["municipality_title"] == "'-2"
    assert read[0]["change"] == "-1.5"


def test_a_missing_number_is_empty_and_never_zero():
    body = table_files("a", ROWS, marks=[])["a.csv"].decode()

    assert list(csv.DictReader(body.splitlines()))[1]["score"] == ""
