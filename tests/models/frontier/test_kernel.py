"""The kernel finds the optimum, and proves it: primal and dual feasible, and no gap."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier import kernel
from models.frontier.kernel import radial, radial_replicates, radial_subsets
from models.frontier.programme import solve
from models.frontier.technology import ORIENTATIONS, RETURNS
from tests.models.frontier.conftest import columns, made_up

KINDS = ("smooth", "whole", "doubled", "collinear")
INTENSITY_SUM = {  # bounds of the sum of intensities
    "crs": (-np.inf, np.inf), "vrs": (1, 1), "nirs": (-np.inf, 1), "ndrs": (1, np.inf),
}  # fmt: skip
PRICE_OF_SCALE = {  # bounds of its multiplier
    "crs": (0, 0), "vrs": (-np.inf, np.inf), "nirs": (-np.inf, 0), "ndrs": (0, np.inf),
}  # fmt: skip


def assert_certified(inputs, outputs, found, *, orientation, rts, atol=1e-8):
    """The intensities reach what is claimed, and the prices show that nothing reaches further."""
    m, s = inputs.shape[1], outputs.shape[1]
    of_input, of_output = inputs.mean(axis=0), outputs.mean(axis=0)
    assert found.is_optimal.all()
    is_peer = found.peer >= 0
    used = np.einsum("np,npm->nm", found.intensity, inputs[found.peer] * is_peer[:, :, np.newaxis])
    made = np.einsum("np,nps->ns", found.intensity, outputs[found.peer] * is_peer[:, :, np.newaxis])
    factor = found.farrell[:, np.newaxis]
    room = (factor if orientation == "input" else 1) * inputs
    need = (1 if orientation == "input" else factor) * outputs
    assert (found.intensity >= 0).all()
    assert (used <= room + atol * of_input).all()
    assert (made >= need - atol * of_output).all()
    low, high = INTENSITY_SUM[rts]
    total = found.intensity.sum(axis=1)
    assert ((total >= low - atol) & (total <= high + atol)).all()

    of_inputs, of_outputs = found.multiplier[:, :m], found.multiplier[:, m : m + s]
    of_scale = found.multiplier[:, m + s]
    assert (of_inputs * of_input >= -atol).all()
    assert (of_outputs * of_output >= -atol).all()
    low, high = PRICE_OF_SCALE[rts]
    assert ((of_scale >= low - atol) & (of_scale <= high + atol)).all()
    profit = of_outputs @ outputs.T - of_inputs @ inputs.T + of_scale[:, np.newaxis]
    assert (profit <= atol * np.maximum(1, np.abs(found.multiplier).max(axis=1))[:, None]).all()
    own_inputs = np.sum(of_inputs * inputs, axis=1)
    own_outputs = np.sum(of_outputs * outputs, axis=1)
    if orientation == "input":
        assert_allclose(own_inputs, 1, rtol=1e-8)
        assert_allclose(own_outputs + of_scale, found.farrell, rtol=1e-8)
    else:
        assert_allclose(own_outputs, 1, rtol=1e-8)
        assert_allclose(own_inputs - of_scale, found.farrell, rtol=1e-8)


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None)
@drawn(
    seed=st.integers(0, 2**32 - 1), n=st.integers(3, 90), m=st.integers(1, 4), s=st.integers(1, 4)
)
def test_every_answer_is_proved_optimal(kind, orientation, rts, seed, n, m, s):
    inputs, outputs = made_up(seed, n, m, s, kind=kind)

    found = radial(inputs, outputs, inputs, outputs, orientation=orientation, rts=rts)

    assert_certified(inputs, outputs, found, orientation=orientation, rts=rts)


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize(("kind", "m", "s"), [("smooth", 3, 5), ("whole", 2, 3), ("doubled", 1, 1)])
def test_a_thousand_dmus_are_proved_optimal(rts, kind, m, s):
    inputs, outputs = made_up(1489, 1000, m, s, kind=kind)

    for orientation in ORIENTATIONS:
        found = radial(inputs, outputs, inputs, outputs, orientation=orientation, rts=rts)

        assert_certified(inputs, outputs, found, orientation=orientation, rts=rts)
        assert found.n_fallback == 0


def by_highs(inputs, outputs, row, *, orientation, rts, without=()):
    """The factor of one DMU as its programme is written in textbooks."""
    n, m, s = len(inputs), inputs.shape[1], outputs.shape[1]
    of_input, of_output = inputs.mean(axis=0), outputs.mean(axis=0)
    x, y = inputs / of_input, outputs / of_output
    moved_x = -x[row] if orientation == "input" else np.zeros(m)
    moved_y = np.zeros(s) if orientation == "input" else -y[row]
    matrix = np.block([[x.T, moved_x[:, None]], [y.T, moved_y[:, None]], [np.ones(n), 0.0]])
    low, high = INTENSITY_SUM[rts]
    upper = np.full(n + 1, np.inf)
    upper[list(without)] = 0
    solution = solve(
        np.append(np.zeros(n), 1.0),
        matrix,
        row_lower=np.concatenate(
            [np.full(m, -np.inf), y[row] if orientation == "input" else np.zeros(s), [low]]
        ),
        row_upper=np.concatenate(
            [np.zeros(m) if orientation == "input" else x[row], np.full(s, np.inf), [high]]
        ),
        upper=upper,
        maximise=orientation == "output",
    )
    return solution.objective


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_highs_finds_the_same(kind, orientation, rts):
    inputs, outputs = made_up(7, 40, 2, 3, kind=kind)

    found = radial(inputs, outputs, inputs, outputs, orientation=orientation, rts=rts)

    rows = range(0, 40, 5)
    expected = [by_highs(inputs, outputs, r, orientation=orientation, rts=rts) for r in rows]
    assert_allclose(found.farrell[list(rows)], expected, rtol=1e-9)


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_who_is_left_out_spans_nothing_for_itself(orientation, rts):
    inputs, outputs = made_up(3, 30, 2, 2, kind="whole")

    found = radial(
        inputs, outputs, inputs, outputs, orientation=orientation, rts=rts, leave_out=np.arange(30)
    )

    expected = [
        by_highs(inputs, outputs, r, orientation=orientation, rts=rts, without=[r])
        for r in range(30)
    ]
    assert_array_equal(found.is_optimal, ~np.isnan(expected))
    assert_allclose(found.farrell, expected, rtol=1e-9)


def test_what_no_radial_move_reaches_is_nan_and_no_number():
    # More output than anyone: no scaling of its input makes the others produce it.
    found = radial(
        np.array([[1.0]]), np.array([[9.0]]), np.array([[1.0], [2]]), np.array([[1.0], [3]]),
        orientation="input", rts="vrs",
    )  # fmt: skip

    assert not found.is_optimal[0]
    assert np.isnan(found.farrell[0])
    assert (found.peer == -1).all()


@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_zeros_are_quantities_to_the_kernel(orientation, rts):
    inputs, outputs = made_up(5, 40, 2, 3)
    inputs[::7, 0] = 0
    outputs[::5, 1] = 0

    found = radial(inputs, outputs, inputs, outputs, orientation=orientation, rts=rts)

    expected = [by_highs(inputs, outputs, r, orientation=orientation, rts=rts) for r in range(40)]
    assert_allclose(found.farrell, expected, rtol=1e-8)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_units_that_differ_by_many_powers_of_ten_do_not_matter(orientation):
    inputs, outputs = made_up(11, 60, 2, 3)
    same = {"orientation": orientation, "rts": "vrs"}

    found = radial(inputs * [1e9, 1e-7], outputs * [1e-6, 1, 1e8],
                   inputs * [1e9, 1e-7], outputs * [1e-6, 1, 1e8], **same)  # fmt: skip

    assert_allclose(
        found.farrell, radial(inputs, outputs, inputs, outputs, **same).farrell, rtol=1e-12
    )


def test_more_rows_than_the_simplex_has_are_highss():
    inputs, outputs = made_up(2, 30, 7, 6)

    found = radial(inputs, outputs, inputs, outputs, orientation="input", rts="vrs")

    assert found.n_fallback == 30
    assert_certified(inputs, outputs, found, orientation="input", rts="vrs")


def test_what_the_simplex_gives_up_is_highss(monkeypatch):
    inputs, outputs = made_up(2, 40, 2, 3)
    expected = radial(inputs, outputs, inputs, outputs, orientation="output", rts="nirs")

    def give_up(*arguments):
        kernel_solve_all(*arguments)
        arguments[9][3:5] = kernel.GIVEN_UP

    kernel_solve_all = kernel.solve_all
    monkeypatch.setattr(kernel, "solve_all", give_up)
    found = radial(inputs, outputs, inputs, outputs, orientation="output", rts="nirs")

    assert (expected.n_fallback, found.n_fallback) == (0, 2)
    assert_certified(inputs, outputs, found, orientation="output", rts="nirs")
    assert_allclose(found.farrell, expected.farrell, rtol=1e-9)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_replicate_is_what_scoring_against_its_reference_gives(orientation):
    inputs, outputs = made_up(4, 50, 2, 2)
    factor = np.random.default_rng(4).uniform(0.7, 1.4, (3, 50))
    same = {"orientation": orientation, "rts": "vrs"}

    found = radial_replicates(inputs, outputs, inputs, outputs, factor, **same)

    for draw in range(3):
        moved = factor[draw][:, np.newaxis]
        reference = (
            (inputs * moved, outputs) if orientation == "input" else (inputs, outputs * moved)
        )
        assert_allclose(found[draw], radial(inputs, outputs, *reference, **same).farrell, rtol=1e-9)


def test_a_subset_is_what_scoring_against_it_gives():
    inputs, outputs = made_up(6, 50, 2, 2)
    row = np.random.default_rng(6).integers(0, 50, (3, 8))

    found = radial_subsets(inputs, outputs, inputs, outputs, row, orientation="input", rts="vrs")

    assert np.isnan(found).any()
    for draw in range(3):
        expected = radial(
            inputs, outputs, inputs[row[draw]], outputs[row[draw]], orientation="input", rts="vrs"
        )
        assert_allclose(found[draw], expected.farrell, rtol=1e-9)


def test_replicates_are_the_same_bytes_with_one_thread_as_with_many(monkeypatch):
    inputs, outputs = made_up(8, 60, 2, 3)
    factor = np.random.default_rng(8).uniform(0.7, 1.4, (100, 60))
    same = {"orientation": "input", "rts": "vrs"}

    many = radial_replicates(inputs, outputs, inputs, outputs, factor, **same)
    monkeypatch.setattr(kernel, "ThreadPoolExecutor", lambda _: ThreadPoolExecutor(1))
    one = radial_replicates(inputs, outputs, inputs, outputs, factor, **same)

    assert many.tobytes() == one.tobytes()


@pytest.mark.shared
@pytest.mark.parametrize(
    ("shape", "m", "s"),
    [("290_1_1", 1, 1), ("290_2_3", 2, 3), ("290_3_5", 3, 5), ("1000_1_1", 1, 1)],
)
def test_certified_scores_are_met_to_1e12(shape, m, s, given, answers):
    data = given(f"syn_{shape}")
    inputs = columns(data, *(f"x{i + 1}" for i in range(m)))
    outputs = columns(data, *(f"y{i + 1}" for i in range(s)))

    found = radial(inputs, outputs, inputs, outputs, orientation="input", rts="vrs")

    expected = answers(f"R17_syn_{shape}_vrs_in_certified")["theta_vrs_in"].to_numpy()
    assert_allclose(found.farrell, expected, rtol=0, atol=1e-12)


@pytest.mark.shared
@pytest.mark.parametrize("case", ["R01_charnes1981", "R02_fls11", "R05_libraries"])
@pytest.mark.parametrize(
    ("rts", "called"), [("crs", "crs"), ("vrs", "vrs"), ("nirs", "drs"), ("ndrs", "irs")]
)
@pytest.mark.parametrize(("orientation", "short"), [("input", "in"), ("output", "out")])
def test_exact_scores_are_met_to_1e12(case, rts, called, orientation, short, given, answers):
    data, inputs, outputs = {
        "R01_charnes1981": ("charnes1981", ("x1", "x2", "x3", "x4", "x5"), ("y1", "y2", "y3")),
        "R02_fls11": ("FLS11", ("x1", "x2"), ("y",)),
        "R05_libraries": (
            "Libraries", ("AREA", "BOOKS", "STAFF", "POPULATION"), ("REGISTERED", "BORROWED")
        ),
    }[case]  # fmt: skip
    table = given(data)
    x, y = columns(table, *inputs), columns(table, *outputs)

    found = radial(x, y, x, y, orientation=orientation, rts=rts)

    expected = answers(f"{case}_exact")[f"eff_{called}_{short}"].to_numpy()
    assert_allclose(found.farrell, expected, rtol=1e-12)


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("seed", range(6))
def test_whoever_spans_the_frontier_has_a_score_however_near_others_are(seed, orientation, rts):
    # A third differ from another third by a ten-thousandth to a ten-millionth; facets between two
    # such are nearly parallel to an axis, and rounding could turn "at the edge" into "beyond it".
    inputs, outputs = made_up(seed, 60, 1 + seed % 2, 1 + seed // 3)
    generator = np.random.default_rng(seed)
    for side in (inputs, outputs):
        side[:20] = side[20:40] * (1 + 10.0 ** -generator.uniform(4, 7, (20, 1)))

    found = radial(inputs, outputs, inputs, outputs, orientation=orientation, rts=rts)

    assert found.is_optimal.all()
    best = found.farrell <= 1 + 1e-9 if orientation == "input" else found.farrell >= 1 - 1e-9
    assert best.all()
    row = np.arange(60)
    score = found.farrell if orientation == "input" else 1 / found.farrell
    assert_allclose(score[row[:20]], score[row[20:40]], atol=2e-3)
