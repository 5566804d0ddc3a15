"""Loads a ledger into raw.* of a warehouse, as a night run does, for `full_scale.py`."""

import sys
from pathlib import Path

from kolada.ledger import Ledger
from pipelines.assets.raw import RAW_TABLES, load_raw
from pipelines.warehouse import Warehouse


def main(ledger: str, warehouse: str) -> None:
    """Append what is new, table by table."""
    tables = Warehouse(Path(warehouse))
    new = {table.name: load_raw(Ledger(Path(ledger)), tables, table) for table in RAW_TABLES}
    print(", ".join(f"{n:,} new rows of {name}" for name, n in new.items() if n) or "no new row")


if __name__ == "__main__":
    main(*sys.argv[1:])
