"""What citizens, employees and companies answer in surveys that a municipality may join or not.

The citizen survey is held from 2021 in the municipalities that want it, and weighted from 2025:
the level is another and the weights cost precision. A published margin is 1.96 standard errors
of the share beside it, so that it and the noise say the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from kolada.simulated.model import (
    BoolArray,
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    logistic,
    published,
    reporting,
    shares,
    split,
)

FIRST_CITIZEN_SURVEY = 2021
FIRST_WEIGHTED = 2025
WEIGHTED_LEVEL = -0.12  # on the logit
WEIGHTED_VARIANCE = 1.3  # times that of a sample without weights

FEWEST_EMPLOYEES = 10
FEWEST_COMPANIES = 20
FIRST_INSIKT_TOTAL = 2024  # the present definition


@dataclass(frozen=True, slots=True)
class Question:
    """One question to citizens."""

    margin: str | None  # the KPI of its margin of error
    area: str  # the service it is about
    middle: float  # the logit of the country
    opinion: float  # share of those who answer who have one


WHOLE = "whole"  # every service area together

QUESTIONS = {
    "N00530": Question("U01530", "preschool", 1.7, 0.55),
    "N00531": Question("U01531", "compulsory_school", 1.1, 0.6),
    "N00532": Question("U01672", "upper_secondary_school", 1.25, 0.5),
    "N00533": Question("U01533", "elderly_care", 0.4, 0.5),
    "N00534": Question("U01534", "adult_education", 1.4, 0.35),
    "N00535": Question("U01673", "disability_services", 0.75, 0.35),
    "N00536": Question("U01536", "social_services", 0.0, 0.4),
    "N00586": Question(None, "culture", 2.3, 0.8),
    "N00591": Question("U01591", "leisure", -0.7, 0.75),
    "N00593": Question("U01593", "culture", 0.5, 0.9),
    "N00595": Question("U01595", "leisure", 1.4, 0.75),
    "N00596": Question("U01596", "leisure", 1.4, 0.8),
    "N00600": Question("U01600", "streets_and_parks", 0.3, 0.95),
    "N00601": Question(None, "streets_and_parks", 0.5, 0.95),
    "N00602": Question("U01602", "streets_and_parks", 0.65, 0.93),
    "N00605": Question("U01605", "streets_and_parks", 1.05, 0.95),
    "N00629": Question("U01629", "rescue_service", 2.9, 0.7),
    "N00640": Question("U01640", "administration", 1.1, 0.55),
    "N00647": Question("U01647", "administration", 0.3, 0.6),
    "N00661": Question("U01661", "administration", -0.5, 0.75),
    "N00667": Question("U01667", WHOLE, 2.0, 0.98),
    "N00668": Question("U01668", WHOLE, 0.35, 0.85),
    "N00670": Question("U01670", WHOLE, 0.5, 0.95),
}
# Means of several questions.
COMPOSITES = {
    "U00587": ("N00586", "N00593"),
    "U00588": ("N00591", "N00595", "N00596"),
    "U07505": ("N00600", "N00601", "N00602", "N00605"),
}

# The service, its employees in 1 000 inhabitants, and the share of them who are women.
ENGAGEMENT = {
    "U11200": ("preschool", 12.0, 0.95),
    "U15200": ("compulsory_school", 20.0, 0.78),
    "U21200": ("elderly_care", 8.0, 0.88),
    "U23200": ("elderly_care", 12.0, 0.88),
    "U25200": ("disability_services", 8.0, 0.78),
    "U00200": (WHOLE, 70.0, 0.78),
}

# The service, the index of the country, and the share of the companies who met this authority.
COMPANIES = {
    "U07446": ("rescue_service", 80.0, 0.18),
    "U07447": ("planning_and_building", 68.0, 0.22),
    "U07449": ("environment_and_health", 72.0, 0.24),
    "U07455": ("environment_and_health", 77.0, 0.26),
    "U07459": ("business_climate", 70.0, 0.22),
}


def of_whole(truth: Mapping[str, Performance]) -> FloatArray:
    """Return the quality of all services together, as a standard normal number."""
    levels = [one.quality_level for one in truth.values()]
    together: FloatArray = np.sum(levels, axis=0) / np.sqrt(len(levels))
    return together


@dataclass(frozen=True, slots=True)
class CitizenSurvey:
    """What is published, and the per cent of all citizens that it estimates."""

    series: Mapping[str, Series]
    true_pct: Mapping[str, FloatArray]
    asked: BoolArray


def citizen_survey(dice: Dice, given: Structure, truth: Mapping[str, Performance]) -> CitizenSurvey:
    """Draw what citizens answer, with margins of error, where the municipality took part."""
    asked = reporting(dice, given, "citizen survey", will=0.42)
    asked = asked & (given.period >= FIRST_CITIZEN_SURVEY)
    sample = np.minimum(1_200, 0.15 * given.inhabitants)
    n_answer = np.round(sample * 0.36 * np.exp(0.1 * dice.yearly("citizens answering")))
    is_weighted = given.period >= FIRST_WEIGHTED
    effective = n_answer / np.where(is_weighted, WEIGHTED_VARIANCE, 1.0)
    content = 0.12 * dice.lasting("content citizens") + WEIGHTED_LEVEL * is_weighted
    series = {"N00528": published({"T": n_answer}, asked=asked, decimals=0, has_riket=False)}
    true_pct = {}
    for kpi, question in QUESTIONS.items():
        about = of_whole(truth) if question.area == WHOLE else truth[question.area].quality_level
        logit = question.middle + 0.25 * about + content + 0.12 * dice.lasting(kpi)
        logit_of = {"K": logit + 0.04, "M": logit - 0.04}
        n = split(effective * question.opinion, 0.52)
        said = shares(dice, kpi, n, logit_of)
        series[kpi] = published(said, asked=asked, decimals=1)
        n_both = {**n, "T": n["K"] + n["M"]}
        if question.margin:
            series[question.margin] = published(
                {gender: _margin(said[gender], n_both[gender]) for gender in said},
                asked=asked,
                decimals=1,
                has_riket=False,
            )
        yes = {gender: n[gender] * logistic(logit_of[gender]) for gender in "KM"}
        true_pct[kpi] = 100 * (yes["K"] + yes["M"]) / n_both["T"]
    for kpi, parts in COMPOSITES.items():
        mean = {
            gender: np.mean([series[part].by_gender[gender] for part in parts], axis=0)
            for gender in "TKM"
        }
        # Means of rounded shares: the total may fall beside both of its genders.
        mean["T"] = np.clip(
            mean["T"], np.minimum(mean["K"], mean["M"]), np.maximum(mean["K"], mean["M"])
        )
        series[kpi] = published(mean, asked=asked, decimals=1)
    return CitizenSurvey(series, true_pct, asked)


def engagement(dice: Dice, given: Structure, truth: Mapping[str, Performance]) -> dict[str, Series]:
    """Draw how engaged employees say they are, on 0 to 100, where it is asked."""
    series = {}
    for kpi, (area, in_1000, women) in ENGAGEMENT.items():
        about = of_whole(truth) if area == WHOLE else truth[area].quality_level
        n_answer = split(0.7 * in_1000 / 1000 * given.inhabitants, women)
        usual = 79 + 0.8 * about + 1.6 * dice.lasting(f"{kpi} own")
        index = {
            gender: usual + more + 14 / np.sqrt(n_answer[gender]) * dice.yearly(f"{kpi} {gender}")
            for gender, more in (("K", 0.3), ("M", -0.9))
        }
        weight = n_answer["K"] / (n_answer["K"] + n_answer["M"])
        index["T"] = weight * index["K"] + (1 - weight) * index["M"]
        few = np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_EMPLOYEES
        told = {
            gender: np.where(few & (gender != "T"), np.nan, np.clip(values, 40, 100))
            for gender, values in index.items()
        }
        asked = reporting(dice, given, "employee survey", will=0.3)
        series[kpi] = published(told, asked=asked, decimals=0)
    return series | {"U00207": _latest(series["U00200"])}


def companies(dice: Dice, given: Structure, truth: Mapping[str, Performance]) -> dict[str, Series]:
    """Draw what companies say of the authorities they met, on 0 to 100."""
    asked = reporting(dice, given, "Insikt", will=0.6)
    rate = np.clip(0.55 + 0.06 * dice.yearly("companies answering"), 0.25, 0.85)
    n_company = np.round(1.1 * given.inhabitants**0.55 * rate)
    series = {}
    for kpi, (area, middle, part) in COMPANIES.items():
        n = part * n_company
        index = middle + 3.5 * truth[area].quality_level + 2.0 * dice.lasting(f"{kpi} own")
        told = np.clip(index + 22 / np.sqrt(n.clip(1)) * dice.yearly(kpi), 0, 100)
        few = n < FEWEST_COMPANIES
        series[kpi] = published({"T": np.where(few, np.nan, told)}, asked=asked, decimals=0)
    new = asked & (given.period >= FIRST_INSIKT_TOTAL)
    few = n_company < FEWEST_COMPANIES
    usual = 71 + 3.0 * truth["business_climate"].quality_level + 1.5 * dice.lasting("U07453 own")
    total = np.clip(usual + 22 / np.sqrt(n_company) * dice.yearly("U07453"), 0, 100)
    return series | {
        "U07453": published({"T": np.where(few, np.nan, total)}, asked=new, decimals=0),
        "U07553": published({"T": np.where(few, np.nan, 100 * rate)}, asked=new, decimals=0),
        "U07554": published(
            {"T": np.where(few, np.nan, n_company)}, asked=new, decimals=0, has_riket=False
        ),
    }


def _margin(per_cent: FloatArray, n: FloatArray) -> FloatArray:
    margin: FloatArray = 1.96 * np.sqrt(per_cent * (100 - per_cent) / n)
    return margin


def _latest(index: Series) -> Series:
    """The latest of this period and the two before it."""
    known = index.asked
    values = {gender: of.copy() for gender, of in index.by_gender.items()}
    asked = known.copy()
    for back in (1, 2):
        fill = np.zeros_like(known)
        fill[back:] = known[:-back] & ~asked[back:]
        for gender, of in values.items():
            of[fill] = np.roll(index.by_gender[gender], back, axis=0)[fill]
        asked = asked | fill
    return Series(values, asked)
