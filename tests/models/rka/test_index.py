"""RKA's index step in its variants, against figures worked out by hand and its laws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.rka.index import (
    CONVENTION,
    INNER,
    PERCENTILES,
    ROUNDINGS,
    VARIANTS,
    Variant,
    as_published,
    composite_index,
    efficiency_of_sides,
    index_step,
    published_decimals,
    rounding_error,
)
from models.score.index import efficiency_index, scale

MISSING = np.nan
UNROUNDED = [variant for variant in VARIANTS if variant.rounding == "none"]
N = 290


def unrounded(percentile, inner):
    return Variant(percentile, inner, "none")


def step(values, variant, direction="higher"):
    return index_step(values, direction=direction, variant=variant).score


def continuous(*shape, seed=1):
    return np.random.default_rng(seed).normal(size=shape)


def names(variants):
    return [f"{each.percentile}-{each.inner}" for each in variants]


def test_the_conventional_variant_is_the_scale_of_the_official_index():
    values = continuous(3, N)
    values[:, ::7] = MISSING

    for direction in ("higher", "lower"):
        expected = scale(values, direction=direction)
        assert_array_equal(step(values, CONVENTION, direction), expected)


def test_of_290_continuous_values_8_are_at_100_in_rkas_index_and_8_at_0():
    # Percentile 97.5 of 290 values lies at position 289 * 0.975 = 281.775, counted from 0: the
    # values 282 to 289 are above it. Percentile 2.5 lies at 7.225: the values 0 to 7 are below.
    cost, quality = continuous(20, N, 2), continuous(20, N, 3, seed=2)
    sides = [
        composite_index(
            values,
            directions=[direction] * values.shape[-1],
            weights=np.ones(values.shape[-1]),
            scalings=2,
            variant=CONVENTION,
        ).score
        for values, direction in ((cost, "lower"), (quality, "higher"))
    ]

    index = efficiency_of_sides(*sides, variant=CONVENTION).score

    assert_array_equal(np.sum(index == 100, axis=-1), 8)
    assert_array_equal(np.sum(index == 0, axis=-1), 8)


@pytest.mark.parametrize(
    ("percentile", "at_top"),
    # The position, counted from 0, of percentile 97.5: 281 (lower), 282 (higher), 282.25 (Hazen:
    # 290 * 0.975 - 0.5), 282.725 (Weibull: 291 * 0.975 - 1).
    [("lower", 9), ("higher", 8), ("nearest", 8), ("hazen", 7), ("weibull", 7)],
)
def test_how_many_are_at_100_tells_of_how_the_percentile_is_read(percentile, at_top):
    score = step(continuous(N), unrounded(percentile, "between_percentiles"))

    assert np.sum(score == 100) == at_top


@pytest.mark.parametrize(
    ("inner", "second", "last_but_one"),
    # Of 0, 1, ..., 40 the percentiles are 1 and 39; nothing lies between 0 and 1.
    [("between_percentiles", 0, 100), ("trimmed_range", 0, 100), ("whole_range", 2.5, 97.5)],
)
def test_the_way_between_0_and_100_is_laid_as_the_variant_says(inner, second, last_but_one):
    score = step(np.arange(41.0), unrounded("linear", inner))

    assert_allclose(score[[0, 1, 20, 39, 40]], [0, second, 50, last_but_one, 100])


def test_where_percentiles_fall_between_values_the_trimmed_range_is_narrower():
    # The percentiles are 1 and 39: what is left between them goes from 10 to 30.
    values = [0, 10, 20, 30, 40]

    assert_allclose(step(values, unrounded("linear", "trimmed_range")), [0, 0, 50, 100, 100])
    assert_allclose(step(values, unrounded("linear", "whole_range")), [0, 25, 50, 75, 100])
    assert_allclose(
        step(values, unrounded("linear", "trimmed_range"), "lower"), [100, 100, 50, 0, 0]
    )
    assert_allclose(step(values, unrounded("linear", "whole_range"), "lower"), [100, 75, 50, 25, 0])


@pytest.mark.parametrize("variant", UNROUNDED, ids=names(UNROUNDED))
def test_every_variant_gives_the_middle_where_nothing_tells_municipalities_apart(variant):
    for constant in (0.0, 7.1, -3.0):
        assert_array_equal(step([constant] * 5, variant), [50] * 5)
    assert_array_equal(step([MISSING, 7.1], variant, "lower"), [MISSING, 50])
    assert np.isnan(step([MISSING, MISSING], variant)).all()


@pytest.mark.parametrize("inner", INNER)
def test_of_two_values_one_gets_0_and_the_other_100_though_none_is_left_between(inner):
    assert_allclose(step([3.0, 5.0], unrounded("linear", inner)), [0, 100])


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=30),
    st.sampled_from(UNROUNDED),
    st.sampled_from([0.25, 2.0, 1024.0]),
    st.sampled_from([-8.0, 0.0, 64.0]),
    st.randoms(use_true_random=False),
)
def test_units_order_and_those_without_a_value_do_not_matter(values, variant, unit, zero, random):
    values = np.array(values, dtype=float)
    order = random.sample(range(values.size), values.size)

    score = step(values, variant)

    assert_allclose(step(values * unit + zero, variant), score, atol=1e-9)
    assert_array_equal(step(values[order], variant), score[order])
    assert_array_equal(step(np.append(values, MISSING), variant)[:-1], score)
    assert ((score >= 0) & (score <= 100)).all()
    assert (np.diff(score[np.argsort(values, kind="stable")]) >= 0).all()


@pytest.mark.parametrize("variant", UNROUNDED, ids=names(UNROUNDED))
def test_earlier_axes_are_worlds_of_their_own(variant):
    values = continuous(4, 60)
    values[1, :20] = MISSING

    together = step(values, variant)

    for world in range(4):
        assert_allclose(together[world], step(values[world], variant), atol=1e-12)


def test_scaling_an_index_of_one_component_twice_changes_it():
    once, twice = (
        composite_index(
            continuous(N, 1), directions=["lower"], weights=[1], scalings=n, variant=CONVENTION
        ).score
        for n in (1, 2)
    )

    assert_array_equal(once, step(continuous(N, 1)[:, 0], CONVENTION, "lower"))
    assert 0.05 < np.abs(twice - once).max() < 2
    official = efficiency_index(
        continuous(N, 1),
        continuous(N, 1),
        cost_direction=["lower"],
        quality_direction=["higher"],
        cost_weight=[1],
        quality_weight=[1],
    )
    assert_array_equal(official.resource, twice)  # `models.score.index` scales one component twice


def test_scaling_twice_changes_nothing_where_the_percentiles_fall_on_values():
    once, twice = (
        composite_index(
            continuous(41, 1), directions=["higher"], weights=[1], scalings=n, variant=CONVENTION
        ).score
        for n in (1, 2)
    )

    assert_allclose(once, twice, atol=1e-12)


def test_weights_of_75_and_25_are_those_of_the_mean_of_the_scaled_components():
    values = np.array([[0, 0], [20, 40], [40, 20], [30, 10.0]])
    # Percentiles 2.5 of both lie 7.5 % of the way from the least to the next value.
    first = (values[:, 0] - 1.5) / (40 - 0.75 - 1.5) * 100
    second = (values[:, 1] - 0.75) / (40 - 1.5 - 0.75) * 100
    mean = 0.75 * np.clip(first, 0, 100) + 0.25 * np.clip(second, 0, 100)

    index = composite_index(
        values, directions=["higher"] * 2, weights=[75, 25], scalings=2, variant=CONVENTION
    )

    assert_allclose(index.score, scale(mean, direction="higher"))


def test_six_of_eleven_questions_make_a_survey_index_and_five_do_not():
    values = np.tile(np.arange(41.0)[:, np.newaxis], 11)  # percentiles 1 and 39
    values[5, 5:] = MISSING
    values[10, 6:] = MISSING
    options = {"directions": ["higher"] * 11, "weights": np.ones(11), "variant": CONVENTION}

    survey = composite_index(values, scalings=1, least=6, **options).score
    complete = composite_index(values, scalings=1, **options).score

    assert np.isnan(survey[5])
    # Where questions lack some of the values their percentiles move a little.
    assert_allclose(survey[10], 100 * 9 / 38, atol=1)
    assert_array_equal(np.flatnonzero(np.isnan(complete)), [5, 10])


def test_rounding_at_the_end_or_at_every_step():
    values = continuous(60, 3)
    options = {"directions": ["higher"] * 3, "weights": [1, 1, 1], "scalings": 2, "decimals": 0}

    none, last, every = (
        as_published(
            composite_index(values, variant=variant, **options), variant=variant, decimals=0
        ).score
        for variant in (Variant("linear", "between_percentiles", each) for each in ROUNDINGS)
    )

    assert_array_equal(last, np.round(none))
    assert_array_equal(every, np.round(every))
    assert 1 <= np.abs(every - last).max() <= 2


@pytest.mark.parametrize("inner", ["between_percentiles", "trimmed_range"])
@pytest.mark.parametrize("percentile", PERCENTILES)
def test_rounded_values_move_no_index_further_than_its_reach(percentile, inner):
    options = {
        "directions": ["higher", "lower", "higher"],
        "weights": [2, 1, 1],
        "scalings": 2,
        "variant": unrounded(percentile, inner),
    }
    exact = continuous(50, 80, 3) * [1.0, 10.0, 3.0]

    told = composite_index(np.round(exact, 1), reach=[0.05, 0.05, 0.05], **options)
    truth = composite_index(exact, **options)

    off = np.abs(told.score - truth.score).max(axis=-1)
    assert told.reach.shape == (50, 1)
    assert (off <= told.reach[:, 0]).all()
    assert (off > told.reach[:, 0] / 20).any()  # it is a bound that means something
    assert_array_equal(truth.reach, 0)


def test_an_error_as_wide_as_the_scale_reaches_all_of_it():
    told = index_step([1.0, 2.0], direction="higher", variant=CONVENTION, reach=0.5)

    assert_array_equal(told.reach, [100])


@pytest.mark.parametrize(
    ("values", "decimals"),
    [
        ([12, 100, MISSING], 0),
        ([12.3, 0.1 + 0.2], 1),
        ([12.34, 5], 2),
        ([1 / 3], None),
        ([MISSING], None),
        ([], None),
    ],
)
def test_the_decimals_of_published_numbers_are_the_fewest_that_all_have(values, decimals):
    assert published_decimals(values) == decimals


def test_the_error_of_rounding_is_half_of_the_last_decimal():
    assert [rounding_error(decimals) for decimals in (None, 0, 1)] == [0, 0.5, 0.05]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"variant": Variant("best", "trimmed_range", "none")}, "Unknown percentile 'best'"),
        ({"variant": Variant("linear", "best", "none")}, "Unknown inner 'best'"),
        ({"variant": Variant("linear", INNER[0], "best")}, "Unknown rounding 'best'"),
        ({"variant": Variant("linear", INNER[0], "last")}, "how many decimals"),
        ({"directions": ["higher"]}, "1 directions were given for 2 components"),
        ({"weights": [1, 0]}, "positive"),
        ({"scalings": 3}, "scalings is 3"),
        ({"least": 3}, "3 of 2 components"),
        ({"values": [[1, np.inf], [2, 3]]}, "infinite"),
    ],
)
def test_what_cannot_be_computed_is_refused(change, message):
    given = {
        "values": [[1, 2], [2, 3]],
        "directions": ["higher", "lower"],
        "weights": [1, 1],
        "scalings": 2,
        "variant": CONVENTION,
    }

    with pytest.raises(ValueError, match=message):
        composite_index(**(given | change))
