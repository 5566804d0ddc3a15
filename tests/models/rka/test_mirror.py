"""The mirror beside a Sweden whose indices are published by a recipe written here by hand."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from models.rka.index import CONVENTION, PERCENTILES, VARIANTS, Variant
from models.rka.mirror import COMPARISON_SCHEMA, MIRROR_SCHEMA, VARIANT_SCHEMA, rka_mirror
from models.rka.recipe import area_recipes
from models.rka.series import REASONS, STATUSES

RECIPES = {recipe.name: recipe for recipe in area_recipes()}
N = 290
NAMES = [f"{1000 + i}" for i in range(N)]
ONLY_CONVENTION = (CONVENTION,)


def put(values, *, better, method="linear", inner="between_percentiles"):
    """Scale values as RKA's text says, one municipality after the other."""
    there = [each for each in values if not np.isnan(each)]
    low, high = np.percentile(there, [2.5, 97.5], method=method)
    kept = [each for each in there if low <= each <= high]
    start, end = (low, high) if inner == "between_percentiles" else (min(kept), max(kept))
    scores = []
    for each in values:
        if each < low:
            score = 0.0
        elif each > high:
            score = 100.0
        else:
            score = (each - start) / (end - start) * 100
        scores.append(score if better == "higher" else 100 - score)
    return np.array(scores)


def made(columns, recipe, **way):
    """Make an index of columns by its recipe."""
    scores = [
        put(column, better=each.direction, **way)
        for column, each in zip(columns, recipe.components, strict=True)
    ]
    if len(scores) == 1:
        return scores[0]
    weights = [each.weight for each in recipe.components]
    mean = sum(w * score for w, score in zip(weights, scores, strict=True)) / sum(weights)
    return put(mean, better="higher", **way)


def frame(kpi, period, values, names=NAMES):
    """Return observations; NaN is a value that is not published."""
    rows = pl.DataFrame(
        {
            "kpi": [kpi] * len(values),
            "municipality": names[: len(values)],
            "period": pl.Series([period] * len(values), dtype=pl.Int32),
            "value": np.asarray(values, dtype=float),
        }
    )
    return rows.filter(pl.col("value").is_not_nan())


def area_frames(recipe, period, generator, *, missing=0.0, decimals=None, n=N, **way):
    """Return made-up components of an area in a period, and its indices as they follow."""
    frames, sides = [], []
    for index in recipe.sides.values():
        columns = []
        for component in index.components:
            column = generator.normal(50, 10, n)
            column[generator.random(n) < missing] = np.nan
            columns.append(column)
            frames.append(frame(component.kpi, period, column))
        sides.append(made(columns, index, **way))
    efficiency = put((sides[0] + sides[1]) / 2, better="higher", **way)
    kpis = (recipe.resource.kpi, recipe.quality.kpi, recipe.efficiency.kpi)
    for kpi, index in zip(kpis, (*sides, efficiency), strict=True):
        frames.append(frame(kpi, period, index if decimals is None else np.round(index, decimals)))
    return frames


def sweden(periods=(2017, 2018), seed=1, **options):
    generator = np.random.default_rng(seed)
    return pl.concat(
        each
        for recipe in RECIPES.values()
        for period in periods
        for each in area_frames(recipe, period, generator, **options)
    )


def mirrored(observations, *names, threshold=0.5, variants=ONLY_CONVENTION):
    recipes = [RECIPES[name] for name in names or RECIPES]
    result = rka_mirror(observations, recipes, threshold=threshold, variants=variants)
    check(result)
    return result


def check(result):
    """Hold what every result must be: its schema, its key and its order."""
    for table, schema, key in (
        (result.mirror, MIRROR_SCHEMA, 5),
        (result.comparison, COMPARISON_SCHEMA, 4),
        (result.variants, VARIANT_SCHEMA, 6),
    ):
        assert dict(table.schema) == schema
        columns = list(schema)[:key]
        assert not table.select(pl.struct(columns).is_duplicated().any()).item()
        assert table.equals(table.sort(columns))
        assert not table.select(pl.any_horizontal(pl.col(pl.Float64).is_nan().any())).item()
    assert set(result.comparison["status"]) <= set(STATUSES)
    assert set(result.difference["reason"]) <= set(REASONS)


