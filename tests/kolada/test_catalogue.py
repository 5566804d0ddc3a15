from datetime import date

import pytest

from kolada.catalogue import (
    GROUP_SCHEMA,
    KPI_SCHEMA,
    MUNICIPALITY_SCHEMA,
    group_frame,
    kpi_frame,
    municipality_frame,
    search,
)
from tests.kolada.conftest import group_row, kpi_row

ROWS = [
    kpi_row("U20900", "Effektivitetsindex äldreomsorg"),
    kpi_row("N20900", "Nettokostnadsavvikelse äldreomsorg, (%)"),
    kpi_row("N15001", "Nettokostnadsavvikelse grundskola F-9 (bas), (%)"),
    kpi_row("N15030", "Elever, ÅRSKURS 9 [andel]"),
]


def test_a_kpi_has_a_row_with_its_dates_and_its_flags():
    row = kpi_row(
        "N15001",
        "Kostnad",
        prel_publication_date="2026-04-01",
        publication_date="2026-08-28T00:00:00",
        is_divided_by_gender=True,
    )

    (kpi,) = kpi_frame([row]).to_dicts()

    assert kpi["prel_publication_date"] == date(2026, 4, 1)
    assert kpi["publication_date"] == date(2026, 8, 28)
    assert (kpi["is_divided_by_gender"], kpi["has_ou_data"]) == (True, False)
    assert kpi["publ_period"] == "2025"


def test_what_kolada_leaves_out_is_null_and_a_description_empty():
    (kpi,) = kpi_frame([{"id": "N15001", "title": "Kostnad", "publication_date": ""}]).to_dicts()

    assert kpi["description"] == ""
    assert [kpi[name] for name in ("auspice", "publication_date", "publ_period")] == [None] * 3


def test_frames_are_sorted_by_id_and_a_row_sent_twice_stands_once():
    places = [{"id": id_, "title": "Kommun", "type": "K"} for id_ in ("1489", "0114", "1489")]

    assert kpi_frame([*ROWS, ROWS[0]])["kpi"].to_list() == ["N15001", "N15030", "N20900", "U20900"]
    assert municipality_frame(places)["municipality"].to_list() == ["0114", "1489"]


def test_a_group_s_members_are_in_order_whatever_the_order_they_are_sent_in():
    rows = [group_row("G2", "B", "1489", "0114", "0180"), group_row("G1", "A")]

    frame = group_frame([*rows, {"id": "G3", "title": "C", "members": None}])

    assert frame["members"].to_list() == [[], ["0114", "0180", "1489"], []]


def test_without_rows_the_columns_are_the_same():
    assert kpi_frame([]).schema == KPI_SCHEMA
    assert municipality_frame([]).schema == MUNICIPALITY_SCHEMA
    assert group_frame([]).schema == GROUP_SCHEMA


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("nettokostnadsavvikelse", ["N15001", "N20900"]),
        ("NETTOKOSTNADSAVVIKELSE Äldre", ["N20900"]),
        ("äldreomsorg index", ["U20900"]),
        ("20900", ["N20900", "U20900"]),
        ("n20900", ["N20900"]),
        ("årskurs", ["N15030"]),
        ("(bas)", ["N15001"]),
        ("[andel]", ["N15030"]),
        (".*", []),
        ("", ["N15001", "N15030", "N20900", "U20900"]),
    ],
)
def test_a_kpi_is_found_by_any_words_of_its_id_and_title(words, found):
    assert search(kpi_frame(ROWS), words)["kpi"].to_list() == found
