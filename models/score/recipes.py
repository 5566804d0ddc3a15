"""The efficiency score by other recipes, to see whether a place is the recipe's doing.

A recipe is a way to make scores of values (`models/score/normalisation.py`) and a way to make one
of several (`models/score/aggregation.py`). Both stand where the official recipe
(`models/score/index.py`) has its own: indicators are normalised, aggregated within a side and
normalised again, and the two sides are aggregated. So recipes differ in nothing but what they say,
and "trimmed" with "arithmetic" is the official score.
"""

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from models.areas.roles import Direction
from models.areas.service_area import Indicator
from models.panel import AreaArrays, FloatArray
from models.score.aggregation import copeland, generalised_mean, mazziotta_pareto
from models.score.index import LOWER_PERCENTILE, UPPER_PERCENTILE, stated_direction, weighted_mean
from models.score.normalisation import Names, min_max, percentile_rank, relative, z_score

Normalisation = Literal["trimmed", "min_max", "z_score", "percentile_rank", "relative"]
Aggregation = Literal[
    "arithmetic", "geometric", "harmonic", "minimum", "mazziotta_pareto", "copeland"
]
NORMALISATIONS: tuple[Normalisation, ...] = get_args(Normalisation)
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)

POWER = {"geometric": 0.0, "harmonic": -1.0, "minimum": -np.inf}
NEEDS_POSITIVE = ("geometric", "harmonic", "mazziotta_pareto")
LOWEST_POSITIVE = 1.0  # the low end for these, as in COINr's geometric index
Z_MEAN, Z_SD = 100.0, 10.0  # Mazziotta and Pareto's; 0 is ten deviations away


@dataclass(frozen=True, slots=True)
class Recipe:
    """One choice of each kind."""

    normalisation: Normalisation
    aggregation: Aggregation


def recipe_score(
    arrays: AreaArrays, value: FloatArray, recipe: Recipe, *, base: FloatArray | None = None
) -> FloatArray:
    """Score values of a service area by a recipe of one's choice.

    "trimmed" is RKA's scale, between percentiles 2.5 and 97.5. Z-scores have mean 100 and standard
    deviation 10 over all municipalities (ddof 0). Where the aggregation needs positive scores,
    "trimmed" and "min_max" begin at 1 instead of 0; how low they begin then matters. "copeland"
    has no sides to normalise: all indicators vote at once, each side with half of the votes.

    A better value never lowers one's own score, except under "z_score", whose second scale widens
    with the first, and under "mazziotta_pareto", to which evenness is worth something by itself.

    Parameters
    ----------
    arrays : AreaArrays
        Whose indicators, directions and weights count.
    value : array, shape (..., n, n_indicator)
        One period's values or draws of them, indicators in the order of `arrays`.
    recipe : Recipe
        How to normalise and to aggregate.
    base : array, shape (n_base, n_indicator), optional
        The values of a base year: all scales, of indicators and of sides, are those of that year.

    Returns
    -------
    array, shape (..., n)
        Better the higher, each recipe on a scale of its own: compare ranks across recipes, not
        scores. Missing for who lacks an indicator, for all if a side has none, and where a scale
        of the base has no spread.

    Raises
    ------
    ValueError
        If the recipe is unknown; if a value is infinite, or not positive where the recipe needs
        it; if the columns do not fit; if "copeland" is asked for on a base.

    References
    ----------
    Saisana, Saltelli and Tarantola (2005), J. R. Stat. Soc. A 168(2), 307-323, on how far ranks
    depend on such choices.
    """
    _check(arrays, value, recipe, base)
    if not (arrays.cost and arrays.quality):
        return np.full(value.shape[:-1], np.nan)
    n_cost = len(arrays.cost)
    sides = (arrays.cost, slice(0, n_cost)), (arrays.quality, slice(n_cost, None))
    if recipe.aggregation == "copeland":
        scores = [
            _indicator_scores(arrays, side, value[..., at], None, recipe) for side, at in sides
        ]
        votes = [_weights(side) / _weights(side).sum() for side, _ in sides]
        return copeland(np.concatenate(scores, axis=-1), np.concatenate(votes))
    score = [
        _side_score(arrays, side, value[..., at], None if base is None else base[..., at], recipe)
        for side, at in sides
    ]
    names = Names(arrays.municipalities, ("the cost side", "the quality side"))
    return _aggregated(np.stack(score, axis=-1), np.ones(2), recipe, names)


