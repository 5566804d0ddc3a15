import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.peer_sets.nearest import Nearest, nearest, yardstick

N = 30
seeds = st.integers(0, 10_000)
distances = st.sampled_from([("z", "euclidean"), ("robust", "euclidean"), ("z", "mahalanobis")])


def ids(n: int) -> list[str]:
    return [f"{1000 + position:04d}" for position in range(n)]


def made_up(seed: int, n: int = N, p: int = 3) -> np.ndarray:
    """Return positive, correlated variables in different units."""
    generator = np.random.default_rng(seed)
    common = generator.normal(size=(n, 1))
    return np.exp(0.5 * common + 0.5 * generator.normal(size=(n, p))) * 10.0 ** np.arange(p)


def scale_of(values, *, standardisation="z", distance="euclidean", is_log=None, names=None):
    n, p = np.shape(values)
    return yardstick(
        values,
        variable=[f"variable_{column}" for column in range(p)],
        municipality=names or ids(n),
        is_log=is_log or [False] * p,
        standardisation=standardisation,
        distance=distance,
    )


def neighbours(values, *, k=5, weight=None, names=None, scale=None, **options) -> Nearest:
    scale = scale or scale_of(values, names=names, **options)
    return nearest(
        values,
        scale,
        k=k,
        weight=np.ones(np.shape(values)[1]) if weight is None else weight,
        municipality=names or ids(len(values)),
    )


def test_the_nearest_and_the_distance_are_those_computed_by_hand():
    # Mean 2 and 30, standard deviations (ddof 0) sqrt(2) and 10 sqrt(2).
    values = [[0.0, 30], [2, 10], [2, 30], [2, 50], [4, 30]]

    found = neighbours(values, k=2)

    # Divisors: sqrt(8 / 5) for the first variable, sqrt(800 / 5) for the second.
    assert_array_equal(found.peer[0], [2, 1])
    assert_allclose(found.distance[0], [2 / np.sqrt(1.6), np.sqrt(4 / 1.6 + 400 / 160)])
    assert_allclose(found.contribution[0], [[2.5, 0], [2.5, 2.5]], atol=1e-15)


def test_a_weight_is_how_much_a_squared_difference_counts():
    values = [[0.0, 0], [0.9, 0], [0, 1], [5, 5], [5, 4]]

    light, heavy = (neighbours(values, k=1, weight=weight) for weight in ([1, 1], [9, 1]))

    assert (light.peer[0, 0], heavy.peer[0, 0]) == (1, 2)


def test_only_the_ratios_of_weights_matter():
    values = made_up(1)

    once, twice = (neighbours(values, weight=weight) for weight in ([1, 2, 3], [10, 20, 30]))

    assert_array_equal(once.peer, twice.peer)
    assert_allclose(once.contribution, twice.contribution)


def test_who_is_equally_far_comes_in_the_order_of_the_ids():
    values = [[3.0], [1], [2], [3], [1]]
    names = ["1489", "0180", "1480", "0114", "2584"]

    found = neighbours(values, k=4, names=names)

    # 1480 is 1 from all the others, and every id is then the order.
    assert [names[place] for place in found.peer[2]] == ["0114", "0180", "1489", "2584"]


def test_ties_are_ties_whatever_the_rounding():
    tenths = np.array([[0.1], [0.2], [0.3], [0.4], [0.5], [0.6], [0.7]])

    found = neighbours(tenths, k=2)

    assert_array_equal(found.peer[1:-1], [[i - 1, i + 1] for i in range(1, 6)])


def test_who_lacks_a_variable_has_no_peers_is_nobodys_and_sets_no_scale():
    values = made_up(2)
    hole = values.copy()
    hole[4, 1] = np.nan
    hole[4, 0] = 1e9

    found = neighbours(hole)

    without = neighbours(np.delete(values, 4, axis=0), names=[*ids(N)[:4], *ids(N)[5:]])
    assert not found.has_peers[4]
    assert found.has_peers.sum() == N - 1
    assert (found.peer[4] == -1).all()
    assert np.isnan(found.distance[4]).all()
    assert not (found.peer == 4).any()
    assert_allclose(np.delete(found.distance, 4, axis=0), without.distance)


