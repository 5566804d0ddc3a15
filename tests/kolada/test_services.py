"""Every service area of the simulated Sweden: identities, indices, truth and what is missing."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from kolada.sample import SimulatedSweden, simulated_sweden
from kolada.simulated.catalogue import inhabitants
from kolada.simulated.community import culture, leisure
from kolada.simulated.model import Dice, performance, structure
from kolada.simulated.net_cost import FAMILY_CARE_SHARES, IDENTITIES
from kolada.simulated.opinion import QUESTIONS
from kolada.simulated.social import child_welfare, labour_market

MARGINS = {kpi: one.margin for kpi, one in QUESTIONS.items() if one.margin}


@pytest.fixture(scope="module")
def sweden() -> SimulatedSweden:
    return simulated_sweden()


@pytest.fixture(scope="module")
def totals(sweden) -> pl.DataFrame:
    """Municipalities' rows for both genders together, hidden ones too."""
    return sweden.archive.observation.filter(pl.col("municipality") != "0000", gender="T")


def side_by_side(totals: pl.DataFrame, *kpis: str) -> pl.DataFrame:
    return (
        totals.filter(pl.col("kpi").is_in(kpis))
        .pivot(on="kpi", index=["municipality", "period"], values="value")
        .sort("municipality", "period")
    )


def scaled(values: np.ndarray) -> np.ndarray:
    """RKA's scale, written from its description; nan stays nan."""
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return np.minimum(np.maximum((values - low) / (high - low), 0), 1) * 100


def of_period(totals: pl.DataFrame, period: int, *kpis: str) -> dict[str, np.ndarray]:
    everyone = totals.select(pl.col("municipality").unique()).sort("municipality")
    return {
        kpi: everyone.join(totals.filter(kpi=kpi, period=period), on="municipality", how="left")[
            "value"
        ].to_numpy()
        for kpi in kpis
    }


# What is simulated.


@pytest.mark.shared
def test_every_candidate_of_the_field_is_simulated_with_the_margin_of_its_survey(
    sweden, shared: Path
):
    def rows(name: str) -> list[dict[str, str]]:
        with (shared / "domain" / name).open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    candidates = {
        row["kpi"]
        for row in rows("candidate_indicators.csv")
        if row["role"] not in {"retired", "unit_only"}
    }
    margins = {
        row["uncertainty_kpi"]
        for row in rows("survey_uncertainty_map.csv")
        if row["kpi"] in candidates
    }

    known = {row["id"] for row in sweden.archive.kpi}
    assert len(candidates) > 200
    assert len(margins) == 21
    assert candidates | margins <= known


@pytest.mark.shared
def test_margins_belong_to_the_questions_that_kolada_says(shared: Path):
    with (shared / "domain" / "survey_uncertainty_map.csv").open(encoding="utf-8") as file:
        pairs = {row["kpi"]: row["uncertainty_kpi"] for row in csv.DictReader(file)}

    assert {kpi: pairs.get(kpi) for kpi in QUESTIONS} == {
        kpi: one.margin for kpi, one in QUESTIONS.items()
    }


@pytest.mark.shared
def test_dates_are_those_of_kolada_moved_by_whole_years(sweden, shared: Path):
    name = "kolada/catalogue/kpi_2026-03-23_v3.json"
    real = {row["id"]: row for row in json.loads((shared / name).read_text("utf-8"))["values"]}
    late = {"N20048"}  # made late on purpose
    by_hand = {row["id"] for row in sweden.archive.kpi[:43]}  # dates of the year that was

    for row in sweden.archive.kpi:
        if row["id"] in late | by_hand or row["publication_date"] is None:
            continue
        theirs = real[row["id"]]
        assert row["publication_date"][4:] == theirs["publication_date"][4:], row["id"]
        moved = int(row["publ_period"]) - int(theirs["publ_period"])
        assert int(row["publication_date"][:4]) - int(theirs["publication_date"][:4]) == moved


