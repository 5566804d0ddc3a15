"""Peers as Kolada really has them: its table of groups on two days, and values of 2011."""

import json
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from models import sql
from models.areas.service_area import AREAS, service_areas
from models.peer_sets.definition import Likeness, Variable
from models.peer_sets.nearest_peers import nearest_peers
from models.peer_sets.peers import GENERAL_GROUPS, kolada_peers, skr_peers, together
from models.peer_sets.places import peer_places, place_ranges
from models.peer_sets.relation import peer_changes, reciprocity
from models.score.index import score_panel
from tests.models.score.test_index import real_panel


@pytest.fixture(scope="module", params=["2024-04-06_v2", "2026-03-23_v3"])
def day(request):
    return request.param


@pytest.fixture(scope="module")
def real(shared):
    """Reads the real groups of a day: staging.peer as its SQL makes it, groups and ids."""

    def read(day: str):
        folder = shared / "kolada/catalogue"
        groups = json.loads((folder / f"municipality_groups_{day}.json").read_text())["values"]
        names = json.loads((folder / "municipality_2026-03-23_v3.json").read_text())["values"]
        group = pl.DataFrame(
            {
                "municipality_group": [each["id"] for each in groups],
                "title": [each["title"] for each in groups],
                "members": [[one["member_id"] for one in each["members"]] for each in groups],
            }
        )
        municipality = pl.DataFrame(
            [(each["id"], each["title"]) for each in names if each["type"] == "K"],
            schema=["municipality", "title"],
            orient="row",
        )
        with duckdb.connect() as connection:
            connection.execute("create schema staging")
            for name, frame in (("municipality_group", group), ("municipality", municipality)):
                connection.register("given", frame.to_arrow())
                connection.execute(f"create table staging.{name} as select * from given")
                connection.unregister("given")
            select = (Path(sql.__path__[0]) / "staging/peer.sql").read_text()
            peer = connection.execute(select).pl()
        return peer, group, municipality["municipality"].to_list()

    return read


@pytest.mark.shared
def test_every_municipalitys_real_peers_are_found_for_every_area(real):
    peer, _, municipalities = real("2026-03-23_v3")

    sets = kolada_peers(
        peer, service_areas(), municipalities=municipalities, general=GENERAL_GROUPS
    )

    # Gnosjö (0617) has no group for LSS; all others have seven in each.
    assert set(sets.peerless.select("municipality", "reason").rows()) <= {("0617", "no_group")}
    count = sets.peer.group_by("peer_set", "service_area", "municipality").len()
    assert set(count["len"]) == {7}
    n_set = len(service_areas()) + len(GENERAL_GROUPS)
    assert count.height + sets.peerless.height == 290 * n_set


@pytest.mark.shared
def test_every_word_of_koladas_groups_has_seven_peers_for_every_municipality(real, day):
    peer, _, municipalities = real(day)

    count = peer.group_by("peer_group", "municipality").len()

    assert set(count["len"]) == {7}
    without = {
        (word, one)
        for word in count["peer_group"].unique()
        for one in set(municipalities) - set(count.filter(peer_group=word)["municipality"])
    }
    known = {"2026-03-23_v3": {("LSS", "0617")}}.get(
        day, {("integration", one) for one in ("1760", "2422", "2425", "2463")}
    )
    assert without == known


@pytest.mark.shared
def test_alingsas_has_the_peers_in_school_that_kolada_names(real):
    peer, _, municipalities = real("2026-03-23_v3")
    area = next(each for each in service_areas() if each.name == "compulsory_school")

    rows = kolada_peers(peer, [area], municipalities=municipalities, general={}).peer

    # Enköping, Strängnäs, Gislaved, Nässjö, Landskrona, Eslöv and Stenungsund.
    assert rows.filter(municipality="1489")["peer"].to_list() == [
        "0381", "0486", "0662", "0682", "1282", "1285", "1415",
    ]  # fmt: skip


@pytest.mark.shared
def test_skrs_nine_groups_divide_the_real_municipalities(real, day):
    _, group, municipalities = real(day)

    sets = skr_peers(group, municipalities=municipalities)

    assert sets.peerless.is_empty()
    size = sets.peer.group_by("municipality").len()
    assert size.height == 290
    assert (size["len"].min(), size["len"].max()) == (2, 62)
    assert size.filter(municipality="1489")["len"].item() == 42


# Of the seven peers of 2022, how many are still there in the vintage of 2024 (or 2023, 2025).
KEPT = {
    "IFO": 3.272, "LSS": 2.744, "ekonomiskt bistånd": 1.152, "fritidshem": 3.228,
    "förskola": 2.572, "grundskola": 3.224, "gymnasieskola": 1.797, "socioekonomi": 4.507,
    "äldreomsorg": 4.069, "övergripande": 2.872,
}  # fmt: skip
# Of all pairs of the newest vintage, the share in which the peer counts one back.
MUTUAL = {
    "IFO": 0.750, "LSS": 0.745, "arbetsmarknad": 0.675, "ekonomiskt bistånd": 0.863,
    "fritidshem": 0.747, "förskola": 0.769, "grundskola": 0.756, "gymnasieskola": 0.736,
    "räddningstjänst": 0.783, "socioekonomi": 0.623, "äldreomsorg": 0.758, "övergripande": 0.651,
}  # fmt: skip


