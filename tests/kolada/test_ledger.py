import errno
import hashlib
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from kolada.errors import LedgerError
from kolada.ledger import FIRST, Ledger
from kolada.query import Query
from tests.kolada.conftest import NOON, answer, kpi_row, page

KPI, MUNICIPALITY = Query("kpi"), Query("municipality")


def bodies(ledger: Ledger) -> list[Path]:
    return sorted(path for path in ledger.folder.glob("bodies/*/*") if path.is_file())


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger")


@pytest.fixture
def three(ledger: Ledger) -> Ledger:
    """A ledger with three answers, a minute apart."""
    with ledger.writing() as writer:
        for minute, title in enumerate(["Första", "Andra", "Tredje"]):
            body = page(kpi_row("N00001", title))
            at = NOON + timedelta(minutes=minute)
            writer.append(answer(KPI, body, at=at), sync="one")
    return ledger


def test_an_answer_is_read_back_as_it_came(ledger):
    first, second = page(kpi_row("N00001", "Kostnad åäö")), page(kpi_row("N00002", "Andel"))
    query = Query("kpi", id=("N00001", "N00002"))

    with ledger.writing() as writer:
        written = writer.append(answer(query, first, second), sync="one")

    (entry,) = Ledger(ledger.folder).entries()
    assert entry == written
    assert entry.query == query
    assert entry.retrieved_at == NOON
    assert [ledger.body(one.sha256) for one in entry.pages] == [first, second]
    assert [one.n_byte for one in entry.pages] == [len(first), len(second)]
    assert [row["title"] for _, rows in ledger.records(entry) for row in rows] == [
        "Kostnad åäö",
        "Andel",
    ]


def test_a_ledger_that_is_not_there_is_empty(ledger):
    assert list(ledger.entries()) == []
    assert ledger.last() is None
    assert not ledger.folder.exists()


def test_the_same_body_is_stored_once(ledger):
    with ledger.writing() as writer:
        writer.append(answer(KPI, page(), page()), sync="one")
        writer.append(answer(MUNICIPALITY, page()), sync="two")

    assert [path.name for path in bodies(ledger)] == [f"{hashlib.sha256(page()).hexdigest()}.zst"]


def test_each_line_carries_the_hash_of_the_line_before_it(three):
    lines = (three.folder / "journal.jsonl").read_bytes().splitlines(keepends=True)

    hashes = [FIRST, *(hashlib.sha256(line).hexdigest() for line in lines)]

    assert [json.loads(line)["previous"] for line in lines] == hashes[:-1]
    assert [entry.sha256 for entry in three.entries()] == hashes[1:]


def test_as_of_gives_what_was_retrieved_until_then(three):
    known = [len(list(three.entries(as_of=NOON + timedelta(seconds=s)))) for s in (-1, 0, 61, 999)]

    assert known == [0, 1, 2, 3]
    assert three.last(as_of=NOON + timedelta(minutes=1)).seq == 2
    assert [entry.seq for entry in three.entries(after=1)] == [2, 3]


def test_retrieved_at_never_runs_backwards_when_the_clock_does(ledger):
    with ledger.writing() as writer:
        writer.append(answer(KPI, at=NOON), sync="one")
        writer.append(answer(MUNICIPALITY, at=NOON - timedelta(days=3)), sync="one")
    with ledger.writing() as writer:
        writer.append(answer(KPI, at=NOON - timedelta(days=9)), sync="two")

    times = [entry.retrieved_at for entry in ledger.entries()]
    assert times == [NOON + timedelta(microseconds=n) for n in range(3)]


def test_a_journal_cut_at_any_byte_holds_the_answers_before_the_cut(three):
    journal = three.folder / "journal.jsonl"
    content = journal.read_bytes()

    for end in range(len(content)):
        journal.write_bytes(content[:end])

        assert len(list(three.entries())) == content[:end].count(b"\n")


