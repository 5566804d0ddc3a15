from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from models.contracts.frontier import DeaPeer, DeaScore, Malmquist, OrderMScore
from models.frontier.dea import dea
from models.frontier.panels import dea_panel, malmquist_panel, order_m_panel, quantities
from models.frontier.partial import order_m
from models.frontier.technology import FrontierWarning
from models.panel import area_arrays

# Cost and quality of four municipalities in one year.
VALUE = np.array([[[-10.0, 50.0], [20.0, 80.0], [5.0, 0.0], [np.nan, 70.0]]])


def arrays_of_panel(panel, area):
    (arrays,) = area_arrays(panel, [area])
    return arrays


def arrays_of(area, panel_of, value=VALUE):
    return arrays_of_panel(panel_of(area, value), area)


def changed(area, position, **fields):
    indicators = list(area.indicators)
    indicators[position] = replace(indicators[position], **fields)
    return replace(area, indicators=tuple(indicators))


def test_a_deviation_is_a_quantity_counted_from_its_zero(area_of, panel_of):
    area = changed(area_of(), 0, zero=-100.0)

    inputs, outputs, status = quantities(arrays_of(area, panel_of))

    assert_allclose(inputs[0, :2, 0], [90, 120])
    assert_allclose(outputs[0, :2, 0], [50, 80])
    assert_array_equal(status[0], ["scored", "scored", "no_quantity", "missing_cost"])
    assert np.isnan(inputs[0, 2:]).all()
    assert np.isnan(outputs[0, 2:]).all()


def test_a_cost_below_its_zero_is_no_quantity(area_of, panel_of):
    _, _, status = quantities(arrays_of(area_of(), panel_of))

    assert_array_equal(status[0], ["no_quantity", "scored", "no_quantity", "missing_cost"])


def test_a_quality_that_is_better_low_is_counted_down_from_its_zero(area_of, panel_of):
    area = changed(area_of(), 1, direction="lower", zero=100.0)
    area = changed(area, 0, zero=-100.0)

    _, outputs, status = quantities(arrays_of(area, panel_of))

    assert_allclose(outputs[0, :3, 0], [50, 20, 100])
    assert_array_equal(status[0, :3], ["scored"] * 3)


def test_without_a_zero_what_is_counted_down_is_no_quantity(area_of, panel_of):
    area = changed(area_of(), 1, direction="lower")

    _, _, status = quantities(arrays_of(area, panel_of))

    assert_array_equal(status[0, :3], ["no_quantity"] * 3)


@pytest.mark.parametrize("grade", ["C", "D"])
def test_who_is_not_ranked_is_not_scored(grade, area_of, panel_of):
    _, _, status = quantities(arrays_of(area_of(grade=grade), panel_of))

    assert_array_equal(status[0, :3], ["not_ranked_by_grade"] * 3)


def years(area_of, panel_of, *, n=40, n_period=3, name="school", breaks=(), n_quality=1):
    """Return a panel of quantities in three years, and its area."""
    area = area_of(name, n_quality=n_quality, breaks=breaks)
    generator = np.random.default_rng(1)
    cost = generator.uniform(80, 120, (n_period, n, 1))
    quality = generator.uniform(20, 80, (n_period, n, n_quality))
    return panel_of(area, np.concatenate([cost, quality], axis=2)), area


def test_scores_of_a_year_are_those_of_its_arrays(area_of, panel_of):
    panel, area = years(area_of, panel_of)

    result = dea_panel(panel, [area], draws=50)
    rows = DeaScore.validate(result.score, lazy=True).filter(period=2016).sort("municipality")
    peers = DeaPeer.validate(result.peer, lazy=True).filter(period=2016)
    order_m_rows = OrderMScore.validate(order_m_panel(panel, [area], m=5), lazy=True)

    inputs, outputs, _ = (each[1] for each in quantities(arrays_of_panel(panel, area)))
    expected = dea(inputs, outputs, orientation="input", rts="vrs").score
    assert_allclose(rows["score"], expected)
    assert (rows["bias_corrected"] < rows["score"]).all()
    first = rows.row(0, named=True)["municipality"]
    weights = peers.filter(municipality=first)["intensity"]
    assert_allclose(weights.sum(), 1)
    assert_allclose(
        order_m_rows.filter(period=2016).sort("municipality")["score"],
        order_m(inputs, outputs, m=5, orientation="input").score,
    )


