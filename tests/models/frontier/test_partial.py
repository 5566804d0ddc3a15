import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.fdh import fdh
from models.frontier.partial import order_alpha, order_m
from models.frontier.technology import ORIENTATIONS, FrontierError
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES


def test_the_expected_best_of_two_is_found_by_counting():
    # By hand: D (4, 3) compares with B, D, E, G and H: 3, 4, 5, 6 and 8 employees. Of two draws
    # the least is 3 in 9 of 25 cases, 4 in 7, 5 in 5, 6 in 3 and 8 in 1.
    result = order_m(EMPLOYEES, SALES, m=2, orientation="input")

    assert result.n_compared[3] == 5
    assert_allclose(result.score[3], (9 * 3 + 7 * 4 + 5 * 5 + 3 * 6 + 8) / 25 / 4)


def test_of_one_draw_the_expected_best_is_the_mean():
    result = order_m(EMPLOYEES, SALES, m=1, orientation="output")

    # By hand: D compares with the four of at most four employees: sales 1, 3, 2 and 3.
    assert_allclose(result.farrell[3], np.mean([1, 3, 2, 3]) / 3)
    assert_allclose(result.score, 1 / result.farrell)


def test_without_itself_a_dmu_is_drawn_against_the_others_alone():
    inputs, outputs = made_up(4, 30, 2, 1)

    result = order_m(inputs, outputs, m=[3, 9], orientation="input", with_self=False)

    assert (result.n_compared == 0).any()
    for i in range(30):
        others = np.delete(inputs, i, 0), np.delete(outputs, i, 0)
        alone = order_m(inputs[[i]], outputs[[i]], m=[3, 9], orientation="input", reference=others)
        assert_allclose(result.score[i], alone.score[0])
        assert result.n_compared[i] == alone.n_compared[0]


def test_the_closed_form_is_what_drawing_tends_to():
    inputs, outputs = made_up(1, 40, 2, 2)
    generator = np.random.default_rng(1)

    exact = order_m(inputs, outputs, m=5, orientation="input").score

    for i in range(0, 40, 8):
        compares = np.flatnonzero((outputs >= outputs[i]).all(axis=1))
        ratio = (inputs[compares] / inputs[i]).max(axis=1)
        least = ratio[generator.integers(0, len(ratio), (20_000, 5))].min(axis=1)
        error = least.std() / np.sqrt(20_000)
        assert abs(least.mean() - exact[i]) <= 4 * error + 1e-12


@settings(max_examples=20, deadline=None)
@drawn(st.integers(0, 2**32 - 1), st.sampled_from(ORIENTATIONS))
def test_the_larger_m_the_nearer_the_hull_and_units_do_not_matter(seed, orientation):
    inputs, outputs = made_up(seed, 30, 2, 2)

    result = order_m(inputs, outputs, m=[1, 5, 50, 5000], orientation=orientation)
    units = order_m(inputs * [1000, 3], outputs * 0.01, m=5, orientation=orientation)

    assert (np.diff(result.score, axis=1) <= 1e-12).all()
    hull = fdh(inputs, outputs, orientation=orientation).score
    assert_allclose(result.score[:, 3], hull, rtol=1e-6)
    assert_allclose(units.score, result.score[:, 1])


def test_one_extreme_dmu_hardly_moves_the_others():
    inputs, outputs = made_up(2, 100, 1, 1)
    inputs[0], outputs[0] = 0.01, outputs.max()

    hull = fdh(inputs, outputs, orientation="input").score[1:]
    partial = order_m(inputs, outputs, m=10, orientation="input").score[1:]

    assert np.median(hull) < 0.01
    assert np.median(partial) > 0.3


def test_order_alpha_counts_from_the_best():
    # Of the five that D compares with, 3, 4, 5, 6 and 8 employees, more than 0.3 have at most 4.
    result = order_alpha(EMPLOYEES, SALES, alpha=[1, 0.7, 0.5], orientation="input")

    assert_allclose(result.score[3], [3 / 4, 4 / 4, 5 / 4])


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_with_alpha_1_it_is_the_hull(orientation):
    data = made_up(3, 40, 2, 2)

    result = order_alpha(*data, alpha=1.0, orientation=orientation)

    assert_allclose(result.score, fdh(*data, orientation=orientation).score)