def one(result, index, source="components", period=2017):
    return result.comparison.row(
        by_predicate=(pl.col("index") == index)
        & (pl.col("source") == source)
        & (pl.col("period") == period),
        named=True,
    )


def reasons(result, index="quality", period=2017, source="components"):
    rows = result.difference.filter(index=index, period=period, source=source)
    return dict(rows.select("municipality", "reason").iter_rows())


def test_all_indices_of_all_six_areas_are_computed_as_by_hand():
    result = mirrored(sweden(periods=(2017,), missing=0.05))

    table = result.comparison
    assert table.height == 6 * 4
    assert table["status"].unique().to_list() == ["compared"]
    assert table["max_abs_error"].max() < 1e-9
    assert table["rank_correlation"].min() > 1 - 1e-12
    assert table["n_beyond_rounding"].sum() == 0
    assert table.filter(index="quality", service_area="elderly_care")["n_compared"].max() < N * 0.8
    assert result.difference.is_empty()


def test_with_full_data_8_of_290_are_at_100_in_every_published_and_recomputed_index():
    table = mirrored(sweden()).comparison

    assert table.select("n_top_published", "n_top_recomputed").unique().rows() == [(8, 8)]


@pytest.mark.parametrize("percentile", ["linear", "weibull", "lower", "midpoint"])
def test_the_variant_that_rka_used_is_found_in_published_numbers(percentile):
    published = sweden(method=percentile, decimals=1, missing=0.03)
    variants = [each for each in VARIANTS if each.inner != "whole_range"]

    result = mirrored(published, "preschool", "income_support", variants=variants)

    assert result.chosen_by == "published_sides"
    assert result.variant == Variant(percentile, "between_percentiles", "last")
    assert result.comparison["n_beyond_rounding"].sum() == 0


def test_the_trimmed_range_is_found_too():
    published = sweden(inner="trimmed_range", missing=0.03)

    result = mirrored(published, "preschool", variants=VARIANTS)

    assert result.variant.inner == "trimmed_range"
    assert result.comparison["max_abs_error"].max() < 1e-9
    # What cannot be told apart from published numbers without decimals: rounding.
    assert result.variant.rounding == "none"


def test_the_errors_of_all_variants_are_told_and_the_chosen_one_has_the_least():
    published = sweden(method="weibull", decimals=1).filter(
        pl.col("kpi").is_in(list(RECIPES["preschool"].kpis))
    )

    result = mirrored(published, "preschool", variants=VARIANTS)

    table = result.variants
    assert table.height == 4 * len(VARIANTS)
    assert table.filter("is_chosen").height == 4
    sides = table.filter(source="published_sides")
    assert sides["n_compared"].unique().to_list() == [2 * N]
    assert sides["n_period"].unique().to_list() == [2]
    least = sides.sort("max_abs_error", "mean_abs_error").row(0, named=True)
    assert (least["percentile"], least["inner"]) == ("weibull", "between_percentiles")
    assert (result.variant.percentile, result.variant.inner) == (
        least["percentile"],
        least["inner"],
    )
    assert (
        sides.filter(percentile="linear", inner="between_percentiles", rounding="none")[
            "max_abs_error"
        ].item()
        > 0.3
    )


def test_the_worst_area_decides_and_not_the_best():
    # Two areas are published by two ways; a third is right for neither and far off in none.
    first, second = RECIPES["preschool"], RECIPES["income_support"]
    generator = np.random.default_rng(4)  # a draw in which it is so
    rows = pl.concat(
        area_frames(first, 2017, generator, method="linear")
        + area_frames(second, 2017, generator, method="lower")
    )
    ways = ("linear", "lower", "midpoint")
    variants = [Variant(way, "between_percentiles", "none") for way in ways]

    result = mirrored(rows, first.name, second.name, variants=variants)

    sides = result.variants.filter(source="published_sides")
    worst = {way: sides.filter(percentile=way)["max_abs_error"].max() for way in ways}
    assert result.variant.percentile == min(worst, key=worst.__getitem__) == "midpoint"
    assert sides.filter(percentile="midpoint")["max_abs_error"].min() > 0.1
    assert sides.filter(percentile="linear")["max_abs_error"].min() < 1e-9


