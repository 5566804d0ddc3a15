"""How sure a rank is: what ranks the truth may have, given how noisy the values are.

The noise comes from the error budget (`models/rank/error_budget.py`), the true levels from how
values differ beyond it. Truths that agree with both are drawn, each draw is scored by the same
recipe as the values themselves (`models/score/index.py`), and the ranks of the draws are counted.
"""

import os
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from models.areas.service_area import ServiceArea
from models.panel import AreaArrays, BoolArray, FloatArray, area_arrays, period_status
from models.rank.error_budget import Budget, budget_rows, period_budget
from models.rank.truth import truth_draws
from models.rank.yearly_noise import yearly_noise
from models.score.index import area_index, competition_rank

TOP = 10

KEY_SCHEMA = {"service_area": pl.String, "period": pl.Int32}
INTERVAL_SCHEMA = {
    **KEY_SCHEMA,
    "municipality": pl.String,
    "rank_low": pl.Int32,
    "rank_high": pl.Int32,
    "p_first": pl.Float64,
    "p_top10": pl.Float64,
    "p_top_quarter": pl.Float64,
}
BETTER_SCHEMA = {
    **KEY_SCHEMA,
    "municipality": pl.String,
    "peer": pl.String,
    "p_better": pl.Float64,
}
BUDGET_SCHEMA = {
    **KEY_SCHEMA,
    "indicator": pl.String,
    "part": pl.String,
    "kind": pl.String,
    "sd": pl.Float64,
    "noise_share": pl.Float64,
    "reliability": pl.Float64,
    "n_municipality": pl.Int32,
}
Pairs = Mapping[str, Mapping[str, tuple[str, ...]]]  # by area and municipality, its peers


@dataclass(frozen=True, slots=True)
class RankSummary:
    """What draws say of the ranks, in the order of the municipalities."""

    low: FloatArray  # (n,), the best rank of the interval
    high: FloatArray  # (n,)
    p_first: FloatArray  # (n,); a shared first place counts for all who share it
    p_top10: FloatArray  # (n,)
    p_top_quarter: FloatArray  # (n,); a quarter of n places, rounded up


@dataclass(frozen=True, slots=True)
class RankPanel:
    """How sure the ranks of a panel are, each frame sorted by its key."""

    interval: pl.DataFrame  # contracts.uncertainty.RankInterval
    better_than: pl.DataFrame  # contracts.uncertainty.BetterThan
    error_budget: pl.DataFrame  # contracts.uncertainty.ErrorBudget


def rank_summary(rank: ArrayLike, *, level: float) -> RankSummary:
    """Count the ranks of draws.

    An end of the interval is the rank with half of the excluded share of the draws beyond it,
    draws at the rank itself counted half. Ranks are whole numbers, and without the halves the
    interval would hold more than it says.

    Parameters
    ----------
    rank : array, shape (n_draw, n)
        1 is best; whole numbers, without NaN.
    level : float
        The share of the draws inside the interval, above 0 and below 1.

    Returns
    -------
    RankSummary
        For each of the n.

    References
    ----------
    Marshall and Spiegelhalter (1998), BMJ 316, 1701-1704, rank intervals by simulation.
    """
    rank = np.asarray(rank, dtype=np.float64)
    n = rank.shape[1]
    tail = (1 - level) / 2
    return RankSummary(
        low=_lower_end(rank, tail),
        high=-_lower_end(-rank, tail),
        p_first=np.mean(rank == 1, axis=0),
        p_top10=np.mean(rank <= TOP, axis=0),
        p_top_quarter=np.mean(rank <= np.ceil(n / 4), axis=0),
    )


def better_than(rank: ArrayLike) -> FloatArray:
    """Count, for every pair, how often the one is ahead of the other.

    Parameters
    ----------
    rank : array, shape (n_draw, n)
        1 is best.

    Returns
    -------
    array, shape (n, n)
        Row i, column j: the share of the draws in which i is ahead of j; a tie is half of one, so
        that the two of a pair add up to 1.
    """
    rank = np.asarray(rank, dtype=np.float64)
    return np.stack([_share_ahead(rank[:, [i]], rank) for i in range(rank.shape[1])])


