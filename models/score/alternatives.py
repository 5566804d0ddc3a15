"""The efficiency score by other recipes, to see whether a place holds where the recipe changes.

The official recipe (`models/score/index.py`) puts every year on a scale of its own and lets low
cost make up for low quality in full. Here the scale of a base year is kept, so that a score that
rises is a municipality that improves; and the two sides are multiplied, so that neither makes up
for the other.
"""

from collections.abc import Iterable

import numpy as np
import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import area_arrays, period_status
from models.score.index import area_index
from models.score.recipes import Recipe, recipe_score

OFFICIAL = Recipe("trimmed", "arithmetic")
ALTERNATIVE_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "municipality": pl.String,
    "base_period": pl.Int32,
    "fixed_base_score": pl.Float64,
    "geometric_score": pl.Float64,
}


def alternative_scores(panel: pl.DataFrame, areas: Iterable[ServiceArea]) -> pl.DataFrame:
    """Score every municipality by the same recipe on a fixed base, and by the geometric mean.

    The base is the first year that is scored, and the first after every break: from there on all
    of the recipe's scales, of indicators and of sides, are the ones of that year. A value beyond
    them gets 0 or 100, as in the recipe.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order.
    areas : iterable of ServiceArea
        The definitions the panel was made from.

    Returns
    -------
    frame
        `mart.index_alternative` (`contracts.index.IndexAlternative`), sorted by key; null where
        `mart.index` has no score, and where a scale of the base year has no width.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, steps 5 and 6: normalisation
    on a reference year, and geometric aggregation as less than full compensation.
    """
    frames = [pl.DataFrame(schema=ALTERNATIVE_SCHEMA)]
    for arrays in area_arrays(panel, areas):
        breaks = {each.period for each in arrays.area.breaks}
        base: int | None = None
        for position, period in enumerate(arrays.periods):
            if period in breaks:
                base = None
            is_covered = period_status(arrays, position)[0] != "coverage_below_gate"
            fixed = np.full(len(arrays.municipalities), np.nan)
            geometric = fixed
            if is_covered:
                base = position if base is None else base
                result = area_index(arrays, arrays.value[position])
                geometric = np.sqrt(result.resource * result.quality)
                fixed = recipe_score(
                    arrays, arrays.value[position], OFFICIAL, base=arrays.value[base]
                )
            frame = pl.DataFrame(
                {
                    "service_area": [arrays.area.name] * fixed.size,
                    "period": [period] * fixed.size,
                    "municipality": list(arrays.municipalities),
                    "base_period": [None if base is None else arrays.periods[base]] * fixed.size,
                    "fixed_base_score": fixed,
                    "geometric_score": geometric,
                },
                schema=ALTERNATIVE_SCHEMA,
            )
            frames.append(frame.fill_nan(None).filter(pl.Series(arrays.in_panel[position])))
    return pl.concat(frames).sort("service_area", "period", "municipality")
