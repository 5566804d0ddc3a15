from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest
from numpy.testing import assert_allclose

from models.peer_sets.definition import Likeness, PeerDefinitionError, PeerList, Variable
from models.peer_sets.nearest_peers import PEER_DISTANCE_SCHEMA, nearest_peers
from models.peer_sets.peers import (
    PEER_SET_SCHEMA,
    PEERLESS_SCHEMA,
    SKR_GROUPS,
    kolada_peers,
    listed_peers,
    skr_peers,
    together,
)

MUNICIPALITIES = ["0114", "0115", "0117", "0120"]
GROUP = pl.DataFrame(
    [
        ("grundskola", "0114", "0117", 2024),
        ("grundskola", "0114", "0115", 2024),
        ("grundskola", "0115", "0114", 2024),
        ("grundskola", "0117", "0115", 2024),
        ("övergripande", "0114", "0120", 2025),
    ],
    schema={
        "peer_group": pl.String,
        "municipality": pl.String,
        "peer": pl.String,
        "vintage": pl.Int32,
    },
    orient="row",
)
LIST = PeerList(
    "board_choice", "Nämndens val", None, "0114", ("0120", "0115"), "Nämnden § 1",
    date(2025, 9, 1), "a test",
)  # fmt: skip
LIKENESS = Likeness(
    "size",
    "Storlek",
    None,
    "z",
    "euclidean",
    2,
    None,
    (
        Variable("population", "N01951", "", True, 1.0, ""),
        Variable("oldest_pct", "N01813", "", False, 1.0, ""),
    ),
)


def kolada(area_of, **options):
    given = {"municipalities": MUNICIPALITIES, "general": {}} | options
    return kolada_peers(GROUP, [area_of()], **given)


def structure(*rows: tuple[str, float | None, float | None], period=2024) -> pl.DataFrame:
    """Return the values of (municipality, population, share of the oldest)."""
    return pl.DataFrame(
        [
            (kpi, municipality, period, value)
            for municipality, *values in rows
            for kpi, value in zip(("N01951", "N01813"), values, strict=True)
        ],
        schema={
            "kpi": pl.String,
            "municipality": pl.String,
            "period": pl.Int32,
            "value": pl.Float64,
        },
        orient="row",
    )


FOUR = structure(("0114", 1e4, 5), ("0115", 2e4, 6), ("0117", 4e4, 5), ("0120", 9e4, 9))


def own(values=FOUR, areas=(), *, likeness=LIKENESS, period=2024):
    return nearest_peers(values, likeness, areas, period=period, municipalities=MUNICIPALITIES)


def test_kolada_gives_a_services_own_peers_without_place_or_distance(area_of):
    rows = kolada(area_of).peer

    assert rows.rows() == [
        ("kolada", "school", "0114", "0115", None, None, 2024),
        ("kolada", "school", "0114", "0117", None, None, 2024),
        ("kolada", "school", "0115", "0114", None, None, 2024),
        ("kolada", "school", "0117", "0115", None, None, 2024),
    ]
    assert dict(rows.schema) == PEER_SET_SCHEMA


def test_a_municipality_without_a_group_is_told_of(area_of):
    rows = kolada(area_of).peerless

    assert rows.rows() == [("kolada", "school", "0120", "no_group", None)]
    assert dict(rows.schema) == PEERLESS_SCHEMA


def test_a_general_group_is_a_set_of_its_own_for_any_service(area_of):
    sets = kolada(area_of, general={"kolada_overall": "övergripande"})

    assert sets.peer.filter(peer_set="kolada_overall").rows() == [
        ("kolada_overall", None, "0114", "0120", None, None, 2025)
    ]
    assert sets.peerless["peer_set"].value_counts().sort("peer_set")["count"].to_list() == [1, 3]


def test_a_group_that_kolada_does_not_have_is_refused_with_those_it_has(area_of):
    area = replace(area_of(), peer_group="grundskolan")

    with pytest.raises(ValueError, match=r"of grundskolan\. The words it has are grundskola, över"):
        kolada_peers(GROUP, [area], municipalities=MUNICIPALITIES, general={})


def skr(members: dict[str, list[str]]):
    groups = pl.DataFrame(
        {
            "title": [f"{title} (ovägt medel)" for title in SKR_GROUPS] + ["Skogslänen"],
            "members": [members.get(title, []) for title in SKR_GROUPS] + [["0114", "0120"]],
        },
        schema={"title": pl.String, "members": pl.List(pl.String)},
    )
    return skr_peers(groups, municipalities=MUNICIPALITIES)


def test_skrs_peers_are_all_others_of_the_group():
    sets = skr({"Storstäder": ["0114", "0117", "0115"], "Större stad": ["0120"]})

    pairs = sets.peer.select("municipality", "peer").rows()
    assert pairs == [
        ("0114", "0115"), ("0114", "0117"), ("0115", "0114"),
        ("0115", "0117"), ("0117", "0114"), ("0117", "0115"),
    ]  # fmt: skip
    assert sets.peer["vintage"].null_count() == 6
    assert sets.peerless.rows() == [("skr", None, "0120", "no_group", None)]  # alone in its group


def test_a_municipality_in_two_of_skrs_groups_is_refused():
    with pytest.raises(ValueError, match="0117 is in more than one of SKR's groups: Storstäder; S"):
        skr({"Storstäder": ["0114", "0117"], "Större stad": ["0117"]})


def test_a_missing_group_of_skrs_is_refused():
    groups = pl.DataFrame({"title": ["Storstäder"], "members": [["0114"]]})

    with pytest.raises(ValueError, match="no municipality group Landsbygdskommun med besöksnäring"):
        skr_peers(groups, municipalities=MUNICIPALITIES)


