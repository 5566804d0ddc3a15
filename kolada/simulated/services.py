"""Every service area of the simulated Sweden, drawn from its truth and put together."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kolada.simulated.care import elderly
from kolada.simulated.community import community, rescue_leader, shared
from kolada.simulated.education import (
    leisure_centre,
    preschool,
    pupils,
    school,
    school_results,
)
from kolada.simulated.model import (
    COST_SPREAD_PCT,
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    performance,
)
from kolada.simulated.net_cost import deviations, family_care, net_costs
from kolada.simulated.opinion import CitizenSurvey, citizen_survey, companies, engagement
from kolada.simulated.people import population
from kolada.simulated.secondary import adult_education, upper_secondary
from kolada.simulated.social import (
    child_welfare,
    disability_services,
    income_support,
    labour_market,
    social_services,
)
from kolada.simulated.whole import administration, guardianship, whole


@dataclass(frozen=True, slots=True)
class Services:
    """What is published of every municipality, and what its schools are drawn around."""

    series: Mapping[str, Series]
    survey: CitizenSurvey
    n_pupil: Mapping[str, FloatArray]  # year 9, by gender
    results: Mapping[str, Mapping[str, FloatArray]]  # year 9, by KPI and gender; nothing hidden


def truths(dice: Dice, given: Structure) -> dict[str, Performance]:
    """Draw the truth of every service area; a rescue union has one."""
    truth = {area: performance(dice, area) for area in COST_SPREAD_PCT}
    return truth | {"rescue_service": shared(truth["rescue_service"], rescue_leader(dice, given))}


def services(dice: Dice, given: Structure, truth: Mapping[str, Performance]) -> Services:
    """Draw every KPI."""
    n_pupil = pupils(dice, given)
    results = school_results(dice, given, truth["compulsory_school"], n_pupil)
    survey = citizen_survey(dice, given, truth)
    series = population(dice, given)
    series |= school(dice, given, truth["compulsory_school"], n_pupil, results)
    series |= elderly(dice, given, truth["elderly_care"])
    series |= deviations(dice, given, truth)
    series |= preschool(dice, given, truth["preschool"], series["N11024"])
    series |= leisure_centre(dice, given, truth["leisure_centre"])
    series |= upper_secondary(
        dice,
        given,
        truth["upper_secondary_school"],
        {kpi: series[kpi] for kpi in ("N15820", "N15818")},
    )
    series |= adult_education(dice, given, truth["adult_education"])
    series |= disability_services(dice, given, truth["disability_services"], series["N28018"])
    series |= social_services(dice, given, truth["social_services"])
    series |= income_support(dice, given, truth["income_support"])
    series |= child_welfare(dice, given, truth["child_welfare"])
    series |= labour_market(dice, given, truth["labour_market"])
    series |= community(dice, given, truth)
    series |= administration(dice, given, truth["administration"])
    series |= guardianship(dice, given, truth["guardianship"])
    series |= whole(dice, given)
    series |= survey.series
    series |= engagement(dice, given, truth) | companies(dice, given, truth)
    series |= net_costs(given, series)
    series |= family_care(dice, given, series)
    return Services(series, survey, n_pupil, results)


def peer_conditions(given: Structure, series: Mapping[str, Series]) -> dict[str, FloatArray]:
    """Return what the peers of each kind are alike in, in the last period.

    Most are of a size and an expected cost; of the kind of income support only the latter.
    """
    size = given.size

    def expected(kpi: str) -> FloatArray:
        known: FloatArray = np.log(series[kpi].by_gender["T"][-1])
        return known

    lived = [given.urban_pct, given.share_80_pct[-1], given.educated_pct[-1]]
    foreign, jobless = given.foreign_pct[-1], given.unemployed_pct[-1]
    alike = {
        "grundskola": [size, np.log(given.school_reference[-1])],
        "äldreomsorg": [size, np.log(given.elderly_reference[-1] * given.share_80_pct[-1])],
        "övergripande": [size, *lived, foreign],
        "förskola": [size, expected("N11025")],
        "fritidshem": [size, expected("N13021")],
        "gymnasieskola": [size, expected("N17016")],
        "LSS": [size, expected("N28026")],
        "IFO": [size, expected("N30007")],
        "ekonomiskt bistånd": [expected("U31004")],
        "arbetsmarknad": [size, jobless, given.educated_pct[-1]],
        "räddningstjänst": [size, given.urban_pct],
        "socioekonomi": [*lived[1:], foreign, jobless],
    }
    return {kind: np.column_stack(conditions) for kind, conditions in alike.items()}
