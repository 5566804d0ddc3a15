"""The noise and the draws by hand, and the intervals where the truth is known."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from models.contracts import RankInterval
from models.index import competition_rank, efficiency_index, score_panel
from models.uncertainty import Noise, rank_intervals, residual_noise, truth_draws

PERIODS = list(range(2015, 2021))


def noise_of(value, *, periods=PERIODS, breaks=(), is_carried=None):
    if is_carried is None:
        is_carried = np.zeros(value.shape, dtype=bool)
    return residual_noise(value, is_carried, periods=periods, breaks=breaks)


def test_noise_is_half_the_square_of_a_change_beyond_the_countrys():
    # The changes are 4, 5 and 6; the country's is 5, what remains -1, 0 and 1. Pooled variance
    # (1/2 + 0 + 1/2) / 3 = 1/3; one change of one's own weighs 1 against the prior's 6.
    value = np.array([[[10.0], [20], [30]], [[14.0], [25], [36]]])

    noise = noise_of(value, periods=[2015, 2016])

    assert_allclose(noise.variance.ravel(), [2.5 / 7, 2 / 7, 2.5 / 7])
    assert noise.n_pairs == (1,)
    assert not noise.is_known


def test_a_change_beyond_four_sd_counts_as_four():
    # Of the changes -1, -1, 0, 1, 1 and 1000 the median is 0.5; what remains is 1.5, 1.5, 0.5,
    # 0.5, 0.5 and 999.5, of which the median is 1, so four sd are 4 * 1.4826.
    change = np.array([-1.0, -1, 0, 1, 1, 1000])
    value = np.stack([np.zeros(6), change])[:, :, np.newaxis]

    variance = noise_of(value, periods=[2015, 2016]).variance.ravel()

    farthest = (4 * 1.4826) ** 2 / 2
    pooled = (2 * 1.125 + 3 * 0.125 + farthest) / 6
    assert_allclose(variance[-1], (6 * pooled + farthest) / 7)
    assert_allclose(variance[0], (6 * pooled + 1.125) / 7)


def test_noise_that_was_put_in_is_found_again():
    generator = np.random.default_rng(1)
    correlation = np.array([[1, 0.8], [0.8, 1]])
    error = generator.multivariate_normal([0, 0], correlation, size=(6, 290)) * [2, 5]
    truth = generator.normal(size=(1, 290, 2)) * [10, 10] + np.arange(6)[:, None, None]

    noise = noise_of(truth + error)

    assert_allclose(np.sqrt(noise.variance.mean(axis=0)), [2, 5], rtol=0.06)
    assert_allclose(noise.correlation[0, 1], 0.8, atol=0.05)


def test_the_noisier_municipality_gets_the_larger_variance():
    generator = np.random.default_rng(2)
    sd = np.where(np.arange(290) < 100, 3.0, 1.0)
    value = generator.normal(size=(6, 290, 1)) * sd[:, np.newaxis]

    variance = noise_of(value).variance.ravel()

    assert variance[:100].mean() > 2 * variance[100:].mean()


def test_the_unit_of_an_indicator_does_not_change_its_noise():
    value = np.random.default_rng(3).normal(size=(6, 50, 2))

    in_kronor = noise_of(value * [1000, 1])

    assert_allclose(in_kronor.variance, noise_of(value).variance * [1e6, 1])
    assert_allclose(in_kronor.correlation, noise_of(value).correlation)


@pytest.mark.parametrize(
    ("periods", "breaks", "n_pairs"),
    [
        ([2015, 2016, 2017, 2018, 2019, 2020], (), 5),
        ([2015, 2016, 2018, 2019, 2020, 2022], (), 3),
        ([2015, 2016, 2017, 2018, 2019, 2020], (2017,), 4),
    ],
)
def test_only_comparable_years_in_a_row_make_a_pair(periods, breaks, n_pairs):
    value = np.random.default_rng(4).normal(size=(6, 20, 1))

    assert noise_of(value, periods=periods, breaks=breaks).n_pairs == (n_pairs,)


def test_a_carried_or_rare_value_makes_no_pair():
    value = np.random.default_rng(4).normal(size=(6, 20, 2))
    is_carried = np.zeros(value.shape, dtype=bool)
    is_carried[2, :, 0] = True
    value[5, :11, 1] = np.nan

    assert noise_of(value, is_carried=is_carried).n_pairs == (3, 4)


def test_one_year_tells_nothing_of_noise():
    noise = noise_of(np.ones((1, 5, 2)), periods=[2015])

    assert noise.n_pairs == (0, 0)
    assert np.isnan(noise.variance).all()


def drawn(value, variance, *, is_carried=None, correlation=None, n_draw=20_000):
    n, k = value.shape
    noise = Noise(np.full((n, k), variance), np.eye(k) if correlation is None else correlation, ())
    if is_carried is None:
        is_carried = np.zeros(value.shape, dtype=bool)
    normal = np.random.default_rng(5).standard_normal((n_draw, n, k))
    return truth_draws(value, is_carried, noise, normal)


def test_a_value_is_shrunk_by_the_share_of_its_variance_that_is_noise():
    # Variance 8 around 4 (of 0, 2, 4, 6, 8), of which 2 is noise: a share of 3/4 is kept.
    value = np.array([[0.0], [2], [4], [6], [8]])

    draws = drawn(value, 2.0)

    assert_allclose(draws.mean(axis=0).ravel(), [1, 2.5, 4, 5.5, 7], atol=0.05)
    assert_allclose(draws.var(axis=0).ravel(), 0.75 * 2, rtol=0.05)


def test_a_carried_value_is_shrunk_more():
    value = np.array([[0.0], [2], [4], [6], [8]])
    is_carried = np.array([[True], [False], [False], [False], [False]])

    draws = drawn(value, 2.0, is_carried=is_carried)

    # The mean noise is 2.4, so the signal is 5.6; of it 5.6 / (5.6 + 4) is kept, and of the rest
    # 5.6 / (5.6 + 2).
    assert_allclose(draws.mean(axis=0)[0], 4 - 4 * 5.6 / 9.6, atol=0.05)
    assert_allclose(draws.mean(axis=0)[4], 4 + 4 * 5.6 / 7.6, atol=0.05)


def test_what_is_missing_stays_missing_and_what_has_no_noise_is_known():
    value = np.array([[0.0, 1], [2, 5], [4, 2], [6, 3], [8, np.nan]])

    draws = drawn(value, 1e-9, n_draw=10)

    assert_allclose(draws, np.broadcast_to(value, draws.shape), atol=1e-3)


def test_nothing_can_be_drawn_where_nobody_is_complete():
    with pytest.raises(ValueError, match="No municipality has all"):
        drawn(np.array([[1, np.nan], [np.nan, 1]]), 1.0, n_draw=1)


def intervals(value, area, panel_of, **options):
    panel = panel_of(area, value, first_period=PERIODS[0])
    return RankInterval.validate(rank_intervals(panel, [area], **options), lazy=True)


def test_without_noise_the_interval_is_the_rank(area_of, panel_of):
    area = area_of()
    level = np.random.default_rng(6).permutation(30).astype(float)
    value = np.broadcast_to(np.stack([-level, level], axis=1), (5, 30, 2))

    result = intervals(value, area, panel_of, draws=50)

    index = score_panel(panel_of(area, value), [area]).index
    # At both ends the scale is cut, so that the first and the last may share a rank.
    middle = index["efficiency_rank"].is_between(3, 28)
    rank = index.filter(middle)["efficiency_rank"].to_list()
    assert result.filter(middle)["rank_low"].to_list() == rank
    assert result.filter(middle)["rank_high"].to_list() == rank


def test_nothing_but_noise_leaves_every_rank_possible(area_of, panel_of):
    value = np.random.default_rng(7).normal(size=(6, 100, 2))

    result = intervals(value, area_of(), panel_of)

    width = result["rank_high"] - result["rank_low"]
    assert width.median() > 80
    assert result["p_first"].max() < 0.2


def test_three_years_are_too_few_for_an_interval_but_the_row_is_there(area_of, panel_of):
    value = np.random.default_rng(8).normal(size=(3, 20, 2))

    result = intervals(value, area_of(), panel_of)

    assert result.height == 3 * 20
    assert result["rank_low"].null_count() == 60
    assert result["p_first"].null_count() == 60


def test_only_the_ranked_have_a_row(area_of, panel_of):
    value = np.random.default_rng(9).normal(size=(5, 20, 2))
    value[:, 0, 1] = np.nan

    assert intervals(value, area_of(), panel_of)["municipality"].n_unique() == 19
    assert intervals(value, area_of(grade="C"), panel_of).is_empty()
    assert intervals(value, area_of(minimum_share=1.0), panel_of).is_empty()


def test_the_draws_are_the_same_whatever_the_order_of_rows_and_the_other_areas(area_of, panel_of):
    school, care = area_of("school"), area_of("care")
    value = np.random.default_rng(10).normal(size=(2, 5, 20, 2))
    panel = pl.concat([panel_of(school, value[0]), panel_of(care, value[1])])

    together = rank_intervals(panel.sample(fraction=1, shuffle=True, seed=1), [care, school])

    alone = rank_intervals(panel_of(school, value[0]), [school])
    assert together.filter(service_area="school").equals(alone)
    assert not alone.equals(rank_intervals(panel_of(school, value[0]), [school], seed=1))


def test_areas_and_periods_are_drawn_apart(area_of, panel_of):
    value = np.broadcast_to(np.random.default_rng(11).normal(size=(5, 20, 2))[:1], (5, 20, 2))
    value = value + 0.1 * np.random.default_rng(12).normal(size=(1, 20, 2))
    value = value + np.tile(np.random.default_rng(13).normal(size=(1, 20, 2)), (5, 1, 1))
    value[1::2] += np.random.default_rng(14).normal(size=(20, 2))

    result = rank_intervals(panel_of(area_of(), value), [area_of()])

    # 2015, 2017 and 2019 have the same values, so that only the draws can differ.
    drawn_2015, drawn_2019 = (result.filter(period=p)["p_top_quarter"] for p in (2015, 2019))
    assert drawn_2015.to_list() != drawn_2019.to_list()
    assert_allclose(drawn_2015, drawn_2019, atol=0.1)


def test_a_wider_level_gives_a_wider_interval(area_of, panel_of):
    value = np.random.default_rng(15).normal(size=(5, 50, 2))

    half = intervals(value, area_of(), panel_of, level=0.5)
    most = intervals(value, area_of(), panel_of, level=0.95)

    assert (most["rank_low"] <= half["rank_low"]).all()
    assert (most["rank_high"] >= half["rank_high"]).all()


@pytest.mark.parametrize("options", [{"draws": 0}, {"level": 1.0}, {"level": 0.0}])
def test_options_out_of_range_are_refused(area_of, panel_of, options):
    with pytest.raises(ValueError, match="at least 1 draw and a level"):
        intervals(np.ones((5, 3, 2)), area_of(), panel_of, **options)


def world(generator, *, noise, noise_correlation=0.0, unequal=0.0, moving=0.0, missing=0.0):
    """True and published values of one cost and three qualities, (6, 150, 4).

    True levels have unit variance, of which the share `moving` changes as an AR(1) with memory
    0.9. `noise` is the noise's standard deviation, which with `unequal` differs between
    municipalities (log-normally); the qualities' noises have `noise_correlation`, as results of
    the same pupils have. Everything shares the country's trend.
    """
    shape = (len(PERIODS), 150, 4)

    def correlated(size, correlation):
        matrix = np.full((4, 4), correlation) + (1 - correlation) * np.eye(4)
        matrix[0, 1:] = matrix[1:, 0] = 0
        return generator.multivariate_normal(np.zeros(4), matrix, size=size)

    lasting, slow = correlated(shape[1], 0.5), correlated(shape[:2], 0.5)
    for t in range(1, shape[0]):
        slow[t] = 0.9 * slow[t - 1] + np.sqrt(1 - 0.9**2) * slow[t]
    trend = np.linspace(0, 2, shape[0])[:, np.newaxis, np.newaxis]
    truth = np.sqrt(1 - moving) * lasting + np.sqrt(moving) * slow + trend
    sd = noise * np.exp(unequal * generator.normal(size=(shape[1], 1)))
    value = truth + sd * correlated(shape[:2], noise_correlation)
    is_missing = generator.random(shape) < missing
    return np.where(is_missing, np.nan, truth), np.where(is_missing, np.nan, value)


def true_rank(truth):
    index = efficiency_index(
        truth[..., :1],
        truth[..., 1:],
        cost_direction=["lower"],
        quality_direction=["higher"] * 3,
        cost_weight=[1],
        quality_weight=[1, 1, 1],
    )
    return competition_rank(index.efficiency)


def outcomes(area, panel_of, *, seed, n_world=4, **settings):
    """Intervals and true ranks of every municipality and period of some worlds."""
    frames = []
    for number in range(n_world):
        truth, value = world(np.random.default_rng([seed, number]), **settings)
        rank = true_rank(truth).ravel()
        result = intervals(value, area, panel_of, draws=400, level=0.9)
        frames.append(result.with_columns(true_rank=pl.Series(rank[~np.isnan(rank)])))
    return pl.concat(frames)


# Over 40 worlds of each the shares are 0.92, 0.92, 0.92, 0.92 and 0.93. With draws made for each
# indicator by itself, the third would be 0.85.
WORLDS = {
    "little noise": {"noise": 0.2},
    "much noise": {"noise": 1.0},
    "noise of the same pupils": {"noise": 0.5, "noise_correlation": 0.8},
    "noise that differs": {"noise": 0.5, "unequal": 0.6, "noise_correlation": 0.5},
    "truth that moves": {"noise": 0.5, "moving": 0.2, "missing": 0.02},
}


@pytest.mark.parametrize("name", WORLDS)
def test_nine_of_ten_intervals_hold_the_true_rank(area_of, panel_of, name):
    area = area_of(n_quality=3)

    result = outcomes(area, panel_of, seed=1, **WORLDS[name])

    covered = pl.col("true_rank").is_between("rank_low", "rank_high").mean()
    best = pl.col("p_top_quarter") > 0.5  # those one hears of
    assert 0.85 <= result.select(covered).item() <= 0.97
    assert 0.82 <= result.filter(best).select(covered).item() <= 0.99


def test_a_truth_that_moves_much_makes_the_intervals_too_wide_never_too_narrow(area_of, panel_of):
    # Its movement is taken for noise: over 40 worlds the share is 0.997.
    result = outcomes(area_of(n_quality=3), panel_of, seed=3, noise=0.2, moving=0.8)

    assert result["true_rank"].is_between(result["rank_low"], result["rank_high"]).mean() > 0.9


def test_who_is_first_with_some_probability_is_first_as_often(area_of, panel_of):
    area = area_of(n_quality=3)

    result = pl.concat(outcomes(area, panel_of, seed=2, **settings) for settings in WORLDS.values())

    for column, best in (("p_first", 1), ("p_top10", 10), ("p_top_quarter", 38)):
        for low, high in ((0, 0.05), (0.05, 0.25), (0.25, 0.5), (0.5, 1.01)):
            those = result.filter((pl.col(column) >= low) & (pl.col(column) < high))
            share = (those["true_rank"] <= best).mean()
            # Three standard errors of a share, as if every second row told something new.
            allowed = 3 * np.sqrt(2 * 0.25 / those.height) if low > 0 else 0.01
            assert abs(share - those[column].mean()) < allowed, (column, low, those.height)
