"""Goals' scores from tables: a file is enough for a new goal, and nothing beside gets in."""

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from models.goals.goal import Component, Goal, goals, read_goal
from models.goals.score import beside_values, goal_scores
from models.panel import area_arrays
from models.rank.area_draws import AreaDraws, area_draws
from models.score.index import area_index, competition_rank, score_panel

OBSERVATION = {
    "kpi": pl.String,
    "municipality": pl.String,
    "period": pl.Int32,
    "gender": pl.String,
    "value": pl.Float64,
}
NAMES = [f"{1000 + m}" for m in range(5)]


def observed(**values):
    """Return observations of 2020, of "N00001" or, with a gender, of "N00001_K"."""
    rows = [
        (name[:6], municipality, 2020, name[7:] or "T", value)
        for name, column in values.items()
        for municipality, value in zip(NAMES, column, strict=False)
        if value is not None
    ]
    return pl.DataFrame(rows, schema=OBSERVATION, orient="row")


def index_of(**scores):
    """Return the index of 2020, by area; None is not ranked."""
    rows = [
        (area, 2020, municipality, value, "missing_cost" if value is None else "ranked")
        for area, column in scores.items()
        for municipality, value in zip(NAMES, column, strict=False)
    ]
    columns = ["service_area", "period", "municipality", "efficiency_score", "status"]
    return pl.DataFrame(rows, schema=columns, orient="row").cast({"period": pl.Int32})


def kpi(name, number, *, direction="higher", weight=1.0, table="components"):
    weighed = f"weight = {weight}\n" if table == "components" else ""
    return (
        f'[{table}.{name}]\nkpi = "{number}"\ntitle = "Mått {number}"\nlabel = "{name}"\n'
        f'unit = "%"\ndirection = "{direction}"\n{weighed}why = "a test"\nsource = "SCB"\n'
    )


def written(tmp_path, kind, *parts, head="", share=0.7, fewest=1):
    path = tmp_path / "whole.toml"
    path.write_text(
        f'title = "Mål"\nquestion = "Hur?"\nkind = "{kind}"\nminimum_share = {share}\n'
        f"minimum_components = {fewest}\n{head}\n" + "\n".join(parts),
        encoding="utf-8",
    )
    return read_goal(path)


def area(name, cost):
    return (
        f'[components.{name}]\nweight = "cost_share"\nwhy = "a test"\n'
        f'cost_weight_kpis = [{{ kpi = "{cost}", title = "Nettokostnad, kr/inv" }}]\n'
    )


def by_cost(tmp_path, *more, of="country"):
    return written(
        tmp_path,
        "service_area",
        area("care", "N00001"),
        area("school", "N00002"),
        *more,
        head=f'cost_share_of = "{of}"',
    )


COSTS = {"N00001": [10, 20, 30, 20, 20], "N00002": [60, 60, 60, 60, 60]}
INDEX = {"care": [100.0, 60, 20, None, 40], "school": [0.0, 60, 80, 80, None]}


def test_areas_weigh_their_share_of_the_countrys_cost(tmp_path):
    found = goal_scores(
        [by_cost(tmp_path)],
        index=index_of(**INDEX),
        observation=observed(**COSTS),
        municipalities=NAMES,
    ).score

    # A quarter and three quarters; the fourth lacks a quarter, the fifth too much.
    assert found["score"].to_list() == [25, 60, 65, 80, None]
    assert found["rank"].to_list() == [4, 3, 2, 1, None]
    assert found["weight_share"].to_list() == [1, 1, 1, 0.75, 0.25]
    assert found["status"].to_list() == ["ranked"] * 4 + ["weight_below_minimum"]
    assert found["lowest_component"].to_list() == ["school", "care", "care", "school", None]
    assert found["n_ranked"].unique().to_list() == [4]
    assert found["standing"].unique().to_list() == ["proposal"]


def test_an_area_that_is_not_ranked_does_not_count_though_it_has_a_score(tmp_path):
    index = index_of(**INDEX).with_columns(
        pl.when(pl.col("service_area") == "care")
        .then(pl.lit("not_ranked_by_grade"))
        .otherwise("status")
        .alias("status")
    )

    found = goal_scores(
        [by_cost(tmp_path)],
        index=index,
        observation=observed(**COSTS),
        municipalities=NAMES,
    )

    assert found.component["component"].unique().to_list() == ["school"]
    assert found.score["score"].to_list() == [0, 60, 80, 80, None]


def test_shares_may_be_the_municipalitys_own(tmp_path):
    found = goal_scores(
        [by_cost(tmp_path, of="municipality")],
        index=index_of(**INDEX),
        observation=observed(**COSTS),
        municipalities=NAMES,
    ).score

    assert_allclose(found["score"][:3], [100 / 7, 60, 20 / 3 + 80 * 2 / 3])


