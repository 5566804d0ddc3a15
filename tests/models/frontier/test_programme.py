import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from models.frontier.programme import ProgrammeError, solve

# Two products, three machines: Hillier and Lieberman, Introduction to Operations Research, the
# Wyndor Glass Co. example; 2 and 6 batches give 36.
WYNDOR = {
    "cost": [3.0, 5.0],
    "matrix": [[1.0, 0.0], [0.0, 2.0], [3.0, 2.0]],
    "row_lower": -np.inf,
    "row_upper": [4.0, 12.0, 18.0],
}


def test_the_textbooks_optimum_and_shadow_prices_are_found():
    found = solve(**WYNDOR, maximise=True)

    assert (found.status, found.objective) == ("optimal", pytest.approx(36))
    assert_allclose(found.primal, [2, 6])
    assert_allclose(found.dual, [0, 1.5, 1], atol=1e-12)


def test_whole_numbers_are_kept_to():
    # Without the condition 2.8 at (1.6, 1.2).
    found = solve([1, 1], [[1, 2], [3, 1]], row_lower=[4, 6], row_upper=np.inf, integer=True)

    assert found.objective == 3
    assert np.isnan(found.dual).all()


def test_what_cannot_be_is_a_status_and_no_number():
    found = solve([1.0, 1.0], [[1, 1]], row_lower=4, row_upper=3)

    assert found.status == "infeasible"
    assert np.isnan([found.objective, *found.primal, *found.dual, *found.reduced_cost]).all()


def test_what_has_no_end_is_a_status_too():
    found = solve([1, 1], [[1, -1]], row_lower=-1, row_upper=1, maximise=True)

    assert found.status == "unbounded"


@pytest.mark.parametrize(
    ("cost", "matrix", "message"),
    [
        ([1.0], [[1.0, 2.0]], r"The objective has 1 coefficients, the matrix the shape \(1, 2\)"),
        ([1.0, np.nan], [[1.0, 2.0]], "A coefficient is not finite"),
        ([1.0, 1.0], [[1.0, np.inf]], "A coefficient is not finite"),
    ],
)
def test_a_programme_that_is_none_is_refused(cost, matrix, message):
    with pytest.raises(ValueError, match=message):
        solve(cost, matrix, row_lower=0, row_upper=1)


def test_a_bound_that_is_nan_is_refused():
    with pytest.raises(ValueError, match="A bound is NaN"):
        solve([1.0], [[1.0]], row_lower=np.nan, row_upper=1)


def test_what_highs_refuses_is_an_error_and_no_answer():
    with pytest.raises(ProgrammeError, match="on a programme of 1 rows and 1 columns"):
        solve([1.0], [[1e30]], row_lower=0, row_upper=1)


@given(st.integers(0, 2**32 - 1))
def test_primal_and_dual_meet(seed):
    generator = np.random.default_rng(seed)
    matrix, cost = generator.random((4, 7)) + 0.1, generator.random(7) + 0.1
    least = generator.random(4)

    found = solve(cost, matrix, row_lower=least, row_upper=np.inf)

    assert (matrix @ found.primal >= least - 1e-9).all()
    assert (found.dual >= -1e-9).all()
    assert_allclose(cost - matrix.T @ found.dual, found.reduced_cost, atol=1e-9)
    assert found.objective == pytest.approx(least @ found.dual, abs=1e-9)


def test_nothing_is_printed():
    code = (
        "from models.frontier.programme import solve; solve([1], [[1]], row_lower=1, row_upper=2)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout + done.stderr == ""