def test_a_service_drawn_alone_has_the_values_that_it_has_in_the_whole(totals):
    size = inhabitants()
    period = np.arange(2015, 2026, dtype=np.float64)[:, None]
    dice = Dice(1489, (11, 290))
    county = np.array([int(id_[:2]) for id_ in size], dtype=np.intp)
    given = structure(dice, period, np.array(list(size.values()), dtype=np.float64), county)

    for draw, area, kpi in (
        (culture, "culture", "N09807"),
        (leisure, "leisure", "N09018"),
        (child_welfare, "child_welfare", "N33006"),
        (labour_market, "labour_market", "N40011"),
    ):
        alone = draw(dice, given, performance(dice, area))[kpi].by_gender["T"]
        for t, year in enumerate(range(2015, 2026)):
            assert_allclose(of_period(totals, year, kpi)[kpi], alone[t])


def test_no_two_draws_share_a_stream_but_those_that_are_meant_to(monkeypatch):
    names = Counter()
    stream = Dice.stream

    def counted(self: Dice, name: str) -> np.random.Generator:
        names[name] += 1
        return stream(self, name)

    monkeypatch.setattr(Dice, "stream", counted)
    simulated_sweden(first_period=2025)

    # One union, one year, one cohort, one will: the same numbers in several places.
    assert {name for name, times in names.items() if times > 1} == {
        "rescue unions", "year of grades", "cohort luck K", "cohort luck M", "pupil survey",
        "low schooling", "IFO survey will", "IFO survey will this year", "employee survey will",
        "employee survey will this year",
    }  # fmt: skip


# Identities of cost.


@pytest.mark.parametrize("deviation", IDENTITIES)
def test_net_cost_is_the_reference_cost_and_its_deviation(totals, deviation):
    net, reference, mnkr = IDENTITIES[deviation]
    wide = side_by_side(totals, deviation, net, reference, mnkr, "N01951").drop_nulls()

    found = 100 * (wide[net] / wide[reference] - 1)
    # Whole kronor: half of one in the net cost and half of one in the reference cost.
    assert ((found - wide[deviation]).abs() <= 100 * 1.1 / wide[reference]).all()
    in_mnkr = (wide[net] - wide[reference]) * wide["N01951"] / 1e6
    assert_allclose(wide[mnkr], in_mnkr, atol=0.0501)
    assert wide.height > 0.98 * 290 * 7
    assert wide["period"].min() == 2019


def test_all_net_costs_together_deviate_as_the_total_does(totals):
    parts = [kpi for kpi in IDENTITIES if kpi != "N28018"]
    ids = [id_ for kpi in parts for id_ in IDENTITIES[kpi][:2]]
    wide = side_by_side(totals, "N00097", *ids).drop_nulls()

    net = sum(wide[IDENTITIES[kpi][0]] for kpi in parts)
    reference = sum(wide[IDENTITIES[kpi][1]] for kpi in parts)

    assert_allclose(100 * (net / reference - 1), wide["N00097"], atol=0.02)
    assert wide.height > 0.98 * 290 * 7


def test_family_care_and_income_support_make_up_individual_and_family_care(totals):
    parts = ["N31008", *FAMILY_CARE_SHARES]
    wide = side_by_side(totals, "N30005", *parts).drop_nulls()

    apart = sum(wide[kpi] for kpi in parts) - wide["N30005"]
    # Whole kronor each; where income support is nearly all of it, the rest is never below 100.
    assert (apart.abs() <= 3).mean() > 0.97
    assert (apart >= -3).all()


def test_the_three_costs_of_adult_education_deviate_from_its_reference_as_in_truth(sweden, totals):
    wide = side_by_side(totals, "N18004", "N18005", "N18008", "N00153")
    truth = sweden.truth.filter(service_area="adult_education")
    deviation = 100 * ((pl.col("N18004") + pl.col("N18005") + pl.col("N18008")) / pl.col("N00153"))

    both = wide.with_columns(deviation=deviation - 100).join(truth, on=["municipality", "period"])

    assert both.select(pl.corr("deviation", "cost_level")).item() > 0.9
    assert abs(both["deviation"].mean()) < 3


