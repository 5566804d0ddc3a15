import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier import kernel
from models.frontier import subsampling as module
from models.frontier.bootstrap import bootstrap
from models.frontier.subsampling import convergence_rate, subsampling
from models.frontier.technology import FrontierError, Labels
from tests.models.frontier.conftest import made_up

VRS = {"orientation": "input", "rts": "vrs"}
CRS = {"orientation": "input", "rts": "crs"}

# Of one input each; by hand the best of all is 1, and of all but the first 0.8.
SIX_INPUTS = np.ones((6, 1))
SIX_OUTPUTS = np.array([[1.0], [0.8], [0.5], [0.4], [0.3], [0.2]])


def world(seed: int, n: int = 60, *, n_input: int = 1, power: float = 0.6, grows: bool = False):
    """Return inputs, outputs and true scores; power 1 is constant returns.

    Where it grows, inefficiency is ten times as wide for the largest as for the smallest.
    """
    generator = np.random.default_rng(seed)
    needed = generator.uniform(1, 9, (n, n_input))
    outputs = np.prod(needed ** (power / n_input), axis=1, keepdims=True)
    width = 0.05 + 0.45 * (needed[:, 0] - 1) / 8 if grows else 0.25
    truth = np.exp(-np.abs(generator.normal(0, 1, n)) * width)
    return needed / truth[:, np.newaxis], outputs, truth


def held(result, truth):
    """Return the share of truths that bounded intervals hold."""
    is_bounded = result.status == "bounded"
    return ((result.low <= truth) & (truth <= result.high))[is_bounded].mean()


def test_bias_and_ends_are_those_found_by_counting_subsets():
    result = subsampling(
        SIX_INPUTS, SIX_OUTPUTS, size=5, replacement=False, seed=1, draws=6000, **CRS
    )

    # By hand: one subset in six lacks the best, and what is left shows 0.8 of it. One input and
    # one output under constant returns: the rate is 1, so 5 of 6 take off 5/6 of what they miss.
    assert_allclose(result.bias_corrected, result.score * (1 - 5 / 6 * 0.2 / 6), atol=2e-3)
    assert_allclose(result.low, result.score * (1 - 5 / 6 * 0.2))
    assert_array_equal(result.high, result.score)
    assert_allclose(result.bias, result.score - result.bias_corrected)
    assert (result.n_infeasible == 0).all()


def test_on_the_scale_of_the_score_the_ratio_is_the_other_way_up():
    result = subsampling(
        SIX_INPUTS, SIX_OUTPUTS, size=5, replacement=False, seed=1, draws=100, scale="farrell",
        **CRS,
    )  # fmt: skip

    assert_allclose(result.low, result.score / (1 + 5 / 6 * (1 / 0.8 - 1)))


def test_whom_too_many_subsets_show_nothing_of_has_a_status_and_no_lower_end():
    # The first makes most, so every subset without it, one in six, is infeasible for it.
    options = {"size": 5, "replacement": False, "seed": 1, "draws": 600, **VRS}

    wide = subsampling(SIX_INPUTS, SIX_OUTPUTS, level=0.95, **options)
    narrow = subsampling(SIX_INPUTS, SIX_OUTPUTS, level=0.5, **options)

    assert wide.status[0] == "unbounded"
    assert np.isnan([wide.low[0], wide.bias[0], wide.bias_corrected[0]]).all()
    assert wide.high[0] == 1
    assert 70 < wide.n_infeasible[0] < 130
    # A quarter of the draws is more than a sixth: the quantile is a number again.
    assert narrow.status[0] == "bounded"
    assert_allclose([narrow.low[0], narrow.high[0]], 1)
    assert_array_equal(narrow.n_infeasible, wide.n_infeasible)


def test_whom_most_subsets_show_nothing_of_has_no_upper_end_either():
    result = subsampling(
        SIX_INPUTS, SIX_OUTPUTS, size=2, replacement=True, seed=1, draws=400, level=0.2, **VRS
    )

    # Two draws of six miss the first in 25 of 36 cases, above the 60 % where the upper end is.
    assert result.status[0] == "infeasible"
    assert np.isnan(result.high[0])
    assert (result.status != "infeasible").any()


@pytest.mark.parametrize("grows", [False, True])
@pytest.mark.parametrize(
    ("rts", "n_input", "power"), [("vrs", 1, 0.6), ("vrs", 2, 0.6), ("crs", 2, 1.0)]
)
def test_intervals_hold_about_as_many_truths_as_they_say(rts, n_input, power, grows):
    shares, before, after = [], [], []
    for seed in range(20):
        inputs, outputs, truth = world(seed, n_input=n_input, power=power, grows=grows)
        result = subsampling(
            inputs, outputs, orientation="input", rts=rts, size=12, replacement=False, seed=seed,
            draws=400,
        )  # fmt: skip
        is_bounded = result.status == "bounded"
        shares.append(held(result, truth))
        before.append((result.score - truth)[is_bounded].mean())
        after.append((result.bias_corrected - truth)[is_bounded].mean())

    assert 0.89 < np.mean(shares) < 0.99
    assert np.mean(before) > 0.02
    assert abs(np.mean(after)) < 0.35 * np.mean(before)


