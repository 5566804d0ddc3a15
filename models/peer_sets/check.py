"""What may not be matched on, and whether a likeness's KPIs are what its file says.

Neighbours of like cost would hide that a cost is high: among them it is ordinary. So a likeness is
looked at beside all service areas, and what any of them compares is refused.
"""

from collections.abc import Iterable

import polars as pl

from models.areas.roles import Role
from models.areas.service_area import Indicator, ServiceArea
from models.definition_file import listed
from models.peer_sets.definition import Likeness, PeerDefinitionError

OUTCOME_ROLES: tuple[Role, ...] = ("cost", "unadjusted_cost", "quality", "guardrail", "control")


def check_no_outcomes(likeness: Likeness, areas: Iterable[ServiceArea]) -> None:
    """Refuse a likeness that matches on what is to be compared.

    An outcome is a cost, a quality, a
    guardrail or a control of any service area, a part that such a value is the sum of, and RKA's
    indices. A KPI that no area uses cannot be judged by this; nor can one that follows from an
    outcome, such as last year's.

    Parameters
    ----------
    likeness : Likeness
        Whose variables are looked at.
    areas : iterable of ServiceArea
        All service areas, not only the one that the likeness is for.

    Raises
    ------
    PeerDefinitionError
        If a variable's KPI is an outcome, with variable, KPI, area, indicator and role; or if the
        likeness is for an area that is not among `areas`.
    """
    areas = sorted(areas, key=lambda area: area.name)
    faults = []
    if likeness.service_area not in (None, *(area.name for area in areas)):
        faults.append(
            f"it is for the service area {likeness.service_area!r}, which there is none of. Name "
            f"one of {', '.join(area.name for area in areas)}, or leave service_area out."
        )
    outcomes = [outcome for area in areas for outcome in _outcomes(area)]
    for variable in likeness.variables:
        for kpi, what in outcomes:
            if kpi == variable.kpi:
                faults.append(
                    f"the variable {variable.name} ({kpi}) is {what}. Match on a condition that "
                    "the municipality has not chosen instead."
                )
    if faults:
        raise PeerDefinitionError(listed(f"the likeness {likeness.name}", faults))


def check_titles(likeness: Likeness, kpi: pl.DataFrame) -> None:
    """Check a likeness's KPIs against Kolada's catalogue: an id counts only with its title.

    Parameters
    ----------
    likeness : Likeness
        Whose variables are looked at.
    kpi : frame with the columns kpi and title
        Kolada's catalogue, one row per KPI.

    Raises
    ------
    PeerDefinitionError
        If a KPI is not in the catalogue, or its title is another.
    """
    titles = dict(kpi.select("kpi", "title").iter_rows())
    faults = [
        f"the variable {each.name} is {each.kpi}, whose title is {titles.get(each.kpi)!r} in the "
        f"catalogue and {each.title!r} here. Correct the id or the title."
        for each in likeness.variables
        if titles.get(each.kpi) != each.title
    ]
    if faults:
        raise PeerDefinitionError(listed(f"the likeness {likeness.name}", faults))


def _outcomes(area: ServiceArea) -> Iterable[tuple[str, str]]:
    """Return the KPIs of an area's outcomes, each with what it is there."""
    for indicator in area.with_role(*OUTCOME_ROLES):
        if indicator.kpi is not None:
            yield indicator.kpi, _described(area, indicator)
        for part in area.indicators:
            if part.name in indicator.sum_of and part.kpi is not None:
                yield part.kpi, f"a part of {_described(area, indicator)}"
    if area.rka is not None:
        for kpi in (area.rka.resource, area.rka.quality, area.rka.efficiency):
            yield kpi, f"RKA's index of {area.name}"


def _described(area: ServiceArea, indicator: Indicator) -> str:
    return f"the {indicator.role} {indicator.name} of {area.name}"