@pytest.mark.parametrize("seed", range(4))
def test_that_only_what_is_published_was_rounded_is_found_too(seed):
    rows = sweden(seed=seed, periods=(2017,), decimals=0)
    variants = [each for each in VARIANTS if each.percentile == "linear"]

    result = mirrored(rows, "preschool", "income_support", variants=variants)

    assert result.variant == Variant("linear", "between_percentiles", "last")
    assert result.comparison.filter(source="components")["max_abs_error"].max() == 0


def test_a_way_that_was_tried_on_fewer_numbers_is_not_chosen_for_that():
    rounded = sweden(decimals=1).filter(pl.col("kpi").is_in(list(RECIPES["preschool"].kpis)))
    exact = sweden().filter(pl.col("kpi").is_in(list(RECIPES["income_support"].kpis)))

    result = mirrored(pl.concat([rounded, exact]), "preschool", "income_support", variants=VARIANTS)

    assert result.variant == CONVENTION


def test_what_rounding_explains_is_given_as_the_reason():
    result = mirrored(sweden(decimals=0), "preschool", threshold=0.01)

    assert result.difference["reason"].unique().to_list() == ["rounding"]
    assert result.difference.height > 1000


def test_rounding_is_not_tried_where_published_numbers_show_none():
    result = mirrored(sweden(), "preschool", variants=VARIANTS)

    assert result.variants["rounding"].unique().to_list() == ["none"]
    assert result.variants.height == 4 * len(VARIANTS) / 3


def test_without_published_sides_the_components_decide_and_without_both_the_convention():
    published = sweden(method="weibull")
    indices = [RECIPES["preschool"].resource.kpi, RECIPES["preschool"].efficiency.kpi]
    no_side = published.filter(pl.col("kpi") != indices[0])
    nothing = published.filter(~pl.col("kpi").str.starts_with("U"))

    by_components = mirrored(no_side, "preschool", variants=VARIANTS)
    by_convention = mirrored(nothing, "preschool", variants=VARIANTS)

    assert by_components.chosen_by == "components"
    assert by_components.variant.percentile == "weibull"
    assert by_convention.chosen_by == "convention"
    assert by_convention.variant == CONVENTION
    assert by_convention.variants.is_empty()
    assert by_convention.comparison["status"].unique().to_list() == ["not_published"]
    assert by_convention.difference.is_empty()
    assert by_convention.mirror["recomputed"].null_count() == 0


def test_efficiency_from_published_sides_needs_no_components():
    published = sweden(decimals=1).filter(
        pl.col("kpi").is_in([r.kpi for each in RECIPES.values() for r in
                             (each.resource, each.quality, each.efficiency)])
    )  # fmt: skip

    result = mirrored(published)

    sides = result.comparison.filter(source="published_sides")
    assert sides.height == 6 * 2
    assert sides["status"].unique().to_list() == ["compared"]
    assert sides["max_abs_error"].max() < 0.3
    assert sides["n_beyond_rounding"].sum() == 0
    components = result.comparison.filter(source="components")
    assert components["status"].unique().to_list() == ["no_components"]
    assert components["n_published"].unique().to_list() == [N]
    assert result.difference.is_empty()  # whole periods that cannot be compared are no differences


def test_an_index_published_by_another_recipe_is_beyond_rounding():
    recipe = RECIPES["upper_secondary_school"]
    equal = tuple(replace(each, weight=1.0) for each in recipe.quality.components)
    other = replace(recipe, quality=replace(recipe.quality, components=equal))
    frames = area_frames(other, 2017, np.random.default_rng(2), decimals=1)

    result = mirrored(pl.concat(frames), recipe.name)

    assert one(result, "quality")["n_beyond_rounding"] > 250
    assert one(result, "quality")["rank_correlation"] < 0.95
    assert set(reasons(result).values()) == {"unknown"}
    assert one(result, "resource")["n_beyond_rounding"] == 0
    assert one(result, "efficiency", "published_sides")["n_beyond_rounding"] == 0


