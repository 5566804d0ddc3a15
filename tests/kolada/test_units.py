"""The schools of the simulated Sweden beside their municipalities and beside the truth."""

import polars as pl
import pytest
from numpy.testing import assert_allclose

from kolada.client import KoladaClient
from kolada.local import serving
from kolada.query import Query
from kolada.sample import SimulatedSweden, simulated_sweden

KPIS = ["N15436", "N15505"]


@pytest.fixture(scope="module")
def sweden() -> SimulatedSweden:
    return simulated_sweden()


@pytest.fixture(scope="module")
def schools(sweden) -> pl.DataFrame:
    """Totals, a row per kpi, ou and period, with the municipality and the pupils."""
    home = pl.DataFrame(sweden.archive.ou).select(pl.col("id").alias("ou"), "municipality")
    return (
        sweden.archive.ou_observation.filter(gender="T")
        .join(home, on="ou")
        .join(sweden.unit_pupils, on=["ou", "period"])
    )


def weighted(value: str) -> pl.Expr:
    return (pl.col(value) * pl.col("n_pupil")).sum() / pl.col("n_pupil").sum()


def test_every_municipality_has_schools_and_the_larger_have_more(sweden):
    n_school = pl.DataFrame(sweden.archive.ou).group_by("municipality").len(name="n")
    size = sweden.archive.observation.filter(kpi="N01951", period=2025, gender="T")
    both = size.join(n_school, on="municipality", how="left").filter(
        pl.col("municipality") != "0000"
    )

    assert both["n"].null_count() == 0
    assert both["n"].min() == 1
    assert 50 < both.filter(municipality="0180")["n"].item() <= 60
    assert both.select(pl.corr("n", "value", method="spearman")).item() > 0.9


def test_a_school_is_called_as_kolada_would_and_is_seen_to_be_simulated(sweden):
    row = next(row for row in sweden.archive.ou if row["municipality"] == "1489")

    assert row == {
        "id": "V15E148900101",
        "title": "Simulerade skolan 1, Alingsås",
        "municipality": "1489",
    }


def test_every_school_has_a_row_for_each_kpi_period_and_gender(sweden):
    rows = sweden.archive.ou_observation
    divided = {row["id"] for row in sweden.archive.kpi if row["has_ou_data"]}

    assert rows["kpi"].unique().sort().to_list() == KPIS
    assert divided >= set(KPIS)
    assert rows.height == len(KPIS) * len(sweden.archive.ou) * 11 * 3
    assert not rows.select("kpi", "ou", "period", "gender").is_duplicated().any()


def test_the_small_are_hidden_and_nobody_else(sweden, schools):
    assert (schools["value"].is_null() == (schools["n_pupil"] < 10)).all()
    assert (schools["value"].is_null() == (schools["status"] == "Missing")).all()
    assert schools["value"].null_count() > 0

    girls = (
        sweden.archive.ou_observation.filter(gender="K")
        .join(sweden.unit_pupils, on=["ou", "period"])
        .with_columns(pl.col("value").is_null().alias("is_hidden"))
    )
    assert girls.filter("is_hidden")["n_pupil"].max() < 30
    assert girls.filter(~pl.col("is_hidden"))["n_pupil"].min() >= 20
    assert 0.005 < girls["is_hidden"].mean() < 0.05


@pytest.mark.parametrize(("kpi", "usual", "most"), [("N15505", 0.1, 1), ("N15436", 0.2, 3)])
def test_the_mean_of_the_schools_is_the_municipalitys_own_value(sweden, schools, kpi, usual, most):
    own = sweden.archive.observation.filter(kpi=kpi, gender="T").select(
        "municipality", "period", own="value"
    )
    both = (
        schools.filter(kpi=kpi)
        .drop_nulls("value")
        .group_by("municipality", "period")
        .agg(weighted("value").alias("mean"), pl.len().alias("n"))
        .join(own.drop_nulls(), on=["municipality", "period"])
    )
    apart = (both["mean"] - both["own"]).abs()

    # Whole pupils, one decimal, and schools that are hidden.
    assert both.height > 0.98 * 290 * 11
    assert apart.mean() < usual
    assert apart.max() < most
    assert apart.filter(both["n"] == 1).max() < 1e-9


def test_a_school_stays_better_or_worse_than_those_beside_it(schools):
    apart = schools.drop_nulls("value").with_columns(
        apart=pl.col("value") - weighted("value").over("kpi", "municipality", "period")
    )
    among_many = apart.filter(pl.col("ou").n_unique().over("municipality") > 4)
    wide = among_many.pivot(on="period", index=["kpi", "ou"], values="apart").drop_nulls()

    for (kpi,), each in wide.group_by("kpi"):
        assert each.select(pl.corr("2015", "2025")).item() > 0.5, kpi


def test_what_is_seen_gives_the_truth_once_luck_is_taken_away(sweden, schools):
    # A pupil's luck is 30 points, and of the schools of a municipality one mean is given.
    seen = (
        schools.filter(kpi="N15505")
        .drop_nulls("value")
        .with_columns(
            mean=weighted("value").over("municipality", "period"),
            n_of_all=pl.col("n_pupil").sum().over("municipality", "period"),
        )
        .with_columns(
            between=(pl.col("mean") - weighted("value").over("period")) ** 2,
            within=(pl.col("value") - pl.col("mean")) ** 2
            - 30**2 * (1 / pl.col("n_pupil") - 1 / pl.col("n_of_all")),
        )
        .group_by("period")
        .agg(weighted("between").alias("between"), weighted("within").alias("within"))
        .sort("period")
    )
    truth = sweden.unit_truth.filter(kpi="N15505").sort("period")

    assert_allclose(seen["between"], truth["variance_between"], rtol=0.01)
    assert_allclose(seen["within"], truth["variance_within"], rtol=0.05)


def test_most_of_the_difference_between_schools_lies_within_municipalities(sweden):
    truth = sweden.unit_truth

    assert truth.select("kpi", "period").n_unique() == truth.height == len(KPIS) * 11
    found = truth["variance_between"] / (truth["variance_between"] + truth["variance_within"])
    assert_allclose(truth["icc"], found)
    assert truth["icc"].is_between(0.25, 0.5).all()


def test_units_and_their_values_are_answered_over_http(sweden):
    with serving(sweden.archive) as url, KoladaClient(url, rate=None) as kolada:
        units = list(kolada.answer(Query("ou", municipality=("1489",))).records())
        of_units = list(
            kolada.ou_observations(kpi=["N15505"], municipality=["1489"], period=[2025])
        )
        by_id = list(kolada.ou_observations(kpi=["N15436"], ou=["V15E148900101"]))

    assert [row["id"] for row in units] == [f"V15E1489{n:03d}01" for n in range(1, 6)]
    assert [row["ou"] for row in of_units] == [row["id"] for row in units]
    assert {value["gender"] for row in of_units for value in row["values"]} == {"T", "K", "M"}
    assert [row["period"] for row in by_id] == list(range(2015, 2026))
