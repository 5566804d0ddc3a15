from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from models.peer_sets.peers import PEER_SET_SCHEMA
from models.peer_sets.places import (
    PLACE_SCHEMA,
    RANGE_SCHEMA,
    peer_places,
    place_ranges,
    places_among,
)
from models.score.index import INDEX_SCHEMA, competition_rank

NOTHING = np.nan


def index_of(*score: float | None, area="school", period=2023) -> pl.DataFrame:
    """Return an index of municipalities 1000, 1001, … with these scores."""
    rows = {
        "service_area": [area] * len(score),
        "period": [period] * len(score),
        "municipality": [f"{1000 + place}" for place in range(len(score))],
        "efficiency_score": list(score),
    }
    frame = pl.DataFrame(rows)
    others = {name: kind for name, kind in INDEX_SCHEMA.items() if name not in rows}
    return frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in others.items())


def peers_of(municipality: int, *peer: int, name="size", area=None, ordered=True) -> pl.DataFrame:
    return pl.DataFrame(
        [
            (name, area, f"{1000 + municipality}", f"{1000 + one}", place if ordered else None,
             float(place) if ordered else None, 2024)
            for place, one in enumerate(peer, start=1)
        ],
        schema=PEER_SET_SCHEMA,
        orient="row",
    )  # fmt: skip


def test_the_place_is_one_more_than_the_peers_who_are_better():
    score = [50, 60, 40, 50, NOTHING]
    peer = [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2], [0, 1, 2]]

    found = places_among(score, peer, minimum_share=0.5)

    assert_array_equal(found.place, [2, 1, 4, 2, NOTHING])
    assert_allclose(found.share_beaten, [1 / 3, 1, 0, 1 / 3, NOTHING])
    assert_array_equal(found.n_scored, 3)


def test_a_peer_without_a_score_is_neither_better_nor_worse():
    score = [50, 60, NOTHING, 40]

    found = places_among(score, [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]], minimum_share=0.6)

    assert_array_equal(found.n_scored, [2, 2, 3, 2])
    assert_array_equal(found.place, [2, 1, NOTHING, 3])
    assert_allclose(found.share_beaten, [0.5, 1, NOTHING, 0])


@pytest.mark.parametrize(
    ("n_scored", "n_peer", "minimum_share", "is_placed"),
    [
        (5, 8, 5 / 8, True),
        (4, 8, 5 / 8, False),
        (5, 7, 5 / 8, True),
        (4, 7, 5 / 8, False),
        (4, 5, 5 / 8, True),
        (3, 5, 5 / 8, False),
        (13, 20, 5 / 8, True),
        (12, 20, 5 / 8, False),
        (11, 20, 0.55, True),  # 0.55 times 20 is more than 11 to a computer
        (0, 3, 0.01, False),
    ],
)
def test_below_the_least_share_of_scored_peers_there_is_no_place(
    n_scored, n_peer, minimum_share, is_placed
):
    score = np.array([50.0] + [10.0] * n_scored + [NOTHING] * (n_peer - n_scored))
    peer = np.full((n_peer + 1, n_peer), -1)
    peer[0] = np.arange(1, n_peer + 1)

    found = places_among(score, peer, minimum_share=minimum_share)

    assert found.is_covered[0] == is_placed
    assert np.isnan(found.place[0]) != is_placed
    assert np.isnan(found.share_beaten[0]) != is_placed


def test_who_has_no_peers_has_no_place():
    found = places_among([50, 40], [[-1], [0]], minimum_share=0.5)

    assert_array_equal(found.place, [NOTHING, 2])
    assert_array_equal(found.n_peer, [0, 1])


def test_rounding_does_not_decide_who_is_better():
    found = places_among([0.3, 0.1 + 0.2], [[1], [0]], minimum_share=1)

    assert_array_equal(found.place, [1, 1])
    assert_array_equal(found.share_beaten, [0, 0])


def test_draws_are_placed_each_by_itself():
    score = np.random.default_rng(1).normal(size=(4, 6))
    peer = np.array([[(row + step) % 6 for step in (1, 2, 3)] for row in range(6)])

    together = places_among(score, peer, minimum_share=0.5)

    for draw in range(4):
        alone = places_among(score[draw], peer, minimum_share=0.5)
        assert_array_equal(together.place[draw], alone.place)
        assert_array_equal(together.share_beaten[draw], alone.share_beaten)


