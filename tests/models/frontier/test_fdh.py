import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea
from models.frontier.fdh import fdh, hull
from models.frontier.technology import ORIENTATIONS, FrontierError, Labels
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES


def test_a_store_is_held_against_one_other_store():
    # By hand: D (4, 3) against B (3, 3); F (5, 2) against B.
    result = fdh(EMPLOYEES, SALES, orientation="input")

    assert_allclose(result.score, [1, 1, 1, 0.75, 1, 0.6, 0.5, 1])
    assert_array_equal(result.peer[[3, 5, 6]], [1, 1, 1])
    assert_array_equal(result.is_efficient, [1, 1, 1, 0, 1, 0, 0, 1])


def test_who_makes_more_than_anyone_in_the_reference_is_infeasible():
    result = fdh([[1.0]], [[9.0]], orientation="input", reference=(EMPLOYEES, SALES))

    assert_array_equal(result.status, ["infeasible"])
    assert_array_equal(result.peer, [-1])
    assert np.isnan(result.score).all()


def test_without_its_peer_a_store_is_held_against_the_next_best():
    # By hand: without B, D (4, 3) is its own peer, F (5, 2) has C (3, 2), and G (6, 3) has D.
    leave_out = np.array([-1, -1, -1, 1, -1, 1, 1, -1])

    score, peer = hull(EMPLOYEES, SALES, EMPLOYEES, SALES, orientation="input", leave_out=leave_out)

    assert_allclose(score, [1, 1, 1, 1, 1, 3 / 5, 4 / 6, 1])
    assert_array_equal(peer[[3, 5, 6]], [3, 2, 3])


def test_a_bad_value_is_refused_by_name():
    with pytest.raises(FrontierError, match="DMU Ale has input 1 = 0"):
        fdh([[0.0], [1]], [[1.0], [1]], orientation="input", labels=Labels(dmu=["Ale", "Eda"]))


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(ORIENTATIONS))
def test_the_hull_of_single_dmus_is_within_that_of_their_combinations(seed, orientation):
    inputs, outputs = made_up(seed, 30, 2, 2, kind="whole")

    result = fdh(inputs, outputs, orientation=orientation)

    convex = dea(inputs, outputs, orientation=orientation, rts="vrs").score
    assert (result.score >= convex - 1e-9).all()
    peers = result.peer
    if orientation == "input":
        assert (outputs[peers] >= outputs).all()
        ratio = (inputs[peers] / inputs).max(axis=1)
    else:
        assert (inputs[peers] <= inputs).all()
        ratio = (outputs / outputs[peers]).max(axis=1)
    assert_allclose(result.score, ratio)


@pytest.mark.shared
def test_scores_are_those_of_other_packages(given, answers):
    sites, chain, made = given("charnes1981"), given("Supply_Chain"), given("syn_290_2_3")
    of_sites = columns(sites, "x1", "x2", "x3", "x4", "x5"), columns(sites, "y1", "y2", "y3")
    of_made = columns(made, "x1", "x2"), columns(made, "y1", "y2", "y3")
    expected = answers("R01_charnes1981_benchmarking")

    for orientation, name in (("input", "eff_fdh_in"), ("output", "eff_fdh_out")):
        found = fdh(*of_sites, orientation=orientation).farrell
        assert_allclose(found, expected[name], atol=1e-9)
    found = fdh(*of_made, orientation="input").score
    assert_allclose(found, answers("R17_syn_290_2_3_fdh_in_benchmarking")["e"], atol=1e-9)
    of_chain = columns(chain, "x1", "x2", "x3"), columns(chain, "I1", "I2")
    expected = answers("R08b_supplychain_fdh")
    for orientation, name in (("input", "fdh_in_deaR"), ("output", "fdh_out_Benchmarking")):
        found = fdh(*of_chain, orientation=orientation).farrell
        assert_allclose(found, expected[name], atol=1e-9)
    table, expected = given("spain"), answers("R11_spain_orderm_exact")
    of_spain = columns(table, "x1", "x2", "x3"), columns(table, "y")
    for orientation, name in (("input", "fdh_in"), ("output", "fdh_out")):
        found = fdh(*of_spain, orientation=orientation).farrell
        assert_allclose(found, expected[name], atol=1e-9)
