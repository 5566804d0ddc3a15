"""Goals as files: what may be in one, and that whatever else is there is refused by name."""

import json
from datetime import date

import polars as pl
import pytest

from models.goals.goal import (
    GoalError,
    check_against_areas,
    check_against_catalogue,
    goal_frame,
    goal_kpi_frame,
    goals,
    read_goal,
)

AREAS = """
title = "Mest effektiv"
question = "Vad får vi för pengarna?"
kind = "service_area"
minimum_share = 0.7
minimum_components = 1
cost_share_of = "country"

[components.school]
weight = "cost_share"
cost_weight_kpis = [{ kpi = "N15028", title = "Nettokostnad grundskola F-9, kr/inv" }]
why = "a test"

[panels.finance]
title = "Ekonomi"

[panels.finance.kpis.result]
kpi = "N03102"
title = "Årets resultat"
label = "Resultat"
unit = "%"
direction = "higher"
why = "a test"
source = "SCB"
"""
KPIS = """
title = "Mest hållbar"
question = "Hur hållbart?"
kind = "kpi"
minimum_share = 1
minimum_components = 1

[components.environment]
kpi = "N00371"
title = "Miljö"
label = "Miljö"
unit = "index"
direction = "higher"
weight = 2
why = "a test"
source = "SCB"
"""
DECISION = """
[decision]
body = "Kommunfullmäktige"
paragraph = "§ 149"
date = 2024-11-27
"""


def read(tmp_path, text, name="whole"):
    path = tmp_path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return read_goal(path)


def test_a_file_becomes_a_goal(tmp_path):
    goal = read(tmp_path, AREAS)

    assert (goal.name, goal.kind, goal.cost_share_of) == ("whole", "service_area", "country")
    assert [(each.name, each.weight, each.cost[0].kpi) for each in goal.components] == [
        ("school", None, "N15028")
    ]
    assert [each.kpi for each in goal.panels[0].measures] == ["N03102"]


def test_without_a_decision_a_goal_is_a_proposal_and_with_one_it_is_decided(tmp_path):
    proposed = read(tmp_path, KPIS)
    decided = read(tmp_path, KPIS + DECISION)

    assert (proposed.standing, decided.standing) == ("proposal", "decided")
    assert goal_frame([decided]).select("decision_paragraph", "decision_date").row(0) == (
        "§ 149",
        date(2024, 11, 27),
    )


@pytest.mark.parametrize(
    ("text", "old", "new", "told"),
    [
        (KPIS, "minimum_share", "minimum_shares", "unknown field 'minimum_shares'"),
        (KPIS, "minimum_share = 1", "minimum_share = 1.2", "minimum_share is 1.2"),
        (KPIS, "minimum_components = 1", "minimum_components = 2", "there are 1 components"),
        (KPIS, '"kpi"', '"kpis"', "unknown kind 'kpis'"),
        (KPIS, 'direction = "higher"\n', "", "environment: direction is missing"),
        (KPIS, '"higher"', '"up"', "unknown direction 'up'"),
        (KPIS, "weight = 2", "weight = 0", "environment: weight is 0"),
        (KPIS, "weight = 2", "weight = true", "weight is True. Make it a number"),
        (KPIS, "weight = 2", 'weight = "cost_share"', "weight is 'cost_share'. Make it a number"),
        (KPIS, '"N00371"', '"371"', "id is N or U and five digits"),
        (KPIS, 'title = "Miljö"', 'title = "Miljö (-2024)"', "nothing after 2024"),
        (KPIS, 'title = "Miljö"\n', "", "environment: title is missing"),
        (KPIS, "minimum_share = 1", "minimum_share = 1\nlowest_group_weight = 0.5", "Remove it"),
        (KPIS, '"kpi"', '"gender_gap"', "lowest_group_weight says how much .* Add it"),
        (KPIS, "components.environment", "components.Environment", "name must be of a-z"),
        (KPIS + DECISION, "§ 149", "149", "with its sign"),
        (KPIS + DECISION, "2024-11-27", '"2024-11-27"', "Make it a date"),
        (KPIS + DECISION, 'body = "Kommunfullmäktige"', "", "the decision: body is missing"),
        (AREAS, '"cost_share"', "2", "its weight is a number. Remove cost_weight_kpis"),
        (
            AREAS,
            '[{ kpi = "N15028", title = "Nettokostnad grundskola F-9, kr/inv" }]',
            "[]",
            "no c",
        ),
        (AREAS, "F-9, kr/inv", "F-9, kr/elev", "not a cost in kr/inv"),
        (AREAS, 'cost_share_of = "country"\n', "", 'Add "country" or "municipality"'),
        (AREAS, '"country"', '"region"', "unknown cost_share_of 'region'"),
        (AREAS, '"N03102"', '"N15028"', r"N15028 is inside the score .* and beside it"),
    ],
)
def test_a_fault_is_told_with_what_to_do(tmp_path, text, old, new, told):
    assert old in text

    with pytest.raises(GoalError, match=told):
        read(tmp_path, text.replace(old, new))


