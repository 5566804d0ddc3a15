"""Support of the disabled, of families and of the poor in the simulated Sweden.

User surveys and waiting times are the municipality's own to hold: who took no part has no row.
"""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.indices import disability_indices, income_support_indices, with_indices
from kolada.simulated.model import (
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
    together,
)
from kolada.simulated.people import low_schooling

FIRST_USER_SURVEY = 2018
FEWEST_USERS = 5  # who answered, of one gender or both; fewer are hidden
FEWEST_CLIENTS = 10
FIRST_OF_MODEL = 2020  # RKA's present model of income support

# The logit of the country.
HOME_ITEMS = {"U28663": 1.30, "U28563": 1.50, "U28567": 0.90}
CLIENT_ITEMS = {"U30453": 0.75, "U30452": 1.40}


def disability_services(
    dice: Dice, given: Structure, truth: Performance, deviation: Series
) -> dict[str, Series]:
    """Draw what support under LSS costs and achieves, and RKA's indices; deviation is N28018."""
    granted = 0.18 * dice.lasting("granted support") + 0.01 * dice.yearly("granted this year")
    staff_cost = 1 + 0.035 * dice.lasting("staff cost") + 0.01 * dice.yearly("staff cost yearly")
    adequate = 68 + 3 * truth.quality_level
    plans = 84 + 3 * truth.quality_level
    n_staff = split(0.0045 * given.inhabitants, 0.75)
    unit_survey = ~gap(dice, given, "LSS unit survey gap", 0.08) & (given.period >= 2019)
    series = {
        "N28018": deviation,
        "N28026": published({"T": 6_600 * np.exp(0.035 * given.since + granted)}, decimals=0),
        "N28040": published(
            {"T": staff_cost}, asked=given.period >= 2020, decimals=3, has_riket=False
        ),
        "N28013": cost(dice, given, "N28013", truth, level=1_230_000, own=7, luck=3.5),
        "N28015": cost(dice, given, "N28015", truth, level=285_000, own=8, luck=4),
        "N28140": published(
            {
                "T": np.where(
                    n_staff["K"] + n_staff["M"] < FEWEST_CLIENTS,
                    np.nan,
                    measure(dice, given, "N28140", adequate, own=7, luck=4),
                )
            },
            asked=unit_survey,
            decimals=0,
        ),
        "U28129": published(
            {"T": measure(dice, given, "U28129", plans, own=6, luck=6)},
            asked=unit_survey,
            decimals=0,
        ),
    }
    return with_indices(series | _lss_survey(dice, given, truth), disability_indices)


