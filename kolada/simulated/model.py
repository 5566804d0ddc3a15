"""What the services of the simulated Sweden are drawn from, and how; `kolada.sample` tells more.

Arrays are (n_period, n_municipality) where nothing else is said, and nan is a value that is
missing. Every draw has its periods first, so that a later last period only adds to the end, and
comes from a stream of its own name, so that a new KPI does not move the others.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.intp]

BASE_PERIOD = 2025  # the levels below are of this period, and the inhabitants of the data file

# What one standard deviation of ambition less efficiency costs, by service area.
COST_SPREAD_PCT = {
    "preschool": 8.0,
    "leisure_centre": 12.0,
    "compulsory_school": 7.0,
    "upper_secondary_school": 9.0,
    "adult_education": 14.0,
    "elderly_care": 8.0,
    "disability_services": 9.0,
    "social_services": 15.0,
    "income_support": 20.0,
    "child_welfare": 18.0,
    "labour_market": 25.0,
    "culture": 15.0,
    "leisure": 15.0,
    "streets_and_parks": 18.0,
    "rescue_service": 12.0,
    "environment_and_health": 20.0,
    "planning_and_building": 25.0,
    "business_climate": 30.0,
    "administration": 15.0,
    "guardianship": 18.0,
}
# Whose cost level is drawn as such, under the name of the net cost deviation that shows it.
DRAWN_AS_COST = {
    "preschool": "N11024",
    "upper_secondary_school": "N17001",
    "disability_services": "N28018",
    "social_services": "N30001",
}
LASTING = 0.8  # share of the variance of efficiency and ambition that never changes
MEMORY = 0.9  # of the rest, from one period to the next

FEWEST_ANSWERS = 30  # Socialstyrelsen publishes no survey result below
FEWEST_PUPILS = 10  # of one gender; smaller groups are hidden


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one KPI by gender."""

    by_gender: Mapping[str, FloatArray]
    asked: BoolArray  # False: no row at all
    has_riket: bool = True  # False: a mean over the country would mean nothing

    @property
    def total(self) -> FloatArray:
        """The value for both genders together."""
        return np.where(self.asked, self.by_gender["T"], np.nan)


@dataclass(frozen=True, slots=True)
class Dice:
    """Independent streams of random numbers, one for each name."""

    seed: int
    shape: tuple[int, int]  # n_period, n_municipality

    def stream(self, name: str) -> np.random.Generator:
        """Return a generator that is the same for this seed and name in every process."""
        spawned = np.random.SeedSequence(self.seed, spawn_key=tuple(name.encode()))
        return np.random.default_rng(spawned)

    def country(self, name: str) -> FloatArray:
        """Return a standard normal number for each period, as a column."""
        return self.stream(name).normal(size=(self.shape[0], 1))

    def lasting(self, name: str) -> FloatArray:
        """Return a standard normal number for each municipality."""
        return self.stream(name).normal(size=self.shape[1])

    def yearly(self, name: str) -> FloatArray:
        """Return a standard normal number for each period and municipality."""
        return self.stream(name).normal(size=self.shape)

    def slow(self, name: str) -> FloatArray:
        """Return standard normal numbers that change little from period to period."""
        slow = self.yearly(f"{name} shock")
        for t in range(1, len(slow)):
            slow[t] = MEMORY * slow[t - 1] + np.sqrt(1 - MEMORY**2) * slow[t]
        lasting = self.lasting(f"{name} lasting")
        mixed: FloatArray = np.sqrt(LASTING) * lasting + np.sqrt(1 - LASTING) * slow
        return mixed


@dataclass(frozen=True, slots=True)
class Structure:
    """What a municipality cannot choose."""

    period: FloatArray  # (n_period, 1)
    county: IntArray  # (n_municipality,)
    inhabitants: FloatArray
    growth: FloatArray  # (n_municipality,), of the logarithm of the inhabitants, a year
    size: FloatArray  # (n_municipality,), standardised logarithm of the inhabitants
    urban_pct: FloatArray  # (n_municipality,), living in a town or village
    share_80_pct: FloatArray
    preschool_age_pct: FloatArray  # 1-5 years
    school_age_pct: FloatArray  # 6-15 years
    educated_pct: FloatArray  # pupils with a parent who studied after upper secondary school
    foreign_pct: FloatArray  # pupils with a foreign background
    unemployed_pct: FloatArray
    school_reference: FloatArray  # SEK per inhabitant of 6-15 years
    elderly_reference: FloatArray  # SEK per inhabitant of 80 years or more

    @property
    def since(self) -> FloatArray:
        """Years from the base period, as a column."""
        return self.period - BASE_PERIOD

    @property
    def sparse(self) -> FloatArray:
        """How rural a municipality is, standardised, (n_municipality,)."""
        return -standardised(self.urban_pct)