def test_who_is_published_without_a_component_is_told_from_who_lacks_them_all():
    recipe = RECIPES["preschool"]
    rows = pl.concat(area_frames(recipe, 2017, np.random.default_rng(3)))
    kpis = [each.kpi for each in recipe.quality.components]
    of = pl.col("municipality")
    rows = rows.filter(
        ~((of == "1003") & pl.col("kpi").is_in(kpis))
        & ~((of == "1005") & (pl.col("kpi") == kpis[0]))
    ).filter(~((of == "1007") & (pl.col("kpi") == recipe.quality.kpi)))

    result = mirrored(rows, "preschool", threshold=0.2)

    found = reasons(result)
    assert found["1003"] == "published_without_components"
    assert found["1005"] == "component_missing"
    assert found["1007"] == "not_published"
    assert set(found.values()) - {"other_set"} == {
        "published_without_components", "component_missing", "not_published",
    }  # fmt: skip
    side = reasons(result, "efficiency", source="published_sides")
    assert side == {"1007": "side_missing"}
    row = result.difference.filter(index="quality", municipality="1005").row(0, named=True)
    assert row["published"] is not None
    assert (row["recomputed"], row["difference"]) == (None, None)
    assert reasons(result, "resource") == {}


def lss(values_before, values, first_missing):
    """Return two years of the quality of disability services."""
    recipe = RECIPES["disability_services"]
    kpis = [each.kpi for each in recipe.quality.components]
    now = values.copy()
    now[first_missing, 0] = np.nan
    return recipe, pl.concat(
        [frame(kpi, 2016, values_before[:, c]) for c, kpi in enumerate(kpis)]
        + [frame(kpi, 2017, now[:, c]) for c, kpi in enumerate(kpis)]
    )


def test_lss_quality_uses_the_value_of_the_year_before_and_no_older():
    generator = np.random.default_rng(4)
    before, now = generator.normal(50, 10, (N, 2)), generator.normal(50, 10, (N, 2))
    before[7] = np.nan
    recipe, rows = lss(before, now, [3, 7])
    filled = now.copy()
    filled[3, 0], filled[7, 0] = before[3, 0], np.nan
    published = made(filled.T, recipe.quality)

    result = mirrored(
        pl.concat([rows, frame(recipe.quality.kpi, 2017, published)]), recipe.name, threshold=0.0
    )

    row = one(result, "quality")
    assert row["n_compared"] == N - 1
    assert row["n_carried"] == 1
    assert row["max_abs_error"] < 1e-9
    carried = result.mirror.filter("is_carried", period=2017)
    assert carried["municipality"].to_list() == ["1003"]


def test_a_carried_value_that_rka_did_not_use_is_given_as_the_reason():
    generator = np.random.default_rng(5)
    before, now = generator.normal(50, 10, (N, 2)), generator.normal(50, 10, (N, 2))
    recipe, rows = lss(before, now, [3])
    published = made(now.T, recipe.quality)  # RKA knew the value that is missing here

    result = mirrored(pl.concat([rows, frame(recipe.quality.kpi, 2017, published)]), recipe.name)

    assert reasons(result)["1003"] == "carried"


def elderly(year_of_values, *, period, seed=6):
    """Return the quality of elderly care made of components of given years, and these."""
    recipe = RECIPES["elderly_care"]
    generator = np.random.default_rng(seed)
    frames, columns = [], []
    for component in recipe.quality.components:
        for year in (2019, 2020, 2021, 2022, 2023):
            if component.kpi in year_of_values and year == period:
                continue  # it was not collected
            column = generator.normal(50, 10, N)
            frames.append(frame(component.kpi, year, column))
            if year == year_of_values.get(component.kpi, period):
                columns.append(column)
    published = frame(recipe.quality.kpi, period, made(columns, recipe.quality))
    return mirrored(pl.concat([*frames, published]), recipe.name)