def _check(arrays: AreaArrays, value: FloatArray, recipe: Recipe, base: FloatArray | None) -> None:
    for kind, choice, choices in (
        ("normalisation", recipe.normalisation, NORMALISATIONS),
        ("aggregation", recipe.aggregation, AGGREGATIONS),
    ):
        if choice not in choices:
            raise ValueError(f"Unknown {kind} {choice!r}. Use one of {', '.join(choices)}.")
    n_indicator = len(arrays.cost) + len(arrays.quality)
    for called, given in (("values", value), ("values of the base", base)):
        if given is not None and given.shape[-1] != n_indicator:
            raise ValueError(
                f"The {called} have {given.shape[-1]} columns, {arrays.area.name} has "
                f"{n_indicator} scored indicators. Give one column each."
            )
    if base is not None and recipe.aggregation == "copeland":
        raise ValueError(
            "Copeland's method compares the municipalities of one year with each other and has no "
            "scale to freeze. Leave the base out, or choose another aggregation."
        )


def _side_score(
    arrays: AreaArrays,
    side: tuple[Indicator, ...],
    value: FloatArray,
    base: FloatArray | None,
    recipe: Recipe,
) -> FloatArray:
    """Return the side's index: its indicators put together, and normalised again."""
    names = Names(arrays.municipalities, [each.name for each in side])
    scores = _indicator_scores(arrays, side, value, base, recipe)
    now = _aggregated(scores, _weights(side), recipe, names)
    then = None
    if base is not None:
        scores = _indicator_scores(arrays, side, base, base, recipe)
        then = _aggregated(scores, _weights(side), recipe, Names(indicator=names.indicator))
    names = Names(arrays.municipalities, [f"the {side[0].role} side"])
    return _normalised(now, "higher", then, recipe, names)


def _indicator_scores(
    arrays: AreaArrays,
    side: tuple[Indicator, ...],
    value: FloatArray,
    base: FloatArray | None,
    recipe: Recipe,
) -> FloatArray:
    scores = np.empty(value.shape)
    for column, indicator in enumerate(side):
        scores[..., column] = _normalised(
            value[..., column],
            stated_direction(indicator),
            None if base is None else base[..., column],
            recipe,
            Names(arrays.municipalities, [indicator.name]),
        )
    return scores


def _normalised(
    value: FloatArray,
    direction: Direction,
    base: FloatArray | None,
    recipe: Recipe,
    names: Names,
) -> FloatArray:
    low = LOWEST_POSITIVE if recipe.aggregation in NEEDS_POSITIVE else 0.0
    match recipe.normalisation:
        case "trimmed":
            return min_max(
                value,
                direction=direction,
                low=low,
                lower_percentile=LOWER_PERCENTILE,
                upper_percentile=UPPER_PERCENTILE,
                base=base,
            )
        case "min_max":
            return min_max(value, direction=direction, low=low, base=base)
        case "z_score":
            return z_score(value, direction=direction, ddof=0, mean=Z_MEAN, sd=Z_SD, base=base)
        case "percentile_rank":
            return percentile_rank(value, direction=direction, base=base)
        case "relative":
            return relative(value, direction=direction, base=base, names=names)


def _aggregated(
    scores: FloatArray, weights: FloatArray, recipe: Recipe, names: Names
) -> FloatArray:
    match recipe.aggregation:
        case "arithmetic":
            return weighted_mean(scores, weights)
        case "mazziotta_pareto":
            return mazziotta_pareto(scores, weights, names=names)
        case _:
            return generalised_mean(scores, weights, power=POWER[recipe.aggregation], names=names)


def _weights(side: tuple[Indicator, ...]) -> FloatArray:
    return np.array([each.weight for each in side])