def rank_probabilities(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    peers: pl.DataFrame | None = None,
    revisions: Mapping[str, float] | None = None,
    draws: int = 1000,
    level: float = 0.9,
    seed: int = 1489,
) -> RankPanel:
    """Say which ranks every ranked municipality may truly have, and what makes them unsure.

    The interval tells of the rank that the true levels of that year would give, all of them
    scored by the same recipe. It is not about next year, nor about whether the recipe is right.
    A rank may lie outside its own interval: the best of many is more often lucky than unlucky.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), with as many periods as there are: the noise is
        estimated from all of them.
    areas : iterable of ServiceArea
        The definitions the panel was made from.
    peers : frame, optional
        `service_area, municipality, peer`: the pairs that are compared.
    revisions : mapping, optional
        By KPI, from `error_budget.revision_variance`.
    draws : int
        How many truths to draw.
    level : float
        The share of the draws inside the interval, above 0 and below 1.
    seed : int
        The same seed gives the same frames, whatever the order of the rows and whichever other
        areas there are.

    Returns
    -------
    RankPanel
        `interval` has a row for each ranked municipality, null where some indicator's noise is
        not known; `better_than` for each pair of peers that are both ranked and have intervals;
        `error_budget` for each indicator and part of its noise, in the years that are ranked.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, or an option is out of range.

    References
    ----------
    Goldstein and Spiegelhalter (1996), J. R. Stat. Soc. A 159(3), 385-443.
    """
    if draws < 1 or not 0 < level < 1:
        raise ValueError(
            f"{draws} draws and level {level} were asked for. Use at least 1 draw and a level "
            "between 0 and 1."
        )
    pairs = _pairs(peers)

    def judged(ranked: RankedPeriod) -> tuple[pl.DataFrame, ...]:
        score = ranked.drawn_scores(draws, seed=seed, stream=())
        rank = None if score is None else competition_rank(score)[:, ranked.is_ranked]
        return (
            ranked.interval_frame(rank, level),
            ranked.better_frame(rank, pairs.get(ranked.arrays.area.name, {})),
            ranked.budget_frame(),
        )

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = list(pool.map(judged, ranked_periods(panel, areas, revisions)))
    empty = [pl.DataFrame(schema=each) for each in (INTERVAL_SCHEMA, BETTER_SCHEMA, BUDGET_SCHEMA)]
    interval, better, budget = (pl.concat(each) for each in zip(empty, *found, strict=True))
    key = list(KEY_SCHEMA)
    return RankPanel(
        interval=interval.sort(*key, "municipality"),
        better_than=better.sort(*key, "municipality", "peer"),
        error_budget=budget.sort(*key, "indicator", "part"),
    )