@pytest.mark.parametrize(
    ("period", "year_of_values"),
    [
        (2020, {"U23495": 2019}),
        (2021, dict.fromkeys(["U21454", "U21455", "U23505", "U23591", "U23495"], 2022)),
        (2022, {"U23401": 2021}),  # not named in the text: the year before
    ],
)
def test_elderly_care_uses_the_year_beside_where_a_component_was_not_collected(
    period, year_of_values
):
    row = one(elderly(year_of_values, period=period), "quality", period=period)

    assert row["n_compared"] == row["n_carried"] == N
    assert row["max_abs_error"] < 1e-9


def test_elderly_care_lends_nothing_to_one_who_lacks_what_others_have():
    recipe = RECIPES["elderly_care"]
    generator = np.random.default_rng(7)
    rows = pl.concat(
        [*area_frames(recipe, 2017, generator), *area_frames(recipe, 2016, generator)]
    ).filter(
        (pl.col("kpi") != "U23401")
        | (pl.col("period") != 2017)
        | (pl.col("municipality") != "1009")
    )

    result = mirrored(rows, recipe.name)

    assert reasons(result)["1009"] == "component_missing"
    assert one(result, "quality")["n_carried"] == 0


def test_the_training_that_ended_with_2023_reaches_2024_and_no_further():
    recipe = RECIPES["elderly_care"]
    generator = np.random.default_rng(8)
    rows = pl.concat(
        each for year in (2023, 2024, 2025) for each in area_frames(recipe, year, generator)
    ).filter((pl.col("kpi") != "U23495") | (pl.col("period") == 2023))

    result = mirrored(rows, recipe.name)

    status = {year: one(result, "quality", period=year)["status"] for year in (2023, 2024, 2025)}
    assert status == {2023: "compared", 2024: "compared", 2025: "no_recipe"}
    assert one(result, "quality", period=2024)["n_carried"] == N
    assert one(result, "quality", period=2023)["is_break"]
    assert not one(result, "quality", period=2024)["is_break"]


def test_the_quality_index_of_2025_in_schools_has_no_recipe_and_its_efficiency_neither():
    rows = sweden(periods=(2024, 2025))

    result = mirrored(rows, "compulsory_school")

    assert one(result, "quality", period=2024)["status"] == "compared"
    assert one(result, "quality", period=2025)["status"] == "no_recipe"
    assert one(result, "efficiency", period=2025)["status"] == "no_recipe"
    assert one(result, "resource", period=2025)["status"] == "compared"
    assert one(result, "efficiency", "published_sides", 2025)["max_abs_error"] < 1e-9
    unknown = result.mirror.filter(index="quality", period=2025)
    assert unknown["recomputed"].null_count() == unknown.height == N


def test_june_2024_one_late_value_moves_the_resource_index_of_others():
    # RKA published the resource index of upper secondary schools again on 2024-06-24 because a
    # KPI had been missing, and said that the index depends on all the other municipalities.
    recipe = RECIPES["upper_secondary_school"]
    cost = np.random.default_rng(9).normal(150_000, 15_000, 230)
    early = np.where(np.arange(230) % 23 == 0, np.nan, cost)
    published = frame("U17001", 2023, made([early], recipe.resource))

    before = mirrored(pl.concat([frame("U17031", 2023, early), published]), recipe.name)
    after = mirrored(
        pl.concat([frame("U17031", 2023, cost), published]), recipe.name, threshold=0.05
    )

    assert one(before, "resource", period=2023)["max_abs_error"] < 1e-9
    row = one(after, "resource", period=2023)
    assert (row["n_published"], row["n_recomputed"], row["n_compared"]) == (220, 230, 220)
    found = list(reasons(after, "resource", 2023).values())
    assert found.count("not_published") == 10
    assert found.count("other_set") > 150  # their own cost is what it was
    assert set(found) == {"not_published", "other_set"}


