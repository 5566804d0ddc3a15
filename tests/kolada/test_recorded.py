from pathlib import Path

import polars as pl
import pytest

from kolada.archive import OBSERVATION_SCHEMA, Archive
from kolada.errors import ArchiveError
from kolada.recorded import recorded_archive
from tests.kolada.conftest import kpi_row, page

HEAD = "kpi,municipality,period,gender,value\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Recorded material of one KPI, one municipality and one group of each of two dates."""
    files = {
        "catalogue/kpi_2024-04-06_v3.json": page(kpi_row("N00001", "Before")),
        "catalogue/kpi_2026-03-23_v3.json": page(kpi_row("N00001", "Now")),
        "catalogue/kpi_2027-01-01_v2.json": page(kpi_row("N00001", "Another version")),
        "catalogue/municipality_2026-03-23_v3.json": page(
            {"id": "0180", "title": "Stockholm", "type": "K"}
        ),
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


def test_the_newest_catalogue_of_version_3_is_taken(folder):
    assert [row["title"] for row in recorded_archive(folder).kpi] == ["Now"]


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
