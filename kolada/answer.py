"""What an answer must look like to be stored: its envelope, its rows, and rows that were asked for.

What is refused here is never stored. Fields that Kolada has added are kept and noted once.
"""

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from kolada.errors import AnswerError
from kolada.observations import GENDERS, PAYLOAD, ObservationPage, decoded, observation_frame
from kolada.query import Query

_OBSERVATION_FIELDS = frozenset({"values", "kpi", "period", "municipality", "ou"})
_VALUE_FIELDS = frozenset({"gender", "count", "status", "value", "isdeleted"})
_METADATA_FIELDS: Mapping[str, type] = {  # null where Kolada has nothing; an id never is
    "id": str,
    "title": str,
    "description": str,
    "is_divided_by_gender": bool,
    "municipality_type": str,
    "auspice": str,
    "operating_area": str,
    "perspective": str,
    "prel_publication_date": str,
    "publication_date": str,
    "publ_period": str,
    "has_ou_data": bool,
    "type": str,
    "municipality": str,
    "members": list,
}

PageRows = ObservationPage | list[dict[str, Any]]  # in the known form, or as sent

log = logging.getLogger(__name__)
_noted: set[str] = set()


def read_page(body: bytes, query: Query) -> tuple[PageRows, str | None]:
    """The rows of one page and the next page's address.

    Raises
    ------
    ValueError
        If the page is not JSON.
    AnswerError
        If it is not an answer to `query`.
    """
    if query.unit is not None:
        page = decoded(body, unit=query.unit)
        if page is not None and _is_as_asked(page, query):
            return page, page.next_url
    values, following = check_envelope(
        json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    )
    check_records(query, values)
    check_versions(query, values)
    if query.unit is not None:
        observation_frame(values, unit=query.unit)  # what cannot be rows must not be stored
    return values, following


def check_envelope(content: object) -> tuple[list[dict[str, Any]], str | None]:
    """The rows and the next page's address of one page.

    Raises
    ------
    AnswerError
        If the page lacks the envelope of Kolada's API, or counts other than it holds.
    """
    if not isinstance(content, dict) or not isinstance(content.get("values"), list):
        raise AnswerError("it has no list named `values`, as each page of Kolada's version 3 has")
    if "next_url" not in content:
        raise AnswerError("it does not say whether there is a next page: it has no next_url")
    values, count, following = content["values"], content.get("count"), content["next_url"]
    if count is not None and count != len(values):
        raise AnswerError(f"it says that it has {count} rows and has {len(values)}")
    if following is not None and not isinstance(following, str):
        raise AnswerError(f"its next_url is {following!r}, neither an address nor null")
    return values, following or None


def check_records(query: Query, records: Sequence[Any]) -> None:
    """Refuse rows of the wrong shape and rows that nobody asked for.

    Raises
    ------
    AnswerError
        Naming the first row that is wrong.
    """
    if query.unit is not None:
        asked = {
            "kpi": frozenset(query.kpi),
            query.unit: frozenset(getattr(query, query.unit)),
            "period": frozenset(query.period),
        }
        for record in records:
            _check_observation(record, query.unit, asked)
        return
    asked_ids = frozenset(query.id)
    for record in records:
        if not isinstance(record, dict) or not isinstance(record.get("id"), str):
            raise AnswerError(f"a row of {query.table} has no id: {str(record)[:120]}")
        if asked_ids and record["id"] not in asked_ids:
            raise AnswerError(f"{query.table} {record['id']} was not asked for")
        _check_metadata(record, f"{query.table} {record['id']}")


def check_whole(query: Query, pages: Sequence[PageRows]) -> None:
    """Refuse an answer whose pages say different things of the same.

    The same row twice is harmless: pages may overlap when Kolada publishes in between.

    Raises
    ------
    AnswerError
        Naming the row of which there are two versions.
    """
    if len(pages) < 2:
        return
    if query.unit is None:
        check_versions(query, [row for page in pages if isinstance(page, list) for row in page])
        return
    cell = ["kpi", query.unit, "period"]
    rows = pl.concat(
        _frame(page, query.unit).with_columns(pl.lit(number).alias("page"))
        for number, page in enumerate(pages)
    )
    in_several = rows.select(*cell, "page").unique().filter(pl.struct(cell).is_duplicated())
    versions = (
        rows.join(in_several, on=[*cell, "page"], how="semi")
        .sort("gender")
        .group_by(*cell, "page", maintain_order=True)
        .agg(pl.struct("gender", *PAYLOAD).alias("values"))
        .unique(subset=[*cell, "values"], maintain_order=True)
    )
    twice = versions.filter(pl.struct(cell).is_duplicated())
    if twice.height:
        raise _two_versions(query, " ".join(str(part) for part in twice.select(cell).row(0)))


