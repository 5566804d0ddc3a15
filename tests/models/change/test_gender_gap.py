"""The distance between women and men, and the flag of its own that it has."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from models.change.gender_gap import gap_changes, gap_label, gender_gap, normal_equivalent

N, YEARS = 60, 8


def observed(women, men):
    """Return observations of quality_0 (N10000) from 2015 on, of (n_period, n) levels."""
    rows = [
        ("N10000", f"{1000 + m}", 2015 + t, gender, float(value))
        for gender, level in (("K", women), ("M", men), ("T", (women + men) / 2))
        for t, year in enumerate(level)
        for m, value in enumerate(year)
        if not np.isnan(value)
    ]
    columns = ["kpi", "municipality", "period", "gender", "value"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def world(seed, *, gap=5.0):
    generator = np.random.default_rng(seed)
    level = generator.normal(70, 5, N)
    women = level + gap + 2 * generator.normal(size=(YEARS, N))
    return women, level + 2 * generator.normal(size=(YEARS, N))


def labels(area, women, men, **options):
    names = [f"{1000 + m}" for m in range(N)]
    options = {"threshold": 2.0} | options
    return gap_changes(observed(women, men), [area], names, **options)


def test_the_gap_has_no_sign_and_the_lowest_is_the_group_that_is_worse_off():
    women, men = [80.0, 60, np.nan, 70], [60.0, 80, 70, np.nan]

    higher = gender_gap(women, men, direction="higher")
    lower = gender_gap(women, men, direction="lower")

    assert_array_equal(higher.gap, [20, 20, np.nan, np.nan])
    assert_array_equal(higher.lowest, [60, 60, np.nan, np.nan])
    assert_array_equal(lower.lowest, [80, 80, np.nan, np.nan])


@pytest.mark.parametrize(
    ("women", "men", "direction", "told"),
    [
        ([1.0], [1.0, 2.0], "higher", "shape"),
        ([np.inf], [1.0], "higher", "infinite"),
        ([1.0], [1.0], "up", "Unknown direction 'up'"),
    ],
)
def test_what_is_no_gap_is_refused(women, men, direction, told):
    with pytest.raises(ValueError, match=told):
        gender_gap(women, men, direction=direction)


def test_few_degrees_of_freedom_make_the_same_change_less_surprising():
    z = normal_equivalent([2.0, -2.0, 2.0], 1.0, [np.inf, np.inf, 6])

    assert_allclose(z, [2, -2, stats.norm.isf(stats.t.sf(2, 6))])
    assert np.isnan(normal_equivalent(1.0, 0.0, 6))
    assert normal_equivalent(-1e9, 1.0, np.inf) == -30


def test_a_gap_that_widens_is_flagged_though_the_mean_improves(area_of):
    women, men = world(1)
    women[-1] += 14  # the men lose 4 and the mean gains 5
    men[-1] -= 4

    found = labels(area_of(), women, men).filter(period=2022)

    assert np.mean(women[-1] + men[-1]) > np.mean(women[-2] + men[-2]) + 8
    assert (found["label"] == "widened").mean() > 0.95


def test_without_any_change_hardly_any_gap_is_flagged(area_of):
    flagged = [
        labels(area_of(), *world(seed, gap=gap))["label"].is_in(["widened", "narrowed"]).mean()
        for seed in range(4)
        for gap in (0.0, 5.0)
    ]

    # In 30 worlds: 2.8 % where women are 5 ahead, 4.3 % where they are 20 ahead, and 0.3 % where
    # nobody is, for a gap without a sign moves less around 0.
    assert 0.01 < np.mean(flagged[1::2]) < 0.045
    assert np.mean(flagged[::2]) < np.mean(flagged[1::2])


def test_no_gap_is_compared_across_a_break_or_without_either_group(area_of):
    women, men = world(2)
    men[-1, 0] = np.nan

    found = labels(area_of(breaks=[2020]), women, men)
    years = found["period"].unique().to_list()
    two = labels(area_of(breaks=[2020]), women, men, span=2)["period"].unique().to_list()

    assert 2020 not in years
    assert set(years) == {2016, 2017, 2018, 2019, 2021, 2022}
    assert set(two) == {2017, 2018, 2019, 2022}
    assert found.filter(period=2022, municipality="1000")["label"].to_list() == ["no_data"]


def test_three_years_do_not_tell_the_noise_of_a_gap(area_of):
    women, men = world(4)
    women[2] += 50

    found = labels(area_of(), women[:3], men[:3])

    assert found["label"].unique().to_list() == ["no_data"]


def test_a_kpi_without_genders_gives_no_rows(area_of):
    area = area_of()
    other = replace(area, indicators=tuple(replace(each, kpi="N99999") for each in area.indicators))

    assert labels(other, *world(3)).is_empty()


def test_what_is_within_the_threshold_is_no_change():
    label = gap_label([2.1, -2.1, 1.9, np.nan], threshold=2.0)

    assert label.tolist() == ["widened", "narrowed", "no_clear_change", "no_data"]
