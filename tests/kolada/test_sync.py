import errno
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
import requests
from polars.testing import assert_frame_equal

from kolada.client import Answer, KoladaClient
from kolada.errors import LedgerError, UnreachableError
from kolada.history import KPI, MUNICIPALITY, OBSERVATION, replay, waves
from kolada.ledger import Ledger
from kolada.local import serving
from kolada.plan import observation_plan
from kolada.query import Query
from kolada.sample_catalogue import SIMULATED_SOURCE
from kolada.sync import METADATA_QUERIES, SyncResult, sync
from tests.kolada.conftest import Answers, inner, kpi_row, page, record, small_archive

PLACES = [f"{number:04}" for number in range(1, 31)]
KPIS = ["N00001", "N00002"]
OBSERVATIONS = list(observation_plan(kpi=KPIS, municipality=PLACES, period=[2023, 2024]).queries)
PLAN = [*METADATA_QUERIES, *OBSERVATIONS]


class StoppedError(Exception):
    """Stands for a power cut."""


class Stopping(KoladaClient):
    """A client that is stopped after some answers."""

    n_left = 0

    def answer(self, query: Query) -> Answer:
        if self.n_left == 0:
            raise StoppedError
        self.n_left -= 1
        return super().answer(query)


def stopped_sync(url: str, ledger: Ledger, queries: list[Query], *, after: int) -> None:
    with Stopping(url, rate=None) as kolada:
        kolada.n_left = after
        with pytest.raises(StoppedError):
            sync(kolada, ledger, queries)


def whole_sync(url: str, ledger: Ledger, queries: list[Query]) -> SyncResult:
    with KoladaClient(url, rate=None) as kolada:
        return sync(kolada, ledger, queries)


def contents(ledger: Ledger) -> list[tuple[Query, list[str]]]:
    """What was asked, and the hashes of what came."""
    return [(one.query, [page.sha256 for page in one.pages]) for one in ledger.entries()]


def known(ledger: Ledger, table=OBSERVATION) -> pl.DataFrame:
    return replay(ledger, table).drop("retrieved_at")


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    rows = [
        record(kpi, place, period, inner("T", float(place) + period))
        for kpi in KPIS
        for place in PLACES
        for period in (2023, 2024)
    ]
    with serving(small_archive(rows)) as address:
        yield address


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture(scope="module")
def undisturbed(url: str, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    ledger = Ledger(tmp_path_factory.mktemp("undisturbed"))
    whole_sync(url, ledger, PLAN)
    return ledger


def test_a_plan_asks_for_every_cell_once_whatever_the_order_it_is_given():
    plan = list(
        observation_plan(kpi=KPIS[::-1], municipality=PLACES[::-1], period=[2024, 2023]).queries
    )

    cells = [
        (kpi, place, period)
        for query in plan
        for kpi in query.kpi
        for place in query.municipality
        for period in query.period
    ]
    assert sorted(cells) == [(k, m, p) for k in KPIS for m in PLACES for p in (2023, 2024)]
    assert plan == OBSERVATIONS


def test_a_sync_stores_the_answer_to_every_question_of_its_plan(undisturbed):
    assert [query for query, _ in contents(undisturbed)] == PLAN
    assert known(undisturbed).height == 2 * 30 * 2
    assert known(undisturbed, MUNICIPALITY).height == 30


@pytest.mark.parametrize("after", range(len(PLAN)))
def test_a_sync_that_was_stopped_goes_on_where_it_stopped(url, ledger, undisturbed, after):
    stopped_sync(url, ledger, PLAN, after=after)

    result = whole_sync(url, ledger, PLAN)

    assert (result.n_query, result.n_asked, result.n_request) == (
        len(PLAN),
        len(PLAN) - after,
        len(PLAN) - after,
    )
    assert contents(ledger) == contents(undisturbed)
    assert {entry.sync for entry in ledger.entries()} == {result.sync}
    assert_frame_equal(known(ledger), known(undisturbed))
    assert list(ledger.folder.glob("unfinished*")) == []


def test_a_sync_that_is_stopped_again_and_again_still_asks_everything_once(
    url, ledger, undisturbed
):
    for _ in PLAN[:-1]:
        stopped_sync(url, ledger, PLAN, after=1)

    assert whole_sync(url, ledger, PLAN).n_asked == 1
    assert contents(ledger) == contents(undisturbed)


def test_a_process_that_is_killed_leaves_a_ledger_that_goes_on(url, ledger, undisturbed):
    killed_after_two = (
        "import os, signal, sys, pathlib\n"
        "from kolada.ledger import Ledger\n"
        "from tests.kolada.test_sync import PLAN, Stopping, sync\n"
        "class Killed(Stopping):\n"
        "    def answer(self, query):\n"
        "        if self.n_left == 0: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        return super().answer(query)\n"
        "kolada = Killed(sys.argv[1], rate=None)\n"
        "kolada.n_left = 2\n"
        "sync(kolada, Ledger(pathlib.Path(sys.argv[2])), PLAN)\n"
    )

    killed = subprocess.run(
        [sys.executable, "-c", killed_after_two, url, str(ledger.folder)], check=False
    )
    result = whole_sync(url, ledger, PLAN)

    assert killed.returncode == -signal.SIGKILL
    assert result.n_asked == len(PLAN) - 2
    assert contents(ledger) == contents(undisturbed)


def test_another_plan_does_not_go_on_with_a_sync_that_was_stopped(url, ledger):
    stopped_sync(url, ledger, PLAN, after=2)

    other = whole_sync(url, ledger, OBSERVATIONS)
    first = whole_sync(url, ledger, PLAN)

    assert other.n_asked == len(OBSERVATIONS)
    assert first.n_asked == len(PLAN) - 2
    assert first.sync != other.sync


def test_another_source_does_not_go_on_with_a_sync_that_was_stopped(url, ledger):
    stopped_sync(url, ledger, PLAN, after=2)

    with serving(small_archive([record("N00001", "0001", 2024)])) as elsewhere:
        result = whole_sync(elsewhere, ledger, PLAN)

    assert result.n_asked == len(PLAN)


@pytest.mark.parametrize("hours", [13, -1])
def test_a_sync_stopped_long_ago_or_in_the_future_begins_anew(url, ledger, hours):
    stopped_sync(url, ledger, PLAN, after=2)
    (state,) = ledger.folder.glob("unfinished*")
    begun = json.loads(state.read_text(encoding="utf-8"))
    begun["begun_at"] = (datetime.now(UTC) - timedelta(hours=hours)).isoformat()
    state.write_text(json.dumps(begun), encoding="utf-8")

    assert whole_sync(url, ledger, PLAN).n_asked == len(PLAN)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"sync":"x","begun_at":"soon"}'])
