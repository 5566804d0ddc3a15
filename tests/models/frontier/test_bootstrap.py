import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier import kernel
from models.frontier.bootstrap import bootstrap, correction
from models.frontier.kernel import radial_replicates
from models.frontier.technology import ORIENTATIONS, FrontierError, Labels
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_subsampling import world as uneven_world

SW98 = {"orientation": "input", "rts": "vrs"}


def world(seed: int, n: int = 60):
    """Return inputs, outputs and true scores where output is at most the root of input."""
    generator = np.random.default_rng(seed)
    needed = generator.uniform(1, 9, (n, 1))
    truth = np.exp(-np.abs(generator.normal(0, 0.25, n)))
    return needed / truth[:, np.newaxis], np.sqrt(needed), truth


@pytest.mark.parametrize("neighbourhood", [None, 0.5])
def test_the_correction_takes_nearly_all_bias_off(neighbourhood):
    before, after = [], []
    for seed in range(40):
        inputs, outputs, truth = world(seed)
        result = bootstrap(
            inputs, outputs, seed=seed, draws=200, neighbourhood=neighbourhood, **SW98
        )
        before.append((result.score - truth).mean())
        after.append((result.bias_corrected - truth).mean())

    error = np.std(after) / np.sqrt(40)
    assert np.mean(before) > 0.025
    assert abs(np.mean(after)) < 0.1 * np.mean(before) + 3 * error


def test_intervals_hold_most_truths_though_fewer_than_they_say():
    held = []
    for seed in range(40):
        inputs, outputs, truth = world(seed)
        result = bootstrap(inputs, outputs, seed=seed, draws=200, **SW98)
        held.append(((result.low <= truth) & (truth <= result.high)).mean())

    assert 0.65 < np.mean(held) < 0.80  # of nominally 0.95; docs/methods.md says so


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("scale", ["shephard", "farrell"])
def test_a_corrected_score_and_its_interval_lie_below_the_score(orientation, scale):
    inputs, outputs, _ = world(1)

    result = bootstrap(
        inputs, outputs, orientation=orientation, rts="vrs", seed=1, draws=200, scale=scale
    )

    assert (result.bias > 0).all()
    assert_allclose(result.bias_corrected, result.score - result.bias)
    assert (result.low < result.high).all()
    assert (result.high <= result.score + 1e-12).all()
    assert ((result.low < result.bias_corrected) & (result.bias_corrected < result.high)).all()


def test_under_crs_and_one_of_each_orientations_agree():
    inputs, outputs, _ = world(2)

    by_input, by_output = (
        bootstrap(inputs, outputs, orientation=each, rts="crs", seed=1, draws=500)
        for each in ORIENTATIONS
    )

    assert_allclose(by_input.score, by_output.score)
    assert_allclose(by_input.bias_corrected.mean(), by_output.bias_corrected.mean(), atol=0.01)


def test_the_same_seed_gives_the_same_bytes_and_another_does_not():
    inputs, outputs, _ = world(3)
    one, same, other = (
        bootstrap(inputs, outputs, seed=seed, draws=100, **SW98).low.tobytes() for seed in (1, 1, 2)
    )

    assert one == same
    assert one != other


def test_a_neighbourhood_draws_from_those_alike():
    # Two kinds of DMUs: small ones nearly efficient, large ones far from it.
    inputs, outputs, _ = world(4, 80)
    is_large = np.arange(80) >= 40
    inputs, outputs = inputs * np.where(is_large, 50, 1)[:, None], outputs.copy()
    outputs[is_large] *= 5
    inputs[is_large] *= 1.8

    all_alike = bootstrap(inputs, outputs, seed=1, draws=300, **SW98)
    by_kind = bootstrap(inputs, outputs, seed=1, draws=300, neighbourhood=0.2, **SW98)

    # Large DMUs lie farther behind, so less can be known of their part of the frontier.
    assert by_kind.bias[is_large].mean() > all_alike.bias[is_large].mean()


def test_the_defaults_are_reflection_and_the_correction_of_the_variance():
    inputs, outputs, _ = world(5)
    options = {"seed": 1, "draws": 100, **SW98}

    plain = bootstrap(inputs, outputs, **options)
    named = bootstrap(inputs, outputs, reflection="reflected", variance_correction=True, **options)
    others = [
        bootstrap(inputs, outputs, reflection="none", **options),
        bootstrap(inputs, outputs, variance_correction=False, **options),
    ]

    assert plain.low.tobytes() == named.low.tobytes()
    assert all((other.low != plain.low).all() for other in others)


def test_without_reflection_the_correction_makes_scores_worse():
    plain, unreflected = [], []
    for seed in range(20):
        inputs, outputs, truth = world(seed)
        result = bootstrap(inputs, outputs, reflection="none", seed=seed, draws=100, **SW98)
        plain.append((result.score - truth).mean())
        unreflected.append((result.bias_corrected - truth).mean())

    # DMUs beyond the frontier that was found: by these replicates it is too near, not too far.
    assert np.mean(unreflected) > np.mean(plain) > 0


def test_where_inefficiency_grows_with_size_a_neighbourhood_holds_more_truths():
    held = {None: [], 0.5: []}
    for seed in range(20):
        inputs, outputs, truth = uneven_world(seed, grows=True)
        for near in held:
            result = bootstrap(inputs, outputs, seed=seed, draws=200, neighbourhood=near, **SW98)
            held[near].append(((result.low <= truth) & (truth <= result.high)).mean())

    # 69 and 75 % of nominally 95: subsampling holds more than either.
    assert np.mean(held[0.5]) > np.mean(held[None]) + 0.02
    assert 0.65 < np.mean(held[0.5]) < 0.85


