"""What the true efficiency scores of every area may be, for whoever puts areas together.

`models/rank/uncertainty.py` draws them too, but keeps only their ranks, which cannot be weighed and
added up.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import FloatArray
from models.rank.uncertainty import ranked_periods

STREAM = (1,)  # numbers of their own, beside those that the areas' own ranks are drawn with


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
    drawn = {
        (ranked.arrays.area.name, ranked.period): (
            ranked.arrays.municipalities,
            ranked.drawn_scores(draws, seed=seed, stream=STREAM),
        )
        for ranked in ranked_periods(panel, areas, revisions, periods=periods)
    }
    return {
        key: AreaDraws(municipalities, score)
        for key, (municipalities, score) in drawn.items()
        if score is not None
    }