@dataclass(frozen=True, slots=True)
class Performance:
    """The truth of one service area."""

    efficiency: FloatArray
    ambition: FloatArray
    cost_level: FloatArray
    quality_level: FloatArray


def structure(
    dice: Dice, period: FloatArray, inhabitants_now: FloatArray, county: IntArray
) -> Structure:
    """Draw the conditions around the inhabitants and counties that are given."""
    since = period - BASE_PERIOD
    size = standardised(np.log(inhabitants_now))
    growth = 0.004 + 0.004 * size + 0.003 * dice.lasting("growth")
    urban = logistic(1.8 + 0.7 * size + 0.5 * dice.lasting("urban"))
    old = np.clip(6.6 - 0.8 * size + 0.7 * dice.lasting("old"), 2.5, 11)
    young = np.clip(5.3 + 0.3 * size + 0.4 * dice.lasting("preschool age"), 3.5, 8)
    educated = 55 + 5 * size + 7.5 * dice.lasting("educated") + 0.7 * since
    foreign = logistic(-1.25 + 0.2 * size + 0.5 * dice.lasting("foreign") + 0.02 * since)
    cycle = 0.06 * dice.country("business cycle") + 0.15 * ((period == 2020) | (period == 2021))
    workless = 0.22 * dice.lasting("unemployed") + 0.12 * standardised(foreign) + cycle
    sparse = -standardised(urban)
    school = 0.045 * sparse + 0.02 * standardised(foreign) + 0.01 * dice.lasting("small schools")
    elderly = 0.03 * sparse + 0.05 * dice.lasting("frail") + 0.004 * dice.yearly("frail yearly")
    return Structure(
        period=period,
        county=county,
        inhabitants=np.round(inhabitants_now * np.exp(growth * since)),
        growth=growth,
        size=size,
        urban_pct=100 * urban,
        share_80_pct=old * np.exp(0.025 * since),
        preschool_age_pct=young * np.exp(-0.015 * since),
        school_age_pct=11.6 + 0.2 * size + 0.6 * dice.lasting("school age") + 0.02 * since,
        educated_pct=np.clip(educated + 0.6 * dice.yearly("educated yearly"), 22, 92),
        foreign_pct=100 * foreign,
        unemployed_pct=6.5 * np.exp(workless + 0.04 * dice.yearly("unemployed yearly")),
        school_reference=138_000 * np.exp(0.034 * since + school),
        elderly_reference=225_000 * np.exp(0.030 * since + elderly),
    )


def performance(dice: Dice, area: str) -> Performance:
    """Draw the truth of one service area.

    Two independent standard normal numbers turned by an eighth of a circle are two others. So
    it is the same whether efficiency and ambition are drawn, or quality and cost.
    """
    spread = COST_SPREAD_PCT[area]
    if area in DRAWN_AS_COST:
        cost, quality = dice.slow(DRAWN_AS_COST[area]), dice.slow(f"{area} quality")
        return Performance(
            efficiency=(quality - cost) / np.sqrt(2),
            ambition=(quality + cost) / np.sqrt(2),
            cost_level=spread * cost,
            quality_level=quality,
        )
    efficiency, ambition = dice.slow(f"{area} efficiency"), dice.slow(f"{area} ambition")
    return Performance(
        efficiency=efficiency,
        ambition=ambition,
        cost_level=spread * (ambition - efficiency) / np.sqrt(2),
        quality_level=(ambition + efficiency) / np.sqrt(2),
    )


def published(
    by_gender: Mapping[str, FloatArray],
    *,
    asked: BoolArray | None = None,
    decimals: int = 6,
    has_riket: bool = True,
) -> Series:
    """Round what Kolada would publish; without `asked` every municipality has a row."""
    rounded = {gender: np.round(values, decimals) for gender, values in by_gender.items()}
    everywhere = np.ones(rounded["T"].shape, dtype=np.bool_)
    return Series(rounded, everywhere if asked is None else asked & everywhere, has_riket)


