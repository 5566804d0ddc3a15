"""What a budget consists of, by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.panel import area_arrays
from models.rank.error_budget import (
    answers_variance,
    budget_rows,
    margin_variance,
    period_budget,
    revision_variance,
)
from models.rank.yearly_noise import yearly_noise

PERIODS = [2015, 2016, 2017, 2018, 2019]


def test_a_margin_is_1_96_standard_deviations():
    assert_allclose(margin_variance([1.96, 9.8]), [1, 25])
    assert_allclose(margin_variance(6.0, in_sd=2.0), 9)


def test_a_margin_of_zero_is_not_known():
    assert np.isnan(margin_variance([0.0, -1, np.nan])).all()


def test_the_noise_of_a_share_is_that_of_its_answers_with_four_added():
    # 50 of 96 and two of each kind: 52 of 100.
    assert_allclose(answers_variance(5000 / 96, 96), 1e4 * 0.52 * 0.48 / 100)


def test_a_share_of_all_is_not_without_noise():
    assert answers_variance(100.0, 46) == pytest.approx(1e4 * (48 / 50) * (2 / 50) / 50)
    assert np.isnan(answers_variance([50.0, 50, np.nan], [0, np.nan, 100])).all()


def budget_of(panel_of, area, value, *, position=-1, revisions=None, **panel):
    ((arrays),) = area_arrays(panel_of(area, value, **panel), [area])
    yearly = yearly_noise(
        arrays.value,
        arrays.is_carried,
        periods=arrays.periods,
        breaks=[each.period for each in area.breaks],
    )
    position = position % len(arrays.periods)
    budget = period_budget(arrays, position, yearly, revisions=revisions)
    rows = {(row["indicator"], row["part"]): row for row in budget_rows(arrays, position, budget)}
    return budget, rows, yearly


@pytest.fixture
def surveyed(area_of, indicator_of):
    """An area whose quality is a share of answers, and the values of five years.

    Costs move by the noise of a year; the share is 80 % of 100 answers in every municipality,
    and moves by 5 percentage points, so that 25 is the variance of a change and 12.5 of a value.
    """
    area = area_of()
    quality = replace(area.indicators[1], answers="respondents")
    respondents = indicator_of("respondents", "answers", None, kpi="N10009")
    area = replace(area, indicators=(area.indicators[0], quality, respondents))
    generator = np.random.default_rng(1)
    value = np.empty((5, 30, 3))
    value[:, :, 0] = generator.normal(100, 10, 30) + generator.normal(0, 2, (5, 30))
    # Up in odd years or in even years, so that the country as a whole does not move.
    up = (np.arange(5)[:, np.newaxis] + np.arange(30)) % 2
    value[:, :, 1] = 80 + 5 * (up - 0.5)
    value[:, :, 2] = 100
    return area, value


def test_sampling_noise_is_each_municipalitys_own_and_what_moves_beyond_it_is_everybodys(
    surveyed, panel_of
):
    area, value = surveyed
    value[:, 0, 2] = 900

    budget, rows, yearly = budget_of(panel_of, area, value)

    sampling = answers_variance(value[-1, :, 1], value[-1, :, 2])
    beyond = yearly.pooled[1] - answers_variance(value[:, :, 1], value[:, :, 2]).mean()
    assert yearly.pooled[1] == pytest.approx(12.5)
    assert beyond < 0  # 16 is more than 12.5: nothing is left to add
    assert_allclose(budget.noise.variance[:, 1], sampling)
    assert np.isinf(budget.noise.degrees[:, 1]).all()
    assert rows["quality_0", "answers"]["kind"] == "estimated"
    assert rows["quality_0", "yearly_change"]["sd"] == 0
    assert budget.noise.variance[0, 1] < budget.noise.variance[2, 1] / 7


def test_what_moves_more_than_answers_explain_is_added(surveyed, panel_of):
    area, value = surveyed
    value[:, :, 1] = 80 + 4 * (value[:, :, 1] - 80)  # 20 points: 400 of a change, 200 of a value

    budget, rows, _ = budget_of(panel_of, area, value)

    sampling = answers_variance(value[:, :, 1], value[:, :, 2])
    assert_allclose(budget.noise.variance[:, 1], sampling[-1] + 200 - sampling.mean())
    shares = [rows["quality_0", part]["noise_share"] for part in ("answers", "yearly_change")]
    assert sum(shares) == pytest.approx(1)


def test_a_published_margin_goes_before_answers_and_is_measured(surveyed, indicator_of, panel_of):
    area, value = surveyed
    quality = replace(area.indicators[1], margin="margin")
    margin = indicator_of("margin", "margin", None, kpi="N10008")
    area = replace(area, indicators=(area.indicators[0], quality, area.indicators[2], margin))
    width = np.full((5, 30, 1), 1.96 * 3)
    width[:, 0] = np.nan

    budget, rows, _ = budget_of(panel_of, area, np.concatenate([value, width], axis=2))

    by_margin = rows["quality_0", "margin"]
    assert (by_margin["kind"], by_margin["n_municipality"]) == ("measured", 29)
    assert by_margin["sd"] == pytest.approx(3)
    assert rows["quality_0", "answers"]["n_municipality"] == 1
    assert budget.noise.variance[0, 1] > budget.noise.variance[1, 1]


def test_who_lacks_a_number_of_answers_gets_the_mean_of_the_others_as_an_assumption(
    surveyed, panel_of
):
    area, value = surveyed
    value[-1, :10, 2] = np.nan

    budget, rows, _ = budget_of(panel_of, area, value)

    known = answers_variance(value[-1, 10:, 1], value[-1, 10:, 2])
    assert_allclose(budget.noise.variance[:10, 1], known.mean())
    others = rows["quality_0", "answers_of_others"]
    assert (others["kind"], others["n_municipality"]) == ("assumed", 10)


def test_where_fewer_than_half_have_answers_only_yearly_changes_count(surveyed, panel_of):
    area, value = surveyed
    value[-1, :16, 2] = np.nan

    budget, rows, yearly = budget_of(panel_of, area, value)

    assert ("quality_0", "answers") not in rows
    assert_allclose(budget.noise.variance[:, 1], yearly.variance[:, 1])


def test_with_answers_but_too_few_years_what_moves_beyond_them_is_listed_as_unknown(
    surveyed, panel_of
):
    area, value = surveyed

    budget, rows, _ = budget_of(panel_of, area, value[:3])

    beyond = rows["quality_0", "yearly_change"]
    assert (beyond["kind"], beyond["sd"], beyond["noise_share"]) == ("unknown", None, None)
    assert_array_equal(budget.is_known, [False, True])  # nothing tells the noise of the cost


def test_an_assumption_is_used_where_nothing_else_tells(area_of, panel_of):
    area = area_of()
    area = replace(area, indicators=tuple(replace(i, assumed_sd=3.0) for i in area.indicators))
    value = np.random.default_rng(2).normal(size=(5, 20, 2))

    few, few_rows, _ = budget_of(panel_of, area, value[:3])
    many, many_rows, _ = budget_of(panel_of, area, value)

    assert few.is_known.all()
    assert_allclose(few.noise.variance, 9)
    assert few_rows["cost", "assumed_sd"]["kind"] == "assumed"
    assert ("cost", "assumed_sd") not in many_rows
    assert many.noise.variance.max() < 9


def test_nothing_is_assumed_unasked(area_of, panel_of):
    value = np.random.default_rng(2).normal(size=(3, 20, 2))

    budget, rows, _ = budget_of(panel_of, area_of(), value)

    assert not budget.is_known.any()
    assert np.isnan(budget.noise.variance).all()
    assert rows == {}


def test_a_carried_value_has_twice_the_variance_and_says_that_it_is_assumed(area_of, panel_of):
    value = np.random.default_rng(3).normal(size=(5, 20, 2))
    is_carried = np.zeros(value.shape, dtype=bool)
    is_carried[-1, 3, 1] = True

    budget, rows, yearly = budget_of(panel_of, area_of(), value, is_carried=is_carried)

    assert budget.noise.variance[3, 1] == pytest.approx(2 * yearly.variance[3, 1])
    carried = rows["quality_0", "carried"]
    assert (carried["kind"], carried["n_municipality"]) == ("assumed", 1)
    assert ("cost", "carried") not in rows


def test_a_preliminary_value_has_the_variance_of_earlier_revisions_too(area_of, panel_of):
    value = np.random.default_rng(4).normal(size=(5, 20, 2))

    budget, rows, yearly = budget_of(
        panel_of, area_of(), value, is_preliminary=True, revisions={"N20000": 0.5}
    )

    assert_allclose(budget.noise.variance[:, 0], yearly.variance[:, 0] + 0.5)
    assert_allclose(budget.noise.variance[:, 1], yearly.variance[:, 1])
    assert rows["cost", "revision"]["kind"] == "estimated"
    unknown = rows["quality_0", "revision"]
    assert (unknown["kind"], unknown["sd"]) == ("unknown", None)


def test_the_variance_of_a_revision_is_its_mean_square_where_30_values_have_settled():
    settled = pl.DataFrame(
        {
            "kpi": ["N20000"] * 30 + ["N10000"] * 29,
            "preliminary_value": [10.0] * 59,
            "settled_value": [10.0] * 15 + [12.0] * 15 + [11.0] * 29,
        }
    )

    assert revision_variance(settled) == {"N20000": pytest.approx(2.0)}


def test_a_missing_value_has_no_noise_and_is_not_counted(area_of, panel_of):
    value = np.random.default_rng(5).normal(size=(5, 20, 2))
    value[-1, 0, 0] = np.nan

    budget, rows, _ = budget_of(panel_of, area_of(), value)

    assert np.isnan(budget.noise.variance[0, 0])
    assert budget.is_known.all()
    assert rows["cost", "yearly_change"]["n_municipality"] == 19


def test_reliability_is_what_the_noise_leaves_of_the_variance(area_of, panel_of):
    generator = np.random.default_rng(6)
    value = generator.normal(size=(1, 290, 2)) * [2, 1] + generator.normal(size=(6, 290, 2))

    _, rows, _ = budget_of(panel_of, area_of(), value)

    assert rows["cost", "yearly_change"]["reliability"] == pytest.approx(0.8, abs=0.05)
    assert rows["quality_0", "yearly_change"]["reliability"] == pytest.approx(0.5, abs=0.1)
    assert rows["cost", "yearly_change"]["noise_share"] == pytest.approx(1)
