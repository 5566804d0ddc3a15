"""Kolada at full scale: every KPI of every municipality, served, read, loaded and kept up to date.

    python benchmarks/full_scale.py FOLDER [--kpis 6100 --periods 25] [--only slice,sync,load,night]

FOLDER gets the generated archives, the ledger and the warehouse (about 5 GB); archives that are
there are used again. Everything goes over HTTP on this machine, between processes:

slice   the same cells by `sync` (checked, hashed, compressed, on disk) and by koladapy (rows in
        memory, and as its data frame), turn about, from the same server, without a rate limit
sync    `python -m kolada sync --all`: values/s, peak memory, size of the ledger
load    the ledger into raw.* of DuckDB: values/s, peak memory, size of the warehouse
night   `python -m kolada catch-up --all`: when nothing has changed, and when 1 % of the KPIs have
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from statistics import median

import click

HERE = Path(__file__).resolve().parent
LAST_PERIOD = 2025
SLICE_KPIS = 50
SLICE_RUNS = 3


@dataclass(frozen=True)
class Measured:
    """One process from start to end."""

    seconds: float
    peak_mib: float
    output: str


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--kpis", default=6100, show_default=True)
@click.option("--periods", default=25, show_default=True)
@click.option("--only", default="slice,sync,load,night", show_default=True)
def main(folder: Path, kpis: int, periods: int, only: str) -> None:
    """Measure in FOLDER and print a table of what was measured."""
    parts = only.split(",")
    before, after = folder / "archive", folder / "archive_1_pct_changed"
    size = ["--kpis", kpis, "--periods", periods, "--last-period", LAST_PERIOD]
    changed = ["--changed-share", "0.01", "--changed-on", date.today().isoformat()]
    for archive, more in ((before, []), (after, changed)):
        if not (archive / "observation.parquet").is_file():
            said(
                f"archive {archive.name}",
                python(HERE / "full_scale_archive.py", archive, *size, *more),
            )
    ledger, warehouse = folder / "ledger", folder / "warehouse.duckdb"
    years = f"{LAST_PERIOD - periods + 1}-{LAST_PERIOD}"
    read = ["--all", "--years", years, "--no-limit", "--ledger", ledger]

    with served(before) as url:
        if "slice" in parts:
            compare(url, before, folder)
        if "sync" in parts:
            done = python("-m", "kolada", "sync", *read, "--source", url)
            said("sync --all", done, values=n_value(before), size=size_of(ledger))
        if "load" in parts:
            done = python(HERE / "load_raw.py", ledger, warehouse)
            said("load", done, values=n_value(before), size=size_of(warehouse))
        if "night" in parts:
            said("quiet night", python("-m", "kolada", "catch-up", *read, "--source", url))
            said("quiet night, loaded", python(HERE / "load_raw.py", ledger, warehouse))
    if "night" in parts:
        with served(after) as url:
            said("1 % changed", python("-m", "kolada", "catch-up", *read, "--source", url))
            said("1 % changed, loaded", python(HERE / "load_raw.py", ledger, warehouse))


def compare(url: str, archive: Path, folder: Path) -> None:
    """The same slice by both clients, turn about."""
    cells = folder / "slice.json"
    rows = json.loads((archive / "kpi.json").read_text())["values"]
    chosen = sorted(row["id"] for row in rows if row["municipality_type"] != "L")[:SLICE_KPIS]
    places = json.loads((archive / "municipality.json").read_text())["values"]
    cells.write_text(
        json.dumps(
            {
                "kpi": chosen,
                "municipality": sorted(one["id"] for one in places if one["type"] == "K"),
            }
        )
    )
    rates: dict[str, list[float]] = {}
    for _ in range(SLICE_RUNS):
        for how in ("sync", "koladapy rows", "koladapy frame"):
            done = python(HERE / "fetch_slice.py", url, cells, how)
            n, seconds = done.output.split()[-2:]
            rates.setdefault(how, []).append(int(n) / float(seconds))
    for how, found in rates.items():
        ratio = median(rates["sync"]) / median(found)
        click.echo(
            f"slice by {how}: {min(found):,.0f} / {median(found):,.0f} / "
            f"{max(found):,.0f} values/s (min, median, max of {SLICE_RUNS}); "
            f"sync is {ratio:.1f} times as fast"
        )


@contextmanager
def served(archive: Path) -> Iterator[str]:
    """A Kolada in a process of its own; gives its address."""
    command = [sys.executable, "-m", "kolada", "serve", "--archive", archive, "--port", "0"]
    start = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        click.echo(f"{archive.name} is served after {time.perf_counter() - start:.0f} s")
        try:
            yield re.findall(r"http\S+", line)[0]
        finally:
            status = Path(f"/proc/{server.pid}/status").read_text()
            peak = int(re.findall(r"VmHWM:\s+(\d+)", status)[0]) / 1024
            click.echo(f"the server's peak memory: {peak:,.0f} MiB")
            server.terminate()


def python(*arguments: object) -> Measured:
    """Run one process and measure it; its output is shown where it fails."""
    start = time.perf_counter()
    command = [sys.executable, *map(str, arguments)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment()
    ) as process:
        assert process.stdout is not None
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command}: {output}")
    return Measured(time.perf_counter() - start, used.ru_maxrss / 1024, output)


def environment() -> dict[str, str]:
    """The environment in which the packages of this folder's project are found."""
    return {**os.environ, "PYTHONPATH": str(HERE.parent)}


def said(name: str, done: Measured, *, values: int | None = None, size: int | None = None) -> None:
    """One line of what was measured."""
    parts = [f"{done.seconds:,.1f} s", f"peak {done.peak_mib:,.0f} MiB"]
    if values is not None:
        parts.append(f"{values:,} values, {values / done.seconds:,.0f} values/s")
    if size is not None:
        parts.append(f"{size / 2**20:,.0f} MiB on disk")
    click.echo(f"{name}: {', '.join(parts)}")
    for line in done.output.splitlines()[-2:]:
        click.echo(f"    {line}")


def n_value(archive: Path) -> int:
    """The number of values in an archive, missing ones included."""
    import polars as pl

    return int(pl.scan_parquet(archive / "observation.parquet").select(pl.len()).collect().item())


def size_of(path: Path) -> int:
    """Bytes of a file or of all files of a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(one.stat().st_size for one in files if one.is_file())


if __name__ == "__main__":
    main()