def test_more_truths_are_held_than_by_the_smoothed_bootstrap():
    by_subsets, by_bootstrap = [], []
    for seed in range(10):
        inputs, outputs, truth = world(seed, grows=True)
        by_subsets.append(
            held(
                subsampling(
                    inputs, outputs, size="least_volatile", replacement=True, seed=seed, draws=300,
                    **VRS,
                ),
                truth,
            )
        )  # fmt: skip
        found = bootstrap(inputs, outputs, seed=seed, draws=300, **VRS)
        by_bootstrap.append(((found.low <= truth) & (truth <= found.high)).mean())

    assert np.mean(by_subsets) > 0.87
    assert np.mean(by_subsets) > np.mean(by_bootstrap) + 0.1


def test_the_rate_is_how_the_bias_shrinks():
    # Under constant returns with two inputs and one output: four times as many DMUs, 4^(-2/3).
    bias = {}
    for n in (50, 200):
        worlds = [world(seed, n, n_input=2, power=1.0) for seed in range(20)]
        bias[n] = np.mean(
            [
                (kernel.radial(x, y, x, y, **CRS).farrell - truth).mean() for x, y, truth in worlds
            ]
        )  # fmt: skip

    assert_allclose(bias[200] / bias[50], 4 ** -convergence_rate(3, "crs"), rtol=0.25)
    assert convergence_rate(3, "vrs") == 0.5
    assert convergence_rate(2, "crs") == 1


def test_the_larger_the_subsets_the_narrower_the_intervals_and_the_fewer_unbounded():
    inputs, outputs, _ = world(1)

    small, large = (
        subsampling(inputs, outputs, size=size, replacement=False, seed=1, draws=300, **VRS)
        for size in (10, 40)
    )

    is_bounded = small.status == "bounded"
    width = small.high - small.low, large.high - large.low
    assert (large.status[is_bounded] == "bounded").all()
    assert width[0][is_bounded].mean() > 1.3 * width[1][is_bounded].mean()
    assert (small.n_infeasible >= large.n_infeasible).all()


def test_the_rule_takes_the_size_around_which_intervals_change_least():
    inputs, outputs, _ = world(2)
    options = {"replacement": False, "seed": 3, "draws": 200, **VRS}

    result = subsampling(inputs, outputs, size="least_volatile", **options)
    alone = subsampling(inputs, outputs, size=result.size, **options)

    # From the root of 60 to its power of 0.8.
    assert (result.sizes[0], result.sizes[-1]) == (8, 26)
    assert result.size == result.sizes[np.nanargmin(result.volatility)]
    assert_array_equal(np.isnan(result.volatility).nonzero()[0], [0, 1, 12, 13])
    # Without replacement the same subsets are drawn for one size as for many.
    assert_array_equal(alone.low, result.low)
    assert_array_equal(alone.sizes, [result.size])


def test_volatility_is_the_spread_of_both_ends_over_five_sizes():
    low = np.array([1.0, 2, 3, 4, 5, 5, 5])
    ends = np.stack([low, np.zeros(7)], axis=1)[:, :, np.newaxis]
    with_another = np.concatenate([ends, np.full_like(ends, np.nan)], axis=2)

    found = module._volatilities(with_another)

    expected = [low[i : i + 5].std(ddof=1) for i in range(3)]
    assert_allclose(found, [np.nan, np.nan, *expected, np.nan, np.nan])


@pytest.mark.parametrize("scales", [("shephard", "farrell"), ("farrell", "shephard")])
def test_under_constant_returns_orientations_are_each_others_inverse(scales):
    inputs, outputs = made_up(3, 40, 2, 1)

    by_input, by_output = (
        subsampling(
            inputs, outputs, orientation=orientation, rts="crs", size=10, replacement=True, seed=1,
            draws=100, scale=scale,
        )
        for orientation, scale in zip(("input", "output"), scales, strict=True)
    )  # fmt: skip

    assert_allclose(by_input.low, by_output.low)
    assert_allclose(by_input.high, by_output.high)
    assert_allclose(by_input.bias_corrected, by_output.bias_corrected)


