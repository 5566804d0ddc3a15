import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from models.frontier import kernel
from models.frontier.dea import dea
from models.frontier.returns_to_scale import STATISTICS, returns_test
from models.frontier.technology import ORIENTATIONS, FrontierError, Labels
from tests.models.frontier.conftest import made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES
from tests.models.frontier.test_subsampling import world

OF_CONSTANT = {
    "orientation": "input",
    "null": "crs",
    "statistic": "ratio_of_means",
    "efficient": "left_out",
    "draws": 99,
}
AT_5 = {**OF_CONSTANT, "levels": (0.05,)}


def p_values(n_world: int, *, power: float, n_input: int = 1, fixed: float = 0.0, **options):
    """Return the p-values of as many worlds; `fixed` is output that nobody gets for nothing."""
    found = []
    for seed in range(1000, 1000 + n_world):
        inputs, outputs, _ = world(seed, n_input=n_input, power=power)
        result = returns_test(inputs, outputs - fixed, seed=seed, **{**AT_5, **options})
        found.append(result.p_value)
    return np.array(found)


@pytest.mark.parametrize(
    ("statistic", "by_hand"),
    # Eight stores; scores under constant returns are each store's sales per employee, under
    # variable returns 1, 1, 5/6, 3/4, 1, 1/2, 1/2, 1.
    [
        ("ratio_of_means", (0.5 + 1 + 2 / 3 + 0.75 + 0.8 + 0.4 + 0.5 + 0.625) / (79 / 12)),
        ("mean_of_ratios", (0.5 + 1 + 0.8 + 1 + 0.8 + 0.8 + 1 + 0.625) / 8),
        ("median_of_ratios", 0.8),
    ],
)
def test_the_statistic_is_the_one_found_by_hand(statistic, by_hand):
    result = returns_test(EMPLOYEES, SALES, seed=1, **{**OF_CONSTANT, "statistic": statistic})

    assert_allclose(result.statistic, by_hand)


@pytest.mark.parametrize("n_input", [1, 2])
def test_true_constant_returns_are_rejected_about_as_often_as_the_level_says(n_input):
    p = p_values(100, power=1.0, n_input=n_input)

    # Of 300 worlds 3.7 % and 8.7 % were; 100 of them, and a standard error of 3.
    assert np.mean(p <= 0.05) < 0.17
    assert np.mean(p <= 0.2) > 0.07
    assert 0.3 < np.mean(p) < 0.65


def test_with_the_efficient_kept_true_constant_returns_are_rejected_more_often():
    kept = p_values(60, power=1.0, n_input=2, efficient="kept")
    left_out = p_values(60, power=1.0, n_input=2)

    assert np.mean(kept <= 0.1) > np.mean(left_out <= 0.1)
    assert kept.mean() < left_out.mean() - 0.05


@pytest.mark.parametrize("statistic", STATISTICS)
def test_decreasing_returns_are_found(statistic):
    assert (p_values(20, power=0.6, statistic=statistic) <= 0.05).all()


def test_non_increasing_returns_are_rejected_where_there_are_fixed_costs_alone():
    # Output begins only where input is 0.8: a fixed cost, in a world of constant returns else.
    fixed_costs = p_values(20, power=1.0, fixed=0.8, null="nirs")
    decreasing = p_values(20, power=0.6, null="nirs")
    other_way = p_values(20, power=0.6, null="ndrs")

    assert (fixed_costs <= 0.05).all()
    assert np.mean(decreasing <= 0.05) < 0.2
    assert (other_way <= 0.05).all()


def test_inefficiency_that_grows_with_size_is_taken_for_returns_to_scale():
    # Scores that do not depend on output depend on input: the larger, the less efficient.
    by_input = p_values(30, power=1.0)
    by_output = p_values(30, power=1.0, orientation="output")

    assert np.mean(by_input <= 0.05) < 0.2
    assert np.mean(by_output <= 0.05) > 0.6


