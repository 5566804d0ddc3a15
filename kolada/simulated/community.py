"""Culture, leisure, streets, rescue, supervision, planning and business in the simulated Sweden."""

from collections.abc import Mapping

import numpy as np

from kolada.simulated.model import (
    Dice,
    FloatArray,
    IntArray,
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
    share,
    shares,
    split,
    standardised,
    together,
)

PANDEMIC = {2020: 0.62, 2021: 0.55, 2022: 0.85}  # of the visits of another year
FIRST_ROADS = 2019  # footpaths are left out from here
FIRST_FIRES = 2024  # the present definition
FIRST_STANDARD_COST = 2020
JOINED = 0.45  # share of municipalities that share rescue service with the one before them


def culture(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what culture costs and how much it is used."""
    good, open_ = truth.quality_level, _open(given)
    visits = 5.2 * np.exp(0.15 * good + 0.25 * dice.lasting("N09807 own")) * open_
    loans = 17 * np.exp(0.12 * good + 0.22 * dice.lasting("N09811 own")) * open_**0.4
    hours = 31 + 2 * good + 3 * given.size
    borrowers = -1.25 + 0.15 * good + 0.15 * dice.lasting("N09809 own") - 0.012 * given.since
    borrowers = borrowers + 0.3 * np.log(open_)
    n = split(given.inhabitants, 0.5)
    learn = -1.8 + 0.15 * good + 0.3 * dice.lasting("N09888 own")
    n_young = split(0.16 * given.inhabitants, 0.487)
    library = cost(dice, given, "N09026", truth, level=480, own=10, luck=3)
    school = cost(dice, given, "N09023", truth, level=230, own=22, luck=4)
    other = cost(dice, given, "other culture", truth, level=580, own=28, luck=7,
                 structure=0.15 * given.size)  # fmt: skip
    return {
        "N09022": together(library, school, other),
        "N09026": library,
        "N09023": school,
        "N09807": published(
            {"T": visits * np.exp(0.06 * noise(dice, given, "N09807"))}, decimals=1
        ),
        "N09809": published(
            shares(dice, "N09809", n, {"K": borrowers + 0.35, "M": borrowers - 0.35}), decimals=1
        ),
        "N09811": published(
            {"T": loans * np.exp(0.06 * noise(dice, given, "N09811"))}, decimals=1
        ),
        "N09817": published(
            {"T": measure(dice, given, "N09817", hours, own=5, luck=1.5, within=(8, 70))},
            decimals=1,
        ),
        "N09888": published(
            shares(dice, "N09888", n_young, {"K": learn + 0.2, "M": learn - 0.2}),
            asked=~gap(dice, given, "N09888 gap", 0.05),
            decimals=1,
        ),
    }  # fmt: skip


def leisure(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what leisure costs and how many take part in sports."""
    taken = 27 * np.exp(0.12 * truth.quality_level + 0.15 * dice.lasting("U09800 own"))
    taken = taken * _open(given) ** 0.5 * np.exp(0.05 * noise(dice, given, "U09800"))
    facilities = cost(dice, given, "N09021", truth, level=1_500, own=15, luck=5,
                      structure=0.05 * given.sparse)  # fmt: skip
    youth_centres = cost(dice, given, "N09020", truth, level=170, own=35, luck=6)
    other = cost(dice, given, "other leisure", truth, level=430, own=20, luck=5)
    return {
        "N09018": together(facilities, youth_centres, other),
        "N09021": facilities,
        "N09020": youth_centres,
        "U09800": published(genders(taken, women=0.487, ahead=-0.28 * taken), decimals=1),
    }  # fmt: skip


def streets_and_parks(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what streets and parks cost; what citizens say of them is in the citizen survey."""
    footpaths = np.where(given.period < FIRST_ROADS, 0.12, 0.0)
    snow = 0.30 + 0.10 * dice.country("winter") ** 2
    snow = snow * np.exp(0.15 * given.sparse + 0.2 * dice.lasting("snow"))
    collected = reporting(dice, given, "roads", will=0.9)
    metres = 6.2 * np.exp(0.28 * given.sparse + 0.25 * dice.lasting("N07807 own"))
    hurt = 190 * np.exp(-0.08 * truth.quality_level + 0.25 * dice.lasting("N07804 own"))
    injuries = dice.stream("N07804").poisson(hurt * given.inhabitants / 100_000)
    dry = cost(dice, given, "U07501", truth, level=58, own=12, luck=5,
               structure=footpaths, asked=collected)  # fmt: skip
    parks = cost(dice, given, "N07025", truth, level=210, own=28, luck=6,
                 structure=-0.08 * given.sparse)  # fmt: skip
    roads = cost(dice, given, "roads and parking", truth, level=1_080, own=17, luck=7)
    return {
        "U07501": dry,
        "U07427": published({"T": dry.by_gender["T"] * (1 + snow)}, asked=collected, decimals=0),
        "N07039": together(parks, roads),
        "N07025": parks,
        "N07804": published({"T": injuries * 100_000 / given.inhabitants}, decimals=0),
        "N07807": published({"T": metres + np.zeros(dice.shape)}, decimals=1),
    }  # fmt: skip


def rescue_leader(dice: Dice, given: Structure) -> IntArray:
    """Return whose rescue service each municipality has: its own, or that of its union.

    A union is some municipalities that follow each other by number in one county; the first of
    them stands for it, in the truth too.
    """
    place = np.arange(dice.shape[1])
    joined = dice.stream("rescue unions").random(dice.shape[1]) < JOINED
    joined &= given.county == np.roll(given.county, 1)
    joined[0] = False
    leader: IntArray = np.maximum.accumulate(np.where(joined, 0, place))
    return leader


def shared(truth: Performance, leader: IntArray) -> Performance:
    """Return the truth where members of a union have that of their leader."""
    return Performance(
        efficiency=truth.efficiency[:, leader],
        ambition=truth.ambition[:, leader],
        cost_level=truth.cost_level[:, leader],
        quality_level=truth.quality_level[:, leader],
    )


def rescue_service(
    dice: Dice, given: Structure, truth: Performance, leader: IntArray
) -> dict[str, Series]:
    """Draw what rescue service costs, the same a head in all of a union, and how soon it comes."""
    alone = cost(dice, given, "N07041", truth, level=1_080, own=8, luck=3,
                 structure=0.10 * given.sparse - 0.04 * given.size)  # fmt: skip
    minutes = 11.0 * np.exp(0.14 * given.sparse - 0.06 * truth.quality_level)
    minutes = minutes * np.exp(0.08 * dice.lasting("U07442 own"))
    usual = 0.30 * np.exp(0.12 * given.sparse + 0.1 * dice.lasting("N07415 own"))
    expected = usual * given.inhabitants / 1000
    fires = dice.stream("N07415").poisson(expected * np.exp(-0.08 * truth.quality_level)) * 1.0
    # Kolada's code: 2 is fewer than the model says, 1 as many, 0 more; whole fires.
    against = 1.0 + np.sign(np.round(expected) - fires)
    known = (given.period >= FIRST_FIRES) & before_last(given)
    protection = 1_500 * np.exp(0.03 * given.since + 0.12 * given.sparse)
    return {
        "N07041": published({"T": alone.by_gender["T"][:, leader]}, decimals=0),
        "N00157": published(
            {"T": protection * np.exp(0.03 * dice.lasting("N00157 own"))},
            asked=given.period >= FIRST_STANDARD_COST,
            decimals=0,
        ),
        "U07442": published(
            {"T": minutes * np.exp(0.05 * noise(dice, given, "U07442"))}, decimals=1
        ),
        "N07415": published({"T": 1000 * fires / given.inhabitants}, asked=known, decimals=2),
        "N00488": published({"T": against}, asked=known, decimals=0, has_riket=False),
    }


def environment_and_health(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what supervision costs; what companies say of it is in Insikt."""
    return {
        "N07026": cost(dice, given, "N07026", truth, level=135, own=22, luck=8,
                       structure=0.10 * given.sparse)
    }  # fmt: skip


def planning_and_building(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what planning costs and how long plans and permits take."""
    days = 36 * np.exp(-0.25 * truth.quality_level + 0.25 * dice.lasting("N00820 own"))
    months = 27 * np.exp(-0.2 * truth.quality_level + 0.2 * dice.lasting("N07926 own"))
    n_plan = np.round(2 * (given.inhabitants / 10_000) ** 0.75 * 2)
    appealed = -1.3 - 0.1 * truth.quality_level + 0.35 * given.size
    none = n_plan < 2
    return {
        "N07038": cost(dice, given, "N07038", truth, level=460, own=25, luck=10),
        "N00820": published(
            {"T": days * np.exp(0.18 * noise(dice, given, "N00820"))},
            asked=reporting(dice, given, "N00820", will=0.8),
            decimals=0,
        ),
        "N07926": published(
            {"T": np.where(none, np.nan, months * np.exp(0.2 * noise(dice, given, "N07926")))},
            decimals=0,
        ),
        "N07928": published(
            {"T": np.where(none, np.nan, share(dice, "N07928", n_plan, appealed))}, decimals=0
        ),
    }


def business_climate(dice: Dice, given: Structure, truth: Performance) -> dict[str, Series]:
    """Draw what promoting business costs, and how many companies start."""
    started = 11.0 * np.exp(0.16 * given.size + 0.12 * dice.lasting("N00999 own"))
    n_started = dice.stream("N00999").poisson(started * 0.6 * given.inhabitants / 1000)
    educated = standardised(given.educated_pct)
    return {
        "N40009": cost(dice, given, "N40009", truth, level=270, own=35, luck=10,
                       structure=0.15 * given.sparse),
        "N00999": published(
            {"T": n_started / (0.6 * given.inhabitants / 1000) * np.exp(0.06 * educated)},
            decimals=1,
        ),
    }  # fmt: skip


def community(dice: Dice, given: Structure, truth: Mapping[str, Performance]) -> dict[str, Series]:
    """Draw every service of this module."""
    return (
        culture(dice, given, truth["culture"])
        | leisure(dice, given, truth["leisure"])
        | streets_and_parks(dice, given, truth["streets_and_parks"])
        | rescue_service(dice, given, truth["rescue_service"], rescue_leader(dice, given))
        | environment_and_health(dice, given, truth["environment_and_health"])
        | planning_and_building(dice, given, truth["planning_and_building"])
        | business_climate(dice, given, truth["business_climate"])
    )


def _open(given: Structure) -> FloatArray:
    open_ = np.ones_like(given.period)
    for period, part in PANDEMIC.items():
        open_ = np.where(given.period == period, part, open_)
    return open_
