"""The radar as its readers get it: two nights of the whole command, of which the first fails."""

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from kolada.archive import Archive
from kolada.local import serving
from kolada.sample import simulated_sweden
from models.contracts.index import Efficiency
from pipelines.assets.radar import interval, radar, rank_change
from pipelines.cli import cli
from pipelines.publish.release import faults_of
from pipelines.radar.made import RadarError
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse
from tests.pipelines.conftest import AREA, COMMAND, environment
from tests.pipelines.test_radar import Page

COST, CARE, WAITING, UNUSED, ENDED = "N20900", "U21468", "U23401", "N15505", "N15436"
YEAR = 2025
HOSTILE = '<script>alert("1")</script>'
PEERS = "Liknande kommuner äldreomsorg, Alingsås, "


def cell(kpi: str, municipality: str, gender: str = "T") -> pl.Expr:
    return (
        (pl.col("kpi") == kpi)
        & (pl.col("municipality") == municipality)
        & (pl.col("period") == YEAR)
        & (pl.col("gender") == gender)
    )


def with_value(archive: Archive, where: pl.Expr, value: pl.Expr, status: str = "") -> Archive:
    rows = archive.observation
    assert rows.filter(where).height > 0
    return replace(
        archive,
        observation=rows.with_columns(
            pl.when(where).then(value).otherwise(pl.col("value")).alias("value"),
            pl.when(where).then(pl.lit(status)).otherwise(pl.col("status")).alias("status"),
        ),
    )


def first_night(archive: Archive) -> Archive:
    """One value that the second night takes back, and one that it leaves."""
    archive = with_value(archive, cell(COST, "0180"), pl.col("value") + 20)
    return with_value(archive, cell(COST, "1440"), pl.col("value") + 15)


def second_night(archive: Archive) -> Archive:
    archive = with_value(archive, cell(COST, "1440"), pl.col("value") + 15)
    archive = with_value(archive, cell(COST, "1489"), pl.col("value") - 9)
    archive = with_value(archive, cell(CARE, "1480"), pl.lit(None), "Missing")
    is_struck = cell(CARE, "1484")
    assert archive.observation.filter(is_struck).height == 1
    rows = archive.observation.filter(~is_struck)
    waiting = rows.filter(kpi=WAITING, gender="T", period=YEAR)
    newcomer = next(
        one["id"]
        for one in archive.municipality
        if one["type"] == "K" and one["id"] not in set(waiting["municipality"])
    )
    new = waiting.head(1).with_columns(municipality=pl.lit(newcomer), value=pl.lit(55.0))
    return replace(
        archive,
        observation=pl.concat([rows, new]),
        kpi=[_changed_kpi(dict(row)) for row in archive.kpi],
        municipality_groups=[_changed_group(dict(row)) for row in archive.municipality_groups],
    )


def _changed_kpi(row: dict[str, object]) -> dict[str, object]:
    if row["id"] == COST:
        row["description"] = f"Från 2026 ingår {HOSTILE}. {row['description']}"
    if row["id"] == UNUSED:
        row["title"] = '=HYPERLINK("http://example.org")'
    if row["id"] == ENDED:
        row["title"] = f"{row['title']} (-2024)"
    return row


def _changed_group(row: dict[str, object]) -> dict[str, object]:
    if str(row["title"]).startswith(PEERS):
        members = list(row["members"])  # type: ignore[call-overload]
        members[0] = {"member_id": "0114", "member_title": "Upplands Väsby"}
        row["members"] = members
    return row


