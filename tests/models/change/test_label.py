"""Planted worlds: cuts are told as cuts, and where nothing happens little is told."""

from dataclasses import replace

import numpy as np
import pytest

from models.change.guardrail import change_threshold
from models.change.label import change_labels
from models.score.index import score_panel

N, YEARS = 120, 8
LAST = 2014 + YEARS


@pytest.fixture
def guarded(area_of, indicator_of):
    """Return an area with a cost, two qualities and a guardrail of each direction."""

    def made(n_guardrail=2, **options):
        area = area_of(n_quality=2, **options)
        guardrails = tuple(
            indicator_of(f"guard_{i}", "guardrail", ("higher", "lower")[i % 2], kpi=f"N3000{i}")
            for i in range(n_guardrail)
        )
        return replace(area, indicators=area.indicators + guardrails)

    return made


def world(seed, area, *, sd=3.0, spread=0.5):
    """Return (n_period, n, k) values of true levels that never change; noise differs."""
    generator = np.random.default_rng(seed)
    shape = (N, len(area.indicators))
    level = generator.normal(50, 10, shape)
    own = sd * np.exp(generator.normal(0, spread, (N, 1)))
    return level + own * generator.normal(size=(YEARS, *shape))


@pytest.mark.parametrize("n_guardrail", [0, 2, 4])
def test_where_nothing_happens_one_in_ten_at_most_is_told_of_a_change(
    guarded, panel_of, n_guardrail
):
    area = guarded(n_guardrail)
    threshold = change_threshold(0.1, n_guardrail=n_guardrail)
    told = []
    for seed in range(3):
        panel = panel_of(area, world(seed, area))

        label = change_labels(panel, [area], threshold=threshold).label["label"]

        told.append((label != "no_clear_change").mean())
    # Six worlds of 150 municipalities: 9.7, 9.3 and 8.7 %.
    assert 0.06 < np.mean(told) < 0.115


@pytest.mark.parametrize(
    ("cost", "quality", "guard", "label"),
    [
        (-25, -25, 0, "possible_cut"),
        (-25, 0, -25, "possible_cut"),
        (-25, 0, 0, "efficiency_gain"),
        (0, 25, 0, "efficiency_gain"),
        (25, 25, 0, "dearer_and_better"),
        (25, -25, 0, "dearer_and_worse"),
    ],
)
def test_what_is_planted_is_told(guarded, panel_of, cost, quality, guard, label):
    area = guarded()
    value = world(4, area, spread=0.0)
    value[-1, :20] += [cost, quality, quality, guard, 0]

    found = change_labels(panel_of(area, value), [area], threshold=2.1).label

    mine = found.filter(found["period"] == LAST).sort("municipality")["label"][:20]
    # All 20 as a rule; noise in the other guardrail or side takes one now and then.
    assert (mine == label).mean() >= 0.85


def test_who_cuts_cost_and_quality_does_not_rise_in_the_guarded_headline(guarded, panel_of):
    area = guarded()
    value = world(5, area, spread=0.0)
    value[-1, :20] += [-40, -15, -15, 0, 0]  # the score alone would reward it
    panel = panel_of(area, value)

    found = change_labels(panel, [area], threshold=2.1).label
    index = score_panel(panel, [area]).index.filter(municipality="1000")

    mine = found.filter(found["period"] == LAST).sort("municipality")[:20]
    cut = mine.filter(mine["label"] == "possible_cut")
    assert cut.height >= 19
    assert cut["score_change"].min() > 0
    assert cut["guarded_change"].max() == 0
    assert index["efficiency_score"][-1] > index["efficiency_score"][-2]


def test_that_everything_gets_dearer_by_the_price_level_is_nobodys_change(guarded, panel_of):
    area = guarded()
    value = world(6, area)
    dearer = value.copy()
    dearer[-1, :, 0] += 500

    before, after = (
        change_labels(panel_of(area, each), [area], threshold=2.1).label.filter(period=LAST)
        for each in (value, dearer)
    )

    assert after["label"].to_list() == before["label"].to_list()


def test_units_do_not_matter(guarded, panel_of):
    area = guarded()
    value = world(7, area)

    labels = [
        change_labels(panel_of(area, each), [area], threshold=2.1).label["label"].to_list()
        for each in (value, value * [1000, 0.01, 1, 10, 1])
    ]

    assert labels[0] == labels[1]


