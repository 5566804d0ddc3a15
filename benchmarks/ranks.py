"""Times how sure every rank is: 290 municipalities, 20 areas, 10 years, 2 000 draws each.

The whole computation from the panel to the three tables, in one process, with the memory it took.
Against it the same truths scored one draw at a time, as one would write it first, ranks by SciPy;
extrapolated from 100 draws of one area and year.
"""

import resource
import time

import numpy as np
import polars as pl
from scipy import stats

from models.areas.service_area import Indicator, ServiceArea
from models.rank.uncertainty import rank_probabilities

N, AREAS, PERIODS, DRAWS = 290, 20, 10, 2000
N_QUALITY = 4
FIRST = 2016
NEIGHBOURS = 7


def indicator(number: int) -> Indicator:
    """A made-up cost (0) or quality."""
    is_cost = number == 0
    return Indicator(
        name="cost" if is_cost else f"quality_{number}", kpi=f"N{number:05d}", title="", label="",
        unit="kr" if is_cost else "%", role="cost" if is_cost else "quality",
        direction="lower" if is_cost else "higher", weight=1.0, regi="kommunal", carry_forward=0,
        unit_data=False, first_period=FIRST, plausible=None, zero=None, margin=None, answers=None,
        assumed_sd=None, assumed_sd_reason=None, why="", source="", sum_of=(), relative_to=None,
        regi_reason=None, is_input=False,
    )  # fmt: skip


def area(number: int) -> ServiceArea:
    """A made-up service area with one cost and some qualities."""
    return ServiceArea(
        name=f"area_{number:02d}", title="", first_period=FIRST, last_period=None, statutory=True,
        regi="kommunal", peer_group="", evidence_grade="A", evidence_reason="", minimum_share=0.7,
        orientation="input", rts="vrs", decision=None, small_numbers=None, rka=None, breaks=(),
        indicators=tuple(indicator(each) for each in range(1 + N_QUALITY)),
    )  # fmt: skip


def panel_of(one: ServiceArea, generator: np.random.Generator) -> pl.DataFrame:
    """Levels that last, and noise of half their size that differs between municipalities."""
    k = len(one.indicators)
    sd = 0.5 * np.exp(0.3 * generator.normal(size=(N, 1)))
    value = generator.normal(size=(N, k)) + sd * generator.normal(size=(PERIODS, N, k))
    period, municipality, column = (each.ravel() for each in np.indices(value.shape))
    name = [each.name for each in one.indicators]
    return pl.DataFrame(
        {
            "service_area": one.name,
            "period": (FIRST + period).astype(np.int32),
            "municipality": [f"{1000 + each}" for each in municipality],
            "indicator": [name[each] for each in column],
            "kpi": [one.indicators[each].kpi for each in column],
            "role": [one.indicators[each].role for each in column],
            "direction": [one.indicators[each].direction for each in column],
            "weight": 1.0,
            "value": value.ravel(),
            "value_period": (FIRST + period).astype(np.int32),
            "is_carried": False,
            "is_preliminary": False,
            "reason": pl.Series([None] * value.size, dtype=pl.String),
        }
    )


def one_by_one(generator: np.random.Generator, draws: int = 100) -> float:
    """Seconds of scoring and ranking one draw of an area and year, without the drawing."""
    truth = generator.normal(size=(draws, N, 1 + N_QUALITY))
    start = time.perf_counter()
    for each in truth:
        cost, *quality = (np.clip(column, *np.percentile(column, [2.5, 97.5])) for column in each.T)
        mean = np.mean([(each - each.min()) / np.ptp(each) for each in quality], axis=0)
        mean = np.clip(mean, *np.percentile(mean, [2.5, 97.5]))
        score = (cost.max() - cost) / np.ptp(cost) + (mean - mean.min()) / np.ptp(mean)
        stats.rankdata(-score, method="min")
    return (time.perf_counter() - start) / draws


def main() -> None:
    """Print time, memory and the ratio."""
    generator = np.random.default_rng(1489)
    areas = [area(number) for number in range(AREAS)]
    panel = pl.concat([panel_of(one, generator) for one in areas])
    names = panel["municipality"].unique().sort()
    peers = pl.concat(
        pl.DataFrame(
            {
                "service_area": one.name,
                "municipality": names,
                "peer": pl.concat([names[step:], names[:step]]),
            }
        )
        for one in areas
        for step in range(1, NEIGHBOURS + 1)
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    start = time.perf_counter()
    result = rank_probabilities(panel, areas, peers=peers, draws=DRAWS)
    ours = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    theirs = one_by_one(generator) * DRAWS * AREAS * PERIODS
    print(
        f"{result.interval.height:,} intervals and {result.better_than.height:,} pairs of "
        f"{DRAWS:,} draws: {ours:.1f} s, peak {peak:,.0f} MiB ({before:,.0f} before); scoring "
        f"alone, one draw at a time: {theirs:.0f} s, {theirs / ours:.1f} times"
    )


if __name__ == "__main__":
    main()
