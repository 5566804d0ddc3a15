"""Two years of Kolada's real drift, 2024-04-06 to 2026-03-23, asked for over HTTP and replayed.

What is expected is counted here from the two recorded catalogues themselves.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from kolada.client import KoladaClient
from kolada.history import (
    KPI,
    MUNICIPALITY,
    MUNICIPALITY_GROUP,
    RawTable,
    archive_of,
    changes,
    replay,
    waves,
)
from kolada.ledger import Ledger
from kolada.local import serving
from kolada.recorded import recorded_archive
from kolada.sync import METADATA_QUERIES, sync

pytestmark = pytest.mark.shared

Rows = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Drifted:
    """A ledger with both catalogues, and a moment when only the first was known."""

    ledger: Ledger
    between: datetime


@pytest.fixture(scope="module")
def drifted(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Drifted:
    ledger = Ledger(tmp_path_factory.mktemp("drifted"))
    moments = []
    for on in (date(2024, 4, 6), date(2026, 3, 23)):
        archive = recorded_archive(shared / "kolada", on=on)
        with serving(archive) as url, KoladaClient(url, rate=None) as kolada:
            sync(kolada, ledger, METADATA_QUERIES)
        moments.append(datetime.now(UTC))
    return Drifted(ledger, moments[0])


@pytest.fixture(scope="module")
def recorded(shared: Path) -> Callable[[str], Rows]:
    def read(name: str) -> Rows:
        content = (shared / "kolada" / "catalogue" / f"{name}.json").read_text(encoding="utf-8")
        return {row["id"]: row for row in json.loads(content)["values"]}

    return read


def both_times(drifted: Drifted, table: RawTable) -> pl.DataFrame:
    """A row per key known both times and not gone since; the earlier columns end in _before."""
    before = replay(drifted.ledger, table, as_of=drifted.between)
    now = replay(drifted.ledger, table).filter(~pl.col("is_deleted"))
    return now.join(before, on=table.key, suffix="_before")


def n_changed(frame: pl.DataFrame, column: str) -> int:
    return frame.filter(pl.col(column).ne_missing(pl.col(f"{column}_before"))).height


def test_kpis_that_went_came_and_changed_are_found_to_the_last_one(drifted, recorded):
    before, now = recorded("kpi_2024-04-06_v2"), recorded("kpi_2026-03-23_v3")
    shared_ids = before.keys() & now.keys()
    known = replay(drifted.ledger, KPI, as_of=drifted.between)

    latest = replay(drifted.ledger, KPI)
    gone = set(latest.filter("is_deleted")["kpi"])
    new = set(latest["kpi"]) - set(known["kpi"])
    assert gone == before.keys() - now.keys()
    assert new == now.keys() - before.keys()
    assert (len(before), len(gone), len(new)) == (6433, 829, 495)

    changed = both_times(drifted, KPI)
    found = {
        column: n_changed(changed, column)
        for column in ("title", "description", "is_divided_by_gender")
    }
    assert found == {
        column: sum(before[id_][column] != now[id_][column] for id_ in shared_ids)
        for column in found
    }
    assert found == {"title": 978, "description": 865, "is_divided_by_gender": 153}


def test_groups_keep_their_id_and_get_other_members_and_another_year(drifted, recorded):
    before = recorded("municipality_groups_2024-04-06_v2")
    now = recorded("municipality_groups_2026-03-23_v3")
    shared_ids = before.keys() & now.keys()

    def members(row: Mapping[str, Any]) -> set[str]:
        return {member["member_id"] for member in row["members"]}

    changed = both_times(drifted, MUNICIPALITY_GROUP)

    assert changed.height == len(shared_ids) == 3025
    assert n_changed(changed, "members") == 2840
    assert sum(members(before[id_]) != members(now[id_]) for id_ in shared_ids) == 2840
    assert n_changed(changed, "title") == 2942
    assert sum(before[id_]["title"] != now[id_]["title"] for id_ in shared_ids) == 2942


def test_the_second_catalogue_adds_a_row_for_each_that_went_came_or_changed(drifted):
    first, second = waves(drifted.ledger, KPI)

    added = changes(first.received, second)

    changed = both_times(drifted, KPI)
    content = [c for c in KPI.frame([]).columns if c != "kpi"]
    differs = pl.any_horizontal(pl.col(c).ne_missing(pl.col(f"{c}_before")) for c in content)
    assert added.filter("is_deleted").height == 829
    assert added.height == 829 + 495 + changed.filter(differs).height
    assert added["kpi"].is_unique().all()


def test_a_kpi_that_went_keeps_its_last_title(drifted, recorded):
    before = recorded("kpi_2024-04-06_v2")

    gone = replay(drifted.ledger, KPI).filter("is_deleted")

    assert dict(gone.select("kpi", "title").iter_rows()) == {
        id_: before[id_]["title"] for id_ in gone["kpi"]
    }


def test_as_of_a_moment_between_the_catalogue_is_that_of_2024(drifted, recorded):
    before = recorded("kpi_2024-04-06_v2")

    then = archive_of(drifted.ledger, as_of=drifted.between)

    served = {row["id"]: row for row in then.kpi}
    assert served.keys() == before.keys()
    renamed = {"auspice": "auspices"}
    for id_, row in served.items():
        sent = {name: before[id_][renamed.get(name, name)] for name in row}
        assert row == sent | {"has_ou_data": bool(sent["has_ou_data"])}  # 0 and 1 equal booleans
    assert {row["id"]: row for row in then.municipality_groups} == recorded(
        "municipality_groups_2024-04-06_v2"
    )


def test_as_of_now_the_catalogue_is_that_of_2026(drifted, recorded):
    now = archive_of(drifted.ledger)

    assert {row["id"]: row for row in now.kpi} == recorded("kpi_2026-03-23_v3")
    assert {row["id"]: row for row in now.municipality_groups} == recorded(
        "municipality_groups_2026-03-23_v3"
    )


def test_what_did_not_change_adds_nothing(drifted):
    first, second = waves(drifted.ledger, MUNICIPALITY)

    assert changes(first.received, second).is_empty()