def test_without_a_year_of_costs_nobody_is_scored_and_it_is_said(tmp_path):
    found = goal_scores(
        [by_cost(tmp_path)],
        index=index_of(**INDEX),
        observation=observed(N00001=COSTS["N00001"]),
        municipalities=NAMES,
    ).score

    assert found["status"].unique().to_list() == ["missing_weights"]
    assert found["score"].null_count() == 5


def test_the_score_is_unchanged_when_finance_values_change(tmp_path):
    beside = '[panels.finance]\ntitle = "Ekonomi"\n' + kpi(
        "result", "N03102", table="panels.finance.kpis"
    )
    goal = by_cost(tmp_path, beside)
    tables = [observed(**COSTS, N03102=[x] * 5) for x in (1.0, -99.0)]

    scores = [
        goal_scores([goal], index=index_of(**INDEX), observation=each, municipalities=NAMES)
        for each in tables
    ]
    shown = [beside_values([goal], observation=each, municipalities=NAMES) for each in tables]

    assert scores[0].score.equals(scores[1].score)
    assert scores[0].component.equals(scores[1].component)
    assert [each["value"].unique().to_list() for each in shown] == [[1], [-99]]
    assert shown[0].select("panel", "name", "municipality").row(0) == ("finance", "result", "1000")


def test_no_value_beside_the_official_goals_is_in_their_scores():
    official = goals()
    generator = np.random.default_rng(1)
    kpis = {
        each.kpi
        for goal in official
        for each in (
            *(m for component in goal.components for m in component.cost),
            *(c.measure for c in goal.components if c.measure),
            *(m for panel in goal.panels for m in panel.measures),
        )
    }
    rows = {
        f"{kpi}_{gender}": generator.uniform(1, 99, 5) for kpi in sorted(kpis) for gender in "TKM"
    }
    names = [component.name for component in official[0].components]
    index = index_of(**{name: generator.uniform(0, 100, 5) for name in names})
    for goal in official:
        shown = [each.kpi for panel in goal.panels for each in panel.measures]
        moved = {key: value + 1000 if key[:6] in shown else value for key, value in rows.items()}
        before, after = (
            goal_scores([goal], index=index, observation=observed(**each), municipalities=NAMES)
            for each in (rows, moved)
        )

        assert before.score["score"].null_count() == 0
        assert before.score.equals(after.score)


def test_a_new_goal_is_a_file(tmp_path):
    goal = written(
        tmp_path,
        "kpi",
        kpi("clean_air", "N00001", direction="lower", weight=3),
        kpi("green_food", "N00002"),
        share=0.7,
    )

    found = goal_scores(
        [goal],
        index=index_of(),
        observation=observed(N00001=[0, 25, 50, 75, 100], N00002=[0, 25, 50, 75, None]),
        municipalities=NAMES,
    )

    # Percentiles 2.5 and 97.5 lie 2.5 and 1.875 within the ends; the fifth misses a quarter.
    middle = found.score["score"].to_list()[2]
    assert_allclose(middle, (3 * 50 + 100 * (50 - 1.875) / 71.25) / 4)
    assert found.score["rank"].to_list() == [1, 2, 3, 4, 5]
    assert_allclose(
        found.component.group_by("municipality")
        .agg(pl.col("contribution").sum())
        .sort("municipality")["contribution"],
        found.score["score"],
    )


def test_a_gap_and_the_worse_off_group_count_and_a_lone_gender_does_not(tmp_path):
    goal = written(
        tmp_path, "gender_gap", kpi("grades", "N00001"), head="lowest_group_weight = 0.5"
    )
    women, men = [80, 80, 50, 90, 70], [80, 60, 50, 60, None]

    found = goal_scores(
        [goal],
        index=index_of(),
        observation=observed(N00001_K=women, N00001_M=men, N00001=[70] * 5),
        municipalities=NAMES,
    )

    gap = found.component.filter(part="gap")
    lowest = found.component.filter(part="lowest_group")
    assert gap["value"].to_list() == [0, 20, 0, 30]
    assert lowest["value"].to_list() == [80, 60, 50, 60]
    # Alike at 80 is best; alike at 50 is no better than 20 apart at 60 and 80.
    assert found.score["rank"].to_list()[0] == 1
    assert found.score["status"].to_list() == ["ranked"] * 4 + ["no_component"]
    assert found.score["n_component"].to_list() == [1, 1, 1, 1, 0]


def test_the_goal_says_how_much_the_worse_off_group_counts_and_how_many_kpis_must_be_there(
    tmp_path,
):
    goal = written(
        tmp_path,
        "gender_gap",
        kpi("grades", "N00001"),
        kpi("safety", "N00002", weight=3),
        head="lowest_group_weight = 0.25",
        fewest=2,
    )
    found = goal_scores(
        [goal],
        index=index_of(),
        observation=observed(
            N00001_K=[10, 20, 30], N00001_M=[20, 30, 50], N00002_K=[5, 5, None], N00002_M=[5, 9, 9]
        ),
        municipalities=NAMES[:3],
    )

    weights = found.component.filter(municipality="1000").select("component", "part", "weight")
    assert weights.rows() == [
        ("grades", "gap", 0.1875),
        ("grades", "lowest_group", 0.0625),
        ("safety", "gap", 0.5625),
        ("safety", "lowest_group", 0.1875),
    ]
    assert found.score["status"].to_list() == ["ranked", "ranked", "too_few_components"]


