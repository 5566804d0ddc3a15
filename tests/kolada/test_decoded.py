"""The fast way of reading a page says what the slow one says, or leaves the page to it."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from kolada.answer import check_envelope, check_records, check_versions, read_page
from kolada.errors import AnswerError
from kolada.observations import ObservationPage, decoded, observation_frame, observations_of
from kolada.query import Query
from tests.kolada.conftest import inner, page, record

KPIS = ("N00001", "U00002")
PLACES = ("0000", "0180", "1489")
YEARS = (2023, 2024)
KEY = ["kpi", "municipality", "period", "gender"]
QUERIES = (
    Query("data", kpi=KPIS, municipality=PLACES, period=YEARS),
    Query("data", kpi=KPIS[:1], period=YEARS),
    Query("data", municipality=PLACES, period=YEARS[:1]),
)
MANY = settings(max_examples=150, deadline=None)

numbers = st.one_of(
    st.none(),
    st.integers(-(10**25), 10**25),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0, -0.0, 1e-320, 1.7976931348623157e308, 2**53 + 1, 2**63, 2**64]),
)
counts = st.one_of(st.none(), st.integers(0, 2**31 - 1))
statuses = st.one_of(st.none(), st.just(""), st.just("Missing"), st.text(max_size=6))


def without(fields: st.SearchStrategy[dict[str, Any]], *optional: str) -> Any:
    """What Kolada might leave out, left out now and then."""
    return st.tuples(fields, st.sets(st.sampled_from(optional))).map(
        lambda drawn: {name: one for name, one in drawn[0].items() if name not in drawn[1]}
    )


def values_of(gender: str) -> Any:
    fields = {
        "gender": st.just(gender),
        "count": counts,
        "status": statuses,
        "value": numbers,
        "isdeleted": st.booleans(),
    }
    return without(st.fixed_dictionaries(fields), "count", "status", "isdeleted")


inner_values = (
    st.lists(st.sampled_from("TKM"), min_size=1, max_size=3, unique=True)
    .flatmap(lambda genders: st.tuples(*map(values_of, genders)))
    .map(list)
)


def key_of(row: dict[str, Any]) -> tuple[Any, ...]:
    return row["kpi"], row["municipality"], row["period"]


rows = st.lists(
    st.fixed_dictionaries(
        {
            "values": inner_values,
            "kpi": st.sampled_from(KPIS),
            "period": st.sampled_from(YEARS),
            "municipality": st.sampled_from(PLACES),
        }
    ),
    max_size=6,
    unique_by=key_of,
)
next_urls = st.sampled_from([None, "", "https://kolada.test/v3/data/?page=2"])

odd = st.sampled_from(
    [None, True, 0, 1, -1, 1.0, 2024.0, 2024, "2024", "", "T", "N00001", [], {}, [None], 2**31,
     10**400, "\ud800", "\x00", {"gender": "T", "value": 1}, [{"gender": "T", "value": 1}]]
)  # fmt: skip
NAMES = (
    "values", "next_url", "previous_url", "count", "kpi", "period", "municipality", "ou",
    "gender", "value", "status", "isdeleted", "lower_bound",
)  # fmt: skip


@st.composite
def pages(draw: st.DrawFn) -> dict[str, Any]:
    """A page of the known form."""
    records = draw(rows)
    envelope = {
        "values": records,
        "next_url": draw(next_urls),
        "previous_url": draw(next_urls),
        "count": draw(st.sampled_from([None, len(records)])),
    }
    return envelope if draw(st.booleans()) else {k: envelope[k] for k in ("values", "next_url")}


def listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


@st.composite
def bent_pages(draw: st.DrawFn) -> dict[str, Any]:
    """A page in which some things are not as they should be."""
    content: dict[str, Any] = json.loads(json.dumps(draw(pages())))
    for _ in range(draw(st.integers(0, 2))):
        found = [one for one in listed(content.get("values")) if isinstance(one, dict)]
        inside = [one for row in found for one in listed(row.get("values"))]
        chosen = draw(
            st.sampled_from([content, *found, *(one for one in inside if isinstance(one, dict))])
        )
        name = draw(st.sampled_from([*chosen, *NAMES]))
        if draw(st.booleans()):
            chosen[name] = draw(odd)
        else:
            chosen.pop(name, None)
    return content


def sent(content: object, *, escaped: bool) -> bytes:
    return json.dumps(content, ensure_ascii=escaped).encode("utf-8", "surrogatepass")


def slow(body: bytes, query: Query) -> tuple[pl.DataFrame, str | None] | str:
    """The rows and the next address as the slow way alone has them, or that it refuses."""
    try:
        values, following = check_envelope(json.loads(body.decode("utf-8"), parse_constant=int))
        check_records(query, values)
        check_versions(query, values)
        return observation_frame(values), following
    except (ValueError, AnswerError) as error:
        return "not JSON" if isinstance(error, ValueError) else "no answer"


def read(body: bytes, query: Query) -> tuple[pl.DataFrame, str | None] | str:
    try:
        found, following = read_page(body, query)
    except (ValueError, AnswerError) as error:
        return "not JSON" if isinstance(error, ValueError) else "no answer"
    if isinstance(found, ObservationPage):
        return found.frame().sort(KEY), following
    return observation_frame(found), following


def assert_same(body: bytes, query: Query) -> None:
    expected, found = slow(body, query), read(body, query)
    if isinstance(expected, str) or isinstance(found, str):
        assert found == expected
    else:
        assert found[1] == expected[1]
        assert_frame_equal(found[0], expected[0])


@MANY
@given(pages(), st.booleans())
def test_a_page_that_is_decoded_has_the_rows_of_the_slow_way(content, escaped):
    body = sent(content, escaped=escaped)

    found = decoded(body)

    assert found is not None
    assert (len(found), found.count) == (len(content["values"]), content.get("count"))
    assert found.next_url == (content["next_url"] or None)
    assert_frame_equal(found.frame().sort(KEY), observation_frame(content["values"]))


@MANY
@given(pages(), st.sampled_from(QUERIES))
def test_a_page_is_read_as_the_slow_way_reads_it(content, query):
    assert_same(sent(content, escaped=False), query)


def is_split(content: dict[str, Any]) -> bool:
    """Whether the genders of one row stand in two."""
    keys = [
        (str(row.get("kpi")), str(row.get("municipality")), str(row.get("period")))
        for row in listed(content.get("values"))
        if isinstance(row, dict)
    ]
    return len(set(keys)) < len(keys)


SPLIT = page(
    record("N00001", "0180", 2024, inner("T", 1.0)), record("N00001", "0180", 2024, inner("K", 2.0))
)


def test_a_row_whose_genders_stand_in_two_is_read_as_the_slow_way_reads_it():
    assert_same(SPLIT, QUERIES[0])


@MANY
@given(bent_pages(), st.booleans(), st.sampled_from(QUERIES), st.booleans())
def test_a_page_with_faults_is_refused_where_the_slow_way_refuses_it(
    content, is_twice, query, escaped
):
    assume(not is_split(content))
    if is_twice:
        content["values"] = listed(content.get("values")) * 2
    assert_same(sent(content, escaped=escaped), query)


WHOLE = page(record("N00001", "0180", 2024, inner("K", 1.25, status="é"), inner("T", 2)))


@MANY
@given(st.integers(0, len(WHOLE) - 1), st.binary(max_size=3), st.integers(0, 3))
def test_a_page_with_damaged_bytes_is_read_as_the_slow_way_reads_it(place, put, n_taken):
    body = WHOLE[:place] + put + WHOLE[place + n_taken :]

    assert_same(body, QUERIES[0])


NUMBERS = [
    "01", "1.", ".5", "+1", "-", "-0", "0.1e1", "1E+2", "1e999", "-1e999", "1e-999", "NaN",
    "Infinity", "-Infinity", "0x1", "1_0", "1" + "0" * 30, "1" + "0" * 400, "0." + "3" * 400,
    "2.2250738585072011e-308", "9007199254740993", "true", '"1.25"', "[1.25]", "{}",
]  # fmt: skip


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("field", [b'"value":1.25', b'"count":1,', b'"period":2024'], ids=str)
def test_a_number_is_read_as_the_slow_way_reads_it(number, field):
    name, end = field.split(b":")[0], b"," if field.endswith(b",") else b""

    assert_same(WHOLE.replace(field, name + b":" + number.encode() + end, 1), QUERIES[0])


@pytest.mark.parametrize(
    "text", ["\n", "\t", "\x00", "\x7f", "\\u0000", "\\ud800", "\\ud83d\\ude00", "\\x", "\\/", '"']
)
def test_a_text_is_read_as_the_slow_way_reads_it(text):
    assert_same(WHOLE.replace("é".encode(), text.encode()), QUERIES[0])


@pytest.mark.parametrize(
    "body",
    [
        "\ufeff".encode() + WHOLE,
        WHOLE + b"\x00",
        b" \n\t" + WHOLE + b"\r\n",
        WHOLE + b"{}",
        WHOLE.decode().encode("latin-1"),
        WHOLE.decode().encode("utf-16"),
        b"[" * 100_000,
        WHOLE.replace(b'"kpi"', b'"kpi":"U00002","kpi"'),
        WHOLE.replace(b'"status"', b'"value":7,"status"'),
        WHOLE.replace(b'"next_url"', b'"a":' + b"[" * 900 + b"]" * 900 + b',"next_url"'),
        b"",
        b"null",
    ],
)
def test_other_bytes_are_read_as_the_slow_way_reads_them(body):
    try:
        expected = slow(body, QUERIES[0])
    except RecursionError:
        with pytest.raises(RecursionError):
            read_page(body, QUERIES[0])
        return
    found = read(body, QUERIES[0])

    assert str(found) == str(expected)


@given(rows)
@settings(max_examples=100, deadline=None)
def test_what_lies_in_the_ledger_is_read_as_the_slow_way_reads_it(records):
    found = observations_of(page(*records, *records[:2]))

    assert_frame_equal(found.sort(KEY), observation_frame(records))


def test_a_page_of_units_is_decoded_with_their_own_column():
    row = record("N00001", "V15E1", 2024, inner("T", 1), unit="ou")

    found = decoded(page(row), unit="ou")

    assert found is not None
    assert_frame_equal(found.frame(), observation_frame([row], unit="ou"))
    assert decoded(page(row)) is None


@pytest.mark.parametrize(
    "bent",
    [
        {"lower_bound": 1.0},
        {"values": []},
        {"period": 999},
        {"period": 10_000},
        {"kpi": 1},
        {"ou": "V15E1"},
    ],
    ids=str,
)
def test_a_page_not_of_the_known_form_is_left_to_the_slow_way(bent):
    assert decoded(page(record("N00001", "0180", 2024))) is not None
    assert decoded(page(record("N00001", "0180", 2024) | bent)) is None
