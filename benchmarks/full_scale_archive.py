"""Write a whole generated Kolada into a folder, as an archive that `serve` reads.

    python benchmarks/full_scale_archive.py FOLDER [--kpis 6100 --municipalities 290 --periods 25]
    python benchmarks/full_scale_archive.py FOLDER --changed-share 0.01 --changed-on 2026-09-01

By default there are some 31 million values. Nothing is measured here: the other benchmarks serve,
read and load what this writes. The same options give the same archive. With a changed share, that
share of the KPIs has a new version of its newest period, dated the day given, and all else is as
without it: the night on which Kolada publishes.

Ids, titles and types of the municipalities are real, everything else is drawn. Each KPI has a run
of periods without a gap, on average `share` of all, most often up to the last, for nearly all
municipalities and Riket; the regions are only listed. One KPI in ten is divided by gender. One
value in 33 is Missing.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
import polars as pl
import pyarrow.parquet as pq

from kolada.archive import OBSERVATION_SCHEMA, Archive, write_archive
from kolada.simulated.catalogue import SIMULATED_SOURCE, municipality_rows

RIKET = "0000"
N_REGION = 4
N_PEER = 7  # members of every peer group of Kolada
KPIS_PER_PART = 100  # KPIs of one row group, which bounds the memory
KPIS_PER_GROUP = 50
MISSING_SHARE = 0.03  # of the values
ABSENT_SHARE = 0.02  # of the rows
ENDED_SHARE = 0.1  # of the KPIs

PEER_AREAS = (
    "arbetsmarknad", "fritidshem", "förskola", "grundskola", "gymnasieskola", "IFO", "integration",
    "kultur", "LSS", "socioekonomi", "äldreomsorg", "övergripande",
)  # fmt: skip
OPERATING_AREAS = (
    "Befolkning", "Förskoleverksamhet", "Grundskola åk 0-9 inkl förskoleklass",
    "Gymnasieskola åk 1-3", "Individ- och familjeomsorg", "Kommunen, övergripande",
    "Kultur och fritid", "Äldre och funktionshinder",
)  # fmt: skip
MEASURES = ("andel (%)", "kr/inv", "antal", "kr/brukare", "nettokostnadsavvikelse, (%)", "index")


@dataclass(frozen=True)
class Size:
    """What an archive holds, and the seed it is drawn with."""

    kpis: int = 6100
    municipalities: int = 290
    periods: int = 25
    share: float = 0.6
    last_period: int = 2025
    seed: int = 1489


@dataclass(frozen=True)
class Change:
    """A share of the KPIs whose newest period has new values since a day."""

    share: float
    on: date


def write_full_scale(folder: Path, size: Size, change: Change | None = None) -> int:
    """Write the archive and return its number of values."""
    kpi = kpi_rows(size)  # in the order of the ids, as the values must be
    places = [row for row in municipality_rows() if row["type"] == "K"][: size.municipalities]
    regions = [row for row in municipality_rows() if row["type"] == "L" and row["id"] != RIKET]
    riket = {"id": RIKET, "title": "Riket", "type": "L"}
    write_archive(
        Archive(
            kpi=kpi,
            kpi_groups=kpi_groups(kpi),
            municipality=[riket, *regions[:N_REGION], *places],
            municipality_groups=peer_groups(places, size),
            observation=pl.DataFrame(schema=OBSERVATION_SCHEMA),
        ),
        folder,
    )
    changed: set[int] = set()
    if change is not None:
        order = np.random.default_rng([size.seed, 1]).permutation(size.kpis)
        changed = set(order[: round(size.kpis * change.share)].tolist())
    ids = sorted([RIKET, *(row["id"] for row in places)])
    n_value, writer = 0, None
    for start in range(0, len(kpi), KPIS_PER_PART):
        numbers = range(start, min(start + KPIS_PER_PART, len(kpi)))
        part = pl.concat(
            observations(kpi[one], ids, one, size, change if one in changed else None)
            for one in numbers
        )
        table = part.to_arrow(compat_level=pl.CompatLevel.oldest())
        if writer is None:
            path = folder / "observation.parquet"
            writer = pq.ParquetWriter(path, table.schema, compression="zstd")
        writer.write_table(table)
        n_value += part.height
    if writer is not None:
        writer.close()
    return n_value


def observations(
    kpi: dict[str, Any], ids: list[str], number: int, size: Size, change: Change | None
) -> pl.DataFrame:
    """The values of one KPI by period, municipality and gender, in Kolada's order."""
    dice = np.random.default_rng([size.seed, 2, number])
    genders = ["K", "M", "T"] if kpi["is_divided_by_gender"] else ["T"]
    spread = min(size.share, 1 - size.share) * size.periods
    n_period = round(size.share * size.periods + dice.uniform(-spread, spread))
    n_period = min(max(n_period, 1), size.periods)
    n_ended = int(dice.integers(1, 4)) if dice.random() < ENDED_SHARE else 0
    newest = max(size.last_period - n_ended, size.last_period - size.periods + n_period)

    shape = n_period, len(ids), len(genders)
    decimals = int(dice.integers(1, 5))
    level, own = 10 ** dice.uniform(0.5, 4), dice.normal(0, 0.2, (1, *shape[1:]))
    value = np.round(level * np.exp(own + dice.normal(0, 0.05, shape)), decimals)
    is_missing = dice.random(shape) < MISSING_SHARE
    has_row = np.broadcast_to(dice.random((*shape[:2], 1)) >= ABSENT_SHARE, shape)
    is_changed = np.zeros(shape, dtype=np.bool_)
    if change is not None:
        is_changed[-1] = ~is_missing[-1]
        more = np.random.default_rng([size.seed, 3, number]).integers(1, 10, shape[1:])
        value[-1] = np.round(value[-1] + more * 10.0**-decimals, decimals)

    period, place, gender = (one[has_row] for one in np.indices(shape))
    rows = pl.DataFrame(
        {
            "municipality": pl.Series(ids).gather(place),
            "period": newest - n_period + 1 + period,
            "gender": pl.Series(genders).gather(gender),
            "value": value[has_row],
            "is_missing": is_missing[has_row],
            "is_changed": is_changed[has_row],
        }
    )
    return rows.select(
        pl.lit(kpi["id"]).alias("kpi"),
        "municipality",
        pl.col("period").cast(pl.Int32),
        "gender",
        pl.when("is_missing").then(0).otherwise(1).cast(pl.Int32).alias("count"),
        pl.when("is_missing").then(pl.lit("Missing")).otherwise(pl.lit("")).alias("status"),
        pl.when(~pl.col("is_missing")).then("value"),
        pl.lit(False).alias("is_deleted"),
        pl.when("is_changed").then(pl.lit(change and change.on, dtype=pl.Date)).alias("changed"),
    )


