"""Verdicts of made-up areas, each of which has one thing wrong with it."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from models.score.effective_weight import effective_weights
from models.score.index import score_panel
from models.suitability.coverage_gate import PEER_COVERAGE_SCHEMA, peer_coverage
from models.suitability.indicator_audit import INDICATOR_AUDIT_SCHEMA, REASONS
from models.suitability.rules import RULES, VERDICTS, strictest
from models.suitability.verdict import (
    AREA_AUDIT_SCHEMA,
    FINDING_SCHEMA,
    spearman,
    spearman_interval,
    suitability,
)

N = 30
MISSING = np.nan


def sound_values(seed=1, *, k=4, n_period=1):
    """Return values of a cost and qualities that nothing is wrong with."""
    return np.random.default_rng(seed).normal(50, 10, size=(n_period, N, k))


def budget(area, reliability, *, period=2015):
    """Return an error budget in which every scored indicator has this reliability."""
    names = [each.name for each in area.with_role("cost", "quality")]
    return pl.DataFrame(
        [
            (area.name, period, name, part, reliability)
            for name in names
            for part in ("yearly_change", "carried")
        ],
        schema=["service_area", "period", "indicator", "part", "reliability"],
        orient="row",
    ).cast({"period": pl.Int32, "reliability": pl.Float64})


def judged(panel, *areas, reliability=0.8):
    budgets = pl.concat([budget(area, reliability) for area in areas])
    return suitability(panel, areas, error_budget=budgets)


def only(frame):
    assert frame.height == 1
    return frame.row(0, named=True)


def with_indicators(area, *indicators):
    return replace(area, indicators=(*area.indicators, *indicators))


@pytest.fixture
def sound(area_of, panel_of):
    """An area with a cost and three qualities, and its panel."""
    area = area_of(n_quality=3)
    return area, panel_of(area, sound_values())


def test_of_an_area_with_nothing_wrong_all_may_be_published(sound):
    area, panel = sound

    found = judged(panel, area)

    row = only(found.area)
    assert (row["verdict"], row["reasons"]) == ("publish", None)
    assert (row["n_municipality"], row["n_complete"], row["coverage_share"]) == (N, N, 1.0)
    assert (row["n_cost"], row["n_quality"]) == (1, 3)
    assert (row["carried_share"], row["preliminary_share"]) == (0.0, 0.0)
    assert row["mean_reliability"] == pytest.approx(0.8)
    assert found.finding.is_empty()
    assert dict(found.area.schema) == AREA_AUDIT_SCHEMA
    assert dict(found.indicator.schema) == INDICATOR_AUDIT_SCHEMA
    assert dict(found.finding.schema) == FINDING_SCHEMA


def test_dropping_one_cost_flips_the_verdict_and_names_it(area_of, panel_of, indicator_of):
    area = with_indicators(
        area_of(n_quality=2), indicator_of("second_cost", "cost", "lower", kpi="N20001")
    )
    value = sound_values()
    whole = judged(panel_of(area, value), area)
    value[..., 3] = MISSING

    dropped = judged(panel_of(area, value), area)

    assert only(whole.area)["verdict"] == "publish"
    assert only(dropped.area)["verdict"] == "do_not_publish"
    assert only(dropped.area)["reasons"] == "cost_missing, coverage_below_gate"
    assert only(dropped.finding.filter(reason="cost_missing"))["indicator"] == "second_cost"
    gate = only(dropped.finding.filter(reason="coverage_below_gate"))
    assert (gate["number"], gate["limit"]) == (0.0, 0.5)


def test_a_quality_that_nobody_has_is_named(area_of, panel_of):
    area, value = area_of(n_quality=3), sound_values()
    value[..., 2] = MISSING

    found = judged(panel_of(area, value), area)

    row = only(found.finding.filter(reason="quality_missing"))
    assert (row["indicator"], row["verdict"]) == ("quality_1", "do_not_publish")


def test_an_area_without_a_row_is_listed_and_not_published(sound, area_of):
    area, panel = sound
    empty = area_of("fire", n_quality=2)
    later = replace(area_of("parks"), first_period=2030)

    found = judged(panel, area, empty, later)

    assert found.area["service_area"].to_list() == ["fire", "parks", "school"]
    assert found.area["period"].to_list() == [2015, 2030, 2015]
    row = only(found.area.filter(service_area="fire"))
    assert (row["verdict"], row["reasons"]) == ("do_not_publish", "no_data")
    assert (row["n_municipality"], row["coverage_share"]) == (0, None)
    indicators = found.indicator.filter(service_area="fire")
    assert indicators["indicator"].to_list() == ["cost", "quality_0", "quality_1"]
    assert indicators["n_present"].to_list() == [0, 0, 0]
    assert indicators["declared_weight"].to_list() == [0.5, 0.25, 0.25]


def test_a_year_without_rows_of_one_area_is_a_year_without_data(sound, area_of, panel_of):
    area, panel = sound
    other = area_of("fire", n_quality=3)
    panel = pl.concat([panel, panel_of(other, sound_values(n_period=2))])

    found = judged(panel, area, other)

    reasons = found.area.filter(service_area="school").select("period", "reasons").rows()
    assert reasons == [(2015, None), (2016, "no_data")]


def one_is_preliminary(area, panel):
    first = (pl.col("indicator") == "quality_0") & (pl.col("municipality") == "1000")
    return area, panel.with_columns(is_preliminary=first)


def qualities_are_inputs(area, panel):
    indicators = [replace(each, is_input=each.role == "quality") for each in area.indicators]
    return replace(area, indicators=tuple(indicators)), panel


@pytest.mark.parametrize(
    ("change", "verdict", "reason"),
    [
        (lambda a, p: (replace(a, evidence_grade="C"), p), "publish", "peers_only"),
        (lambda a, p: (replace(a, evidence_grade="D"), p), "do_not_publish", "cost_level_only"),
        (qualities_are_inputs, "internal_only", "quality_is_input"),
        (one_is_preliminary, "publish", "preliminary"),
    ],
)
def test_one_thing_wrong_is_the_one_reason(sound, change, verdict, reason):
    area, panel = change(*sound)

    row = only(judged(panel, area).area)

    assert (row["verdict"], row["reasons"]) == (verdict, reason)


def test_one_quality_that_is_no_input_is_enough(sound):
    area, panel = qualities_are_inputs(*sound)
    indicators = (*area.indicators[:-1], replace(area.indicators[-1], is_input=False))

    row = only(judged(panel, replace(area, indicators=indicators)).area)

    assert row["verdict"] == "publish"


def test_a_single_quality_is_for_internal_use(area_of, panel_of):
    area = area_of(n_quality=1)

    found = judged(panel_of(area, sound_values(k=2)), area)

    assert only(found.area)["verdict"] == "internal_only"
    row = only(found.finding.filter(reason="few_quality_indicators"))
    assert (row["number"], row["limit"]) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("n_missing", "verdict"), [(9, "publish"), (10, "do_not_publish")]
)  # of 30: 70 %, and one less
def test_the_gate_of_coverage_is_the_areas_own(area_of, panel_of, n_missing, verdict):
    area, value = area_of(n_quality=3, minimum_share=0.7), sound_values()
    value[0, :n_missing, 1] = MISSING

    row = only(judged(panel_of(area, value), area).area)

    assert row["coverage_share"] == pytest.approx(1 - n_missing / N)
    assert row["verdict"] == verdict


@pytest.mark.parametrize(
    ("reliability", "verdict", "reasons"),
    [
        (0.49, "internal_only", "low_reliability"),
        (0.5, "publish", None),
        (None, "publish", "reliability_unknown"),
    ],
)
def test_reliability_below_a_half_is_for_internal_use(sound, reliability, verdict, reasons):
    area, panel = sound

    row = only(judged(panel, area, reliability=reliability).area)

    assert (row["verdict"], row["reasons"]) == (verdict, reasons)


def test_reliabilities_are_weighed_as_declared_and_the_unknown_one_is_named(sound):
    area, panel = sound
    known = {"cost": 0.9, "quality_0": 0.3, "quality_1": 0.6}  # 1/2, 1/6 and 1/6 of the whole
    told = budget(area, 0.0).with_columns(
        reliability=pl.col("indicator").replace_strict(known, default=None)
    )

    found = suitability(panel, [area], error_budget=told)

    expected = (0.9 / 2 + 0.3 / 6 + 0.6 / 6) / (5 / 6)
    assert only(found.area)["mean_reliability"] == pytest.approx(expected)
    assert only(found.finding)["indicator"] == "quality_2"
    assert found.indicator["reliability"].to_list() == [0.9, 0.3, 0.6, None]


def test_without_an_error_budget_every_reliability_is_unknown(sound):
    area, panel = sound

    found = suitability(panel, [area], error_budget=None)

    assert found.finding["reason"].unique().to_list() == ["reliability_unknown"]
    assert found.finding["indicator"].to_list() == ["cost", "quality_0", "quality_1", "quality_2"]


def test_a_budget_that_contradicts_itself_is_refused(sound):
    area, panel = sound
    twice = pl.concat([budget(area, 0.4), budget(area, 0.6)])

    with pytest.raises(ValueError, match="different reliabilities of cost in school 2015"):
        suitability(panel, [area], error_budget=twice)


def test_an_empty_panel_is_refused(sound):
    area, panel = sound

    with pytest.raises(ValueError, match="The panel is empty"):
        suitability(panel.clear(), [area], error_budget=None)


def test_one_indicator_that_decides_is_named(area_of, panel_of):
    # All but one have the same qualities, so what tells them apart is the cost.
    area, value = area_of(n_quality=2), sound_values(k=3)
    value[0, :, 0] = np.arange(N)
    value[0, :, 1] = np.where(np.arange(N) < 1, 90.0, 10.0)
    value[0, :, 2] = np.where(np.arange(N) < 1, 90.0, 10.0)

    found = judged(panel_of(area, value), area)

    assert only(found.area)["verdict"] == "internal_only"
    row = only(found.finding.filter(reason="one_indicator_decides"))
    assert row["indicator"] == "cost"
    assert row["number"] > row["limit"] == pytest.approx(2 / 3)


def test_qualities_that_are_one_and_the_same_are_noted(area_of, panel_of):
    area, value = area_of(n_quality=3), sound_values()
    value[0, :, 3] = -(value[0, :, 1] ** 3)  # the other way round, and in another unit
    value[0, 0, 3] = MISSING

    found = judged(panel_of(area, value), area)

    row = only(found.area)
    assert (row["verdict"], row["reasons"]) == ("publish", "overlap")
    assert row["overlap"] == pytest.approx(1)
    assert (row["overlap_first"], row["overlap_second"]) == ("quality_0", "quality_2")


def test_the_correlation_is_above_0_where_the_dearer_are_the_better(area_of, panel_of):
    area, value = area_of(n_quality=2), sound_values(k=3)
    value[0, :, 1:] = 2 * value[0, :, :1] + np.array([0, 5])
    value[0, :, 1] += sound_values(2, k=1)[0, :, 0]

    row = only(judged(panel_of(area, value), area).area)

    assert row["cost_quality_correlation"] > 0.7
    assert row["cost_quality_low"] < row["cost_quality_correlation"] < row["cost_quality_high"]


def test_values_are_counted_by_what_became_of_them(area_of, panel_of, indicator_of):
    quality = indicator_of("share", "quality", "higher", kpi="N10009", answers="answers")
    counts = indicator_of("answers", "answers", None, kpi="N10010")
    area = with_indicators(area_of(n_quality=1), quality, counts)
    value = sound_values()
    value[0, :, 3] = np.arange(N)
    value[0, :5, 2] = MISSING
    is_carried = np.zeros(value.shape, dtype=bool)
    is_carried[0, 5:11, 2] = True
    panel = panel_of(area, value, is_carried=is_carried)
    holes = pl.col("value").is_null()
    why = pl.col("municipality").replace_strict(
        {f"{1000 + i}": reason for i, reason in enumerate(REASONS)}, default=None
    )
    panel = panel.with_columns(reason=pl.when(holes).then(why))

    found = judged(panel, area)

    row = only(found.indicator.filter(indicator="share"))
    assert [row[f"n_{reason}"] for reason in REASONS] == [1, 1, 1, 1, 1]
    assert (row["n_municipality"], row["n_present"], row["n_carried"]) == (N, 25, 6)
    assert row["mean_age_years"] == pytest.approx(6 / 25)
    assert row["median_answers"] == 17.0  # of 5, 6, ..., 29: those with a value
    assert row["n_not_in_panel"] == 0
    assert only(found.area)["carried_share"] == pytest.approx(6 / (25 + 2 * N))
    beside = only(found.indicator.filter(indicator="answers"))
    assert (beside["declared_weight"], beside["variance_share"]) == (None, None)


def test_rows_that_are_not_there_are_told_from_values_that_are_missing(sound):
    area, panel = sound
    panel = panel.filter((pl.col("indicator") != "quality_2") | (pl.col("municipality") > "1003"))

    row = only(judged(panel, area).indicator.filter(indicator="quality_2"))

    assert (row["n_municipality"], row["n_present"], row["n_not_in_panel"]) == (N, N - 4, 4)
    assert row["n_missing"] == 0


def test_weights_are_of_the_whole_score_and_real_ones_sum_to_1(sound):
    area, panel = sound

    found = judged(panel, area).indicator

    assert_allclose(found["declared_weight"], [1 / 2, 1 / 6, 1 / 6, 1 / 6])
    assert found["variance_share"].sum() == pytest.approx(1)
    scores = score_panel(panel, [area])
    score = scores.indicator_score.pivot(on="indicator", index="municipality", values="score")
    score = score.sort("municipality").select("cost", "quality_0", "quality_1", "quality_2")
    composite = scores.index.sort("municipality")["efficiency_score"]
    expected = effective_weights(score.to_numpy(), composite.to_numpy(), [3, 1, 1, 1]).smooth
    assert_allclose(found["correlation_ratio"], expected)


def test_a_cost_that_is_the_same_for_all_decides_nothing(area_of, panel_of):
    area, value = area_of(n_quality=2), sound_values(k=3)
    value[..., 0] = 7.0

    found = judged(panel_of(area, value), area).indicator

    assert found["correlation_ratio"][0] == 0
    assert found["variance_share"][0] == 0
    assert found["variance_share"].sum() == pytest.approx(1)


def test_sides_of_the_same_shape_decide_half_each_whatever_their_spread(area_of, panel_of):
    area = area_of(n_quality=1)
    value = np.stack([np.arange(40.0), np.random.default_rng(0).permutation(40) * 9.0], axis=1)

    found = judged(panel_of(area, value[np.newaxis]), area).indicator

    assert_allclose(found["variance_share"], [0.5, 0.5], atol=0.01)


def test_with_few_municipalities_nothing_is_said_of_weights_or_correlations(area_of, panel_of):
    area = area_of(n_quality=3)

    found = judged(panel_of(area, sound_values()[:, :9]), area)

    assert found.indicator["variance_share"].null_count() == 4
    assert found.indicator["correlation_ratio"].null_count() == 4
    row = only(found.area)
    assert (row["overlap"], row["cost_quality_correlation"]) == (None, None)


@given(st.integers(0, 2**32 - 1), st.randoms(use_true_random=False))
@settings(max_examples=15, deadline=None)
def test_neither_labels_nor_units_matter(area_of, panel_of, seed, random):
    area, value = area_of(n_quality=3), sound_values(seed)
    holes = np.random.default_rng(seed).uniform(size=value.shape) < 0.05
    value[holes] = MISSING
    order = list(range(N))
    random.shuffle(order)
    unit, zero = np.array([1000, 0.5, 3, 0.01]), np.array([0, 7, -20, 1])

    plain = judged(panel_of(area, value), area)
    other = judged(panel_of(area, value[:, order] * unit + zero), area)

    for first, second in [(plain.area, other.area), (plain.indicator, other.indicator)]:
        texts, numbers = pl.selectors.string(), pl.selectors.numeric()
        assert first.select(texts).equals(second.select(texts))
        assert_allclose(
            first.select(numbers).to_numpy(), second.select(numbers).to_numpy(), rtol=1e-6
        )
    assert plain.finding["reason"].to_list() == other.finding["reason"].to_list()


def test_the_order_of_rows_does_not_matter(sound):
    area, panel = sound
    shuffled = panel.sample(fraction=1, shuffle=True, seed=1)

    first, second = judged(panel, area), judged(shuffled, area)

    assert first.area.equals(second.area)
    assert first.indicator.equals(second.indicator)


def test_the_verdict_is_that_of_the_strictest_reason():
    assert strictest([]) == "publish"
    assert strictest(["publish", "internal_only"]) == "internal_only"
    assert strictest(["do_not_publish", "publish", "internal_only"]) == "do_not_publish"


def test_the_rules_stand_from_the_strictest_on_and_none_twice():
    places = [VERDICTS.index(rule.verdict) for rule in RULES]

    assert places == sorted(places, reverse=True)
    assert len({rule.reason for rule in RULES}) == len(RULES)


def test_a_correlation_of_ranks_by_hand():
    # Ranks 1 ... 10 beside 2 1 4 3 6 5 8 7 10 9: 1 - 6 * 10 / (10 * 99).
    first = np.append(np.arange(10.0), MISSING)
    second = np.array([2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 5.0])

    assert spearman(first, second) == pytest.approx(1 - 60 / 990)
    assert np.isnan(spearman(first[:9], second[:9]))
    assert np.isnan(spearman(first, np.full(11, 3.0)))


def test_the_interval_of_a_correlation_holds_the_truth_as_often_as_it_says():
    # Spearman's of a binormal with correlation r is 6 / pi asin(r / 2).
    generator = np.random.default_rng(1)
    truth = 6 / np.pi * np.arcsin(0.8 / 2)
    first = generator.normal(size=(2000, 60))
    second = 0.8 * first + 0.6 * generator.normal(size=first.shape)

    ends = [spearman_interval(spearman(a, b), 60) for a, b in zip(first, second, strict=True)]

    inside = np.mean([low <= truth <= high for low, high in ends])
    assert 0.935 <= inside <= 0.965
    assert spearman_interval(1.0, 60) == (1.0, 1.0)


def group(area, municipality, *peers):
    return pl.DataFrame(
        {"service_area": area.name, "municipality": municipality, "peer": list(peers)}
    )


def peers_of(numbers):
    return [f"{1000 + number}" for number in numbers]


@pytest.mark.parametrize(
    ("missing", "n_complete", "status"),
    [
        ([], 8, "shown"),
        ([1, 2, 3], 5, "shown"),
        ([1, 2, 3, 4], 4, "too_few_peers"),
        ([0], 7, "own_value_missing"),
        ([9], 8, "shown"),  # no peer
    ],
)
def test_five_of_eight_are_enough_to_be_shown(area_of, panel_of, missing, n_complete, status):
    area, value = area_of(n_quality=3), sound_values()
    value[0, missing, 1] = MISSING
    value[0, missing[:1], 0] = MISSING
    peers = group(area, "1000", *peers_of(range(1, 8)))

    rows = peer_coverage(panel_of(area, value), [area], peers=peers)

    row = only(rows)
    assert dict(rows.schema) == PEER_COVERAGE_SCHEMA
    assert (row["n_group"], row["n_complete"], row["status"]) == (8, n_complete, status)
    assert row["n_cost"] == 8 - bool(missing[:1] not in ([], [9]))


def test_a_peer_that_is_not_in_the_panel_counts_as_one_without_values(sound):
    area, panel = sound

    row = only(peer_coverage(panel, [area], peers=group(area, "1000", "1001", "1999")))

    assert (row["n_group"], row["n_complete"], row["status"]) == (3, 2, "shown")


@pytest.mark.parametrize(("share", "status"), [(0.875, "shown"), (0.9, "too_few_peers")])
def test_another_share_of_the_group_may_be_asked_for(area_of, panel_of, share, status):
    area, value = area_of(n_quality=3), sound_values()
    value[0, 3, 1] = MISSING  # seven of eight are left
    peers = group(area, "1000", *peers_of(range(1, 8)))

    rows = peer_coverage(panel_of(area, value), [area], peers=peers, minimum_share=share)

    assert only(rows)["status"] == status


@pytest.mark.parametrize(
    ("peers", "message"), [(["1001", "1001"], "1000 1001"), (["1000"], "1000 1000")]
)
def test_peers_that_count_twice_are_refused(sound, peers, message):
    area, panel = sound

    with pytest.raises(ValueError, match=message):
        peer_coverage(panel, [area], peers=group(area, "1000", *peers))


def test_a_share_that_is_none_is_refused(sound):
    area, panel = sound

    with pytest.raises(ValueError, match="minimum_share is 0"):
        peer_coverage(panel, [area], peers=group(area, "1000", "1001"), minimum_share=0)
