"""A Kolada that answers wrongly: nothing wrong is stored, nothing is lost, the next sync heals."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from kolada.client import KoladaClient
from kolada.errors import AnswerError, ArchiveError, KoladaError, UnreachableError
from kolada.faults import KINDS, Fault, read_faults
from kolada.history import OBSERVATION, replay
from kolada.ledger import Ledger
from kolada.local import serving
from kolada.query import Query
from kolada.sync import sync
from tests.kolada.conftest import inner, record, small_archive

QUERIES = [
    Query("data", kpi=("N00001", "N00002"), municipality=("0001", "0002"), period=(year,))
    for year in (2023, 2024, 2025)
]
ARCHIVE = small_archive(
    record(kpi, municipality, year, inner("T", float(year)), inner("K", None))
    for kpi in ("N00001", "N00002")
    for municipality in ("0001", "0002")
    for year in (2023, 2024, 2025)
)
DATA = "/v3/data/*"
HARMLESS = {"new_field", "twice"}  # what they send is right, and only more than usual


def synced(folder: Path, *faults: Fault, attempts: int = 3) -> pl.DataFrame:
    """What the ledger knows after one sync of a Kolada with these faults."""
    ledger = Ledger(folder)
    with (
        serving(ARCHIVE, faults=faults) as url,
        KoladaClient(
            url, rate=None, attempts=attempts, deadline=0.5, sleep=lambda _: None
        ) as kolada,
    ):
        sync(kolada, ledger, QUERIES, at_once=1)
    return known(ledger)


def known(ledger: Ledger) -> pl.DataFrame:
    return replay(ledger, OBSERVATION).drop("retrieved_at", "answer")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    return synced(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in {"empty", "new_status", "bomb"}])
def test_a_fault_that_passes_is_asked_over_or_the_next_sync_heals_it(
    kind: str, undisturbed: pl.DataFrame, tmp_path: Path
):
    try:
        found = synced(tmp_path, Fault(kind, path=DATA, first=2, times=1))
    except KoladaError:  # refused at once: a foreign address and a circle
        assert kind in {"foreign_next", "cycle"}
        assert known(Ledger(tmp_path)).height == undisturbed.height / 3
        found = synced(tmp_path)

    assert_frame_equal(found, undisturbed)


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in HARMLESS | {"empty", "new_status"}])
def test_a_fault_that_stays_stops_the_sync_with_nothing_wrong_stored_and_nothing_lost(
    kind: str, undisturbed: pl.DataFrame, tmp_path: Path
):
    with pytest.raises((AnswerError, UnreachableError), match="Kolada") as refused:
        synced(tmp_path, Fault(kind, path=DATA, first=2, times=1000), attempts=2)

    assert len(str(refused.value).split(". ")) >= 2  # a fact and a remedy
    before = known(Ledger(tmp_path))
    assert_frame_equal(before, undisturbed.filter(period=2023))
    assert_frame_equal(synced(tmp_path), undisturbed)


def test_an_answer_that_is_suddenly_empty_is_not_taken_for_withdrawn(
    undisturbed: pl.DataFrame, tmp_path: Path
):
    synced(tmp_path)

    with pytest.raises(AnswerError, match="with no row, and had rows on"):
        synced(tmp_path, Fault("empty", path=DATA, times=1000))

    assert_frame_equal(known(Ledger(tmp_path)), undisturbed)


def test_a_question_that_never_had_a_row_may_stay_empty(tmp_path: Path):
    fault = Fault("empty", path=DATA, times=1000)

    assert synced(tmp_path, fault).is_empty()
    assert synced(tmp_path, fault).is_empty()


def test_a_status_that_nobody_knows_is_kept_as_sent(undisturbed: pl.DataFrame, tmp_path: Path):
    found = synced(tmp_path, Fault("new_status", path=DATA, first=2, times=1))

    changed = found.join(undisturbed, on=undisturbed.columns, how="anti", nulls_equal=True)
    assert changed["status"].to_list() == ["Confidential"]


def test_a_wait_that_kolada_asks_for_is_kept(tmp_path: Path):
    waits: list[float] = []
    fault = Fault("status", path=DATA, status=429, retry_after="7")

    with (
        serving(ARCHIVE, faults=[fault]) as url,
        KoladaClient(url, rate=None, sleep=waits.append) as kolada,
    ):
        sync(kolada, Ledger(tmp_path), QUERIES, at_once=1)

    assert waits  # the time does not pass here, so the next request waits for it too
    assert all(6.5 < wait <= 7 for wait in waits)


def test_a_fault_file_gives_its_faults(tmp_path: Path):
    path = tmp_path / "faults.toml"
    path.write_text('[[fault]]\nkind = "status"\npath = "/v3/kpi"\nstatus = 429\n')

    assert read_faults(path) == (Fault("status", path="/v3/kpi", status=429),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[fault]]\nkind = "flood"\n', "is of the kind 'flood'"),
        ('[[fault]]\nkind = "cut"\nhow = 1\n', "has how; it takes"),
        ("[[fault]\n", "cannot be read"),
    ],
)
def test_a_fault_file_that_is_itself_at_fault_is_refused(tmp_path: Path, text: str, said: str):
    path = tmp_path / "faults.toml"
    path.write_text(text)

    with pytest.raises(ArchiveError, match=said):
        read_faults(path)
