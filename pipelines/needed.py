"""Which KPIs a run reads: those of the service areas, and those that stand beside them."""

from models.goals.goal import goal_kpi_frame, goals
from models.identity import identities
from models.peer_sets.definition import likenesses
from models.rka.recipe import area_recipes
from pipelines.resources import Settings


def needed_kpis(settings: Settings) -> frozenset[str]:
    """Every KPI that a run reads; a run of some areas only reads what these need."""
    of_areas = {kpi for area in settings.service_areas() for kpi in area.kpis}
    if settings.only:
        return frozenset(of_areas)
    beside = {term.kpi for identity in identities() for term in identity.terms}
    beside |= {kpi for recipe in area_recipes() for kpi in recipe.kpis}
    beside |= {variable.kpi for likeness in likenesses() for variable in likeness.variables}
    beside |= set(goal_kpi_frame(goals())["kpi"])
    return frozenset(of_areas | beside)
