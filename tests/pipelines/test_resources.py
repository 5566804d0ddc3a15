"""Settings come from the environment, and a wrong one is said in a sentence."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.resources import (
    Settings,
    SettingsError,
    draws_of,
    moment_of,
    municipality_of,
    rate_of,
)


def test_settings_survive_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    settings = Settings(
        data=tmp_path,
        store="demo",
        source="http://127.0.0.1:9/v3",
        rate=None,
        areas=tmp_path / "areas",
        only=("a", "b"),
        municipality="0180",
        as_of=datetime(2026, 9, 1, tzinfo=UTC),
        materiality=0.1,
        draws=50,
    )
    for name, value in settings.as_environment().items():
        monkeypatch.setenv(name, value)

    assert Settings.from_environment() == settings


def test_a_date_means_its_end_in_stockholm_summer_and_winter():
    assert moment_of("2026-09-01") == datetime(2026, 9, 1, 21, 59, 59, 999999, tzinfo=UTC)
    assert moment_of("2026-12-01") == datetime(2026, 12, 1, 22, 59, 59, 999999, tzinfo=UTC)
    assert moment_of("2026-09-01T12:00") == datetime(2026, 9, 1, 10, tzinfo=UTC)
    assert moment_of("") is None


@pytest.mark.parametrize("text", ["0", "-1", "fast", "nan"])
def test_a_rate_that_is_not_a_positive_number_is_refused(text: str):
    with pytest.raises(SettingsError, match="requests per second"):
        rate_of(text)


@pytest.mark.parametrize("text", ["19", "0", "-5", "2e3", "many", "10000000"])
def test_too_few_draws_and_what_is_no_number_are_refused(text: str):
    with pytest.raises(SettingsError, match=r"EFFEKTIV_DRAWS is .* whole number from 20"):
        draws_of(text)


@pytest.mark.parametrize("text", ["148", "14890", "148a", "Alingsås"])
def test_a_code_that_is_not_four_digits_is_refused(text: str):
    with pytest.raises(SettingsError, match="is not a municipality's code"):
        municipality_of(text)


def test_an_area_without_a_file_is_refused_with_those_that_there_are():
    with pytest.raises(SettingsError, match=r"railways.*Choose among administration"):
        Settings(only=("railways",)).service_areas()
