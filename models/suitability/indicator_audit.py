"""What every indicator of an area rests on: who has it, how old it is, and what it decides.

An indicator is declared to count for something. Whether it does depends on who has a value, on how
many answers are behind it, on how much of it is chance, and on what it goes together with.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl

from models.areas.service_area import ServiceArea
from models.panel import AreaArrays, FloatArray
from models.score.effective_weight import FEWEST, SINGULAR, effective_weights, variance_shares
from models.score.index import IndexResult

REASONS = ("missing", "no_row", "not_published", "withdrawn", "implausible")

INDICATOR_AUDIT_SCHEMA = {
    "service_area": pl.String,
    "period": pl.Int32,
    "indicator": pl.String,
    "role": pl.String,
    "n_municipality": pl.Int32,
    "n_present": pl.Int32,
    **{f"n_{reason}": pl.Int32 for reason in REASONS},
    "n_not_in_panel": pl.Int32,
    "n_carried": pl.Int32,
    "n_preliminary": pl.Int32,
    "mean_age_years": pl.Float64,
    "median_answers": pl.Float64,
    "declared_weight": pl.Float64,
    "variance_share": pl.Float64,
    "correlation_ratio": pl.Float64,
    "reliability": pl.Float64,
}


@dataclass(frozen=True, slots=True)
class Weights:
    """What the scored indicators count for, in the order of the arrays; NaN where not known."""

    declared: FloatArray  # (k,), of the whole, half of it each side's
    variance: FloatArray  # (k,), of the score's variance, to sum to 1; may be negative
    ratio: FloatArray  # (k,), 0-1: of the score's variance, what it explains by itself


def score_weights(arrays: AreaArrays, result: IndexResult) -> Weights:
    """Say what each scored indicator is declared to decide of the efficiency score, and decides.

    Parameters
    ----------
    arrays : AreaArrays
        A service area.
    result : IndexResult
        The scores of one of its periods.

    Returns
    -------
    Weights
        `variance` is the side's share of the score's variance, divided among its indicators by
        their shares of their mean's. Not known with fewer than ten complete municipalities, or
        where all have the same score.
    """
    declared = [_shares(arrays.area, role) / 2 for role in ("cost", "quality")]
    weights = Weights(np.concatenate(declared), *np.full((2, sum(map(len, declared))), np.nan))
    is_complete = ~np.isnan(result.efficiency)
    score = result.efficiency[is_complete]
    if score.size < FEWEST or np.ptp(score) <= SINGULAR * np.max(np.abs(score)):
        return weights
    scores = np.concatenate([result.cost_score, result.quality_score], axis=-1)[is_complete]
    n_cost = result.cost_score.shape[-1]
    of_side = variance_shares(
        np.stack([result.resource, result.quality], axis=-1)[is_complete], [1.0, 1.0]
    )
    within = [
        variance_shares(side, weight)
        for side, weight in zip((scores[:, :n_cost], scores[:, n_cost:]), declared, strict=True)
    ]
    # A side on which all are alike has no share to divide.
    return Weights(
        declared=weights.declared,
        variance=np.concatenate(
            [np.nan_to_num(part) * of_side[at] for at, part in enumerate(within)]
        ),
        ratio=effective_weights(scores, score, weights.declared).smooth,
    )


def indicator_audit(
    rows: pl.DataFrame,
    arrays: AreaArrays,
    position: int,
    weights: Weights,
    reliability: pl.DataFrame,
) -> pl.DataFrame:
    """Describe every indicator of one area and period.

    Parameters
    ----------
    rows : frame
        The panel's rows of that area and period.
    arrays, position
        The area, and the period's position in it.
    weights : Weights
        Of that period, from `score_weights`.
    reliability : frame
        `service_area, period, indicator, reliability`, a row per key.

    Returns
    -------
    frame
        `mart.indicator_audit`, a row per indicator of the area's file, in its order. Weights and
        reliability are null of what is not scored; `n_not_in_panel` counts municipalities for
        which the panel has no row, as before an indicator's first year.
    """
    scored = arrays.cost + arrays.quality
    answers = {
        indicator.name: _median(arrays.n_answer[position, :, column], arrays, position, column)
        for column, indicator in enumerate(scored)
    }
    of_score = pl.DataFrame(
        {
            "indicator": [each.name for each in scored],
            "declared_weight": weights.declared,
            "variance_share": weights.variance,
            "correlation_ratio": weights.ratio,
            "median_answers": [answers[each.name] for each in scored],
        },
        schema_overrides={"indicator": pl.String},
    ).fill_nan(None)
    has_value = pl.col("value").is_not_null()
    age = (pl.col("period") - pl.col("value_period")).cast(pl.Float64)
    counted = rows.group_by("indicator").agg(
        n_row=pl.len(),
        n_present=has_value.sum(),
        **{f"n_{reason}": (pl.col("reason") == reason).sum() for reason in REASONS},
        n_carried=pl.col("is_carried").sum(),
        n_preliminary=(pl.col("is_preliminary") & has_value).sum(),
        mean_age_years=age.mean(),
    )
    return (
        _empty_audit(arrays.area, arrays.periods[position])
        .join(counted, on="indicator", how="left", maintain_order="left")
        .join(of_score, on="indicator", how="left", maintain_order="left")
        .join(
            reliability, on=["service_area", "period", "indicator"], how="left",
            maintain_order="left",
        )
        .with_columns(n_municipality=pl.lit(int(arrays.in_panel[position].sum())))
        .with_columns(
            n_not_in_panel=pl.col("n_municipality") - pl.col("n_row").fill_null(0).cast(pl.Int32)
        )
        .select(pl.col(name).cast(kind) for name, kind in INDICATOR_AUDIT_SCHEMA.items())
        .with_columns(pl.col("^n_.*$").fill_null(0))
    )  # fmt: skip


def empty_audit(area: ServiceArea, period: int) -> pl.DataFrame:
    """Describe the indicators of an area of which the panel has no row.

    Parameters
    ----------
    area : ServiceArea
        Whose indicators.
    period : int
        The year.

    Returns
    -------
    frame
        As of `indicator_audit`: no municipality, no value, and the declared weights.
    """
    weight = {
        indicator.name: share / 2
        for role in ("cost", "quality")
        for indicator, share in zip(area.with_role(role), _shares(area, role), strict=True)
    }
    rows = _empty_audit(area, period).with_columns(
        declared_weight=pl.col("indicator").replace_strict(
            weight, default=None, return_dtype=pl.Float64
        )
    )
    missing = [name for name in INDICATOR_AUDIT_SCHEMA if name not in rows.columns]
    return rows.with_columns(
        pl.lit(0 if name.startswith("n_") else None).alias(name) for name in missing
    ).select(pl.col(name).cast(kind) for name, kind in INDICATOR_AUDIT_SCHEMA.items())


def reliabilities(error_budget: pl.DataFrame | None) -> pl.DataFrame:
    """Return the reliability of every indicator that the error budget knows.

    Parameters
    ----------
    error_budget : frame or None
        `mart.error_budget` (`contracts.uncertainty.ErrorBudget`), a row per part of the noise.

    Returns
    -------
    frame
        `service_area, period, indicator, reliability`, one row per key; none without a budget.

    Raises
    ------
    ValueError
        If parts of the same indicator tell different reliabilities.
    """
    key = ["service_area", "period", "indicator"]
    schema = {name: INDICATOR_AUDIT_SCHEMA[name] for name in (*key, "reliability")}
    if error_budget is None:
        return pl.DataFrame(schema=schema)
    found = error_budget.select(list(schema)).drop_nulls().unique().sort(key)
    twice = found.filter(pl.struct(key).is_duplicated())
    if not twice.is_empty():
        area, period, indicator, _ = twice.row(0)
        raise ValueError(
            f"The error budget has different reliabilities of {indicator} in {area} {period}. "
            "Build mart.error_budget again."
        )
    return found.cast(schema)  # type: ignore[arg-type]


def _empty_audit(area: ServiceArea, period: int) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "service_area": [area.name] * len(area.indicators),
            "period": [period] * len(area.indicators),
            "indicator": [each.name for each in area.indicators],
            "role": [each.role for each in area.indicators],
        },
        schema_overrides={"period": pl.Int32},
    )


def _shares(area: ServiceArea, *roles: str) -> FloatArray:
    """Return the weights of a side, to sum to 1."""
    weight = np.array([each.weight for each in area.with_role(*roles)])  # type: ignore[arg-type]
    return weight / weight.sum() if weight.size else weight


def _median(n_answer: FloatArray, arrays: AreaArrays, position: int, column: int) -> float | None:
    behind = n_answer[~np.isnan(arrays.value[position, :, column]) & ~np.isnan(n_answer)]
    return float(np.median(behind)) if behind.size else None