@settings(max_examples=10, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(["input", "output"]), st.booleans())
def test_units_do_not_matter(seed, orientation, replacement):
    inputs, outputs, _ = world(seed, 30, n_input=2)
    options = {
        "orientation": orientation, "rts": "vrs", "size": 9, "replacement": replacement,
        "seed": seed, "draws": 40,
    }  # fmt: skip

    result = subsampling(inputs, outputs, **options)
    units = subsampling(inputs * [1000, 0.3], outputs * 0.01, **options)

    assert_allclose(units.low, result.low, rtol=1e-8)
    assert_allclose(units.bias_corrected, result.bias_corrected, rtol=1e-8)
    assert_array_equal(units.status, result.status)
    assert (result.high <= result.score).all()
    is_bounded = result.status == "bounded"
    assert (result.low <= result.bias_corrected)[is_bounded].all()
    assert (result.bias_corrected <= result.score)[is_bounded].all()


def test_the_order_of_the_dmus_does_not_matter(monkeypatch):
    inputs, outputs, _ = world(5)
    options = {"size": 12, "replacement": False, "seed": 1, "draws": 100, **VRS}
    order = np.random.default_rng(1).permutation(60)
    result = subsampling(inputs, outputs, **options)
    rows = module._drawn_rows(60, 12, draws=100, seed=1, replacement=False)

    # The same DMUs are drawn, whatever row they are in.
    monkeypatch.setattr(module, "_drawn_rows", lambda *_, **__: np.argsort(order)[rows])
    moved = subsampling(inputs[order], outputs[order], **options)

    assert_allclose(moved.low, result.low[order])
    assert_allclose(moved.bias, result.bias[order])
    assert_array_equal(moved.n_infeasible, result.n_infeasible[order])


def test_replacement_is_whether_a_row_is_drawn_twice():
    without = module._drawn_rows(30, 12, draws=200, seed=1, replacement=False)
    with_it = module._drawn_rows(30, 12, draws=200, seed=1, replacement=True)

    assert all(np.unique(row).size == 12 for row in without)
    assert np.mean([np.unique(row).size for row in with_it]) < 11
    assert_allclose(np.bincount(without.ravel(), minlength=30), 80, atol=35)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    inputs, outputs, _ = world(3)
    one, same, other = (
        subsampling(inputs, outputs, size=12, replacement=True, seed=seed, draws=60, **VRS)
        for seed in (1, 1, 2)
    )

    assert one.low.tobytes() == same.low.tobytes()
    assert one.low.tobytes() != other.low.tobytes()


def test_threads_do_not_change_a_byte(monkeypatch):
    inputs, outputs = made_up(1, 40, 2, 2)
    options = {"size": "least_volatile", "replacement": True, "seed": 1, "draws": 100, **VRS}
    many = subsampling(inputs, outputs, **options)
    one_thread = kernel.ThreadPoolExecutor

    monkeypatch.setattr(kernel, "ThreadPoolExecutor", lambda _: one_thread(1))
    one = subsampling(inputs, outputs, **options)

    assert one.low.tobytes() == many.low.tobytes()
    assert one.bias.tobytes() == many.bias.tobytes()
    assert one.size == many.size


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 60}, "Subsets of 60 to 60 of 60 DMUs in 2 columns"),
        ({"size": 1}, "Use sizes from 2 to 59"),
        ({"size": 9.5}, r"The sizes are \[9.5\]"),
        ({"size": "largest"}, "Unknown size 'largest'"),
        ({"sizes": [8, 9, 10, 11, 12]}, "A size and sizes to try were given"),
        ({"size": "least_volatile", "sizes": [9, 8, 10]}, "Give whole numbers in rising order"),
        ({"size": "least_volatile", "sizes": [8, 9]}, r"the sizes to try are \[8, 9\]"),
        ({"size": "least_volatile", "sizes": [8, 9, 10, 11, 60]}, "Subsets of 8 to 60"),
        ({"rts": "nirs"}, "Unknown rts 'nirs'. Use 'crs' or 'vrs'"),
        ({"orientation": "both"}, "Unknown orientation 'both'"),
        ({"scale": "log"}, "Unknown scale 'log'"),
        ({"draws": 10}, "10 draws and level 0.95"),
        ({"level": 1.0}, "level 1.0"),
    ],
)
def test_an_option_that_is_none_is_refused(options, message):
    inputs, outputs, _ = world(1)
    asked = {**VRS, "size": 12, "replacement": False, "seed": 1, **options}

    with pytest.raises(FrontierError, match=message):
        subsampling(inputs, outputs, **asked)


def test_where_no_interval_is_bounded_the_rule_has_nothing_to_choose_by():
    with pytest.raises(FrontierError, match="No interval is bounded at 5 sizes in a row"):
        module._least_volatile(np.full(7, np.nan))


def test_a_bad_value_is_refused_by_name():
    inputs, outputs, _ = world(1)
    outputs[3] = np.nan
    labels = Labels(dmu=[f"kommun {i}" for i in range(60)])

    with pytest.raises(FrontierError, match="DMU kommun 3 has output 1 = nan"):
        subsampling(inputs, outputs, size=12, replacement=True, seed=1, labels=labels, **VRS)