def test_a_logarithm_makes_a_ratio_of_a_difference():
    # By inhabitants the second is nearer to the first, by ratio the third.
    values = [[2000.0], [1000], [3900], [100000], [200000]]

    plain, logged = (neighbours(values, k=1, is_log=[is_log]) for is_log in (False, True))

    assert (plain.peer[0, 0], logged.peer[0, 0]) == (1, 2)


def test_large_cities_stretch_the_standard_deviation_and_not_the_median_deviation():
    values = made_up(3, p=1)
    stretched = np.append(values, [[1e6], [2e6]], axis=0)

    assert scale_of(stretched).spread[0] > 1000 * scale_of(values).spread[0]
    robust = scale_of(stretched, standardisation="robust").spread[0]
    assert robust < 1.5 * scale_of(values, standardisation="robust").spread[0]


def test_the_median_deviation_of_a_normal_variable_is_its_standard_deviation():
    values = np.random.default_rng(4).normal(5, 3, (100_000, 1))

    assert scale_of(values, standardisation="robust").spread[0] == pytest.approx(3, rel=0.02)


def test_mahalanobis_is_the_quadratic_form_of_the_inverse_covariance():
    values = made_up(5)

    found = neighbours(values, distance="mahalanobis")

    inverse = np.linalg.inv(np.cov(values.T, ddof=0))
    step = values[:, np.newaxis] - values[found.peer]
    expected = np.einsum("nkp,pq,nkq->nk", step, inverse, step)
    assert_allclose(found.distance**2, expected, rtol=1e-9)


def test_what_two_variables_share_counts_twice_by_the_plain_distance_and_once_by_mahalanobis():
    values = made_up(6, n=200, p=2)
    correlation = np.corrcoef(values.T)[0, 1]
    apart = np.array([[0.0, 0], [1, 1]]) * values.std(axis=0)  # one standard deviation in both

    plain, whole = (
        neighbours(apart, k=1, scale=scale_of(values, distance=distance)).distance[0, 0] ** 2
        for distance in ("euclidean", "mahalanobis")
    )

    assert plain == pytest.approx(2)
    assert whole == pytest.approx(2 / (1 + correlation))


@given(seeds, distances)
@settings(max_examples=30, deadline=None)
def test_the_variables_parts_sum_to_the_squared_distance_and_none_is_negative(seed, options):
    standardisation, distance = options

    found = neighbours(made_up(seed), standardisation=standardisation, distance=distance)

    assert_allclose(found.contribution.sum(axis=2), found.distance**2, rtol=1e-12)
    assert (found.contribution >= 0).all()


@given(seeds, distances, st.floats(1e-3, 1e3), st.floats(-1e3, 1e3), st.sampled_from([1, -1]))
@settings(max_examples=40, deadline=None)
def test_another_unit_and_another_zero_change_nobodys_neighbours(
    seed, options, factor, shift, sign
):
    standardisation, distance = options
    values = made_up(seed)
    moved = values.copy()
    moved[:, 1] = shift + sign * factor * values[:, 1]

    before, after = (
        neighbours(each, standardisation=standardisation, distance=distance)
        for each in (values, moved)
    )

    assert_array_equal(before.peer, after.peer)
    assert_allclose(before.distance, after.distance, rtol=1e-6)
    assert_allclose(before.contribution, after.contribution, rtol=1e-5, atol=1e-7)


@given(seeds, st.floats(1e-3, 1e3))
@settings(max_examples=20, deadline=None)
def test_another_unit_of_a_logarithm_changes_nobodys_neighbours(seed, factor):
    values = made_up(seed)
    moved = values * [1, factor, 1]

    before, after = (neighbours(each, is_log=[False, True, True]) for each in (values, moved))

    assert_array_equal(before.peer, after.peer)


@given(seeds, distances)
@settings(max_examples=20, deadline=None)
def test_the_order_of_municipalities_and_of_variables_does_not_matter(seed, options):
    standardisation, distance = options
    values = np.round(made_up(seed), 1)  # with ties
    generator = np.random.default_rng(seed)
    rows, columns = generator.permutation(N), generator.permutation(3)
    weight = np.array([1.0, 2, 3])
    assume((scale_of(values).spread > 0.01).all())

    before = neighbours(values, weight=weight, standardisation=standardisation, distance=distance)
    after = neighbours(
        values[np.ix_(rows, columns)],
        weight=weight[columns],
        names=[ids(N)[row] for row in rows],
        standardisation=standardisation,
        distance=distance,
    )

    assert_array_equal(rows[after.peer], before.peer[rows])
    assert_allclose(after.contribution, before.contribution[rows][:, :, columns], atol=1e-9)