@pytest.mark.parametrize(
    ("whole", "parts"),
    [
        ("N09022", ["N09026", "N09023"]),
        ("N09018", ["N09021", "N09020"]),
        ("N07039", ["N07025"]),
        ("N05002", ["N05011"]),
        ("N33006", ["N33022"]),
        ("U07427", ["U07501"]),
        ("N11043", ["N11810"]),
        ("N31814", ["N31816"]),
    ],
)
def test_a_whole_is_more_than_its_parts(totals, whole, parts):
    wide = side_by_side(totals, whole, *parts).drop_nulls()

    assert wide.height > 2000
    assert (wide[whole] > sum(wide[part] for part in parts)).all()


def test_the_adjusted_cost_of_a_pupil_is_cost_less_grants_at_the_mean_reference(totals):
    wide = side_by_side(totals, "U15049", "N15060", "U15041").drop_nulls()

    grants = wide.with_columns(grant=pl.col("N15060") - pl.col("U15049") / pl.col("U15041"))
    # What is left are the state grants, which grow by 3.4 % a year everywhere.
    level = grants.with_columns(
        grant=pl.col("grant") / (0.034 * (pl.col("period").cast(pl.Float64) - 2025)).exp()
    )
    spread = level.group_by("municipality").agg(
        (pl.col("grant").max() / pl.col("grant").min() - 1).alias("apart"),
        pl.col("grant").mean(),
    )
    assert spread["apart"].max() < 1e-3
    assert spread["grant"].min() > 4_000
    assert spread["grant"].max() < 14_000


def test_the_adjusted_cost_of_income_support_is_the_net_cost_at_the_mean_model(totals):
    wide = side_by_side(totals, "U31003", "U31004", "N31009")
    mean = wide.group_by("period").agg(pl.col("U31004").mean().alias("mean"))
    net = wide.join(mean, on="period").drop_nulls()
    net = net.with_columns(net=pl.col("U31003") * pl.col("U31004") / pl.col("mean"))

    # The share of those aged 18-64, which no period changes, is all that is between them.
    share = net.with_columns(share=pl.col("net") / pl.col("N31009"))
    by_municipality = share.group_by("municipality").agg(
        pl.col("share").mean(), pl.col("share").std().alias("apart")
    )
    assert by_municipality["apart"].max() < 0.002
    assert by_municipality["share"].is_between(0.48, 0.66).all()


# RKA's indices from the components that are published.


@pytest.mark.parametrize("period", [2019, 2025])
@pytest.mark.parametrize(
    ("index", "lower", "higher"),
    [
        ("U11001", ["N11032", "N11024"], []),
        ("U11404", ["N11010"], ["N11810", "N11800"]),
        ("U28001", ["N28013", "N28015", "N28018"], []),
        ("U31401", ["N31814"], []),
    ],
)
def test_an_index_follows_from_its_components(totals, period, index, lower, higher):
    given = of_period(totals, period, index, *lower, *higher)

    sides = [scaled(-given[kpi]) for kpi in lower] + [scaled(given[kpi]) for kpi in higher]
    expected = scaled(np.mean(sides, axis=0))

    assert np.isfinite(expected).sum() > 240
    assert_allclose(given[index], expected, atol=1e-5)


@pytest.mark.parametrize(("index", "cost"), [("U17001", "U17031"), ("U31002", "U31003")])
def test_a_resource_index_of_one_cost_is_scaled_once(totals, index, cost):
    given = of_period(totals, 2025, index, cost)

    assert_allclose(given[index], scaled(-given[cost]), atol=1e-5)


