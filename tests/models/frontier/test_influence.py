import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea, super_efficiency
from models.frontier.fdh import fdh
from models.frontier.influence import TECHNOLOGIES, dependent, influence, outliers
from models.frontier.technology import ORIENTATIONS, FrontierError, FrontierWarning, Labels
from tests.models.frontier.conftest import columns, made_up
from tests.models.frontier.test_dea import EMPLOYEES, SALES


def with_one_too_good(seed: int = 5, n: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Return a made-up technology whose row 7 has a slipped decimal in its cost."""
    inputs, outputs = made_up(seed, n, 1, 2)
    inputs[7] /= 10
    return inputs, outputs


def test_without_the_best_store_all_others_are_held_against_the_second():
    # By hand: under crs the score is sales per employee by B's, 1; without B by E's, 0.8.
    result = influence(EMPLOYEES, SALES, orientation="input", technology="crs")

    productivity = (SALES / EMPLOYEES).ravel()
    assert_allclose(result.score, productivity)
    assert result.super_score[1] == pytest.approx(1 / 0.8)
    rise = np.delete(productivity / 0.8 - productivity, 1)
    assert_array_equal(result.n_affected, [0, 7, 0, 0, 0, 0, 0, 0])
    assert result.mean_change[1] == pytest.approx(rise.mean())
    assert result.max_change[1] == pytest.approx(rise.max())
    assert_array_equal(result.dmu, [0, 2, 3, 4, 5, 6, 7])
    assert_array_equal(result.left_out, [1] * 7)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("technology", TECHNOLOGIES)
def test_leaving_out_peers_alone_is_leaving_out_everybody_in_turn(technology, orientation):
    inputs, outputs = made_up(1, 40, 2, 2)

    result = influence(inputs, outputs, orientation=orientation, technology=technology)

    def score(rows):
        if technology == "fdh":
            return fdh(inputs[rows], outputs[rows], orientation=orientation).score
        return dea(inputs[rows], outputs[rows], orientation=orientation, rts=technology).score

    change = np.zeros((40, 40))
    change[result.left_out, result.dmu] = result.change
    for each in range(40):
        others = np.delete(np.arange(40), each)
        expected = score(others) - score(np.arange(40))[others]
        assert_allclose(change[each, others], expected, atol=1.1e-7)
        assert result.n_affected[each] == np.sum(expected > 1e-7)
        assert result.mean_change[each] == pytest.approx(expected.mean(), abs=1e-7)
        assert result.max_change[each] == pytest.approx(expected.max(), abs=1e-7)


@settings(max_examples=20, deadline=None)
@drawn(
    st.integers(0, 2**32 - 1), st.sampled_from(ORIENTATIONS), st.sampled_from(TECHNOLOGIES)
)  # fmt: skip
def test_units_do_not_matter_and_nobody_depends_on_one_of_two_twins(seed, orientation, technology):
    inputs, outputs = made_up(seed, 30, 2, 2)

    result = influence(inputs, outputs, orientation=orientation, technology=technology)
    units = influence(
        inputs * [1e6, 1e-3], outputs * [1, 1e4], orientation=orientation, technology=technology
    )
    twins = influence(
        np.tile(inputs, (2, 1)), np.tile(outputs, (2, 1)), orientation=orientation,
        technology=technology,
    )  # fmt: skip

    assert_allclose(units.max_change, result.max_change, atol=2e-7)
    assert_allclose(units.mean_change, result.mean_change, atol=2e-7)
    assert_array_equal(twins.n_affected, np.zeros(60))
    assert twins.dmu.size == 0


def test_the_score_against_the_others_alone_is_the_super_efficiency():
    data = made_up(2, 40, 2, 2)

    result = influence(*data, orientation="input", technology="vrs")

    expected = super_efficiency(*data, orientation="input", rts="vrs")
    assert_allclose(result.super_score, expected.score)
    assert_array_equal(result.super_status, expected.status)
    assert (result.super_status == "infeasible").any()


def test_whose_score_hangs_on_one_bad_value_is_named_largest_change_first():
    inputs, outputs = with_one_too_good()
    result = influence(inputs, outputs, orientation="input", technology="crs")

    found = dependent(result, threshold=0.05)

    assert set(found.depends_on) == {7}
    assert found.dmu.size > 50
    assert (np.diff(found.change) <= 0).all()
    assert (found.change > 0.05).all()
    others = np.delete(np.arange(100), 7)
    without = dea(inputs[others], outputs[others], orientation="input", rts="crs").score
    assert_allclose(found.score + found.change, without[np.searchsorted(others, found.dmu)])
    unnamed = np.setdiff1d(others, found.dmu)
    rise = without - result.score[others]
    assert (rise[np.searchsorted(others, unnamed)] <= 0.05 + 1e-9).all()


def test_nobody_depends_on_anybody_by_more_than_all_of_a_score():
    result = influence(EMPLOYEES, SALES, orientation="input", technology="crs")

    found = dependent(result, threshold=1.0)

    assert found.dmu.size == found.depends_on.size == found.change.size == 0


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_a_slipped_decimal_is_flagged_by_both_screens_and_alone(orientation):
    data = with_one_too_good()

    result = outliers(
        *data, orientation=orientation, rts="crs", super_threshold=1.0, m=[10, 25, 50, 100],
        partial_threshold=1.0,
    )  # fmt: skip

    assert_array_equal(np.flatnonzero(result.is_super_outlier), [7])
    if orientation == "input":
        assert_array_equal(np.flatnonzero(result.is_partial_outlier), [7])
    else:  # nobody is as cheap: there is none to compare with, and that is to be seen
        assert result.n_compared[7] == 0
        assert np.isnan(result.partial_score[7]).all()
        assert not result.is_partial_outlier[7]


def test_without_a_wrong_value_few_are_flagged():
    n_flagged = 0
    for seed in range(20):
        result = outliers(
            *made_up(seed, 100, 1, 2), orientation="input", rts="crs", super_threshold=1.0,
            m=[25, 100], partial_threshold=1.0,
        )  # fmt: skip
        n_flagged += np.sum(result.is_super_outlier | result.is_partial_outlier)

    assert n_flagged <= 0.005 * 20 * 100


def test_the_share_beyond_the_partial_frontier_falls_with_m():
    result = outliers(
        *made_up(6, 100, 2, 2), orientation="input", rts="vrs", super_threshold=0.2,
        m=[5, 10, 25, 50, 100], partial_threshold=0.05,
    )  # fmt: skip

    assert (np.diff(result.share_beyond) <= 0).all()
    assert result.share_beyond[0] > result.share_beyond[-1]
    compares = result.n_compared > 0
    share = (result.partial_score[compares] > 1.05).mean(axis=0)
    assert_allclose(result.share_beyond, share)
    assert_array_equal(result.is_partial_outlier, (result.partial_score > 1.05).all(axis=1))


def test_a_bad_value_is_refused_by_name():
    with pytest.raises(FrontierError, match="DMU Ale has cost = nan"):
        influence(
            [[np.nan], [1.0]], [[1.0], [1]], orientation="input", technology="crs",
            labels=Labels(dmu=["Ale", "Eda"], inputs=["cost"]),
        )  # fmt: skip


def test_a_ratio_is_warned_of_where_it_would_be_multiplied():
    labels = Labels(inputs=["cost"], outputs=["share"], ratios={"share"})

    with pytest.warns(FrontierWarning, match="share are ratios"):
        influence(EMPLOYEES, SALES, orientation="input", technology="crs", labels=labels)


@pytest.mark.filterwarnings("ignore:1 DMUs span a frontier")
def test_one_dmu_has_nobody_to_hang_on():
    with pytest.raises(FrontierError, match="There is one DMU"):
        influence([[1.0]], [[1.0]], orientation="input", technology="crs")


@pytest.mark.parametrize("threshold", [-0.1, np.nan, np.inf])
def test_a_threshold_that_is_none_is_refused(threshold):
    result = influence(EMPLOYEES, SALES, orientation="input", technology="crs")
    options = {"orientation": "input", "rts": "crs", "m": [5], "super_threshold": 0.2,
               "partial_threshold": 0.2}  # fmt: skip

    with pytest.raises(FrontierError, match=r"^threshold is"):
        dependent(result, threshold=threshold)
    for name in ("super_threshold", "partial_threshold"):
        with pytest.raises(FrontierError, match=f"^{name} is"):
            outliers(EMPLOYEES, SALES, **options | {name: threshold})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"m": []}, "Give one or several whole numbers in a sequence"),
        ({"m": 5}, "Give one or several whole numbers in a sequence"),
        ({"m": [0]}, "Give a whole number of at least 1"),
        ({"rts": "fdh"}, "Unknown rts 'fdh'"),
        ({"orientation": "both"}, "Unknown orientation 'both'"),
    ],
)
def test_unknown_choices_are_refused(options, message):
    usual = {"orientation": "input", "rts": "crs", "m": [5], "super_threshold": 0.2,
             "partial_threshold": 0.2}  # fmt: skip

    with pytest.raises(FrontierError, match=message):
        outliers(EMPLOYEES, SALES, **usual | options)


def test_an_unknown_technology_is_refused():
    with pytest.raises(FrontierError, match="Unknown technology 'convex'"):
        influence(EMPLOYEES, SALES, orientation="input", technology="convex")


@pytest.mark.shared
@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_sites_against_the_others_alone_are_those_of_exact_arithmetic(
    rts, orientation, given, answers
):
    table, exact = given("charnes1981"), answers("R01_charnes1981_exact")
    data = columns(table, "x1", "x2", "x3", "x4", "x5"), columns(table, "y1", "y2", "y3")

    result = influence(*data, orientation=orientation, technology=rts)

    side = {"input": "in", "output": "out"}[orientation]
    expected = columns(exact, f"super_{rts}_{side}")[:, 0]
    expected = expected if orientation == "input" else 1 / expected
    assert_allclose(result.super_score, expected, atol=1e-9)
    assert np.sum(result.super_status == "infeasible") == np.isnan(expected).sum()
