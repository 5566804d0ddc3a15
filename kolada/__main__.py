"""`python -m kolada`: search the catalogue, sync the ledger, serve a Kolada on this machine."""

import os
import re
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from kolada.archive import read_archive, write_archive
from kolada.catalogue import kpi_frame, search
from kolada.catch_up import QUIET_REQUESTS, night
from kolada.client import BASE_URL, POLITE_RATE, KoladaClient
from kolada.errors import KoladaError, LedgerError
from kolada.faults import read_faults
from kolada.history import KPI, MUNICIPALITY, archive_of, present
from kolada.ledger import Ledger
from kolada.local import serve
from kolada.plan import known_kpis, kpis_of_areas
from kolada.query import Query
from kolada.recorded import recorded_archive
from kolada.sample import simulated_sweden
from kolada.scope import Scope, scopes_of
from kolada.store.exported import export_ledger, import_ledger
from kolada.sync import METADATA_QUERIES, sync


@click.group()
def cli() -> None:
    """Kolada's API: search, sync, archive and serve."""


@cli.command()
@click.argument("words")
@click.option(
    "--source", default=lambda: os.environ.get("KOLADA_URL", BASE_URL), help="Kolada's address."
)
def kpi(words: str, source: str) -> None:
    """Find KPIs whose id or title has all of WORDS."""
    first, *_ = words.split() or [""]
    with KoladaClient(source) as kolada:
        by_title = kpi_frame(kolada.metadata("kpi", title=first))
        found = search(by_title, words)
        if found.is_empty():
            found = search(kpi_frame(kolada.metadata("kpi")), words)
    for row in found.iter_rows(named=True):
        gender = "per gender" if row["is_divided_by_gender"] else "total only"
        published = row["publication_date"] or "no date"
        click.echo(f"{row['kpi']}  {row['title']}")
        click.echo(f"        {row['operating_area']} · {gender} · next published {published}")
    click.echo(f"{found.height} KPIs")


def _selection(command: Callable[..., None]) -> Callable[..., None]:
    """The options that say what is read, from where and to where."""
    for option in reversed(
        [
            click.option(
                "--areas",
                type=click.Path(path_type=Path),
                default=Path("models/areas"),
                show_default=True,
                help="What the area files of this folder need; the default.",
            ),
            click.option("--all", "everything", is_flag=True, help="Every KPI of municipalities."),
            click.option("--kpi", "kpis", multiple=True, help="Only this KPI; may be repeated."),
            click.option(
                "--years", default="2014-", show_default=True, help="As 2020, 2015-2020 or 2015-."
            ),
            click.option(
                "--ledger",
                type=click.Path(path_type=Path),
                default=lambda: _data() / "ledger",
                help="Where the answers are kept; otherwise below EFFEKTIV_DATA or data.",
            ),
            click.option(
                "--source",
                default=lambda: os.environ.get("KOLADA_URL", BASE_URL),
                help="Kolada's address.",
            ),
            click.option(
                "--rate", default=POLITE_RATE, show_default=True, help="Requests per second."
            ),
            click.option(
                "--no-limit", is_flag=True, help="No rate: only for a Kolada on this machine."
            ),
        ]
    ):
        command = option(command)
    return command


@cli.command(name="sync")
@_selection
@click.option("--plan-only", is_flag=True, help="Read the catalogue, show the plan and stop.")
@click.option(
    "--accept-empty", is_flag=True, help="Believe an answer without a row where there were rows."
)
def sync_command(
    plan_only: bool, accept_empty: bool, ledger: Path, source: str, **chosen: Any
) -> None:
    """Read Kolada's answers into the ledger; a sync that was stopped goes on where it was."""
    answers = Ledger(ledger)
    rate = _rate(**chosen)
    with KoladaClient(source, rate=rate) as kolada:
        queries: list[Query] = []
        for scope in _scopes(kolada, answers, **chosen):
            plan = scope.plan()
            queries += plan.queries
            size = f"at most {plan.n_request} requests and {plan.n_row} rows"
            if scope.table == "oudata":  # how many units have a value is not known before
                size = "one request or more each, of units"
            click.echo(f"{len(plan.queries)} queries, {size}, at least {plan.seconds(rate):.0f} s")
        if plan_only:
            return
        with click.progressbar(length=len(queries), label="Reading") as bar:
            result = sync(kolada, answers, queries, accept_empty=accept_empty, told=bar.update)
    click.echo(f"{result.n_asked} queries asked in {result.n_request} requests; {ledger}")


