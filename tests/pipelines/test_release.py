"""A release is whole or not there, and says what in it has been changed."""

import json
from pathlib import Path

import pytest

from pipelines.publish.release import (
    LATEST,
    UNFINISHED,
    ReleaseError,
    faults_of,
    publish,
    read_manifest,
)

FILES = {"index.html": b"<p>1</p>", "tables/efficiency.csv": b"a,b\n1,2\n"}


def test_a_release_is_what_its_manifest_says_and_latest_leads_to_it(tmp_path: Path):
    made = publish(FILES, {"as_of": "2026-09-01"}, day="2026-09-01", releases=tmp_path)

    assert made.is_new
    assert made.folder.name.startswith("2026-09-01-")
    assert (tmp_path / LATEST).resolve() == made.folder
    assert faults_of(made.folder) == []
    assert read_manifest(made.folder)["as_of"] == "2026-09-01"


def test_the_same_content_is_the_same_release(tmp_path: Path):
    first = publish(FILES, {"a": 1}, day="2026-09-01", releases=tmp_path)
    second = publish(FILES, {"a": 1}, day="2026-09-01", releases=tmp_path)

    assert second.folder == first.folder
    assert not second.is_new


def test_other_content_is_another_release_and_the_old_one_stays(tmp_path: Path):
    first = publish(FILES, {"a": 1}, day="2026-09-01", releases=tmp_path)
    second = publish({**FILES, "index.html": b"2"}, {"a": 1}, day="2026-09-01", releases=tmp_path)

    assert second.folder != first.folder
    assert faults_of(first.folder) == []
    assert (tmp_path / LATEST).resolve() == second.folder


def test_a_changed_a_missing_and_an_added_file_are_each_named(tmp_path: Path):
    folder = publish(FILES, {}, day="2026-09-01", releases=tmp_path).folder
    table = folder / "tables" / "efficiency.csv"
    table.chmod(0o644)
    table.write_bytes(b"a,b\n9,9\n")
    (folder / "index.html").unlink()
    (folder / "new.txt").touch()

    assert faults_of(folder) == [
        "index.html is missing",
        "new.txt is not in the manifest",
        "tables/efficiency.csv has changed",
    ]


def test_a_release_that_was_changed_is_not_published_again_as_if_it_were_whole(tmp_path: Path):
    folder = publish(FILES, {}, day="2026-09-01", releases=tmp_path).folder
    (folder / "index.html").unlink()

    with pytest.raises(ReleaseError, match=r"index\.html is missing"):
        publish(FILES, {}, day="2026-09-01", releases=tmp_path)


def test_what_a_dead_run_left_is_swept_by_the_next(tmp_path: Path):
    left = tmp_path / f"{UNFINISHED}abc"
    left.mkdir()
    (left / "half.csv").touch()

    publish(FILES, {}, day="2026-09-01", releases=tmp_path)

    assert not left.exists()


def test_a_disk_that_is_full_leaves_the_release_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    first = publish(FILES, {"a": 1}, day="2026-09-01", releases=tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pipelines.publish.release.os.fsync", full)
    with pytest.raises(ReleaseError, match="No space left on device"):
        publish(FILES, {"a": 2}, day="2026-09-02", releases=tmp_path)

    assert sorted(p.name for p in tmp_path.iterdir()) == [first.folder.name, LATEST]
    assert (tmp_path / LATEST).resolve() == first.folder


def test_a_folder_without_a_manifest_is_said_not_to_be_a_release(tmp_path: Path):
    with pytest.raises(ReleaseError, match="is not a release"):
        read_manifest(tmp_path)


def test_a_released_file_cannot_be_written_by_mistake(tmp_path: Path):
    folder = publish(FILES, {}, day="2026-09-01", releases=tmp_path).folder

    assert {p.stat().st_mode & 0o222 for p in folder.rglob("*") if p.is_file()} == {0}
    assert json.loads((folder / "manifest.json").read_text())["files"].keys() == FILES.keys()
