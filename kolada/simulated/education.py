"""Preschool, leisure centres and compulsory school of the simulated Sweden."""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.indices import preschool_indices, school_indices, survey_index, with_indices
from kolada.simulated.model import (
    FEWEST_ANSWERS,
    FEWEST_PUPILS,
    BoolArray,
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    cost,
    gap,
    genders,
    hidden,
    measure,
    noise,
    published,
    reporting,
    share,
    shares,
    split,
    standardised,
)

# The logit of the country, its slope in the cohort's level, and what girls have above it.
GRADE_SHARES = {
    "N15419": (1.05, 0.35, 0.18),
    "N15561": (1.40, 0.35, 0.18),
    "N15436": (1.95, 0.37, 0.15),
}
# Of all who live in the municipality: its own school and others'.
HOME_SHARES = {"N15508": (1.10, 0.33, 0.18), "N15428": (2.00, 0.35, 0.15)}
YEAR_6_SHARES = {"N15540": (1.10, 0.28, 0.14)}
YEAR_3_SHARES = {"N15452": (1.00, 0.28, 0.16), "N15454": (0.75, 0.28, 0.0)}
WITHOUT_NATIONAL_TESTS = (2020, 2021)  # of year 3; the pandemic

N_QUESTION = 11  # of the pupil survey in RKA's index
FIRST_SURVEY = 2022  # in the present wording
INDEX_PERIODS = (2018, 2020)  # before that, once for each two-year round


def preschool(
    dice: Dice, given: Structure, truth: Performance, deviation: Series
) -> dict[str, Series]:
    """Draw what preschool costs and has, and RKA's indices of it; `deviation` is N11024."""
    per_child = 0.02 * given.sparse + 0.04 * dice.lasting("preschool reference")
    reference = 165_000 * np.exp(0.034 * given.since + per_child)
    licensed = 40 + 4 * truth.quality_level - 2 * standardised(given.foreign_pct)
    licensed = measure(dice, given, "N11810", licensed, own=6, luck=2.0, within=(8, 85))
    degree = licensed + 2.5 + 1.5 * np.abs(dice.yearly("N11043 beside"))
    enrolled = 87.5 + 0.3 * given.since + 1.2 * truth.quality_level
    enrolled = measure(dice, given, "N11800", enrolled, own=2.2, luck=1.2, within=(60, 112))
    staffing = -0.5 * truth.cost_level / 100 + 0.04 * dice.lasting("children per employee")
    children = 5.1 * np.exp(staffing + 0.02 * noise(dice, given, "N11010"))
    group = 14.6 - 0.3 * truth.quality_level - 0.08 * given.since
    n_teacher = 0.004 * given.inhabitants * np.exp(0.1 * dice.yearly("preschool teachers"))
    goals = 1.4 + 0.3 * truth.quality_level + 0.15 * dice.lasting("U11531")
    asked = (given.period >= 2023) & turn(dice, given)
    series = {
        "N11024": deviation,
        "N11025": published({"T": reference * given.preschool_age_pct / 100}, decimals=0),
        "N11032": cost(
            dice, given, "N11032", truth, level=178_000, growth=0.034, structure=per_child
        ),
        "N11008": cost(
            dice, given, "N11008", truth,
            level=174_000, growth=0.034, share=0.85, own=2, structure=per_child,
        ),
        "N11810": published({"T": licensed}, decimals=1),
        "N11043": published({"T": degree}, decimals=1),
        "N11800": published({"T": enrolled}, decimals=1),
        "N11010": published({"T": children}, decimals=1),
        "N11703": published(
            {"T": measure(dice, given, "N11703", group, own=1.0, luck=0.5, within=(8, 22))},
            asked=~gap(dice, given, "N11703 gap", 0.02),
            decimals=1,
        ),
        "U11531": published(
            {"T": np.where(n_teacher < 10, np.nan, share(dice, "U11531", n_teacher, goals))},
            asked=asked,
            decimals=0,
        ),
    }  # fmt: skip
    return with_indices(series, preschool_indices)


