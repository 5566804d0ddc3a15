"""Elderly care of the simulated Sweden."""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.indices import elderly_indices, with_indices
from kolada.simulated.model import (
    FEWEST_ANSWERS,
    Dice,
    Performance,
    Series,
    Structure,
    cost,
    gap,
    hidden,
    measure,
    noise,
    published,
    shares,
    split,
)

# The logit of the country.
HOME_CARE = {"U21468": 2.00, "U21504": 3.10, "U21505": 1.80, "U21463": 1.90, "U21461": 1.50}
CARE_HOME = {"U23471": 1.50, "U23520": 2.70, "U23521": 2.00, "U23470": 1.20, "U23467": 1.10}
CONTACT = {"N21497": 0.60}  # who meets the one who is responsible for their care
FIRST_CONTACT = 2022

FIRST_STAFF_SURVEY = 2022  # in the present definition

# The logit of the country, and how many in 1 000 inhabitants of 80 years or more.
MEDICINES = {"U23421": (-2.85, 120.0), "U21426": (-2.55, 220.0)}


def elderly(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what elderly care costs and what the elderly say, and RKA's indices of it."""
    deviation = truth.cost_level + 1.15 * noise(dice, given, "elderly cost")
    gross = 1.12 * np.exp(0.015 * dice.lasting("fees and sales"))
    per_80 = gross * (1 + deviation / 100) * given.elderly_reference
    full_time = 60 + 1.2 * given.since + 2 * truth.ambition + 5 * dice.lasting("full time")
    full_time = full_time + 1.2 * dice.yearly("full time yearly")
    lived = 0.03 * given.sparse
    series = {
        "N20016": published({"T": given.elderly_reference * given.share_80_pct / 100}),
        "N20900": published(
            {"T": np.where(gap(dice, given, "deviation gap", 0.006), np.nan, deviation)},
            decimals=4,
        ),
        "N20048": published(
            {"T": np.where(gap(dice, given, "accounts gap", 0.006), np.nan, per_80)}
        ),
        "N21006": cost(dice, given, "N21006", truth, level=335_000, own=9, luck=4, structure=lived),
        "N23009": cost(dice, given, "N23009", truth, level=1_090_000, own=5, luck=2.5),
        # 85 of 100 employees are women; men work full time more often by 8 percentage points.
        "N20209": published(
            {"T": full_time, "K": full_time - 0.15 * 8, "M": full_time + 0.85 * 8}, decimals=1
        ),
        "U23401": _waiting(dice, given, truth),
    }
    series |= _elder_survey(
        dice, given, truth, "home care", ("N23590", "U23592", "U23593"), 0.130, HOME_CARE | CONTACT
    )
    series |= _elder_survey(
        dice, given, truth, "care home", ("N23591", "U23594", "U23595"), 0.080, CARE_HOME
    )
    series |= _staff(dice, given, truth) | _medicines(dice, given, truth)
    return with_indices(series, elderly_indices)


def _waiting(dice: Dice, given: Structure, truth: Performance) -> Series:
    usual = -0.25 * truth.quality_level + 0.3 * dice.lasting("wait")
    wait = 48 * np.exp(usual + 0.2 * dice.yearly("wait yearly"))
    apart = 0.06 * dice.yearly("wait of women")
    # Who is small or has long waits seldom reports.
    will = 0.85 + 0.4 * given.size - usual + 0.5 * dice.lasting("will to report")
    return published(
        # 62 of 100 who wait are women.
        {"T": wait, "K": wait * (1 + 0.38 * apart), "M": wait * (1 - 0.62 * apart)},
        asked=will + dice.yearly("will this year") > 0,
        decimals=0,
    )


def _elder_survey(
    dice: Dice,
    given: Structure,
    truth: Performance,
    branch: str,
    about: tuple[str, str, str],
    answers_per_80: float,
    items: Mapping[str, float],
) -> dict[str, Series]:
    """Draw what the elderly answer; `about` is the flag, the answers and the response rate."""
    flag, answers, response_rate = about
    aged_80 = given.inhabitants * given.share_80_pct / 100
    turnout = np.exp(0.08 * dice.yearly(f"{branch} turnout"))
    n_answer = split(answers_per_80 * aged_80 * turnout, 0.66)
    few = np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_ANSWERS
    none = n_answer["K"] + n_answer["M"] < FEWEST_ANSWERS
    taken = np.broadcast_to(given.period != 2021, dice.shape)  # Socialstyrelsen held none
    mood = {
        gender: dice.yearly(f"{branch} mood {gender}") / np.sqrt(n)
        for gender, n in n_answer.items()
    }
    n_both = np.where(none, np.nan, n_answer["K"] + n_answer["M"])
    usual = {"home care": 58.0, "care home": 42.0}[branch]
    series = {
        flag: published({"T": none.astype(np.float64)}, asked=taken, decimals=0, has_riket=False),
        answers: published({"T": n_both}, asked=taken, decimals=0),
        response_rate: published(
            {"T": np.where(none, np.nan, np.clip(usual * turnout, 5, 95))}, asked=taken, decimals=0
        ),
    }
    for kpi, middle in items.items():
        logit = middle + 0.3 * truth.quality_level - 0.1 * given.size + 0.12 * dice.lasting(kpi)
        answered = shares(dice, kpi, n_answer, {g: logit + mood[g] for g in "KM"})
        asked = taken & (given.period >= FIRST_CONTACT) if kpi in CONTACT else taken
        # Whole per cent, as Socialstyrelsen publishes them: ties are real.
        series[kpi] = published(hidden(answered, few=few, none=none), asked=asked, decimals=0)
    return series


def _staff(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Assistant nurses among the staff of care homes; fewer on weekends."""
    weekday = 66 + 3 * truth.ambition + 6 * dice.lasting("assistant nurses")
    asked = (given.period >= FIRST_STAFF_SURVEY) & ~gap(dice, given, "staff survey gap", 0.04)
    return {
        kpi: published(
            {"T": measure(dice, given, kpi, weekday - less, own=1.5, luck=3, within=(15, 100))},
            asked=asked,
            decimals=0,
        )
        for kpi, less in (("N23588", 0), ("N23589", 6))
    }


def _medicines(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    aged_80 = given.inhabitants * given.share_80_pct / 100
    series = {}
    for kpi, (middle, in_1000) in MEDICINES.items():
        n = split(in_1000 / 1000 * aged_80, 0.68)
        logit = middle - 0.1 * truth.quality_level - 0.02 * given.since
        logit = logit + 0.15 * dice.lasting(kpi)
        prescribed = shares(dice, kpi, n, {"K": logit + 0.1, "M": logit - 0.1})
        none = n["K"] + n["M"] < FEWEST_ANSWERS
        few = np.minimum(n["K"], n["M"]) < FEWEST_ANSWERS
        series[kpi] = published(hidden(prescribed, few=few, none=none), decimals=1)
    return series
