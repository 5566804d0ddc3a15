"""DEA against exact arithmetic, published examples and its own laws."""

import json

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea, projection, scale_efficiency, super_efficiency
from models.frontier.technology import (
    ORIENTATIONS,
    RETURNS,
    FrontierError,
    FrontierWarning,
    Labels,
)
from tests.models.frontier.conftest import columns, made_up

# Cooper, Seiford and Tone (2007), table 1.1: employees and sales of eight stores.
EMPLOYEES = np.array([[2.0], [3], [3], [4], [5], [5], [6], [8]])
SALES = np.array([[1.0], [3], [2], [3], [4], [2], [3], [5]])
SHORT = {"input": "in", "output": "out"}
CASES = {
    "R01_charnes1981": ("charnes1981", ("x1", "x2", "x3", "x4", "x5"), ("y1", "y2", "y3")),
    "R02_fls11": ("FLS11", ("x1", "x2"), ("y",)),
    "R05_libraries": (
        "Libraries", ("AREA", "BOOKS", "STAFF", "POPULATION"), ("REGISTERED", "BORROWED")
    ),
}  # fmt: skip


@pytest.fixture
def case_data(given):
    def data(case):
        name, inputs, outputs = CASES[case]
        table = given(name)
        return columns(table, *inputs), columns(table, *outputs)

    return data


def technologies():
    return st.tuples(
        st.integers(0, 2**32 - 1),
        st.integers(20, 40),
        st.integers(1, 3),
        st.integers(1, 3),
        st.sampled_from(["smooth", "whole", "doubled", "collinear"]),
    ).map(lambda t: made_up(*t[:4], kind=t[4]))


def test_with_one_input_and_output_crs_score_is_the_ratio_to_the_best_ratio():
    ratio = (SALES / EMPLOYEES).ravel()

    for orientation in ORIENTATIONS:
        result = dea(EMPLOYEES, SALES, orientation=orientation, rts="crs")

        assert_allclose(result.score, ratio / ratio.max())
        assert_array_equal(result.is_efficient, ratio == ratio.max())


def test_vrs_scores_of_the_eight_stores_are_those_of_the_hull():
    # By hand: the hull's corners are (2, 1), (3, 3), (5, 4), (8, 5).
    result = dea(EMPLOYEES, SALES, orientation="input", rts="vrs")

    assert_allclose(result.score, [1, 1, 2.5 / 3, 3 / 4, 1, 2.5 / 5, 3 / 6, 1])


def test_the_target_of_a_store_is_spanned_by_its_peers():
    result = projection(EMPLOYEES, SALES, orientation="output", rts="vrs")

    # Four employees: halfway between stores of three and five, where sales are 3.5.
    assert_allclose(result.intensity[3], [0, 0.5, 0, 0, 0.5, 0, 0, 0], atol=1e-12)
    assert_allclose(result.output_target[3], [3.5])
    assert_allclose(result.dea.farrell[3], 3.5 / 3)


def test_slack_is_found_where_the_radial_move_ends_on_a_dominated_part():
    inputs = np.array([[1.0, 4], [2, 2], [4, 1], [1, 6], [3, 3], [4, 4], [5, 2], [6, 6], [7, 7]])
    outputs = np.ones((9, 1))

    result = projection(inputs, outputs, orientation="input", rts="vrs")

    assert result.dea.is_efficient[3]
    assert not result.is_strongly_efficient[3]
    assert_allclose(result.input_slack[3], [0, 2])
    assert_allclose(result.input_target[3], [1, 4])


def test_peers_that_could_be_others_are_flagged():
    inputs = np.array([[1.0], [1], [2], [3], [4], [5]])
    outputs = np.array([[1.0], [1], [1], [2], [2], [2]])

    result = projection(inputs, outputs, orientation="input", rts="vrs")

    assert not result.is_unique[2]  # either of the first two shows the way
    assert_allclose(result.dea.score[2], 0.5)


def test_super_efficiency_of_the_stores():
    # Without B the best ratio is E's, 0.8, so B could use 3 / 0.8 employees.
    result = super_efficiency(EMPLOYEES, SALES, orientation="input", rts="crs")

    assert_allclose(result.score[1], 3 / 0.8 / 3)
    assert result.score.max() == result.score[1]


def test_infeasible_super_efficiency_is_a_status_and_no_number():
    result = super_efficiency(EMPLOYEES, SALES, orientation="input", rts="vrs")

    assert result.status[7] == "infeasible"  # nobody else sells as much
    assert np.isnan(result.score[7])
    assert not result.is_efficient[7]


def test_scale_of_the_stores():
    result = scale_efficiency(EMPLOYEES, SALES, orientation="input")

    assert_array_equal(result.returns[[0, 1, 7]], ["increasing", "constant", "decreasing"])
    assert_allclose(result.scale_efficiency * result.vrs.score, result.crs.score)