@pytest.mark.parametrize("period", [2020, 2025])
def test_quality_of_disability_services_takes_last_years_answer_where_there_is_none(totals, period):
    kpis = ("U28663", "U28561")
    now = of_period(totals, period, "U28408", *kpis)
    before = of_period(totals, period - 1, *kpis)

    answers = [np.where(np.isfinite(now[kpi]), now[kpi], before[kpi]) for kpi in kpis]
    expected = scaled(np.mean([scaled(each) for each in answers], axis=0))

    assert_allclose(now["U28408"], expected, atol=1e-5)
    # It matters, and who has neither year has no index.
    assert np.isfinite(expected).sum() > 1.1 * np.isfinite(now[kpis[0]] + now[kpis[1]]).sum()
    assert np.isnan(expected).sum() > 0


@pytest.mark.parametrize("period", [2019, 2025])
def test_quality_of_upper_secondary_is_three_quarters_degrees_beyond_the_expected(totals, period):
    now = of_period(totals, period, "U17401", "N17467", "U17508", "N15820", "N15818")
    before = of_period(totals, period - 1, "U17508")
    known = np.isfinite(now["N17467"])
    causes = np.column_stack([np.ones(290), now["N15820"], now["N15818"]])
    effect = np.linalg.lstsq(causes[known], now["N17467"][known], rcond=None)[0]
    survey = np.where(np.isfinite(now["U17508"]), now["U17508"], before["U17508"])

    beyond = now["N17467"] - causes @ effect
    expected = scaled(0.75 * scaled(beyond) + 0.25 * scaled(survey))

    assert np.isfinite(expected).sum() > 200
    assert_allclose(now["U17401"], expected, atol=1e-5)


@pytest.mark.parametrize(
    ("resource", "quality", "efficiency"),
    [
        ("U11001", "U11404", "U11901"),
        ("U17001", "U17401", "U17900"),
        ("U28001", "U28408", "U28900"),
        ("U31002", "U31401", "U31904"),
    ],
)
def test_an_efficiency_index_is_the_mean_of_both_sides_scaled_again(
    totals, resource, quality, efficiency
):
    for period in (2020, 2025):
        given = of_period(totals, period, resource, quality, efficiency)

        expected = scaled((given[resource] + given[quality]) / 2)

        assert_allclose(given[efficiency], expected, atol=1e-5)


# The truth can be found.


