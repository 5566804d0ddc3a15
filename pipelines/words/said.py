"""A sentence that is made of a template and of cells of tables, and can be held against them.

A template has no digit of its own: every figure a reader sees is a cell, so a number that changes
changes the sentence, and `unfounded` finds the sentence that says what no table holds.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from string import Formatter

import polars as pl
from markupsafe import Markup

from pipelines.wording import swedish

Value = str | int | float | date

_SPEC = re.compile(r"(?P<sign>\+?)(?P<decimals>\d)(?P<percent>%?)|text|year")


class WordsError(ValueError):
    """A sentence that cannot be said as it stands."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a published table."""

    table: str
    column: str
    key: tuple[tuple[str, Value], ...]  # the columns that tell the row, and what they hold there
    value: Value

    @property
    def address(self) -> str:
        """The cell in one line: `efficiency/efficiency_rank?municipality=1489&period=2025`."""
        where = "&".join(f"{name}={value}" for name, value in self.key)
        return f"{self.table}/{self.column}?{where}"


@dataclass(frozen=True, slots=True)
class Figure:
    """A cell as a reader sees it."""

    cell: Cell
    shown: str


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence: its literal text and its figures, in order."""

    parts: tuple[str | Figure, ...]

    def __str__(self) -> str:
        return "".join(part if isinstance(part, str) else part.shown for part in self.parts)

    def __html__(self) -> str:
        return "".join(str(_marked_up(part)) for part in self.parts)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells that the sentence rests on."""
        return tuple(part.cell for part in self.parts if isinstance(part, Figure))


def row_cells(table: str, row: Mapping[str, Value | None], key: Iterable[str]) -> dict[str, Cell]:
    """Return the cells of a row that have a value, by column.

    Parameters
    ----------
    table : str
        The published name of the table that the row is of.
    row : mapping
        The row, by column.
    key : iterable of str
        The columns that tell the row from all others of the table.
    """
    where = tuple((name, _there(row, name, table)) for name in key)
    return {
        name: Cell(table, name, where, value) for name, value in row.items() if value is not None
    }


def said(template: str, /, **cells: Cell) -> Said:
    """Fill a template with cells.

    A field is `{name:spec}`: `0` to `9` decimals, `+1` with its sign, `1%` a share as percent,
    `year` a year or another number that is a name, `text` a text.

    Raises
    ------
    WordsError
        If the template has a digit of its own, or a field without a cell or with a spec that does
        not fit what the cell holds.
    """
    parts: list[str | Figure] = []
    for literal, name, spec, _ in Formatter().parse(template):
        if any(c.isdigit() for c in literal):
            raise WordsError(
                f"The template {template!r} has a number of its own, {literal!r}. Make it a field, "
                "so that it comes from a table."
            )
        if literal:
            parts.append(literal)
        if name is None:
            continue
        if name not in cells:
            raise WordsError(
                f"The template {template!r} speaks of {name!r}, and there are the cells "
                f"{', '.join(sorted(cells)) or 'of nothing'}. Give it, or say it otherwise."
            )
        parts.append(Figure(cells[name], _shown(cells[name], spec or "", template)))
    return Said(tuple(parts))


def unfounded(sentences: Iterable[Said], tables: Mapping[str, pl.DataFrame]) -> Iterator[str]:
    """Yield, in words, every cell of the sentences that the tables do not hold as it was said."""
    alike: dict[tuple[str, str, tuple[str, ...]], dict[tuple[Value, ...], Cell]] = defaultdict(dict)
    for cell in (cell for sentence in sentences for cell in sentence.cells):
        names, values = zip(*cell.key, strict=True)
        earlier = alike[cell.table, cell.column, names].setdefault(values, cell)
        if earlier.value != cell.value:
            yield f"{cell.address}: said to be {earlier.value!r} and {cell.value!r}"
    for (table, column, names), cells in alike.items():
        if table not in tables or not {column, *names} <= set(tables[table].columns):
            first = next(iter(cells.values()))
            yield f"{first.address}: there is no such column in what is published"
            continue
        held = defaultdict(list)
        keys = pl.DataFrame(list(cells), schema=tables[table].select(names).schema, orient="row")
        for *values, value in (
            tables[table].join(keys, on=names, how="semi").select(*names, held=column).iter_rows()
        ):
            held[tuple(values)].append(value)
        for values, cell in cells.items():
            if len(held[values]) != 1:
                yield f"{cell.address}: {len(held[values])} rows are told by that"
            elif held[values][0] != cell.value:
                yield f"{cell.address}: said to be {cell.value!r}, and is {held[values][0]!r}"


def _there(row: Mapping[str, Value | None], name: str, table: str) -> Value:
    value = row.get(name)
    if value is None:
        raise WordsError(
            f"A row of {table} has no {name}, by which it is told. Give the whole row."
        )
    return value


def _shown(cell: Cell, spec: str, template: str) -> str:
    value, parsed = cell.value, _SPEC.fullmatch(spec)
    if parsed and spec == "text" and isinstance(value, str):
        return value
    if parsed and spec == "year" and isinstance(value, int):
        return str(value)
    if parsed and parsed["decimals"] and isinstance(value, int | float):
        percent = bool(parsed["percent"])
        number = swedish(value * (100 if percent else 1), int(parsed["decimals"]))
        is_positive = parsed["sign"] and value > 0 and number.strip("0,")
        return f"{'+' if is_positive else ''}{number}{chr(0xA0) + '%' if percent else ''}"
    raise WordsError(
        f"The template {template!r} shows {cell.address} as {spec!r}, and it holds {value!r}. Give "
        "the number of decimals, or `text` or `year`."
    )


def _marked_up(part: str | Figure) -> Markup:
    if isinstance(part, str):
        return Markup.escape(part)
    return Markup('<data value="{}" data-cell="{}">{}</data>').format(
        part.cell.value, part.cell.address, part.shown
    )