def test_drawn_scores_that_are_not_reflected_may_not_pass_0():
    inputs, outputs, _ = world(1)

    with pytest.raises(FrontierError, match=r"and no reflection, \d+ of 6000 drawn"):
        bootstrap(
            inputs, outputs, seed=1, draws=100, bandwidth=0.5, reflection="none", scale="farrell",
            variance_correction=False, **SW98,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"draws": 10}, "10 draws and level 0.95"),
        ({"level": 1.0}, "level 1.0"),
        ({"bandwidth": 0.0}, "The bandwidth is 0.0"),
        ({"bandwidth": "scott"}, "Unknown bandwidth 'scott'"),
        ({"neighbourhood": 0.0}, "The neighbourhood is 0.0"),
        ({"scale": "log"}, "Unknown scale 'log'"),
        ({"interval": "normal"}, "Unknown interval 'normal'"),
        ({"reflection": "mirror"}, "Unknown reflection 'mirror'. Use 'reflected' or 'none'"),
    ],
)
def test_an_option_that_is_none_is_refused(options, message):
    inputs, outputs, _ = world(1)

    with pytest.raises(FrontierError, match=message):
        bootstrap(inputs, outputs, seed=1, **SW98, **options)


def test_a_bad_value_is_refused_by_name():
    inputs, outputs, _ = world(1)
    outputs[3] = np.nan
    labels = Labels(dmu=[f"kommun {i}" for i in range(60)])

    with pytest.raises(FrontierError, match="DMU kommun 3 has output 1 = nan"):
        bootstrap(inputs, outputs, seed=1, labels=labels, **SW98)


def test_where_all_are_efficient_nothing_can_be_drawn():
    inputs = np.arange(1.0, 10)[:, np.newaxis]

    with pytest.raises(FrontierError, match="All 9 DMUs are efficient"):
        bootstrap(inputs, inputs, orientation="input", rts="crs", seed=1)


def test_threads_do_not_change_a_byte(monkeypatch):
    inputs, outputs = made_up(1, 40, 2, 2)
    many = bootstrap(inputs, outputs, seed=1, draws=100, **SW98)
    one_thread = kernel.ThreadPoolExecutor

    monkeypatch.setattr(kernel, "ThreadPoolExecutor", lambda _: one_thread(1))
    one = bootstrap(inputs, outputs, seed=1, draws=100, **SW98)

    assert_array_equal(one.low, many.low)


@pytest.mark.shared
def test_the_electric_plants_are_near_those_of_benchmarking_and_npsf(given, answers):
    table, theirs = given("Electric_plants"), answers("R10_sw98_electric_bootstrap")
    data = columns(table, "Labor", "Fuel", "Capital"), columns(table, "Output")

    result = bootstrap(*data, seed=1489, draws=5000, **SW98)

    for package in ("bm", "npsf"):
        assert_allclose(result.bias_corrected, theirs[f"{package}_bc"], atol=0.01)
        assert_allclose(result.low, theirs[f"{package}_lo"], atol=0.015)
        assert_allclose(result.high, theirs[f"{package}_hi"], atol=0.015)
    assert (result.high <= result.score).all()


@pytest.mark.shared
def test_290_made_up_units_have_the_mean_of_other_packages(given, answers):
    table, theirs = given("syn_290_2_3"), answers("R10b_syn290_2_3_bootstrap")
    data = columns(table, "x1", "x2"), columns(table, "y1", "y2", "y3")

    result = bootstrap(*data, seed=1489, draws=500, **SW98)

    assert_allclose(result.bias_corrected.mean(), theirs["bm_bc"].mean(), atol=0.01)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "data", "inputs", "outputs"),
    [
        ("R10c_electric_fixed_draws", "Electric_plants", "Labor Fuel Capital", "Output"),
        ("R10c_syn290_2_3_fixed_draws", "syn_290_2_3", "x1 x2", "y1 y2 y3"),
    ],
)
def test_fixed_draws_give_fixed_scores(case, data, inputs, outputs, given, answers):
    table, fixed = given(data), answers(case)
    x, y = columns(table, *inputs.split()), columns(table, *outputs.split())
    n_draw = sum(name.startswith("draw") for name in fixed.columns)
    drawn = columns(fixed, *(f"draw{k}" for k in range(n_draw))).T

    found = radial_replicates(x, y, x, y, fixed["theta"].to_numpy() / drawn, **SW98)

    expected = columns(fixed, *(f"score{k}" for k in range(n_draw))).T
    assert_allclose(found, expected, atol=1e-9)


@pytest.mark.shared
def test_bias_variance_and_interval_of_a_matrix_are_those_of_benchmarking(answers):
    matrix = answers("R10d_electric_boot_matrix_200").drop("dmu").to_numpy().T
    expected = answers("R10d_electric_boot_postprocessed")

    found = correction(expected["eff"].to_numpy(), matrix)

    for mine, theirs in (
        (found.bias_corrected, "eff_bc"), (found.bias, "bias"), (found.variance, "var"),
        (found.low, "lo"), (found.high, "hi"),
    ):  # fmt: skip
        assert_allclose(mine, expected[theirs], atol=1e-12)
