import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea
from models.frontier.fewest import TIE
from models.frontier.ranking_intervals import ranking_intervals, weight_rank_intervals
from models.frontier.restricted import PriceRatio
from models.frontier.technology import FrontierError, FrontierWarning, Labels
from tests.models.frontier.conftest import columns, made_up

# Two indicators and their means at weights w and 1 - w: Ale 10w, Eda 4, Kil 6 - 6w, Mora 3.
FOUR = [[10.0, 0], [4, 4], [0, 6], [3, 3]]


def ahead(value: np.ndarray, *, tie: float = 1e-12) -> np.ndarray:
    """Count, per draw and DMU, those of a larger value."""
    return (value[:, np.newaxis, :] > value[:, :, np.newaxis] + tie).sum(axis=2)


def test_a_rank_by_weighted_mean_is_the_one_found_by_hand():
    # Ale leads from w = 0.4, is last below 0.3; Eda leads from 1/3 to 0.4 and is always ahead of
    # Mora; Kil leads below 1/3 and is last from 0.5; Mora passes Ale below 0.3 and Kil from 0.5.
    result = weight_rank_intervals(FOUR, lower=0, upper=1)

    assert_array_equal(result.best, [1, 1, 1, 3])
    assert_array_equal(result.worst, [4, 2, 4, 4])


def test_narrower_bounds_narrow_the_interval():
    # With w from 0.45 to 0.55 Ale has at least 4.5 and leads; Kil has 3.3 to 2.7, Mora 3.
    result = weight_rank_intervals(FOUR, lower=[0.45, 0], upper=[0.55, 1])

    assert_array_equal(result.best, [1, 2, 3, 3])
    assert_array_equal(result.worst, [1, 2, 4, 4])


def test_equal_municipalities_stand_behind_each_other_at_best_and_ahead_at_worst():
    result = weight_rank_intervals([[1.0, 2], [1, 2], [0, 0]], lower=0, upper=1)

    assert_array_equal(result.best, [1, 1, 3])
    assert_array_equal(result.worst, [2, 2, 3])


def test_fixed_weights_give_the_rank_itself():
    scores = np.random.default_rng(3).uniform(0, 100, (50, 3))

    result = weight_rank_intervals(scores, lower=[0.5, 0.3, 0.2], upper=[0.5, 0.3, 0.2])

    rank = 1 + ahead((scores @ [0.5, 0.3, 0.2])[np.newaxis])[0]
    assert_array_equal(result.best, rank)
    assert_array_equal(result.worst, rank)


@settings(max_examples=15, deadline=None)
@drawn(st.integers(0, 2**32 - 1))
def test_drawn_weights_give_ranks_inside_and_the_weights_shown_give_the_ends(seed):
    generator = np.random.default_rng(seed)
    scores = generator.uniform(0, 100, (40, 3))

    result = weight_rank_intervals(scores, lower=0.1, upper=0.6)

    weight = generator.dirichlet([1, 1, 1], 4000)
    weight = weight[((weight >= 0.1) & (weight <= 0.6)).all(axis=1)]
    rank = 1 + ahead(weight @ scores.T)
    assert (rank >= result.best).all()
    assert (rank <= result.worst).all()
    row, tie = np.arange(40), TIE * np.ptp(scores)
    assert_array_equal(1 + ahead(result.best_weight @ scores.T, tie=tie)[row, row], result.best)
    behind = ahead(-(result.worst_weight @ scores.T), tie=tie)[row, row]
    assert_array_equal(40 - behind, result.worst)
    assert_allclose(result.best_weight.sum(axis=1), 1)


@pytest.mark.filterwarnings("ignore:row .* spans the frontier of")
@settings(max_examples=10, deadline=None)
@drawn(st.integers(0, 2**32 - 1))
def test_by_ratios_the_best_rank_is_1_exactly_for_the_efficient_and_units_do_not_matter(seed):
    inputs, outputs = made_up(seed, 25, 2, 2)

    result = ranking_intervals(inputs, outputs)
    units = ranking_intervals(inputs * [1e5, 1e-3], outputs * [1, 1e4])

    efficient = dea(inputs, outputs, orientation="input", rts="crs").is_efficient
    assert_array_equal(result.best == 1, efficient)
    assert_array_equal(units.best, result.best)
    assert_array_equal(units.worst, result.worst)
    own = np.einsum("ij,ij->i", result.best_weight, np.hstack([inputs, outputs]))
    assert_allclose(own, 2)  # inputs and outputs are worth 1 each


def test_prices_tied_to_each_other_leave_one_rank():
    inputs, outputs = made_up(8, 30, 2, 2)
    ratios = [PriceRatio(0, 1, 2.0, 2.0), PriceRatio(3, 2, 0.5, 0.5)]

    result = ranking_intervals(inputs, outputs, ratios=ratios)

    efficiency = (outputs @ [1, 0.5]) / (inputs @ [2, 1])
    rank = 1 + ahead(efficiency[np.newaxis])[0]
    assert_array_equal(result.best, rank)
    assert_array_equal(result.worst, rank)


