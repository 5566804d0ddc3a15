"""How the values of the simulated Sweden are drawn; the formulas stand in `kolada.sample`.

Arrays are (n_period, n_municipality) where nothing else is said, and nan is a value that is
missing. Every draw has its periods first, so that a later last period only adds to the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce

import numpy as np
import numpy.typing as npt

from kolada.simulated.indices import elderly_indices, school_indices

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

BASE_PERIOD = 2025  # the levels below are of this period, and the inhabitants of the data file

COST_SPREAD_PCT = {"compulsory_school": 7.0, "elderly_care": 8.0}
LASTING = 0.8  # share of the variance of efficiency and ambition that never changes
MEMORY = 0.9  # of the rest, from one period to the next

FEWEST_ANSWERS = 30  # Socialstyrelsen publishes no survey result below
FEWEST_PUPILS = 10  # of one gender; smaller groups are hidden

# The logit of the country, its slope in the cohort's level, and what girls have above it.
GRADE_SHARES = {
    "N15419": (1.05, 0.35, 0.18),
    "N15561": (1.40, 0.35, 0.18),
    "N15436": (1.95, 0.37, 0.15),
}
# The logit of the country.
HOME_CARE = {"U21468": 2.00, "U21504": 3.10, "U21505": 1.80, "U21463": 1.90}
CARE_HOME = {"U23471": 1.50, "U23520": 2.70, "U23521": 2.00, "U23470": 1.20}

# Shares of the cost that N00097 compares.
TOTAL_WEIGHTS = {"N11024": 0.18, "N15001": 0.36, "N17001": 0.10, "N20900": 0.26, "N30001": 0.10}


@dataclass(frozen=True, slots=True)
class Series:
    """The values of one KPI by gender."""

    by_gender: Mapping[str, FloatArray]
    asked: BoolArray  # False: no row at all

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
    inhabitants: FloatArray
    size: FloatArray  # (n_municipality,), standardised logarithm of the inhabitants
    urban_pct: FloatArray  # (n_municipality,), living in a town or village
    share_80_pct: FloatArray
    school_age_pct: FloatArray  # 6-15 years
    educated_pct: FloatArray  # pupils with a parent who studied after upper secondary school
    foreign_pct: FloatArray  # pupils with a foreign background
    school_reference: FloatArray  # SEK per inhabitant of 6-15 years
    elderly_reference: FloatArray  # SEK per inhabitant of 80 years or more

    @property
    def since(self) -> FloatArray:
        """Years from the base period, as a column."""
        return self.period - BASE_PERIOD


@dataclass(frozen=True, slots=True)
class Performance:
    """The truth of one service area."""

    efficiency: FloatArray
    ambition: FloatArray
    cost_level: FloatArray
    quality_level: FloatArray


def structure(dice: Dice, period: FloatArray, inhabitants_now: FloatArray) -> Structure:
    """Draw the conditions around the inhabitants that are given."""
    since = period - BASE_PERIOD
    size = _standardised(np.log(inhabitants_now))
    growth = 0.004 + 0.004 * size + 0.003 * dice.lasting("growth")
    urban = _logistic(1.8 + 0.7 * size + 0.5 * dice.lasting("urban"))
    old = np.clip(6.6 - 0.8 * size + 0.7 * dice.lasting("old"), 2.5, 11)
    educated = 55 + 5 * size + 7.5 * dice.lasting("educated") + 0.7 * since
    foreign = _logistic(-1.25 + 0.2 * size + 0.5 * dice.lasting("foreign") + 0.02 * since)
    sparse = -_standardised(urban)
    school = 0.045 * sparse + 0.02 * _standardised(foreign) + 0.01 * dice.lasting("small schools")
    elderly = 0.03 * sparse + 0.05 * dice.lasting("frail") + 0.004 * dice.yearly("frail yearly")
    return Structure(
        period=period,
        inhabitants=np.round(inhabitants_now * np.exp(growth * since)),
        size=size,
        urban_pct=100 * urban,
        share_80_pct=old * np.exp(0.025 * since),
        school_age_pct=11.6 + 0.2 * size + 0.6 * dice.lasting("school age") + 0.02 * since,
        educated_pct=np.clip(educated + 0.6 * dice.yearly("educated yearly"), 22, 92),
        foreign_pct=100 * foreign,
        school_reference=138_000 * np.exp(0.034 * since + school),
        elderly_reference=225_000 * np.exp(0.030 * since + elderly),
    )


def performance(dice: Dice, area: str) -> Performance:
    """Draw the truth of one service area."""
    efficiency, ambition = dice.slow(f"{area} efficiency"), dice.slow(f"{area} ambition")
    return Performance(
        efficiency=efficiency,
        ambition=ambition,
        cost_level=COST_SPREAD_PCT[area] * (ambition - efficiency) / np.sqrt(2),
        quality_level=(ambition + efficiency) / np.sqrt(2),
    )


def population(given: Structure) -> dict[str, Series]:
    """Return the inhabitants, who are known."""
    women = np.round(given.inhabitants * (0.495 + 0.003 * given.size))
    by_gender = {"T": given.inhabitants, "K": women, "M": given.inhabitants - women}
    return {
        "N01951": _series(by_gender, decimals=0),
        "N01813": _series({"T": given.share_80_pct}),
    }


def pupils(dice: Dice, given: Structure) -> dict[str, FloatArray]:
    """Draw how many girls and boys there are in year 9 of the municipality's own schools."""
    own_schools = np.clip(0.9 - 0.06 * given.size + 0.04 * dice.lasting("own schools"), 0.6, 1)
    cohort = 0.011 * given.inhabitants * own_schools * np.exp(0.05 * dice.yearly("cohort"))
    return _split(cohort, 0.488)


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
    cost = np.exp((truth.cost_level + 2.0 * _noise(dice, given, "school cost")) / 100)
    adjusted = np.where(
        _gap(dice, given, "school cost gap", 0.008), np.nan, 131_000 * inflation * cost
    )
    grants = 8_000 * inflation * np.exp(0.15 * dice.lasting("state grants"))
    educated = _standardised(given.educated_pct)
    licensed = 70 + 4 * educated + 2 * truth.ambition + 5 * dice.lasting("licensed")
    staffing = 0.06 * dice.lasting("staffing") + 0.03 * dice.yearly("staffing yearly")
    series = {
        "U15049": _series({"T": adjusted}),
        "N15060": _series({"T": adjusted * ratio + grants}),
        "N15018": _series({"T": reference * given.school_age_pct / 100}),
        "N15820": _series({"T": given.educated_pct}, decimals=0),
        "N15818": _series({"T": given.foreign_pct}),
        "N15814": _series(
            {"T": np.clip(licensed + 3 * dice.yearly("licensed yearly"), 25, 98)},
            asked=~_gap(dice, given, "licensed gap", 0.003),
        ),
        "N15034": _series(
            {"T": 11.9 * np.exp(staffing - 0.5 * truth.cost_level / 100) / np.sqrt(ratio)}
        ),
    }

    none = _gap(dice, given, "grades gap", 0.004)
    few = np.minimum(n_pupil["K"], n_pupil["M"]) < FEWEST_PUPILS
    series |= {
        kpi: _series(_hidden(by_gender, few=few, none=none), decimals=1)
        for kpi, by_gender in results.items()
    }
    series["N15643"] = _pupil_survey(dice, given, n_pupil, truth)
    return _with_indices(series, school_indices)


