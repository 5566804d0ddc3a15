"""models -> mart.*: the whole municipality by its goals, and whether a change is a cut."""

import dagster as dg

from models.change.gender_gap import gap_changes
from models.change.guardrail import change_threshold
from models.change.label import change_labels
from models.contracts.definitions import GoalKpiTable, GoalTable
from models.contracts.whole import (
    ChangeLabel,
    GenderGapChange,
    GoalBeside,
    GoalComponent,
    GoalScore,
    GuardrailChange,
)
from models.goals.goal import goal_frame, goal_kpi_frame, goals
from models.goals.score import beside_values, goal_scores
from models.rank.area_draws import area_draws
from models.rank.error_budget import revision_variance
from pipelines.assets.several_tables import specs, written
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse

PUBLISH = "publish"
FALSE_CHANGES = 0.1  # of those who have not changed; what is told of them is wrong


@dg.multi_asset(
    specs=specs(
        {
            "goal": "What the whole municipality is judged by; one row per goal.",
            "goal_kpi": "What a goal scores, weighs by or shows; one row per goal and KPI.",
        },
        deps=[],
        schema="staging",
    )
)
def goal_tables(warehouse: dg.ResourceParam[Warehouse]):
    """The goals by their files."""
    found = goals()

    yield from written(
        warehouse,
        {"goal": (GoalTable, goal_frame(found)), "goal_kpi": (GoalKpiTable, goal_kpi_frame(found))},
        schema="staging",
    )


@dg.multi_asset(
    specs=specs(
        {
            "goal_score": "The whole municipality by each goal; one row per goal, period and "
            "municipality.",
            "goal_component": "What the score is made of; one row per goal, period, municipality "
            "and part.",
            "goal_beside": "What is shown beside the score and never in it; one row per goal, "
            "panel, period, municipality and KPI.",
        },
        deps=[["mart", "index"], ["mart", "panel"], ["mart", "settled_value"],
              ["mart", "suitability"], ["staging", "observation"], ["staging", "municipality"],
              ["staging", "goal"]],
    )
)  # fmt: skip
def whole(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """The whole municipality by every goal, of the areas and years that may be published."""
    found, areas = goals(), settings.service_areas()
    may_publish = warehouse.read("mart.suitability").filter(verdict=PUBLISH)
    observation = warehouse.read("staging.observation")
    municipalities = warehouse.read("staging.municipality")["municipality"].to_list()
    index, panel = warehouse.read("mart.index"), warehouse.read("mart.panel")
    index = index.join(may_publish, on=["service_area", "period"], how="semi")
    newest = sorted(panel["period"].unique())[-2:]

    drawn = area_draws(
        panel, areas, revisions=revision_variance(warehouse.read("mart.settled_value")),
        periods=newest, draws=settings.draws,
    )  # fmt: skip
    scores = goal_scores(
        found, index=index, observation=observation, municipalities=municipalities, draws=drawn
    )
    beside = beside_values(found, observation=observation, municipalities=municipalities)

    yield from written(
        warehouse,
        {
            "goal_score": (GoalScore, scores.score),
            "goal_component": (GoalComponent, scores.component),
            "goal_beside": (GoalBeside, beside),
        },
    )


@dg.multi_asset(
    specs=specs(
        {
            "change_label": "Efficiency or a possible cut; one row per service area, pair of "
            "periods and municipality.",
            "guardrail_change": "How each guardrail has changed; one row per service area, pair "
            "of periods, municipality and guardrail.",
            "gender_gap_change": "Whether women and men have moved apart; one row per service "
            "area, pair of periods, municipality and indicator.",
        },
        deps=[["mart", "panel"], ["staging", "observation"], ["staging", "municipality"]],
    )
)
def changes(settings: dg.ResourceParam[Settings], warehouse: dg.ResourceParam[Warehouse]):
    """What has happened from year to year, beyond noise."""
    areas = settings.service_areas()
    most = max(len(area.with_role("guardrail")) for area in areas)
    threshold = change_threshold(FALSE_CHANGES, n_guardrail=most)
    municipalities = warehouse.read("staging.municipality")["municipality"].to_list()

    labelled = change_labels(warehouse.read("mart.panel"), areas, threshold=threshold)
    gaps = gap_changes(
        warehouse.read("staging.observation"), areas, municipalities, threshold=threshold
    )

    yield from written(
        warehouse,
        {
            "change_label": (ChangeLabel, labelled.label),
            "guardrail_change": (GuardrailChange, labelled.guardrail),
            "gender_gap_change": (GenderGapChange, gaps),
        },
        metadata={"threshold_sd": threshold},
    )


whole_assets = [goal_tables, whole, changes]
