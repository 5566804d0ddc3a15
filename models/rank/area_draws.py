"""What the true efficiency scores of every area may be, for whoever puts areas together.

`models/rank/uncertainty.py` draws them too, but keeps only their ranks, which cannot be weighed and
added up.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import FloatArray, area_arrays, period_status
from models.rank.error_budget import period_budget
from models.rank.uncertainty import truth_draws
from models.rank.yearly_noise import yearly_noise
from models.score.index import area_index


@dataclass(frozen=True, slots=True)
class AreaDraws:
    """Drawn efficiency scores of one service area and year."""

    municipalities: tuple[str, ...]
    efficiency: FloatArray  # (n_draw, n_municipality), NaN where the area has no score


def area_draws(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    revisions: Mapping[str, float] | None = None,
    periods: Collection[int] | None = None,
    draws: int = 1000,
    seed: int = 1489,
) -> dict[tuple[str, int], AreaDraws]:
    """Draw the true efficiency scores of every area and year in which somebody is ranked.

    As `models.rank.uncertainty.rank_probabilities` does for an area's own ranks. Every area and
    year has numbers of its own, so that areas are independent of each other.

    Parameters
    ----------
    panel, areas, revisions
        As there.
    periods : collection of int, optional
        The years to draw; all of them unless given. The noise is estimated from all anyhow.
    draws : int
        How many.
    seed : int
        The same seed gives the same draws, whichever other areas there are.

    Returns
    -------
    dict
        By area and year. One whose noise is not known is not there.
    """
    found = {}
    for arrays in area_arrays(panel, areas):
        for position, period in enumerate(arrays.periods):
            is_wanted = periods is None or period in periods
            if not is_wanted or not np.any(period_status(arrays, position) == "ranked"):
                continue
            yearly = yearly_noise(
                arrays.value,
                arrays.is_carried,
                periods=arrays.periods,
                breaks=[each.period for each in arrays.area.breaks],
                judged=position,
            )
            budget = period_budget(arrays, position, yearly, revisions=revisions)
            if budget.is_known.all():
                place = (zlib.crc32(arrays.area.name.encode()), period, 1)
                generator = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))
                truth = truth_draws(
                    arrays.value[position], budget.noise, draws=draws, generator=generator
                )
                found[arrays.area.name, period] = AreaDraws(
                    arrays.municipalities, area_index(arrays, truth).efficiency
                )
    return found