def test_against_another_reference_a_score_may_pass_1_or_be_infeasible():
    result = dea(
        [[1.0], [3.0], [9.0]], [[1.0], [1.0], [9.0]],
        orientation="input", rts="vrs", reference=(EMPLOYEES, SALES),
    )  # fmt: skip

    assert_allclose(result.score[:2], [2, 2 / 3])
    assert_array_equal(result.status, ["optimal", "optimal", "infeasible"])


@pytest.mark.parametrize("function", [dea, projection, super_efficiency])
@pytest.mark.parametrize(("name", "value"), [("orientation", "both"), ("rts", "irs")])
def test_an_unknown_choice_is_refused(function, name, value):
    choices = {"orientation": "input", "rts": "vrs"} | {name: value}

    with pytest.raises(FrontierError, match=f"Unknown {name} '{value}'"):
        function(EMPLOYEES, SALES, **choices)


def test_one_bad_municipality_stops_with_its_name_and_changes_nobody():
    sales = SALES.copy()
    sales[2] = np.nan
    labels = Labels(dmu=list("ABCDEFGH"), outputs=["sales"])

    with pytest.raises(FrontierError, match="DMU C has sales = nan"):
        dea(EMPLOYEES, sales, orientation="input", rts="vrs", labels=labels)


def test_one_dmu_that_spans_the_frontier_from_afar_is_warned_of():
    generator = np.random.default_rng(1)
    outputs = generator.uniform(5, 6, (30, 1))
    inputs = generator.uniform(5, 6, (30, 1))
    inputs[0] = 0.5
    labels = Labels(dmu=[f"kommun {i}" for i in range(30)])

    with pytest.warns(FrontierWarning, match=r"kommun 0 spans the frontier of 29 of 29 others"):
        dea(inputs, outputs, orientation="input", rts="crs", labels=labels)


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(technologies(), st.integers(0, 2**32 - 1))
def test_units_do_not_matter(technology, seed):
    inputs, outputs = technology
    generator = np.random.default_rng(seed)
    kr = 10.0 ** generator.uniform(-5, 5, inputs.shape[1])
    points = 10.0 ** generator.uniform(-5, 5, outputs.shape[1])

    for orientation in ORIENTATIONS:
        same = {"orientation": orientation, "rts": "vrs"}
        one = projection(inputs, outputs, **same)
        other = projection(inputs * kr, outputs * points, **same)

        assert_allclose(other.dea.score, one.dea.score, rtol=1e-9)
        assert_allclose(other.input_slack / kr, one.input_slack, atol=1e-6)
        assert_allclose(other.output_slack / points, one.output_slack, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(technologies())
def test_scores_are_ordered_by_the_size_of_the_technology(technology):
    for orientation in ORIENTATIONS:
        score = {rts: dea(*technology, orientation=orientation, rts=rts).score for rts in RETURNS}

        assert (score["crs"] <= np.minimum(score["nirs"], score["ndrs"]) + 1e-12).all()
        assert (np.maximum(score["nirs"], score["ndrs"]) <= score["vrs"] + 1e-12).all()
        assert ((score["vrs"] > 0) & (score["vrs"] <= 1)).all()


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(technologies())
def test_under_crs_both_orientations_give_the_same_score(technology):
    by_input = dea(*technology, orientation="input", rts="crs").score
    by_output = dea(*technology, orientation="output", rts="crs").score

    assert_allclose(by_input, by_output, rtol=1e-10)


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=20, deadline=None)
@drawn(technologies(), st.sampled_from(RETURNS), st.sampled_from(ORIENTATIONS))
def test_targets_score_1_and_leave_no_slack(technology, rts, orientation):
    same = {"orientation": orientation, "rts": rts}
    result = projection(*technology, **same)

    target = projection(
        result.input_target, result.output_target, reference=technology, allow_zero=True, **same
    )

    assert_allclose(target.dea.score, 1, atol=1e-7)
    assert_allclose(target.input_slack / technology[0].mean(axis=0), 0, atol=1e-6)
    assert_allclose(target.output_slack / technology[1].mean(axis=0), 0, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(technologies(), st.sampled_from(RETURNS), st.sampled_from(ORIENTATIONS))
def test_adding_a_dominated_dmu_changes_nobody(technology, rts, orientation):
    inputs, outputs = technology
    more = np.vstack([inputs, inputs[:1] * 1.5]), np.vstack([outputs, outputs[:1] * 0.9])

    before = dea(inputs, outputs, orientation=orientation, rts=rts).score
    after = dea(*more, orientation=orientation, rts=rts).score

    assert_allclose(after[:-1], before, rtol=1e-10)
    assert after[-1] < 1


@pytest.mark.filterwarnings("ignore:.*spans the frontier of")
@settings(max_examples=30, deadline=None)
@drawn(technologies(), st.integers(0, 2**32 - 1))
def test_neither_order_nor_repetition_changes_a_score(technology, seed):
    inputs, outputs = technology
    order = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(inputs)), 2))

    score = dea(inputs, outputs, orientation="output", rts="vrs").score
    shuffled = dea(inputs[order], outputs[order], orientation="output", rts="vrs").score

    assert_allclose(shuffled, score[order], rtol=1e-10)