@cli.command(name="catch-up")
@_selection
@click.option(
    "--budget",
    default=QUIET_REQUESTS,
    show_default=True,
    help="Requests of a night without changes; what is left of them re-reads the oldest.",
)
@click.option("--whole", is_flag=True, help="Read everything again, changed or not.")
def catch_up_command(budget: int, whole: bool, ledger: Path, source: str, **chosen: Any) -> None:
    """Read what Kolada has changed, and what was read longest ago, into the ledger."""
    answers = Ledger(ledger)
    with KoladaClient(source, rate=_rate(**chosen)) as kolada:
        scopes = _scopes(kolada, answers, **chosen)
        left = budget - kolada.n_request
        with click.progressbar(length=1, label="Reading") as bar:

            def told(n_done: int, n_all: int) -> None:
                bar.length = n_all
                bar.update(n_done - bar.pos)

            caught = night(kolada, answers, scopes, budget=left, whole=whole, told=told)
    for scope, one in zip(scopes, caught, strict=True):
        since = f"changed since {one.since}" if one.since else "not asked what has changed"
        click.echo(
            f"{scope.table}: {since}, {one.n_named} KPI-years named, {one.n_unread} queries never "
            f"asked before, {one.n_reread} asked again, all in {one.nights} such nights"
        )
        if one.unnamed.height or one.contradicted.height:
            click.echo(
                f"from_date did not name {one.unnamed.height} values that had changed, and named "
                f"{one.contradicted.height} otherwise than they are"
            )
    click.echo(f"{kolada.n_request} requests; {ledger}")


def _rate(*, rate: float, no_limit: bool, **_: Any) -> float | None:
    return None if no_limit else rate


def _scopes(
    kolada: KoladaClient,
    ledger: Ledger,
    *,
    areas: Path,
    everything: bool,
    kpis: tuple[str, ...],
    years: str,
    **_: Any,
) -> list[Scope]:
    """What has been chosen, held against the catalogue, which is read first."""
    if everything and kpis:
        raise click.UsageError("Give one of --all and --kpi.")
    wanted: list[str] | None = list(kpis) or None
    of_units: list[str] = []
    if not everything and not kpis:
        wanted, of_units = kpis_of_areas(areas)
    period = _years(years)
    sync(kolada, ledger, [*METADATA_QUERIES, *([Query("ou")] if of_units else [])])
    kpi = present(ledger, KPI)
    return scopes_of(
        kpi,
        present(ledger, MUNICIPALITY),
        wanted=known_kpis(kpi, wanted),
        of_units=of_units,
        period=period,
    )


def _data() -> Path:
    return Path(os.environ.get("EFFEKTIV_DATA") or "data")


def _years(text: str) -> range:
    found = re.fullmatch(r"(\d{4})(-(\d{4})?)?", text)
    if not found:
        raise click.BadParameter(f"{text!r} is not years. Give 2020, 2015-2020 or 2015-.")
    first = int(found[1])
    last = int(found[3]) if found[3] else date.today().year if found[2] else first
    if last < first:
        raise click.BadParameter(f"{text!r} ends before it begins.")
    return range(first, last + 1)


@cli.command()
@click.argument("ledger", type=click.Path(path_type=Path))
def verify(ledger: Path) -> None:
    """Hold every line and page of LEDGER, a folder or an exported file, against its hash."""
    answers = Ledger(ledger)
    faults = list(answers.faults())
    for fault in faults:
        click.echo(fault, err=True)
    last = None if faults else answers.last()
    if faults or last is None:
        raise LedgerError(
            f"{len(faults)} faults in {ledger}."
            if faults
            else f"There is no answer in {ledger}. Name the folder of a ledger."
        )
    click.echo(f"{last.seq} answers are whole, the newest of {last.retrieved_at:%Y-%m-%d}")