@given(seeds, st.integers(1, N - 2))
@settings(max_examples=20, deadline=None)
def test_the_k_nearest_are_among_the_k_and_one_more(seed, k):
    values = np.round(made_up(seed), 1)

    fewer, more = neighbours(values, k=k), neighbours(values, k=k + 1)

    assert_array_equal(fewer.peer, more.peer[:, :k])
    assert (np.diff(more.distance, axis=1) >= -1e-9).all()


@given(seeds, distances)
@settings(max_examples=20, deadline=None)
def test_one_who_lies_far_away_changes_nobodys_neighbours_on_a_kept_yardstick(seed, options):
    standardisation, distance = options
    values = made_up(seed)
    scale = scale_of(values, standardisation=standardisation, distance=distance)
    more = np.vstack([values, values.max(axis=0) * 1e4])

    before, after = neighbours(values, scale=scale), neighbours(more, scale=scale)

    assert_array_equal(after.peer[:N], before.peer)
    assert_allclose(after.distance[:N], before.distance)


def test_one_who_lies_far_away_changes_neighbours_through_the_standard_deviation():
    values = made_up(7)
    more = np.vstack([values, [values[:, 0].max() * 1e4, *np.median(values[:, 1:], axis=0)]])

    before, after = neighbours(values), neighbours(more)

    assert (after.peer[:N] != before.peer).any()


def test_a_municipality_beside_itself_is_never_its_own_peer():
    values = np.repeat(made_up(8, n=10), 2, axis=0)  # everybody has a twin

    found = neighbours(values, k=3)

    assert not (found.peer == np.arange(20)[:, np.newaxis]).any()
    assert_array_equal(found.peer[:, 0], np.arange(20) ^ 1)
    assert_allclose(found.distance[:, 0], 0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 0}, "0 neighbours were asked for, and 30 of 30"),
        ({"k": N}, "30 neighbours were asked for, and 30 of 30"),
        ({"weight": [1, 1]}, "2 weights were given for 3 variables"),
        ({"weight": [1, 0, 1]}, "must be positive and finite"),
        ({"weight": [1, np.inf, 1]}, "must be positive and finite"),
        ({"municipality": ["0180"] * N}, "0180 is given more than once"),
        ({"municipality": ids(N - 1)}, "for 29 municipalities and 3 variables"),
    ],
)
def test_neighbours_that_cannot_be_found_are_refused(change, message):
    values = made_up(9)
    options = {"k": 5, "weight": np.ones(3), "municipality": ids(N)} | change

    with pytest.raises(ValueError, match=message):
        nearest(values, scale_of(values), **options)


@pytest.mark.parametrize(
    ("place", "value", "options", "message"),
    [
        ((3, 1), np.inf, {}, r"1003 has inf in variable_1, which is infinite"),
        ((3, 1), 0.0, {"is_log": [False, True, False]}, "1003 has 0 in variable_1.* no logarithm"),
        ((3, 1), 1.0, {"is_log": [True]}, "1 marks of logarithms were given for 3"),
        ((3, 1), 1.0, {"distance": "manhattan"}, "Unknown distance 'manhattan'"),
        ((3, 1), 1.0, {"standardisation": "minmax"}, "Unknown standardisation 'minmax'"),
        (
            (3, 1),
            1.0,
            {"standardisation": "robust", "distance": "mahalanobis"},
            "'robust' would promise what it does not do",
        ),
        ((slice(None), 1), 7.0, {}, "variable_1 has no spread over the 30"),
        (
            (slice(0, 16), 1),
            7.0,
            {"standardisation": "robust"},
            "variable_1 has no spread.*use 'z'",
        ),
        ((slice(1, None), 2), np.nan, {}, "1 of 30 .* variable_2 is missing for 29"),
    ],
)
def test_a_yardstick_that_cannot_be_made_is_refused(place, value, options, message):
    values = made_up(10)
    values[place] = value

    with pytest.raises(ValueError, match=message):
        scale_of(values, **options)


def test_variables_that_cannot_be_told_apart_are_refused_by_name():
    values = made_up(11)
    values[:, 2] = 3 * values[:, 0] + 1

    with pytest.raises(
        ValueError, match=r"variable_[02] follows from others, such as variable_[02]"
    ):
        scale_of(values, distance="mahalanobis")