@pytest.mark.parametrize(
    ("kpi", "area", "level", "least", "most"),
    [
        ("N11024", "preschool", "cost_level", 0.75, 0.9),
        ("N11032", "preschool", "cost_level", 0.75, 0.95),
        ("N00530", "preschool", "quality_level", 0.6, 0.85),
        ("N13020", "leisure_centre", "cost_level", 0.85, 0.97),
        ("N13037", "leisure_centre", "quality_level", 0.35, 0.65),
        ("U17031", "upper_secondary_school", "cost_level", 0.96, 1),
        ("N17467", "upper_secondary_school", "quality_level", 0.5, 0.8),
        ("U17900", "upper_secondary_school", "efficiency", 0.9, 1),
        ("N18961", "adult_education", "quality_level", 0.65, 0.9),
        ("N28018", "disability_services", "cost_level", 0.8, 0.95),
        ("U28663", "disability_services", "quality_level", 0.55, 0.85),
        ("U28900", "disability_services", "efficiency", 0.75, 0.95),
        ("N30001", "social_services", "cost_level", 0.9, 0.98),
        ("U30453", "social_services", "quality_level", 0.5, 0.85),
        ("U31003", "income_support", "cost_level", 0.97, 1),
        ("N31814", "income_support", "quality_level", -0.9, -0.6),
        ("U31904", "income_support", "efficiency", 0.75, 0.95),
        ("N33006", "child_welfare", "cost_level", 0.7, 0.9),
        ("U33401", "child_welfare", "quality_level", -0.8, -0.5),
        ("N40011", "labour_market", "cost_level", 0.4, 0.75),
        ("U40455", "labour_market", "quality_level", 0.5, 0.8),
        ("N09022", "culture", "cost_level", 0.5, 0.8),
        ("N00593", "culture", "quality_level", 0.7, 0.9),
        ("N09018", "leisure", "cost_level", 0.55, 0.85),
        ("U09800", "leisure", "quality_level", 0.5, 0.8),
        ("U07427", "streets_and_parks", "cost_level", 0.6, 0.9),
        ("N00605", "streets_and_parks", "quality_level", 0.65, 0.9),
        ("N07041", "rescue_service", "cost_level", 0.4, 0.75),
        ("U07442", "rescue_service", "quality_level", -0.6, -0.25),
        ("N07026", "environment_and_health", "cost_level", 0.5, 0.8),
        ("U07449", "environment_and_health", "quality_level", 0.65, 0.9),
        ("N07038", "planning_and_building", "cost_level", 0.45, 0.75),
        ("N00820", "planning_and_building", "quality_level", -0.8, -0.5),
        ("N40009", "business_climate", "cost_level", 0.4, 0.75),
        ("U07453", "business_climate", "quality_level", 0.65, 0.9),
        ("N05002", "administration", "cost_level", 0.35, 0.7),
        ("N00647", "administration", "quality_level", 0.65, 0.92),
        ("U37009", "guardianship", "cost_level", 0.7, 0.92),
    ],
)
def test_means_over_periods_tell_as_much_of_the_truth_as_designed(
    sweden, totals, kpi, area, level, least, most
):
    truth = sweden.truth.filter(service_area=area)
    means = (
        totals.filter(kpi=kpi)
        .drop_nulls("value")
        .join(truth, on=["municipality", "period"])
        .group_by("municipality")
        .agg(pl.col("value", level).mean())
    )

    assert least < means.select(pl.corr("value", level)).item() < most


@pytest.mark.parametrize("kpi", ["U17031", "N28013", "N11032", "N09026", "N28015", "N17467"])
def test_the_small_change_more_from_year_to_year(totals, kpi):
    size = totals.filter(kpi="N01951", period=2025).select("municipality", size="value")
    change = (
        totals.filter(kpi=kpi)
        .join(size, on="municipality")
        .sort("municipality", "period")
        .with_columns(change=pl.col("value").log().diff().over("municipality"))
    )

    small = change.filter(pl.col("size") < 12_000)["change"].std()
    large = change.filter(pl.col("size") > 50_000)["change"].std()
    assert small > 1.2 * large


# The citizen survey and its margins.


def test_two_in_three_take_part_in_the_citizen_survey_and_the_large_more_often(totals):
    rows = totals.filter(kpi="N00528")
    size = totals.filter(kpi="N01951", period=2025).select("municipality", size="value")
    times = size.join(rows.group_by("municipality").len(), on="municipality", how="left")
    taken = times.with_columns(pl.col("len").fill_null(0))

    assert rows["period"].min() == 2021
    assert 0.6 < rows.height / (290 * 5) < 0.72
    small, large = (
        taken.group_by(pl.col("size") > 25_000).agg(pl.col("len").mean()).sort("size")["len"]
    )
    assert large > small + 0.5


@pytest.mark.parametrize("kpi", MARGINS)
def test_a_margin_is_1_96_standard_errors_of_the_share_beside_it(totals, kpi):
    wide = side_by_side(totals, kpi, MARGINS[kpi], "N00528").drop_nulls()
    weights = pl.when(pl.col("period") >= 2025).then(1.3).otherwise(1.0)
    share = pl.col(kpi) / 100

    # How many of those who answered have an opinion is a constant of the question.
    known = wide.with_columns(
        opinion=1.96**2 * 1e4 * share * (1 - share) / pl.col(MARGINS[kpi]) ** 2
        * weights / pl.col("N00528")
    )["opinion"]  # fmt: skip

    assert known.median() == pytest.approx(QUESTIONS[kpi].opinion, abs=0.01)
    # Margins have one decimal, of which half is up to 4 % of the smallest.
    assert known.is_between(0.85 * known.median(), 1.15 * known.median()).mean() > 0.97