def cost(
    dice: Dice,
    given: Structure,
    kpi: str,
    truth: Performance,
    *,
    level: float,
    growth: float = 0.03,
    share: float = 1.0,
    own: float = 0.0,
    luck: float = 2.0,
    structure: FloatArray | float = 0.0,
    asked: BoolArray | None = None,
) -> Series:
    """Draw a cost in whole SEK, missing for a few.

    It is level exp(growth years + structure + (share cost_level + own N + luck noise) / 100),
    where N is the municipality's own for ever and noise falls with size.
    """
    per_cent = share * truth.cost_level + own * dice.lasting(f"{kpi} own")
    per_cent = per_cent + luck * noise(dice, given, kpi)
    values = level * np.exp(growth * given.since + structure + per_cent / 100)
    values = np.where(gap(dice, given, f"{kpi} gap", 0.006), np.nan, values)
    return published({"T": values}, asked=asked, decimals=0)


def measure(
    dice: Dice,
    given: Structure,
    kpi: str,
    expected: FloatArray | float,
    *,
    own: float,
    luck: float,
    within: tuple[float, float] = (0.0, 100.0),
) -> FloatArray:
    """Return expected + own N + luck noise, held within bounds; before it is published."""
    values = expected + own * dice.lasting(f"{kpi} own") + luck * noise(dice, given, kpi)
    held: FloatArray = np.clip(values, *within)
    return held


def genders(
    values: FloatArray, *, women: float, ahead: FloatArray | float
) -> dict[str, FloatArray]:
    """Split a mean of whom `women` are women, and they `ahead` of men."""
    return {"T": values, "K": values + (1 - women) * ahead, "M": values - women * ahead}


def shares(
    dice: Dice, name: str, n: Mapping[str, FloatArray], logit: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    """Draw per cent of the women and men who said yes, and of both."""
    hits = {
        gender: dice.stream(f"{name} {gender}")
        .binomial(n[gender].astype(np.int64), logistic(logit[gender]))
        .astype(np.float64)
        for gender in "KM"
    }
    share = {gender: 100 * hits[gender] / n[gender] for gender in "KM"}
    return share | {"T": 100 * (hits["K"] + hits["M"]) / (n["K"] + n["M"])}


def share(dice: Dice, name: str, n: FloatArray, logit: FloatArray) -> FloatArray:
    """Draw per cent of n of either gender who said yes; nan where nobody was asked."""
    whole = np.round(n).clip(0)
    hits = dice.stream(f"{name} answers").binomial(whole.astype(np.int64), logistic(logit))
    return np.where(whole > 0, 100 * hits / whole.clip(1), np.nan)


def hidden(
    by_gender: Mapping[str, FloatArray], *, few: BoolArray, none: BoolArray
) -> dict[str, FloatArray]:
    """Hide each gender where one is `few` and everything where `none` may be shown."""
    return {
        gender: np.where(none if gender == "T" else none | few, np.nan, values)
        for gender, values in by_gender.items()
    }


def split(n: FloatArray, women: float) -> dict[str, FloatArray]:
    """Divide people into women and men, at least one of each."""
    return {"K": np.round(n * women).clip(1), "M": np.round(n * (1 - women)).clip(1)}


def together(*parts: Series) -> Series:
    """Return the cost that these parts make up; missing where one of them is."""
    return published({"T": np.sum([part.total for part in parts], axis=0)}, decimals=0)


def noise(dice: Dice, given: Structure, name: str) -> FloatArray:
    """Return normal noise, standard at 15 000 inhabitants and less where more live."""
    return (15_000 / given.inhabitants) ** 0.25 * dice.yearly(f"{name} noise")


def gap(dice: Dice, given: Structure, name: str, rate: float) -> BoolArray:
    """Return where a value is missing: by `rate` at 15 000 inhabitants, less where more live."""
    likely = np.minimum(rate * np.sqrt(15_000 / given.inhabitants), 0.25)
    return dice.stream(name).random(dice.shape) < likely


def reporting(dice: Dice, given: Structure, name: str, *, will: float) -> BoolArray:
    """Return who collects and reports by itself: the large more often, and mostly the same."""
    usual = will + 0.4 * given.size + 0.7 * dice.lasting(f"{name} will")
    reports: BoolArray = usual + 0.7 * dice.yearly(f"{name} will this year") > 0
    return reports


def before_last(given: Structure) -> BoolArray:
    """Return the periods of a KPI that comes a year after the others."""
    earlier: BoolArray = given.period < given.period[-1]
    return earlier


def logistic(logit: FloatArray) -> FloatArray:
    """Return the share that has this logit."""
    return 1 / (1 + np.exp(-logit))


def standardised(values: FloatArray) -> FloatArray:
    """Return values with mean 0 and standard deviation 1 over the municipalities."""
    mean, deviation = values.mean(axis=-1, keepdims=True), values.std(axis=-1, keepdims=True)
    standardised: FloatArray = (values - mean) / deviation
    return standardised