def test_whom_nobody_compares_with_has_a_status_and_no_number():
    reference = (EMPLOYEES, SALES)

    for result in (
        order_m([[1.0]], [[9.0]], m=[5, 10], orientation="input", reference=reference),
        order_alpha([[1.0]], [[9.0]], alpha=0.9, orientation="input", reference=reference),
    ):
        assert_array_equal(result.status, ["infeasible"])
        assert np.isnan(result.score).all()


@pytest.mark.parametrize("m", [0, -1, 2.5, [[1, 2]], [5, 0]])
def test_an_m_that_is_no_number_of_dmus_is_refused(m):
    with pytest.raises(FrontierError, match="Give a whole number of at least 1"):
        order_m(EMPLOYEES, SALES, m=m, orientation="input")


def test_a_dmu_cannot_be_left_out_of_another_reference():
    with pytest.raises(FrontierError, match="cannot be left out of a separate reference"):
        order_m(
            EMPLOYEES, SALES, m=5, orientation="input", reference=(EMPLOYEES, SALES),
            with_self=False,
        )  # fmt: skip


@pytest.mark.parametrize("alpha", [0, -0.1, 1.1, np.nan])
def test_an_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(FrontierError, match="Give a number above 0 and at most 1"):
        order_alpha(EMPLOYEES, SALES, alpha=alpha, orientation="input")


@pytest.mark.parametrize("function", [order_m, order_alpha])
def test_an_unknown_orientation_is_refused(function):
    order = {"m": 5} if function is order_m else {"alpha": 0.9}

    with pytest.raises(FrontierError, match="Unknown orientation 'both'"):
        function(EMPLOYEES, SALES, orientation="both", **order)


@pytest.mark.shared
@pytest.mark.parametrize("m", [1, 5, 25, 50, 100])
def test_spanish_scores_are_those_of_frontiles(m, given, answers):
    table = given("spain")
    data = columns(table, "x1", "x2", "x3"), columns(table, "y")
    exact, theirs = answers("R11_spain_orderm_exact"), answers("R11_spain_orderm_frontiles")

    found = {
        each: order_m(*data, m=m, orientation=each) for each in ("input", "output", "hyperbolic")
    }

    assert_allclose(found["input"].score, exact[f"orderm_in_{m}"], atol=1e-9)
    assert_allclose(found["output"].farrell, exact[f"orderm_out_{m}"], atol=1e-9)
    assert_allclose(found["output"].score, theirs[f"orderm_out_{m}"], atol=1e-9)
    assert_allclose(found["hyperbolic"].score, theirs[f"orderm_hyper_{m}"], atol=1e-9)


@pytest.mark.shared
def test_spanish_alphas_are_those_of_exact_arithmetic(given, answers):
    table = given("spain")
    data = columns(table, "x1", "x2", "x3"), columns(table, "y")
    exact, theirs = answers("R11_spain_orderm_exact"), answers("R11_spain_orderm_frontiles")

    for alpha in ("0.9", "0.95", "0.99", "1.0"):
        found = order_alpha(*data, alpha=float(alpha), orientation="input")
        assert_allclose(found.score, exact[f"alpha_in_{alpha}"], atol=1e-9)
    for alpha in ("0.99", "1"):  # with fewer left out the conventions differ
        found = order_alpha(*data, alpha=float(alpha), orientation="output")
        assert_allclose(found.score, theirs[f"alpha_out_{alpha}"], atol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("m", [5, 25, 50])
def test_the_seventy_sites_are_those_of_exact_arithmetic(m, given, answers):
    table, exact = given("charnes1981"), answers("R11b_charnes1981_orderm_exact")
    data = columns(table, "x1", "x2", "x3", "x4", "x5"), columns(table, "y1", "y2", "y3")

    by_input, by_output = (order_m(*data, m=m, orientation=each) for each in ORIENTATIONS)

    assert_allclose(by_input.score, exact[f"orderm_in_{m}"], atol=1e-9)
    assert_allclose(by_output.farrell, exact[f"orderm_out_{m}"], atol=1e-9)


@pytest.mark.shared
def test_290_made_up_units_are_those_of_frontiles(given, answers):
    table, theirs = given("syn_290_2_3"), answers("R17_syn_290_2_3_orderm50_frontiles")
    data = columns(table, "x1", "x2"), columns(table, "y1", "y2", "y3")

    for orientation, name in (("input", "input"), ("output", "output"), ("hyperbolic", "hyper")):
        found = order_m(*data, m=50, orientation=orientation)
        assert_allclose(found.score, theirs[name], atol=1e-9)