def test_the_true_share_is_within_the_margin_19_times_of_20(sweden, totals):
    inside = {}
    for kpi, margin in MARGINS.items():
        both = side_by_side(totals, kpi, margin).join(
            sweden.survey_truth.filter(kpi=kpi), on=["municipality", "period"]
        )
        inside[kpi] = ((both[kpi] - both["true_pct"]).abs() <= both[margin]).mean()

    # 21 questions to some 960 municipalities and years: 0.95 with a standard error of 0.0015.
    assert np.mean(list(inside.values())) == pytest.approx(0.95, abs=0.006)
    assert min(inside.values()) > 0.925


def test_margins_of_women_and_men_are_wider_than_of_both(sweden):
    wide = sweden.archive.observation.filter(pl.col("municipality") != "0000", kpi="U01533").pivot(
        on="gender", index=["municipality", "period"], values="value"
    )

    assert wide.select((pl.min_horizontal("K", "M") > pl.col("T")).mean()).item() == 1


def test_weights_lower_the_level_and_widen_the_margin_from_2025(totals):
    wide = side_by_side(totals, "N00533", "U01533", "N00528").drop_nulls()
    took_part_twice = wide.filter(pl.col("period") >= 2024).filter(
        pl.len().over("municipality") == 2
    )
    before = took_part_twice.filter(period=2024)
    after = took_part_twice.filter(period=2025)

    # 0.12 on the logit of some 58 %.
    assert (after["N00533"] - before["N00533"]).mean() == pytest.approx(-2.9, abs=0.9)
    wider = (after["U01533"] * after["N00528"].sqrt()).mean()
    as_before = (before["U01533"] * before["N00528"].sqrt()).mean()
    assert wider / as_before == pytest.approx(np.sqrt(1.3), abs=0.02)


def test_a_composite_is_the_mean_of_its_questions(totals):
    wide = side_by_side(totals, "U07505", "N00600", "N00601", "N00602", "N00605").drop_nulls()

    mean = (wide["N00600"] + wide["N00601"] + wide["N00602"] + wide["N00605"]) / 4
    assert_allclose(wide["U07505"], mean, atol=0.101)


# What is missing, and since when there is something.


def test_own_upper_secondary_school_is_missing_in_the_same_40_municipalities(totals):
    own = ["U17031", "N17467", "N17451", "N17691", "N18621", "N17826", "N17817"]
    have = {
        kpi: set(totals.filter(kpi=kpi)["municipality"])
        for kpi in [*own, "N17673", "U17508", "N17005", "N17457", "N17001"]
    }

    assert all(len(have[kpi]) == 250 for kpi in own)
    assert len({frozenset(have[kpi]) for kpi in own}) == 1
    assert have["N17673"] <= have["U17031"] >= have["U17508"]
    assert all(len(have[kpi]) == 290 for kpi in ("N17005", "N17457", "N17001"))
    size = totals.filter(kpi="N01951", period=2025).select("municipality", "value")
    without = size.filter(~pl.col("municipality").is_in(list(have["U17031"])))
    assert without["value"].median() < 0.5 * size["value"].median()


@pytest.mark.parametrize(
    ("kpi", "answers", "fewest"),
    [("U28561", "U33960", 5), ("U30453", "U30901", 10), ("U30452", "U30901", 10)],
)
def test_user_surveys_are_patchy_and_hide_few_answers(totals, kpi, answers, fewest):
    shares, n = totals.filter(kpi=kpi), totals.filter(kpi=answers)
    both = shares.join(n, on=["municipality", "period"], suffix="_n")

    assert shares["period"].min() == 2018
    assert 0.4 < shares.height / (290 * 8) < 0.85
    assert n["value"].min() >= fewest
    assert (both["value"].is_null() == both["value_n"].is_null()).all()
    assert 0 < both["value"].null_count() / both.height < 0.2


