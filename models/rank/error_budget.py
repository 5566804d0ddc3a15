"""What in an indicator is noise: the parts of its error, each measured, estimated or assumed.

A value is taken to be a municipality's true level that year plus noise. How large the noise is can
be known in several ways: the source publishes a margin of error; it publishes how many answered;
values move up and down from year to year; preliminary values have been revised before. Each way
is a part of the budget and says of which kind it is, and a part that must be there but whose size
nobody knows is listed as unknown.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from models.panel import AreaArrays, BoolArray, FloatArray
from models.rank.yearly_noise import FEWEST_PAIRS, TINY, YearlyNoise

Kind = Literal["measured", "estimated", "assumed", "unknown"]
PartName = Literal[
    "margin", "answers", "answers_of_others", "yearly_change", "assumed_sd", "carried", "revision"
]

MARGIN_IN_SD = 1.96  # Kolada gives no level for its margins ("Osäkerhetstal"); 95 % is assumed
SAMPLED_SHARE = 0.5  # of the values must have a margin or a number of answers
FEWEST_REVISED = 30  # values that have settled tell how large a revision is


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one period's values, in the indicators' own units."""

    variance: FloatArray  # (n_municipality, n_indicator)
    degrees: FloatArray  # (n_municipality, n_indicator), of freedom behind it; infinite if known
    scale: FloatArray  # (n_indicator,), times the mean of the variances it is unbiased
    correlation: FloatArray  # (n_indicator, n_indicator), between indicators of a municipality


@dataclass(frozen=True, slots=True)
class Part:
    """One source of noise in one indicator."""

    indicator: str
    name: PartName
    kind: Kind
    applies: BoolArray  # (n_municipality,)
    variance: FloatArray  # (n_municipality,), where it applies; NaN if the kind is unknown


@dataclass(frozen=True, slots=True)
class Budget:
    """The noise of a period's values, and the parts that it is the sum of."""

    noise: Noise
    parts: tuple[Part, ...]
    is_known: BoolArray  # (n_indicator,); False: the noise is NaN and no truth can be drawn


def margin_variance(margin: ArrayLike, *, in_sd: float = MARGIN_IN_SD) -> FloatArray:
    """Turn published margins of error into variances.

    Parameters
    ----------
    margin : array
        Half the width of the published interval; NaN, zero and below are not known.
    in_sd : float
        How many standard deviations it is; 1.96 takes the interval to be of 95 %.

    Returns
    -------
    array
        Of the same shape, in the margin's unit squared; NaN where it is not known.
    """
    margin = np.asarray(margin, dtype=np.float64)
    return np.where(margin > 0, (margin / in_sd) ** 2, np.nan)


def answers_variance(share_pct: ArrayLike, n_answer: ArrayLike) -> FloatArray:
    """Return the sampling variance of a share of so many answers.

    Two answers of each kind are added, so that a share of 0 or 100 % is not taken to be without
    noise. That those who answered are a large part of those who were asked is not allowed for: it
    is the service that is judged, not these very persons.

    Parameters
    ----------
    share_pct : array
        In percent; NaN is missing.
    n_answer : array
        How many answered; NaN and below 1 are not known.

    Returns
    -------
    array
        In percent squared; NaN where either is not known.

    References
    ----------
    Agresti and Coull (1998), Am. Stat. 52(2), 119-126.
    """
    n_answer = np.asarray(n_answer, dtype=np.float64)
    n = np.where(n_answer >= 1, n_answer, np.nan)
    share = (np.asarray(share_pct, dtype=np.float64) / 100 * n + 2) / (n + 4)
    variance: FloatArray = 1e4 * share * (1 - share) / (n + 4)
    return variance


def revision_variance(settled: pl.DataFrame) -> dict[str, float]:
    """Return how much values have been revised from preliminary to final, by KPI.

    Parameters
    ----------
    settled : frame
        `mart.settled_value`: `kpi, preliminary_value, settled_value`.

    Returns
    -------
    dict
        The mean square of the revisions, in the KPI's unit squared, of KPIs with at least 30
        values that have been both; a revision in one direction is an error too.
    """
    rows = settled.sort(settled.columns)
    found = {}
    for (kpi,), values in rows.group_by("kpi", maintain_order=True):
        if values.height >= FEWEST_REVISED:
            change = values["settled_value"].to_numpy() - values["preliminary_value"].to_numpy()
            found[str(kpi)] = float(np.mean(change**2))
    return found


