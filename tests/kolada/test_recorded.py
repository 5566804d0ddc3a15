import json
import logging
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from kolada.archive import OBSERVATION_SCHEMA, Archive
from kolada.errors import ArchiveError
from kolada.recorded import recorded_archive
from tests.kolada.conftest import Row, group_row, kpi_row, page

# A KPI as version 2 sent it; the values are made up.
IN_VERSION_2: Row = {
    "auspices": "E",
    "description": "Before. Källa: SCB.",
    "has_ou_data": None,
    "id": "N00001",
    "is_divided_by_gender": 1,
    "municipality_type": "K",
    "operating_area": "Grundskola F-9",
    "ou_publication_date": "2023-10-12",
    "perspective": "Volymer,Övrigt",
    "prel_publication_date": None,
    "publ_period": "2024",
    "publication_date": "2025-02-22",
    "title": "Before",
}
HEAD = "kpi,municipality,period,gender,value\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recorded material of one KPI, group and municipality; the KPI and the group twice."""
    files = {
        "catalogue/kpi_2024-04-06_v2.json": page(IN_VERSION_2),
        "catalogue/kpi_2026-03-23_v3.json": page(kpi_row("N00001", "Now")),
        "catalogue/kpi_2027-01-01_v4.json": page(kpi_row("N00001", "Another version")),
        "catalogue/municipality_2026-03-23_v3.json": page(
            {"id": "0180", "title": "Stockholm", "type": "K"}
        ),
        "catalogue/municipality_groups_2024-04-06_v2.json": page(group_row("G1", "Before", "0180")),
        "catalogue/municipality_groups_2026-03-23_v3.json": page(group_row("G1", "Now")),
        "observations/a.csv": f"{HEAD}N00001,0180,2024,T,0\nN00001,0180,2023,T,\n".encode(),
        "observations/b.csv": f"{HEAD}N00001,0180,2024,T,9\nN00001,0180,2024,K,1.5\n".encode(),
    }
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    return tmp_path


def test_an_empty_value_is_missing_and_never_zero(folder):
    rows = recorded_archive(folder).observation.filter(gender="T")

    assert rows.select("period", "value", "status", "count").rows() == [
        (2024, 0.0, "", 1),
        (2023, None, "Missing", 0),
    ]


def test_a_value_in_two_files_stands_once_as_in_the_first(folder):
    rows = recorded_archive(folder).observation

    assert rows.filter(period=2024, gender="T")["value"].to_list() == [0.0]
    assert rows.height == 3
    assert rows.schema == OBSERVATION_SCHEMA


def test_ids_keep_their_zeros(folder):
    assert recorded_archive(folder).observation["municipality"].unique().to_list() == ["0180"]


def titles(folder: Path, on: date | None) -> tuple[str, str]:
    archive = recorded_archive(folder, on=on)
    return archive.kpi[0]["title"], archive.municipality_groups[0]["title"]


def test_the_newest_snapshot_of_a_known_version_is_taken(folder):
    assert titles(folder, None) == ("Now", "Now")


@pytest.mark.parametrize(
    ("on", "title"),
    [
        (date(2024, 4, 6), "Before"),
        (date(2026, 3, 22), "Before"),
        (date(2026, 3, 23), "Now"),
        (date(2030, 1, 1), "Now"),
    ],
)
def test_on_a_day_the_newest_snapshot_until_then_is_taken(folder, on, title):
    assert titles(folder, on) == (title, title)


def test_where_both_versions_are_of_one_day_version_3_is_taken(folder):
    same_day = folder / "catalogue" / "kpi_2026-03-23_v2.json"
    same_day.write_bytes(page(IN_VERSION_2))

    assert recorded_archive(folder).kpi[0]["title"] == "Now"


def test_a_kpi_of_version_2_is_told_in_the_words_of_version_3(folder):
    row = recorded_archive(folder, on=date(2024, 4, 6)).kpi[0]

    assert row == {
        "id": "N00001",
        "title": "Before",
        "description": "Before. Källa: SCB.",
        "is_divided_by_gender": True,
        "municipality_type": "K",
        "auspice": "E",
        "operating_area": "Grundskola F-9",
        "perspective": "Volymer,Övrigt",
        "prel_publication_date": None,
        "publication_date": "2025-02-22",
        "publ_period": "2024",
        "has_ou_data": False,
    }
    assert list(row) == list(kpi_row("N00001", "Now"))
    # 1 == True in Python, but not in the JSON that is served.
    assert json.dumps([row["is_divided_by_gender"], row["has_ou_data"]]) == "[true, false]"


