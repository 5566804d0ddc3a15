import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea
from models.frontier.directional import directional, hyperbolic
from models.frontier.technology import RETURNS, FrontierError
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES


@pytest.mark.parametrize("rts", RETURNS)
def test_own_inputs_alone_lead_as_far_as_the_input_score(rts):
    data = made_up(1, 40, 2, 2)

    result = directional(*data, input_direction=data[0], output_direction=0, rts=rts)

    assert_allclose(1 - result.inefficiency, dea(*data, orientation="input", rts=rts).score)


@pytest.mark.parametrize("rts", RETURNS)
def test_own_outputs_alone_lead_as_far_as_the_output_factor(rts):
    data = made_up(2, 40, 2, 2)

    result = directional(*data, input_direction=0, output_direction=data[1], rts=rts)

    assert_allclose(1 + result.inefficiency, dea(*data, orientation="output", rts=rts).farrell)


def test_a_step_of_fixed_size_is_counted_in_it():
    # By hand: from (4, 3), two employees less per step reach the segment from (3, 3) at half.
    result = directional(EMPLOYEES, SALES, input_direction=[2.0], output_direction=[0.0], rts="vrs")

    assert_allclose(result.inefficiency[3], 0.5)
    assert_allclose(result.input_target[3], [3.0])
    assert_allclose(result.output_target[3], [3.0])


def test_from_beyond_a_reference_the_steps_are_negative():
    result = directional(
        [[1.0]], [[3.0]], input_direction=[1.0], output_direction=[0.0], rts="vrs",
        reference=(EMPLOYEES, SALES),
    )  # fmt: skip

    assert_allclose(result.inefficiency, [-2])


def test_a_direction_that_never_arrives_is_a_status():
    result = directional(
        [[1.0]], [[9.0]], input_direction=[1.0], output_direction=[0.0], rts="vrs",
        reference=(EMPLOYEES, SALES),
    )  # fmt: skip

    assert_array_equal(result.status, ["infeasible"])
    assert np.isnan(result.inefficiency[0])


@pytest.mark.parametrize(
    ("less", "more", "message"),
    [
        (0, 0, "row 1 has a direction that leads nowhere \\(8 such\\)"),
        (-1, 1, "input_direction has a negative or infinite step"),
        (np.inf, 1, "input_direction has a negative or infinite step"),
        ([1, 2], 1, r"input_direction has the shape \(2,\), the data \(8, 1\)"),
    ],
)
def test_a_direction_that_is_none_is_refused(less, more, message):
    with pytest.raises(FrontierError, match=message):
        directional(EMPLOYEES, SALES, input_direction=less, output_direction=more, rts="vrs")


def test_under_crs_the_hyperbolic_score_is_the_root_of_the_input_score():
    data = made_up(3, 40, 2, 3)

    assert_allclose(
        hyperbolic(*data, rts="crs").score ** 2, dea(*data, orientation="input", rts="crs").score
    )


def test_the_hyperbolic_target_of_a_store_is_on_the_hull():
    # By hand: (4h, 3 / h) lies on the line from (3, 3) to (5, 4).
    h = hyperbolic(EMPLOYEES, SALES, rts="vrs").score[3]

    assert_allclose(3 / h, 3 + (4 * h - 3) / 2)


@settings(max_examples=25, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(RETURNS), st.sampled_from(["smooth", "whole"]))
def test_hyperbolic_targets_are_on_the_frontier(seed, rts, kind):
    inputs, outputs = made_up(seed, 30, 2, 2, kind=kind)

    result = hyperbolic(inputs, outputs, rts=rts)

    h = result.score[:, np.newaxis]
    assert ((h > 0) & (h <= 1)).all()
    further = directional(
        inputs * h, outputs / h, input_direction=inputs, output_direction=outputs, rts=rts,
        reference=(inputs, outputs),
    )  # fmt: skip
    assert_allclose(further.inefficiency, 0, atol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize(
    ("case", "data", "inputs", "outputs"),
    [
        ("R01_charnes1981", "charnes1981", "x1 x2 x3 x4 x5", "y1 y2 y3"),
        ("R02_fls11", "FLS11", "x1 x2", "y"),
    ],
)
def test_hyperbolic_scores_are_those_of_benchmarking(case, data, inputs, outputs, given, answers):
    table = given(data)

    result = hyperbolic(
        columns(table, *inputs.split()), columns(table, *outputs.split()), rts="vrs"
    )

    # Benchmarking searches by halving and stops at 1e-6.
    assert_allclose(result.score, answers(f"{case}_benchmarking")["eff_vrs_graph"], atol=1e-6)
