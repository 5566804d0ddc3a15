import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.frontier.dea import dea
from models.frontier.restricted import PriceRatio, Shares, restricted_dea
from models.frontier.technology import ORIENTATIONS, RETURNS, FrontierError
from tests.models.frontier.conftest import made_up


@pytest.mark.parametrize("rts", RETURNS)
@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_without_restrictions_it_is_plain_dea(orientation, rts):
    data = made_up(1, 40, 2, 3)

    result = restricted_dea(*data, orientation=orientation, rts=rts)

    assert_allclose(result.score, dea(*data, orientation=orientation, rts=rts).score, rtol=1e-9)
    assert_array_equal(result.status, ["optimal"] * 40)


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_shares_stay_within_their_bounds_and_scores_can_only_fall(orientation):
    data = made_up(2, 40, 2, 3)
    shares = Shares(input_lower=0.2, output_lower=[0.1, 0.1, 0.3], output_upper=0.6)

    result = restricted_dea(*data, orientation=orientation, rts="crs", shares=shares)

    assert_allclose(result.share[:, :2].sum(axis=1), 1)
    assert_allclose(result.share[:, 2:].sum(axis=1), 1)
    assert (result.share[:, :2] >= 0.2 - 1e-9).all()
    assert (result.share[:, 2:] >= np.array([0.1, 0.1, 0.3]) - 1e-9).all()
    assert (result.share[:, 2:] <= 0.6 + 1e-9).all()
    free = dea(*data, orientation=orientation, rts="crs").score
    assert (result.score <= free + 1e-9).all()
    assert (result.score < free - 1e-3).any()


def test_with_all_shares_fixed_the_price_of_everything_is_known():
    # Two outputs at half each of the total: under crs and one input the score is a ratio.
    outputs = np.array([[4.0, 1], [1, 4], [2, 2], [3, 1], [1, 1], [2, 3], [1, 2], [2, 1], [1, 3]])

    result = restricted_dea(
        np.ones((9, 1)), outputs, orientation="input", rts="crs", shares=Shares(output_lower=0.5)
    )

    by_hand = [min(1 / (0.5 * (other / own).sum()) for other in outputs) for own in outputs]
    assert_allclose(result.score, by_hand)


def test_a_ratio_of_prices_holds_in_the_units_of_the_data():
    inputs, outputs = made_up(3, 40, 2, 2)
    ratios = [PriceRatio(column=0, other=1, lower=2, upper=3), PriceRatio(2, 3, upper=1.0)]

    result = restricted_dea(
        inputs * [1, 1000], outputs, orientation="input", rts="crs",
        ratios=[PriceRatio(0, 1, lower=2000, upper=3000), ratios[1]],
    )  # fmt: skip

    price = result.multiplier
    assert (price[:, 0] >= 2000 * price[:, 1] - 1e-9).all()
    assert (price[:, 0] <= 3000 * price[:, 1] + 1e-9).all()
    assert (price[:, 2] <= price[:, 3] + 1e-9).all()
    same = restricted_dea(inputs, outputs, orientation="input", rts="crs", ratios=ratios)
    assert_allclose(result.score, same.score, rtol=1e-9)


def test_prices_that_cannot_be_are_a_status():
    # At (1, 9) input 1 cannot cost twice as much as input 2 and still be half of the total.
    inputs = np.array([[1.0, 9], [1, 2], [2, 4], [3, 6], [1, 2], [2, 4], [1, 2], [3, 6], [1, 2]])

    result = restricted_dea(
        inputs, np.ones((9, 1)), orientation="input", rts="crs",
        shares=Shares(input_lower=[0.5, 0.0]),
        ratios=[PriceRatio(0, 1, lower=2, upper=2)],
    )  # fmt: skip

    assert_array_equal(result.status[:2], ["infeasible", "optimal"])
    assert np.isnan(result.score[0])
    assert np.isnan(result.share[0]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shares": Shares(input_lower=0.6)}, "The shares of the inputs cannot add up to 1"),
        ({"shares": Shares(output_upper=0.3)}, "The shares of the outputs cannot add up to 1"),
        ({"shares": Shares(input_lower=0.6, input_upper=0.5)}, "The bounds on shares are"),
        ({"ratios": [PriceRatio(0, 4)]}, "columns 0 and 4, but they are 0 to 3"),
        ({"ratios": [PriceRatio(0, 1, lower=2, upper=1)]}, "bounds of a ratio are 2 and 1"),
    ],
)
def test_restrictions_that_contradict_themselves_are_refused(options, message):
    with pytest.raises(FrontierError, match=message):
        restricted_dea(*made_up(1, 20, 2, 2), orientation="input", rts="crs", **options)
