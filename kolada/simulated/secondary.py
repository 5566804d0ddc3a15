"""Upper secondary school and adult education of the simulated Sweden."""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.education import FIRST_SURVEY, survey_index_of, turn
from kolada.simulated.indices import upper_secondary_indices, with_indices
from kolada.simulated.model import (
    FEWEST_ANSWERS,
    FEWEST_PUPILS,
    BoolArray,
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    before_last,
    cost,
    hidden,
    measure,
    noise,
    published,
    share,
    shares,
    split,
    standardised,
)

WITHOUT_OWN_SCHOOL = 40  # municipalities that buy upper secondary school of others

# The logit of the country and its slope in the level of those who leave.
DEGREES = {"N17467": (1.05, 0.3), "N17451": (0.75, 0.3)}


def has_own_school(dice: Dice, given: Structure) -> BoolArray:
    """Return who has an upper secondary school of its own: most often the large."""
    reason = given.size + 0.5 * dice.lasting("own upper secondary school")
    own: BoolArray = reason > np.sort(reason)[WITHOUT_OWN_SCHOOL - 1]
    return own


def upper_secondary(
    dice: Dice, given: Structure, truth: Performance, background: Mapping[str, Series]
) -> dict[str, Series]:
    """Draw what upper secondary school costs and achieves, and RKA's indices of it.

    `background` has N15820 and N15818, from which RKA's model value is estimated.
    """
    own = has_own_school(dice, given)
    trip = 0.04 * given.sparse + 0.03 * dice.lasting("upper secondary reference")
    educated, foreign = standardised(given.educated_pct), standardised(given.foreign_pct)
    n_home = split(0.0095 * given.inhabitants * np.exp(0.06 * dice.yearly("leavers")), 0.49)
    n_own = {gender: np.ceil(0.75 * n) for gender, n in n_home.items()}
    expected = 0.5 * educated - 0.5 * foreign + 0.6 * truth.quality_level
    level = {
        gender: expected + girls + np.sqrt(0.2**2 + 20 / n) * dice.yearly(f"leavers {gender}")
        for gender, n, girls in (("K", n_own["K"], 0.35), ("M", n_own["M"], -0.35))
    }
    few = np.minimum(n_own["K"], n_own["M"]) < FEWEST_PUPILS
    none = n_own["K"] + n_own["M"] < FEWEST_PUPILS
    points = {
        gender: 14.2 + 0.28 * level[gender] + 1.9 / np.sqrt(n_own[gender]) * dice.yearly(name)
        for gender, name in (("K", "points K"), ("M", "points M"))
    }
    weight = n_own["K"] / (n_own["K"] + n_own["M"])
    points["T"] = weight * points["K"] + (1 - weight) * points["M"]
    settled = {gender: 0.55 + 0.15 * of for gender, of in level.items()}
    staffing = -0.5 * truth.cost_level / 100 + 0.07 * dice.lasting("students per teacher")
    licensed = 83 + 1.5 * educated + 1.0 * truth.quality_level
    series = {
        "N17016": published({"T": 5_250 * np.exp(0.034 * given.since + trip)}, decimals=0),
        "U17031": cost(
            dice, given, "U17031", truth, level=138_000, growth=0.034, luck=2.5, asked=own
        ),
        "N17005": cost(
            dice, given, "N17005", truth,
            level=146_000, growth=0.034, share=0.8, own=2, structure=trip,
        ),
        "N17457": published(
            hidden(
                shares(
                    dice, "N17457", n_home, {g: 1.85 + 0.25 * of for g, of in level.items()}
                ),
                few=few,
                none=none,
            ),
            decimals=1,
        ),
        "N17691": published(hidden(points, few=few, none=none), asked=own, decimals=1),
        "N18621": published(
            hidden(shares(dice, "N18621", n_own, settled), few=few, none=none),
            asked=own & before_last(given),
            decimals=1,
        ),
        "N17826": published(
            {"T": measure(dice, given, "N17826", licensed, own=3.5, luck=2.5, within=(45, 100))},
            asked=own,
            decimals=1,
        ),
        "N17817": published(
            {"T": 12.2 * np.exp(staffing + 0.04 * noise(dice, given, "N17817"))},
            asked=own,
            decimals=1,
        ),
        "N17673": _safe(dice, given, truth, n_own, own),
        "U17508": survey_index_of(dice, given, truth, n_own, "U17508", among=own),
    }  # fmt: skip
    for kpi, (middle, slope) in DEGREES.items():
        logit = {gender: middle + slope * of for gender, of in level.items()}
        values = hidden(shares(dice, kpi, n_own, logit), few=few, none=none)
        series[kpi] = published(values, asked=own, decimals=1)
    known = with_indices({**background, **series}, upper_secondary_indices)
    return {kpi: one for kpi, one in known.items() if kpi not in background}


