"""The inhabitants of the simulated municipalities, and what is published of them."""

import numpy as np

from kolada.simulated.model import (
    Dice,
    FloatArray,
    Series,
    Structure,
    genders,
    published,
    standardised,
)

YEARS_OF_CHANGE = 5  # over which Kolada tells how a population has changed


def population(dice: Dice, given: Structure) -> dict[str, Series]:
    """Return the inhabitants, who are known, and what is said of them."""
    women = np.round(given.inhabitants * (0.495 + 0.003 * given.size))
    by_gender = {"T": given.inhabitants, "K": women, "M": given.inhabitants - women}
    educated = 40 + 7.5 * standardised(given.educated_pct) + 0.6 * given.since
    return {
        "N01951": published(by_gender, decimals=0),
        "N01813": published({"T": given.share_80_pct}),
        "N01958": _change(dice, given, "N01958", ageing=0.0, spread=0.3),
        "N02017": _change(dice, given, "N02017", ageing=-0.015, spread=2.5),
        "N02019": _change(dice, given, "N02019", ageing=0.025, spread=2.0),
        "N00954": published({"T": given.urban_pct + np.zeros(dice.shape)}, decimals=1),
        "N01982": published(genders(np.clip(educated, 15, 80), women=0.49, ahead=11.0), decimals=1),
        "N03920": published(genders(given.unemployed_pct, women=0.48, ahead=-0.4), decimals=1),
    }


def low_schooling(dice: Dice, given: Structure) -> FloatArray:
    """Return how many adults have little schooling: more where few parents studied."""
    return -0.8 * standardised(given.educated_pct) + 0.6 * dice.lasting("low schooling")


def _change(dice: Dice, given: Structure, kpi: str, *, ageing: float, spread: float) -> Series:
    """Per cent in five years: of the whole, and of an age group that grows by `ageing` more."""
    grown = 100 * (np.exp(YEARS_OF_CHANGE * (given.growth + ageing)) - 1)
    changed = grown + spread * (15_000 / given.inhabitants) ** 0.25 * dice.yearly(f"{kpi} apart")
    ahead = 0.3 * spread * dice.yearly(f"{kpi} of women")
    return published(
        {"T": changed, "K": changed + 0.5 * ahead, "M": changed - 0.5 * ahead}, decimals=1
    )