def school_results(
    dice: Dice, given: Structure, truth: Performance, n_pupil: Mapping[str, FloatArray]
) -> dict[str, dict[str, FloatArray]]:
    """Draw the results of year 9 by KPI and gender, before any is rounded or hidden."""
    expected = 0.75 * _standardised(given.educated_pct) - 0.25 * _standardised(given.foreign_pct)
    expected = expected + 0.25 * dice.country("year of grades")
    level = expected + 0.6 * truth.quality_level
    luck = {
        gender: np.sqrt(0.25**2 + 25 / n) * dice.yearly(f"cohort luck {gender}")
        for gender, n in n_pupil.items()
    }
    level_of = {gender: level + luck[gender] for gender in "KM"}
    merit = {
        gender: 222 + girls + 12 * level_of[gender] + 30 / np.sqrt(n_pupil[gender]) * noise
        for gender, girls, noise in (
            ("K", 14, dice.yearly("merit K")),
            ("M", -14, dice.yearly("merit M")),
        )
    }
    weight = n_pupil["K"] / (n_pupil["K"] + n_pupil["M"])
    values = {"N15505": merit | {"T": weight * merit["K"] + (1 - weight) * merit["M"]}}
    for kpi, (middle, slope, girls) in GRADE_SHARES.items():
        logit = {
            "K": middle + girls + slope * level_of["K"],
            "M": middle - girls + slope * level_of["M"],
        }
        values[kpi] = _shares(dice, kpi, n_pupil, logit)
    return values