def sets_by_word(peer: pl.DataFrame) -> pl.DataFrame:
    return peer.rename({"peer_group": "peer_set"}).with_columns(
        service_area=pl.lit(None, pl.String)
    )


@pytest.mark.shared
def test_of_seven_real_peers_between_one_and_five_are_left_after_a_new_vintage(real):
    before, after = (sets_by_word(real(day)[0]) for day in ("2024-04-06_v2", "2026-03-23_v3"))

    changes = peer_changes(before, after)

    kept = changes.group_by("peer_set").agg(pl.col("n_kept").mean())
    assert dict(kept.iter_rows()) == pytest.approx(KEPT, abs=6e-4)
    assert changes["vintage_before"].unique().to_list() == [2022]
    assert (changes["n_kept"] + changes["n_joined"] == 7).all()
    assert (changes["n_joined"] == changes["n_departed"]).all()


@pytest.mark.shared
def test_real_peers_go_both_ways_as_often_as_counted_one_by_one(real):
    peer, _, _ = real("2026-03-23_v3")

    result = reciprocity(sets_by_word(peer)).municipality

    totals = result.group_by("peer_set").agg(pl.col("n_mutual", "n_known").sum())
    share = dict(totals.select("peer_set", pl.col("n_mutual") / pl.col("n_known")).iter_rows())
    pairs = set(peer.select("peer_group", "municipality", "peer").iter_rows())
    # Gnosjö has no peers in LSS, and those who have Gnosjö there can get no answer.
    answered = {pair for pair in pairs if pair[0] != "LSS" or pair[2] != "0617"}
    for word in share:
        of = [pair for pair in answered if pair[0] == word]
        assert share[word] == sum((w, b, a) in pairs for w, a, b in of) / len(of)
    assert share == pytest.approx(MUTUAL, abs=6e-4)
    nobodys = result.filter(n_counted_by=0).group_by("peer_set").len()
    assert dict(nobodys.iter_rows()).get("arbetsmarknad") == nobodys["len"].max() == 6
    most = result.group_by("peer_set").agg(pl.col("n_counted_by").max())["n_counted_by"]
    assert (most.min(), most.max()) == (12, 18)


@pytest.mark.shared
def test_real_neighbours_of_2011_in_size_and_age_are_those_of_a_plain_search(shared):
    # Inhabitants of 65 or more (their number), and the share of 80 or more.
    values = pl.read_csv(
        shared / "kolada/observations/mixed_1995_2012.csv",
        schema_overrides={"municipality": pl.String},
    )
    values = values.filter(pl.col("municipality") != "0000")
    likeness = Likeness(
        "old", "Äldre", None, "z", "euclidean", 20, None,
        (
            Variable("old", "N01938", "", True, 1.0, ""),
            Variable("oldest_pct", "N01813", "", False, 1.0, ""),
        ),
    )  # fmt: skip
    municipalities = values["municipality"].unique().to_list()

    rows = nearest_peers(values, likeness, [], period=2011, municipalities=municipalities).sets.peer

    wide = (
        values.filter(period=2011)
        .pivot("kpi", index="municipality", values="value")
        .sort("municipality")
        .with_columns(pl.col("N01938").log())
    )
    standard = wide.select(
        (pl.col(name) - pl.col(name).mean()) / pl.col(name).std(ddof=0)
        for name in ("N01938", "N01813")
    ).to_numpy()
    names = wide["municipality"].to_list()
    own = names.index("1489")
    away = np.hypot(*(standard - standard[own]).T)
    expected = [names[place] for place in np.argsort(away, kind="stable")[1:21]]
    assert rows.filter(municipality="1489")["peer"].to_list() == expected
    assert rows["municipality"].n_unique() == 290
    seven = reciprocity(rows.filter(pl.col("place") <= 7)).municipality
    share = seven["n_mutual"].sum() / seven["n_known"].sum()
    assert share == pytest.approx(0.774, abs=6e-4)
    assert (seven["n_counted_by"].min(), seven["n_counted_by"].max()) == (1, 13)


@pytest.mark.shared
def test_on_the_real_archive_a_place_in_the_middle_hangs_on_who_the_peers_are(real, shared):
    # Scores of 2019 beside the groups of 2022, the nearest that are known.
    peer, group, municipalities = real("2024-04-06_v2")
    areas = service_areas(AREAS.parent / "areas_recorded")
    index = score_panel(real_panel(shared), areas).index.filter(period=2019)
    sets = together(
        [
            kolada_peers(peer, areas, municipalities=municipalities, general=GENERAL_GROUPS),
            skr_peers(group, municipalities=municipalities),
        ]
    )

    places = peer_places(index, sets.peer, areas)
    ranges = place_ranges(places)

    # Third of eight among those that Kolada calls similar in school, 30th of 41 in SKR's group.
    alingsas = places.filter(municipality="1489").sort("peer_set")
    assert alingsas.select("peer_set", "place", "n_placed").rows() == [
        ("kolada", 3, 8),
        ("kolada_overall", 3, 8),
        ("kolada_socioeconomic", 2, 8),
        ("skr", 30, 41),
    ]
    width = ranges["share_high"] - ranges["share_low"]
    assert width.count() == 280
    assert width.median() == pytest.approx(0.313, abs=6e-4)
    assert (width > 0.5).sum() / 280 == pytest.approx(0.196, abs=6e-4)
    assert places.filter(status="too_few_scored").height == 6
