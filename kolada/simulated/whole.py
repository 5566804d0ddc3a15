"""Administration, guardianship and the whole municipality in the simulated Sweden."""

import numpy as np

from kolada.simulated.model import (
    Dice,
    FloatArray,
    Performance,
    Series,
    Structure,
    before_last,
    cost,
    gap,
    genders,
    measure,
    noise,
    published,
    reporting,
    standardised,
    together,
)

FIRST_STRUCTURE_COST = 2020  # the present cost equalisation
# What the municipalities' results had above the usual, per cent of taxes and grants.
GOOD_YEARS = {2015: 0.2, 2016: 1.2, 2017: 0.6, 2018: -0.6, 2019: -0.4, 2020: 2.3, 2021: 2.5,
              2022: 2.2, 2023: -1.2, 2024: -1.0}  # fmt: skip
SICK_YEARS = {2020: 1.3, 2021: 0.7, 2022: 0.8}  # percentage points, of the pandemic


def administration(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what politics and administration cost: more a head where few live."""
    small = -0.28 * given.size
    common = 10.5 + 0.03 * truth.cost_level
    boards = cost(dice, given, "N05011", truth, level=330, own=14, luck=5, structure=small)
    other = cost(dice, given, "other politics", truth, level=440, own=12, luck=5, structure=small)
    return {
        "N05002": together(boards, other),
        "N05011": boards,
        "N00082": published(
            {"T": measure(dice, given, "N00082", common, own=2.2, luck=0.5, within=(2, 25))},
            decimals=1,
        ),
    }


def guardianship(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what the chief guardian costs and has to do."""
    people = measure(dice, given, "U37002", 10.0, own=1.6, luck=0.4, within=(4, 20))
    each = 2.3 * np.exp(0.2 * dice.lasting("U37008 own") + 0.05 * noise(dice, given, "U37008"))
    asked = ~gap(dice, given, "guardianship gap", 0.06)
    return {
        "U37009": cost(
            dice, given, "U37009", truth, level=9_800, own=10, luck=5, asked=asked,
            structure=-0.05 * given.size,
        ),
        "U37002": published({"T": people}, asked=asked, decimals=1),
        "U37008": published({"T": each.clip(1)}, asked=asked, decimals=1),
    }  # fmt: skip


def whole(dice: Dice, given: Structure) -> dict[str, Series]:
    """Draw what is told of the municipality as one: economy, staff and sustainability."""
    return _economy(dice, given) | _staff(dice, given) | _sustainability(dice, given)


def _economy(dice: Dice, given: Structure) -> dict[str, Series]:
    result = 1.6 + _of_year(given, GOOD_YEARS)
    result = measure(dice, given, "N03102", result, own=0.9, luck=1.7, within=(-15, 20))
    solid = measure(dice, given, "N03106", 46 + 0.3 * given.since, own=13, luck=1.5,
                    within=(-5, 88))  # fmt: skip
    pensions = solid - 17 + 1.1 * given.since + 5 * dice.lasting("pension debt")
    income = 72_000 * np.exp(0.035 * given.since)
    balance = result / 100 * income - 300 + 250 * noise(dice, given, "N03139")
    tax = measure(dice, given, "N00901", 21.7 - 0.35 * given.size, own=0.85, luck=0.04,
                  within=(16.9, 24.0))  # fmt: skip
    base = 95 + 4 * standardised(given.educated_pct) + 1.0 * given.size
    structural = 0.05 * given.sparse + 0.05 * dice.lasting("N00100 own")
    return {
        "N03102": published({"T": result}, decimals=1),
        "N03106": published({"T": solid}, decimals=1),
        "N03002": published({"T": pensions}, decimals=1),
        # Kolada says that it is divided by gender, and has the same value for each.
        "N03139": published(dict.fromkeys("TKM", balance), decimals=0),
        "N00901": published({"T": tax}, decimals=2),
        "N00904": published(
            {"T": measure(dice, given, "N00904", base, own=6, luck=0.4, within=(70, 200))},
            decimals=1,
        ),
        "N00100": published(
            {"T": 56_000 * np.exp(0.034 * given.since + structural)},
            asked=given.period >= FIRST_STRUCTURE_COST,
            decimals=0,
        ),
    }


def _staff(dice: Dice, given: Structure) -> dict[str, Series]:
    # A municipality where many are ill is one that many leave.
    strain = dice.slow("strain")
    sick = 6.9 + 0.7 * strain + _of_year(given, SICK_YEARS)
    leaving = 10.5 + 1.2 * strain - 0.4 * given.sparse
    hourly = 16 - 0.35 * given.since
    return {
        "N00090": published(
            genders(
                measure(dice, given, "N00090", sick, own=0.3, luck=0.3, within=(3, 15)),
                women=0.78,
                ahead=2.2,
            ),
            decimals=1,
        ),
        "N00216": published(
            genders(
                measure(dice, given, "N00216", leaving, own=0.8, luck=0.8, within=(3, 28)),
                women=0.78,
                ahead=-1.2,
            ),
            decimals=1,
        ),
        "N00202": published(
            genders(
                measure(dice, given, "N00202", hourly, own=3.5, luck=0.9, within=(2, 35)),
                women=0.74,
                ahead=-4.0,
            ),
            decimals=1,
        ),
    }


def _sustainability(dice: Dice, given: Structure) -> dict[str, Series]:
    good = standardised(given.educated_pct)
    green = measure(dice, given, "N00371", 50 + 0.5 * given.since, own=9, luck=1.0)
    social = measure(dice, given, "N00372", 50 + 4 * good, own=7, luck=1.0)
    life = measure(dice, given, "N00310", 50 + 5 * good, own=6, luck=1.0)
    emitted = 4.6 * np.exp(0.35 * given.sparse + 0.45 * dice.lasting("N00401 own"))
    emitted = emitted * np.exp(-0.03 * given.since)
    organic = 33 + 4 * good - 0.6 * given.since
    known = before_last(given)
    return {
        "N00371": published({"T": green}, decimals=1),
        "N00372": published({"T": social}, decimals=1),
        "N00373": published({"T": (green + social) / 2}, decimals=1),
        "N00310": published({"T": life}, decimals=1),
        "N00401": published({"T": emitted}, asked=known, decimals=1),
        "U07514": published(
            {"T": measure(dice, given, "U07514", organic, own=10, luck=2.5, within=(2, 85))},
            asked=known & reporting(dice, given, "U07514", will=1.2),
            decimals=0,
        ),
    }


def _of_year(given: Structure, by_period: dict[int, float]) -> FloatArray:
    of_year = np.zeros_like(given.period)
    for period, value in by_period.items():
        of_year = np.where(given.period == period, value, of_year)
    return of_year
