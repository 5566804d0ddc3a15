"""The whole job as its users run it: a process of its own, real HTTP, real files."""

import hashlib
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import duckdb
import polars as pl
import pytest

from kolada.local import serving
from kolada.sample import simulated_sweden
from pipelines.publish.release import UNFINISHED, faults_of
from pipelines.runner import SWEPT, sweep
from tests.pipelines.conftest import AREA, Command, kill_when, kill_when_there

COLUMNS = [
    "service_area", "period", "municipality", "municipality_title", "resource_index",
    "quality_index", "efficiency_score", "rka_index", "efficiency_rank", "n_ranked", "peer_mean",
    "status",
]  # fmt: skip


def table_hashes(release: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted((release / "tables").iterdir())
    }


def raw_rows(data: Path) -> int:
    with duckdb.connect(str(data / "warehouse.duckdb"), read_only=True) as connection:
        ((n,),) = connection.execute("select count(*) from raw.observation").fetchall()
    return n


def test_a_run_ends_in_a_whole_release_that_latest_leads_to(undisturbed: Path):
    latest = undisturbed / "releases" / "latest"

    efficiency = pl.read_parquet(latest / "tables" / "efficiency.parquet")
    assert faults_of(latest) == []
    assert efficiency.columns == COLUMNS
    assert efficiency.group_by("service_area", "period").len()["len"].unique().to_list() == [290]
    assert efficiency["municipality"].n_unique() == 290


def test_every_ranked_municipality_has_an_interval_that_is_in_order(undisturbed: Path):
    tables = undisturbed / "releases" / "latest" / "tables"
    ranked = pl.read_parquet(tables / "efficiency.parquet").filter(status="ranked")
    interval = pl.read_parquet(tables / "rank_interval.parquet")

    both = ranked.join(interval, on=["service_area", "period", "municipality"], how="left")
    assert both["rank_low"].null_count() == 0
    assert (both["rank_low"] <= both["rank_high"]).all()


def test_swedish_csv_has_semicolons_decimal_commas_and_the_marks(undisturbed: Path):
    path = undisturbed / "releases" / "latest" / "tables" / "efficiency.sv.csv"

    rows = pl.read_csv(path, separator=";", decimal_comma=True)
    assert rows.height == pl.read_parquet(path.with_name("efficiency.parquet")).height
    assert rows["efficiency_score"].dtype == pl.Float64
    assert rows["marks"].str.contains("SIMULERADE DATA").all()


def test_every_text_file_of_the_release_says_that_its_data_are_simulated(undisturbed: Path):
    release = undisturbed / "releases" / "latest"

    texts = [p for e in ("html", "svg", "csv", "json") for p in release.rglob(f"*.{e}")]
    silent = [p.name for p in texts if "SIMULERADE DATA" not in p.read_text(encoding="utf-8")]
    assert len(texts) > 20
    assert silent == []


def test_only_values_as_they_came_name_kolada_as_their_source(undisturbed: Path):
    release = undisturbed / "releases" / "latest"
    received = re.compile(r'<table class="received">\n<caption>.*?</caption>')
    told = "värden som de kom som ”Källa: Kolada”"  # how a reader shall name the source

    texts = [p for e in ("html", "svg", "csv", "json") for p in release.rglob(f"*.{e}")]
    rest = {p.name: received.sub("", p.read_text("utf-8")).replace(told, "") for p in texts}
    assert [name for name, text in rest.items() if "källa: kolada" in text.casefold()] == []
    assert "Källa: Kolada" in (release / "municipality" / "1489.html").read_text("utf-8")


def test_a_second_run_adds_no_row_and_keeps_the_release(
    undisturbed: Path, tmp_path: Path, effektiv: Command
):
    shutil.copytree(undisturbed, tmp_path / "data", symlinks=True)
    before = (raw_rows(tmp_path / "data"), os.listdir(tmp_path / "data" / "releases"))

    done = effektiv("run", "--area", AREA)

    assert done.returncode == 0, done.stderr
    assert "0 nya rader från Kolada." in done.stdout
    assert (raw_rows(tmp_path / "data"), os.listdir(tmp_path / "data" / "releases")) == before