@pytest.mark.parametrize("kpi", ["U31402", "U33401", "U40455", "N00820", "U11200", "U07447"])
def test_what_is_collected_by_oneself_is_patchy_and_mostly_by_the_same(totals, kpi):
    rows = totals.filter(kpi=kpi)
    share = rows.height / (290 * 11)
    times = rows.group_by("municipality").len()["len"]

    assert 0.5 < share < 0.9
    # With independent years hardly anybody would do it always.
    assert (times == 11).sum() > 1.5 * 290 * share**11


@pytest.mark.parametrize(
    ("kpi", "first", "last"),
    [
        ("N13020", 2019, 2025),
        ("N11038", 2019, 2025),
        ("N11031", 2015, 2025),
        ("N00157", 2020, 2025),
        ("N00100", 2020, 2025),
        ("N15613", 2022, 2025),
        ("U15402", 2018, 2025),
        ("U11531", 2023, 2025),
        ("U28663", 2018, 2025),
        ("U07453", 2024, 2025),
        ("U07554", 2024, 2025),
        ("N07415", 2024, 2024),
        ("N18621", 2015, 2024),
        ("N18957", 2015, 2024),
        ("N00401", 2015, 2024),
    ],
)
def test_a_kpi_has_values_from_its_first_to_its_last_period(sweden, totals, kpi, first, last):
    periods = totals.filter(kpi=kpi)["period"]

    assert (periods.min(), periods.max()) == (first, last)
    publ_period = next(row["publ_period"] for row in sweden.archive.kpi if row["id"] == kpi)
    assert publ_period == str(last)


def test_there_were_no_national_tests_in_the_pandemic(totals):
    tested = set(totals.filter(kpi="N15452")["period"])

    assert set(range(2015, 2026)) - tested == {2020, 2021}
    assert set(totals.filter(kpi="N15540")["period"]) == set(range(2015, 2026))


@pytest.mark.parametrize(
    ("kpi", "before", "after", "low", "high"),
    [
        ("U07501", 2018, 2019, 0.85, 0.97),  # footpaths are left out
        ("N31814", 2016, 2017, 1.05, 1.2),  # another register
        ("N09807", 2019, 2021, 0.5, 0.6),  # libraries were closed
        ("N09807", 2019, 2023, 0.95, 1.05),
    ],
)
def test_levels_break_where_the_measure_or_the_world_did(totals, kpi, before, after, low, high):
    mean = {
        period: totals.filter(kpi=kpi, period=period)["value"].mean() for period in (before, after)
    }

    assert low < mean[after] / mean[before] < high


def test_members_of_a_rescue_union_pay_the_same_a_head_and_have_one_truth(sweden, totals):
    cost = totals.filter(kpi="N07041").pivot(on="period", index="municipality", values="value")
    unions = (
        cost.with_columns(county=pl.col("municipality").str.head(2))
        .group_by([str(period) for period in range(2015, 2026)])
        .agg(pl.col("municipality"), pl.col("county").n_unique().alias("n_county"))
    )
    members = unions.filter(pl.col("municipality").list.len() > 1)

    assert members["n_county"].unique().to_list() == [1]
    assert 0.5 < members["municipality"].list.len().sum() / 290 < 0.85
    truth = sweden.truth.filter(service_area="rescue_service", period=2025)
    for union in members["municipality"]:
        assert truth.filter(pl.col("municipality").is_in(union))["efficiency"].n_unique() == 1


def test_the_latest_engagement_is_at_most_two_years_old(totals):
    asked = {
        (m, p): v
        for m, p, v in totals.filter(kpi="U00200")
        .select("municipality", "period", "value")
        .iter_rows()
    }
    latest = totals.filter(kpi="U00207").select("municipality", "period", "value")

    assert latest.height > 1.15 * len(asked)
    for m, p, v in latest.iter_rows():
        assert v == next(asked[m, p - back] for back in (0, 1, 2) if (m, p - back) in asked)


