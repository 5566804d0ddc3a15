from pathlib import Path

import polars as pl
import pytest
from pandera.errors import SchemaErrors

from kolada.contracts import CONTRACTS
from kolada.history import KPI, MUNICIPALITY, MUNICIPALITY_GROUP, OBSERVATION, RawTable, replay
from kolada.ledger import Ledger
from kolada.query import Query
from tests.kolada.conftest import answer, group_row, kpi_row, page, record

QUERIES = {
    OBSERVATION: (Query("data", kpi=("N15001",), period=(2024,)), record("N15001", "1489", 2024)),
    KPI: (Query("kpi"), kpi_row("N15001", "Kostnad")),
    MUNICIPALITY: (Query("municipality"), {"id": "1489", "title": "Alingsås", "type": "K"}),
    MUNICIPALITY_GROUP: (Query("municipality_groups"), group_row("G1", "Liknande", "1489")),
}


def raw(table: RawTable, folder: Path) -> pl.DataFrame:
    query, row = QUERIES[table]
    with Ledger(folder).writing() as writer:
        writer.append(answer(query, page(row)), sync="one")
    return replay(Ledger(folder), table)


@pytest.mark.parametrize("table", QUERIES, ids=lambda table: table.name)
def test_rows_of_the_ledger_keep_the_contract_of_their_table(table, tmp_path):
    rows = raw(table, tmp_path)

    assert CONTRACTS[table.name].validate(rows, lazy=True).equals(rows)


@pytest.mark.parametrize("table", QUERIES, ids=lambda table: table.name)
def test_a_row_that_stands_twice_or_has_a_column_more_is_refused(table, tmp_path):
    rows = raw(table, tmp_path)
    contract = CONTRACTS[table.name]

    with pytest.raises(SchemaErrors):
        contract.validate(pl.concat([rows, rows]), lazy=True)
    with pytest.raises(SchemaErrors):
        contract.validate(rows.with_columns(new=1), lazy=True)
    with pytest.raises(SchemaErrors):
        contract.validate(rows.drop("answer"), lazy=True)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("value", float("nan")),
        ("value", float("inf")),
        ("gender", "X"),
        ("municipality", "489"),
        ("kpi", "X15001"),
        ("period", 24),
        ("count", -1),
        ("status", None),
        ("is_deleted", None),
        ("retrieved_at", None),
    ],
)
def test_a_value_outside_its_domain_is_refused_with_its_column(column, value, tmp_path):
    rows = raw(OBSERVATION, tmp_path)
    wrong = rows.with_columns(pl.lit(value, dtype=rows.schema[column]).alias(column))

    with pytest.raises(SchemaErrors, match=column):
        CONTRACTS["observation"].validate(wrong, lazy=True)


def test_a_value_that_is_missing_is_null(tmp_path):
    rows = raw(OBSERVATION, tmp_path).with_columns(value=pl.lit(None, dtype=pl.Float64))

    assert CONTRACTS["observation"].validate(rows, lazy=True)["value"].to_list() == [None]