@cli.command()
@click.argument("ledger", type=click.Path(path_type=Path))
def compact(ledger: Path) -> None:
    """Pack the many small files of LEDGER into few large ones; what is of no use is dropped."""
    if not ledger.is_dir():
        raise LedgerError(f"There is no folder {ledger}. Name the folder of a ledger.")
    done = Ledger(ledger).compact()
    click.echo(
        f"{done.n_file_before} files and {done.n_byte_before} bytes before, "
        f"{done.n_file_after} files and {done.n_byte_after} bytes after; "
        f"{done.n_packed} pages packed, {done.n_dropped} files dropped that no answer names"
    )
    if done.n_damaged:
        raise LedgerError(
            f"{done.n_damaged} pages in {ledger} are damaged and were left where they are. See "
            f"`python -m kolada verify {ledger}`."
        )


@cli.command(name="export")
@click.argument("ledger", type=click.Path(path_type=Path))
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--as-of", type=click.DateTime(), help="Only what was known at this time, UTC.")
def export_command(ledger: Path, file: Path, as_of: datetime | None) -> None:
    """Write all of LEDGER into one FILE, which `verify`, `serve --ledger` and `import` read."""
    done = export_ledger(Ledger(ledger), file, as_of=as_of.replace(tzinfo=UTC) if as_of else None)
    click.echo(
        f"{file}: {done.n_answer} answers until {done.newest:%Y-%m-%d %H:%M:%S}, "
        f"{done.n_page} pages, {done.n_byte} bytes"
    )


@cli.command(name="import")
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("ledger", type=click.Path(path_type=Path))
def import_command(file: Path, ledger: Path) -> None:
    """Make the folder LEDGER of an exported FILE, every line and page held against its hash."""
    done = import_ledger(file, ledger)
    click.echo(
        f"{ledger}: {done.n_answer} answers until {done.newest:%Y-%m-%d %H:%M:%S}, "
        f"{done.n_page} pages, {done.n_byte} bytes"
    )


@cli.command()
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The catalogue of that day.")
def archive(source: Path, folder: Path, on: datetime | None) -> None:
    """Make an archive in FOLDER of the recorded catalogue and observations in SOURCE."""
    made = recorded_archive(source, on=on.date() if on else None)
    write_archive(made, folder)
    click.echo(f"{folder}: {len(made.kpi)} KPIs, {made.observation.height} values")


@cli.command(name="serve")
@click.option("--archive", "folder", type=click.Path(path_type=Path), help="Serve this archive.")
@click.option("--sample", is_flag=True, help="Serve the simulated Sweden.")
@click.option("--seed", default=1489, show_default=True, help="Of the simulated Sweden.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="Serve what this ledger knew, a folder or an exported file.",
)
@click.option("--as-of", type=click.DateTime(), help="With --ledger: as known at this time, UTC.")
@click.option("--faults", type=click.Path(path_type=Path), help="Answer wrongly as this says.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8383,
    show_default=True,
    help="0 takes any free port.",
)
def serve_command(
    folder: Path | None,
    sample: bool,
    seed: int,
    ledger: Path | None,
    as_of: datetime | None,
    port: int,
    faults: Path | None,
) -> None:
    """Serve a Kolada on this machine, with version 3's contract."""
    if sum([folder is not None, sample, ledger is not None]) != 1:
        raise click.UsageError("Give one of --archive, --sample and --ledger.")
    if as_of is not None and ledger is None:
        raise click.UsageError("--as-of is a time in a ledger: give --ledger with it.")
    if folder is not None:
        served = read_archive(folder)
    elif ledger is not None:
        moment = as_of.replace(tzinfo=UTC) if as_of else None
        served = archive_of(Ledger(ledger), as_of=moment)
    else:
        served = simulated_sweden(seed=seed).archive
    serve(
        served,
        port=port,
        ready=lambda url: click.echo(f"Kolada is served at {url}"),
        faults=read_faults(faults) if faults else (),
    )


def main() -> None:
    """Run the command line; a KoladaError is one message and exit code 1."""
    try:
        cli(prog_name="python -m kolada")
    except KoladaError as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