def _lss_survey(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    asked = reporting(dice, given, "LSS survey", will=0.75) & (given.period >= FIRST_USER_SURVEY)
    rate = np.clip(0.62 * np.exp(0.15 * dice.yearly("LSS turnout")), 0.2, 0.95)
    group = np.round(0.00105 * given.inhabitants * rate)
    homes = split(group + np.round(0.0009 * given.inhabitants * rate), 0.42)
    activity = split(0.0030 * given.inhabitants * rate, 0.43)
    series = {
        "U33954": published(
            {"T": np.where(group < FEWEST_USERS, np.nan, 100 * rate)},
            asked=asked,
            decimals=0,
            has_riket=False,
        ),
        "U33964": _answers(group, asked, FEWEST_USERS),
        "U33960": _answers(activity["K"] + activity["M"], asked, FEWEST_USERS),
    }
    for kpi, middle, n in (
        *((kpi, middle, homes) for kpi, middle in HOME_ITEMS.items()),
        ("U28561", 1.70, activity),
    ):
        logit = middle + 0.3 * truth.quality_level + 0.15 * dice.lasting(kpi)
        series[kpi] = _survey(dice, kpi, n, logit, asked, FEWEST_USERS)
    return series


def social_services(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what social services have and what their clients say; the cost is a deviation."""
    need = 0.12 * low_schooling(dice, given) + 0.08 * standardised(given.foreign_pct)
    need = need + 0.05 * given.size + 0.08 * dice.lasting("social reference")
    asked = reporting(dice, given, "IFO survey", will=0.25) & (given.period >= FIRST_USER_SURVEY)
    rate = np.clip(0.55 * np.exp(0.2 * dice.yearly("IFO turnout")), 0.15, 0.95)
    n_answer = np.round(0.0075 * given.inhabitants**0.9 * rate)
    series = {
        "N30007": published({"T": 5_000 * np.exp(0.03 * given.since + need)}, decimals=0),
        "U30900": published(
            {"T": np.where(n_answer < FEWEST_CLIENTS, np.nan, 100 * rate)},
            asked=asked,
            decimals=0,
            has_riket=False,
        ),
        "U30901": _answers(n_answer, asked, FEWEST_CLIENTS),
    }
    for kpi, middle in CLIENT_ITEMS.items():
        logit = middle + 0.3 * truth.quality_level + 0.15 * dice.lasting(kpi)
        said = np.where(n_answer < FEWEST_CLIENTS, np.nan, share(dice, kpi, n_answer, logit))
        series[kpi] = published({"T": said}, asked=asked, decimals=0)
    return series


def income_support(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what income support costs and how long it lasts, and RKA's indices of it.

    The structure-adjusted cost is the net cost at the model value's mean over municipalities.
    """
    jobless = standardised(given.unemployed_pct)
    before = 0.35 * standardised(given.foreign_pct) + 0.15 * low_schooling(dice, given)
    since = 0.28 * jobless + 0.25 * low_schooling(dice, given)
    need = np.where(given.period >= FIRST_OF_MODEL, since, before)
    model = 850 * np.exp(0.015 * given.since + need)
    net = model * np.exp((truth.cost_level + 5 * noise(dice, given, "income support cost")) / 100)
    net = np.where(gap(dice, given, "income support gap", 0.006), np.nan, net)
    aged_18_64_pct = 56 + 1.5 * given.size
    n = split(0.022 * given.inhabitants * np.exp(0.3 * jobless), 0.48)
    adults = {"K": 0.395 * given.inhabitants, "M": 0.395 * given.inhabitants}
    # The register counts in another way from 2017.
    lasting = -0.60 - 0.25 * truth.quality_level + 0.15 * jobless - 0.2 * (given.period < 2017)
    lasting = lasting + 0.15 * dice.lasting("N31814")
    long_term = shares(dice, "N31814", n, {"K": lasting + 0.05, "M": lasting - 0.05})
    of_all = {gender: long_term[gender] * n[gender] / adults[gender] for gender in "KM"}
    of_all["T"] = (of_all["K"] + of_all["M"]) / 2
    few = np.minimum(n["K"], n["M"]) < FEWEST_CLIENTS
    none = n["K"] + n["M"] < FEWEST_CLIENTS
    wait = 14 * np.exp(-0.2 * truth.quality_level + 0.3 * dice.lasting("support wait"))
    asked = reporting(dice, given, "IFO survey", will=0.25) & (given.period >= FIRST_USER_SURVEY)
    n_answer = split(0.0035 * given.inhabitants**0.9 * 0.55, 0.5)
    improved = 0.9 + 0.3 * truth.quality_level + 0.15 * dice.lasting("U31506")
    series = {
        "U31004": published({"T": model}, decimals=0),
        "U31003": published({"T": net * model.mean(axis=1, keepdims=True) / model}, decimals=0),
        "N31008": published({"T": net}, decimals=0),
        "N31009": published({"T": net / aged_18_64_pct * 100}, decimals=0),
        "N31814": published(hidden(long_term, few=few, none=none), decimals=1),
        "N31816": published(hidden(of_all, few=few, none=none), decimals=2),
        "U31402": _days(
            dice, given, "U31402", wait, reporting(dice, given, "support wait", will=0.7)
        ),
        "U31506": _survey(dice, "U31506", n_answer, improved, asked, FEWEST_USERS),
    }
    return with_indices(series, income_support_indices)


def child_welfare(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what support of children and families costs and how it is done."""
    need = 0.12 * low_schooling(dice, given) + 0.05 * standardised(given.foreign_pct)
    young = split(0.235 * given.inhabitants, 0.485)
    placed = 0.011 * np.exp(need + 0.2 * dice.lasting("placed"))
    n_placed = {
        gender: dice.stream(f"N33818 {gender}").poisson(young[gender] * placed * more) * 1.0
        for gender, more in (("K", 0.9), ("M", 1.1))
    }
    per_1000 = {gender: 1000 * n_placed[gender] / young[gender] for gender in "KM"}
    per_1000["T"] = 1000 * (n_placed["K"] + n_placed["M"]) / (young["K"] + young["M"])
    days = 108 * np.exp(-0.15 * truth.quality_level + 0.15 * dice.lasting("investigation"))
    asked = reporting(dice, given, "IFO survey", will=0.25) & (given.period >= FIRST_USER_SURVEY)
    n_answer = split(0.0040 * given.inhabitants**0.9 * 0.5, 0.6)
    improved = 0.8 + 0.3 * truth.quality_level + 0.15 * dice.lasting("U33581")
    placements = cost(dice, given, "N33022", truth, level=6_200, own=12, luck=9, structure=need)
    other = cost(
        dice, given, "other child welfare", truth, level=4_200, own=8, luck=5, structure=need
    )
    trained = 78 + 3 * truth.quality_level
    return {
        "N33006": together(placements, other),
        "N33022": placements,
        "U33401": _days(
            dice, given, "U33401", days, reporting(dice, given, "investigation", will=0.8)
        ),
        "U33581": _survey(dice, "U33581", n_answer, improved, asked, FEWEST_USERS),
        "U33816": published(
            {"T": measure(dice, given, "U33816", trained, own=8, luck=9, within=(0, 100))},
            asked=~gap(dice, given, "U33816 gap", 0.06),
            decimals=0,
        ),
        "N33818": published(per_1000, decimals=1),
    }


def labour_market(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what the municipality does for those without work."""
    need = 0.2 * standardised(given.unemployed_pct)
    n_leaver = split(0.0035 * given.inhabitants * np.exp(need), 0.47)
    started = -0.45 + 0.3 * truth.quality_level - 0.1 * standardised(given.unemployed_pct)
    started = started + 0.25 * dice.lasting("U40455")
    asked = reporting(dice, given, "labour market", will=0.7)
    return {
        "N40011": cost(dice, given, "N40011", truth, level=430, own=25, luck=10, structure=need),
        "U40455": _survey(dice, "U40455", n_leaver, started, asked, FEWEST_CLIENTS),
    }


def _survey(
    dice: Dice,
    kpi: str,
    n: Mapping[str, FloatArray],
    logit: FloatArray,
    asked: BoolArray,
    fewest: int,
) -> Series:
    said = shares(dice, kpi, n, {"K": logit + 0.03, "M": logit - 0.03})
    return published(
        hidden(said, few=np.minimum(n["K"], n["M"]) < fewest, none=n["K"] + n["M"] < fewest),
        asked=asked,
        decimals=0,
    )


def _answers(n: FloatArray, asked: BoolArray, fewest: int) -> Series:
    told = np.where(n < fewest, np.nan, n)
    return published({"T": told}, asked=asked, decimals=0, has_riket=False)


def _days(dice: Dice, given: Structure, kpi: str, usual: FloatArray, asked: BoolArray) -> Series:
    days = usual * np.exp(0.15 * noise(dice, given, kpi))
    ahead = 0.04 * days * dice.yearly(f"{kpi} of women")
    return published(genders(days, women=0.5, ahead=ahead), asked=asked, decimals=0)
