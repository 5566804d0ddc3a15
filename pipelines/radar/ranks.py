"""Places then and now: the releases already published beside the ranking as it is today."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from pipelines.publish.release import MANIFEST, ReleaseError, read_manifest
from pipelines.resources import STOCKHOLM

MOST_RELEASES = 12
EFFICIENCY = (
    "service_area", "period", "municipality", "municipality_title", "efficiency_rank", "n_ranked",
)  # fmt: skip
SCHEMA = pl.Schema(
    {
        "release": pl.String,
        "release_as_of": pl.Datetime("us", "UTC"),
        "service_area": pl.String,
        "period": pl.Int32,
        "is_preliminary": pl.Boolean,
        "n_ranked_before": pl.Int32,
        "n_ranked_after": pl.Int32,
        "n_moved": pl.Int32,
        "n_entered": pl.Int32,
        "n_left": pl.Int32,
        "largest_move": pl.Int32,
        "largest_move_municipality": pl.String,
        "largest_move_municipality_title": pl.String,
        "largest_move_rank_before": pl.Int32,
        "largest_move_rank_after": pl.Int32,
        "municipality": pl.String,
        "municipality_title": pl.String,
        "rank_before": pl.Int32,
        "rank_after": pl.Int32,
        "is_other_code": pl.Boolean,
        "is_other_area_file": pl.Boolean,
    }
)
KEY = ["service_area", "period", "municipality"]


@dataclass(frozen=True, slots=True)
class Release:
    """A published release, as far as its ranking goes."""

    folder: Path
    as_of: datetime
    manifest: Mapping[str, Any]


def published_before(
    releases: Path, moment: datetime, *, store: str, municipality: str
) -> list[Release]:
    """The releases of one source that show an earlier moment, the newest first.

    Of several that show the same moment the one with `municipality` in focus comes first, and
    then the one made last. A folder that is no release is passed over.
    """
    found = []
    for folder in releases.glob("*-*-*-*"):
        try:
            manifest = read_manifest(folder)
            release = Release(folder, datetime.fromisoformat(manifest["as_of"]), manifest)
        except (ReleaseError, KeyError, ValueError):
            continue
        if manifest.get("store", ".") == store and release.as_of < moment:
            found.append(release)
    return sorted(
        found,
        key=lambda one: (
            one.as_of,
            one.manifest["municipality"] == municipality,
            (one.folder / MANIFEST).stat().st_mtime_ns,
        ),
        reverse=True,
    )


def rank_changes(
    after: pl.DataFrame,
    releases: list[Release],
    *,
    municipality: str,
    area_files: Mapping[str, Path],
    code: Mapping[str, Any],
) -> pl.DataFrame:
    """How far the ranking has moved since each release.

    Parameters
    ----------
    after : frame
        `mart.efficiency` with `is_preliminary`, as it is at the moment shown.
    releases : list of Release
        The newest first; of each day and service area the first is compared, of 12 days at most.
    municipality : str
        The one in focus.
    area_files : mapping
        The definition of every service area, by its name, as it is now.
    code : mapping
        The code that made `after`.

    Returns
    -------
    frame
        One row per release, service area and period that either ranks. Ranks are places, 1 best;
        a move is the number of places between two ranks, and who is ranked in one of the two
        only has entered or left and not moved. Of several who moved furthest the one with the
        lowest code is named.
    """
    rows: list[dict[str, Any]] = []
    for release, area in _compared(releases, area_files):
        before = _efficiency(release, area)
        if before is None:
            continue
        same = {
            "release": release.folder.name,
            "release_as_of": release.as_of,
            "is_other_code": release.manifest.get("code") != code,
            "is_other_area_file": not _is_same(release, area, area_files[area]),
        }
        rows += [
            same | row for row in _by_period(before, after.filter(service_area=area), municipality)
        ]
    return pl.DataFrame(rows, schema=SCHEMA)


def _compared(
    releases: list[Release], area_files: Mapping[str, Path]
) -> Iterator[tuple[Release, str]]:
    """The first release of every day, area by area: a later one that day may hold fewer areas."""
    seen: set[tuple[str, str]] = set()
    days: list[str] = []
    for release in releases:
        day = f"{release.as_of.astimezone(STOCKHOLM):%Y-%m-%d}"
        if day not in days:
            days.append(day)
        if len(days) > MOST_RELEASES:
            return
        for area in sorted(set(release.manifest.get("service_areas", ())) & area_files.keys()):
            if (day, area) not in seen:
                seen.add((day, area))
                yield release, area


def _efficiency(release: Release, area: str) -> pl.DataFrame | None:
    """The ranking that was published, or None where the release's file is not to be read."""
    try:
        rows = pl.read_parquet(release.folder / "tables" / "efficiency.parquet")
        return rows.select(EFFICIENCY).filter(service_area=area)
    except (OSError, pl.exceptions.PolarsError):
        return None


def _is_same(release: Release, area: str, area_file: Path) -> bool:
    path = release.folder / "method" / "areas" / f"{area}.toml"
    return path.is_file() and path.read_bytes() == area_file.read_bytes()


def _by_period(
    before: pl.DataFrame, after: pl.DataFrame, municipality: str
) -> Iterator[dict[str, Any]]:
    both = before.select(*KEY, "municipality_title", "efficiency_rank").join(
        after.select(*KEY, "municipality_title", "efficiency_rank", "is_preliminary"),
        on=KEY,
        how="full",
        coalesce=True,
        suffix="_after",
    )
    for (area, period), rows in both.sort(KEY).group_by(
        "service_area", "period", maintain_order=True
    ):
        then, now = pl.col("efficiency_rank"), pl.col("efficiency_rank_after")
        named = rows.select(
            "municipality",
            pl.coalesce("municipality_title_after", "municipality_title").alias("title"),
            then.alias("then"),
            now.alias("now"),
            (now - then).abs().alias("move"),
        )
        if named["then"].count() == 0 and named["now"].count() == 0:
            continue
        moved = named.filter(pl.col("move") > 0).sort(
            "move", "municipality", descending=[True, False]
        )
        furthest = moved.row(0, named=True) if moved.height else {}
        focus = named.filter(municipality=municipality)
        own = focus.row(0, named=True) if focus.height else {}
        yield {
            "service_area": area,
            "period": period,
            "is_preliminary": bool(rows["is_preliminary"].any()),
            "n_ranked_before": named["then"].count(),
            "n_ranked_after": named["now"].count(),
            "n_moved": moved.height,
            "n_entered": named.filter(
                pl.col("then").is_null() & pl.col("now").is_not_null()
            ).height,
            "n_left": named.filter(pl.col("now").is_null() & pl.col("then").is_not_null()).height,
            "largest_move": furthest.get("move", 0),
            "largest_move_municipality": furthest.get("municipality"),
            "largest_move_municipality_title": furthest.get("title"),
            "largest_move_rank_before": furthest.get("then"),
            "largest_move_rank_after": furthest.get("now"),
            "municipality": municipality,
            "municipality_title": own.get("title"),
            "rank_before": own.get("then"),
            "rank_after": own.get("now"),
        }