STAGES = [
    "ledger - STEP_START",
    "raw__observation - STEP_START",
    "staging__observation_state - STEP_START",
    "mart__panel - STEP_START",
    "scores - STEP_START",
    "release - STEP_START",
]


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_killed_at_any_stage_is_healed_by_the_next(
    stage: str, undisturbed: Path, tmp_path: Path, effektiv: Command, kolada_url: str
):
    data = tmp_path / "data"
    assert kill_when(stage, data=data, url=kolada_url)
    assert not (data / "releases" / "latest").exists()
    finished = [p for p in (data / "releases").glob("*") if not p.name.startswith(UNFINISHED)]
    assert [p for p in finished if faults_of(p)] == []

    done = effektiv("run", "--area", AREA)

    assert done.returncode == 0, done.stderr
    latest = data / "releases" / "latest"
    assert table_hashes(latest) == table_hashes(undisturbed / "releases" / "latest")
    assert list((data / "releases").glob(f"{UNFINISHED}*")) == []


def test_a_run_killed_while_it_writes_its_release_leaves_no_half_of_it(
    undisturbed: Path, tmp_path: Path, effektiv: Command, kolada_url: str
):
    data = tmp_path / "data"
    shutil.copytree(undisturbed, data, symlinks=True)
    before = os.readlink(data / "releases" / "latest")

    kill_when_there(data / "releases", f"{UNFINISHED}*/tables/panel.csv", data, kolada_url)

    assert list((data / "releases").glob(f"{UNFINISHED}*")) != []
    assert os.readlink(data / "releases" / "latest") == before
    assert faults_of(data / "releases" / "latest") == []
    done = effektiv("run", "--area", AREA, "--municipality", "0180")
    assert done.returncode == 0, done.stderr
    assert os.readlink(data / "releases" / "latest") != before
    assert faults_of(data / "releases" / "latest") == []
    assert list((data / "releases").glob(f"{UNFINISHED}*")) == []


def test_verify_makes_the_same_bytes_again_and_names_what_was_changed(
    undisturbed: Path, tmp_path: Path, effektiv: Command
):
    shutil.copytree(undisturbed, tmp_path / "data", symlinks=True)
    release = (tmp_path / "data" / "releases" / "latest").resolve()

    whole = effektiv("verify", str(release))
    assert whole.returncode == 0, whole.stderr

    table = release / "tables" / "efficiency.csv"
    table.chmod(0o644)
    table.write_text(table.read_text().replace("Alingsås", "Alingsas"))
    changed = effektiv("verify", str(release))
    assert changed.returncode == 1
    assert "tables/efficiency.csv has changed" in changed.stderr
    assert "tables/efficiency.parquet" not in changed.stderr


def test_a_past_date_gives_what_was_known_then(
    undisturbed: Path, tmp_path: Path, effektiv: Command
):
    shutil.copytree(undisturbed, tmp_path / "data", symlinks=True)
    today = datetime.now(UTC).date().isoformat()

    done = effektiv("run", "--area", AREA, "--as-of", today, KOLADA_URL="http://127.0.0.1:1/v3")

    assert done.returncode == 0, done.stderr
    assert "Oförändrad release" in done.stdout


def test_what_was_known_before_a_revision_is_had_again_byte_for_byte(
    undisturbed: Path, tmp_path: Path, effektiv: Command
):
    data = tmp_path / "data"
    shutil.copytree(undisturbed, data, symlinks=True)
    first = (data / "releases" / "latest").resolve()
    before = json.loads((first / "manifest.json").read_text())["as_of"]
    archive = simulated_sweden(first_period=2019).archive
    is_revised = (pl.col("kpi") == "N20900") & (pl.col("municipality") == "1489")
    revised = archive.observation.with_columns(
        pl.when(is_revised).then(pl.col("value") - 9).otherwise(pl.col("value")).alias("value")
    )

    with serving(replace(archive, observation=revised)) as url:
        after = effektiv("run", "--area", AREA, KOLADA_URL=url)
    assert after.returncode == 0, after.stderr
    assert "7 nya rader från Kolada." in after.stdout
    second = (data / "releases" / "latest").resolve()
    assert table_hashes(second) != table_hashes(first)

    again = effektiv("run", "--area", AREA, "--as-of", before)

    assert again.returncode == 0, again.stderr
    assert "Oförändrad release" in again.stdout
    assert (data / "releases" / "latest").resolve() == first


