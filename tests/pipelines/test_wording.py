import polars as pl
import pytest

from pipelines.wording import (
    CREDIT,
    Caption,
    indices,
    peers_median,
    places,
    quadrant_summary,
    quadrant_title,
    ranking_summary,
    ranking_table,
    ranking_title,
    swedish,
    swedish_order,
)


def compared(chosen, peers):
    """Return a quadrant's frame of (resource, quality), peers named A, B, ..."""
    rows = [("1489", "Alingsås", "chosen", *chosen)]
    rows += [(f"000{i}", "ABCDE"[i], "peer", *values) for i, values in enumerate(peers)]
    columns = ["municipality", "municipality_title", "role", "resource_index", "quality_index"]
    return pl.DataFrame(rows, schema=columns, orient="row")


def ranked(*rows, n_ranked=287):
    """Return a ranking's frame of (name, rank, low, high, status); the first is chosen."""
    return pl.DataFrame(
        {
            "municipality": [f"{i:04d}" for i in range(len(rows))],
            "municipality_title": [row[0] for row in rows],
            "role": ["chosen"] + ["peer"] * (len(rows) - 1),
            "efficiency_score": [None if row[1] is None else 90.0 - row[1] / 10 for row in rows],
            "efficiency_rank": [row[1] for row in rows],
            "n_ranked": [n_ranked] * len(rows),
            "rank_low": [row[2] for row in rows],
            "rank_high": [row[3] for row in rows],
            "status": [row[4] for row in rows],
        },
        schema_overrides={
            "efficiency_score": pl.Float64,
            "efficiency_rank": pl.Int32,
            "rank_low": pl.Int32,
            "rank_high": pl.Int32,
        },
    )


@pytest.mark.parametrize(
    ("number", "decimals", "text"),
    [
        (56.25, 1, "56,2"),
        (1234567, 0, "1\u00a0234\u00a0567"),
        (-3.5, 1, "−3,5"),
        (-0.04, 1, "0,0"),
    ],
)
def test_numbers_are_written_as_in_sweden(number, decimals, text):
    assert swedish(number, decimals) == text


def test_aa_ae_and_oe_come_last_and_accents_do_not_count():
    names = ["Örebro", "Ängelholm", "Åmål", "Zinkgruvan", "Idé", "Ider"]

    assert sorted(names, key=swedish_order) == [
        "Idé", "Ider", "Zinkgruvan", "Åmål", "Ängelholm", "Örebro",
    ]  # fmt: skip


def test_letters_composed_and_decomposed_sort_alike():
    assert swedish_order("A\u030amål") == swedish_order("Åmål")


# The peers' medians are 50 and 60; a higher resource index is a lower cost.
PEERS = [(40, 50), (50, 60), (60, 70)]


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ((70, 80), "kvalitet över och kostnad under"),
        ((30, 80), "kvalitet och kostnad över"),
        ((70, 40), "kvalitet och kostnad under"),
        ((30, 40), "kvalitet under och kostnad över"),
        ((50, 80), "kvalitet över och kostnad i nivå med"),
        ((50, 40), "kvalitet under och kostnad i nivå med"),
        ((70, 60), "kvalitet i nivå med och kostnad under"),
        ((30, 60), "kvalitet i nivå med och kostnad över"),
        ((50, 60), "kvalitet och kostnad i nivå med"),
        ((50.04, 59.96), "kvalitet och kostnad i nivå med"),
    ],
)
def test_title_says_on_which_side_of_the_median_the_chosen_one_is(chosen, said):
    frame = compared(chosen, PEERS)

    assert quadrant_title(frame) == f"Alingsås: {said} jämförbara kommuners median"


@pytest.mark.parametrize("chosen", [(None, 60.0), (50.0, None), (None, None)])
def test_a_chosen_one_without_data_is_not_placed(chosen):
    frame = indices(compared(chosen, PEERS))

    assert quadrant_title(frame) == "Alingsås kan inte placeras: uppgift saknas"
    assert "Alingsås saknar uppgift och kan inte placeras." in quadrant_summary(frame)


def test_not_a_number_counts_as_missing():
    frame = indices(compared((float("nan"), 60.0), PEERS))

    assert quadrant_title(frame) == "Alingsås kan inte placeras: uppgift saknas"


def test_without_peers_that_have_data_nothing_is_compared():
    frame = indices(compared((50.0, 60.0), [(None, 50.0)]))

    assert peers_median(frame) is None
    assert quadrant_title(frame).startswith("Alingsås kan inte jämföras")