def test_no_pair_across_a_break_has_a_label(guarded, panel_of):
    area = guarded(breaks=[2020])
    value = world(8, area)

    yearly = change_labels(panel_of(area, value), [area], threshold=2.1)
    two = change_labels(panel_of(area, value), [area], threshold=2.1, span=2).label

    broken = yearly.label.filter(period=2020)
    assert broken["label"].unique().to_list() == ["no_data"]
    assert broken["reason"].unique().to_list() == ["break_between"]
    assert broken["guarded_change"].null_count() == N
    assert yearly.guardrail.filter(period=2020)["is_worse"].null_count() == 2 * N
    assert set(two.filter(reason="break_between")["period"]) == {2020, 2021}
    assert "no_data" not in set(yearly.label.filter(yearly.label["period"] != 2020)["label"])


def test_the_reason_tells_which_side_is_missing(guarded, panel_of):
    area = guarded()
    value = world(9, area)
    value[-1, 0, 0] = np.nan
    value[-2, 1, 1] = np.nan

    found = change_labels(panel_of(area, value), [area], threshold=2.1).label.filter(period=LAST)

    assert found["reason"].to_list()[:3] == ["missing_cost", "missing_quality", None]
    assert found["label"].to_list()[:2] == ["no_data", "no_data"]


def test_after_a_break_the_scale_is_that_of_the_first_year_since(guarded, panel_of):
    area = guarded(breaks=[2018])
    value = world(14, area)
    value[3:] *= 7  # another measure from 2018 on

    found = change_labels(panel_of(area, value), [area], threshold=2.1).label
    since = change_labels(
        panel_of(area, value[3:], first_period=2018), [area], threshold=2.1
    ).label.filter(period=LAST)

    after = found.filter(period=LAST)
    assert after["cost_change"].to_list() == since["cost_change"].to_list()
    assert after["quality_change"].to_list() == since["quality_change"].to_list()


@pytest.mark.parametrize(("sick_leave", "label"), [(25, "possible_cut"), (-25, "efficiency_gain")])
def test_a_guardrail_that_is_better_the_lower_is_worse_where_it_rises(
    guarded, panel_of, sick_leave, label
):
    area = guarded()
    value = world(15, area, spread=0.0)
    value[-1, :20] += [-25, 0, 0, 0, sick_leave]

    found = change_labels(panel_of(area, value), [area], threshold=2.1).label.filter(period=LAST)

    assert (found["label"][:20] == label).mean() >= 0.85


def test_a_carried_value_says_nothing_of_a_change_and_a_longer_span_does(guarded, panel_of):
    area = guarded()
    value = world(10, area)
    is_carried = np.zeros(value.shape, dtype=bool)
    is_carried[-1, :, 1] = True
    value[-1, :, 1] = value[-2, :, 1]
    panel = panel_of(area, value, is_carried=is_carried)

    yearly, two = (
        change_labels(panel, [area], threshold=2.1, span=span).label.filter(period=LAST)
        for span in (1, 2)
    )

    assert yearly["reason"].unique().to_list() == ["missing_quality"]
    assert two["reason"].null_count() == N


def test_a_guardrail_that_is_not_known_is_counted_and_is_not_worse(guarded, panel_of):
    area = guarded()
    value = world(11, area, spread=0.0)
    value[-1, 0] += [-40, 0, 0, 0, 0]
    value[-1, 0, 3] = np.nan

    found = change_labels(panel_of(area, value), [area], threshold=2.1)

    row = found.label.filter(period=LAST, municipality="1000").row(0, named=True)
    assert (row["n_guardrail"], row["n_guardrail_known"], row["n_guardrail_worse"]) == (2, 1, 0)
    assert row["label"] == "efficiency_gain"
    seen = found.guardrail.filter(period=LAST, municipality="1000", indicator="guard_0")
    assert seen["is_worse"].to_list() == [None]


def test_with_too_few_years_the_noise_is_not_known(guarded, panel_of):
    area = guarded()
    value = world(12, area)[:3]

    found = change_labels(panel_of(area, value), [area], threshold=2.1)

    assert found.label["reason"].unique().to_list() == ["unknown_noise"]
    assert found.guardrail["is_worse"].null_count() == found.guardrail.height > 0


def test_a_span_that_is_none_is_refused(guarded, panel_of):
    area = guarded()

    with pytest.raises(ValueError, match="The span is 0"):
        change_labels(panel_of(area, world(13, area)), [area], threshold=2.0, span=0)