def test_all_faults_are_told_at_once(tmp_path):
    text = KPIS.replace('"N00371"', '"371"').replace("weight = 2", "weight = -1")

    with pytest.raises(GoalError, match=r"(?s)whole.toml: 2 faults.*five digits.*weight is -1"):
        read(tmp_path, text)


def test_a_number_and_a_share_of_the_cost_cannot_be_weighed_against_each_other(tmp_path):
    other = '\n[components.care]\nweight = 2\nwhy = "a test"\n'

    with pytest.raises(GoalError, match="1 components weigh their share of the cost and 1 a num"):
        read(tmp_path, AREAS + other)


def test_the_same_kpi_twice_is_refused(tmp_path):
    other = KPIS[KPIS.index("[components") :].replace("environment", "again")

    with pytest.raises(GoalError, match="N00371 is there twice"):
        read(tmp_path, KPIS + other)


def test_what_is_no_toml_and_a_folder_without_goals_are_refused(tmp_path):
    with pytest.raises(GoalError, match="There is no goal"):
        goals(tmp_path)
    with pytest.raises(GoalError, match="is not TOML"):
        read(tmp_path, "title =")


def test_an_area_that_is_not_there_or_is_not_ranked_is_refused(tmp_path, area_of):
    goal = read(tmp_path, AREAS)

    check_against_areas([goal], [area_of("school", grade="B")])
    with pytest.raises(GoalError, match=r"school: there is no such service area. .* are care"):
        check_against_areas([goal], [area_of("care")])
    with pytest.raises(GoalError, match="school has evidence grade C"):
        check_against_areas([goal], [area_of("school", grade="C")])


def catalogue(title="Miljö", *, kpi="N00371", is_divided_by_gender=True):
    return pl.DataFrame(
        {"kpi": [kpi], "title": [title], "is_divided_by_gender": [is_divided_by_gender]}
    )


def test_kpis_are_checked_by_id_and_title_against_the_catalogue(tmp_path):
    goal = read(tmp_path, KPIS)

    check_against_catalogue([goal], catalogue())
    with pytest.raises(GoalError, match=r"environment \(N00371\) is not in Kolada's catalogue"):
        check_against_catalogue([goal], catalogue(kpi="N00372"))
    with pytest.raises(GoalError, match="has the title 'Luft' at Kolada, but 'Miljö'"):
        check_against_catalogue([goal], catalogue("Luft"))
    with pytest.raises(GoalError, match="has ended"):
        check_against_catalogue([goal], catalogue("Miljö (-2024)"))


def test_a_gap_needs_a_kpi_of_women_and_men(tmp_path):
    text = KPIS.replace('"kpi"\n', '"gender_gap"\nlowest_group_weight = 0.5\n')
    goal = read(tmp_path, text)

    check_against_catalogue([goal], catalogue())
    with pytest.raises(GoalError, match="is not divided by gender"):
        check_against_catalogue([goal], catalogue(is_divided_by_gender=False))


def test_the_kpis_that_goals_need_are_listed_with_their_part(tmp_path):
    frame = goal_kpi_frame([read(tmp_path, AREAS), read(tmp_path, KPIS, "sustainable")])

    assert frame.select("goal", "part", "name", "kpi", "weight").rows() == [
        ("sustainable", "component", "environment", "N00371", 2.0),
        ("whole", "cost_weight", "school", "N15028", None),
        ("whole", "panel", "finance", "N03102", None),
    ]


def test_the_official_goals_are_proposals_with_the_finances_beside_them():
    official = goals()

    assert [goal.name for goal in official] == ["efficiency", "equity", "sustainability"]
    for goal in official:
        finance = next(panel for panel in goal.panels if panel.name == "finance")
        assert {each.kpi for each in finance.measures} == {"N03102", "N03002", "N03106", "N03139"}
        assert goal.standing == "proposal"


@pytest.mark.shared
def test_every_kpi_of_the_official_goals_is_koladas(shared):
    path = shared / "kolada" / "catalogue" / "kpi_2026-03-23_v3.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["values"]
    fields = ("id", "title", "is_divided_by_gender")
    kpi = pl.DataFrame([{name: row[name] for name in fields} for row in rows])

    check_against_catalogue(goals(), kpi.rename({"id": "kpi"}))
