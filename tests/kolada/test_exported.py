import io
import subprocess
import sys
import tarfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from kolada.__main__ import cli
from kolada.errors import LedgerError
from kolada.history import archive_of
from kolada.ledger import Ledger
from kolada.query import Query
from kolada.store.exported import export_ledger, import_ledger
from tests.kolada.conftest import NOON, answer, kpi_row, page

KPI = Query("kpi")
Members = list[tuple[tarfile.TarInfo, bytes]]


def add(ledger: Ledger, *numbers: int) -> None:
    """One answer of one page for each number, an hour apart."""
    with ledger.writing() as writer:
        for number in numbers:
            body = page(kpi_row("N00001", f"Version {number}"))
            writer.append(answer(KPI, body, at=NOON + timedelta(hours=number)), sync=f"{number}")


def contents(ledger: Ledger) -> list[tuple[object, bytes]]:
    return [(entry, ledger.body(one.sha256)) for entry in ledger.entries() for one in entry.pages]


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    """Five answers: three packed, two in files of their own."""
    ledger = Ledger(tmp_path / "ledger")
    add(ledger, 0, 1, 2)
    ledger.compact()
    add(ledger, 3, 4)
    return ledger


@pytest.fixture
def file(ledger: Ledger, tmp_path: Path) -> Path:
    export_ledger(ledger, tmp_path / "export.tar")
    return tmp_path / "export.tar"


def test_an_exported_ledger_is_read_where_it_lies(ledger, file):
    exported = Ledger(file)

    assert contents(exported) == contents(ledger)
    assert exported.last() == ledger.last()
    assert [entry.seq for entry in exported.entries(after=3)] == [4, 5]
    assert next(exported.records(exported.last()))[1][0]["title"] == "Version 4"
    assert archive_of(exported).kpi == archive_of(ledger).kpi
    assert list(exported.faults()) == []


def test_an_imported_ledger_is_the_one_that_was_exported_and_goes_on(ledger, file, tmp_path):
    done = import_ledger(file, tmp_path / "imported")

    imported = Ledger(tmp_path / "imported")
    assert (done.n_answer, done.n_page) == (5, 5)
    assert contents(imported) == contents(ledger)
    assert (imported.folder / "journal.jsonl").read_bytes() == (
        ledger.folder / "journal.jsonl"
    ).read_bytes()
    add(imported, 5)
    assert list(imported.faults()) == []
    assert imported.last().seq == 6


def test_the_same_ledger_is_the_same_file_however_its_pages_lie(ledger, file, tmp_path):
    ledger.compact()
    export_ledger(ledger, tmp_path / "packed.tar")
    export_ledger(Ledger(file), tmp_path / "of an export.tar")

    assert (tmp_path / "packed.tar").read_bytes() == file.read_bytes()
    assert (tmp_path / "of an export.tar").read_bytes() == file.read_bytes()


def test_an_export_as_of_a_time_holds_only_what_was_known_then(ledger, tmp_path):
    path = tmp_path / "then.tar"

    done = export_ledger(ledger, path, as_of=NOON + timedelta(hours=2, minutes=30))

    then = Ledger(path)
    assert (done.n_answer, done.newest) == (3, NOON + timedelta(hours=2))
    assert contents(then) == contents(ledger)[:3]
    assert list(then.faults()) == []
    with tarfile.open(path) as tar:
        assert len(tar.getnames()) == 4


def test_what_nobody_knew_is_not_exported(ledger, tmp_path):
    with pytest.raises(LedgerError, match=r"no answer from 2026-02-28 12:00:00 or before. Name"):
        export_ledger(ledger, tmp_path / "then.tar", as_of=NOON - timedelta(days=1))
    with pytest.raises(LedgerError, match=r"has no answer\. Name"):
        export_ledger(Ledger(tmp_path / "nowhere"), tmp_path / "then.tar")

    assert not (tmp_path / "then.tar").exists()


