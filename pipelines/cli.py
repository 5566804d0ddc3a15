"""The command `effektiv`: run, verify, look, and say what is wrong with the set-up."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click

from kolada.archive import read_archive, write_archive
from kolada.errors import KoladaError
from kolada.local import serving
from kolada.recorded import recorded_archive
from kolada.sample import simulated_sweden
from models.areas.service_area import ServiceAreaError
from pipelines.doctor import findings
from pipelines.publish.release import ReleaseError, read_manifest
from pipelines.radar.between import radar_between
from pipelines.radar.made import RadarError, latest
from pipelines.resources import ROOT, Settings, SettingsError, moment_of, municipality_of
from pipelines.runner import Outcome, RunError, prepare, run
from pipelines.verify import verify
from pipelines.warehouse import WarehouseError

RECORDED_AREAS = ROOT / "models" / "areas_recorded"
EXPECTED = (
    RunError, SettingsError, ServiceAreaError, KoladaError, WarehouseError, ReleaseError,
    RadarError,
)  # fmt: skip


@click.group()
def cli() -> None:
    """What a municipality gets for what it spends, compared with others like it."""


@cli.command(name="run")
@click.option("--source", help="Kolada's address; otherwise KOLADA_URL.")
@click.option("--as-of", help="Show what was known at the end of this date; nothing is fetched.")
@click.option("--area", "only", multiple=True, help="Only this service area; may be repeated.")
@click.option("--municipality", help="The one in focus, four digits; 1489 is Alingsås.")
@click.option("--areas", type=click.Path(path_type=Path), help="Another folder of area files.")
@click.option("--verbose", is_flag=True, help="Show every step.")
def run_command(
    source: str | None,
    as_of: str | None,
    only: tuple[str, ...],
    municipality: str | None,
    areas: Path | None,
    verbose: bool,
) -> None:
    """Fetch from Kolada, compute, and publish a release."""
    settings = Settings.from_environment()
    settings = replace(
        settings,
        source=source or settings.source,
        as_of=moment_of(as_of or "") or settings.as_of,
        only=only or settings.only,
        municipality=municipality_of(municipality or settings.municipality),
        areas=(areas or settings.areas).resolve(),
    )
    _run(settings, verbose=verbose)


@cli.command()
@click.option("--verbose", is_flag=True, help="Show every step.")
def demo(verbose: bool) -> None:
    """The whole job on the simulated Sweden, served by a Kolada on this machine."""
    with serving(simulated_sweden().archive) as url, _local("demo", url) as settings:
        _run(settings, verbose=verbose)


@cli.command()
@click.argument("recorded", type=click.Path(path_type=Path))
@click.option("--verbose", is_flag=True, help="Show every step.")
def real(recorded: Path, verbose: bool) -> None:
    """The whole job on the archive RECORDED, served by a Kolada on this machine."""
    folder = Settings.from_environment().data / "real" / "archive"
    write_archive(recorded_archive(recorded), folder)
    with serving(read_archive(folder)) as url, _local("real", url) as settings:
        _run(replace(settings, areas=RECORDED_AREAS), verbose=verbose)


@cli.command(name="verify")
@click.argument("release", type=click.Path(path_type=Path))
def verify_command(release: Path) -> None:
    """Hold RELEASE against its manifest, and make it again from the ledger."""
    settings = Settings.from_environment()
    faults = verify(release.resolve(), settings)
    for fault in faults:
        click.echo(f"✗ {fault}", err=True)
    if faults:
        sys.exit(1)
    n_file = len(read_manifest(release)["files"])
    click.echo(f"✓ {n_file} filer stämmer med manifestet och blir desamma ur loggboken igen.")


@cli.command()
@click.option("--since", help="What was known at the end of this date, to begin with.")
@click.option("--until", help="What was known at the end of this date; otherwise now.")
def radar(since: str | None, until: str | None) -> None:
    """Say what Kolada has changed: the newest radar, or one between two dates."""
    settings = Settings.from_environment()
    begins, ends = moment_of(since or ""), moment_of(until or "")
    if begins is None and ends is not None:
        raise RadarError("--until says where to end, but not where to begin. Give --since too.")
    if begins is None:
        made = latest(settings.radars)
        click.echo(radar_line(made.manifest["line"], made.page))
        return
    content, page = radar_between(settings, since=begins, until=ends)
    click.echo(radar_line(content.line, page))


@cli.command()
def doctor() -> None:
    """Say what is wrong with the set-up, in plain words."""
    is_well = True
    for finding in findings():
        click.echo(f"{'✓' if finding.is_well else '✗'} {finding.text}")
        is_well &= finding.is_well
    if not is_well:
        sys.exit(1)


@cli.command()
@click.option("--port", default=3000, show_default=True)
def dagster(port: int) -> None:
    """Open Dagster's UI on this machine."""
    prepare(Settings.from_environment())
    os.chdir(ROOT)
    arguments = ["dev", "-m", "pipelines.definitions", "-h", "127.0.0.1", "-p", str(port)]
    os.execv(sys.executable, [sys.executable, "-m", "dagster", *arguments])


@contextmanager
def _local(store: str, url: str) -> Iterator[Settings]:
    """Settings for a Kolada on this machine; its data never mix with those of another source."""
    yield replace(Settings.from_environment(), store=store, source=url, rate=None, as_of=None)


def _run(settings: Settings, *, verbose: bool) -> None:
    outcome = run(settings, verbose=verbose)
    for line in _summary(outcome):
        click.echo(line)


def _summary(outcome: Outcome) -> Iterator[str]:
    manifest = read_manifest(outcome.folder)
    marks = " · ".join(manifest["marks"])
    yield f"Kunskapsläge {manifest['as_of'][:10]}{f' · {marks}' if marks else ''}"
    for area in manifest["headlines"].values():
        yield ""
        yield " ".join(str(part) for part in (area["title"], area["period"]) if part)
        yield from (f"  {message}" for message in area["messages"])
    yield ""
    yield f"{outcome.n_new_row} nya rader från Kolada."
    if outcome.n_unnamed:
        yield (
            f"{outcome.n_unnamed} värden hade ändrats utan att Kolada sade det; de hittades när "
            "en del lästes om."
        )
    if outcome.radar:
        yield radar_line(outcome.radar, outcome.radar_page)
    yield f"{'Ny release' if outcome.is_new else 'Oförändrad release'}: {outcome.folder}"


def radar_line(line: str, page: Path | None) -> str:
    """The radar in one line, with where to read more where there is more to read."""
    return f"Revisionsradar: {line} {page}" if page else line


def main() -> None:
    """Run the command line; what can be expected to go wrong is one message and exit code 1."""
    try:
        cli(prog_name="effektiv")
    except EXPECTED as error:
        click.echo(str(error), err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
