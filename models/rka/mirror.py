"""RKA's indices computed again, beside those that RKA has published.

Three things are asked. Which way of doing it is RKA's: every variant of `models/rka/index.py` is
tried on all published years, and the one whose largest error is the least is kept. How well it
agrees: the errors, per area, index and year. And who differs, and why, as far as that is known.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy import stats

from models.panel import FloatArray
from models.rka.fill import kpi_values
from models.rka.index import CONVENTION, EXACT, VARIANTS, Variant
from models.rka.recipe import AreaRecipe
from models.rka.series import SOURCES, AreaPeriod, Series, area_periods, recomputed_series

Choice = Literal["published_sides", "components", "convention"]
TOP = 100.0 - EXACT
TIE_DECIMALS = 9  # of errors; variants that are equal to so many are not told apart

KEY_SCHEMA = {"service_area": pl.String, "index": pl.String, "source": pl.String}
MIRROR_SCHEMA = {
    **KEY_SCHEMA,
    "period": pl.Int32,
    "municipality": pl.String,
    "kpi": pl.String,
    "published": pl.Float64,
    "recomputed": pl.Float64,
    "difference": pl.Float64,
    "is_carried": pl.Boolean,
    "reason": pl.String,
}
COMPARISON_SCHEMA = {
    **KEY_SCHEMA,
    "period": pl.Int32,
    "kpi": pl.String,
    "status": pl.String,
    "is_break": pl.Boolean,
    "n_published": pl.Int32,
    "n_recomputed": pl.Int32,
    "n_compared": pl.Int32,
    "n_carried": pl.Int32,
    "max_abs_error": pl.Float64,
    "mean_abs_error": pl.Float64,
    "rank_correlation": pl.Float64,
    "rounding_allowance": pl.Float64,
    "n_beyond_rounding": pl.Int32,
    "n_top_published": pl.Int32,
    "n_top_recomputed": pl.Int32,
}
VARIANT_SCHEMA = {
    **KEY_SCHEMA,
    "percentile": pl.String,
    "inner": pl.String,
    "rounding": pl.String,
    "n_period": pl.Int32,
    "n_compared": pl.Int32,
    "max_abs_error": pl.Float64,
    "mean_abs_error": pl.Float64,
    "is_chosen": pl.Boolean,
}


@dataclass(frozen=True, slots=True)
class RkaMirror:
    """RKA's indices beside the published ones, each frame sorted by its key."""

    variant: Variant  # that all numbers are made with, but those of `variants`
    chosen_by: Choice  # "convention" where nothing is published that could tell
    mirror: pl.DataFrame  # contracts.rka.RkaMirrorRow
    comparison: pl.DataFrame  # contracts.rka.RkaComparison
    variants: pl.DataFrame  # contracts.rka.RkaVariant

    @property
    def difference(self) -> pl.DataFrame:
        """Return the rows of `mirror` that differ, each with its reason."""
        return self.mirror.filter(pl.col("reason").is_not_null())


def rka_mirror(
    observations: pl.DataFrame,
    recipes: Iterable[AreaRecipe],
    *,
    threshold: float,
    variants: Sequence[Variant] = VARIANTS,
) -> RkaMirror:
    """Compute RKA's indices again and compare them with the published ones.

    The variant is chosen on the index of efficiency from the two published sides, over all areas
    and years; on what is made from components only where there is none of that.

    Parameters
    ----------
    observations : frame with the columns kpi, municipality, period, value
        `staging.observation` of municipalities; where there is a column gender, only T counts.
    recipes : iterable of AreaRecipe
        From `rka_recipe.area_recipes`.
    threshold : float
        Index points; who differs by more has a reason in `mirror`.
    variants : sequence of Variant
        The ways to try. Those that round are not tried on a series whose published numbers show
        no rounding.

    Returns
    -------
    RkaMirror
        `mirror` has a row per area, index, source, period and municipality with a published or a
        recomputed number; `comparison` one per area, index, source and period; `variants` one per
        area, index, source and variant that could be compared. In a period that can be compared,
        a municipality that differs by more than the threshold, or has one number only, has a
        reason.

    Raises
    ------
    ValueError
        If a column is missing, a key occurs twice, a value is not finite, a row is not of a
        municipality, the threshold is negative, or there is no variant.

    References
    ----------
    RKA, descriptions of the 18 indices in `rka/*.toml`.
    """
    if not threshold >= 0 or not variants:
        raise ValueError(
            f"The threshold is {threshold} and there are {len(variants)} variants. Give a "
            "threshold of 0 or more, and one variant at least."
        )
    recipes = sorted(recipes, key=lambda recipe: recipe.name)
    values = kpi_values(observations, {kpi for recipe in recipes for kpi in recipe.kpis})
    given = [each for recipe in recipes for each in area_periods(values, recipe)]
    tried = _tried(given, variants)
    variant, chosen_by = _choice(tried, variants)

    found = [series for each in given for series in recomputed_series(each, variant)]
    rows = [_mirror_rows(each, values.municipalities, threshold) for each in found]
    key = [*KEY_SCHEMA, "period"]
    return RkaMirror(
        variant=variant,
        chosen_by=chosen_by,
        mirror=pl.concat([pl.DataFrame(schema=MIRROR_SCHEMA), *rows]).sort(*key, "municipality"),
        comparison=pl.DataFrame([_comparison(each) for each in found], COMPARISON_SCHEMA).sort(key),
        variants=tried.with_columns(is_chosen=_is(variant)).sort(list(VARIANT_SCHEMA)[:6]),
    )


