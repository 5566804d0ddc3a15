import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from models.peer_sets.peers import PEER_SET_SCHEMA
from models.peer_sets.relation import (
    CHANGE_SCHEMA,
    PAIR_SCHEMA,
    RECIPROCITY_SCHEMA,
    peer_changes,
    reciprocity,
)


def sets(*pairs: tuple[str, str], name="size", area=None, vintage=2024) -> pl.DataFrame:
    """Return a peer set of (municipality, peer)."""
    return pl.DataFrame(
        [(name, area, one, other, None, None, vintage) for one, other in pairs],
        schema=PEER_SET_SCHEMA,
        orient="row",
    )


# 1 and 2 have each other, both look up to 3, and 3 looks to 1 alone.
CIRCLE = sets(("1", "2"), ("2", "1"), ("1", "3"), ("2", "3"), ("3", "1"))


def test_every_pair_says_whether_it_goes_both_ways():
    pair = reciprocity(CIRCLE).pair

    assert pair.select("municipality", "peer", "is_mutual").rows() == [
        ("1", "2", True), ("1", "3", True), ("2", "1", True), ("2", "3", False), ("3", "1", True),
    ]  # fmt: skip
    assert dict(pair.schema) == PAIR_SCHEMA


def test_a_municipality_is_told_how_many_of_its_peers_count_it_and_how_many_others_do():
    rows = reciprocity(
        sets(("1", "2"), ("2", "1"), ("1", "3"), ("3", "2"), ("4", "1"))
    ).municipality

    counted = rows.select("municipality", "n_peer", "n_mutual", "mutual_share", "n_counted_by")
    assert counted.rows() == [
        ("1", 2, 1, 0.5, 2), ("2", 1, 1, 1.0, 2), ("3", 1, 0, 0.0, 1), ("4", 1, 0, 0.0, 0),
    ]  # fmt: skip
    assert dict(rows.schema) == RECIPROCITY_SCHEMA


def test_a_peer_without_peers_of_its_own_could_not_count_anybody():
    result = reciprocity(sets(("1", "2"), ("1", "3"), ("3", "1")))

    assert result.pair["is_mutual"].to_list() == [None, True, True]
    rows = result.municipality.select(
        "municipality", "n_peer", "n_known", "n_mutual", "mutual_share", "n_counted_by"
    )
    assert rows.rows() == [
        ("1", 2, 1, 1, 1.0, 1), ("2", 0, 0, 0, None, 1), ("3", 1, 1, 1, 1.0, 1),
    ]  # fmt: skip


def test_a_pair_does_not_go_back_in_another_set_or_another_area():
    frame = pl.concat(
        [
            sets(("1", "2"), ("2", "3")),
            sets(("2", "1"), ("1", "3"), name="kolada", area="school"),
            sets(("2", "1"), ("1", "3"), name="kolada", area="elderly"),
        ]
    )

    pair = reciprocity(frame).pair

    assert pair.height == 6
    assert not pair["is_mutual"].fill_null(False).any()


def test_groups_go_both_ways_throughout():
    group = sets(*[(a, b) for a in "123" for b in "123" if a != b])

    rows = reciprocity(group).municipality

    assert rows["mutual_share"].to_list() == [1, 1, 1]


@given(st.sets(st.tuples(st.sampled_from("12345"), st.sampled_from("12345")), min_size=1))
@settings(max_examples=50, deadline=None)
def test_as_many_are_peers_as_are_counted_and_mutual_pairs_come_in_twos(drawn):
    pairs = sorted((a, b) for a, b in drawn if a != b)

    result = reciprocity(sets(*pairs))

    rows = result.municipality
    assert rows["n_peer"].sum() == rows["n_counted_by"].sum() == len(pairs)
    assert rows["n_mutual"].sum() % 2 == 0
    mutual = {(a, b) for a, b in pairs if (b, a) in pairs}
    assert set(result.pair.filter("is_mutual").select("municipality", "peer").rows()) == mutual


def test_a_new_vintage_says_who_joined_and_who_departed():
    before = sets(("1", "2"), ("1", "3"), ("1", "4"), ("2", "1"), vintage=2022)
    after = sets(("1", "5"), ("1", "3"), ("1", "0"), ("2", "1"), ("3", "1"))

    rows = peer_changes(before, after)

    assert rows.drop("peer_set", "service_area").rows() == [
        ("1", 2022, 2024, 1, 2, 2, "0,5", "2,4"),
        ("2", 2022, 2024, 1, 0, 0, "", ""),
    ]
    assert dict(rows.schema) == CHANGE_SCHEMA


def test_the_same_set_of_two_areas_is_two_sets():
    school, elderly = (sets(("1", "2"), name="kolada", area=area) for area in ("school", "elderly"))
    later = sets(("1", "3"), name="kolada", area="elderly")

    rows = peer_changes(pl.concat([school, elderly]), pl.concat([school, later]))

    assert rows.select("service_area", "n_kept").rows() == [("elderly", 0), ("school", 1)]