@dataclass(frozen=True, slots=True)
class RankedPeriod:
    """One area and year in which somebody is ranked, with its error budget."""

    arrays: AreaArrays
    position: int
    is_ranked: BoolArray  # (n_municipality,)
    budget: Budget

    @property
    def period(self) -> int:
        """The year."""
        return self.arrays.periods[self.position]

    @property
    def key(self) -> dict[str, object]:
        """What every row of the year has in common."""
        return {"service_area": self.arrays.area.name, "period": self.period}

    @property
    def names(self) -> list[str]:
        """The municipalities that are ranked."""
        names: list[str] = np.array(self.arrays.municipalities)[self.is_ranked].tolist()
        return names

    def drawn_scores(self, draws: int, *, seed: int, stream: tuple[int, ...]) -> FloatArray | None:
        """Return (draws, n_municipality) scores of drawn truths; None if some noise is unknown.

        The area, the year and the stream tell the numbers drawn, whichever other areas there are.
        """
        if not self.budget.is_known.all():
            return None
        place = (zlib.crc32(self.arrays.area.name.encode()), self.period, *stream)
        generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))
        value = self.arrays.value[self.position]
        drawn = truth_draws(value, self.budget.noise, draws=draws, generator=generator)
        return area_index(self.arrays, drawn).efficiency

    def interval_frame(self, rank: FloatArray | None, level: float) -> pl.DataFrame:
        """Return the year's rows of `mart.rank_interval`."""
        numbers: dict[str, object] = {}
        if rank is not None:
            found = rank_summary(rank, level=level)
            numbers = {
                "rank_low": found.low,
                "rank_high": found.high,
                "p_first": found.p_first,
                "p_top10": found.p_top10,
                "p_top_quarter": found.p_top_quarter,
            }
        rows = pl.DataFrame({"municipality": self.names, **numbers})
        same = {name: self.key.get(name) for name in INTERVAL_SCHEMA if name not in rows.columns}
        return rows.with_columns(pl.lit(value).alias(name) for name, value in same.items()).select(
            pl.col(name).cast(kind) for name, kind in INTERVAL_SCHEMA.items()
        )

    def better_frame(
        self, rank: FloatArray | None, peers_of: Mapping[str, tuple[str, ...]]
    ) -> pl.DataFrame:
        """Return the year's rows of `mart.better_than`."""
        rows: list[dict[str, object]] = []
        if rank is not None:
            column = {name: position for position, name in enumerate(self.names)}
            for municipality in column.keys() & peers_of.keys():
                peers = [peer for peer in peers_of[municipality] if peer in column]
                share = _share_ahead(
                    rank[:, [column[municipality]]], rank[:, [column[peer] for peer in peers]]
                )
                rows += [
                    {**self.key, "municipality": municipality, "peer": peer, "p_better": p}
                    for peer, p in zip(peers, share.tolist(), strict=True)
                ]
        return pl.DataFrame(rows, schema=BETTER_SCHEMA)

    def budget_frame(self) -> pl.DataFrame:
        """Return the year's rows of `mart.error_budget`."""
        rows = budget_rows(self.arrays, self.position, self.budget)
        return pl.DataFrame([self.key | row for row in rows], schema=BUDGET_SCHEMA)


def ranked_periods(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    revisions: Mapping[str, float] | None,
    *,
    periods: Collection[int] | None = None,
) -> Iterator[RankedPeriod]:
    """Yield every area and year in which somebody is ranked, or only those of some years."""
    for arrays in area_arrays(panel, areas):
        for position, period in enumerate(arrays.periods):
            is_ranked: BoolArray = period_status(arrays, position) == "ranked"
            if is_ranked.any() and (periods is None or period in periods):
                yearly = yearly_noise(
                    arrays.value,
                    arrays.is_carried,
                    periods=arrays.periods,
                    breaks=[each.period for each in arrays.area.breaks],
                    judged=position,
                )
                budget = period_budget(arrays, position, yearly, revisions=revisions)
                yield RankedPeriod(arrays, position, is_ranked, budget)


def _lower_end(rank: FloatArray, tail: float) -> FloatArray:
    """Return the least rank that has at least the tail below it, half of its own draws counted."""
    in_order = np.sort(rank, axis=0)
    end = in_order[int(tail * len(rank))]
    below, equal = np.sum(rank < end, axis=0), np.sum(rank == end, axis=0)
    after = np.minimum(below + equal, len(rank) - 1)
    next_rank = np.take_along_axis(in_order, after[np.newaxis], axis=0)[0]
    chosen: FloatArray = np.where(below + equal / 2 >= tail * len(rank), end, next_rank)
    return chosen


def _share_ahead(rank: FloatArray, others: FloatArray) -> FloatArray:
    share: FloatArray = np.mean(rank < others, axis=0) + np.mean(rank == others, axis=0) / 2
    return share


def _pairs(peers: pl.DataFrame | None) -> Pairs:
    pairs: dict[str, dict[str, tuple[str, ...]]] = {}
    if peers is not None:
        for area, municipality, peer in peers.select("service_area", "municipality", "peer").rows():
            mine = pairs.setdefault(area, {})
            mine[municipality] = (*mine.get(municipality, ()), peer)
    return pairs
