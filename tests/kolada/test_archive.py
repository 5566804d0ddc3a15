from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kolada import archive as archive_module
from kolada.archive import (
    METADATA,
    OBSERVATION_SCHEMA,
    read_archive,
    write_archive,
)
from kolada.errors import ArchiveError
from tests.kolada.conftest import group_row, inner, record, small_archive

ROWS = [record("N15001", "0180", 2024, inner("T", None)), record("N15001", "1489", 2024)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_archive(small_archive(ROWS), tmp_path / "archive")
    return tmp_path / "archive"


def test_an_archive_is_read_back_as_it_was_written(tmp_path):
    group = group_row("G1", "Åtta kommuner", "1489")
    archive = small_archive(ROWS, municipality_groups=[group])
    write_archive(archive, tmp_path)

    again = read_archive(tmp_path)

    for name in METADATA:
        assert list(getattr(again, name)) == list(getattr(archive, name))
    assert_frame_equal(again.observation, archive.observation)
    assert_frame_equal(again.ou_observation, archive.ou_observation)


def test_a_folder_that_is_no_archive_is_told_what_it_lacks(folder):
    (folder / "kpi.json").unlink()
    (folder / "ou_observation.parquet").unlink()

    with pytest.raises(ArchiveError, match=r"kpi\.json, ou_observation\.parquet not found there"):
        read_archive(folder)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("kpi.json", b'{"values":[', "kpi.json cannot be read as rows of Kolada"),
        ("kpi.json", b"{}", "kpi.json cannot be read as rows of Kolada: KeyError"),
        ("kpi.json", b"\xff", "kpi.json cannot be read as rows of Kolada"),
        ("observation.parquet", b"", "observations in .* cannot be read"),
        ("observation.parquet", b"PAR1", "observations in .* cannot be read"),
    ],
)
def test_a_damaged_file_of_an_archive_is_told(folder, name, content, said):
    (folder / name).write_bytes(content)

    with pytest.raises(ArchiveError, match=said):
        read_archive(folder)


def test_an_archive_with_other_columns_is_told(folder):
    small_archive([]).observation.drop("gender").write_parquet(folder / "observation.parquet")

    with pytest.raises(ArchiveError, match="cannot be read"):
        read_archive(folder)


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    taken = tmp_path / "file"
    taken.write_text("", encoding="utf-8")

    with pytest.raises(ArchiveError, match=r"cannot be written to .*/file: File exists\. Name"):
        write_archive(small_archive(ROWS), taken)


def test_a_large_archive_is_read_with_the_same_text_in_less_memory(folder, monkeypatch):
    monkeypatch.setattr(archive_module, "PACKED_FROM", 2)

    packed = read_archive(folder)

    assert packed.observation["kpi"].dtype == pl.Enum(["N15001"])
    assert packed.observation["municipality"].dtype == pl.Enum(["0180", "1489"])
    assert packed.observation.get_column("value").to_list() == [None, 1.0]
    assert_frame_equal(packed.observation.cast(OBSERVATION_SCHEMA), small_archive(ROWS).observation)
    assert packed.ou_observation["kpi"].dtype == pl.String
