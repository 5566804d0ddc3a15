"""RKA's indices of one area and year, computed in one way, each beside what is published.

The index of efficiency is computed twice: from the components of both sides, and from the two
published sides. The second rests on no belief about what the components are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from models.panel import BoolArray, FloatArray
from models.rka.fill import KpiValues, SideValues, side_values
from models.rka.index import (
    EXACT,
    Step,
    Variant,
    as_published,
    composite_index,
    efficiency_of_sides,
    published_decimals,
    rounding_error,
)
from models.rka.recipe import SIDES, AreaRecipe, IndexRecipe, Side

Index = Literal["resource", "quality", "efficiency"]
Source = Literal["published_sides", "components"]
Status = Literal["compared", "not_published", "no_components", "no_recipe"]
Reason = Literal[
    "not_published", "side_missing", "published_without_components", "component_missing",
    "rounding", "carried", "other_set", "unknown",
]  # fmt: skip

INDICES: tuple[Index, ...] = get_args(Index)
SOURCES: tuple[Source, ...] = get_args(Source)
STATUSES: tuple[Status, ...] = get_args(Status)
REASONS: tuple[Reason, ...] = get_args(Reason)


@dataclass(frozen=True, slots=True)
class AreaPeriod:
    """What is known of one area in one period."""

    recipe: AreaRecipe
    period: int
    sides: dict[Side, SideValues]
    published: dict[Index, FloatArray]  # (n_municipality,) each, NaN where there is none
    decimals: dict[Index, int | None]  # of the published series


@dataclass(frozen=True, slots=True)
class Series:
    """One index of one area and period from one source; arrays of (n_municipality,)."""

    area: str
    index: Index
    source: Source
    period: int
    kpi: str
    is_break: bool
    published: FloatArray
    recomputed: FloatArray
    allowance: float  # points that the rounding of published numbers explains
    decimals: int | None  # of the published series
    sides: tuple[SideValues, ...]  # what it was computed from; none from published sides
    is_other_set: bool  # other municipalities have the index, or a side of it, than are published

    @property
    def has_both(self) -> BoolArray:
        """Return who can be compared."""
        return ~np.isnan(self.recomputed + self.published)

    @property
    def error(self) -> FloatArray:
        """Return the absolute errors of those who can be compared."""
        return np.abs(self.recomputed - self.published)[self.has_both]

    @property
    def is_carried(self) -> BoolArray:
        """Return whose recomputed index has a component of another year."""
        carried = np.zeros(self.recomputed.shape, dtype=np.bool_)
        for side in self.sides:
            carried |= side.is_carried.any(axis=1)
        return carried & ~np.isnan(self.recomputed)

    @property
    def status(self) -> Status:
        """Return whether there is anything to compare, and if not, what is lacking."""
        if any(side.status == "no_recipe" for side in self.sides):
            return "no_recipe"
        if np.isnan(self.recomputed).all():
            return "no_components"
        return "compared" if self.has_both.any() else "not_published"

    def reasons(self, threshold: float) -> list[str | None]:
        """Say why each municipality differs by more than a threshold, as far as is known.

        Parameters
        ----------
        threshold : float
            Index points.

        Returns
        -------
        list of str or None
            None where nothing differs, or nothing can be compared.
        """
        no_published, no_recomputed = np.isnan(self.published), np.isnan(self.recomputed)
        lacks_all = np.full(no_published.shape, bool(self.sides))
        for side in self.sides:
            lacks_all &= np.isnan(side.value).all(axis=1)
        error = np.abs(self.recomputed - self.published)
        cases: list[tuple[BoolArray, Reason | Literal[""]]] = [
            (no_published & no_recomputed, ""),
            (no_published, "not_published"),
            (no_recomputed & (not self.sides), "side_missing"),
            (no_recomputed & lacks_all, "published_without_components"),
            (no_recomputed, "component_missing"),
            (error <= threshold, ""),
            (error <= self.allowance + EXACT, "rounding"),
            (self.is_carried, "carried"),
            (np.full(error.shape, self.is_other_set), "other_set"),
        ]
        if self.status != "compared":
            return [None] * error.size
        reason = np.select(
            [where for where, _ in cases], [each for _, each in cases], default="unknown"
        )
        return [each or None for each in reason.tolist()]


def area_periods(values: KpiValues, recipe: AreaRecipe) -> Iterator[AreaPeriod]:
    """Collect what is known of an area, period by period.

    Parameters
    ----------
    values : KpiValues
        Published values of indices and components.
    recipe : AreaRecipe
        What the indices are made of.

    Yields
    ------
    AreaPeriod
        For every period of the values.
    """
    kpi: dict[Index, str] = {
        "resource": recipe.resource.kpi,
        "quality": recipe.quality.kpi,
        "efficiency": recipe.efficiency.kpi,
    }
    decimals = {index: published_decimals(values.of_kpi.get(kpi[index], ())) for index in INDICES}
    for period in values.periods:
        yield AreaPeriod(
            recipe=recipe,
            period=period,
            sides={side: side_values(values, recipe.sides[side], period) for side in SIDES},
            published={index: values.at(kpi[index], period) for index in INDICES},
            decimals=decimals,
        )


def recomputed_series(given: AreaPeriod, variant: Variant) -> Iterator[Series]:
    """Compute every index of one area and period in one way.

    Parameters
    ----------
    given : AreaPeriod
        What is known.
    variant : Variant
        How every step is done; a series whose published numbers show no rounding is not rounded.

    Yields
    ------
    Series
        Resource, quality, and efficiency from both sources; none where nobody has a number.
    """
    recipe = given.recipe
    step = {
        side: _side_step(recipe.sides[side], given.sides[side], variant, given.decimals[side])
        for side in SIDES
    }
    for side in SIDES:
        yield from _series(given, side, "components", variant, step[side], (side,))

    decimals = given.decimals["efficiency"]
    way = _as_it_shows(variant, decimals)
    computed = efficiency_of_sides(
        step["resource"].score,
        step["quality"].score,
        variant=way,
        decimals=decimals,
        reach=(step["resource"].reach + step["quality"].reach) / 2,
    )
    is_other = any(_is_other_set(step[side].score, given.published[side]) for side in SIDES)
    yield from _series(given, "efficiency", "components", variant, computed, SIDES, is_other)

    reach = sum(rounding_error(given.decimals[side]) for side in SIDES) / 2
    computed = efficiency_of_sides(
        given.published["resource"],
        given.published["quality"],
        variant=way,
        decimals=decimals,
        reach=np.array([reach]),
    )
    yield from _series(given, "efficiency", "published_sides", variant, computed, ())


def _series(
    given: AreaPeriod,
    index: Index,
    source: Source,
    variant: Variant,
    step: Step,
    sides: tuple[Side, ...],
    is_other_set: bool = False,
) -> Iterator[Series]:
    recipe, published, decimals = given.recipe, given.published[index], given.decimals[index]
    step = as_published(step, variant=_as_it_shows(variant, decimals), decimals=decimals)
    if np.isnan(published).all() and np.isnan(step.score).all():
        return
    breaks = {each.period for side in sides or SIDES for each in recipe.sides[side].breaks}
    yield Series(
        area=recipe.name,
        index=index,
        source=source,
        period=given.period,
        kpi=recipe.efficiency.kpi if index == "efficiency" else recipe.sides[index].kpi,
        is_break=given.period in breaks,
        published=published,
        recomputed=step.score,
        allowance=float(step.reach.item()) + rounding_error(decimals),
        decimals=decimals,
        sides=tuple(given.sides[side] for side in sides),
        is_other_set=is_other_set or _is_other_set(step.score, published),
    )


def _side_step(
    recipe: IndexRecipe, side: SideValues, variant: Variant, decimals: int | None
) -> Step:
    if side.status != "usable":
        return Step(np.full(len(side.value), np.nan), np.zeros(1))
    return composite_index(
        side.value,
        directions=[each.direction for each in recipe.components],
        weights=[each.weight for each in recipe.components],
        scalings=recipe.scalings,
        variant=_as_it_shows(variant, decimals),
        decimals=decimals,
        reach=[rounding_error(published_decimals(column)) for column in side.value.T],
    )


def _as_it_shows(variant: Variant, decimals: int | None) -> Variant:
    return replace(variant, rounding="none") if decimals is None else variant


def _is_other_set(recomputed: FloatArray, published: FloatArray) -> bool:
    return bool(np.any(np.isnan(recomputed) != np.isnan(published)))
