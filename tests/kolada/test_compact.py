import errno
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kolada.errors import LedgerError
from kolada.ledger import Ledger
from kolada.query import Query
from tests.kolada.conftest import NOON, answer, kpi_row, page

KPI = Query("kpi")


def numbered(number: int) -> bytes:
    return page(kpi_row("N00001", f"Version {number}"))


def add(ledger: Ledger, *numbers: int) -> None:
    """One answer of one page for each number."""
    with ledger.writing() as writer:
        for number in numbers:
            at = NOON + timedelta(minutes=number)
            writer.append(answer(KPI, numbered(number), at=at), sync=f"{number}")


def contents(ledger: Ledger) -> list[bytes]:
    return [ledger.body(stored.sha256) for entry in ledger.entries() for stored in entry.pages]


def loose(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.glob("bodies/*/*"))


def packs(ledger: Ledger) -> list[Path]:
    return sorted(ledger.folder.glob("packs/*"))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def five(ledger: Ledger) -> Ledger:
    add(ledger, *range(5))
    return ledger


@pytest.fixture
def packed(five: Ledger) -> Ledger:
    five.compact()
    return five


def test_packed_pages_are_read_as_before_and_their_own_files_are_gone(five):
    journal, before = (five.folder / "journal.jsonl").read_bytes(), contents(five)

    done = five.compact()

    assert loose(five) == []
    assert (done.n_file_before, done.n_file_after, done.n_packed) == (5, 1, 5)
    assert done.n_byte_after == sum(path.stat().st_size for path in packs(five))
    assert contents(Ledger(five.folder)) == contents(five) == before
    assert list(five.faults()) == []
    assert (five.folder / "journal.jsonl").read_bytes() == journal


def test_any_tar_reads_a_pack_and_puts_a_page_back_by_its_name(packed):
    (pack,) = packs(packed)
    last = packed.last().pages[0].sha256

    with tarfile.open(pack) as tar:
        names = tar.getnames()
        tar.extract(f"bodies/{last[:2]}/{last}.zst", packed.folder, filter="data")
    pack.unlink()

    assert len(names) == 5
    assert Ledger(packed.folder).body(last) == numbered(4)


def test_a_second_run_finds_nothing_to_do(packed):
    before = {path: path.stat().st_mtime_ns for path in packs(packed)}

    done = packed.compact()

    assert (done.n_packed, done.n_dropped) == (0, 0)
    assert {path: path.stat().st_mtime_ns for path in packs(packed)} == before


def test_a_run_packs_only_what_is_new_where_the_old_pack_is_much_larger(ledger):
    add(ledger, *range(40))
    ledger.compact()
    (large,) = packs(ledger)

    add(ledger, 40)
    done = ledger.compact()

    assert done.n_packed == 1
    assert large in packs(ledger)
    assert contents(ledger) == [numbered(n) for n in range(41)]


def test_hundred_runs_leave_a_handful_of_packs_and_every_page(ledger):
    n_packed = 0
    for number in range(100):
        add(ledger, number)
        n_packed += ledger.compact().n_packed

    assert len(packs(ledger)) <= 8
    assert n_packed < 100 * 8  # each page is rewritten a few times only
    assert contents(ledger) == [numbered(n) for n in range(100)]
    assert list(ledger.faults()) == []


def test_a_pack_that_is_full_is_closed_and_left_alone(five):
    five.compact(pack_byte=600)
    full = packs(five)[1:]

    add(five, 5, 6, 7)
    five.compact(pack_byte=600)

    assert len(full) >= 1
    assert set(full) & set(packs(five))
    assert contents(five) == [numbered(n) for n in range(8)]


def test_a_page_that_is_packed_is_not_stored_again(packed):
    with packed.writing() as writer:
        at = NOON + timedelta(days=1)
        writer.append(answer(KPI, numbered(2), at=at), sync="again")

    assert loose(packed) == []


def test_what_no_line_names_is_dropped_and_nothing_else(five):
    folder = loose(five)[0].parent
    (folder / "unfinished.part").write_bytes(b"cut")
    (folder / "notes.txt").write_bytes(b"somebody's own")
    journal = five.folder / "journal.jsonl"
    content = journal.read_bytes()
    journal.write_bytes(content[:-10])  # the last line is torn: its page belongs to no answer

    done = five.compact()

    assert done.n_dropped == 2
    assert [path.name for path in loose(five)] == ["notes.txt"]
    assert contents(five) == [numbered(n) for n in range(4)]


def test_a_ledger_with_a_damaged_line_is_not_touched(five):
    journal = five.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"seq", b"sea", 1))
    before = loose(five)

    with pytest.raises(LedgerError, match="Line 1 of"):
        five.compact()

    assert loose(five) == before
    assert packs(five) == []


def test_what_is_damaged_stays_where_it_is(five):
    harmed = loose(five)[1]
    harmed.write_bytes(harmed.read_bytes()[:-3])

    done = five.compact()

    assert done.n_damaged == 1
    assert loose(five) == [harmed]
    (fault,) = five.faults()
    assert harmed.stem in fault