def test_the_first_municipalities_after_the_day_stand_in_and_it_is_said(folder, caplog):
    later = folder / "catalogue" / "municipality_2027-01-01_v3.json"
    later.write_bytes(page({"id": "0180", "title": "Later", "type": "K"}))

    with caplog.at_level(logging.WARNING, logger="kolada.recorded"):
        archive = recorded_archive(folder, on=date(2024, 4, 6))

    assert archive.municipality[0]["title"] == "Stockholm"
    assert caplog.messages == [
        "no municipalities were recorded by 2024-04-06; those of 2026-03-23 stand in"
    ]


def test_kpis_of_a_later_day_never_stand_in(folder):
    with pytest.raises(ArchiveError, match=r"no recorded kpi from 2024-04-05 or before.*later day"):
        recorded_archive(folder, on=date(2024, 4, 5))


@pytest.mark.parametrize(
    "row", [kpi_row("N00001", "Version 3"), {**IN_VERSION_2, "is_divided_by_gender": 2}, "N00001"]
)
def test_a_file_that_is_not_of_its_version_is_named(folder, row):
    (folder / "catalogue" / "kpi_2024-04-06_v2.json").write_bytes(page(row))

    with pytest.raises(ArchiveError, match=r"kpi_2024-04-06_v2\.json does not hold KPIs"):
        recorded_archive(folder, on=date(2024, 4, 6))


def test_a_folder_without_material_is_told_what_it_lacks(tmp_path):
    with pytest.raises(ArchiveError, match="no recorded kpi, municipality, observations"):
        recorded_archive(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("catalogue/kpi_2026-03-23_v3.json", "{", "kpi_2026-03-23_v3.json cannot be read as rows"),
        ("catalogue/kpi_2026-03-23_v3.json", "[]", "kpi_2026-03-23_v3.json cannot be read as rows"),
        ("observations/a.csv", "", "a.csv cannot be read as observations"),
        ("observations/a.csv", "kpi;value\n", "a.csv cannot be read .* must have the columns"),
        ("observations/a.csv", f"{HEAD}N1,0180,2024,T,3 5\n", "a.csv cannot be read"),
    ],
)
def test_a_damaged_file_is_named(folder, name, content, said):
    (folder / name).write_text(content, encoding="utf-8")

    with pytest.raises(ArchiveError, match=said):
        recorded_archive(folder)


@pytest.fixture(scope="module")
def archive(shared: Path) -> Archive:
    return recorded_archive(shared / "kolada")


@pytest.mark.shared
def test_the_whole_catalogue_of_2026_is_read(archive):
    types = [row["type"] for row in archive.municipality]

    assert len(archive.kpi) == 6099
    assert (types.count("K"), types.count("L")) == (290, 22)
    assert len(archive.municipality_groups) == 3630
    assert {row["id"]: row["title"] for row in archive.municipality}["1489"] == "Alingsås"


@pytest.mark.shared
def test_every_recorded_value_is_read_and_every_empty_one_is_missing(archive, shared):
    lines = [
        line
        for path in sorted((shared / "kolada" / "observations").glob("*.csv"))
        for line in path.read_text(encoding="utf-8").splitlines()[1:]
    ]
    missing = archive.observation.filter(pl.col("value").is_null())

    assert archive.observation.height == len(lines) == 51_625 + 92_738
    assert missing.height == sum(line.endswith(",") for line in lines) == 5_209
    assert set(missing["status"]) == {"Missing"}
    assert set(archive.observation.filter(pl.col("value").is_not_null())["status"]) == {""}


@pytest.mark.shared
def test_every_key_of_the_recorded_values_is_there_once(archive):
    key = archive.observation.select("kpi", "municipality", "period", "gender")

    assert key.n_unique() == key.height


@pytest.mark.shared
def test_the_real_catalogue_of_2024_is_read_in_version_3s_words(shared):
    before = recorded_archive(shared / "kolada", on=date(2024, 4, 6))
    now = recorded_archive(shared / "kolada")

    assert (len(before.kpi), len(before.municipality_groups)) == (6433, 3312)
    assert {tuple(row) for row in before.kpi} == {tuple(row) for row in now.kpi}
    assert {type(row["is_divided_by_gender"]) for row in before.kpi} == {bool}
    assert before.municipality == now.municipality