@dataclass(frozen=True, slots=True)
class Nights:
    """What is there after both nights, and what was said."""

    data: Path
    failed: subprocess.CompletedProcess[str]
    done: subprocess.CompletedProcess[str]

    @property
    def radar(self) -> Path:
        return (self.data / "radar" / "latest").resolve()

    @property
    def page(self) -> Page:
        return Page((self.radar / "index.html").read_bytes())

    def table(self, name: str) -> pl.DataFrame:
        return pl.read_parquet(self.radar / f"{name}.parquet")

    @property
    def settings(self) -> Settings:
        return Settings(data=self.data, only=(AREA,))

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *words],
            env=environment(self.data, "http://127.0.0.1:1/v3"),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def nights(undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Nights:
    data = tmp_path_factory.mktemp("nights") / "data"
    shutil.copytree(undisturbed, data, symlinks=True)
    archive = simulated_sweden(first_period=2019).archive
    said = []
    for night, words in ((first_night, ["--municipality", "9999"]), (second_night, [])):
        with serving(night(archive)) as url:
            said.append(
                subprocess.run(
                    [*COMMAND, "run", "--area", AREA, *words],
                    env=environment(data, url),
                    capture_output=True,
                    text=True,
                    timeout=120,
                    check=False,
                )
            )
    return Nights(data, *said)


def test_the_first_run_says_that_there_is_nothing_to_compare_with(undisturbed: Path):
    made = undisturbed / "radar" / "latest"

    manifest = json.loads((made / "manifest.json").read_text())
    known = pl.DataFrame(Warehouse(undisturbed / "warehouse.duckdb").read("staging.observation"))
    assert manifest["since"] is None
    assert manifest["line"].replace("\u00a0", "") == (
        f"Första läsningen: {known.height} värden för {known['kpi'].n_unique()} nyckeltal."
    )
    assert pl.read_parquet(made / "revision.parquet").is_empty()
    assert faults_of(made) == []


def test_the_radar_after_a_failed_night_covers_both(nights: Nights, undisturbed: Path):
    assert nights.failed.returncode == 1
    assert nights.done.returncode == 0, nights.done.stderr
    before = json.loads((undisturbed / "radar" / "latest" / "manifest.json").read_text())
    now = json.loads((nights.radar / "manifest.json").read_text())
    assert now["since"] == before["until"]
    rows = nights.table("revision")

    assert rows.filter(kpi=COST).select("municipality", "kind").rows() == [
        ("1440", "changed"),  # of the night that failed
        ("1489", "changed"),
    ]  # and not 0180, which changed and changed back
    assert sorted(rows.filter(pl.col("kpi") != COST).select("kpi", "kind").rows()) == [
        (CARE, "status_changed"), (CARE, "struck"), (WAITING, "new"),
    ]  # fmt: skip
    assert rows["is_material"].all()


def test_the_command_says_it_in_one_line_with_the_page(nights: Nights):
    (line,) = [one for one in nights.done.stdout.splitlines() if "Revisionsradar" in one]

    assert "1 nytt värde, 2 ändrade värden, 1 struket värde och 1 värde med ändrad status" in line
    assert "1 ändrad definition" in line
    assert "1 ändrad jämförelsegrupp" in line
    assert line.endswith(str(nights.radar / "index.html"))


def test_definitions_in_use_are_told_of_word_by_word_and_the_rest_counted(nights: Nights):
    changed = nights.table("definition_change")

    kinds = dict(changed.select("id", "kind").rows())
    assert (kinds[COST], kinds[UNUSED], kinds[ENDED]) == ("redefined", "retitled", "ended")
    assert HOSTILE in nights.page.text
    assert "ins" in nights.page.elements
    assert "script" not in nights.page.elements
    assert "1 nyckeltal med ny titel och 1 avslutat nyckeltal." in nights.page.text
    assert UNUSED not in nights.page.text
    assert "'=HYPERLINK" in (nights.radar / "definition_change.csv").read_text()


def test_the_own_peer_group_says_who_joined_and_who_left(nights: Nights):
    row = nights.table("definition_change").row(
        by_predicate=pl.col("kind") == "group_members", named=True
    )

    _, shown = nights.page.tables["Alingsås: de egna jämförelsegrupperna"]
    assert (row["peer_of"], row["joined"]) == ("1489", "Upplands Väsby")
    assert shown[2:] == ["Upplands Väsby", row["departed"]]


def test_places_moved_are_those_between_the_two_releases(nights: Nights, undisturbed: Path):
    def ranks(release: Path, period: int) -> dict[str, int]:
        rows = pl.read_parquet(release / "tables" / "efficiency.parquet").filter(period=period)
        return {
            one["municipality"]: one["efficiency_rank"]
            for one in rows.iter_rows(named=True)
            if one["efficiency_rank"] is not None
        }

    rows = nights.table("rank_change")
    assert rows.height == 7  # years
    for row in rows.iter_rows(named=True):
        before = ranks(undisturbed / "releases" / "latest", row["period"])
        after = ranks(nights.data / "releases" / "latest", row["period"])
        both = before.keys() & after.keys()
        assert row["n_moved"] == sum(before[one] != after[one] for one in both)
        assert row["n_left"] == len(before.keys() - after.keys())
        assert row["n_entered"] == len(after.keys() - before.keys())
        assert row["largest_move"] == max(abs(before[one] - after[one]) for one in both)
        assert (row["rank_before"], row["rank_after"]) == (before["1489"], after["1489"])
    newest = rows.filter(period=YEAR).row(0, named=True)
    assert newest["n_moved"] > 10
    assert newest["n_left"] == 1  # struck; what says Missing is carried from the year before
    _, *shown = nights.page.tables["Äldreomsorg: publicerade platser mot platserna nu"]
    assert f"{newest['n_moved']} av {newest['n_ranked_after']} 1 föll bort" in shown[0]
    assert f"{newest['rank_before']} → {newest['rank_after']}" in shown[0]


def test_the_folder_is_whole_and_every_file_says_that_its_data_are_simulated(nights: Nights):
    texts = [p for p in nights.radar.iterdir() if p.suffix in (".html", ".csv", ".json")]

    assert faults_of(nights.radar) == []
    assert len(texts) == 8
    silent = [
        path.name
        for path in texts
        if "SIMULERADE DATA" not in path.read_text(encoding="utf-8")
        and nights.table(path.name.split(".")[0]).height
    ]
    assert silent == []


def test_the_next_quiet_night_is_one_line_and_no_folder(nights: Nights):
    before = sorted(os.listdir(nights.data / "radar"))
    warehouse = Warehouse(nights.settings.warehouse)

    interval(settings=nights.settings, warehouse=warehouse)
    rank_change(settings=nights.settings, warehouse=warehouse)
    for table in ("mart.revision", "mart.definition_change"):
        warehouse.build(table)
    said = radar(settings=nights.settings, warehouse=warehouse).metadata

    day = nights.radar.name[:10]
    assert said == {"line": f"Inget har ändrats hos Kolada sedan {day}.", "page": ""}
    assert sorted(os.listdir(nights.data / "radar")) == before


def test_of_a_past_date_no_radar_is_made(nights: Nights):
    before = sorted(os.listdir(nights.data / "radar"))
    past = replace(nights.settings, as_of=datetime.now(UTC))
    warehouse = Warehouse(past.warehouse)

    interval(settings=past, warehouse=warehouse)

    assert warehouse.read("staging.interval")["since"].to_list() == [None]
    assert radar(settings=past, warehouse=warehouse).metadata == {"line": "", "page": ""}
    assert sorted(os.listdir(nights.data / "radar")) == before


def test_the_newest_radar_is_said_again(nights: Nights):
    said = nights.command("radar")

    manifest = json.loads((nights.radar / "manifest.json").read_text())
    assert said.stdout == f"Revisionsradar: {manifest['line']} {nights.radar / 'index.html'}\n"


def test_a_radar_between_two_dates_leaves_the_warehouse_and_the_newest_radar_as_they_were(
    nights: Nights,
):
    manifest = json.loads((nights.radar / "manifest.json").read_text())
    warehouse = Warehouse(nights.settings.warehouse)
    before = warehouse.read("staging.interval")

    said = nights.command("radar", "--since", manifest["since"], "--until", manifest["until"])

    assert said.returncode == 0, said.stderr
    made = nights.data / "radar" / "between" / "latest"
    assert str(made.resolve()) in said.stdout
    for name in ("revision", "rank_change"):
        assert pl.read_parquet(made / f"{name}.parquet").equals(nights.table(name))
    assert warehouse.read("staging.interval").equals(before)
    assert Efficiency.validate(warehouse.read("mart.efficiency"), lazy=True).height > 0
    assert json.loads((nights.radar / "manifest.json").read_text()) == manifest


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--since", "2020-01-01"), "Nothing was known on 2020-01-01"),
        (("--since", "2026-09-02", "--until", "2026-09-01"), "2026-09-01 is not after 2026-09-02"),
        (("--until", "2026-09-01"), "Give --since too"),
    ],
)
def test_dates_that_cannot_be_compared_are_answered_with_a_sentence(
    words: tuple[str, ...], said: str, nights: Nights, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EFFEKTIV_DATA", str(nights.data))

    with pytest.raises(RadarError, match=said):
        cli(["radar", *words], standalone_mode=False)


@pytest.mark.parametrize("words", [(), ("--since", "2026-09-01")])
def test_without_a_run_one_is_told_to_run(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("EFFEKTIV_DATA", str(tmp_path))

    with pytest.raises(RadarError, match="Run `effektiv run` first"):
        cli(["radar", *words], standalone_mode=False)