def test_others_than_those_asked_for_are_in_no_scale(tmp_path):
    goal = written(tmp_path, "kpi", kpi("food", "N00001"))
    table = observed(N00001=[0, 25, 50, 75, 1000])

    found = goal_scores([goal], index=index_of(), observation=table, municipalities=NAMES[:4])
    alone = goal_scores([goal], index=index_of(), observation=table[:4], municipalities=NAMES[:4])

    assert found.score.equals(alone.score)
    assert found.score.height == 4


def test_a_key_twice_and_an_infinite_value_are_refused(tmp_path):
    goal = written(tmp_path, "kpi", kpi("food", "N00001"))
    table = observed(N00001=[0, 25, 50, 75, 100])

    for bad, told in (
        (pl.concat([table, table[:1]]), "2 rows share their key .* first is N00001 T 2020 1000"),
        (observed(N00001=[np.inf]), "The value of N00001 T 2020 1000 is NaN or infinite"),
    ):
        with pytest.raises(ValueError, match=told):
            goal_scores([goal], index=index_of(), observation=bad, municipalities=NAMES)


def whole(areas, weights):
    components = tuple(
        Component(area.name, float(weight), (), None, "a test")
        for area, weight in zip(areas, weights, strict=True)
    )
    return Goal("whole", "", "", "service_area", 0.7, 1, None, None, None, components, ())


def intervals(areas, panel, weights, **options):
    index = score_panel(panel, areas).index
    return goal_scores(
        [whole(areas, weights)],
        index=index,
        observation=observed(),
        municipalities=index["municipality"].unique().to_list(),
        draws=area_draws(panel, areas, periods=[2020], **options),
    ).score.filter(period=2020)


def test_the_interval_holds_the_true_rank_of_the_whole_about_as_often_as_it_says(area_of, panel_of):
    areas = [area_of(f"area_{i}", n_quality=2) for i in range(4)]
    weights = [4, 3, 2, 1]
    inside = []
    for seed in range(8):
        generator = np.random.default_rng(seed)
        panels, truth = [], []
        for area in areas:
            level = generator.normal(size=(80, 3))
            panels.append(panel_of(area, level + 0.6 * generator.normal(size=(6, 80, 3))))
            arrays = next(area_arrays(panels[-1], [area]))
            truth.append(area_index(arrays, level).efficiency)
        rank = competition_rank(np.average(np.stack(truth, axis=1), axis=1, weights=weights))

        found = intervals(areas, pl.concat(panels), weights, draws=200)

        inside.append(pl.Series(rank).is_between(found["rank_low"], found["rank_high"]).mean())
    # 12 such worlds: 93 % at nominally 90 %; 90 to 95 % with noise from 0.3 to 1 of the signal.
    assert 0.87 < np.mean(inside) < 0.97


def test_draws_are_those_of_the_municipality_they_name(area_of):
    index = index_of(care=[10.0, 20, 30, 40, 50])
    order = ("1003", "1001", "1004", "0114", "1000", "1002")
    certain = AreaDraws(order, np.tile([40.0, 20, 50, 99, 10, 30], (20, 1)))

    found = goal_scores(
        [whole([area_of("care")], [1])],
        index=index,
        observation=observed(),
        municipalities=NAMES,
        draws={("care", 2020): certain},
    ).score

    assert found["rank"].to_list() == [5, 4, 3, 2, 1]
    assert found["rank_low"].to_list() == found["rank_high"].to_list() == [5, 4, 3, 2, 1]


def test_draws_are_the_same_whichever_other_areas_there_are(area_of, panel_of):
    areas = [area_of("care"), area_of("school")]
    value = np.random.default_rng(3).normal(size=(6, 20, 2))
    panels = [panel_of(area, value) for area in areas]

    both = area_draws(pl.concat(panels), areas, draws=20)
    alone = area_draws(panels[1], areas[1:], draws=20)

    assert_allclose(
        both["school", 2020].efficiency, alone["school", 2020].efficiency, rtol=0, atol=0
    )
    assert not np.allclose(both["school", 2020].efficiency, both["care", 2020].efficiency)


def test_an_area_of_unknown_noise_leaves_the_whole_without_an_interval(area_of, panel_of):
    areas = [area_of("care"), area_of("school")]
    value = np.random.default_rng(3).normal(size=(6, 20, 2))
    panel = pl.concat([panel_of(areas[0], value), panel_of(areas[1], value[4:], first_period=2019)])

    drawn = area_draws(panel, areas, draws=20)
    found = intervals(areas, panel, [1, 1], draws=20)

    assert {area for area, _ in drawn} == {"care"}
    assert found["rank"].null_count() == 0
    assert found["rank_low"].null_count() == found["rank_high"].null_count() == 20