def _pupil_survey(
    dice: Dice, given: Structure, n_pupil: Mapping[str, FloatArray], truth: Performance
) -> Series:
    n_answer = {gender: np.ceil(0.8 * n) for gender, n in n_pupil.items()}
    safe = 0.2 * truth.quality_level + 0.15 * dice.lasting("safe")
    in_odd_periods = dice.stream("pupil survey").random(dice.shape[1]) < 0.5
    values = _hidden(
        _shares(dice, "N15643", n_answer, {"K": 1.25 + safe, "M": 1.55 + safe}),
        few=np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_PUPILS,
        none=n_answer["K"] + n_answer["M"] < FEWEST_ANSWERS,
    )
    turn = given.period % 2 == in_odd_periods
    return _series(values, asked=(given.period >= 2022) & turn, decimals=1)


def elderly(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what elderly care costs and what the elderly say, and RKA's indices of it."""
    deviation = truth.cost_level + 1.15 * _noise(dice, given, "elderly cost")
    gross = 1.12 * np.exp(0.015 * dice.lasting("fees and sales"))
    cost = gross * (1 + deviation / 100) * given.elderly_reference
    full_time = 60 + 1.2 * given.since + 2 * truth.ambition + 5 * dice.lasting("full time")
    full_time = full_time + 1.2 * dice.yearly("full time yearly")
    series = {
        "N20016": _series({"T": given.elderly_reference * given.share_80_pct / 100}),
        "N20900": _series(
            {"T": np.where(_gap(dice, given, "deviation gap", 0.006), np.nan, deviation)},
            decimals=4,
        ),
        "N20048": _series({"T": np.where(_gap(dice, given, "accounts gap", 0.006), np.nan, cost)}),
        # 85 of 100 employees are women; men work full time more often by 8 percentage points.
        "N20209": _series(
            {"T": full_time, "K": full_time - 0.15 * 8, "M": full_time + 0.85 * 8}, decimals=1
        ),
        "U23401": _waiting(dice, given, truth),
    }
    series |= _elder_survey(dice, given, truth, "home care", "N23590", "U23592", 0.130, HOME_CARE)
    series |= _elder_survey(dice, given, truth, "care home", "N23591", "U23594", 0.080, CARE_HOME)
    return _with_indices(series, elderly_indices)


def _waiting(dice: Dice, given: Structure, truth: Performance) -> Series:
    usual = -0.25 * truth.quality_level + 0.3 * dice.lasting("wait")
    wait = 48 * np.exp(usual + 0.2 * dice.yearly("wait yearly"))
    apart = 0.06 * dice.yearly("wait of women")
    # Who is small or has long waits seldom reports.
    will = 0.85 + 0.4 * given.size - usual + 0.5 * dice.lasting("will to report")
    return _series(
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
    flag: str,
    answers: str,
    answers_per_80: float,
    items: Mapping[str, float],
) -> dict[str, Series]:
    aged_80 = given.inhabitants * given.share_80_pct / 100
    turnout = np.exp(0.08 * dice.yearly(f"{branch} turnout"))
    n_answer = _split(answers_per_80 * aged_80 * turnout, 0.66)
    few = np.minimum(n_answer["K"], n_answer["M"]) < FEWEST_ANSWERS
    none = n_answer["K"] + n_answer["M"] < FEWEST_ANSWERS
    taken = np.broadcast_to(given.period != 2021, dice.shape)  # Socialstyrelsen held none
    mood = {
        gender: dice.yearly(f"{branch} mood {gender}") / np.sqrt(n)
        for gender, n in n_answer.items()
    }
    n_both = np.where(none, np.nan, n_answer["K"] + n_answer["M"])
    series = {
        flag: _series({"T": none.astype(np.float64)}, asked=taken, decimals=0),
        answers: _series({"T": n_both}, asked=taken, decimals=0),
    }
    for kpi, middle in items.items():
        logit = middle + 0.3 * truth.quality_level - 0.1 * given.size + 0.12 * dice.lasting(kpi)
        shares = _shares(dice, kpi, n_answer, {gender: logit + mood[gender] for gender in "KM"})
        # Whole per cent, as Socialstyrelsen publishes them: ties are real.
        series[kpi] = _series(_hidden(shares, few=few, none=none), asked=taken, decimals=0)
    return series


def deviations(
    dice: Dice, given: Structure, truth: Performance, elderly_deviation: FloatArray
) -> dict[str, Series]:
    """Draw the net cost deviations of other services; `truth` is that of compulsory school."""
    # What a municipality does alike in these services, and how it closed its accounts this year.
    habit = 5 * dice.lasting("habit") + 1.8 * dice.yearly("habit this year")
    deviation = {
        "N11024": habit + 8 * dice.slow("N11024"),
        "N15001": habit + 0.8 * truth.cost_level,
        "N17001": habit + 9 * dice.slow("N17001"),
        "N28018": habit + 9 * dice.slow("N28018"),
        "N30001": habit + 15 * dice.slow("N30001"),
    }
    deviation = {kpi: level + 1.15 * _noise(dice, given, kpi) for kpi, level in deviation.items()}
    parts = deviation | {"N20900": elderly_deviation}
    total = reduce(np.add, [weight * parts[kpi] for kpi, weight in TOTAL_WEIGHTS.items()])
    return {kpi: _series({"T": values}, decimals=4) for kpi, values in deviation.items()} | {
        "N00097": _series({"T": total}, decimals=4)
    }


def _with_indices(
    series: Mapping[str, Series],
    indices: Callable[[Mapping[str, FloatArray]], dict[str, FloatArray]],
) -> dict[str, Series]:
    known = indices({kpi: one.total for kpi, one in series.items()})
    return {**series} | {
        kpi: _series({"T": values}, asked=np.isfinite(values)) for kpi, values in known.items()
    }


def _series(
    by_gender: Mapping[str, FloatArray], *, asked: BoolArray | None = None, decimals: int = 6
) -> Series:
    rounded = {gender: np.round(values, decimals) for gender, values in by_gender.items()}
    everywhere = np.ones(rounded["T"].shape, dtype=np.bool_)
    return Series(rounded, everywhere if asked is None else asked)


def _hidden(
    by_gender: Mapping[str, FloatArray], *, few: BoolArray, none: BoolArray
) -> dict[str, FloatArray]:
    return {
        gender: np.where(none if gender == "T" else none | few, np.nan, values)
        for gender, values in by_gender.items()
    }


def _shares(
    dice: Dice, name: str, n: Mapping[str, FloatArray], logit: Mapping[str, FloatArray]
) -> dict[str, FloatArray]:
    hits = {
        gender: dice.stream(f"{name} {gender}")
        .binomial(n[gender].astype(np.int64), _logistic(logit[gender]))
        .astype(np.float64)
        for gender in "KM"
    }
    share = {gender: 100 * hits[gender] / n[gender] for gender in "KM"}
    return share | {"T": 100 * (hits["K"] + hits["M"]) / (n["K"] + n["M"])}


def _split(n: FloatArray, women: float) -> dict[str, FloatArray]:
    return {"K": np.round(n * women).clip(1), "M": np.round(n * (1 - women)).clip(1)}


def _noise(dice: Dice, given: Structure, name: str) -> FloatArray:
    return (15_000 / given.inhabitants) ** 0.25 * dice.yearly(f"{name} noise")


def _gap(dice: Dice, given: Structure, name: str, rate: float) -> BoolArray:
    likely = np.minimum(rate * np.sqrt(15_000 / given.inhabitants), 0.25)
    return dice.stream(name).random(dice.shape) < likely


def _logistic(logit: FloatArray) -> FloatArray:
    return 1 / (1 + np.exp(-logit))


def _standardised(values: FloatArray) -> FloatArray:
    mean, deviation = values.mean(axis=-1, keepdims=True), values.std(axis=-1, keepdims=True)
    standardised: FloatArray = (values - mean) / deviation
    return standardised