def test_a_list_is_a_set_of_its_name_and_the_year_it_was_decided(area_of):
    sets = listed_peers([LIST], [area_of()], municipalities=MUNICIPALITIES)

    assert sets.peer.rows() == [
        ("board_choice", None, "0114", "0115", None, None, 2025),
        ("board_choice", None, "0114", "0120", None, None, 2025),
    ]
    assert sets.peerless.is_empty()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"peers": ("0120", "9999")}, "board_choice names 9999, which is no municipality"),
        ({"municipality": "9999"}, "board_choice names 9999"),
        ({"service_area": "schol"}, "'schol', which there is none of. Name one of school"),
    ],
)
def test_a_list_of_what_is_not_there_is_refused(area_of, change, message):
    with pytest.raises(ValueError, match=message):
        listed_peers([replace(LIST, **change)], [area_of()], municipalities=MUNICIPALITIES)


def test_own_neighbours_have_place_distance_and_the_year_as_vintage():
    rows = own().sets.peer

    # Logarithms 1, 2, 4 and 9 of a thousand, the age 5, 6, 5 and 9, by their deviations.
    log = np.log([1, 2, 4, 9])
    age = np.array([5.0, 6, 5, 9])
    first = np.hypot((log[2] - log[0]) / log.std(), 0)
    second = np.hypot((log[1] - log[0]) / log.std(), 1 / age.std())
    expected = sorted([(first, "0117"), (second, "0115")])
    found = rows.filter(municipality="0114")
    assert found["peer"].to_list() == [name for _, name in expected]
    assert_allclose(found["distance"], [distance for distance, _ in expected])
    assert found["place"].to_list() == [1, 2]
    assert rows["vintage"].unique().to_list() == [2024]
    assert rows.height == 8


def test_the_shares_of_the_variables_say_what_keeps_two_apart():
    distance = own().distance

    pair = distance.filter(municipality="0114", peer="0117").sort("variable")
    assert pair["variable"].to_list() == ["oldest_pct", "population"]
    assert_allclose(pair["share"], [0, 1], atol=1e-12)
    assert pair.select("value", "peer_value").rows() == [(5, 5), (1e4, 4e4)]
    total = distance.group_by("municipality", "peer").agg(
        pl.col("squared_distance").sum(), pl.col("share").sum()
    )
    peer = total.join(own().sets.peer, on=["municipality", "peer"])
    assert_allclose(peer["squared_distance"], peer["distance"] ** 2)
    assert_allclose(peer["share"], 1)
    assert dict(distance.schema) == PEER_DISTANCE_SCHEMA


def test_between_twins_no_variable_has_a_share():
    twins = structure(("0114", 1e4, 5), ("0115", 1e4, 5), ("0117", 4e4, 5), ("0120", 9e4, 9))

    pair = own(twins).distance.filter(municipality="0114", peer="0115")

    assert pair["squared_distance"].to_list() == [0, 0]
    assert pair["share"].to_list() == [None, None]


@pytest.mark.parametrize("gap", [(None, 6.0), None])
def test_who_lacks_a_variable_is_told_of_with_its_name_and_is_nobodys_peer(gap):
    rows = [("0114", 1e4, 5), ("0117", 4e4, 5), ("0120", 9e4, 9)]
    values = structure(*rows, *([] if gap is None else [("0115", *gap)]))

    sets = own(values).sets

    missing = "population, oldest_pct" if gap is None else "population"
    assert sets.peerless.rows() == [("size", None, "0115", "missing_structure", missing)]
    assert "0115" not in set(sets.peer["municipality"]) | set(sets.peer["peer"])


def test_other_years_other_kpis_and_regions_are_left_alone():
    more = pl.concat(
        [
            FOUR,
            FOUR.with_columns(period=pl.lit(2023, pl.Int32), value=pl.lit(1.0)),
            FOUR.with_columns(kpi=pl.lit("N00001")),
            FOUR.with_columns(municipality=pl.lit("0001")).head(1),
        ]
    )

    assert own(more).sets.peer.equals(own().sets.peer)


def test_own_neighbours_do_not_depend_on_the_order_of_the_rows():
    shuffled = FOUR.sample(fraction=1, shuffle=True, seed=1)

    assert own(shuffled).sets.peer.equals(own().sets.peer)
    assert own(shuffled).distance.equals(own().distance)


def test_values_of_two_genders_are_refused():
    with pytest.raises(ValueError, match=r"0114 has more than one value of N01813 for 2024"):
        own(pl.concat([FOUR, FOUR]))


def test_a_year_without_the_variables_is_refused():
    with pytest.raises(ValueError, match=r"0 of 4 municipalities .* population is missing for 4"):
        own(period=2020)


def test_own_neighbours_that_match_on_an_outcome_are_not_made(area_of, indicator_of):
    area = area_of()
    area = replace(
        area, indicators=(*area.indicators, indicator_of("old", "control", "lower", kpi="N01813"))
    )

    with pytest.raises(PeerDefinitionError, match=r"oldest_pct \(N01813\) is the control old of"):
        own(areas=[area])


def test_sets_of_all_sources_are_put_together_in_one_order(area_of):
    parts = [
        own().sets,
        kolada(area_of),
        listed_peers([LIST], [area_of()], municipalities=MUNICIPALITIES),
    ]

    one, other = together(parts), together(reversed(parts))

    assert one.peer.equals(other.peer)
    assert one.peer["peer_set"].unique(maintain_order=True).to_list() == [
        "board_choice",
        "kolada",
        "size",
    ]
    key = ["peer_set", "service_area", "municipality", "peer"]
    assert not one.peer.select(key).is_duplicated().any()


def test_two_sets_of_one_name_are_refused():
    with pytest.raises(ValueError, match="Two peer sets are called size"):
        together([own().sets, own().sets])
