"""The warehouse: one DuckDB file with the schemas raw, as_of, staging and mart. No Dagster here.

What is in as_of are no tables but questions with a moment: `from as_of.kpi('2026-09-01')`.

Everything in it can be rebuilt from the ledger. DuckDB allows one writing process and no readers
beside it, so a connection is held for as long as one call takes; readers use a release.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import polars as pl

import models

SQL_FOLDER = Path(models.__file__).parent / "sql"
SCHEMAS = ("raw", "as_of", "staging", "mart")


class WarehouseError(Exception):
    """The warehouse cannot be opened, read or written."""


class Warehouse:
    """Tables by their full name, "mart.panel"."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def connect(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for the time of one call.

        Raises
        ------
        WarehouseError
            If another process has the file open, or the disk is full.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            connection = duckdb.connect(
                str(self.path),
                config={
                    "autoinstall_known_extensions": "false",
                    "autoload_known_extensions": "false",
                    # Sums in another order differ in their last digit; one thread keeps the order.
                    "threads": "1",
                },
            )
        except duckdb.IOException as error:
            raise _cannot_open(self.path, error) from error
        try:
            connection.execute("set timezone = 'UTC'")
            for schema in SCHEMAS:
                connection.execute(f"create schema if not exists {schema}")
            yield connection
        except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
            raise WarehouseError(
                f"The warehouse {self.path} cannot be written: {_first_line(error)} Make room on "
                "the disk, then run again; the ledger is whole and the warehouse is rebuilt."
            ) from error
        finally:
            connection.close()

    def exists(self, table: str) -> bool:
        """Whether the table has been made."""
        schema, name = table.split(".")
        with self.connect() as connection:
            found = connection.execute(
                "select 1 from information_schema.tables where table_schema = ? and table_name = ?",
                [schema, name],
            ).fetchall()
        return bool(found)

    def read(self, table: str) -> pl.DataFrame:
        """All rows of a table, in a fixed order."""
        return self.query(f"select * from {table} order by all")

    def query(self, sql: str) -> pl.DataFrame:
        """The rows of a select."""
        with self.connect() as connection:
            return pl.DataFrame(connection.sql(sql))

    def write(self, table: str, rows: pl.DataFrame) -> None:
        """Replace a table by `rows`."""
        with self.connect() as connection:
            connection.register("incoming", rows)
            connection.execute(f"create or replace table {table} as select * from incoming")

    def append(self, table: str, rows: pl.DataFrame, *, position: tuple[int, str]) -> None:
        """Add rows and note how far the ledger has been read, both or neither.

        Parameters
        ----------
        position : (int, str)
            Sequence number and hash of the last ledger entry whose rows these are.
        """
        with self.connect() as connection:
            connection.register("incoming", rows)
            connection.execute("begin")
            connection.execute(
                f"create table if not exists {table} as select * from incoming limit 0"
            )
            connection.execute(f"insert into {table} by name select * from incoming")
            connection.execute(_macro(table.removeprefix("raw.")))
            connection.execute(_POSITIONS)
            connection.execute("delete from raw.loaded where name = ?", [table])
            connection.execute("insert into raw.loaded values (?, ?, ?)", [table, *position])
            connection.execute("commit")

    def position(self, table: str) -> tuple[int, str] | None:
        """How far the ledger has been read into `table`, or None."""
        with self.connect() as connection:
            connection.execute(_POSITIONS)
            rows = connection.execute(
                "select seq, sha256 from raw.loaded where name = ?", [table]
            ).fetchall()
        return rows[0] if rows else None

    def drop(self, table: str) -> None:
        """Remove a table and the note of how far it was loaded."""
        with self.connect() as connection:
            connection.execute(_POSITIONS)
            connection.execute("begin")
            connection.execute(f"drop table if exists {table}")
            connection.execute("delete from raw.loaded where name = ?", [table])
            connection.execute("commit")

    def build(self, table: str) -> int:
        """Make a table from its select in `models/sql`; returns its number of rows."""
        with self.connect() as connection:
            connection.execute(f"create or replace table {table} as {select_of(table)}")
            ((n_row,),) = connection.execute(f"select count(*) from {table}").fetchall()
        return int(n_row)


def sql_tables() -> list[str]:
    """The tables that have a select of their own, by full name."""
    return sorted(
        f"{path.parent.name}.{path.stem}"
        for path in SQL_FOLDER.glob("*/*.sql")
        if path.parent.name != "as_of"
    )


def select_of(table: str) -> str:
    """The select that makes `table`."""
    schema, name = table.split(".")
    return (SQL_FOLDER / schema / f"{name}.sql").read_text(encoding="utf-8")


def tables_read_by(sql: str) -> set[str]:
    """The tables with a schema that a select reads; a bare name is a CTE."""
    with duckdb.connect(":memory:", config={"autoinstall_known_extensions": "false"}) as parser:
        ((tree,),) = parser.execute("select json_serialize_sql(?::varchar)", [sql]).fetchall()
    content = json.loads(tree)
    if content["error"]:
        raise WarehouseError(f"The select cannot be read: {content['error_message']}")
    return set(_tables(content))


def _macro(name: str) -> str:
    """The statement that makes `as_of.<name>`; the first line of its file says what it takes."""
    select = select_of(f"as_of.{name}")
    signature = select[: select.index("):") + 1].removeprefix("-- ")
    return f"create or replace macro {signature} as table {select}"


def _tables(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        if node.get("type") == "BASE_TABLE" and node.get("schema_name"):
            yield f"{node['schema_name']}.{node['table_name']}"
        if node.get("schema") == "as_of":
            yield f"raw.{node['function_name']}"
        for child in node.values():
            yield from _tables(child)
    elif isinstance(node, list):
        for child in node:
            yield from _tables(child)


_POSITIONS = (
    "create table if not exists raw.loaded (name varchar primary key, seq bigint, sha256 varchar)"
)


def _cannot_open(path: Path, error: duckdb.Error) -> WarehouseError:
    if "lock" in str(error).lower():
        return WarehouseError(
            f"The warehouse {path} is in use by another process. Close it there (a notebook or a "
            "run that goes on), then run again; to read results, open a release instead."
        )
    return WarehouseError(
        f"The warehouse {path} cannot be opened: {_first_line(error)} Check the disk and the "
        "rights; the file can be removed, it is rebuilt from the ledger."
    )


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0].rstrip(".") + "."
