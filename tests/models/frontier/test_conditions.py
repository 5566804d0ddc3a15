import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.conditions import conditioned_dea, translated_dea, weakly_disposable
from models.frontier.dea import dea
from models.frontier.directional import directional
from models.frontier.technology import RETURNS, FrontierError
from tests.models.frontier.conftest import columns, made_up


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("condition", ["non_discretionary", "non_controllable"])
def test_a_condition_that_all_share_changes_nothing_under_vrs(condition, rts):
    inputs, outputs = made_up(1, 30, 2, 2)
    same = np.full((30, 1), 7.0)

    result = conditioned_dea(inputs, outputs, same, condition=condition, rts=rts)

    # A combination has the same condition exactly where its intensities add up to 1.
    limit = {"crs": "nirs", "nirs": "nirs", "ndrs": "vrs", "vrs": "vrs"}[rts]
    limit = limit if condition == "non_discretionary" else "vrs"
    assert_allclose(result.score, dea(inputs, outputs, orientation="input", rts=limit).score)


def test_who_has_it_hardest_is_compared_with_those_who_have_it_as_hard():
    # Cost per pupil at the same results; the third has the condition that the others lack.
    cost, results = np.array([[8.0], [10], [12], [9]] * 3), np.ones((12, 1))
    condition = np.array([[2.0], [2], [1], [2]] * 3)

    result = conditioned_dea(cost, results, condition, condition="non_discretionary", rts="vrs")

    assert_allclose(result.score[:4], [1, 0.8, 1, 8 / 9])


def test_equality_compares_with_fewer_than_inequality():
    inputs, outputs = made_up(2, 40, 2, 2)
    condition = np.random.default_rng(2).uniform(1, 5, (40, 1))

    at_most, equal = (
        conditioned_dea(inputs, outputs, condition, condition=each, rts="vrs").score
        for each in ("non_discretionary", "non_controllable")
    )

    assert (equal >= at_most - 1e-9).all()
    assert (equal > at_most + 1e-3).any()


def test_a_condition_that_no_combination_meets_is_infeasible():
    inputs, outputs = made_up(3, 30, 1, 1)
    condition = np.full((30, 1), 2.0)

    result = conditioned_dea(
        inputs[:1], outputs[:1], [[1.0]], condition="non_controllable", rts="vrs",
        reference=(inputs, outputs, condition),
    )  # fmt: skip

    assert_array_equal(result.status, ["infeasible"])


def test_a_translation_that_is_too_small_is_refused_by_name():
    inputs, outputs = made_up(4, 20, 1, 1)

    with pytest.raises(FrontierError, match="row 3 has 9 of undesirable output 1, which is not"):
        translated_dea(
            inputs, outputs, [1.0, 1, 9, *[1] * 17], translation=5,
        )  # fmt: skip


def test_without_anything_bad_to_cut_the_steps_are_those_of_the_outputs():
    inputs, outputs = made_up(5, 30, 2, 1)
    bad = outputs * 0.5  # always half as much: good cannot grow while bad shrinks but by idling

    result = weakly_disposable(inputs, outputs, bad, rts="crs")

    assert_allclose(result.inefficiency, 0, atol=1e-9)


def test_weak_disposability_never_finds_more_than_free_disposal_of_the_bad():
    inputs, outputs = made_up(6, 40, 2, 1)
    bad = np.random.default_rng(6).uniform(1, 5, (40, 1))

    result = weakly_disposable(inputs, outputs, bad, rts="crs")

    # Bad as an input of free disposal: the technology is larger, the way to its frontier longer.
    free = directional(
        np.hstack([inputs, bad]), outputs, input_direction=np.hstack([np.zeros_like(inputs), bad]),
        output_direction=outputs, rts="crs",
    )  # fmt: skip
    assert (result.inefficiency <= free.inefficiency + 1e-9).all()
    assert (result.inefficiency < free.inefficiency - 1e-3).any()


@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_some_are_efficient_with_bad_outputs_and_units_do_not_matter(rts):
    inputs, outputs = made_up(6, 40, 2, 1)
    bad = np.random.default_rng(6).uniform(1, 5, (40, 1))

    result = weakly_disposable(inputs, outputs, bad, rts=rts)
    units = weakly_disposable(inputs * 1000, outputs * 7, bad * 0.01, rts=rts)

    assert (result.inefficiency >= 0).all()
    assert 0 < result.is_efficient.sum() < 40
    assert_allclose(units.inefficiency, result.inefficiency, atol=1e-9)


def test_other_returns_are_refused_for_weak_disposability():
    with pytest.raises(
        FrontierError, match="Unknown rts 'nirs'. Use 'crs' or 'vrs'".replace(".", r"\.")
    ):
        weakly_disposable(*made_up(1, 20, 1, 1), np.ones(20), rts="nirs")


@pytest.mark.shared
@pytest.mark.parametrize("rts", ["crs", "vrs"])
def test_the_libraries_population_is_a_condition_of_two_kinds(rts, given, answers):
    table, expected = given("Libraries"), answers("R05_libraries_deaR")
    exact = answers("R05_libraries_nd_exact")[f"eff_nd_{rts}_in"].to_numpy()
    data = (
        columns(table, "AREA", "BOOKS", "STAFF"),
        columns(table, "REGISTERED", "BORROWED"),
        columns(table, "POPULATION"),
    )

    at_most, equal = (
        conditioned_dea(*data, condition=each, rts=rts).score
        for each in ("non_discretionary", "non_controllable")
    )

    assert_allclose(at_most, exact, atol=1e-9)
    assert_allclose(equal, expected[f"eff_noncontrollable_{rts}_in"].to_numpy(), atol=1e-9)


@pytest.mark.shared
def test_the_translated_example_of_hua_and_bian_is_that_of_deaR(given, answers):
    table = given("Hua_Bian_2007")

    result = translated_dea(
        columns(table, "D-Input1", "D-Input2"),
        columns(table, "D-Output1", "D-Output2"),
        columns(table, "UD-Output1"),
        translation=1500,
    )

    expected = answers("R07_huabian2007_undesirable_deaR")["eff"]
    assert_allclose(result.farrell, expected, atol=1e-9)


@pytest.mark.shared
def test_the_departments_have_zeros_and_are_scored_where_that_is_said(given, answers):
    table = given("Departments")
    income = columns(table, "Res_co_income", "Other_res_income", "Other_income").sum(axis=1)
    outputs = np.hstack(
        [columns(table, "Undergrad", "Research_post", "Taught_post"), income[:, np.newaxis]]
    )

    result = dea(columns(table, "Staff"), outputs, orientation="input", rts="crs", allow_zero=True)

    assert_allclose(result.score, answers("R08a_departments_deaR")["eff_crs_in"], atol=1e-9)
