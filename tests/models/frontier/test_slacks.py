import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea
from models.frontier.slacks import additive, sbm, super_sbm
from models.frontier.technology import RETURNS, FrontierError
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES

# Tone (2001), table 1: five DMUs, two inputs and two outputs, and the published scores.
TONE_INPUTS = np.array([[4.0, 3], [6, 3], [8, 1], [8, 1], [2, 4]])
TONE_OUTPUTS = np.array([[2.0, 3], [2, 3], [6, 2], [6, 1], [1, 4]])
TONE_SCORES = [0.798, 0.568, 1, 0.667, 1]
few = pytest.mark.filterwarnings("ignore:. DMUs span a frontier")


@few
def test_tones_published_scores_are_met():
    result = sbm(TONE_INPUTS, TONE_OUTPUTS, rts="crs", side="both")

    assert_allclose(result.score, TONE_SCORES, atol=5e-4)
    assert_array_equal(result.is_efficient, [False, False, True, False, True])


def test_the_additive_sum_of_a_store_is_its_longest_way():
    # By hand: (4, 3) may save 1 employee or sell 0.5 more; (5, 2) save 2 and sell 1
    # more, which is (3, 3).
    result = additive(EMPLOYEES, SALES, rts="vrs", weight="raw")

    assert_allclose(result.score[[3, 5]], [1, 3])
    assert_allclose(result.input_slack[3] + result.output_slack[3], [1])


@pytest.mark.parametrize("weight", ["mean", "own", "range"])
def test_units_do_not_matter_to_the_additive_sum_but_in_raw(weight):
    inputs, outputs = made_up(1, 20, 2, 2)

    one = additive(inputs, outputs, rts="vrs", weight=weight)
    other = additive(inputs * [1000, 0.1], outputs * [1, 7], rts="vrs", weight=weight)

    assert_allclose(one.score, other.score, atol=1e-9)
    raw = (additive(inputs * k, outputs, rts="vrs", weight="raw").score for k in (1, 1000))
    assert not np.allclose(*raw)


def test_the_range_adjusted_measure_is_a_share():
    result = additive(*made_up(2, 30, 2, 2), rts="vrs", weight="range")

    assert ((result.score >= 0) & (result.score <= 1)).all()


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=15, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(RETURNS))
def test_the_sbm_score_is_never_above_the_radial_one(seed, rts):
    data = made_up(seed, 20, 2, 2, kind="whole")

    score = {side: sbm(*data, rts=rts, side=side).score for side in ("input", "output", "both")}

    assert (score["input"] <= dea(*data, orientation="input", rts=rts).score + 1e-9).all()
    assert (score["output"] <= dea(*data, orientation="output", rts=rts).score + 1e-9).all()
    assert (score["both"] <= np.minimum(score["input"], score["output"]) + 1e-9).all()


@few
def test_the_sbm_score_is_made_of_its_slacks():
    result = sbm(TONE_INPUTS, TONE_OUTPUTS, rts="crs", side="both")

    used = 1 - (result.input_slack / TONE_INPUTS).mean(axis=1)
    made = 1 + (result.output_slack / TONE_OUTPUTS).mean(axis=1)
    assert_allclose(used / made, result.score)


def test_super_sbm_is_1_for_who_is_not_beyond_the_others():
    data = made_up(4, 20, 2, 2)

    result = super_sbm(*data, rts="crs", side="both")

    is_behind = sbm(*data, rts="crs", side="both").score < 1 - 1e-9
    assert is_behind.any()
    assert_allclose(result.score[is_behind], 1)
    assert (result.score >= 1).all()
    assert result.is_efficient.any()


def test_an_output_that_nobody_else_reaches_is_infeasible_for_the_inputs():
    result = super_sbm(EMPLOYEES, SALES, rts="vrs", side="input")

    assert result.status[7] == "infeasible"
    assert np.isnan(result.score[7])


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (additive, {"weight": "kr"}, "Unknown weight 'kr'. Use 'raw', 'mean', 'own' or 'range'"),
        (sbm, {"side": "cost"}, "Unknown side 'cost'"),
        (super_sbm, {"side": "cost"}, "Unknown side 'cost'"),
    ],
)
def test_an_unknown_choice_is_refused(function, options, message):
    with pytest.raises(FrontierError, match=message.replace(".", r"\.")):
        function(EMPLOYEES, SALES, rts="vrs", **options)


@pytest.mark.shared
@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize(
    ("case", "data", "inputs", "outputs"),
    [
        ("R01_charnes1981", "charnes1981", "x1 x2 x3 x4 x5", "y1 y2 y3"),
        ("R02_fls11", "FLS11", "x1 x2", "y"),
    ],
)
def test_additive_sums_are_those_of_benchmarking(case, data, inputs, outputs, rts, given, answers):
    table = given(data)

    result = additive(
        columns(table, *inputs.split()), columns(table, *outputs.split()), rts=rts, weight="raw"
    )

    expected = answers(f"{case}_benchmarking")[f"additive_{rts}_slacksum"]
    assert_allclose(result.score, expected, atol=1e-6)


@pytest.mark.shared
@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_sbm_scores_of_the_seventy_sites_are_those_of_deaR(rts, given, answers):
    table = given("charnes1981")
    inputs = columns(table, "x1", "x2", "x3", "x4", "x5")
    outputs = columns(table, "y1", "y2", "y3")

    result = sbm(inputs, outputs, rts=rts, side="both")

    assert_allclose(result.score, answers("R01_charnes1981_deaR")[f"sbm_{rts}"], atol=1e-9)


@few
@pytest.mark.shared
def test_tones_examples_are_those_of_deaR(given, answers):
    tone, expected = given("Tone2001"), answers("R06a_tone2001_sbm_deaR")
    data = columns(tone, "Input1", "Input2"), columns(tone, "Output1", "Output2")
    plants, beyond = given("Power_plants"), answers("R06b_tone2002_super_deaR")
    power = columns(plants, "X1", "X2", "X3", "X4"), columns(plants, "Y1", "Y2")

    for rts in ("crs", "vrs"):
        assert_allclose(sbm(*data, rts=rts, side="both").score, expected[f"sbm_{rts}"], atol=1e-9)
    for side, name in (("input", "supersbm_crs_in"), ("both", "supersbm_crs_no")):
        assert_allclose(super_sbm(*power, rts="crs", side=side).score, beyond[name], atol=1e-9)
