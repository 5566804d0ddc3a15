import json
import logging

import pytest

from kolada.answer import check_envelope, check_records, check_whole
from kolada.errors import AnswerError
from kolada.query import Query
from tests.kolada.conftest import group_row, inner, kpi_row, page, record

QUERY = Query("data", kpi=("N00097",), period=(2024,))
ROW = record("N00097", "0180", 2024)


def test_a_page_gives_its_rows_and_the_next_address():
    content = json.loads(page(ROW, next_url="https://kolada.test/v3/kpi?page=2"))

    assert check_envelope(content) == ([ROW], "https://kolada.test/v3/kpi?page=2")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([], "no list named `values`"),
        ({"detail": "Not Found"}, "no list named `values`"),
        ({"values": {}, "next_url": None}, "no list named `values`"),
        ({"values": [], "count": 0}, "it has no next_url"),
        ({"values": [ROW], "next_url": None, "count": 2}, "says that it has 2 rows and has 1"),
        ({"values": [], "next_url": 2}, "its next_url is 2"),
    ],
)
def test_a_page_without_kolada_s_envelope_is_refused(content, said):
    with pytest.raises(AnswerError, match=said):
        check_envelope(content)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), -float("inf"), 10**400, "3,5", "3.5", True, [1], {}]
)
def test_a_value_that_is_not_a_finite_number_is_refused(value):
    with pytest.raises(AnswerError, match=r"N00097 0180 2024 has the value .*, not a number"):
        check_records(QUERY, [record("N00097", "0180", 2024, inner("T", value))])


@pytest.mark.parametrize("value", [0, -4.58, 10**20, 1.7e308, None])
def test_a_finite_number_or_null_is_accepted(value):
    check_records(QUERY, [record("N00097", "0180", 2024, inner("T", value))])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], "no list of values"),
        (None, "no list of values"),
        ([3.5], "without a gender"),
        ([inner("X", 1.0)], "without a gender of T, K or M"),
        ([inner(["T"], 1.0)], "without a gender of T, K or M"),
        ([inner("T", 1.0), inner("T", 2.0)], "a gender twice: T, T"),
        ([{"gender": "T", "count": 1}], "lacks a value"),
        ([inner("T", 1.0, status=0)], "the status 0"),
        ([inner("T", 1.0, count=-1)], "the count -1"),
        ([inner("T", 1.0, count=2**31)], "the count 2147483648"),
        ([inner("T", 1.0, count=True)], "the count True"),
        ([inner("T", 1.0, count="1")], "the count '1'"),
        ([inner("T", 1.0, isdeleted="no")], "isdeleted 'no'"),
    ],
)
def test_an_inner_value_of_the_wrong_shape_is_refused_with_the_row_s_name(values, said):
    with pytest.raises(AnswerError, match="N00097 0180 2024") as refusal:
        check_records(QUERY, [{**ROW, "values": values}])

    assert said in str(refusal.value)


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"kpi": None}, "None as its kpi"),
        ({"municipality": 180}, "180 as its municipality"),
        ({"period": "2024"}, "'2024' as its period"),
        ({"period": True}, "True as its period"),
        ({"kpi": "N15001"}, "N15001 0180 2024 was not asked for"),
        ({"period": 2023}, "N00097 0180 2023 was not asked for"),
    ],
)
def test_a_row_with_another_key_than_asked_for_is_refused(other, said):
    with pytest.raises(AnswerError, match=said):
        check_records(QUERY, [ROW, ROW | other])


@pytest.mark.parametrize("period", [24, 20240, 10**12, -2024])
def test_a_period_that_is_not_a_year_is_refused_also_where_any_period_was_asked_for(period):
    query = Query("data", kpi=("N00097",), municipality=("0180",))

    with pytest.raises(AnswerError, match="a period that is not a year"):
        check_records(query, [record("N00097", "0180", period)])


def test_a_municipality_or_unit_that_was_not_asked_for_is_refused():
    with pytest.raises(AnswerError, match="N00097 1489 2024 was not asked for"):
        check_records(
            Query("data", kpi=("N00097",), municipality=("0180",)), [record("N00097", "1489", 2024)]
        )
    with pytest.raises(AnswerError, match="N15419 V15E2 2024 was not asked for"):
        check_records(
            Query("oudata", kpi=("N15419",), ou=("V15E1",)),
            [record("N15419", "V15E2", 2024, unit="ou")],
        )


def test_regions_and_groups_are_accepted_where_every_municipality_was_asked_for():
    check_records(QUERY, [record("N00097", id_, 2024) for id_ in ("0000", "0180", "G114418")])


def test_genders_in_any_order_and_an_unknown_status_are_accepted():
    values = [inner("M", 1.0), inner("T", None, status="Preliminary"), inner("K", 3.0)]

    check_records(QUERY, [record("N00097", "0180", 2024, *values)])


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("N00097", "has no id"),
        ({"title": "Kostnad"}, "has no id"),
        ({"id": 97, "title": "Kostnad"}, "has no id"),
        ({"id": "N00097"}, "kpi N00097 has no title"),
        (kpi_row("N15001", "Kostnad"), "kpi N15001 was not asked for"),
        (kpi_row("N00097", "Kostnad", description=3), "'3' as its description"),
        (kpi_row("N00097", "Kostnad", has_ou_data="no"), "'no' as its has_ou_data"),
        (kpi_row("N00097", "Kostnad", publication_date="soon"), "'soon' as its publication_date"),
        (kpi_row("N00097", "Kostnad", publ_period=2025), "'2025' as its publ_period"),
    ],
)
def test_a_row_of_metadata_of_the_wrong_shape_is_refused(row, said):
    with pytest.raises(AnswerError, match=said):
        check_records(Query("kpi", id=("N00097",)), [row])


def test_a_group_with_a_member_without_an_id_is_refused():
    group = group_row("G1", "Fyrkommunsnätverket") | {"members": [{"member_title": "Nässjö"}]}

    with pytest.raises(AnswerError, match="municipality_groups G1 has a member without an id"):
        check_records(Query("municipality_groups"), [group])


def test_a_kpi_without_dates_is_accepted():
    check_records(Query("kpi"), [kpi_row("N00097", "Kostnad", publication_date=None)])


def test_a_field_that_kolada_has_added_is_noted_once_by_name(caplog):
    new = record("N00097", "0180", 2024, inner("T", 1.0, upper_bound=2.0)) | {"unit_of_test": "kr"}

    with caplog.at_level(logging.WARNING):
        check_records(QUERY, [new, new])
        check_records(QUERY, [new])
        check_records(Query("kpi"), [kpi_row("N00097", "Kostnad", is_better_when="low")])

    noted = [one.message.split(": ")[1].split(";")[0] for one in caplog.records]
    assert noted == ["unit_of_test", "upper_bound", "is_better_when"]


def test_the_same_row_in_two_pages_is_no_contradiction():
    check_whole(QUERY, [[ROW], [ROW, record("N00097", "1489", 2024)]])


def test_two_versions_of_one_row_are_refused_by_name():
    other = record("N00097", "0180", 2024, inner("T", 2.0))

    with pytest.raises(AnswerError, match="two versions of N00097 0180 2024"):
        check_whole(QUERY, [[ROW], [other]])
    with pytest.raises(AnswerError, match="two versions of N00097"):
        check_whole(Query("kpi"), [[kpi_row("N00097", "A")], [kpi_row("N00097", "B")]])