def test_a_damaged_note_of_an_unfinished_sync_begins_it_anew(url, ledger, content):
    stopped_sync(url, ledger, PLAN, after=2)
    (state,) = ledger.folder.glob("unfinished*")
    state.write_text(content, encoding="utf-8")

    assert whole_sync(url, ledger, PLAN).n_asked == len(PLAN)


def test_the_same_sync_twice_adds_answers_but_no_bodies_and_no_rows(url, ledger):
    whole_sync(url, ledger, PLAN)
    once, files = known(ledger), sorted(ledger.folder.glob("bodies/*/*"))
    n_wave = len(list(waves(ledger, OBSERVATION)))

    whole_sync(url, ledger, PLAN)

    assert sorted(ledger.folder.glob("bodies/*/*")) == files
    assert len(list(waves(ledger, OBSERVATION))) == 2 * n_wave
    assert_frame_equal(known(ledger), once)
    assert replay(ledger, OBSERVATION)["retrieved_at"].max() < ledger.last().retrieved_at


def simulated(title: str) -> bytes:
    return page(kpi_row("N00001", title, description=f"Dragen. {SIMULATED_SOURCE}"))


def real(title: str) -> bytes:
    return page(kpi_row("N00001", title))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (simulated("A"), real("A"), "holds simulated data and the source gives real"),
        (real("A"), simulated("A"), "holds real data and the source gives simulated"),
    ],
)
def test_simulated_and_real_data_are_never_mixed(ledger, first, second, said):
    sync(Answers(first).client(), ledger, [Query("kpi")])
    before = contents(ledger)
    source = Answers(second, page())

    with pytest.raises(LedgerError, match=f"{said}; they are never mixed. Set EFFEKTIV_DATA"):
        sync(source.client(), ledger, PLAN)

    assert contents(ledger) == before
    assert source.left == [page()]


@pytest.mark.parametrize("made", [simulated, real])
def test_data_of_the_same_kind_are_added(ledger, made):
    sync(Answers(made("A")).client(), ledger, [Query("kpi")])
    sync(Answers(made("B")).client(), ledger, [Query("kpi")])

    assert replay(ledger, KPI)["title"].to_list() == ["B"]


def test_what_was_stored_before_kolada_stopped_answering_is_kept(ledger):
    source = Answers(real("A"), page(), *[requests.ConnectionError("reset")] * 6)

    with pytest.raises(UnreachableError):
        sync(source.client(), ledger, METADATA_QUERIES)

    assert [query.table for query, _ in contents(ledger)] == ["kpi", "municipality"]


def test_a_disk_without_room_for_the_note_is_told(url, ledger, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kolada.sync.os.replace", full)

    with pytest.raises(LedgerError, match="cannot be written: No space left on device"):
        whole_sync(url, ledger, PLAN)
