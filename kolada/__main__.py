"""`python -m kolada`: search the catalogue, make an archive, serve a Kolada on this machine."""

import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from kolada.archive import read_archive, write_archive
from kolada.catalogue import kpi_frame, search
from kolada.client import BASE_URL, KoladaClient
from kolada.errors import KoladaError
from kolada.faults import read_faults
from kolada.history import archive_of
from kolada.ledger import Ledger
from kolada.local import serve
from kolada.recorded import recorded_archive
from kolada.sample import simulated_sweden


@click.group()
def cli() -> None:
    """Kolada's API: search, archive and serve."""


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