def test_the_p_value_is_at_most_the_level_where_the_statistic_is_below_the_critical_value():
    levels = (0.01, 0.02, 0.05, 0.1, 0.5, 0.9)
    options = {**OF_CONSTANT, "draws": 199}

    for seed in range(20):
        inputs, outputs, _ = world(seed, 30, power=0.95)
        result = returns_test(inputs, outputs, seed=seed, levels=levels, **options)
        p = result.p_value
        at_it = returns_test(
            inputs, outputs, seed=seed, levels=(p, min(p + 0.005, 0.99)), **options
        )

        assert_allclose(p, (1 + np.sum(result.draws <= result.statistic)) / 200)
        assert ((result.levels >= p) == (result.statistic < result.critical)).all()
        assert_allclose(result.critical, np.sort(result.draws)[[1, 3, 9, 19, 99, 179]])
        # A test at the level of the p-value rejects, by the least draw above the statistic.
        assert result.statistic < at_it.critical[0]
        assert at_it.critical[0] == result.draws[result.draws > result.statistic].min()


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("scale", ["shephard", "farrell"])
def test_a_draw_is_the_statistic_of_dmus_that_were_moved(orientation, scale, monkeypatch):
    inputs, outputs, _ = world(3, 30, power=1.0)
    moved_by = {}
    replicates = kernel.radial_replicates

    def noted(*data, **options):
        moved_by["factor"] = data[4]
        return replicates(*data, **options)

    monkeypatch.setattr("models.frontier.returns_to_scale.radial_replicates", noted)
    result = returns_test(
        inputs, outputs, seed=1, scale=scale, **{**OF_CONSTANT, "orientation": orientation}
    )

    for draw in range(3):
        factor = moved_by["factor"][draw][:, np.newaxis]
        data = (inputs * factor, outputs) if orientation == "input" else (inputs, outputs * factor)
        crs, vrs = (dea(*data, orientation=orientation, rts=rts).score for rts in ("crs", "vrs"))
        assert_allclose(result.draws[draw], crs.mean() / vrs.mean())
    assert ((result.draws > 0) & (result.draws <= 1 + 1e-12)).all()


@settings(max_examples=10, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(ORIENTATIONS), st.sampled_from(STATISTICS))
def test_units_do_not_matter(seed, orientation, statistic):
    inputs, outputs, _ = world(seed, 40, n_input=2)
    options = {**OF_CONSTANT, "orientation": orientation, "statistic": statistic, "draws": 30}

    result = returns_test(inputs, outputs, seed=seed, levels=(0.1,), **options)
    units = returns_test(inputs * [1000, 0.3], outputs * 0.01, seed=seed, levels=(0.1,), **options)

    assert_allclose(units.statistic, result.statistic)
    assert_allclose(units.draws, result.draws, rtol=1e-7)


def test_the_order_of_the_dmus_changes_the_statistic_of_the_data_in_nothing():
    inputs, outputs, _ = world(4, power=1.0)
    order = np.random.default_rng(1).permutation(60)

    result = returns_test(inputs, outputs, seed=1, **{**OF_CONSTANT, "draws": 999})
    moved = returns_test(inputs[order], outputs[order], seed=1, **{**OF_CONSTANT, "draws": 999})

    assert_allclose(moved.statistic, result.statistic)
    assert_allclose(moved.p_value, result.p_value, atol=0.08)  # other draws of 999
    assert_allclose(moved.bandwidth, result.bandwidth)


def test_the_same_seed_gives_the_same_bytes_and_threads_change_none(monkeypatch):
    inputs, outputs = made_up(1, 40, 2, 2)
    many, other = (returns_test(inputs, outputs, seed=seed, **OF_CONSTANT) for seed in (1, 2))
    one_thread = kernel.ThreadPoolExecutor

    monkeypatch.setattr(kernel, "ThreadPoolExecutor", lambda _: one_thread(1))
    one = returns_test(inputs, outputs, seed=1, **OF_CONSTANT)

    assert one.draws.tobytes() == many.draws.tobytes()
    assert one.draws.tobytes() != other.draws.tobytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"null": "vrs"}, "Unknown null 'vrs'"),
        ({"statistic": "mean"}, "Unknown statistic 'mean'"),
        ({"efficient": "dropped"}, "Unknown efficient 'dropped'. Use 'kept' or 'left_out'"),
        ({"orientation": "both"}, "Unknown orientation 'both'"),
        ({"scale": "log"}, "Unknown scale 'log'"),
        ({"bandwidth": -0.1}, "The bandwidth is -0.1"),
        ({"bandwidth": "scott"}, "Unknown bandwidth 'scott'"),
        ({"draws": 10}, "10 draws and the levels"),
        ({"levels": (0.001,)}, r"the levels \[0.001\]"),
        ({"levels": ()}, r"the levels \[\]"),
        ({"levels": (1.0,)}, r"levels from 1 / \(draws \+ 1\) to below 1"),
    ],
)
def test_an_option_that_is_none_is_refused(options, message):
    inputs, outputs, _ = world(1, power=1.0)

    with pytest.raises(FrontierError, match=message):
        returns_test(inputs, outputs, seed=1, **{**OF_CONSTANT, **options})


def test_where_all_are_efficient_nothing_can_be_drawn():
    inputs = np.arange(1.0, 10)[:, np.newaxis]

    with pytest.raises(FrontierError, match="All 9 DMUs are efficient under 'crs'"):
        returns_test(inputs, inputs, seed=1, **OF_CONSTANT)


def test_a_bad_value_is_refused_by_name():
    inputs, outputs, _ = world(1)
    outputs[3] = np.nan
    labels = Labels(dmu=[f"kommun {i}" for i in range(60)])

    with pytest.raises(FrontierError, match="DMU kommun 3 has output 1 = nan"):
        returns_test(inputs, outputs, seed=1, labels=labels, **OF_CONSTANT)
