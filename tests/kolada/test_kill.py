"""A sync that is killed again and again: the ledger comes out as if nothing had happened.

One ledger is killed 20 times in a chain: each process goes on where the one before it was killed.
The moments are drawn over the whole time that an undisturbed sync takes, and are told as the place
in the journal after which the kill comes and the time from there: a slow machine is killed at the
same places as a quick one.
"""

import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kolada.archive import OBSERVATION_SCHEMA, Archive
from kolada.history import KPI, MUNICIPALITY, MUNICIPALITY_GROUP, OBSERVATION, RawTable, replay
from kolada.ledger import Entry, Ledger
from kolada.local import serving
from tests.kolada.conftest import group_row, kpi_row

SEED = 1489
N_KILL = 20
N_METADATA = 3  # queries before the observations are planned; every process begins with them
ASKED = [f"N{i:05}" for i in range(225)]
PLACES = [f"{i:04}" for i in range(1, 401)]
YEARS = range(2020, 2024)


@dataclass(frozen=True, slots=True)
class Moment:
    """When to kill: so many seconds after the journal has got so far."""

    n_new: int  # lines of this process
    n_data: int  # answers with observations in the unfinished sync, of this process or before
    seconds: float


@dataclass(frozen=True, slots=True)
class Chain:
    """A ledger that was killed, another that was not, and how it went."""

    killed: Ledger
    undisturbed: Ledger
    faults: list[str]  # found right after a kill
    n_query: int  # for observations
    n_process: int
    n_told: int  # queries that the last process says it asked
    n_added: int  # answers with observations that it added


def simulated() -> Archive:
    cells = pl.DataFrame({"kpi": ASKED}).join(pl.DataFrame({"municipality": PLACES}), how="cross")
    observation = cells.join(pl.DataFrame({"period": YEARS}), how="cross").with_columns(
        gender=pl.lit("T"),
        count=pl.lit(1),
        status=pl.lit(""),
        value=pl.int_range(pl.len()) / 7,
        is_deleted=pl.lit(False),
        changed=None,
    )
    return Archive(
        kpi=[kpi_row(f"N{i:05}", f"Nyckeltal {i}, andel (%)") for i in range(1_000)],
        municipality=[{"id": id_, "title": f"Kommun {id_}", "type": "K"} for id_ in PLACES],
        municipality_groups=[
            group_row(f"G{i}", f"Liknande kommuner, {i}", *PLACES[i % 300 : i % 300 + 7])
            for i in range(600)
        ],
        observation=observation.select(list(OBSERVATION_SCHEMA)).cast(OBSERVATION_SCHEMA),
    )


def started(url: str, ledger: Ledger) -> subprocess.Popen[str]:
    """`python -m kolada sync` as a process of its own."""
    words = ["--source", url, "--ledger", ledger.folder, "--years", f"{YEARS[0]}-{YEARS[-1]}"]
    kpis = [word for one in ASKED for word in ("--kpi", one)]
    return subprocess.Popen(
        [sys.executable, "-m", "kolada", "sync", "--no-limit", *words, *kpis],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(process: subprocess.Popen[str]) -> int:
    """The number of queries that a sync which came to its end says it asked."""
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 0, said
    told = re.search(r"^(\d+) queries asked", said, re.MULTILINE)
    assert told, said
    return int(told[1])


def data(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry.query.table == "data"]


def moments(generator: random.Random, seconds: list[float]) -> list[Moment]:
    """Moments spread over a sync whose answers came `seconds` after its start, one in each part.

    Those among the metadata come anywhere in the chain; the others in the order of the answers.
    """
    start, end = 0.8 * seconds[0], seconds[-1]  # before that Python loads, and asks nothing
    part = (end - start) / N_KILL
    early: list[Moment] = []
    late: list[Moment] = []
    for i in range(N_KILL):
        moment = start + part * (i + generator.random())
        n = sum(one <= moment for one in seconds)
        since = moment - (seconds[n - 1] if n else 0)
        if n < N_METADATA:
            early.append(Moment(n, 0, since))
        else:
            late.append(Moment(N_METADATA, n - N_METADATA, since))
    for one in early:
        late.insert(generator.randrange(len(late)), one)
    return late


def kill(process: subprocess.Popen[str], ledger: Ledger, moment: Moment) -> bool:
    """Kill the process at its moment; False where it had come to its end before."""
    n_before = len(list(ledger.entries()))
    while process.poll() is None:
        entries = list(ledger.entries())
        stored = data(entries)
        n_data = sum(entry.sync == stored[-1].sync for entry in stored)
        if len(entries) - n_before >= moment.n_new and n_data >= moment.n_data:
            break
        time.sleep(0.002)
    time.sleep(moment.seconds)
    process.kill()
    said, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), said
    return process.returncode != 0


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Chain:
    folder = tmp_path_factory.mktemp("kill")
    killed, undisturbed = Ledger(folder / "killed"), Ledger(folder / "undisturbed")
    with serving(simulated()) as url:
        begun = datetime.now(UTC)
        n_query = finished(started(url, undisturbed))
        seconds = [(entry.retrieved_at - begun).total_seconds() for entry in undisturbed.entries()]

        faults: list[str] = []
        n_missed = 0
        for moment in moments(random.Random(SEED), seconds):
            while not kill(started(url, killed), killed, moment):
                n_missed += 1  # it was quicker than the kill: the moment comes again
                assert n_missed < N_KILL
            faults += killed.faults()
            print(f"seed {SEED}: {moment}, {len(list(killed.entries()))} lines")
        n_before = len(data(list(killed.entries())))
        n_told = finished(started(url, killed))
    n_added = len(data(list(killed.entries()))) - n_before
    return Chain(killed, undisturbed, faults, n_query, N_KILL + n_missed + 1, n_told, n_added)


@pytest.mark.parametrize(
    "table", [OBSERVATION, KPI, MUNICIPALITY, MUNICIPALITY_GROUP], ids=lambda table: table.name
)
def test_after_20_kills_a_table_is_what_it_is_undisturbed(chain: Chain, table: RawTable):
    after_kills, expected = (
        replay(ledger, table).drop("retrieved_at", "answer")
        for ledger in (chain.killed, chain.undisturbed)
    )

    assert expected.height > 0
    assert_frame_equal(after_kills, expected, check_exact=True)


def test_no_sync_has_an_answer_twice_and_none_is_asked_that_was_stored(chain: Chain):
    entries = list(chain.killed.entries())

    answered = [(entry.sync, entry.query) for entry in entries]
    assert len(set(answered)) == len(answered)
    # One sync, or a second where the last kill came between the end of the sync and Python's.
    n_by_sync = Counter(entry.sync for entry in data(entries))
    assert set(n_by_sync.values()) == {chain.n_query}
    assert chain.n_query >= 60
    assert chain.n_told == chain.n_added


def test_a_process_that_goes_on_asks_for_the_catalogue_again_at_most_once(chain: Chain):
    entries = list(chain.killed.entries())

    n_metadata = len(entries) - len(data(entries))
    assert N_METADATA < n_metadata <= N_METADATA * chain.n_process


def test_a_killed_ledger_is_whole_at_once_and_leaves_nothing_unfinished(chain: Chain):
    done = subprocess.run(
        [sys.executable, "-m", "kolada", "verify", chain.killed.folder],
        capture_output=True,
        text=True,
    )

    assert chain.faults == []
    assert done.returncode == 0, done.stderr
    assert not [*chain.killed.folder.rglob("*.part"), *chain.killed.folder.glob("unfinished-*")]
