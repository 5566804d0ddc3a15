"""The doctor says in Swedish what is right and what is wrong, and with what to do."""

from pathlib import Path

import pytest

from pipelines.doctor import Finding, findings


@pytest.fixture
def looked_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kolada_url: str
) -> pytest.MonkeyPatch:
    monkeypatch.setenv("EFFEKTIV_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KOLADA_URL", kolada_url)
    return monkeypatch


def wrong() -> list[Finding]:
    return [finding for finding in findings() if not finding.is_well]


def test_a_new_set_up_has_nothing_wrong(looked_at: pytest.MonkeyPatch):
    del looked_at

    assert wrong() == []


def test_a_kolada_that_does_not_answer_is_named(looked_at: pytest.MonkeyPatch):
    looked_at.setenv("KOLADA_URL", "http://127.0.0.1:1/v3")

    (finding,) = wrong()
    assert "Kolada svarar inte på http://127.0.0.1:1/v3" in finding.text


def test_a_wrong_setting_is_named(looked_at: pytest.MonkeyPatch):
    looked_at.setenv("KOLADA_RATE", "fort")

    (finding,) = wrong()
    assert "KOLADA_RATE" in finding.text


def test_area_files_that_cannot_be_read_are_named(looked_at: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "school.toml").write_text("title = ")
    looked_at.setenv("EFFEKTIV_AREAS", str(tmp_path))

    (finding,) = wrong()
    assert "Verksamhetsfilerna går inte att använda" in finding.text
    assert "school.toml" in finding.text


def test_a_damaged_ledger_is_named(looked_at: pytest.MonkeyPatch, tmp_path: Path):
    del looked_at
    (tmp_path / "data" / "ledger").mkdir(parents=True)
    (tmp_path / "data" / "ledger" / "journal.jsonl").write_text("{}\n")

    (finding,) = wrong()
    assert "Loggboken är skadad" in finding.text
    assert "journal.jsonl" in finding.text