@pytest.mark.parametrize("n_torn", [1, 5000], ids=["shorter", "longer"])
def test_a_torn_last_line_is_dropped_at_the_next_write_whatever_its_length(three, n_torn):
    journal = three.folder / "journal.jsonl"
    content = journal.read_bytes()
    two_lines = content[: content.rindex(b"\n", 0, -1) + 1]
    journal.write_bytes(two_lines + b"{" * n_torn)

    with three.writing() as writer:
        writer.append(answer(MUNICIPALITY, at=NOON + timedelta(hours=1)), sync="two")

    assert [entry.query for entry in three.entries()] == [KPI, KPI, MUNICIPALITY]
    assert journal.read_bytes().startswith(two_lines)
    assert journal.read_bytes().count(b"\n") == 3
    assert b"{{" not in journal.read_bytes()


def test_a_changed_byte_anywhere_before_the_last_line_is_found(three):
    journal = three.folder / "journal.jsonl"
    content = bytearray(journal.read_bytes())
    last_line = content.rindex(b"\n", 0, -1)

    for position in range(last_line):
        changed = content.copy()
        changed[position] ^= 1
        journal.write_bytes(changed)

        with pytest.raises(LedgerError, match=r"Line [123] of .*journal.jsonl is damaged"):
            list(three.entries())


@pytest.mark.parametrize("line", [b"{}\n", b"[]\n", b"null\n", b"\n", b"\xff\n", b'{"seq":1}\n'])
def test_a_line_that_is_no_entry_is_named(three, line):
    with (three.folder / "journal.jsonl").open("ab") as journal:
        journal.write(line)

    with pytest.raises(LedgerError, match=r"Line 4 of .*damaged: .*Restore the ledger"):
        three.last()
    with pytest.raises(LedgerError, match=r"Line 4 of"), three.writing():
        pass


def test_a_body_with_any_byte_changed_is_found_or_reads_the_same(three):
    path = bodies(three)[0]
    content = path.read_bytes()
    whole = three.body(path.stem)

    n_found = 0
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1
        path.write_bytes(changed)
        try:
            read = three.body(path.stem)
        except LedgerError:
            n_found += 1
        else:
            assert read == whole

    assert n_found > len(content) / 2


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def become_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize("harm", [cut, empty, become_a_folder, Path.unlink])
def test_a_body_that_is_damaged_or_gone_is_named(three, harm: Callable[[Path], None]):
    path = bodies(three)[1]
    harm(path)

    with pytest.raises(LedgerError, match=rf"at {path}.*Restore the file from a backup"):
        three.body(path.stem)


def test_a_second_writer_is_refused_while_the_first_writes(ledger):
    second = (
        "import sys, pathlib\n"
        "from kolada.ledger import Ledger\n"
        "with Ledger(pathlib.Path(sys.argv[1])).writing(): print('wrote')\n"
    )

    def other_process() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", second, str(ledger.folder)],
            capture_output=True,
            text=True,
            check=False,
        )

    with ledger.writing():
        refused = other_process()
        with pytest.raises(LedgerError, match="Another process is writing"), ledger.writing():
            pass
    allowed = other_process()

    message = f"LedgerError: Another process is writing the ledger in {ledger.folder}. Wait for it"
    assert message in refused.stderr
    assert allowed.stdout == "wrote\n"


def test_readers_read_while_a_writer_writes(three):
    with three.writing() as writer:
        writer.append(answer(MUNICIPALITY, at=NOON + timedelta(hours=1)), sync="two")

        assert [entry.seq for entry in Ledger(three.folder).entries()] == [1, 2, 3, 4]


def test_a_line_that_the_disk_takes_half_of_is_not_there_at_all(three):
    journal = three.folder / "journal.jsonl"
    content = journal.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    later = NOON + timedelta(hours=1)

    with three.writing() as writer:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(content) + 100, limits[1]))
        try:
            with pytest.raises(LedgerError, match=r"cannot be written: File too large.*are kept"):
                writer.append(answer(MUNICIPALITY, at=later), sync="two")
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert journal.read_bytes() == content

        writer.append(answer(MUNICIPALITY, at=later), sync="two")

    assert [entry.query for entry in three.entries()] == [KPI, KPI, KPI, MUNICIPALITY]


