"""What has happened in every service area and municipality between two years, in one word.

The rule is that of `models/change/guardrail.py`; here a panel's changes and their noise are put to
it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import polars as pl

from models.areas.service_area import Indicator, ServiceArea
from models.change.gender_gap import normal_equivalent
from models.change.guardrail import (
    SideChange,
    change_label,
    check_threshold,
    guarded_change,
    side_change,
)
from models.panel import AreaArrays, BoolArray, FloatArray, area_arrays
from models.rank.error_budget import period_budget
from models.rank.yearly_noise import FEWEST_PAIRS, yearly_noise
from models.score.index import stated_direction

Reason = Literal["break_between", "missing_cost", "missing_quality", "unknown_noise"]
REASONS: tuple[Reason, ...] = get_args(Reason)

PAIR_SCHEMA = {
    "service_area": pl.String,
    "period_before": pl.Int32,
    "period": pl.Int32,
    "municipality": pl.String,
}
LABEL_SCHEMA = {
    **PAIR_SCHEMA,
    "cost_change": pl.Float64,
    "cost_z": pl.Float64,
    "quality_change": pl.Float64,
    "quality_z": pl.Float64,
    "n_guardrail": pl.Int32,
    "n_guardrail_known": pl.Int32,
    "n_guardrail_worse": pl.Int32,
    "score_change": pl.Float64,
    "guarded_change": pl.Float64,
    "label": pl.String,
    "reason": pl.String,
}
GUARDRAIL_SCHEMA = {
    **PAIR_SCHEMA,
    "indicator": pl.String,
    "value_before": pl.Float64,
    "value": pl.Float64,
    "z": pl.Float64,
    "is_worse": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class GuardrailPanel:
    """The changes of a panel, each frame sorted by its key."""

    label: pl.DataFrame  # mart.change_label
    guardrail: pl.DataFrame  # mart.guardrail_change


def change_labels(
    panel: pl.DataFrame, areas: Iterable[ServiceArea], *, threshold: float, span: int = 1
) -> GuardrailPanel:
    """Name what has happened in every area, municipality and pair of periods.

    The cost is judged net of the country's median change, for prices and pay rise for all, so that
    a cut in the whole country is not seen in the cost; the quality and the guardrails as they are.
    A value carried from an earlier year says nothing of a change: with yearly pairs, a survey of
    every other year gives "no_data", and takes a span of 2.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order, with as many periods as there
        are: the noise is estimated from all of them.
    areas : iterable of ServiceArea
        The definitions the panel was made from.
    threshold : float
        In standard deviations of a change; `change_threshold` gives one.
    span : int
        Years between the two periods of a pair.

    Returns
    -------
    GuardrailPanel
        `label` has a row for every municipality and pair of periods, "no_data" with its reason
        across a break too; `guardrail` one for every guardrail besides.

    Raises
    ------
    ValueError
        If the panel has a key twice or differs from the areas, or an option is out of range.
    """
    check_threshold(threshold)
    if span < 1:
        raise ValueError(f"The span is {span} years. Use 1 or more.")
    labels = [pl.DataFrame(schema=LABEL_SCHEMA)]
    guardrails = [pl.DataFrame(schema=GUARDRAIL_SCHEMA)]
    for arrays in area_arrays(panel, areas):
        guard = _Guardrails.of(arrays, panel)
        for after, period in enumerate(arrays.periods):
            if period - span in arrays.periods:
                pair = _Pair(arrays, guard, arrays.periods.index(period - span), after)
                label, guardrail = pair.frames(threshold)
                labels.append(label)
                guardrails.append(guardrail)
    key = list(PAIR_SCHEMA)
    return GuardrailPanel(
        label=pl.concat(labels).sort(key), guardrail=pl.concat(guardrails).sort(*key, "indicator")
    )


@dataclass(frozen=True, slots=True)
class _Guardrails:
    """An area's guardrails, beside its `AreaArrays`."""

    indicators: tuple[Indicator, ...]
    value: FloatArray  # (n_period, n_municipality, n_guardrail)
    is_carried: BoolArray  # the same shape

    @classmethod
    def of(cls, arrays: AreaArrays, panel: pl.DataFrame) -> "_Guardrails":
        """Put the guardrails' rows of a panel in the order of `arrays`."""
        indicators = arrays.area.with_role("guardrail")
        shape = (*arrays.in_panel.shape, len(indicators))
        value, is_carried = np.full(shape, np.nan), np.zeros(shape, dtype=np.bool_)
        places = (
            arrays.periods,
            arrays.municipalities,
            tuple(each.name for each in indicators),
        )
        at = [{name: position for position, name in enumerate(names)} for names in places]
        rows = panel.filter(
            pl.col("service_area") == arrays.area.name,
            pl.col("role") == "guardrail",
            pl.col("value").is_not_null(),
        )
        for *key, number, carried in rows.select(
            "period", "municipality", "indicator", "value", "is_carried"
        ).iter_rows():
            place = tuple(names[name] for names, name in zip(at, key, strict=True))
            value[place], is_carried[place] = number, carried
        return cls(indicators, value, is_carried)


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two periods of an area, to be compared."""

    arrays: AreaArrays
    guard: _Guardrails
    before: int  # position of the period
    after: int

    @property
    def key(self) -> dict[str, object]:
        """What every row of the pair has in common."""
        return {
            "service_area": self.arrays.area.name,
            "period_before": self.arrays.periods[self.before],
            "period": self.arrays.periods[self.after],
            "municipality": self.arrays.municipalities,
        }

    @property
    def breaks(self) -> list[int]:
        """The years that cannot be compared with the year before."""
        return [each.period for each in self.arrays.area.breaks]

    def frames(self, threshold: float) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return the pair's rows of both tables."""
        first, last = self.arrays.periods[self.before], self.arrays.periods[self.after]
        is_broken = any(first < each <= last for each in self.breaks)
        n = len(self.arrays.municipalities)
        nothing = SideChange(np.full(n, np.nan), np.full(n, np.nan))
        cost, quality = (nothing, nothing) if is_broken else self.sides()
        guardrail_z = self.guardrail_z(is_broken)
        is_worse = guardrail_z < -threshold
        label = change_label(-cost.z, quality.z, guardrail_z, threshold=threshold)
        score = (cost.change + quality.change) / 2
        is_known = ~np.isnan(guardrail_z)
        columns = self.key | {
            "cost_change": -cost.change,
            "cost_z": -cost.z,
            "quality_change": quality.change,
            "quality_z": quality.z,
            "n_guardrail": [len(self.guard.indicators)] * n,
            "n_guardrail_known": is_known.sum(axis=1),
            "n_guardrail_worse": is_worse.sum(axis=1),
            "score_change": score,
            "guarded_change": guarded_change(score, label),
            "label": label.tolist(),
            "reason": self.reasons(cost, quality, is_broken),
        }
        in_panel = pl.Series(self.arrays.in_panel[self.before] & self.arrays.in_panel[self.after])
        frame = _typed(columns, LABEL_SCHEMA).filter(in_panel)
        rows = [
            _typed(
                self.key
                | {
                    "indicator": indicator.name,
                    "value_before": self.guard.value[self.before, :, column],
                    "value": self.guard.value[self.after, :, column],
                    "z": guardrail_z[:, column],
                    "is_worse": pl.Series(guardrail_z[:, column]).fill_nan(None) < -threshold,
                },
                GUARDRAIL_SCHEMA,
            ).filter(in_panel)
            for column, indicator in enumerate(self.guard.indicators)
        ]
        return frame, pl.concat([pl.DataFrame(schema=GUARDRAIL_SCHEMA), *rows])

    def sides(self) -> tuple[SideChange, SideChange]:
        """Return how cost and quality have changed, above 0 better."""
        arrays = self.arrays
        variance, degrees, correlation = self.noise()
        then, base = arrays.value[self.before], arrays.value[self.base()]
        now = np.where(self.is_new(arrays.is_carried), arrays.value[self.after], np.nan)
        n_cost = len(arrays.cost)
        now[:, :n_cost] -= _median(now[:, :n_cost] - then[:, :n_cost])
        sides = []
        for indicators, at in (
            (arrays.cost, slice(0, n_cost)),
            (arrays.quality, slice(n_cost, None)),
        ):
            sides.append(
                side_change(
                    then[:, at],
                    now[:, at],
                    base=base[:, at],
                    directions=[stated_direction(each) for each in indicators],
                    weights=[each.weight for each in indicators],
                    variance=variance[:, at],
                    degrees=degrees[:, at],
                    correlation=correlation[at, at],
                )
            )
        return sides[0], sides[1]

    def noise(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return variance and degrees of freedom of changes, and their correlation."""
        arrays = self.arrays
        yearly = yearly_noise(
            arrays.value,
            arrays.is_carried,
            periods=arrays.periods,
            breaks=self.breaks,
            judged=self.after,
        )
        found = [
            period_budget(arrays, position, yearly).noise for position in (self.before, self.after)
        ]
        degrees = np.minimum(found[0].degrees, found[1].degrees)
        return found[0].variance + found[1].variance, degrees, found[1].correlation

    def guardrail_z(self, is_broken: bool) -> FloatArray:
        """Return (n, n_guardrail) changes, above 0 better, in standard deviations of a change."""
        guard = self.guard
        z = np.full(guard.value.shape[1:], np.nan)
        if is_broken or not guard.indicators:
            return z
        yearly = yearly_noise(
            guard.value,
            guard.is_carried,
            periods=self.arrays.periods,
            breaks=self.breaks,
            judged=self.after,
        )
        change = guard.value[self.after] - guard.value[self.before]
        change = np.where(self.is_new(guard.is_carried), change, np.nan)
        sign = np.array(
            [1.0 if stated_direction(each) == "higher" else -1.0 for each in guard.indicators]
        )
        is_known = np.array(yearly.n_pairs) >= FEWEST_PAIRS
        found = normal_equivalent(sign * change, np.sqrt(2 * yearly.variance), yearly.degrees)
        return np.where(is_known, found, np.nan)

    def is_new(self, is_carried: BoolArray) -> BoolArray:
        """Say which of the later values are about a later year than the earlier ones."""
        first, last = self.arrays.periods[self.before], self.arrays.periods[self.after]
        newer: BoolArray = last - is_carried[self.after] > first - is_carried[self.before]
        return newer

    def base(self) -> int:
        """Return the position of the first period since the last break before the pair."""
        first = self.arrays.periods[self.before]
        since = max((each for each in self.breaks if each <= first), default=0)
        return next(
            position for position, period in enumerate(self.arrays.periods) if period >= since
        )

    def reasons(
        self, cost: SideChange, quality: SideChange, is_broken: bool
    ) -> list[Reason | None]:
        """Say of each municipality why there is no label."""
        if is_broken:
            return ["break_between"] * len(cost.z)
        found = np.select(
            [
                np.isnan(cost.change),
                np.isnan(quality.change),
                np.isnan(cost.z) | np.isnan(quality.z),
            ],
            ["missing_cost", "missing_quality", "unknown_noise"],
            default="",
        )
        return [each or None for each in found.tolist()]


def _median(change: FloatArray) -> FloatArray:
    """Return the median of every column that has any value, and NaN of the others."""
    nothing = np.isnan(change).all(axis=0)
    return np.where(nothing, np.nan, np.nanmedian(np.where(nothing, 0.0, change), axis=0))


def _typed(columns: dict[str, object], schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    frame = pl.DataFrame(columns).fill_nan(None)
    return frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