def _safe(
    dice: Dice,
    given: Structure,
    truth: Performance,
    n_pupil: Mapping[str, FloatArray],
    own: BoolArray,
) -> Series:
    n_answer = {gender: np.ceil(0.7 * n) for gender, n in n_pupil.items()}
    safe = 0.2 * truth.quality_level + 0.15 * dice.lasting("safe in upper secondary school")
    values = hidden(
        shares(dice, "N17673", n_answer, {"K": 1.65 + safe, "M": 1.95 + safe}),
        few=np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_PUPILS,
        none=n_answer["K"] + n_answer["M"] < FEWEST_ANSWERS,
    )
    asked = own & (given.period >= FIRST_SURVEY) & turn(dice, given)
    return published(values, asked=asked, decimals=1)


def adult_education(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what adult education costs and achieves.

    The three net costs add up to the reference cost and what the truth and luck put on it.
    """
    foreign = standardised(given.foreign_pct)
    reference = 760 * np.exp(
        0.035 * given.since + 0.18 * foreign + 0.15 * dice.lasting("komvux reference")
    )
    deviation = truth.cost_level + 4 * noise(dice, given, "komvux cost")
    weights = {
        "N18004": 0.19 * np.exp(0.25 * foreign + 0.2 * dice.lasting("N18004")),
        "N18005": 0.48 * np.exp(0.15 * dice.lasting("N18005")),
        "N18008": 0.33 * np.exp(0.30 * foreign + 0.2 * dice.lasting("N18008")),
    }
    whole = sum(weights.values())
    net = {
        kpi: reference * (1 + deviation / 100) * weight / whole for kpi, weight in weights.items()
    }
    newcomers = 0.0030 * given.inhabitants * np.exp(0.35 * foreign)
    n_sfi = split(newcomers, 0.55)
    n_komvux = split(0.028 * given.inhabitants, 0.62)
    good = 0.25 * truth.quality_level
    two_courses = 0.1 + good + 0.25 * dice.lasting("N18409")
    passed = 1.15 + good + 0.2 * dice.lasting("N18961")
    sfi_passed = 0.85 + good + 0.25 * dice.lasting("N18946")
    working = -0.4 + good + 0.3 * dice.lasting("N18957") - 0.1 * standardised(given.unemployed_pct)
    few = np.minimum(n_sfi["K"], n_sfi["M"]) < FEWEST_PUPILS
    none = n_sfi["K"] + n_sfi["M"] < FEWEST_PUPILS
    licensed = 48 + 4 * truth.quality_level
    return {
        "N00153": published({"T": reference}, decimals=0),
        **{kpi: published({"T": values}, decimals=0) for kpi, values in net.items()},
        "N18001": cost(dice, given, "N18001", truth, level=58_000, own=8, luck=5),
        "N18409": published(
            hidden(
                shares(dice, "N18409", n_sfi, {"K": two_courses + 0.1, "M": two_courses - 0.1}),
                few=few,
                none=none,
            ),
            decimals=1,
        ),
        "N18961": published(
            shares(dice, "N18961", n_komvux, {"K": passed + 0.08, "M": passed - 0.08}), decimals=1
        ),
        "N18946": published(
            {"T": np.where(none, np.nan, share(dice, "N18946", newcomers, sfi_passed))},
            decimals=1,
        ),
        "N18957": published(
            {"T": np.where(none, np.nan, share(dice, "N18957", 0.6 * newcomers, working))},
            asked=before_last(given),
            decimals=1,
        ),
        "N18704": published(
            {
                "T": np.where(
                    none,
                    np.nan,
                    measure(dice, given, "N18704", licensed, own=12, luck=6, within=(0, 100)),
                )
            },
            decimals=1,
        ),
    }