def leisure_centre(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what leisure centres cost and have."""
    lived = 0.12 * standardised(given.urban_pct) + 0.06 * dice.lasting("leisure centre reference")
    age = given.school_age_pct / given.school_age_pct.mean(axis=1, keepdims=True)
    educated = 33 + 4 * truth.quality_level + 2 * truth.ambition
    return {
        "N13021": published({"T": 1_750 * np.exp(0.032 * given.since + lived) * age}, decimals=0),
        "N13028": cost(dice, given, "N13028", truth, level=48_000, own=4, luck=3),
        "N13008": cost(dice, given, "N13008", truth, level=47_000, share=0.9, own=4, luck=3),
        "N13037": published(
            {"T": measure(dice, given, "N13037", educated, own=8, luck=3.5, within=(0, 85))},
            decimals=1,
        ),
    }


def pupils(dice: Dice, given: Structure) -> dict[str, FloatArray]:
    """Draw how many girls and boys there are in year 9 of the municipality's own schools."""
    own_schools = np.clip(0.9 - 0.06 * given.size + 0.04 * dice.lasting("own schools"), 0.6, 1)
    cohort = 0.011 * given.inhabitants * own_schools * np.exp(0.05 * dice.yearly("cohort"))
    return split(cohort, 0.488)


def school(
    dice: Dice,
    given: Structure,
    truth: Performance,
    n_pupil: Mapping[str, FloatArray],
    results: Mapping[str, Mapping[str, FloatArray]],
) -> dict[str, Series]:
    """Draw what compulsory school costs and has beside its `results`, and RKA's indices of it."""
    reference = given.school_reference
    ratio = reference / reference.mean(axis=1, keepdims=True)
    inflation = np.exp(0.034 * given.since)
    per_pupil = np.exp((truth.cost_level + 2.0 * noise(dice, given, "school cost")) / 100)
    adjusted = np.where(
        gap(dice, given, "school cost gap", 0.008), np.nan, 131_000 * inflation * per_pupil
    )
    grants = 8_000 * inflation * np.exp(0.15 * dice.lasting("state grants"))
    educated = standardised(given.educated_pct)
    licensed = 70 + 4 * educated + 2 * truth.ambition + 5 * dice.lasting("licensed")
    staffing = 0.06 * dice.lasting("staffing") + 0.03 * dice.yearly("staffing yearly")
    turnover = 9.5 - 0.6 * truth.quality_level
    series = {
        "U15049": published({"T": adjusted}),
        "N15060": published({"T": adjusted * ratio + grants}),
        "U15041": published({"T": 1 / ratio}),
        "N15018": published({"T": reference * given.school_age_pct / 100}),
        "N15027": cost(
            dice, given, "N15027", truth,
            level=134_000, growth=0.034, share=0.85, own=1.5, structure=np.log(ratio),
        ),
        "N15820": published({"T": given.educated_pct}, decimals=0),
        "N15818": published({"T": given.foreign_pct}),
        "N15814": published(
            {"T": np.clip(licensed + 3 * dice.yearly("licensed yearly"), 25, 98)},
            asked=~gap(dice, given, "licensed gap", 0.003),
        ),
        "N15034": published(
            {"T": 11.9 * np.exp(staffing - 0.5 * truth.cost_level / 100) / np.sqrt(ratio)}
        ),
        "N15216": published(
            genders(
                measure(dice, given, "N15216", turnover, own=2.0, luck=0.8, within=(1.5, 30)),
                women=0.76,
                ahead=-1.0,
            ),
            asked=reporting(dice, given, "N15216", will=0.3),
            decimals=1,
        ),
    }  # fmt: skip

    none = gap(dice, given, "grades gap", 0.004)
    few = np.minimum(n_pupil["K"], n_pupil["M"]) < FEWEST_PUPILS
    series |= {
        kpi: published(hidden(by_gender, few=few, none=none), decimals=1)
        for kpi, by_gender in results.items()
    }
    series |= _other_results(dice, given, truth, n_pupil)
    series["N15643"] = _pupil_survey(dice, given, n_pupil, truth, "N15643", "safe", 0.8)
    series["N15613"] = _pupil_survey(dice, given, n_pupil, truth, "N15613", "safe in year 5", 0.85)
    series["U15402"] = survey_index_of(dice, given, truth, n_pupil, "U15402")
    return with_indices(series, school_indices)


def school_results(
    dice: Dice, given: Structure, truth: Performance, n_pupil: Mapping[str, FloatArray]
) -> dict[str, dict[str, FloatArray]]:
    """Draw the results of year 9 by KPI and gender, before any is rounded or hidden."""
    level_of = _levels(dice, given, truth, n_pupil, "cohort luck")
    merit = {
        gender: 222 + girls + 12 * level_of[gender] + 30 / np.sqrt(n_pupil[gender]) * luck
        for gender, girls, luck in (
            ("K", 14, dice.yearly("merit K")),
            ("M", -14, dice.yearly("merit M")),
        )
    }
    weight = n_pupil["K"] / (n_pupil["K"] + n_pupil["M"])
    values = {"N15505": merit | {"T": weight * merit["K"] + (1 - weight) * merit["M"]}}
    for kpi, shape in GRADE_SHARES.items():
        values[kpi] = shares(dice, kpi, n_pupil, _logits(shape, level_of))
    return values


def turn(dice: Dice, given: Structure) -> BoolArray:
    """Return who is asked by the pupil survey this period: every municipality every second."""
    in_odd_periods = dice.stream("pupil survey").random(dice.shape[1]) < 0.5
    its_turn: BoolArray = given.period % 2 == in_odd_periods
    return its_turn


def survey_index_of(
    dice: Dice,
    given: Structure,
    truth: Performance,
    n_pupil: Mapping[str, FloatArray],
    kpi: str,
    *,
    among: BoolArray | bool = True,
) -> Series:
    """Draw the eleven questions of the pupil survey and return RKA's index of them."""
    n_answer = 0.8 * (n_pupil["K"] + n_pupil["M"])
    lasting = dice.stream(f"{kpi} questions").normal(size=(N_QUESTION, dice.shape[1]))
    logit = 1.2 + 0.2 * truth.quality_level + 0.15 * lasting[:, None, :]
    known = among & turn(dice, given) & (n_answer >= FEWEST_ANSWERS)
    answers = [
        np.where(known, share(dice, f"{kpi} question {i}", n_answer, each), np.nan)
        for i, each in enumerate(logit)
    ]
    index = survey_index(answers)
    told = (given.period >= FIRST_SURVEY) | np.isin(given.period, INDEX_PERIODS)
    return published({"T": index}, asked=told & np.isfinite(index), has_riket=False)


def _levels(
    dice: Dice,
    given: Structure,
    truth: Performance,
    n_pupil: Mapping[str, FloatArray],
    luck_of: str,
) -> dict[str, FloatArray]:
    expected = 0.75 * standardised(given.educated_pct) - 0.25 * standardised(given.foreign_pct)
    expected = expected + 0.25 * dice.country("year of grades")
    level = expected + 0.6 * truth.quality_level
    luck = {
        gender: np.sqrt(0.25**2 + 25 / n) * dice.yearly(f"{luck_of} {gender}")
        for gender, n in n_pupil.items()
    }
    return {gender: level + luck[gender] for gender in "KM"}


def _logits(
    shape: tuple[float, float, float], level_of: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    middle, slope, girls = shape
    return {
        "K": middle + girls + slope * level_of["K"],
        "M": middle - girls + slope * level_of["M"],
    }


def _other_results(
    dice: Dice, given: Structure, truth: Performance, n_pupil: Mapping[str, FloatArray]
) -> dict[str, Series]:
    """Results of everyone in year 9 who lives here, and of the own schools' years 6 and 3."""
    few = np.minimum(n_pupil["K"], n_pupil["M"]) < FEWEST_PUPILS
    none = n_pupil["K"] + n_pupil["M"] < FEWEST_PUPILS
    everyone = split(0.0112 * given.inhabitants, 0.488)
    cohorts = [
        (HOME_SHARES, everyone, "cohort luck"),
        (YEAR_6_SHARES, n_pupil, "year 6 luck"),
        (YEAR_3_SHARES, n_pupil, "year 3 luck"),
    ]
    series = {}
    for items, n, luck_of in cohorts:
        level_of = _levels(dice, given, truth, n, luck_of)
        for kpi, shape in items.items():
            values = shares(dice, kpi, n, _logits(shape, level_of))
            tested = (kpi not in YEAR_3_SHARES) | ~np.isin(given.period, WITHOUT_NATIONAL_TESTS)
            series[kpi] = published(hidden(values, few=few, none=none), asked=tested, decimals=1)
    return series


def _pupil_survey(
    dice: Dice,
    given: Structure,
    n_pupil: Mapping[str, FloatArray],
    truth: Performance,
    kpi: str,
    own: str,
    answering: float,
) -> Series:
    n_answer = {gender: np.ceil(answering * n) for gender, n in n_pupil.items()}
    safe = 0.2 * truth.quality_level + 0.15 * dice.lasting(own)
    values = hidden(
        shares(dice, kpi, n_answer, {"K": 1.25 + safe, "M": 1.55 + safe}),
        few=np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_PUPILS,
        none=n_answer["K"] + n_answer["M"] < FEWEST_ANSWERS,
    )
    return published(values, asked=(given.period >= FIRST_SURVEY) & turn(dice, given), decimals=1)