def test_neither_order_nor_other_areas_change_a_number(area_of, panel_of):
    panel, school = years(area_of, panel_of)
    other, care = years(area_of, panel_of, name="care")
    both = pl.concat([other, panel]).sample(fraction=1, shuffle=True, seed=1)

    for function in (
        lambda rows, areas: dea_panel(rows, areas, draws=30).score,
        lambda rows, areas: malmquist_panel(rows, areas, draws=30),
        order_m_panel,
    ):
        alone = function(panel, [school])
        together = function(both, [care, school]).filter(service_area="school")

        assert alone.equals(together)


def test_another_seed_gives_other_intervals_and_the_same_scores(area_of, panel_of):
    panel, area = years(area_of, panel_of)

    one, other = (dea_panel(panel, [area], draws=30, seed=seed).score for seed in (1, 2))

    assert one["score"].equals(other["score"])
    assert not one["score_low"].equals(other["score_low"])


def test_a_break_parts_two_years_and_the_first_has_none_before(area_of, panel_of):
    panel, area = years(area_of, panel_of, n_period=4, breaks=[2017])

    rows = Malmquist.validate(malmquist_panel(panel, [area], draws=30), lazy=True)

    assert rows["period"].unique().sort().to_list() == [2016, 2018]
    assert (rows["period_before"] == rows["period"] - 1).all()
    assert (rows["malmquist_low"] < rows["malmquist_high"]).all()


def test_who_lacks_a_value_is_named_with_a_status_and_disturbs_nobody(area_of, panel_of):
    panel, area = years(area_of, panel_of)
    behind = dea_panel(panel, [area], draws=30).score.filter(period=2016).sort("score")
    who = behind["municipality"][0]  # last, so on nobody's frontier
    is_it = (pl.col("municipality") == who) & (pl.col("period") == 2016)
    less = panel.with_columns(
        pl.when(is_it & (pl.col("role") == "quality")).then(None).otherwise("value").alias("value"),
        pl.when(is_it & (pl.col("role") == "quality"))
        .then(pl.lit("missing"))
        .otherwise("reason")
        .alias("reason"),
    )

    score = dea_panel(less, [area], draws=30).score
    change = malmquist_panel(less, [area], draws=30)

    row = score.filter(is_it).row(0, named=True)
    assert (row["status"], row["score"], row["n_scored"]) == ("missing_quality", None, 39)
    kept = score.filter(period=2016).filter(pl.col("municipality") != who)["score"]
    before = behind.sort("municipality").filter(pl.col("municipality") != who)["score"]
    assert_allclose(kept, before)
    assert change.filter(municipality=who)["status"].to_list() == ["no_pair", "no_pair"]


def test_where_all_are_efficient_nobody_is_scored(area_of, panel_of):
    area = area_of()
    level = np.arange(1.0, 41.0)
    panel = panel_of(area, np.stack([level**2, level], axis=1)[np.newaxis])

    result = dea_panel(panel, [area], draws=30)

    rows = DeaScore.validate(result.score, lazy=True)
    assert rows["status"].unique().to_list() == ["all_efficient"]
    assert rows["n_scored"].unique().to_list() == [0]
    assert result.peer.is_empty()


def test_too_many_columns_are_warned_of(area_of, panel_of):
    panel, area = years(area_of, panel_of, n=12, n_quality=4)

    with pytest.warns(FrontierWarning, match="12 DMUs span a frontier in 5 inputs and outputs"):
        order_m_panel(panel, [area])
