"""Each aggregation by hand, the laws they keep, and COINr's aggregates of ASEM."""

from itertools import combinations, permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.score.aggregation import copeland, floored_mean, generalised_mean, mazziotta_pareto
from models.score.index import competition_rank, weighted_mean
from models.score.normalisation import Names

MISSING = np.nan
EVERY = {
    "geometric": lambda scores, weights: generalised_mean(scores, weights, power=0),
    "harmonic": lambda scores, weights: generalised_mean(scores, weights, power=-1),
    "quadratic": lambda scores, weights: generalised_mean(scores, weights, power=2),
    "minimum": lambda scores, weights: generalised_mean(scores, weights, power=-np.inf),
    "floored": lambda scores, weights: floored_mean(scores, weights, floor=7),
    "mazziotta_pareto": mazziotta_pareto,
    "copeland": copeland,
}
every = pytest.mark.parametrize("name", EVERY)


@st.composite
def worlds(draw, most=8):
    """Scores (n, k) of positive whole numbers, and weights."""
    n, k = draw(st.integers(2, most)), draw(st.integers(1, 4))
    scores = [draw(st.lists(st.integers(1, 20), min_size=k, max_size=k)) for _ in range(n)]
    return np.array(scores, dtype=float), draw(st.lists(st.integers(1, 5), min_size=k, max_size=k))


def test_the_means_of_1_and_4_and_4():
    scores, weights = [[1, 4]], [1, 2]

    # Geometric 16 ** (1 / 3), harmonic 3 / (1 + 2 / 4), quadratic sqrt((1 + 2 * 16) / 3).
    for power, mean in ((1, 3), (0, 16 ** (1 / 3)), (-1, 2), (2, np.sqrt(11))):
        assert_allclose(generalised_mean(scores, weights, power=power), mean)
    assert generalised_mean(scores, weights, power=-np.inf) == 1
    assert generalised_mean(scores, weights, power=np.inf) == 4


def test_a_zero_is_a_score_where_the_power_is_above_0():
    scores = [[0, 4], [0, 0]]

    assert_allclose(generalised_mean(scores, [1, 1], power=0.5), [1, 0])
    assert_allclose(generalised_mean(scores, [1, 1], power=2), [np.sqrt(8), 0])


def test_extreme_powers_neither_overflow_nor_lose_digits():
    scores = [[1e-3, 50, 100]]

    assert_allclose(generalised_mean(scores, [1, 1, 1], power=-400), 1e-3, rtol=0.01)
    assert_allclose(generalised_mean(scores, [1, 1, 1], power=400), 100, rtol=0.01)
    geometric = generalised_mean(scores, [1, 1, 1], power=0)
    assert_allclose(generalised_mean(scores, [1, 1, 1], power=1e-13), geometric, rtol=1e-10)


def test_below_the_floor_nothing_makes_up():
    # Means 60, 60 and 55; the second has a score below 40, and its least is 20.
    scores = [[50, 70], [100, 20], [40, 70], [90, MISSING]]

    assert_allclose(floored_mean(scores, [1, 1], floor=40), [60, 20, 55, MISSING])


def test_the_penalty_is_the_variance_by_the_mean():
    # De Muro, Mazziotta and Pareto (2011) by hand: mean 100, squared deviations 100 and 100.
    scores = [[100, 100], [90, 110], [90, MISSING]]

    assert_allclose(mazziotta_pareto(scores, [1, 1]), [100, 99, MISSING])
    # Weights 3 and 1: mean 95, variance 0.75 * 25 + 0.25 * 225 = 75.
    assert_allclose(mazziotta_pareto(scores, [3, 1])[1], 95 - 75 / 95)


def test_who_wins_most_duels_is_first():
    # A beats B and C in two of three indicators, B beats C in two.
    scores = [[3, 3, 1], [2, 1, 3], [1, 2, 2], [9, 9, MISSING]]

    assert_array_equal(copeland(scores, [1, 1, 1]), [100, 50, 0, MISSING])