def harm_middle(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    with tarfile.open(pack) as tar:
        content[tar.getmembers()[2].offset_data + 30] ^= 1
    pack.write_bytes(content)


def harm_header(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    with tarfile.open(pack) as tar:
        content[tar.getmembers()[2].offset + 30] ^= 1
    pack.write_bytes(content)


def wipe_header(pack: Path) -> None:
    content = bytearray(pack.read_bytes())
    with tarfile.open(pack) as tar:
        start = tar.getmembers()[2].offset
    content[start : start + 512] = bytes(512)
    pack.write_bytes(content)


@pytest.mark.parametrize("harm", [harm_middle, harm_header, wipe_header])
def test_damage_to_a_pack_costs_the_page_it_hits_and_is_repaired_by_that_page(
    packed, harm: Callable[[Path], None]
):
    (pack,) = packs(packed)
    harm(pack)
    harmed = Ledger(packed.folder)

    faults = list(harmed.faults())
    third = next(entry for entry in harmed.entries(after=2)).pages[0].sha256
    with pytest.raises(LedgerError, match=f"{third} .*Restore the file from a backup"):
        harmed.body(third)

    assert sum("The ledger" in fault for fault in faults) == 1
    assert any(str(pack) in fault for fault in faults)

    harmed.compact()
    assert pack.exists()  # it may hold what is lost
    with harmed.writing() as writer:
        writer.append(answer(KPI, numbered(2), at=NOON + timedelta(days=1)), sync="again")
    harmed.compact()

    repaired = Ledger(packed.folder)
    assert list(repaired.faults()) == []
    assert contents(repaired) == [numbered(n) for n in (0, 1, 2, 3, 4, 2)]


def test_a_pack_cut_short_says_so_and_names_every_page_it_lacks(packed):
    (pack,) = packs(packed)
    pack.write_bytes(pack.read_bytes()[: 3 * 1024 + 600])

    first, *others = Ledger(packed.folder).faults()

    assert f"{pack} is cut short" in first
    assert len(others) == 2
    assert all("The ledger lacks the page" in fault for fault in others)


def test_a_pack_that_is_missing_costs_its_pages(packed):
    packs(packed)[0].unlink()

    faults = list(Ledger(packed.folder).faults())

    assert len(faults) == 5
    assert all("The ledger lacks the page" in fault for fault in faults)


def test_a_reader_that_began_before_finds_pages_wherever_they_went(five):
    reader = Ledger(five.folder)
    first, *others = list(reader.entries())
    assert reader.body(first.pages[0].sha256) == numbered(0)

    for number in range(5, 9):  # packs come, are merged and go
        add(five, number)
        five.compact()
        assert [reader.body(one.pages[0].sha256) for one in others] == [
            numbered(n) for n in range(1, 5)
        ]


def test_a_run_waits_for_no_writer_and_says_who_is_there(five):
    with five.writing(), pytest.raises(LedgerError, match="Another process is writing"):
        five.compact()


def test_a_full_disk_leaves_every_page_as_it_was(five, monkeypatch):
    before = loose(five)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kolada.store.pack.os.fsync", full)
    with pytest.raises(LedgerError, match="Make room"):
        five.compact()

    assert loose(five) == before
    assert packs(five) == []


def test_nothing_is_removed_when_what_was_written_is_not_what_is_read(five, monkeypatch):
    before = loose(five)

    def written_wrongly(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        if path.suffix == ".part":
            harm_middle(path)

    monkeypatch.setattr("kolada.store.pack.os.fsync", written_wrongly)
    with pytest.raises(LedgerError, match=r"is not what is read from there.*Check the disk"):
        five.compact()

    assert loose(five) == before
    assert packs(five) == []


def test_the_pack_and_its_name_are_on_disk_before_a_page_is_removed(five, monkeypatch):
    steps: list[str] = []
    fsync, unlink = os.fsync, Path.unlink

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        steps.append(f"fsync {path.relative_to(five.folder)}")
        fsync(descriptor)

    def removed(path: Path, missing_ok: bool = False) -> None:
        steps.append("remove")
        unlink(path, missing_ok)

    monkeypatch.setattr("kolada.store.pack.os.fsync", note)
    monkeypatch.setattr(Path, "unlink", removed)
    five.compact()

    assert steps == ["fsync packs/unfinished.part", "fsync packs", "fsync .", *["remove"] * 5]


# Kills itself at the n-th step in which a file is opened, renamed or removed, for every n.
KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from kolada.ledger import Ledger

start, work = Path(sys.argv[1]), Path(sys.argv[2])
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir")

def whole(folder):
    ledger = Ledger(folder)
    assert list(ledger.faults()) == [], list(ledger.faults())
    return [ledger.body(page.sha256) for entry in ledger.entries() for page in entry.pages]

expected, n_killed = whole(start), 0
while True:
    folder = work / str(n_killed)
    shutil.copytree(start, folder)
    child = os.fork()
    if not child:
        left = n_killed

        def die(event, _):
            global left
            if event in EVENTS:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(die)
        Ledger(folder).compact()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert whole(folder) == expected, n_killed
    if not os.WIFSIGNALED(status):
        break
    Ledger(folder).compact()
    assert whole(folder) == expected, n_killed
    rest = [path for path in folder.rglob("*") if path.suffix in (".zst", ".part")]
    assert rest == [], rest
    n_member = sum(path.read_bytes().count(b"ustar") for path in folder.glob("packs/*.tar"))
    assert n_member == len(set(expected)), n_member
    n_killed += 1
print(n_killed)
"""


def test_a_run_that_is_killed_at_any_step_loses_nothing_and_the_next_one_ends_it(packed, tmp_path):
    add(packed, 5, 6, 7)  # loose pages beside a pack they are merged with
    (loose(packed)[0].parent / "left.part").write_bytes(b"by a crash")

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(packed.folder), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