def _tried(given: Sequence[AreaPeriod], variants: Sequence[Variant]) -> pl.DataFrame:
    errors: dict[tuple[str, ...], list[FloatArray]] = defaultdict(list)
    for each in given:
        if all(np.isnan(published).all() for published in each.published.values()):
            continue
        for variant in variants:
            for series in recomputed_series(each, variant):
                is_rounded = variant.rounding == "none" or series.decimals is not None
                if series.status == "compared" and is_rounded:
                    way = (variant.percentile, variant.inner, variant.rounding)
                    errors[series.area, series.index, series.source, *way].append(series.error)
    rows = [
        (
            *key,
            len(found),
            sum(each.size for each in found),
            max(float(each.max()) for each in found),
            float(np.concatenate(found).mean()),
            False,
        )
        for key, found in errors.items()
    ]
    return pl.DataFrame(rows, schema=VARIANT_SCHEMA, orient="row")


def _choice(tried: pl.DataFrame, variants: Sequence[Variant]) -> tuple[Variant, Choice]:
    """Return the variant of the least largest error, then mean error, then the first given."""
    for source in SOURCES:
        error = _errors(tried.filter(pl.col("source") == source))
        if error:
            return min((each for each in variants if each in error), key=error.__getitem__), source
    return CONVENTION if CONVENTION in variants else variants[0], "convention"


def _errors(tried: pl.DataFrame) -> dict[Variant, tuple[float, float]]:
    """Return the largest and the mean error of every variant, over all that was compared."""
    size = pl.col("n_compared")
    of_way = tried.group_by("percentile", "inner", "rounding").agg(
        size.sum(),
        pl.col("max_abs_error").max(),
        (pl.col("mean_abs_error") * size).sum() / size.sum(),
    )
    # A variant that was tried on fewer numbers has had fewer chances to err.
    of_way = of_way.filter(size == size.max())
    return {
        Variant(*way): (round(most, TIE_DECIMALS), round(mean, TIE_DECIMALS))
        for *way, _, most, mean in of_way.iter_rows()
    }


def _is(variant: Variant) -> pl.Expr:
    names = ("percentile", "inner", "rounding")
    return pl.all_horizontal(pl.col(name) == getattr(variant, name) for name in names)


def _comparison(series: Series) -> dict[str, object]:
    """Return the row of `mart.rka_comparison`."""
    error, has_both = series.error, series.has_both
    row: dict[str, object] = dict.fromkeys(COMPARISON_SCHEMA)
    row |= _key(series)
    row |= {
        "kpi": series.kpi,
        "status": series.status,
        "is_break": series.is_break,
        "n_published": int(np.sum(~np.isnan(series.published))),
        "n_recomputed": int(np.sum(~np.isnan(series.recomputed))),
        "n_compared": error.size,
        "n_carried": int(series.is_carried.sum()),
        "n_top_published": int(np.sum(series.published >= TOP)),
        "n_top_recomputed": int(np.sum(series.recomputed >= TOP)),
    }
    if series.status == "compared":
        row |= {
            "max_abs_error": float(error.max()),
            "mean_abs_error": float(error.mean()),
            "rank_correlation": _spearman(series.published[has_both], series.recomputed[has_both]),
            "rounding_allowance": series.allowance,
            "n_beyond_rounding": int(np.sum(error > series.allowance + EXACT)),
        }
    return row


def _mirror_rows(series: Series, municipalities: Sequence[str], threshold: float) -> pl.DataFrame:
    """Return the rows of `mart.rka_mirror`."""
    n = len(municipalities)
    frame = pl.DataFrame(
        {
            **{name: [value] * n for name, value in _key(series).items()},
            "municipality": municipalities,
            "kpi": [series.kpi] * n,
            "published": series.published,
            "recomputed": series.recomputed,
            "difference": series.recomputed - series.published,
            "is_carried": series.is_carried,
            "reason": series.reasons(threshold),
        },
        schema=MIRROR_SCHEMA,
    ).fill_nan(None)
    return frame.filter(pl.col("published").is_not_null() | pl.col("recomputed").is_not_null())


def _key(series: Series) -> dict[str, object]:
    return {
        "service_area": series.area,
        "index": series.index,
        "source": series.source,
        "period": series.period,
    }


def _spearman(first: FloatArray, second: FloatArray) -> float | None:
    """Return the rank correlation, None where ranks are not told apart."""
    if np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(stats.spearmanr(first, second).statistic)
