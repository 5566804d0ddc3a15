"""One client's turn in `full_scale.py`: fetches the cells of a file, prints values and seconds."""

import json
import logging
import os
import sys
import tempfile
import time
from pathlib import Path

YEARS = range(2001, 2026)


def main(url: str, cells: str, how: str) -> None:
    """Fetch all cells of the file `cells` from `url` in the way `how` names."""
    wanted = json.loads(Path(cells).read_text())
    if how == "sync":
        n_value, seconds = by_sync(url, wanted)
    else:
        n_value, seconds = by_koladapy(url, wanted, as_frame=how == "koladapy frame")
    print(n_value, seconds)


def by_sync(url: str, wanted: dict[str, list[str]]) -> tuple[int, float]:
    """Into a ledger: checked, hashed, compressed and on disk."""
    from kolada.client import KoladaClient
    from kolada.history import OBSERVATION, waves
    from kolada.ledger import Ledger
    from kolada.plan import observation_plan
    from kolada.sync import sync

    plan = observation_plan(**wanted, period=YEARS)
    with tempfile.TemporaryDirectory() as folder, KoladaClient(url, rate=None) as kolada:
        ledger = Ledger(Path(folder))
        start = time.perf_counter()
        sync(kolada, ledger, plan.queries)
        seconds = time.perf_counter() - start
        return sum(wave.received.height for wave in waves(ledger, OBSERVATION)), seconds


def by_koladapy(url: str, wanted: dict[str, list[str]], *, as_frame: bool) -> tuple[int, float]:
    """As koladapy gives them: records with inner values, or its data frame."""
    from koladapy import KoladaAPI

    logging.disable()
    sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - its progress bars
    kolada = KoladaAPI(base_url=f"{url}/")
    kolada.min_request_interval = 0
    question = {
        "kpi_id": wanted["kpi"],
        "municipality_id": wanted["municipality"],
        "years": list(YEARS),
    }
    start = time.perf_counter()
    if as_frame:
        n_value = len(kolada.get_data_as_dataframe(**question))
        return n_value, time.perf_counter() - start
    rows = kolada.get_values(**question)
    seconds = time.perf_counter() - start
    return sum(len(row["values"]) for row in rows), seconds


if __name__ == "__main__":
    main(*sys.argv[1:])