def test_a_torn_last_line_is_not_exported(ledger, tmp_path):
    with (ledger.folder / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"seq":6,"retr')

    export_ledger(ledger, tmp_path / "export.tar")

    assert Ledger(tmp_path / "export.tar").last().seq == 5
    assert list(Ledger(tmp_path / "export.tar").faults()) == []


def test_a_damaged_ledger_is_not_exported_and_the_file_before_stays(ledger, file):
    before = file.read_bytes()
    next(ledger.folder.glob("bodies/*/*.zst")).unlink()

    with pytest.raises(LedgerError, match="The ledger lacks the page"):
        export_ledger(ledger, file)

    assert file.read_bytes() == before
    assert sorted(path.name for path in file.parent.iterdir()) == ["export.tar", "ledger"]


def test_an_export_into_no_folder_says_so(ledger, tmp_path):
    with pytest.raises(LedgerError, match=r"x.tar cannot be written: No such file .* name a file"):
        export_ledger(ledger, tmp_path / "nowhere" / "x.tar")


def test_an_exported_ledger_is_not_written(file):
    with pytest.raises(LedgerError, match="is only read"), Ledger(file).writing():
        pass
    with pytest.raises(LedgerError, match="is only read"):
        Ledger(file).compact()


def test_an_export_cut_anywhere_is_refused(file, tmp_path):
    content = file.read_bytes()
    with tarfile.open(file) as tar:
        last = tar.getmembers()[-1]
    end_mark = last.offset_data + -(-last.size // 512) * 512  # zeros follow, 1024 at least
    for end in [*range(0, end_mark + 1024, 512), *range(1, end_mark + 1024, 97)]:
        file.write_bytes(content[:end])

        assert list(Ledger(file).faults()) != [], end
        with pytest.raises(LedgerError):
            import_ledger(file, tmp_path / "imported")
        assert not (tmp_path / "imported").exists()


def test_an_export_with_any_byte_of_a_page_changed_is_refused(file, tmp_path):
    content = bytearray(file.read_bytes())
    with tarfile.open(file) as tar:
        places = [(one.offset_data, one.size) for one in tar.getmembers()[1:]]
    for start, size in places:
        changed = content.copy()
        changed[start + size // 2] ^= 1
        file.write_bytes(changed)

        with pytest.raises(LedgerError, match=r"is not a whole ledger: .*damaged"):
            import_ledger(file, tmp_path / "imported")


@pytest.mark.parametrize("other", ["journal.jsonl", "lock", "packs", "notes.txt"])
def test_a_folder_that_holds_anything_is_not_imported_into(file, tmp_path, other):
    folder = tmp_path / "taken"
    (folder / other).mkdir(parents=True)
    (folder / "bodies").mkdir()

    with pytest.raises(LedgerError, match=r"is not empty: it holds .*bodies.* Name a new folder"):
        import_ledger(file, folder)


def test_what_is_not_an_export_is_not_imported(ledger, tmp_path):
    (tmp_path / "text").write_text("hello", encoding="utf-8")
    with tarfile.open(tmp_path / "empty.tar", "w"):
        pass

    for path, said in [
        (tmp_path / "nowhere", "There is no file"),
        (ledger.folder, "There is no file"),
        (tmp_path / "text", "it has no journal.jsonl"),
        (tmp_path / "empty.tar", "it has no journal.jsonl"),
    ]:
        with pytest.raises(LedgerError, match=said):
            import_ledger(path, tmp_path / "imported")
    assert not (tmp_path / "imported").exists()


def rewritten(file: Path, change: Callable[[Members], None]) -> Path:
    """The export as somebody else might have made it."""
    with tarfile.open(file) as tar:
        members = [(one, tar.extractfile(one).read()) for one in tar.getmembers()]
    change(members)
    made = file.with_name("made.tar")
    with tarfile.open(made, "w", format=tarfile.GNU_FORMAT) as tar:
        for header, content in members:
            if header.isreg():
                header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return made


def with_member(name: str, content: bytes = b"x", **other: object) -> Callable[[Members], None]:
    header = tarfile.TarInfo(name)
    for field, value in other.items():
        setattr(header, field, value)
    return lambda members: members.append((header, content))


def renamed(members: Members) -> None:
    members[1][0].name = "../" + members[1][0].name


def exchanged(members: Members) -> None:
    (first, content), (second, other) = members[1:3]
    members[1:3] = [(first, other), (second, content)]


def twice(members: Members) -> None:
    members.append(members[1])


def missing(members: Members) -> None:
    del members[2]


def bomb(members: Members) -> None:
    """A page that says of itself that it is 1 MB, which its line does not say."""
    members[1] = (members[1][0], zstandard.ZstdCompressor().compress(bytes(2**20)))


def giant(members: Members) -> None:
    """A page without a size of its own; unpacked it would be anything."""
    whole = zstandard.ZstdCompressor(write_content_size=False)
    members[1] = (members[1][0], whole.compress(bytes(2**20)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (with_member("../outside"), "'../outside', which no ledger has there"),
        (with_member("/etc/passwd"), "'/etc/passwd'"),
        (with_member("bodies/ab/" + "a" * 64 + ".zst"), "no ledger has there"),
        (with_member("link", b"", type=tarfile.SYMTYPE, linkname="/etc"), "'link'"),
        (with_member("journal.jsonl", type=tarfile.LNKTYPE, linkname="x"), "'journal.jsonl'"),
        (with_member("a" * 300), "no ledger has there"),
        (renamed, "no ledger has there"),
        (twice, "no ledger has there"),
        (exchanged, "is damaged"),
        (missing, "The ledger lacks the page"),
        (bomb, "its size is 1048576 bytes"),
        (giant, "its size is"),
    ],
)
def test_a_file_that_somebody_else_made_is_refused_and_nothing_of_it_unpacked(
    file, tmp_path, change, said
):
    made = rewritten(file, change)
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(LedgerError, match=said):
        import_ledger(made, tmp_path / "imported")

    assert sorted(tmp_path.rglob("*")) == before


# Kills the import at the n-th step in which a file is opened, renamed or removed, for every n.
KILLED = """
import os, signal, sys
from pathlib import Path
from kolada.ledger import Ledger
from kolada.store.exported import import_ledger

file, work = Path(sys.argv[1]), Path(sys.argv[2])
EVENTS = ("open", "os.rename", "os.remove", "os.mkdir")
expected, n_killed = list(Ledger(file).entries()), 0
while True:
    folder = work / str(n_killed)
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
        import_ledger(file, folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    found = list(Ledger(folder).entries())
    if not found:
        import_ledger(file, folder)
    assert list(Ledger(folder).entries()) == expected, n_killed
    assert list(Ledger(folder).faults()) == [], n_killed
    if not os.WIFSIGNALED(status):
        break
    n_killed += 1
print(n_killed)
"""


def test_an_import_that_is_killed_at_any_step_is_nothing_or_whole(file, tmp_path):
    work = tmp_path / "work"
    work.mkdir()

    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(file), str(work)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20


def command(*words: object) -> str:
    """What a command says; what it refuses is raised."""
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_ledger_is_compacted_exported_verified_and_imported_by_commands(ledger, tmp_path):
    file, folder = tmp_path / "x.tar", tmp_path / "imported"

    assert "3 files" in command("compact", ledger.folder)
    assert "5 answers until 2026-03-01 16:00:00, 5 pages" in command("export", ledger.folder, file)
    assert "5 answers are whole" in command("verify", file)
    assert f"{folder}: 5 answers" in command("import", file, folder)
    assert "5 answers are whole" in command("verify", folder)
    then = command("export", file, tmp_path / "then.tar", "--as-of", "2026-03-01T12:30:00")
    assert "1 answers until 2026-03-01 12:00:00, 1 pages" in then


def test_a_command_names_what_it_cannot_use(ledger, file, tmp_path):
    with pytest.raises(LedgerError, match=r"There is no folder .*nowhere"):
        command("compact", tmp_path / "nowhere")
    assert not (tmp_path / "nowhere").exists()

    harmed = next(ledger.folder.glob("bodies/*/*.zst"))
    harmed.write_bytes(b"cut")
    with pytest.raises(LedgerError, match=r"1 pages in .* are damaged and were left .*verify"):
        command("compact", ledger.folder)

    file.write_bytes(file.read_bytes()[:4000])
    with pytest.raises(LedgerError, match=r"\d faults in"):
        command("verify", file)