@given(st.integers(0, 10_000), st.integers(3, 12))
@settings(max_examples=40, deadline=None)
def test_among_all_the_others_the_place_is_the_national_rank(seed, n):
    score = np.random.default_rng(seed).integers(0, 6, n).astype(float)  # with ties
    peer = np.array([[other for other in range(n) if other != row] for row in range(n)])

    found = places_among(score, peer, minimum_share=1)

    assert_array_equal(found.place, competition_rank(score))


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_places_do_not_depend_on_the_scale_of_scores_or_on_the_order_of_peers(seed):
    generator = np.random.default_rng(seed)
    score = generator.normal(size=10)
    peer = np.array([generator.permutation(np.delete(np.arange(10), row))[:4] for row in range(10)])

    before = places_among(score, peer, minimum_share=0.5)
    after = places_among(100 + 7 * score, peer[:, ::-1], minimum_share=0.5)

    assert_array_equal(before.place, after.place)


@pytest.mark.parametrize(
    ("peer", "share", "message"),
    [
        ([[1], [0]], 0, "share of peers with a score is 0"),
        ([[1], [0]], 1.5, "share of peers with a score is 1.5"),
        ([[1], [2]], 0.5, "do not belong to 2 scores"),
        ([[1], [-2]], 0.5, "do not belong to 2 scores"),
        ([[1]], 0.5, "do not belong to 2 scores"),
        ([1, 0], 0.5, "do not belong to 2 scores"),
    ],
)
def test_peers_that_do_not_fit_are_refused(peer, share, message):
    with pytest.raises(ValueError, match=message):
        places_among([1.0, 2.0], peer, minimum_share=share)


def test_an_ordered_set_is_taken_at_every_size_nearest_first(area_of):
    index = index_of(50, 60, 40, 30, 20)

    rows = peer_places(index, peers_of(0, 4, 2, 1, 3), [area_of()], sizes=(1, 3, 4))

    found = rows.select("n_peer", "place", "n_placed", "share_beaten", "status")
    assert found.rows() == [
        (1, 1, 2, 1.0, "placed"), (3, 2, 4, 2 / 3, "placed"), (4, 2, 5, 3 / 4, "placed"),
    ]  # fmt: skip
    assert dict(rows.schema) == PLACE_SCHEMA


def test_a_set_without_order_is_taken_whole(area_of):
    index = index_of(50, 60, 40, 30)
    peer = pl.concat(
        [
            peers_of(0, 1, 2, 3, name="skr", ordered=False),
            peers_of(1, 0, name="skr", ordered=False),
        ]
    )

    rows = peer_places(index, peer, [area_of()], sizes=(2,))

    assert rows.select("municipality", "n_peer", "place").rows() == [
        ("1000", 3, 2),
        ("1001", 1, 1),
    ]


def test_a_set_of_one_area_is_not_used_in_another_and_a_general_one_in_all(area_of):
    areas = [area_of("school"), area_of("elderly")]
    index = pl.concat([index_of(50, 60), index_of(60, 50, area="elderly")])
    peer = pl.concat([peers_of(0, 1), peers_of(0, 1, name="kolada", area="elderly", ordered=False)])

    rows = peer_places(index, peer, areas, sizes=(1,))

    assert rows.select("service_area", "peer_set", "place").rows() == [
        ("elderly", "kolada", 1),
        ("elderly", "size", 1),
        ("school", "size", 2),
    ]


def test_every_period_is_placed_by_its_own_scores(area_of):
    index = pl.concat([index_of(50, 60), index_of(60, 50, period=2024)])

    rows = peer_places(index, peers_of(0, 1), [area_of()], sizes=(1,))

    assert rows.select("period", "place").rows() == [(2023, 2), (2024, 1)]


def test_who_has_no_place_has_the_reason_and_no_number(area_of):
    index = index_of(None, 60, None, None, 50)
    peer = pl.concat([peers_of(0, 1, 4, 2), peers_of(1, 2, 3, 4), peers_of(4, 1, 2, 0)])

    rows = peer_places(index, peer, [area_of()], sizes=(3,))

    found = rows.select("municipality", "n_peer_scored", "status").rows()
    assert found == [
        ("1000", 2, "no_own_score"), ("1001", 1, "too_few_scored"), ("1004", 1, "too_few_scored"),
    ]  # fmt: skip
    for column in ("place", "n_placed", "share_beaten"):
        assert rows[column].null_count() == 3


