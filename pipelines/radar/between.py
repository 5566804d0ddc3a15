"""A radar between two dates asked for, from the warehouse as it is, which is left as it was."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from models.areas.service_area import indicator_frame, service_area_frame
from models.contracts.change import DefinitionChange, RankChange, Revision
from pipelines.publish.code import code_version
from pipelines.publish.release import publish
from pipelines.radar.content import NEEDED_TABLES, Comparison, Content, radar_content
from pipelines.radar.made import BETWEEN, RETRIEVALS, RadarError
from pipelines.radar.ranks import EFFICIENCY, SCHEMA, published_before, rank_changes
from pipelines.radar.words import day
from pipelines.resources import Settings
from pipelines.warehouse import Warehouse, select_of

BUILT = ("staging.kpi", "staging.municipality", "mart.revision", "mart.definition_change")
MOMENTS = f"""
    select
        min(retrieved_at),
        max(retrieved_at) filter (retrieved_at <= coalesce($until, 'infinity'::timestamptz))
    from {RETRIEVALS}
"""
INSTANT = timedelta(microseconds=1)


def radar_between(
    settings: Settings, *, since: datetime, until: datetime | None
) -> tuple[Content, Path | None]:
    """Compare what was known at `since` with what was known at `until`, or is known now.

    It is written to `data/radar/between`, so that the nightly radars go on from each other as
    before. Places are taken from the releases: the newest at `until` beside those of `since` and
    earlier.

    Returns
    -------
    (Content, Path or None)
        The radar, and its page; none where nothing has changed.

    Raises
    ------
    RadarError
        If nothing was known at `since`, or it is not before `until`.
    """
    tables, until = _compared(settings, since, until)
    rank_change, note = _rank_change(settings, since, until)
    content = radar_content(
        {**tables, "rank_change": RankChange.validate(rank_change, lazy=True)},
        Comparison(
            since=since,
            until=until,
            municipality=settings.municipality,
            materiality=settings.materiality,
            note=note,
        ),
    )
    if not content.files:
        return content, None
    made = publish(
        content.files,
        {
            **content.manifest,
            "store": settings.store,
            "only": sorted(settings.only),
            "code": code_version(),
        },
        day=day(until),
        releases=settings.radars / BETWEEN,
    )
    return content, made.folder / "index.html"


def _compared(
    settings: Settings, since: datetime, until: datetime | None
) -> tuple[dict[str, pl.DataFrame], datetime]:
    """The tables of the comparison, and the last change that it sees."""
    if until is not None and until <= since:
        raise RadarError(f"{day(until)} is not after {day(since)}. Give the earlier as --since.")
    warehouse = Warehouse(settings.warehouse)
    if not settings.warehouse.is_file() or not warehouse.exists("raw.observation"):
        raise RadarError("Nothing has been read from Kolada yet. Run `effektiv run` first.")
    areas = settings.service_areas()
    with warehouse.connect() as connection:
        connection.execute("begin")  # and never committed: the tables of the last run stay
        ((first, last),) = connection.execute(MOMENTS, {"until": until}).fetchall()
        if since < first:
            raise RadarError(
                f"Nothing was known on {day(since)}: the first answer was read on {day(first)}. "
                "Choose a later date."
            )
        given = {
            "staging.as_of": pl.DataFrame({"as_of": [last]}),
            "staging.interval": pl.DataFrame(
                {
                    "since": [since.astimezone(UTC)],
                    "until": [last],
                    "materiality": [settings.materiality],
                }
            ),
            "staging.service_area": service_area_frame(areas),
            "staging.indicator": indicator_frame(areas),
        }
        for table, rows in given.items():
            connection.register("incoming", rows)
            connection.execute(f"create or replace table {table} as select * from incoming")
        for table in BUILT:
            connection.execute(f"create or replace table {table} as {select_of(table)}")
        tables = {
            name: pl.DataFrame(connection.sql(f"select * from {table} order by all"))
            for name, table in NEEDED_TABLES.items()
            if name != "rank_change"
        }
    Revision.validate(tables["revision"], lazy=True)
    DefinitionChange.validate(tables["definition_change"], lazy=True)
    return tables, last


def _rank_change(settings: Settings, since: datetime, until: datetime) -> tuple[pl.DataFrame, str]:
    """The places of the newest release at `until` beside those at `since`, and which those are."""
    at = {
        moment: published_before(
            settings.releases,
            moment + INSTANT,
            store=settings.store,
            municipality=settings.municipality,
        )
        for moment in (since, until)
    }
    if not at[until] or at[until][0].as_of <= since:
        said = f"Platserna jämförs inte: ingen release visar ett läge efter {day(since)}"
        return pl.DataFrame(schema=SCHEMA), f"{said} och senast {day(until)}."
    after = at[until][0]
    rows = rank_changes(
        _ranked(after.folder / "tables"),
        at[since],
        municipality=settings.municipality,
        area_files={
            name: after.folder / "method" / "areas" / f"{name}.toml"
            for name in after.manifest["service_areas"]
            if name in settings.area_files()
        },
        code=after.manifest["code"],
    )
    return rows, f"Platserna efter är de i releasen {after.folder.name}."


def _ranked(tables: Path) -> pl.DataFrame:
    covered = pl.read_parquet(tables / "area_coverage.parquet")
    return (
        pl.read_parquet(tables / "efficiency.parquet")
        .select(EFFICIENCY)
        .join(
            covered.select("service_area", "period", "is_preliminary"),
            on=["service_area", "period"],
            how="left",
        )
    )