def kpi_rows(size: Size) -> list[dict[str, Any]]:
    """KPIs in Kolada's words, three of five with an id on N, in the order of the ids."""
    n_first = size.kpis * 3 // 5
    rows = []
    for number in range(size.kpis):
        id_ = f"N{number + 1:05}" if number < n_first else f"U{number - n_first + 1:05}"
        area = OPERATING_AREAS[number % len(OPERATING_AREAS)]
        title = f"{area}, delmått {number + 1}, {MEASURES[number % len(MEASURES)]}"
        rows.append(
            {
                "id": id_,
                "title": title,
                "description": f"{title}, per år och kommun. Källa: {SIMULATED_SOURCE}.",
                "is_divided_by_gender": number % 10 == 0,
                "municipality_type": "A" if number % 4 == 0 else "K",
                "auspice": "TXE"[number % 3],
                "operating_area": area,
                "perspective": ("Resurser", "Kvalitet och resultat", "Volymer")[number % 3],
                "prel_publication_date": None,
                "publication_date": f"{size.last_period + 1}-{number % 12 + 1:02}-15",
                "publ_period": str(size.last_period),
                "has_ou_data": False,
            }
        )
    return rows


def kpi_groups(kpi: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each KPI in one group."""
    return [
        {
            "id": f"G2KPI{100000 + start // KPIS_PER_GROUP}",
            "title": f"Simulerad grupp {start // KPIS_PER_GROUP + 1}",
            "members": members(kpi[start : start + KPIS_PER_GROUP]),
        }
        for start in range(0, len(kpi), KPIS_PER_GROUP)
    ]


def peer_groups(places: list[dict[str, Any]], size: Size) -> list[dict[str, Any]]:
    """Seven peers of each municipality in each of twelve areas, never itself."""
    dice = np.random.default_rng([size.seed, 4])
    groups = []
    for number, (area, place) in enumerate((a, p) for a in PEER_AREAS for p in places):
        others = [one for one in places if one is not place]
        drawn = dice.choice(len(others), min(N_PEER, len(others)), replace=False)
        groups.append(
            {
                "id": f"G{100000 + number}",
                "title": f"Liknande kommuner {area}, {place['title']}, {size.last_period}",
                "members": members([others[i] for i in sorted(drawn)]),
            }
        )
    return groups


def members(rows: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Members as Kolada names them."""
    return [{"member_id": row["id"], "member_title": row["title"]} for row in rows]


@click.command(help=__doc__)
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--kpis", default=6100, show_default=True)
@click.option("--municipalities", type=click.IntRange(1, 290), default=290, show_default=True)
@click.option("--periods", type=click.IntRange(1), default=25, show_default=True)
@click.option("--last-period", default=2025, show_default=True)
@click.option("--share", type=click.FloatRange(0, 1), default=0.6, show_default=True)
@click.option("--seed", default=1489, show_default=True)
@click.option("--changed-share", type=click.FloatRange(0, 1), help="Of the KPIs.")
@click.option("--changed-on", type=click.DateTime(["%Y-%m-%d"]), help="The day of the change.")
def main(
    folder: Path,
    changed_share: float | None,
    changed_on: datetime | None,
    **size: Any,
) -> None:
    """Write the archive and say what is in it."""
    if (changed_share is None) != (changed_on is None):
        raise click.UsageError("--changed-share and --changed-on go together.")
    change = None
    if changed_share is not None and changed_on is not None:
        change = Change(changed_share, changed_on.date())
    n_value = write_full_scale(folder, Size(**size), change)
    on_disk = (folder / "observation.parquet").stat().st_size
    click.echo(f"{folder}: {n_value:,} values, {on_disk / 2**20:,.0f} MiB on disk")


if __name__ == "__main__":
    main()
