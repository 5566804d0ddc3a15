"""A page of observations -> one tidy frame: a row per kpi, municipality (or ou), period and gender.

A page that has exactly the known form is decoded straight into columns, which is several times
faster than one row at a time. Any other page is left to the slow way, which accepts what Kolada
has added and says what is wrong with the rest.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import polars as pl

PAYLOAD = ("value", "count", "status", "is_deleted")
GENDERS = ("T", "K", "M")

Record = TypeVar("Record")


def observation_frame(
    records: Iterable[Mapping[str, Any]], *, unit: str = "municipality"
) -> pl.DataFrame:
    """Observations as a frame, sorted by key.

    Parameters
    ----------
    records : iterable of mapping
        Rows as Kolada sends them, each with one to three inner values.
    unit : {"municipality", "ou"}
        Whose values they are.

    Returns
    -------
    frame
        kpi, municipality (or ou), period, gender, value, count, status, is_deleted. A value that
        is missing is null and never 0; the status is kept as sent. A row that was sent twice
        stands once.
    """
    columns: dict[str, list[Any]] = {name: [] for name in _schema(unit)}
    for record in records:
        for inner in record["values"]:
            columns["kpi"].append(record["kpi"])
            columns[unit].append(record[unit])
            columns["period"].append(record["period"])
            columns["gender"].append(inner["gender"])
            columns["value"].append(inner["value"])
            columns["count"].append(inner.get("count"))
            columns["status"].append(inner.get("status") or "")
            columns["is_deleted"].append(inner.get("isdeleted", False))
    key = ["kpi", unit, "period", "gender"]
    return pl.DataFrame(columns, schema=_schema(unit)).unique(subset=key).sort(key)


@dataclass(frozen=True, slots=True)
class ObservationPage:
    """One page that has exactly the known form, not yet a frame."""

    records: Sequence[Any]  # _OfMunicipality or _OfUnit
    unit: str
    count: int | None  # rows of the page, as the page itself says
    next_url: str | None

    def __len__(self) -> int:
        return len(self.records)

    def holds_only(self, *, kpi: Sequence[str], unit: Sequence[str], period: Sequence[int]) -> bool:
        """Whether each row is one of those asked for; an empty sequence asks for any."""
        records = self.records
        return (
            (not kpi or {one.kpi for one in records} <= set(kpi))
            and (not period or {one.period for one in records} <= set(period))
            and (not unit or {getattr(one, self.unit) for one in records} <= set(unit))
        )

    def has_repeats(self) -> bool:
        """Whether a row, or a gender within one, comes twice."""
        name = self.unit
        cells = {(one.kpi, getattr(one, name), one.period) for one in self.records}
        return len(cells) < len(self.records) or any(
            len({value.gender for value in one.values}) < len(one.values)
            for one in self.records
            if len(one.values) > 1
        )

    def frame(self) -> pl.DataFrame:
        """The columns of `observation_frame`, in the order sent."""
        inner = [value for record in self.records for value in record.values]
        schema = _schema(self.unit)
        keys = {
            "kpi": [record.kpi for record in self.records],
            self.unit: [getattr(record, self.unit) for record in self.records],
            "period": [record.period for record in self.records],
        }
        payload = {
            "gender": [value.gender for value in inner],
            "value": [value.value for value in inner],
            "count": [value.count for value in inner],
            "status": [value.status or "" for value in inner],
            "is_deleted": [value.isdeleted for value in inner],
        }
        frame = pl.DataFrame(keys, schema={name: schema[name] for name in keys})
        if len(inner) > len(self.records):
            lengths = [len(record.values) for record in self.records]
            repeated = [row for row, length in enumerate(lengths) for _ in range(length)]
            frame = frame[repeated]
        values = pl.DataFrame(payload, schema={name: schema[name] for name in payload})
        return frame.hstack(values)


def decoded(body: bytes, *, unit: str = "municipality") -> ObservationPage | None:
    """The page that `body` is, or None where it is not exactly of the known form."""
    try:
        page = _DECODERS[unit].decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return ObservationPage(page.values, unit, page.count, page.next_url or None)


def observations_of(body: bytes, *, unit: str = "municipality") -> pl.DataFrame:
    """The frame of a page that has been checked, as it lies in the ledger."""
    page = decoded(body, unit=unit)
    if page is not None and not page.has_repeats():
        return page.frame()
    return observation_frame(json.loads(body)["values"], unit=unit)


def _schema(unit: str) -> dict[str, Any]:
    return {
        "kpi": pl.String,
        unit: pl.String,
        "period": pl.Int32,
        "gender": pl.String,
        "value": pl.Float64,
        "count": pl.Int32,
        "status": pl.String,
        "is_deleted": pl.Boolean,
    }


_Count = Annotated[int, msgspec.Meta(ge=0, lt=2**31)]
_Year = Annotated[int, msgspec.Meta(ge=1000, le=9999)]


class _Value(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    gender: Literal["T", "K", "M"]
    value: float | None
    count: _Count | None = None
    status: str | None = None
    isdeleted: bool = False


class _OfMunicipality(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    values: Annotated[list[_Value], msgspec.Meta(min_length=1)]
    kpi: str
    period: _Year
    municipality: str


class _OfUnit(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    values: Annotated[list[_Value], msgspec.Meta(min_length=1)]
    kpi: str
    period: _Year
    ou: str


class _Page(msgspec.Struct, Generic[Record], forbid_unknown_fields=True):
    values: list[Record]
    next_url: str | None
    previous_url: str | None = None
    count: int | None = None


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    "municipality": msgspec.json.Decoder(_Page[_OfMunicipality]),
    "ou": msgspec.json.Decoder(_Page[_OfUnit]),
}
