import pytest

from kolada.observations import observation_frame
from tests.kolada.conftest import inner, record


def test_a_row_of_kolada_becomes_a_row_per_gender_in_order():
    rows = [
        record("N15428", "1489", 2024, inner("T", 88.5), inner("M", None), inner("K", 91)),
        record("N15428", "0180", 2024, inner("T", 0)),
    ]

    frame = observation_frame(rows)

    assert frame.rows() == [
        ("N15428", "0180", 2024, "T", 0.0, 1, "", False),
        ("N15428", "1489", 2024, "K", 91.0, 1, "", False),
        ("N15428", "1489", 2024, "M", None, 0, "Missing", False),
        ("N15428", "1489", 2024, "T", 88.5, 1, "", False),
    ]


def test_units_have_their_own_column():
    frame = observation_frame([record("N15419", "V15E1", 2024, unit="ou")], unit="ou")

    assert frame.columns[:4] == ["kpi", "ou", "period", "gender"]
    assert frame["ou"].to_list() == ["V15E1"]


def test_a_row_that_was_sent_twice_stands_once():
    assert observation_frame([record("N15428", "1489", 2024)] * 2).height == 1


def test_what_kolada_leaves_out_of_a_value_is_not_invented():
    frame = observation_frame([record("N1", "1489", 2024, {"gender": "T", "value": 1.5})])

    assert frame.select("value", "count", "status", "is_deleted").rows() == [(1.5, None, "", False)]


@pytest.mark.parametrize(
    ("value", "period"), [("3.5", 2024), (1.0, "2024"), (1.0, 10**12)], ids=str
)
def test_what_does_not_fit_is_an_error_and_never_null(value, period):
    with pytest.raises((TypeError, OverflowError)):
        observation_frame([record("N15428", "1489", period, inner("T", value, count=1))])