def test_duels_in_a_circle_are_a_tie():
    # Condorcet's paradox: A beats B, B beats C, C beats A, each in two of three indicators.
    scores = [[3, 1, 2], [2, 3, 1], [1, 2, 3]]

    assert_array_equal(copeland(scores, [1, 1, 1]), [50, 50, 50])


def test_by_how_much_one_is_better_does_not_count():
    scores = [[51, 51, 0], [50, 50, 100]]

    assert_array_equal(copeland(scores, [1, 1, 1]), [100, 0])
    assert np.diff(weighted_mean(scores, [1, 1, 1])) > 0


def test_equal_votes_are_a_draw_even_if_their_sums_round_differently():
    # 0.1 + 0.2 is not 0.3 to a computer.
    scores = [[1, 1, 0], [0, 0, 1]]

    assert_array_equal(copeland(scores, [0.1, 0.2, 0.3]), [50, 50])


def test_a_lone_municipality_has_nobody_to_win_against():
    assert_array_equal(copeland([[1.0, 2], [MISSING, 1]], [1, 1]), [50, MISSING])


@every
def test_a_missing_score_makes_the_result_missing_and_moves_nobody(name):
    scores = np.array([[3.0, 9, 4], [5, 5, 5], [8, 1, 2]])
    with_missing = np.vstack([scores, [20, MISSING, 20]])

    result = EVERY[name](with_missing, [1, 2, 1])

    assert_array_equal(result[:3], EVERY[name](scores, [1, 2, 1]))
    assert np.isnan(result[3])


@every
def test_of_no_indicator_the_result_is_missing(name):
    assert_array_equal(np.isnan(EVERY[name](np.empty((2, 0)), [])), [True, True])


@every
def test_worlds_are_aggregated_each_by_itself(name):
    scores = np.random.default_rng(1).uniform(1, 20, (2, 3, 6, 3))

    together = EVERY[name](scores, [1, 2, 1])

    assert together.shape == (2, 3, 6)
    assert_allclose(together[1, 2], EVERY[name](scores[1, 2], [1, 2, 1]))


@given(worlds())
def test_the_lower_the_power_the_lower_the_mean(world):
    scores, weights = world
    powers = (-np.inf, -5, -1, 0, 0.5, 1, 3, np.inf)

    means = np.array([generalised_mean(scores, weights, power=power) for power in powers])

    assert (np.diff(means, axis=0) >= -1e-12).all()
    assert (floored_mean(scores, weights, floor=7) <= means[5]).all()
    assert (mazziotta_pareto(scores, weights) <= means[5]).all()


@given(worlds(), st.sampled_from(sorted(EVERY)))
def test_where_all_indicators_agree_that_is_the_result(world, name):
    scores, weights = world
    even = np.repeat(scores[:, :1], scores.shape[1], axis=1)

    result = EVERY[name](even, weights)

    if name == "copeland":
        assert_array_equal(competition_rank(result), competition_rank(even[:, 0]))
    else:
        assert_allclose(result, even[:, 0])


@given(worlds(), st.sampled_from(sorted(set(EVERY) - {"mazziotta_pareto"})), st.data())
def test_a_better_score_never_lowers_ones_own_result(world, name, data):
    scores, weights = world
    row = data.draw(st.integers(0, len(scores) - 1))
    better = scores.copy()
    better[row, data.draw(st.integers(0, len(weights) - 1))] += data.draw(st.integers(1, 20))

    before, after = EVERY[name](scores, weights)[row], EVERY[name](better, weights)[row]

    assert after >= before - 1e-12


@given(
    st.lists(st.floats(70, 130), min_size=2, max_size=6),
    st.data(),
)
def test_nor_does_it_under_the_penalty_up_to_one_and_a_half_times_the_mean(row, data):
    # Scores within three standard deviations of 100 reach that only in rows far below it.
    column = data.draw(st.integers(0, len(row) - 1))
    better = list(row)
    better[column] = data.draw(st.floats(row[column], 130))
    assume(better[column] <= 1.5 * np.mean(better))

    before, after = mazziotta_pareto([row, better], np.ones(len(row)))

    assert after >= before - 1e-9