def test_the_median_is_of_peers_that_have_both_indices():
    frame = indices(compared((90.0, 90.0), [(10.0, None), (20.0, 30.0), (40.0, 50.0)]))

    assert peers_median(frame) == (30.0, 40.0)


def test_an_index_outside_its_scale_is_refused_by_name():
    with pytest.raises(ValueError, match="outside 0-100: B"):
        indices(compared((50.0, 60.0), [(1.0, 2.0), (101.0, 5.0)]))


def test_a_frame_with_two_chosen_is_refused():
    frame = compared((50, 60), PEERS).with_columns(role=pl.lit("chosen"))

    with pytest.raises(ValueError, match="this frame has 4: Alingsås"):
        quadrant_title(frame)


def test_an_unknown_role_is_refused():
    with pytest.raises(ValueError, match="no role"):
        quadrant_title(compared((50, 60), PEERS).with_columns(role=pl.lit("granne")))


@pytest.mark.parametrize(
    ("row", "title"),
    [
        ((45, 30, 62, "ranked"), "Alingsås: plats 45 av 287, troligen mellan 30 och 62"),
        ((1, 1, 1, "ranked"), "Alingsås: plats 1 av 287, troligen just den platsen"),
        (
            (45, None, None, "ranked"),
            "Alingsås: ingen plats i landet visas, intervall kan inte beräknas",
        ),
        (
            (None, None, None, "missing_cost"),
            "Alingsås: ingen plats i landet visas, saknar uppgift om kostnad",
        ),
        (
            (None, None, None, "a status of tomorrow"),
            "Alingsås: ingen plats i landet visas, saknar uppgift",
        ),
    ],
)
def test_title_of_a_ranking_never_gives_a_place_without_its_interval(row, title):
    assert ranking_title(places(ranked(("Alingsås", *row)))) == title


def test_best_comes_first_and_names_settle_ties_in_swedish_order():
    frame = ranked(
        ("Alingsås", 45, 30, 62, "ranked"),
        ("Öckerö", 7, 1, 20, "ranked"),
        ("Ängelholm", 7, 2, 21, "ranked"),
        ("Borås", None, None, None, "missing_quality"),
        ("Ale", 3, None, None, "ranked"),
    )

    order = places(frame)["municipality_title"].to_list()

    assert order == ["Ängelholm", "Öckerö", "Alingsås", "Ale", "Borås"]


def test_a_place_without_interval_is_in_no_text():
    frame = places(ranked(("Alingsås", 45, 30, 62, "ranked"), ("Ale", 133, None, None, "ranked")))

    assert "133" not in ranking_summary(frame)
    assert ["Ale", "jämförbar", "intervall kan inte beräknas"] in [
        row[:3] for row in ranking_table(frame)["rows"]
    ]


def test_summary_counts_the_place_among_those_that_have_one():
    frame = ranked(
        ("Alingsås", 45, 30, 62, "ranked"),
        ("Ale", 3, 1, 9, "ranked"),
        ("Mark", 133, 99, 150, "ranked"),
        ("Lerum", None, None, None, "missing_quality"),
    )

    summary = ranking_summary(places(frame))

    assert "nummer 2 av 3" in summary
    assert "Lerum visas utan plats: saknar uppgift om kvalitet." in summary


@pytest.mark.parametrize("row", [(300, 1, 2, "ranked"), (5, 9, 3, "ranked"), (0, 1, 2, "ranked")])
def test_a_place_or_interval_that_cannot_be_is_refused(row):
    with pytest.raises(ValueError, match="Alingsås"):
        places(ranked(("Alingsås", *row)))


def test_caption_credits_as_kolada_asks_and_says_as_of_and_method():
    text = " ".join(
        Caption("Grundskola", 2025, "2026-11-23", "RKA, version 1", 287, 3, ("FÖRSLAG",)).lines()
    )

    assert CREDIT in text
    assert "källa: kolada" not in text.casefold()
    for said in ("Grundskola 2025", "2026-11-23", "RKA, version 1", "287", "3 saknar", "FÖRSLAG"):
        assert said in text


@pytest.mark.parametrize("field", ["area", "method", "note"])
def test_a_caption_that_names_kolada_as_source_is_refused(field):
    texts = {"area": "Grundskola", "method": "RKA", "note": ""} | {field: "Källa: Kolada"}

    with pytest.raises(ValueError, match="Egen bearbetning"):
        Caption(period=2025, as_of="2026-11-23", n_ranked=1, n_missing=0, **texts)