def bad_area(folder: Path, old: str, new: str) -> str:
    text = Path("models/areas/elderly_care.toml").read_text(encoding="utf-8")
    assert old in text
    folder.mkdir()
    (folder / "elderly_care.toml").write_text(text.replace(old, new), encoding="utf-8")
    return str(folder)


def test_an_unknown_kpi_in_an_area_file_stops_the_run_and_is_named(
    tmp_path: Path, effektiv: Command
):
    done = effektiv("run", "--areas", bad_area(tmp_path / "areas", '"N20900"', '"N20999"'))

    assert done.returncode == 1
    assert "N20999" in done.stderr
    assert "is not in Kolada's catalogue" in done.stderr
    assert not (tmp_path / "data" / "releases").exists()


def test_an_area_file_that_is_not_toml_stops_the_run_before_anything_is_begun(
    tmp_path: Path, effektiv: Command
):
    (tmp_path / "areas").mkdir()
    (tmp_path / "areas" / "railways.toml").write_text("title = ")

    done = effektiv("run", "--areas", str(tmp_path / "areas"))

    assert done.returncode == 1
    assert "areas/railways.toml is not TOML" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "data").exists()


def test_a_title_that_differs_from_kolada_stops_the_run_with_both_titles(
    tmp_path: Path, effektiv: Command
):
    areas = bad_area(tmp_path / "areas", "Nettokostnadsavvikelse äldreomsorg", "Nettokostnad")

    done = effektiv("run", "--areas", areas)

    assert done.returncode == 1
    assert "Nettokostnadsavvikelse äldreomsorg, (%)" in done.stderr
    assert "'Nettokostnad, (%)'" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--municipality", "9999"), "Kolada has no municipality 9999"),
        (("--municipality", "Alingsås"), "'Alingsås' is not a municipality's code"),
        (("--area", "railways"), "There is no service area railways"),
        (("--as-of", "yesterday"), "'yesterday' is not a date"),
        (("--as-of", "2020-01-01"), "Nothing was known on 2020-01-01"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence_and_loses_nothing(
    words: tuple[str, ...], said: str, undisturbed: Path, tmp_path: Path, effektiv: Command
):
    shutil.copytree(undisturbed, tmp_path / "data", symlinks=True)

    done = effektiv("run", *(() if "--area" in words else ("--area", AREA)), *words)

    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert faults_of(tmp_path / "data" / "releases" / "latest") == []


def test_a_past_date_before_anything_was_read_says_to_run_first(effektiv: Command):
    done = effektiv("run", "--as-of", "2026-01-01")

    assert done.returncode == 1
    assert "Nothing has been read from Kolada yet" in done.stderr


def test_a_warehouse_that_is_open_elsewhere_is_named_once(
    undisturbed: Path, tmp_path: Path, effektiv: Command
):
    shutil.copytree(undisturbed, tmp_path / "data", symlinks=True)

    with duckdb.connect(str(tmp_path / "data" / "warehouse.duckdb")):
        done = effektiv("run", "--area", AREA)

    assert done.returncode == 1
    assert done.stderr.count("is in use by another process") == 1


def test_runs_that_were_killed_are_swept_so_that_they_block_nothing(tmp_path: Path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        killed = dg.DagsterRun(job_name="benchmark", status=dg.DagsterRunStatus.STARTED)
        instance.add_run(killed)

        assert sweep(instance) == 1

        assert instance.get_run_by_id(killed.run_id).status == dg.DagsterRunStatus.FAILURE
        assert any(SWEPT in str(record) for record in instance.all_logs(killed.run_id))


def test_the_manifest_names_code_packages_ledger_and_moment(undisturbed: Path):
    manifest = json.loads((undisturbed / "releases" / "latest" / "manifest.json").read_text())

    assert datetime.fromisoformat(manifest["as_of"]).tzinfo is not None
    assert len(manifest["ledger"]["sha256"]) == 64
    assert manifest["code"]["packages"].keys() >= {"polars", "duckdb", "numpy"}
    assert manifest["service_areas"] == [AREA]
