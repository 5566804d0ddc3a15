"""One question to Kolada: which table, which ids, and the address that asks for them."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal, TypeVar
from urllib.parse import quote

Table = Literal["kpi", "kpi_groups", "municipality", "municipality_groups", "ou", "data", "oudata"]
METADATA_TABLES: tuple[Table, ...] = (
    "kpi", "kpi_groups", "municipality", "municipality_groups", "ou",
)  # fmt: skip

Value = TypeVar("Value")

PAGE_ROWS = 5_000  # rows of a page, by default and at most
BATCH_LIMIT = 25  # ids; Kolada answers 422 to more in one list


@dataclass(frozen=True, slots=True)
class Query:
    """One question, in Kolada's words; it may be answered by several pages.

    Metadata tables take `id` and `title` (`ou` also `municipality`, `municipality` also
    `region_type`); "data" takes two or three of `kpi`, `municipality` and `period`; "oudata" the
    same with `ou`, or with the `municipality` of the units.

    Raises
    ------
    ValueError
        If a list is longer than Kolada accepts, or the lists given do not make a path.
    """

    table: Table
    id: tuple[str, ...] = ()
    title: str | None = None
    kpi: tuple[str, ...] = ()
    municipality: tuple[str, ...] = ()
    ou: tuple[str, ...] = ()
    period: tuple[int, ...] = ()
    from_date: date | None = None
    region_type: str | None = None
    as_parameters: bool = False  # `/data/?kpi_id=…` in place of `/data/kpi/…`

    def __post_init__(self) -> None:
        for name in ("id", "kpi", "municipality", "ou", "period"):
            ids = getattr(self, name)
            if len(ids) > BATCH_LIMIT:
                raise ValueError(
                    f"A query holds {len(ids)} values of {name}; Kolada takes at most "
                    f"{BATCH_LIMIT}. Let KoladaClient batch them."
                )
        if self.table in _FORMS and self._form() not in _FORMS[self.table]:
            raise ValueError(
                f"Kolada has no path for {self.table} by {' and '.join(self._form()) or 'nothing'}."
                f" Give one of: {'; '.join(' and '.join(form) for form in _FORMS[self.table])}."
            )

    def _form(self) -> tuple[str, ...]:
        return tuple(n for n in ("kpi", "municipality", "ou", "period") if getattr(self, n))

    @property
    def unit(self) -> Literal["municipality", "ou"] | None:
        """Whose values the rows are; None where they are metadata."""
        return {"data": "municipality", "oudata": "ou"}.get(self.table)  # type: ignore[return-value]

    @property
    def path(self) -> str:
        """The path below Kolada's base address."""
        if self.table not in ("data", "oudata"):
            return "/".join([self.table, *([_listed(self.id)] if self.id else [])])
        if self.as_parameters:
            return f"{self.table}/"
        by_unit_owner = self.table == "oudata" and self.kpi and self.municipality
        parts: list[str] = [self.table]
        for name in self._form():
            if name == "municipality" and by_unit_owner:
                continue  # the units of a municipality are asked for as a parameter
            parts += ["year" if name == "period" else name, _listed(getattr(self, name))]
        return "/".join(parts)

    @property
    def parameters(self) -> list[tuple[str, str]]:
        """The query string, as pairs in a fixed order."""
        pairs: list[tuple[str, str]] = []
        if self.table in ("data", "oudata"):
            if self.as_parameters:
                for name in self._form():
                    word = "year" if name == "period" else f"{name}_id"
                    pairs += [(word, str(value)) for value in getattr(self, name)]
            elif self.table == "oudata" and self.kpi and self.municipality:
                pairs += [("municipality_id", value) for value in self.municipality]
        elif self.table == "ou":
            pairs += [("municipality", value) for value in self.municipality]
        if self.title is not None:
            pairs.append(("title", self.title))
        if self.from_date is not None:
            pairs.append(("from_date", self.from_date.isoformat()))
        if self.region_type is not None:
            pairs.append(
                ("type" if self.table == "municipality" else "region_type", self.region_type)
            )
        return pairs

    @property
    def is_whole(self) -> bool:
        """Whether an answer shows all that exists: what is absent from it does not exist."""
        return self.from_date is None and self.title is None and self.region_type is None

    def as_json(self) -> dict[str, Any]:
        """The question as plain JSON, without what is not set."""
        content: dict[str, Any] = {}
        for name in (field.name for field in fields(self)):
            value = getattr(self, name)
            if value in (None, (), False):
                continue
            if isinstance(value, tuple):
                value = list(value)
            content[name] = value.isoformat() if isinstance(value, date) else value
        return content

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Query":
        """The question that `as_json` wrote."""
        known = dict(content)
        for name in ("id", "kpi", "municipality", "ou", "period"):
            if name in known:
                known[name] = tuple(known[name])
        if "from_date" in known:
            known["from_date"] = date.fromisoformat(known["from_date"])
        return cls(**known)


def batches(values: Sequence[Value], *, most: int = BATCH_LIMIT) -> list[tuple[Value, ...]]:
    """`values` in lists of at most `most` that Kolada accepts; one empty list of none."""
    if not values:
        return [()]
    size = max(1, min(most, BATCH_LIMIT))
    return [tuple(values[i : i + size]) for i in range(0, len(values), size)]


def _listed(values: Sequence[object]) -> str:
    # An id is data: one with a slash or a question mark must not become another path.
    return ",".join(quote(str(value), safe="") for value in values)


_FORMS: dict[Table, tuple[tuple[str, ...], ...]] = {
    "data": (
        ("kpi", "period"),
        ("kpi", "municipality"),
        ("kpi", "municipality", "period"),
        ("municipality", "period"),
    ),
    "oudata": (
        ("kpi", "period"),
        ("kpi", "ou"),
        ("kpi", "ou", "period"),
        ("ou", "period"),
        ("kpi", "municipality", "period"),
        ("municipality", "period"),
    ),
}
