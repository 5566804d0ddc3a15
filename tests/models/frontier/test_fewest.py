from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier import fewest
from models.frontier.fewest import FeasibleWeights, fewest_by_programme, fewest_positive


def feasible(*n_weight: int, lower: float = 0.0, upper: float = 1.0, rows=()) -> FeasibleWeights:
    """Return weights in blocks of the given sizes, all with the same bounds."""
    n = sum(n_weight)
    return FeasibleWeights(
        lower=np.full(n, lower),
        upper=np.full(n, upper),
        block=np.concatenate([[0], np.cumsum(n_weight)]),
        rows=np.reshape(rows, (-1, n)).astype(np.float64),
    )


def by_vertices(form: np.ndarray, lower: float, upper: float) -> int:
    """Count at every corner where enough of the lines form @ w = 0 and the bounds meet.

    A form that is positive at a corner is positive near it, so no count around it is lower: the
    least of all is at a corner.
    """
    n_weight = form.shape[1]
    lines = np.vstack([form, np.eye(n_weight), np.eye(n_weight)])
    value = np.concatenate(
        [np.zeros(len(form)), np.full(n_weight, lower), np.full(n_weight, upper)]
    )
    least = len(form)
    for rows in combinations(range(len(lines)), n_weight - 1):
        matrix = np.vstack([lines[list(rows)], np.ones(n_weight)])
        if abs(np.linalg.det(matrix)) < 1e-9:
            continue
        weight = np.linalg.solve(matrix, np.append(value[list(rows)], 1.0))
        if (weight >= lower - 1e-12).all() and (weight <= upper + 1e-12).all():
            least = min(least, int(np.sum(form @ weight > 1e-10)))
    return least


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(
    ("n_weight", "n_form", "lower", "upper"),
    [(2, 30, 0, 1), (3, 20, 0, 1), (3, 20, 0.2, 0.5), (4, 12, 0.1, 0.7)],
)
def test_it_is_the_least_over_all_corners(seed, n_weight, n_form, lower, upper):
    form = np.random.default_rng(seed).uniform(-1, 1, (n_form, n_weight))

    found = fewest_positive(form, feasible(n_weight, lower=lower, upper=upper))

    assert found.n_positive == by_vertices(form, lower, upper)
    assert np.sum(form @ found.weight > fewest.TIE) == found.n_positive
    assert found.weight.sum() == pytest.approx(1)
    assert (found.weight >= lower).all()
    assert (found.weight <= upper).all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("kind", ["smooth", "whole", "with a row"])
def test_in_two_blocks_it_is_what_the_integer_programme_finds(seed, kind):
    form = np.random.default_rng(seed).uniform(-1, 1, (25, 5))
    if kind == "whole":
        form = np.round(2 * form) / 2
    rows = [[1, -0.5, 0, 0, 0], [0, 0, 1, -1, 0.2]] if kind == "with a row" else ()
    weights = feasible(2, 3, rows=rows)

    found = fewest_positive(form, weights)

    assert found.n_positive == fewest_by_programme(form, weights).n_positive
    assert (weights.rows @ found.weight <= fewest.TIE).all()
    assert_allclose(np.add.reduceat(found.weight, weights.block[:-1]), 1)


def test_when_there_are_too_many_boxes_the_integer_programme_answers(monkeypatch):
    form = np.random.default_rng(1).uniform(-1, 1, (30, 4))
    expected = fewest_positive(form, feasible(4)).n_positive

    monkeypatch.setattr(fewest, "MOST_BOXES", 3)
    found = fewest_positive(form, feasible(4))

    assert found.n_positive == expected
    assert np.sum(form @ found.weight > fewest.TIE) == expected


def test_a_single_point_where_all_forms_are_0_is_found():
    # All lines pass through (0.3, 0.7), where nothing is positive; anywhere else one form is.
    form = np.array([[0.7, -0.3], [-0.7, 0.3]])

    found = fewest_positive(form, feasible(2))

    assert found.n_positive == 0
    assert_allclose(found.weight, [0.3, 0.7], atol=1e-8)


def test_weights_that_are_all_fixed_are_a_point():
    form = np.array([[1.0, -1, 0.5, 0], [-1, 1, 0, 0], [1, 1, 1, 1]])

    found = fewest_positive(form, feasible(4, lower=0.25, upper=0.25))

    assert found.n_positive == 2
    assert_array_equal(found.weight, [0.25] * 4)


@pytest.mark.parametrize("function", [fewest_positive, fewest_by_programme])
def test_rows_that_no_weights_satisfy_are_said_to_be_so(function):
    weights = feasible(2, rows=[[1, -0.5], [-0.5, 1]])  # each at most half of the other

    found = function(np.array([[1.0, -1]]), weights)

    assert found.n_positive == -1
    assert np.isnan(found.weight).all()