def _frame(page: PageRows, unit: str) -> pl.DataFrame:
    if isinstance(page, ObservationPage):
        return page.frame()
    return observation_frame(page, unit=unit)


def _is_as_asked(page: ObservationPage, query: Query) -> bool:
    """Whether nothing of the page needs a closer look."""
    unit = query.municipality if page.unit == "municipality" else query.ou
    return (
        (page.count is None or page.count == len(page))
        and page.holds_only(kpi=query.kpi, unit=unit, period=query.period)
        and not page.has_repeats()
    )


def check_versions(query: Query, records: Sequence[Mapping[str, Any]]) -> None:
    """Refuse records of which two have the same key and other content.

    Raises
    ------
    AnswerError
        Naming the row of which there are two versions.
    """
    seen: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for record in records:
        if query.unit is None:
            key: tuple[Any, ...] = (record["id"],)
        else:
            key = (record["kpi"], record[query.unit], record["period"])
        if seen.setdefault(key, record) != record:
            raise _two_versions(query, " ".join(str(part) for part in key))


def _two_versions(query: Query, name: str) -> AnswerError:
    return AnswerError(
        f"Kolada's answer to {query.path} has two versions of {name}. Nothing of it is stored; run "
        "again later."
    )


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _check_metadata(record: Mapping[str, Any], name: str) -> None:
    if not isinstance(record.get("title"), str):
        raise AnswerError(f"{name} has no title")
    _note_new(record.keys() - _METADATA_FIELDS.keys())
    for field, kind in _METADATA_FIELDS.items():
        value = record.get(field)
        if value is not None and not isinstance(value, kind):
            raise AnswerError(f"{name} has {str(value)[:120]!r} as its {field}")
        if value and field.endswith("_date"):
            try:
                date.fromisoformat(record[field][:10])
            except ValueError as error:
                raise AnswerError(f"{name} has {value!r} as its {field}") from error
    for member in record.get("members") or ():
        if not isinstance(member, dict) or not isinstance(member.get("member_id"), str):
            raise AnswerError(f"{name} has a member without an id: {str(member)[:120]}")


def _check_observation(record: Any, unit: str, asked: Mapping[str, frozenset[Any]]) -> None:
    if not isinstance(record, dict):
        raise AnswerError(f"a row is not an object: {str(record)[:120]}")
    name = f"{record.get('kpi')} {record.get(unit)} {record.get('period')}"
    _note_new(record.keys() - _OBSERVATION_FIELDS)
    for field, kind in (("kpi", str), (unit, str), ("period", int)):
        value = record.get(field)
        if not isinstance(value, kind) or isinstance(value, bool):
            raise AnswerError(f"the row {name} has {value!r} as its {field}")
        if asked[field] and value not in asked[field]:
            raise AnswerError(f"the row {name} was not asked for")
    if not 1000 <= record["period"] <= 9999:
        raise AnswerError(f"the row {name} has a period that is not a year")
    values = record.get("values")
    if not isinstance(values, list) or not values:
        raise AnswerError(f"the row {name} has no list of values")
    genders = [_check_value(value, name) for value in values]
    if len(set(genders)) < len(genders):
        raise AnswerError(f"the row {name} has a gender twice: {', '.join(genders)}")


def _check_value(value: Any, name: str) -> str:
    if not isinstance(value, dict) or value.get("gender") not in GENDERS:
        raise AnswerError(f"the row {name} has a value without a gender of T, K or M")
    _note_new(value.keys() - _VALUE_FIELDS)
    number, status, count = value.get("value"), value.get("status"), value.get("count")
    if number is not None and (
        isinstance(number, bool)
        or not isinstance(number, int | float)
        or not abs(number) <= sys.float_info.max  # also false for NaN
    ):
        raise AnswerError(f"the row {name} has the value {str(number)[:120]!r}, not a number")
    if "value" not in value or (status is not None and not isinstance(status, str)):
        raise AnswerError(f"the row {name} lacks a value or has the status {status!r}")
    if count is not None and (
        isinstance(count, bool) or not isinstance(count, int) or not 0 <= count < 2**31
    ):
        raise AnswerError(f"the row {name} has the count {count!r}")
    if not isinstance(value.get("isdeleted", False), bool):
        raise AnswerError(f"the row {name} has isdeleted {value['isdeleted']!r}")
    return str(value["gender"])


def _note_new(names: set[str]) -> None:
    for name in sorted(names - _noted):
        _noted.add(name)
        log.warning("Kolada sends a field that is new: %s; it is kept in the ledger", name)
