"""Whether an area's numbers can carry what would be said of them, and if not, why.

An area's verdict in a period is that of its strictest finding (`models/suitability/rules.py`), and
every finding is told with the number that made it. Areas without a single value are judged too:
what is left out of a list of services looks as if it did not exist.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import combinations

import numpy as np
import polars as pl
from scipy.stats import norm, rankdata

from models.areas.service_area import ServiceArea
from models.panel import AreaArrays, FloatArray, area_arrays
from models.score.effective_weight import FEWEST
from models.score.index import area_index, weighted_mean
from models.suitability.indicator_audit import (
    INDICATOR_AUDIT_SCHEMA,
    empty_audit,
    indicator_audit,
    reliabilities,
    score_weights,
)
from models.suitability.rules import RULES, Facts, findings, strictest

LEVEL = 0.95  # of the interval around the correlation of cost and quality

AREA_AUDIT_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "evidence_grade": pl.String,
    "n_municipality": pl.Int32,
    "n_complete": pl.Int32,
    "coverage_share": pl.Float64,
    "n_cost": pl.Int32,
    "n_quality": pl.Int32,
    "carried_share": pl.Float64,
    "preliminary_share": pl.Float64,
    "mean_reliability": pl.Float64,
    "overlap": pl.Float64,
    "overlap_first": pl.String,
    "overlap_second": pl.String,
    "cost_quality_correlation": pl.Float64,
    "cost_quality_low": pl.Float64,
    "cost_quality_high": pl.Float64,
    "verdict": pl.String,
    "reasons": pl.String,
}
FINDING_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "reason": pl.String,
    "indicator": pl.String,
    "verdict": pl.String,
    "number": pl.Float64,
    "limit": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Suitability:
    """What a panel can carry, each frame sorted by its key."""

    indicator: pl.DataFrame  # mart.indicator_audit: per area, period and indicator
    area: pl.DataFrame  # mart.suitability: per area and period, with the verdict
    finding: pl.DataFrame  # mart.suitability_finding: per area, period and reason (and indicator)


def suitability(
    panel: pl.DataFrame,
    areas: Iterable[ServiceArea],
    *,
    error_budget: pl.DataFrame | None,
) -> Suitability:
    """Judge every service area in every period: publish, internal only, or do not publish.

    Parameters
    ----------
    panel : frame
        `mart.panel` (`contracts.index.Panel`), in any row order.
    areas : iterable of ServiceArea
        All definitions, also those of which the panel has no row.
    error_budget : frame or None
        `mart.error_budget` (`contracts.uncertainty.ErrorBudget`). Without it the reliability of
        every indicator is found to be unknown.

    Returns
    -------
    Suitability
        Each area is judged in every period of the panel from its first to its last, or in its
        first period where the panel has none of these. `cost_quality_correlation` is Spearman's,
        between the two sides' means, and above 0 where the dearer are the better; its interval of
        95 % is Bonett and Wright's. `overlap` is the largest correlation between two qualities,
        without its sign. `reasons` are codes of `RULES` with a comma between, null where there
        are none.

    Raises
    ------
    ValueError
        If the panel is empty, has a key twice or differs from the areas, if a value is infinite,
        or if the error budget contradicts itself.

    References
    ----------
    OECD/JRC (2008), Handbook on Constructing Composite Indicators, steps 2, 4 and 7.
    Bonett and Wright (2000), Psychometrika 65(1), 23-28, on intervals of Spearman's correlation.
    """
    if panel.is_empty():
        raise ValueError("The panel is empty. Fetch and build mart.panel before judging it.")
    areas = sorted(areas, key=lambda area: area.name)
    known = reliabilities(error_budget)
    years = panel["period"].unique().to_list()
    found = {arrays.area.name: arrays for arrays in area_arrays(panel, areas)}
    parts = panel.partition_by("service_area", "period", as_dict=True)

    def judged(place: tuple[ServiceArea, int]) -> tuple[pl.DataFrame, ...]:
        area, period = place
        if (area.name, period) not in parts:
            return _without_data(area, period)
        rows, arrays = parts[area.name, period], found[area.name]
        return _judged(rows, arrays, arrays.periods.index(period), known)

    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        frames = list(pool.map(judged, _places(areas, years, found)))
    schemas = (INDICATOR_AUDIT_SCHEMA, AREA_AUDIT_SCHEMA, FINDING_SCHEMA)
    empty = [pl.DataFrame(schema=schema) for schema in schemas]
    indicator, area, finding = (pl.concat(each) for each in zip(empty, *frames, strict=True))
    key = ["service_area", "period"]
    return Suitability(
        indicator=indicator.sort(*key, "indicator"),
        area=area.sort(key),
        finding=finding.sort(*key, "reason", "indicator"),
    )


def spearman(first: FloatArray, second: FloatArray) -> float:
    """Correlate the ranks of those who have both values.

    Parameters
    ----------
    first, second : array, shape (n,)
        NaN is missing.

    Returns
    -------
    float
        NaN where fewer than ten have both, or one of them is the same for all.
    """
    has_both = ~np.isnan(first + second)
    ranks = [rankdata(each[has_both]) for each in (first, second)]
    if has_both.sum() < FEWEST or any(np.ptp(rank) == 0 for rank in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def spearman_interval(correlation: float, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Return what the correlation may be, if the municipalities are taken for a sample.

    Parameters
    ----------
    correlation : float
        Spearman's, of `n` pairs.
    n : int
        At least 4.
    level : float
        Above 0 and below 1.

    Returns
    -------
    (float, float)
        By Fisher's transformation, with the variance (1 + r² / 2) / (n - 3).

    References
    ----------
    Bonett and Wright (2000), Psychometrika 65(1), 23-28.
    """
    # A correlation of 1 transforms to infinity, and is its own interval.
    if abs(correlation) >= 1:
        return correlation, correlation
    half = norm.isf((1 - level) / 2) * np.sqrt((1 + correlation**2 / 2) / (n - 3))
    centre = np.arctanh(correlation)
    return float(np.tanh(centre - half)), float(np.tanh(centre + half))


