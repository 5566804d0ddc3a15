"""The recorded archive of 2016-2020, through HTTP, Dagster and DuckDB into a release."""

import csv
import subprocess
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest

from pipelines.publish.release import faults_of
from tests.pipelines.conftest import COMMAND, environment

pytestmark = pytest.mark.shared

FOUR = ("N15008", "N15419", "N15436", "N15505")


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory, shared: Path) -> Path:
    data = tmp_path_factory.mktemp("real")
    done = subprocess.run(
        [*COMMAND, "real", str(shared / "kolada")],
        env=environment(data, "http://127.0.0.1:1/v3"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return data / "releases" / "latest"


@pytest.fixture(scope="module")
def efficiency(release: Path) -> pl.DataFrame:
    return pl.read_parquet(release / "tables" / "efficiency.parquet")


@pytest.fixture(scope="module")
def recorded(shared: Path) -> dict[tuple[str, str], dict[str, float]]:
    """The values of all municipalities by kpi and year, read with nothing of the project."""
    values: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    path = shared / "kolada" / "observations" / "compulsory_school_2016_2020.csv"
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["gender"] == "T" and row["value"] and row["municipality"] != "0000":
                values[row["kpi"], row["period"]][row["municipality"]] = float(row["value"])
    return values


def scaled(values: dict[str, float], *, less_is_better: bool) -> dict[str, float]:
    """RKA's scaling in plain Python: percentiles by linear interpolation, 0-100 between them."""
    ordered = sorted(values.values())

    def percentile(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (place - below) * (ordered[above] - ordered[below])

    low, high = percentile(0.025), percentile(0.975)
    score = {m: min(max((v - low) / (high - low), 0), 1) * 100 for m, v in values.items()}
    return {m: 100 - s if less_is_better else s for m, s in score.items()}


def by_hand(recorded: dict[tuple[str, str], dict[str, float]], year: str) -> dict[str, float]:
    """The efficiency score of every complete municipality, straight from the recipe."""
    cost = scaled(scaled(recorded["N15008", year], less_is_better=True), less_is_better=False)
    parts = [scaled(recorded[kpi, year], less_is_better=False) for kpi in FOUR[1:]]
    complete = set.intersection(*(set(part) for part in parts))
    quality = scaled(
        {m: sum(part[m] for part in parts) / 3 for m in complete}, less_is_better=False
    )
    return {m: (cost[m] + quality[m]) / 2 for m in cost.keys() & quality.keys()}


def test_the_release_of_real_values_is_whole_and_has_every_municipality_in_every_year(
    release: Path, efficiency: pl.DataFrame
):
    assert faults_of(release) == []
    assert efficiency.group_by("period").len().sort("period").rows() == [
        (year, 290) for year in range(2016, 2021)
    ]


@pytest.mark.parametrize("year", [2016, 2017, 2018, 2019])
def test_scores_are_those_of_the_recipe_in_plain_python(
    year: int,
    efficiency: pl.DataFrame,
    recorded: dict[tuple[str, str], dict[str, float]],
):
    ranked = efficiency.filter(period=year, status="ranked")

    expected = by_hand(recorded, str(year))
    found = dict(ranked.select("municipality", "efficiency_score").rows())
    assert found.keys() == expected.keys()
    assert max(abs(found[m] - expected[m]) for m in expected) < 1e-9


@pytest.mark.parametrize("year", [2016, 2019])
def test_the_rank_is_one_more_than_the_number_of_better_municipalities(
    year: int,
    efficiency: pl.DataFrame,
    recorded: dict[tuple[str, str], dict[str, float]],
):
    expected = by_hand(recorded, str(year))

    ranks = efficiency.filter(period=year).drop_nulls("efficiency_rank")
    for municipality, rank in ranks.select("municipality", "efficiency_rank").rows():
        better = sum(score > expected[municipality] + 1e-9 for score in expected.values())
        assert rank == better + 1


def test_in_2016_the_four_without_all_values_are_not_ranked(efficiency: pl.DataFrame):
    rows = efficiency.filter(period=2016)

    assert rows.filter(status="ranked").height == 286
    assert rows["n_ranked"].unique().to_list() == [286]
    left = rows.filter(pl.col("status") != "ranked")
    assert left.height == 4
    assert left["efficiency_rank"].null_count() == 4


def test_in_2020_nobody_is_ranked_and_coverage_says_that_107_have_a_cost(
    release: Path, efficiency: pl.DataFrame
):
    coverage = pl.read_parquet(release / "tables" / "coverage.parquet")
    areas = pl.read_parquet(release / "tables" / "area_coverage.parquet")

    rows = efficiency.filter(period=2020)
    assert rows["status"].unique().to_list() == ["coverage_below_gate"]
    assert rows["efficiency_score"].null_count() == 290
    cost = coverage.filter(period=2020, kpi="N15008").row(0, named=True)
    assert (cost["n_value"], cost["n_municipality"]) == (107, 290)
    area = areas.filter(period=2020).row(0, named=True)
    assert (area["n_cost"], area["is_covered"]) == (107, False)


def test_what_is_not_ranked_is_in_set_aside_with_its_reason(
    release: Path, efficiency: pl.DataFrame
):
    aside = pl.read_parquet(release / "tables" / "set_aside.parquet")

    unranked = efficiency.filter(pl.col("status") != "ranked").select("period", "municipality")
    with_reason = aside.filter(pl.col("role").is_in(["cost", "quality"]))
    complete = unranked.filter(pl.col("period") < 2020)
    assert complete.join(with_reason, on=["period", "municipality"], how="anti").is_empty()


def test_the_peers_of_alingsas_are_the_seven_of_kolada_and_their_mean_is_theirs(
    release: Path, efficiency: pl.DataFrame
):
    peers = pl.read_parquet(release / "tables" / "peer.parquet")

    seven = peers.filter(municipality="1489", peer_group="grundskola")["peer"].to_list()
    assert sorted(seven) == ["0381", "0486", "0662", "0682", "1282", "1285", "1415"]
    rows = efficiency.filter(period=2019)
    own = rows.row(by_predicate=pl.col("municipality") == "1489", named=True)
    theirs = rows.filter(pl.col("municipality").is_in(seven))["efficiency_score"].drop_nulls()
    assert own["peer_mean"] == pytest.approx(sum(theirs) / len(theirs), abs=1e-9)


def test_real_values_are_marked_as_a_proposal_and_not_as_simulated(release: Path):
    svg = (release / "charts" / "compulsory_school" / "ranking.svg").read_text(encoding="utf-8")

    assert "FÖRSLAG" in svg
    assert "SIMULERADE" not in svg
    assert "Egen bearbetning av data från Kolada" in svg