def test_thirty_more_municipalities_in_elderly_care_move_those_who_were_there():
    recipe = RECIPES["elderly_care"]
    generator = np.random.default_rng(10)
    columns = [generator.normal(50, 10, 250) for _ in recipe.quality.components]
    for column in columns:
        column[220:] += 8  # those who came in 2023 are not like the others
    kpis = [each.kpi for each in recipe.quality.components]
    published = frame("U20404", 2023, made([column[:220] for column in columns], recipe.quality))
    few, many = (
        pl.concat([*(frame(k, 2023, c[:n]) for k, c in zip(kpis, columns, strict=True)), published])
        for n in (220, 250)
    )

    before, after = mirrored(few, recipe.name), mirrored(many, recipe.name)

    assert one(before, "quality", period=2023)["max_abs_error"] < 1e-9
    row = one(after, "quality", period=2023)
    assert (row["n_compared"], row["n_recomputed"]) == (220, 250)
    assert 1 < row["mean_abs_error"] < row["max_abs_error"]
    moved = after.difference.filter(reason="other_set")
    assert moved.height > 150
    # The newcomers are better than most, so nearly all who were there fall without doing worse.
    assert moved.filter(pl.col("difference") < 0).height > 0.9 * moved.height
    assert row["rank_correlation"] > 0.99  # among themselves hardly anybody changes places


def test_genders_other_than_t_are_left_out():
    rows = sweden().with_columns(gender=pl.lit("T"))
    women = rows.with_columns(pl.col("value") * 2, gender=pl.lit("K"))

    with_women = mirrored(pl.concat([rows, women]), "preschool")

    assert with_women.mirror.equals(mirrored(rows.drop("gender"), "preschool").mirror)


def test_the_order_of_rows_and_recipes_does_not_matter():
    rows = sweden(missing=0.05, decimals=1)

    first = rka_mirror(rows, RECIPES.values(), threshold=0.5, variants=VARIANTS[:3])
    second = rka_mirror(
        rows.sample(fraction=1, shuffle=True, seed=1),
        list(RECIPES.values())[::-1],
        threshold=0.5,
        variants=VARIANTS[:3],
    )

    for name in ("mirror", "comparison", "variants", "difference"):
        assert getattr(first, name).equals(getattr(second, name))


def test_without_observations_there_is_nothing_and_no_failure():
    nothing = sweden(periods=(2017,)).clear()

    result = mirrored(nothing)

    assert result.mirror.is_empty()
    assert result.comparison.is_empty()
    assert result.chosen_by == "convention"


def test_a_constant_index_has_no_rank_correlation():
    rows = pl.concat([frame("N20900", 2017, np.ones(5)), frame("U20008", 2017, np.full(5, 50.0))])

    row = one(mirrored(rows, "elderly_care"), "resource")

    assert row["rank_correlation"] is None
    assert row["max_abs_error"] == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rows: rows.drop("value"), "no column value"),
        (lambda rows: pl.concat([rows, rows.head(1)]), "more than once.*N11010 1000 2017"),
        (
            lambda rows: rows.with_columns(
                pl.when(municipality="1003").then(np.inf).otherwise("value").alias("value")
            ),
            "not finite.*1003",
        ),
        (
            lambda rows: rows.with_columns(pl.col("municipality").replace("1003", "0000")),
            "of no municipality.*0000",
        ),
        (
            lambda rows: rows.with_columns(pl.col("municipality").replace("1003", "G123")),
            "of no municipality.*G123",
        ),
    ],
)  # fmt: skip
def test_observations_that_cannot_be_used_are_refused_by_name(change, message):
    rows = frame("N11010", 2017, np.arange(10.0))

    with pytest.raises(ValueError, match=message):
        mirrored(change(rows), "preschool")


def test_a_negative_threshold_and_no_variants_are_refused():
    rows = sweden(periods=(2017,))

    with pytest.raises(ValueError, match="threshold is -1"):
        mirrored(rows, "preschool", threshold=-1)
    with pytest.raises(ValueError, match="0 variants"):
        mirrored(rows, "preschool", variants=())


def test_the_variants_are_all_combinations_and_the_convention_is_the_first():
    assert len(set(VARIANTS)) == len(VARIANTS) == len(PERCENTILES) * 3 * 3
    assert VARIANTS[0] == Variant("linear", "between_percentiles", "none")
