"""Net costs, reference costs and the deviation of the one from the other.

deviation % = 100 (net cost / reference cost - 1)
mnkr        = (net cost - reference cost) inhabitants / 10^6
"""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.model import (
    Dice,
    Performance,
    Series,
    Structure,
    noise,
    published,
)

FIRST_OF_MODEL = 2019  # the new cost equalisation

# Deviation in per cent: net cost and reference cost a head, and the deviation in mnkr.
IDENTITIES = {
    "N11024": ("N11031", "N11025", "N11038"),
    "N13020": ("N13027", "N13021", "N13032"),
    "N15001": ("N15028", "N15018", "N15045"),
    "N17001": ("N17014", "N17016", "N17030"),
    "N20900": ("N20014", "N20016", "N20029"),
    "N28018": ("N28016", "N28026", "N28021"),
    "N30001": ("N30005", "N30007", "N30026"),
}

NOT_IN_TOTAL = "N28018"  # N00097 is of all of these services but LSS
# What individual and family care spends beside income support, by net cost a head.
FAMILY_CARE_SHARES = {"N33016": 0.58, "N35019": 0.22, "N37005": 0.13, "N37006": 0.07}


def deviations(
    dice: Dice,
    given: Structure,
    truth: Mapping[str, Performance],
) -> dict[str, Series]:
    """Draw the net cost deviations beside that of elderly care, and the one of all together."""
    # What a municipality does alike in these services, and how it closed its accounts this year.
    habit = 5 * dice.lasting("habit") + 1.8 * dice.yearly("habit this year")
    deviation = {
        "N11024": habit + truth["preschool"].cost_level,
        "N15001": habit + 0.8 * truth["compulsory_school"].cost_level,
        "N17001": habit + truth["upper_secondary_school"].cost_level,
        "N28018": habit + truth["disability_services"].cost_level,
        "N30001": habit + truth["social_services"].cost_level,
    }
    deviation = {kpi: level + 1.15 * noise(dice, given, kpi) for kpi, level in deviation.items()}
    leisure = habit + truth["leisure_centre"].cost_level + 2.5 * noise(dice, given, "N13020")
    known = {kpi: published({"T": values}, decimals=4) for kpi, values in deviation.items()}
    return known | {
        "N13020": published({"T": leisure}, asked=given.period >= FIRST_OF_MODEL, decimals=4),
    }


def net_costs(given: Structure, known: Mapping[str, Series]) -> dict[str, Series]:
    """Return the net costs and the deviations that follow from what is `known`."""
    series = {}
    in_total = []
    for per_cent, (net, reference, mnkr) in IDENTITIES.items():
        allowed = known[reference].by_gender["T"]
        paid = np.round(allowed * (1 + known[per_cent].by_gender["T"] / 100))
        series[net] = published({"T": paid}, asked=known[per_cent].asked, decimals=0)
        series[mnkr] = published(
            {"T": (paid - allowed) * given.inhabitants / 1e6},
            asked=known[per_cent].asked & (given.period >= FIRST_OF_MODEL),
            decimals=1,
            has_riket=False,
        )
        if per_cent != NOT_IN_TOTAL:
            in_total.append((paid, allowed))
    all_paid, all_allowed = (np.sum(each, axis=0) for each in zip(*in_total, strict=True))
    series["N00097"] = published({"T": 100 * (all_paid / all_allowed - 1)}, decimals=4)
    return series


def family_care(dice: Dice, given: Structure, known: Mapping[str, Series]) -> dict[str, Series]:
    """Divide what individual and family care costs beside income support."""
    rest = np.maximum(known["N30005"].by_gender["T"] - known["N31008"].by_gender["T"], 100)
    part = {
        kpi: share * np.exp(0.2 * dice.lasting(kpi) + 0.1 * noise(dice, given, kpi))
        for kpi, share in FAMILY_CARE_SHARES.items()
    }
    whole = np.sum(list(part.values()), axis=0)
    return {kpi: published({"T": rest * each / whole}, decimals=0) for kpi, each in part.items()}
