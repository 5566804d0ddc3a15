"""Each scale by hand, the laws they keep, the ones they break, and COINr's normalised ASEM."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import stats

from models.score.index import LOWER_PERCENTILE, UPPER_PERCENTILE, scale
from models.score.normalisation import Names, min_max, percentile_rank, relative, z_score

MISSING = np.nan
EVERY = {
    "min_max": min_max,
    "trimmed": lambda values, **options: min_max(
        values,
        lower_percentile=LOWER_PERCENTILE,
        upper_percentile=UPPER_PERCENTILE,
        **options,
    ),
    "z_score": lambda values, **options: z_score(values, ddof=0, **options),
    "percentile_rank": percentile_rank,
    "relative": relative,
}
MIDDLE = {"min_max": 50, "trimmed": 50, "z_score": 0, "percentile_rank": 50, "relative": 100}
every = pytest.mark.parametrize("name", EVERY)
columns = st.lists(st.integers(1, 30), min_size=2, max_size=12).map(
    lambda values: np.array(values, dtype=float)
)


def test_min_max_puts_the_worst_and_the_best_at_the_ends():
    values = [30, MISSING, 10, 20]

    assert_allclose(min_max(values, direction="higher"), [100, MISSING, 0, 50])
    assert_allclose(min_max(values, direction="lower", low=1), [1, MISSING, 100, 50.5])


def test_trimmed_is_rkas_scale_to_the_last_digit():
    values = np.random.default_rng(1).normal(size=(3, 50))

    assert_array_equal(
        EVERY["trimmed"](values, direction="lower"), scale(values, direction="lower")
    )


def test_a_z_score_counts_standard_deviations_from_the_mean():
    # Mean 20, sum of squares 200: the sd is 10 of a sample, and sqrt(200 / 3) of all there are.
    values = [30, 10, MISSING, 20]

    sample = z_score(values, direction="higher", ddof=1)
    whole = z_score(values, direction="lower", ddof=0, mean=100, sd=10)

    assert_allclose(sample, [1, -1, MISSING, 0])
    assert_allclose(whole, [100 - 10 * np.sqrt(1.5), 100 + 10 * np.sqrt(1.5), MISSING, 100])


def test_a_percentile_rank_is_the_share_below_and_half_of_the_equal():
    # Of five: 40 is above four, the two 20 above one and beside each other.
    score = percentile_rank([40, 20, MISSING, 20, 10, 30], direction="higher")

    assert_allclose(score, [90, 40, MISSING, 40, 10, 70])


def test_half_of_the_mean_cost_is_twice_as_good_as_the_mean():
    assert_allclose(relative([30, 10, MISSING, 20], direction="higher"), [150, 50, MISSING, 100])
    assert_allclose(relative([30, 10, MISSING, 20], direction="lower")[1], 200)


@given(columns)
def test_percentile_ranks_are_the_average_ranks_of_scipy(values):
    expected = 100 * (stats.rankdata(values) - 0.5) / len(values)

    assert_allclose(percentile_rank(values, direction="higher"), expected)


@every
def test_a_constant_column_and_a_lone_value_get_the_middle(name):
    scores = EVERY[name]([[7.1, 7.1, 7.1], [MISSING, 7.1, MISSING]], direction="lower")

    middle = MIDDLE[name]
    assert_allclose(scores, [[middle] * 3, [MISSING, middle, MISSING]])


@pytest.mark.parametrize("name", ["min_max", "trimmed", "z_score", "relative"])
def test_rounding_errors_in_a_constant_column_do_not_become_scores(name):
    scores = EVERY[name]([0.3, 0.1 + 0.2, 0.3], direction="higher")

    assert_allclose(scores, MIDDLE[name], rtol=1e-12)


@every
def test_nothing_to_normalise_gives_nothing(name):
    for base in (None, [1.0, 2]):
        assert EVERY[name]([], direction="higher", base=base).size == 0
    assert np.isnan(EVERY[name]([MISSING, MISSING], direction="higher")).all()
    assert np.isnan(EVERY[name]([1.0, 2], direction="higher", base=[MISSING])).all()


@every
@pytest.mark.parametrize("base", [None, np.array([[4.0, 9, 2, MISSING], [1, 1, 2, 7]])])
def test_earlier_axes_are_worlds_of_their_own(name, base):
    values = np.array([[1.0, 5, 9, MISSING], [300, 100, 200, 7]])

    both = EVERY[name](values, direction="lower", base=base)

    for world in range(2):
        own = None if base is None else base[world]
        assert_array_equal(both[world], EVERY[name](values[world], direction="lower", base=own))


@every
def test_one_row_of_values_is_scored_on_the_base_of_every_world(name):
    bases = np.array([[4.0, 9, 2], [1, 1, 2]])

    both = EVERY[name]([3.0, 5], direction="higher", base=bases)

    assert_array_equal(both[1], EVERY[name]([3.0, 5], direction="higher", base=bases[1]))


@every
def test_the_base_year_by_its_own_scale_is_the_year_as_it_is(name):
    values = np.array([3.0, 1, 4, 1, 5, MISSING, 9])

    frozen = EVERY[name](values, direction="lower", base=values)

    assert_allclose(frozen, EVERY[name](values, direction="lower"), rtol=1e-14)


@every
def test_on_a_base_nobody_is_moved_by_the_others(name):
    base = np.array([10.0, 20, 30])

    alone = EVERY[name]([22.0], direction="higher", base=base)
    among = EVERY[name]([22.0, 500, 1], direction="higher", base=base)

    assert alone[0] == among[0]


@pytest.mark.parametrize("name", ["min_max", "trimmed", "z_score"])
def test_a_base_without_spread_measures_nothing(name):
    score = EVERY[name]([6.0, 7, 8], direction="higher", base=[7.0, 7, MISSING])

    assert np.isnan(score).all()


def test_a_base_without_spread_still_ranks_and_still_has_a_mean():
    values, base = [6.0, 7, 8.4], [7.0, 7, MISSING]

    assert_allclose(percentile_rank(values, direction="higher", base=base), [25, 50, 75])
    assert_allclose(relative(values, direction="higher", base=base)[2], 120)


def test_on_a_base_only_what_has_bounds_stops_at_them():
    base = [10.0, 20, 30]

    assert min_max([50.0], direction="higher", base=base)[0] == 100
    assert_allclose(percentile_rank([50.0], direction="lower", base=base), 100 / 6)
    assert z_score([50.0], direction="higher", ddof=1, base=base)[0] == 3
    assert relative([50.0], direction="higher", base=base)[0] == 250


@given(columns, st.sampled_from([0.001, 3.0, 1000.0]), st.sampled_from(sorted(EVERY)))
def test_the_unit_does_not_matter(values, factor, name):
    before = EVERY[name](values, direction="lower")

    assert_allclose(EVERY[name](factor * values, direction="lower"), before, atol=1e-7)


@given(columns, st.sampled_from(["min_max", "trimmed", "z_score", "percentile_rank"]))
def test_nor_does_the_zero_where_it_has_no_meaning(values, name):
    before = EVERY[name](values, direction="higher")

    after = EVERY[name](3 * values - 50, direction="higher")

    assert_allclose(after, before, atol=1e-7)


@given(columns)
def test_percentile_ranks_do_not_change_under_any_rising_map(values):
    before = percentile_rank(values, direction="higher")

    assert_array_equal(percentile_rank(np.exp(values / 3), direction="higher"), before)


@given(columns, st.sampled_from(["min_max", "trimmed", "z_score", "percentile_rank"]))
def test_the_reverse_direction_has_the_reversed_scores(values, name):
    higher = EVERY[name](values, direction="higher")
    lower = EVERY[name](values, direction="lower")

    assert_allclose(higher + lower, 2 * MIDDLE[name], atol=1e-9)


@given(columns, st.integers(1, 60), st.sampled_from(sorted(EVERY)), st.data())
def test_a_better_value_never_lowers_ones_own_score(values, gain, name, data):
    row = data.draw(st.integers(0, len(values) - 1))
    better = values.copy()
    better[row] += gain

    before = EVERY[name](values, direction="higher")[row]

    assert EVERY[name](better, direction="higher")[row] >= before - 1e-9


@given(columns, st.integers(1, 1000), st.sampled_from(sorted(EVERY)))
def test_one_more_municipality_never_reorders_two_others_in_one_indicator(values, new, name):
    before = EVERY[name](values, direction="higher")
    after = EVERY[name](np.append(values, new), direction="higher")[:-1]

    order = np.sign(before[:, np.newaxis] - before)
    # Trimming may make two equal that were not, and the other way round; never turn them.
    assert (order * np.sign(after[:, np.newaxis] - after) >= 0).all()


@pytest.mark.parametrize("name", ["min_max", "z_score", "percentile_rank", "relative"])
def test_one_more_municipality_can_reorder_two_others_in_the_mean_of_two_indicators(name):
    # A (20, 10) is ahead of B (10, 16). The new one is far out in the first indicator, where A is
    # better, and between the two in the second, where B is.
    values = np.array([[20.0, 10], [10, 16], [20, 1], [30, 30]])
    grown = np.vstack([values, [300, 15]])

    def lead(values):
        return np.diff(EVERY[name](values.T, direction="higher").mean(axis=0)[:2])[0]

    assert lead(values) < 0 < lead(grown)
    on_base = EVERY[name](grown.T, direction="higher", base=values.T)[:, :4]
    assert_allclose(on_base, EVERY[name](values.T, direction="higher"))


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ([1, np.inf], {}, "infinite"),
        ([1, 2], {"direction": "up"}, "Unknown direction 'up'"),
        ([1, 2], {"base": [np.inf]}, "infinite"),
    ],
)
@every
def test_what_no_scale_can_be_made_of_is_refused(name, values, options, message):
    with pytest.raises(ValueError, match=message):
        EVERY[name](values, **({"direction": "higher"} | options))


def test_scales_that_cannot_be_made_are_refused():
    with pytest.raises(ValueError, match=r"ends 5 and 1 are not in order"):
        min_max([1, 2], direction="higher", low=5, high=1)
    for base in (None, [1.0, 2]):
        with pytest.raises(ValueError, match="percentiles 98 and 50 are not in order"):
            min_max([1.0], direction="higher", lower_percentile=98, upper_percentile=50, base=base)
    with pytest.raises(ValueError, match="ddof is 2"):
        z_score([1, 2], direction="higher", ddof=2)
    with pytest.raises(ValueError, match="sd above 0"):
        z_score([1, 2], direction="higher", ddof=0, sd=0)


def test_a_ratio_of_what_is_not_positive_is_refused_by_name():
    names = Names(["0180", "1489"], ["cost_sek_per_pupil"])

    with pytest.raises(ValueError, match=r"^1489 has cost_sek_per_pupil = 0\. A ratio"):
        relative([5.0, 0], direction="lower", names=names)
    with pytest.raises(ValueError, match=r"^row 1 has column 1 = -2; row 2 .*\(6 such\)\. A base"):
        relative([5.0], direction="lower", base=-np.arange(2.0, 8))


@pytest.mark.shared
@pytest.mark.parametrize(("file", "low"), [("ASEM_normalised", 0), ("ASEM_normalised_1_100", 1)])
def test_coinrs_normalised_indicators_of_asem_are_reproduced(shared, file, low):
    # Case R14: 49 indicators of 51 countries, 14 of them better the lower.
    folder = shared / "reference" / "data"
    treated = pl.read_csv(folder / "ASEM_treated.csv")
    expected = pl.read_csv(folder / f"{file}.csv")
    meta = pl.read_csv(folder / "ASEM_iMeta.csv").filter(Type="Indicator")

    for code, direction in meta.select("iCode", "Direction").iter_rows():
        score = min_max(treated[code], direction="higher" if direction == "1" else "lower", low=low)
        assert_allclose(score, expected[code], rtol=0, atol=1e-11)

    assert meta.height == 49
    assert meta.filter(Direction="-1").height == 14
