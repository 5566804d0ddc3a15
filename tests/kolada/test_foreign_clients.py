"""Clients written elsewhere, against the local Kolada: out comes exactly what went in."""

import csv
import os
import random
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from koladapy import KoladaAPI

from kolada.local import serving
from tests.kolada.conftest import Row, group_row, inner, kpi_row, record, small_archive

# 26 KPIs and places: one more than a list may hold. The largest question fills three pages.
KPIS = [f"N{i:05}" for i in range(26)]
PLACES = ["0000", *(f"{i:04}" for i in range(114, 137)), "G1", "G2"]
PERIODS = list(range(2005, 2025))
PAIR = ("0114", "0115")  # the members of G1, whose mean the server computes
SENT = "G2"  # a group whose own values are in the archive
AWKWARD = (0.1 + 0.2, 1 / 3, -0.0, 0.0, 3.0, 1e23, 5e-324, 2.0**53, -1.7976931348623157e308)

Value = tuple[str, str, int, str, int, str, str | None, bool]


def number(generator: random.Random) -> float:
    """One that needs all its digits, of any size, or one that is easily read wrongly."""
    if generator.random() < 0.02:
        return generator.choice(AWKWARD)
    return generator.gauss(0, 1) * 10.0 ** generator.randint(-6, 9)


def row_of(generator: random.Random, kpi: str, place: str, period: int) -> Row:
    """A total alone or by gender; without the men's, or Missing altogether, now and then."""
    total, kind = number(generator), generator.random()
    women, men = total / 3, total / 7
    if place in PAIR:  # all their values, of a size that has a mean
        total, women, men = (generator.uniform(-1e6, 1e6) for _ in range(3))
    elif kind < 0.1 and place != SENT:
        total = women = men = None
    elif kind < 0.2:
        men = None
    values = [inner("T", total)]
    if kpi < "N00013" or place == SENT:
        values += [inner("M", men), inner("K", women)]
    return record(kpi, place, period, *values)


def mean_of_pair(first: Row, second: Row) -> Row:
    """What the group of two municipalities is answered with."""
    values = [
        inner(one["gender"], (one["value"] + other["value"]) / 2, count=2)
        for one, other in zip(first["values"], second["values"], strict=True)
    ]
    return record(first["kpi"], "G1", first["period"], *values)


def all_rows() -> tuple[list[Row], list[Row]]:
    """What goes into the archive, and the rows that the server makes of it."""
    generator = random.Random(20260301)
    rows = [
        row_of(generator, kpi, place, period)
        for kpi, place, period in product(KPIS, PLACES, PERIODS)
        if place in (*PAIR, SENT) or (place != "G1" and generator.random() < 0.95)
    ]
    firsts, seconds = ([r for r in rows if r["municipality"] == one] for one in PAIR)
    return rows, [mean_of_pair(*pair) for pair in zip(firsts, seconds, strict=True)]