def test_a_peer_that_is_not_in_the_index_is_a_peer_without_a_score(area_of):
    rows = peer_places(index_of(50, 60, 40), peers_of(0, 1, 2, 77), [area_of()], sizes=(3,))

    assert rows.select("n_peer", "n_peer_scored", "place").row(0) == (3, 2, 2)


def test_an_area_of_grade_d_gives_nobody_a_place(area_of):
    area = replace(area_of(), evidence_grade="D")

    rows = peer_places(index_of(50, 60), peers_of(0, 1), [area], sizes=(1,))

    assert rows.select("place", "share_beaten", "status").row(0) == (None, None, "not_assessed")


def test_an_area_of_grade_c_is_placed_among_peers(area_of):
    area = replace(area_of(), evidence_grade="C")

    rows = peer_places(index_of(50, 60), peers_of(0, 1), [area], sizes=(1,))

    assert rows["status"].to_list() == ["placed"]


def test_more_nearest_peers_than_there_are_is_refused(area_of):
    with pytest.raises(ValueError, match="The peer set size has 2 nearest peers, and 20 are asked"):
        peer_places(index_of(50, 60, 40), peers_of(0, 1, 2), [area_of()])


def test_an_index_of_another_area_is_refused(area_of):
    with pytest.raises(ValueError, match="the service area elderly, which is not among"):
        peer_places(index_of(50, 60, area="elderly"), peers_of(0, 1), [area_of()], sizes=(1,))


def test_the_order_of_rows_does_not_matter(area_of):
    index = index_of(50, 60, 40, 30)
    peer = pl.concat([peers_of(0, 1, 2, 3), peers_of(1, 2, 3, 0), peers_of(2, 0, 1, 3)])

    before = peer_places(index, peer, [area_of()], sizes=(2, 3))
    after = peer_places(index.reverse(), peer.reverse(), [area_of()], sizes=(2, 3))

    assert before.equals(after)


def test_the_range_says_under_which_choice_a_place_is_best_and_worst(area_of):
    # Better than the two nearest, worse than the third; among all named by the board, last.
    index = index_of(50, 40, 30, 60, 70, None)
    peer = pl.concat(
        [
            peers_of(0, 1, 2, 3),
            peers_of(0, 3, 4, name="board_choice", ordered=False),
            peers_of(0, 5, name="empty", ordered=False),
            peers_of(5, 0, 1, 2),
        ]
    )

    rows = place_ranges(peer_places(index, peer, [area_of()], sizes=(2, 3)))

    assert rows.drop("service_area", "period").rows() == [
        ("1000", 3, 1, 0.0, "board_choice", 2, 1.0, "size", 2),
        ("1005", 0, 2, None, None, None, None, None, None),
    ]
    assert dict(rows.schema) == RANGE_SCHEMA


def test_of_equal_choices_the_first_by_name_and_number_is_told(area_of):
    peer = pl.concat([peers_of(0, 1, 2, name=name) for name in ("b", "a")])

    rows = place_ranges(peer_places(index_of(50, 60, 70), peer, [area_of()], sizes=(2, 1)))

    ends = ("low_peer_set", "low_n_peer", "high_peer_set", "high_n_peer")
    assert rows.select(ends).row(0) == ("a", 1, "a", 1)
    assert_allclose(rows.select("share_low", "share_high").row(0), 0)


def test_the_truth_decides_places_where_it_differs_much_and_the_choice_where_it_does_not(area_of):
    # Of 200 one is far ahead and one far behind whoever the peers are; in the middle the share
    # beaten among seven drawn at random has the standard deviation sqrt(1 / 4 / 7) = 0.19.
    generator = np.random.default_rng(5)
    score = np.sort(generator.uniform(0, 100, 200))
    peer = pl.concat(
        [
            peers_of(own, *generator.permutation(np.delete(np.arange(200), own))[:7].tolist(),
                     name=f"draw_{draw:02d}", ordered=False)
            for own in (0, 100, 199)
            for draw in range(60)
        ]
    )  # fmt: skip

    places = peer_places(index_of(*score), peer, [area_of()])

    share = places.sort("municipality").partition_by("municipality", as_dict=True)
    worst, middle, best = (share[(f"{1000 + one}",)]["share_beaten"] for one in (0, 100, 199))
    assert (worst.max(), best.min()) == (0, 1)
    assert middle.mean() == pytest.approx(0.5, abs=0.1)
    assert middle.std() == pytest.approx(np.sqrt(1 / 4 / 7), abs=0.05)