def test_a_line_that_could_be_neither_kept_nor_taken_back_is_overwritten_by_the_next(
    three, monkeypatch
):
    truncate, n_truncated = os.ftruncate, []

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fails_the_second_time(descriptor: int, length: int) -> None:
        n_truncated.append(length)
        if len(n_truncated) == 2:
            full(descriptor)
        truncate(descriptor, length)

    with three.writing() as writer:
        writer.append(answer(KPI, at=NOON + timedelta(hours=1)), sync="two")
        with monkeypatch.context() as patched:
            patched.setattr("kolada.ledger.os.fsync", full)
            patched.setattr("kolada.ledger.os.ftruncate", fails_the_second_time)
            with pytest.raises(LedgerError, match="No space left on device"):
                writer.append(answer(KPI, at=NOON + timedelta(hours=2)), sync="lost")
        writer.append(answer(MUNICIPALITY, at=NOON + timedelta(hours=3)), sync="two")

    assert [entry.sync for entry in three.entries()] == ["one", "one", "one", "two", "two"]


def test_a_page_that_the_disk_does_not_take_leaves_neither_line_nor_file(three, monkeypatch):
    content, files = (three.folder / "journal.jsonl").read_bytes(), bodies(three)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("kolada.ledger.os.fsync", full)
    with three.writing() as writer, pytest.raises(LedgerError, match="Make room"):
        writer.append(answer(MUNICIPALITY, page(kpi_row("N9", "new"))), sync="two")

    assert (three.folder / "journal.jsonl").read_bytes() == content
    assert bodies(three) == files