ROWS, MEANS = all_rows()
ARCHIVE = small_archive(
    ROWS,
    kpi=[kpi_row(id_, f"Nöjdhet, äldre på särskilt boende (Å–Ö) ”{id_}”") for id_ in KPIS],
    municipality=[
        {"id": "0000", "title": "Riket", "type": "L"},
        *(
            {"id": id_, "title": f'Ödeshög, "{id_}" é', "type": "K"}
            for id_ in PLACES
            if id_.isdecimal() and id_ != "0000"
        ),
    ],
    municipality_groups=[
        group_row("G1", "Liknande kommuner äldreomsorg, Älmhult, 2024", *PAIR),
        group_row("G2", "Övriga kommuner (ovägt medel)", "0116", "0117"),
    ],
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with serving(ARCHIVE) as address:
        yield address


def values(rows: Iterable[Mapping[str, Any]]) -> list[Value]:
    """Every inner value with its key, the number as its bits, in one order."""
    return sorted(
        (
            row["kpi"],
            row["municipality"],
            row["period"],
            one["gender"],
            one["count"],
            one["status"],
            None if one["value"] is None else float(one["value"]).hex(),
            one["isdeleted"],
        )
        for row in rows
        for one in row["values"]
    )


@pytest.fixture(scope="session")
def in_r() -> Callable[..., str]:
    """`kolada_client.R` with these arguments; gives what it says."""
    rscript = shutil.which("Rscript")
    if rscript is None:
        pytest.skip("R is not installed: there is no Rscript")
    needed = "for (p in c('httr2', 'jsonlite')) if (!requireNamespace(p)) quit(status = 1)"
    if subprocess.run([rscript, "-e", needed], capture_output=True).returncode:
        pytest.skip("R has no httr2 and jsonlite; install them, or r-cran-httr2 in Debian")
    script = Path(__file__).with_name("kolada_client.R")

    def run(*arguments: object) -> str:
        done = subprocess.run(
            [rscript, "--no-init-file", str(script), *map(str, arguments)],
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            env={**os.environ, "LC_ALL": "C"},  # of what is UTF-8 the answer alone says so
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def as_values(rows: Iterable[Mapping[str, str]]) -> list[Value]:
    return sorted(
        (
            row["kpi"],
            row["municipality"],
            int(row["period"]),
            row["gender"],
            int(row["count"]),
            row["status"],
            float(row["value"]).hex() if row["value"] else None,
            {"TRUE": True, "FALSE": False}[row["isdeleted"]],
        )
        for row in rows
    )


def test_the_archive_has_what_a_client_may_trip_over():
    sent = [one for row in ROWS for one in row["values"]]

    assert len(ROWS) + len(MEANS) > 12_000
    assert {one["gender"] for one in sent} == {"T", "K", "M"}
    assert {one["status"] for one in sent} == {"", "Missing"}
    assert {one["value"] for one in sent} > {*AWKWARD, None}
    assert sum(len(f"{one['value']}") >= 17 for one in sent) > 10_000  # all their digits


def test_a_client_in_r_reads_every_value_bit_for_bit(url, in_r, tmp_path):
    lists = [",".join(map(str, ids)) for ids in (KPIS, PLACES, PERIODS)]

    said = in_r(url, *lists, tmp_path)

    # Four questions: by 25 KPIs and 1, of 25 places and 1; the first is answered in three pages.
    assert said == f"{len(ROWS) + len(MEANS)} rows in 6 pages\n"
    assert as_values(read(tmp_path / "observation.csv")) == values([*ROWS, *MEANS])


def test_a_client_in_r_reads_swedish_titles(url, in_r, tmp_path):
    in_r(url, "N00000", "0114", "2024", tmp_path)

    for table in ("kpi", "municipality", "municipality_groups"):
        expected = [
            {name: row[name] for name in ("id", "title")} for row in getattr(ARCHIVE, table)
        ]
        assert read(tmp_path / f"{table}.csv") == expected


def test_a_client_in_r_sees_what_was_withdrawn_and_what_became_of_the_rest(in_r, tmp_path):
    spring, gone = date(2026, 3, 1), inner("T", None, count=0, status="", isdeleted=True)
    archive = small_archive(
        [
            record("N15001", "0180", 2024, inner("T", 0.1, changed=spring)),
            record("N15001", "1488", 2024, inner("T", 0.2)),
            record("N15001", "1489", 2024, gone | {"changed": spring}),
        ]
    )

    with serving(archive) as url:
        in_r(url, "N15001", "0180,1488,1489", "2024", tmp_path, "2026-03-01")

    assert as_values(read(tmp_path / "observation.csv")) == values(
        [record("N15001", "0180", 2024, inner("T", 0.1)), record("N15001", "1489", 2024, gone)]
    )


def test_koladapy_reads_every_value_bit_for_bit(url):
    api = KoladaAPI(base_url=f"{url}/", max_requests_per_second=10_000)
    with api.session:
        frame = api.get_data_as_dataframe(KPIS, PLACES, PERIODS)

    null = frame["value"].isna()  # pandas has no null among its floats
    frame["value"] = frame["value"].map(repr).mask(null, "")
    frame["isdeleted"] = frame["isdeleted"].map({True: "TRUE", False: "FALSE"})
    assert as_values(frame.to_dict("records")) == values([*ROWS, *MEANS])


def test_koladapy_reads_swedish_titles(url):
    api = KoladaAPI(base_url=f"{url}/", max_requests_per_second=10_000)
    with api.session:
        found = {
            "kpi": api.search_kpis(),
            "municipality": api.get_municipalities(),
            "municipality_groups": api.get_municipality_groups(),
        }

    for table, rows in found.items():
        assert rows == getattr(ARCHIVE, table)
