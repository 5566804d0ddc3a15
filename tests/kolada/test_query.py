from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kolada.query import BATCH_LIMIT, Query, batches

KPI, PLACE, UNIT, YEAR = ("N00097", "N15001"), ("0180", "1489"), ("V15E1",), (2023, 2024)


@pytest.mark.parametrize(
    ("table", "lists", "path"),
    [
        ("kpi", {}, "kpi"),
        ("kpi_groups", {"id": ("G1",)}, "kpi_groups/G1"),
        ("municipality", {"id": PLACE}, "municipality/0180,1489"),
        ("data", {"kpi": KPI, "period": YEAR}, "data/kpi/N00097,N15001/year/2023,2024"),
        ("data", {"kpi": KPI, "municipality": ("G1",)}, "data/kpi/N00097,N15001/municipality/G1"),
        (
            "data",
            {"kpi": KPI, "municipality": PLACE, "period": YEAR},
            "data/kpi/N00097,N15001/municipality/0180,1489/year/2023,2024",
        ),
        (
            "data",
            {"municipality": PLACE, "period": YEAR},
            "data/municipality/0180,1489/year/2023,2024",
        ),
        ("oudata", {"kpi": KPI, "period": YEAR}, "oudata/kpi/N00097,N15001/year/2023,2024"),
        ("oudata", {"kpi": KPI, "ou": UNIT}, "oudata/kpi/N00097,N15001/ou/V15E1"),
        (
            "oudata",
            {"kpi": KPI, "ou": UNIT, "period": YEAR},
            "oudata/kpi/N00097,N15001/ou/V15E1/year/2023,2024",
        ),
        ("oudata", {"ou": UNIT, "period": YEAR}, "oudata/ou/V15E1/year/2023,2024"),
        (
            "oudata",
            {"municipality": PLACE, "period": YEAR},
            "oudata/municipality/0180,1489/year/2023,2024",
        ),
        (
            "oudata",
            {"kpi": KPI, "municipality": PLACE, "period": YEAR},
            "oudata/kpi/N00097,N15001/year/2023,2024",  # and the municipality as a parameter
        ),
    ],
)
def test_each_form_of_question_has_the_path_that_kolada_gives_it(table, lists, path):
    assert Query(table, **lists).path == path


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        (Query("kpi", title="kostnad"), [("title", "kostnad")]),
        (Query("municipality", region_type="K"), [("type", "K")]),
        (Query("ou", municipality=PLACE), [("municipality", "0180"), ("municipality", "1489")]),
        (
            Query("data", kpi=KPI, period=YEAR, from_date=date(2026, 3, 1), region_type="K"),
            [("from_date", "2026-03-01"), ("region_type", "K")],
        ),
        (
            Query("oudata", kpi=KPI, municipality=PLACE, period=YEAR),
            [("municipality_id", "0180"), ("municipality_id", "1489")],
        ),
        (
            Query("data", kpi=KPI, municipality=("0180",), period=YEAR, as_parameters=True),
            [
                ("kpi_id", "N00097"),
                ("kpi_id", "N15001"),
                ("municipality_id", "0180"),
                ("year", "2023"),
                ("year", "2024"),
            ],
        ),
    ],
)
def test_what_is_not_in_the_path_is_a_parameter(query, parameters):
    assert query.parameters == parameters


def test_the_question_by_parameters_has_a_path_that_ends_in_a_slash():
    assert Query("data", kpi=KPI, period=YEAR, as_parameters=True).path == "data/"


@pytest.mark.parametrize("name", ["kpi", "municipality", "period"])
def test_a_list_of_26_values_is_refused_by_name(name):
    lists = {"kpi": KPI, "municipality": PLACE, "period": YEAR, name: tuple(range(26))}

    with pytest.raises(ValueError, match=f"26 values of {name}; Kolada takes at most 25"):
        Query("data", **lists)


@pytest.mark.parametrize(
    ("table", "lists"),
    [
        ("data", {}),
        ("data", {"kpi": KPI}),
        ("data", {"kpi": KPI, "ou": UNIT}),
        ("oudata", {"kpi": KPI, "municipality": PLACE}),
        ("oudata", {"kpi": KPI, "municipality": PLACE, "ou": UNIT}),
    ],
)
def test_a_question_that_kolada_has_no_path_for_is_refused(table, lists):
    with pytest.raises(ValueError, match=f"no path for {table} by"):
        Query(table, **lists)


def test_an_id_never_becomes_another_path():
    query = Query("kpi", id=("../municipality?title=x#y",))

    assert query.path == "kpi/..%2Fmunicipality%3Ftitle%3Dx%23y"


@pytest.mark.parametrize(
    "query",
    [
        Query("kpi"),
        Query("kpi", title=""),
        Query("ou", municipality=PLACE),
        Query("data", kpi=KPI, municipality=PLACE, period=YEAR, from_date=date(2026, 3, 1)),
        Query("data", kpi=KPI, period=YEAR, region_type="K", as_parameters=True),
        Query("oudata", kpi=KPI, ou=UNIT),
    ],
)
def test_a_question_read_back_from_its_json_is_the_same_question(query):
    again = Query.from_json(query.as_json())

    assert again == query
    assert {again} == {query}


@pytest.mark.parametrize(
    "limits", [{"from_date": date(2026, 3, 1)}, {"region_type": "K"}, {"title": "skola"}]
)
def test_an_answer_with_a_filter_does_not_show_all_that_exists(limits):
    assert Query("data", kpi=KPI, period=YEAR).is_whole
    assert not Query("data", kpi=KPI, period=YEAR, **limits).is_whole


@given(st.lists(st.integers(), max_size=120))
def test_batches_hold_every_value_once_in_order_and_none_is_too_long(values):
    made = batches(values)

    assert [value for batch in made for value in batch] == values
    assert all(len(batch) <= BATCH_LIMIT for batch in made)
    assert len(made) == max(1, -(-len(values) // BATCH_LIMIT))