def _places(
    areas: Sequence[ServiceArea], years: Sequence[int], found: Mapping[str, AreaArrays]
) -> Iterator[tuple[ServiceArea, int]]:
    for area in areas:
        last = max(years) if area.last_period is None else area.last_period
        mine = {year for year in years if area.first_period <= year <= last}
        if area.name in found:
            mine.update(found[area.name].periods)
        for period in sorted(mine) or [area.first_period]:
            yield area, period


def _without_data(area: ServiceArea, period: int) -> tuple[pl.DataFrame, ...]:
    audit = empty_audit(area, period)
    return audit, *_area_frames(area, period, audit, Facts())


def _judged(
    rows: pl.DataFrame, arrays: AreaArrays, position: int, known: pl.DataFrame
) -> tuple[pl.DataFrame, ...]:
    result = area_index(arrays, arrays.value[position])
    weights = score_weights(arrays, result)
    audit = indicator_audit(rows, arrays, position, weights, known)
    correlation: tuple[float | None, float | None, float | None] = (None, None, None)
    if arrays.cost and arrays.quality:
        resource = weighted_mean(result.cost_score, [each.weight for each in arrays.cost])
        quality = weighted_mean(result.quality_score, [each.weight for each in arrays.quality])
        correlation = _correlation(-resource, quality)
    has_value = ~np.isnan(arrays.value[position])
    n_value = int(has_value.sum())
    n_municipality = int(arrays.in_panel[position].sum())
    n_complete = int((has_value.all(axis=1) & arrays.in_panel[position]).sum())
    facts = Facts(
        n_municipality,
        n_complete,
        n_complete / n_municipality,
        float(arrays.is_carried[position].sum() / n_value) if n_value else None,
        float(arrays.is_preliminary[position].sum() / n_value) if n_value else None,
        _mean_reliability(audit),
        *_overlap(arrays, position),
        *correlation,
    )
    return audit, *_area_frames(arrays.area, arrays.periods[position], audit, facts)


def _correlation(
    first: FloatArray, second: FloatArray
) -> tuple[float | None, float | None, float | None]:
    """Return Spearman's correlation and its interval, if there is one."""
    found = spearman(first, second)
    if np.isnan(found):
        return None, None, None
    n = int((~np.isnan(first + second)).sum())
    return found, *spearman_interval(found, n)


def _overlap(arrays: AreaArrays, position: int) -> tuple[float | None, str | None, str | None]:
    """Return the largest correlation of two qualities, without its sign, and which two."""
    quality = arrays.value[position, :, len(arrays.cost) :]
    names = [each.name for each in arrays.quality]
    found: tuple[float | None, str | None, str | None] = (None, None, None)
    most = -1.0
    for i, j in combinations(range(len(names)), 2):
        size = abs(spearman(quality[:, i], quality[:, j]))
        if size > most:  # never of NaN
            found, most = (size, names[i], names[j]), size
    return found


def _mean_reliability(audit: pl.DataFrame) -> float | None:
    """Return the mean by declared weight, of the indicators whose reliability is known."""
    known = audit.drop_nulls(["declared_weight", "reliability"])
    if known.is_empty():
        return None
    weight = known["declared_weight"].to_numpy()
    return float(np.sum(weight * known["reliability"].to_numpy()) / weight.sum())


def _area_frames(
    area: ServiceArea, period: int, audit: pl.DataFrame, facts: Facts
) -> tuple[pl.DataFrame, pl.DataFrame]:
    found = list(findings(area, audit, facts))
    reasons = {each.rule.reason for each in found}
    row = {
        **asdict(facts),
        "service_area": area.name,
        "period": period,
        "evidence_grade": area.evidence_grade,
        "n_cost": len(area.with_role("cost")),
        "n_quality": len(area.with_role("quality")),
        "verdict": strictest(each.rule.verdict for each in found),
        # In the order of the table, from the strictest on.
        "reasons": ", ".join(rule.reason for rule in RULES if rule.reason in reasons) or None,
    }
    rows = [
        (area.name, period, each.rule.reason, each.indicator, each.rule.verdict, each.number,
         each.limit)
        for each in found
    ]  # fmt: skip
    return (
        pl.DataFrame([row], schema=AREA_AUDIT_SCHEMA),
        pl.DataFrame(rows, schema=FINDING_SCHEMA, orient="row"),
    )