@pytest.mark.shared
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_slacks_and_peers_are_those_of_exact_arithmetic(
    case, rts, orientation, case_data, answers, shared
):
    which = f"{rts}_{SHORT[orientation]}"
    inputs, outputs = case_data(case)
    exact = answers(f"{case}_exact")
    peers = json.loads((shared / "reference" / f"{case}_exact_peers.json").read_text())[which]

    result = projection(inputs, outputs, orientation=orientation, rts=rts, slack_unit="raw")

    total = result.input_slack.sum(axis=1) + result.output_slack.sum(axis=1)
    expected = exact[f"slacksum_{which}"].to_numpy()
    assert_allclose(total, expected, rtol=1e-9, atol=1e-6)
    row = {str(name): i for i, name in enumerate(exact["dmu"])}
    for name, about in peers.items():
        if about["unique"]:
            intensity = np.zeros(len(inputs))
            for peer, weight in about["lam"].items():
                intensity[row[peer]] = weight
            assert result.is_unique[row[name]]
            assert_allclose(result.intensity[row[name]], intensity, atol=1e-9)


@pytest.mark.shared
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rts", ["crs", "vrs"])
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_super_efficiency_is_that_of_exact_arithmetic(case, rts, orientation, case_data, answers):
    inputs, outputs = case_data(case)

    result = super_efficiency(inputs, outputs, orientation=orientation, rts=rts)

    exact = answers(f"{case}_exact")[f"super_{rts}_{SHORT[orientation]}"]
    expected = exact.cast(float, strict=False).fill_null(np.nan).to_numpy()
    assert_array_equal(result.status == "infeasible", np.isnan(expected))
    assert_allclose(result.farrell, expected, atol=1e-9)


@pytest.mark.shared
def test_who_is_efficient_of_the_seventy_sites(case_data):
    data = case_data("R01_charnes1981")

    crs, vrs = (dea(*data, orientation="input", rts=rts) for rts in ("crs", "vrs"))
    infeasible = {
        orientation: np.sum(
            super_efficiency(*data, orientation=orientation, rts="vrs").status == "infeasible"
        )
        for orientation in ORIENTATIONS
    }

    assert (crs.is_efficient.sum(), vrs.is_efficient.sum()) == (19, 27)
    assert infeasible == {"input": 1, "output": 6}


@pytest.mark.shared
@pytest.mark.parametrize("case", ["R01_charnes1981", "R02_fls11"])
def test_scale_and_its_returns_are_those_of_benchmarking(case, case_data, answers):
    expected = answers(f"{case}_benchmarking")
    word = {"IRS": "increasing", "CRS": "constant", "DRS": "decreasing"}

    result = scale_efficiency(*case_data(case), orientation="input")

    assert_allclose(result.scale_efficiency, expected["scale_eff_in"].to_numpy(), atol=1e-9)
    assert_array_equal(result.returns, [word[each] for each in expected["rts"]])


@pytest.mark.filterwarnings("ignore:21 DMUs span")
@pytest.mark.shared
@pytest.mark.parametrize("copy", ["charnes1981", "PFT1981"])
def test_frontiers_of_a_programme_and_of_all_sites(copy, given, answers):
    table = given(copy)
    expected = answers(f"R01b_pft_nft_{copy}")
    names = (
        (("x1", "x2", "x3", "x4", "x5"), ("y1", "y2", "y3"))
        if copy == "charnes1981"
        else (
            ("Education", "Occupation", "Parental", "Counseling", "Teachers"),
            ("Reading", "Math", "Coopersmith"),
        )
    )
    inputs, outputs = columns(table, *names[0]), columns(table, *names[1])

    own = [
        dea(inputs[rows], outputs[rows], orientation="input", rts="crs").score
        for rows in (slice(0, 49), slice(49, 70))
    ]
    pooled = {rts: dea(inputs, outputs, orientation="input", rts=rts).score for rts in RETURNS}

    assert_allclose(np.concatenate(own), expected["own_crs"].to_numpy(), atol=1e-9)
    assert_allclose(pooled["crs"], expected["pooled_crs"].to_numpy(), atol=1e-9)
    assert_allclose(pooled["vrs"], expected["pooled_vrs"].to_numpy(), atol=1e-9)