def synced(monkeypatch: pytest.MonkeyPatch, folder: Path) -> list[str]:
    """What is seen to the disk from now on, in order; paths from the folder above the ledger."""
    fsync, noted = os.fsync, []

    def note(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        noted.append(str(path.relative_to(folder.parent)))
        fsync(descriptor)

    monkeypatch.setattr("kolada.ledger.os.fsync", note)
    return noted


def test_a_page_and_all_names_it_needs_are_on_disk_before_the_line_that_names_it(
    ledger, monkeypatch
):
    on_disk = synced(monkeypatch, ledger.folder)

    with ledger.writing() as writer:
        (stored,) = writer.append(answer(KPI), sync="one").pages
        in_new_folders = on_disk.copy()
        on_disk.clear()
        writer.append(answer(KPI, at=NOON + timedelta(days=1)), sync="two")

    page_folder = f"ledger/bodies/{stored.sha256[:2]}"
    page_file = f"{page_folder}/{stored.sha256}.zst"
    assert in_new_folders == [
        page_file,
        page_folder,
        "ledger/bodies",
        "ledger",
        "ledger/journal.jsonl",
        "ledger",
        ".",
    ]
    # The same page again: who wrote it may have been stopped before it was on disk.
    assert on_disk == [page_file, page_folder, "ledger/journal.jsonl"]


def test_a_page_that_a_killed_writer_left_is_seen_to_the_disk_with_its_names(ledger, monkeypatch):
    with ledger.writing() as writer:
        writer.append(answer(KPI), sync="killed before its line")
    (ledger.folder / "journal.jsonl").unlink()
    (path,) = bodies(ledger)
    on_disk = synced(monkeypatch, ledger.folder)

    with ledger.writing() as writer:
        writer.append(answer(KPI), sync="one")

    file = str(path.relative_to(ledger.folder.parent))
    assert on_disk[:3] == [file, str(Path(file).parent), "ledger/bodies"]


def test_a_file_that_is_no_ledger_is_told_to_reader_and_writer(tmp_path):
    path = tmp_path / "file"
    path.write_text("not a ledger", encoding="utf-8")

    with pytest.raises(LedgerError, match=r"is not an exported ledger: .*Give the folder"):
        Ledger(path).last()
    with pytest.raises(LedgerError, match=r"is only read. Make a folder"), Ledger(path).writing():
        pass


def test_a_folder_below_a_file_is_told_to_reader_and_writer(tmp_path):
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    path = tmp_path / "file" / "ledger"

    with pytest.raises(LedgerError, match=r"cannot be read: Not a directory"):
        Ledger(path).last()
    with pytest.raises(LedgerError, match=r"cannot be written: .*"), Ledger(path).writing():
        pass


@pytest.mark.parametrize("harm", [cut, empty, Path.unlink])
def test_a_damaged_page_is_replaced_when_the_same_page_is_received_again(three, harm):
    path = bodies(three)[0]
    content = three.body(path.stem)
    harm(path)

    with three.writing() as writer:
        writer.append(answer(KPI, content, at=NOON + timedelta(days=1)), sync="two")

    assert three.body(path.stem) == content
    assert list(three.faults()) == []


def rechained(lines: list[dict[str, object]], **spelling: object) -> bytes:
    """The journal that these contents make, each naming the hash of the one before."""
    journal, previous = b"", FIRST
    for content in lines:
        line = json.dumps(content | {"previous": previous}, **spelling).encode() + b"\n"
        previous = hashlib.sha256(line).hexdigest()
        journal += line
    return journal


def journal_lines(ledger: Ledger) -> list[dict[str, object]]:
    text = (ledger.folder / "journal.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("spelling", [{}, {"sort_keys": True}, {"ensure_ascii": False}])
def test_a_journal_spelt_otherwise_says_the_same(three, spelling):
    before = [(one.retrieved_at, one.query, one.pages) for one in three.entries()]
    journal = rechained(journal_lines(three), **spelling)
    (three.folder / "journal.jsonl").write_bytes(journal)

    after = [(one.retrieved_at, one.query, one.pages) for one in three.entries()]

    assert after == before
    assert three.last(as_of=NOON).seq == 1


@pytest.mark.parametrize(
    ("where", "changed", "said"),
    [
        ("sha256", "../../../../etc/passwd", "it names a page '../../"),
        ("sha256", "A" * 64, "it names a page 'AAA"),
        ("n_byte", "many", "of 'many' bytes"),
    ],
)
def test_a_line_that_names_no_hash_or_size_is_damaged(three, where, changed, said):
    lines = journal_lines(three)
    lines[1]["pages"][0][where] = changed
    (three.folder / "journal.jsonl").write_bytes(rechained(lines))

    with pytest.raises(LedgerError, match=f"Line 2 of .*{said}"):
        list(three.entries())


def test_a_time_without_a_zone_is_damage(three):
    lines = journal_lines(three)
    lines[0]["retrieved_at"] = "2026-03-01T12:00:00"
    (three.folder / "journal.jsonl").write_bytes(rechained(lines))

    with pytest.raises(LedgerError, match=r"Line 1 of .*no time zone"):
        three.last(as_of=NOON)


def test_a_page_of_another_size_than_its_line_says_is_a_fault(three):
    lines = journal_lines(three)
    lines[1]["pages"][0]["n_byte"] += 1
    (three.folder / "journal.jsonl").write_bytes(rechained(lines))

    (fault,) = three.faults()

    assert "its size is" in fault


def test_entries_that_are_not_asked_for_are_held_against_their_hashes_all_the_same(three):
    journal = three.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"one", b"two", 1))

    with pytest.raises(LedgerError, match=r"Line 2 of .* does not follow line 1"):
        list(three.entries(after=2))
    with pytest.raises(LedgerError, match=r"Line 2 of .* does not follow line 1"):
        three.last()


def test_a_whole_ledger_has_no_faults(three):
    assert list(three.faults()) == []


def test_every_page_that_is_lost_or_changed_is_a_fault_of_its_own(three):
    first, second, _ = bodies(three)
    first.unlink()
    second.write_bytes(second.read_bytes()[:-1] + b"\0")

    faults = list(three.faults())

    assert len(faults) == 2
    assert {first.stem in " ".join(faults), second.stem in " ".join(faults)} == {True}


def test_a_damaged_line_is_the_last_fault_for_nothing_after_it_can_be_trusted(three):
    journal = three.folder / "journal.jsonl"
    first, second, third = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(first + second.replace(b"one", b"two") + third)

    (fault,) = three.faults()

    assert "does not follow line 2, or that one was changed" in fault