def test_far_above_the_others_a_better_score_lowers_the_penalised_mean():
    # Means 25 and 30, variances 675 and 1200 (one of four): 25 - 675 / 25 is -2, 30 - 40 is -10.
    scores = [[70.0, 10, 10, 10], [90, 10, 10, 10]]

    assert_allclose(mazziotta_pareto(scores, [1, 1, 1, 1]), [-2, -10])


@given(worlds(), st.sampled_from(sorted(EVERY)))
def test_only_the_ratios_of_the_weights_matter(world, name):
    scores, weights = world

    before, after = EVERY[name](scores, weights), EVERY[name](scores, np.multiply(0.3, weights))

    assert_allclose(after, before)


@given(worlds(), st.sampled_from([0.01, 1000.0]), st.sampled_from(["geometric", "copeland"]))
def test_the_unit_of_one_indicator_moves_no_place(world, factor, name):
    scores, weights = world
    other = scores * np.append(factor, np.ones(scores.shape[1] - 1))

    before, after = EVERY[name](scores, weights), EVERY[name](other, weights)

    assert_array_equal(
        competition_rank(after / after.max()), competition_rank(before / before.max())
    )


@given(worlds(), st.randoms(use_true_random=False), st.sampled_from(sorted(EVERY)))
def test_the_order_of_rows_and_indicators_does_not_matter(world, random, name):
    scores, weights = world
    rows, columns = list(range(len(scores))), list(range(len(weights)))
    random.shuffle(rows)
    random.shuffle(columns)

    after = EVERY[name](scores[np.ix_(rows, columns)], np.array(weights)[columns])

    assert_allclose(after, EVERY[name](scores, weights)[rows])


@given(worlds())
def test_duels_do_not_change_under_any_rising_map_of_an_indicator(world):
    scores, weights = world
    other = scores.copy()
    other[:, 0] = np.exp(other[:, 0] / 4) - 50

    assert_array_equal(copeland(other, weights), copeland(scores, weights))


@given(worlds())
def test_with_one_indicator_the_duels_give_its_ranking(world):
    column = world[0][:, :1]

    assert_array_equal(competition_rank(copeland(column, [1])), competition_rank(column[:, 0]))


@settings(max_examples=60)
@given(worlds(most=6))
def test_where_no_duels_form_a_circle_copeland_ranks_as_kemeny_does(world):
    scores, weights = world
    better = np.sign(scores[:, np.newaxis, :] - scores)
    support = (better * weights).sum(axis=2)  # for the row against the column, less against it
    n = len(scores)
    order = max(
        permutations(range(n)),
        key=lambda order: sum(support[a, b] for a, b in combinations(order, 2)),
    )

    score = copeland(scores, weights)

    has_winner = (np.delete(support[order[0]], order[0]) > 0).all()
    if has_winner:
        assert score[order[0]] == 100
    in_a_row = all(support[a, b] > 0 for a, b in combinations(order, 2))
    if in_a_row:
        assert_array_equal(np.argsort(-score), order)


def test_newcomers_can_reorder_two_others_by_their_duels():
    # B beats A, and still does: both newcomers lose to A and beat B.
    scores = np.array([[2.0, 4, 1], [3, 1, 4]])

    before = copeland(scores, [1, 1, 1])
    after = copeland(np.vstack([scores, [[1, 3, 9], [0, 2, 5]]]), [1, 1, 1])

    assert before[1] > before[0]
    assert after[0] > after[1]