# Orders of magnitude.


def test_shares_are_between_0_and_100_and_costs_above_0(sweden, totals):
    title = {row["id"]: row["title"] for row in sweden.archive.kpi}
    free = ("avvikelse", "förändring", "procent", "resultat", "Soliditet", "inskrivna i förskola")
    for (kpi,), one in totals.drop_nulls("value").group_by("kpi"):
        name = title[kpi]
        if any(word in name for word in free) or kpi in {"N00904"}:
            continue
        if "(%)" in name or "ndex" in name:
            assert 0 <= one["value"].min() <= one["value"].max() <= 100, kpi
        elif "miljoner" not in name:
            assert one["value"].min() >= 0, kpi
        if "kr/" in name:
            assert one["value"].min() > 0, kpi


@pytest.mark.parametrize(
    ("kpi", "lowest_mean", "highest_mean", "lowest", "highest"),
    [
        ("N11032", 165_000, 200_000, 90_000, 260_000),
        ("N11800", 84, 91, 60, 112),
        ("N11010", 4.8, 5.4, 3.5, 7),
        ("N11025", 7_500, 10_000, 4_500, 14_000),
        ("N13020", -5, 5, -70, 80),
        ("N13021", 1_400, 2_100, 700, 3_000),
        ("U17031", 125_000, 155_000, 65_000, 200_000),
        ("N17467", 68, 78, 25, 98),
        ("N17691", 13.7, 14.6, 12, 16.5),
        ("N17016", 4_500, 6_000, 3_000, 8_000),
        ("N00153", 600, 1_000, 200, 2_200),
        ("N21006", 290_000, 390_000, 150_000, 600_000),
        ("N23009", 950_000, 1_250_000, 550_000, 1_700_000),
        ("N28013", 1_050_000, 1_400_000, 500_000, 2_000_000),
        ("N28015", 240_000, 330_000, 120_000, 450_000),
        ("N28026", 5_500, 8_000, 2_300, 13_000),
        ("N30007", 4_200, 6_000, 2_000, 9_500),
        ("U31003", 650, 1_250, 300, 2_600),
        ("N31814", 30, 45, 5, 75),
        ("U31402", 12, 20, 2, 80),
        ("U33401", 95, 130, 30, 300),
        ("N40011", 350, 650, 60, 2_200),
        ("N09022", 1_100, 1_600, 400, 3_300),
        ("N09018", 1_700, 2_600, 700, 4_500),
        ("U07427", 60, 120, 20, 260),
        ("N07039", 1_000, 1_700, 350, 3_500),
        ("N07041", 900, 1_350, 400, 2_200),
        ("U07442", 9, 13, 5, 30),
        ("N07026", 100, 190, 25, 500),
        ("U07453", 66, 76, 45, 92),
        ("N40009", 200, 420, 35, 1_900),
        ("N05002", 600, 1_000, 130, 2_600),
        ("U37009", 8_000, 12_500, 3_000, 24_000),
        ("N00901", 21, 22.5, 16.9, 24),
        ("N03102", -2, 5, -10, 12),
        ("N00090", 5.5, 8.5, 3, 13),
        ("N00533", 45, 65, 25, 92),
        ("U01533", 5, 10, 3, 17),
        ("N00528", 350, 500, 80, 800),
    ],
)
def test_the_latest_values_are_plausible(totals, kpi, lowest_mean, highest_mean, lowest, highest):
    of_kpi = totals.filter(kpi=kpi).drop_nulls("value")
    latest = of_kpi.filter(pl.col("period") == pl.col("period").max())["value"]

    assert lowest_mean < latest.mean() < highest_mean
    assert lowest <= of_kpi["value"].min()
    assert of_kpi["value"].max() <= highest