def period_budget(
    arrays: AreaArrays,
    position: int,
    yearly: YearlyNoise,
    *,
    revisions: Mapping[str, float] | None = None,
) -> Budget:
    """Put together what is known of the noise in one period's values.

    Where the source tells the sampling noise of a value (a margin, or the number of answers behind
    a share), that is the municipality's own; what the changes between years show beyond the mean
    of it is added for all alike. Elsewhere the changes between years are all there is. Where they
    are too few, the area's file may assume a standard deviation. A value carried from the year
    before has twice the variance, and a preliminary one that of earlier revisions besides.

    Parameters
    ----------
    arrays : AreaArrays
        A service area.
    position : int
        Of the period in `arrays.periods`.
    yearly : YearlyNoise
        Of the same area, with that period `judged`.
    revisions : mapping, optional
        By KPI, from `revision_variance`.

    Returns
    -------
    Budget
        An indicator is not known where it has neither sampling noise for half of its values, nor
        three pairs of years, nor an assumed standard deviation.
    """
    n, k = arrays.value.shape[1:]
    noise = Noise(np.full((n, k), np.nan), np.full((n, k), np.inf), np.ones(k), yearly.correlation)
    parts: list[Part] = []
    is_known = np.zeros(k, dtype=np.bool_)
    for column, indicator in enumerate((*arrays.cost, *arrays.quality)):
        has_value = ~np.isnan(arrays.value[position, :, column])
        own = _own_parts(arrays, position, column, yearly)
        is_known[column] = bool(own)
        if own and own[0].name == "yearly_change":
            noise.degrees[:, column] = yearly.degrees[:, column]
            mean = yearly.variance[:, column].mean()
            noise.scale[column] = yearly.pooled[column] / max(mean, TINY)
        is_carried = arrays.is_carried[position, :, column]
        own.append(Part(indicator.name, "carried", "assumed", is_carried, _total(own, n)))
        is_preliminary = arrays.is_preliminary[position, :, column] & has_value
        size = (revisions or {}).get(indicator.kpi or "computed", np.nan)
        kind: Kind = "unknown" if np.isnan(size) else "estimated"
        own.append(Part(indicator.name, "revision", kind, is_preliminary, np.full(n, size)))
        if is_known[column]:
            noise.variance[:, column] = np.where(has_value, _total(own, n), np.nan)
        parts += [part for part in own if part.applies.any()]
    return Budget(noise, tuple(parts), is_known)


def budget_rows(arrays: AreaArrays, position: int, budget: Budget) -> Iterable[dict[str, object]]:
    """Summarise a period's budget: a row per indicator and part.

    Parameters
    ----------
    arrays, position
        As in `period_budget`.
    budget : Budget
        Of that period.

    Yields
    ------
    dict
        A row of `mart.error_budget` (`contracts.uncertainty.ErrorBudget`), but for the key of area
        and period. `sd` is the root of the mean variance where the part applies, in the indicator's
        unit; `noise_share` what the part is of the indicator's noise over all municipalities;
        `reliability` what is left of the indicator's variance when the noise is taken off.
    """
    value = arrays.value[position]
    variance = budget.noise.variance * budget.noise.scale
    for column, indicator in enumerate((*arrays.cost, *arrays.quality)):
        has_value = ~np.isnan(value[:, column])
        mine = [part for part in budget.parts if part.indicator == indicator.name]
        total = variance[has_value, column].sum()
        spread = value[has_value, column].var() * has_value.sum() if has_value.any() else 0.0
        for part in mine:
            size = part.variance[part.applies & has_value] * budget.noise.scale[column]
            is_sized = part.kind != "unknown" and budget.is_known[column] and size.size > 0
            yield {
                "indicator": indicator.name,
                "part": part.name,
                "kind": part.kind,
                "sd": float(np.sqrt(size.mean())) if is_sized else None,
                "noise_share": float(size.sum() / total) if is_sized and total > 0 else None,
                "reliability": float(max(0.0, 1 - total / spread))
                if budget.is_known[column] and spread > 0
                else None,
                "n_municipality": int((part.applies & has_value).sum()),
            }


def _own_parts(arrays: AreaArrays, position: int, column: int, yearly: YearlyNoise) -> list[Part]:
    """Return the parts that a fresh, final value has; none if nothing is known."""
    indicator = (*arrays.cost, *arrays.quality)[column]
    name, n = indicator.name, arrays.value.shape[1]
    has_value = ~np.isnan(arrays.value[position, :, column])
    has_pairs = yearly.n_pairs[column] >= FEWEST_PAIRS
    margin = margin_variance(arrays.margin[:, :, column])
    answers = answers_variance(arrays.value[:, :, column], arrays.n_answer[:, :, column])
    sampled = np.where(np.isnan(margin), answers, margin)
    here = sampled[position]
    is_sampled = ~np.isnan(here) & has_value
    if is_sampled.sum() >= max(1.0, SAMPLED_SHARE * has_value.sum()):
        has_margin = is_sampled & ~np.isnan(margin[position])
        beyond = (
            max(0.0, yearly.pooled[column] - float(np.nanmean(sampled))) if has_pairs else np.nan
        )
        kind: Kind = "estimated" if has_pairs else "unknown"
        return [
            Part(name, "margin", "measured", has_margin, here),
            Part(name, "answers", "estimated", is_sampled & ~has_margin, here),
            Part(
                name, "answers_of_others", "assumed", has_value & ~is_sampled,
                np.full(n, here[is_sampled].mean()),
            ),
            Part(name, "yearly_change", kind, has_value, np.full(n, beyond)),
        ]  # fmt: skip
    if has_pairs:
        return [Part(name, "yearly_change", "estimated", has_value, yearly.variance[:, column])]
    if indicator.assumed_sd is not None:
        variance = np.full(n, indicator.assumed_sd**2)
        return [Part(name, "assumed_sd", "assumed", has_value, variance)]
    return []


def _total(parts: Iterable[Part], n: int) -> FloatArray:
    """Add up what is known of the parts where they apply."""
    total = np.zeros(n)
    for part in parts:
        total += np.where(part.applies, np.nan_to_num(part.variance), 0.0)
    return total