@every
@pytest.mark.parametrize(
    ("scores", "weights", "message"),
    [
        ([[1, 2]], [1], "1 weights were given for 2 indicators"),
        ([[1, 2]], [1, 0], "Each must be positive"),
        ([[1, np.inf]], [1, 1], r"^row 1 has column 2 = inf\. Set it aside"),
        ([1, 2], [1, 1], r"shape \(2,\)"),
    ],
)
def test_what_cannot_be_aggregated_is_refused(name, scores, weights, message):
    with pytest.raises(ValueError, match=message):
        EVERY[name](scores, weights)


NAMES = Names(["0180", "1489", "1480"], ["cost", "quality"])


@pytest.mark.parametrize("power", [0, -1, -0.5])
def test_a_zero_or_less_is_refused_by_name_where_the_mean_needs_more(power):
    scores = [[[5, 5], [0, 5], [5, -3]], [[5, 5], [-1, 5], [5, 5]]]

    with pytest.raises(ValueError, match=r"^1489 has cost = 0; 1480 has quality = -3\. .*1-100"):
        generalised_mean(scores, [1, 1], power=power, names=NAMES)
    with pytest.raises(ValueError, match=r"^1489 has cost = 0; 1480 .*z-scores of mean 100"):
        mazziotta_pareto(scores, [1, 1], names=NAMES)


def test_other_choices_without_a_meaning_are_refused():
    with pytest.raises(ValueError, match=r"^1480 has quality = -3\. .*at least 0"):
        generalised_mean([[5, 5], [0, 5], [5, -3]], [1, 1], power=2, names=NAMES)
    with pytest.raises(ValueError, match="power is NaN"):
        generalised_mean([[5, 5]], [1, 1], power=np.nan)
    with pytest.raises(ValueError, match="floor is NaN"):
        floored_mean([[5, 5]], [1, 1], floor=np.nan)


def asem(shared, normalised, aggregate):
    """Aggregate ASEM's 49 indicators through all levels, with COINr's weights."""
    folder = shared / "reference"
    meta = pl.read_csv(folder / "data/ASEM_iMeta.csv").filter(
        pl.col("Type").is_in(["Indicator", "Aggregate"])
    )
    scores = pl.read_csv(folder / f"data/{normalised}.csv")
    columns = {name: scores[name].to_numpy() for name in scores.columns[1:]}
    for level in ("2", "3", "4"):
        for parent in meta.filter(Level=level)["iCode"]:
            children = meta.filter(Parent=parent)
            columns[parent] = aggregate(
                np.stack([columns[code] for code in children["iCode"]], axis=1),
                children["Weight"].cast(float),
            )
    return scores["uCode"].to_list(), columns


@pytest.mark.shared
def test_coinrs_weighted_arithmetic_index_of_asem_is_reproduced(shared):
    # Case R14: 49 indicators in 8 groups, 2 pillars and the index; 51 countries.
    codes, columns = asem(shared, "ASEM_normalised", lambda s, w: generalised_mean(s, w, power=1))

    expected = pl.read_csv(shared / "reference/R14_asem_coinr_aggregated_fullprec.csv")
    rounded = pl.read_csv(shared / "reference/R14_asem_coinr_aggregated.csv")
    assert expected["uCode"].to_list() == codes
    assert len(columns) == 60
    for name, column in columns.items():
        assert_allclose(column, expected[name], rtol=0, atol=1e-11)
    places = dict(zip(codes, competition_rank(columns["Index"]), strict=True))
    assert places == dict(rounded.select("uCode", "Rank").iter_rows())


@pytest.mark.shared
def test_coinrs_geometric_index_of_asem_is_reproduced(shared):
    # Case R14, which is rounded to two decimals here; scores on 1-100.
    codes, columns = asem(
        shared, "ASEM_normalised_1_100", lambda s, w: generalised_mean(s, w, power=0)
    )

    expected = pl.read_csv(shared / "reference/R14_asem_coinr_gmean_minmax1_100.csv").sort("uCode")
    assert expected["uCode"].to_list() == codes
    for name, column in columns.items():
        assert_allclose(column, expected[name], rtol=0, atol=0.005 + 1e-11)
    assert_array_equal(competition_rank(columns["Index"]), expected["Rank"])