def test_bounds_on_ratios_are_kept_by_the_prices_that_are_shown():
    inputs, outputs = made_up(9, 30, 2, 2)

    free = ranking_intervals(inputs, outputs)
    held = ranking_intervals(inputs, outputs, ratios=[PriceRatio(2, 3, 0.8, 1.25)])

    assert (held.best >= free.best).all()
    assert (held.worst <= free.worst).all()
    assert (held.best > free.best).any()
    for weight in (held.best_weight, held.worst_weight):
        ratio = weight[:, 2] / weight[:, 3]
        assert ((ratio >= 0.8 - 1e-6) & (ratio <= 1.25 + 1e-6)).all()


def test_ratios_that_contradict_each_other_are_refused():
    inputs, outputs = made_up(2, 20, 2, 1)

    with pytest.raises(FrontierError, match="No prices satisfy all ratios at once"):
        ranking_intervals(
            inputs, outputs, ratios=[PriceRatio(0, 1, lower=2.0), PriceRatio(1, 0, lower=2.0)]
        )


@pytest.mark.parametrize(
    ("ratio", "message"),
    [
        (PriceRatio(0, 2), "two inputs \\(0 to 1\\) or two outputs \\(2 to 3\\)"),
        (PriceRatio(1, 1), "A ratio is of the columns 1 and 1"),
        (PriceRatio(2, 4), "A ratio is of the columns 2 and 4"),
        (PriceRatio(0, 1, 2.0, 1.0), "The bounds of a ratio are 2 and 1"),
    ],
)
def test_a_ratio_that_makes_no_sense_is_refused(ratio, message):
    with pytest.raises(FrontierError, match=message):
        ranking_intervals(*made_up(2, 20, 2, 2), ratios=[ratio])


@pytest.mark.parametrize(
    ("lower", "upper", "message"),
    [
        (0.5, 0.4, "Give 0 <= lower <= upper <= 1"),
        (-0.1, 1, "Give 0 <= lower <= upper <= 1"),
        (0.6, 1, "The weights cannot sum to 1"),
        (0, 0.4, "The weights cannot sum to 1"),
        ([0, 0, 0], 1, "Give one number for all 2 indicators, or one for each"),
    ],
)
def test_bounds_that_no_weights_can_keep_are_refused(lower, upper, message):
    with pytest.raises(FrontierError, match=message):
        weight_rank_intervals(FOUR, lower=lower, upper=upper)


def test_a_bad_score_is_refused_by_name():
    labels = Labels(dmu=["Ale", "Eda"], outputs=["merit", "welfare"])

    with pytest.raises(FrontierError, match="Eda has welfare = nan"):
        weight_rank_intervals([[1.0, 2], [3, np.nan]], lower=0, upper=1, labels=labels)
    with pytest.raises(FrontierError, match="row 1 has indicator 2 = inf"):
        weight_rank_intervals([[1.0, np.inf], [3, 1]], lower=0, upper=1)
    with pytest.raises(FrontierError, match="1 names were given for 2 DMUs"):
        weight_rank_intervals([[1.0], [3]], lower=0, upper=1, labels=Labels(dmu=["Ale"]))
    with pytest.raises(FrontierError, match="Give one row per DMU"):
        weight_rank_intervals([1.0, 2], lower=0, upper=1)


def test_a_ratio_is_warned_of_because_prices_multiply_it():
    labels = Labels(inputs=["cost", "staff"], outputs=["share"], ratios={"share"})

    with pytest.warns(FrontierWarning, match="share are ratios"):
        ranking_intervals(*made_up(2, 20, 2, 1), labels=labels)


# Fried, Lovell and Schmidt's 11 DMUs, and Tone (2001), which warn of being few.
@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:5 DMUs span a frontier")
@pytest.mark.parametrize(
    ("name", "inputs", "outputs"),
    [
        ("FLS11", ("x1", "x2"), ("y",)),
        ("Tone2001", ("Input1", "Input2"), ("Output1", "Output2")),
    ],
)
def test_intervals_are_those_of_the_integer_programmes(name, inputs, outputs, given, answers):
    table, expected = given(name), answers(f"R18_rank_intervals_{name}")

    result = ranking_intervals(columns(table, *inputs), columns(table, *outputs))

    assert_array_equal(result.best, expected["best_rank"])
    assert_array_equal(result.worst, expected["worst_rank"])


@pytest.mark.shared
def test_of_the_70_sites_19_can_be_first(given):
    table = given("charnes1981")
    data = columns(table, "x1", "x2", "x3", "x4", "x5"), columns(table, "y1", "y2", "y3")

    result = ranking_intervals(*data)

    assert np.sum(result.best == 1) == 19
    efficient = dea(*data, orientation="input", rts="crs").is_efficient
    assert_array_equal(result.best == 1, efficient)
