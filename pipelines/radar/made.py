"""The radars already made: where the next one begins, and what the newest said.

A radar covers the time from the newest one before it, so nothing between them is missed where a
night failed. Those of `effektiv radar --since` lie in a folder of their own and are no part of
that chain; neither are those of another source, nor of fewer service areas than are asked for now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pipelines.publish.release import LATEST, ReleaseError, read_manifest

BETWEEN = "between"  # the folder, below the radars, of those between two dates asked for


RETRIEVALS = """(
    select retrieved_at from raw.observation
    union all select retrieved_at from raw.kpi
    union all select retrieved_at from raw.municipality
    union all select retrieved_at from raw.municipality_group
)"""  # of all that a radar compares


class RadarError(Exception):
    """A radar that cannot be made or found."""


@dataclass(frozen=True, slots=True)
class Made:
    """A radar on disk."""

    folder: Path
    until: datetime
    manifest: dict[str, Any]

    @property
    def page(self) -> Path:
        """The page to read."""
        return self.folder / "index.html"


def newest_until(
    radars: Path, *, store: str, only: Sequence[str], before: datetime
) -> datetime | None:
    """The moment that the newest radar shows which the next one can go on from, or None.

    Parameters
    ----------
    radars : Path
        The folder of all radars.
    store : str
        The folder of ledger and warehouse, one for each kind of source.
    only : sequence of str
        The service areas that the run is restricted to; empty is all.
    before : datetime
        The newest retrieval of the run; a radar that shows a later one is of another ledger.
    """
    return max(
        (
            made.until
            for made in _all(radars)
            if made.manifest["store"] == store
            and made.manifest["only"] in ([], sorted(only))
            and made.until <= before
        ),
        default=None,
    )


def latest(radars: Path) -> Made:
    """The radar that was made last.

    Raises
    ------
    RadarError
        If there is none.
    """
    folder = radars / LATEST
    if not folder.exists():
        raise RadarError(
            f"There is no radar in {radars} yet. Run `effektiv run` first, which makes one."
        )
    return _made(folder.resolve())


def _all(radars: Path) -> Iterator[Made]:
    for folder in sorted(radars.glob("*-*-*-*")):
        try:
            yield _made(folder)
        except (ReleaseError, KeyError, ValueError):
            continue  # what cannot be read is gone on from by none: the next covers its time too


def _made(folder: Path) -> Made:
    manifest = read_manifest(folder)
    return Made(folder, datetime.fromisoformat(manifest["until"]), manifest)
