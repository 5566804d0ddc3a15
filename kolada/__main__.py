"""`python -m kolada`: search the catalogue, sync the ledger, serve a Kolada on this machine."""

import os
import re
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import click

from kolada.archive import read_archive, write_archive
from kolada.catalogue import kpi_frame, search
from kolada.client import BASE_URL, POLITE_RATE, KoladaClient
from kolada.errors import KoladaError, LedgerError
from kolada.faults import read_faults
from kolada.history import KPI, MUNICIPALITY, archive_of, replay
from kolada.ledger import Ledger
from kolada.local import serve
from kolada.plan import known_kpis, kpis_of_areas, municipalities_to_ask, observation_plan
from kolada.recorded import recorded_archive
from kolada.sample import simulated_sweden
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


@cli.command(name="sync")
@click.option(
    "--areas",
    type=click.Path(path_type=Path),
    default=Path("models/areas"),
    show_default=True,
    help="What the area files of this folder need; the default.",
)
@click.option("--all", "everything", is_flag=True, help="Every KPI of municipalities.")
@click.option("--kpi", "kpis", multiple=True, help="Only this KPI; may be repeated.")
@click.option("--years", default="2014-", show_default=True, help="As 2020, 2015-2020 or 2015-.")
@click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    default=lambda: _data() / "ledger",
    help="Where the answers are kept; otherwise below EFFEKTIV_DATA or data.",
)
@click.option(
    "--source", default=lambda: os.environ.get("KOLADA_URL", BASE_URL), help="Kolada's address."
)
@click.option("--rate", default=POLITE_RATE, show_default=True, help="Requests per second.")
@click.option("--no-limit", is_flag=True, help="No rate: only for a Kolada on this machine.")
@click.option("--plan-only", is_flag=True, help="Read the catalogue, show the plan and stop.")
def sync_command(
    areas: Path,
    everything: bool,
    kpis: tuple[str, ...],
    years: str,
    ledger: Path,
    source: str,
    rate: float,
    no_limit: bool,
    plan_only: bool,
) -> None:
    """Read Kolada's answers into the ledger; a sync that was stopped goes on where it was."""
    if everything and kpis:
        raise click.UsageError("Give one of --all and --kpi.")
    limit = None if no_limit else rate
    wanted = None if everything else list(kpis) or kpis_of_areas(areas)
    answers = Ledger(ledger)
    with KoladaClient(source, rate=limit) as kolada:
        sync(kolada, answers, METADATA_QUERIES)
        plan = observation_plan(
            kpi=known_kpis(replay(answers, KPI), wanted),
            municipality=municipalities_to_ask(replay(answers, MUNICIPALITY)),
            period=_years(years),
        )
        click.echo(
            f"{len(plan.queries)} queries, at most {plan.n_request} requests and "
            f"{plan.n_row} rows, at least {plan.seconds(limit):.0f} s"
        )
        if plan_only:
            return
        with click.progressbar(length=len(plan.queries), label="Reading") as bar:
            result = sync(kolada, answers, plan.queries, told=bar.update)
    click.echo(f"{result.n_asked} queries asked in {result.n_request} requests; {ledger}")


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
    """Hold every line and every page of LEDGER against its hash."""
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
@click.argument("source", type=click.Path(path_type=Path))
@click.argument("folder", type=click.Path(path_type=Path))
def archive(source: Path, folder: Path) -> None:
    """Make an archive in FOLDER of the recorded catalogue and observations in SOURCE."""
    made = recorded_archive(source)
    write_archive(made, folder)
    click.echo(f"{folder}: {len(made.kpi)} KPIs, {made.observation.height} values")


@cli.command(name="serve")
@click.option("--archive", "folder", type=click.Path(path_type=Path), help="Serve this archive.")
@click.option("--sample", is_flag=True, help="Serve the simulated Sweden.")
@click.option("--seed", default=1489, show_default=True, help="Of the simulated Sweden.")
@click.option("--ledger", type=click.Path(path_type=Path), help="Serve what this ledger knew.")
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
