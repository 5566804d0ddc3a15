"""A whole ledger as one file, and back: for backup, for a colleague, for what was known then.

The file is an uncompressed tar of the journal and the pages that it names. It is read where it lies
(`Ledger(file)`), or made a folder again. Who made it is not trusted: names, sizes and hashes are
checked, and nothing is ever unpacked by a name from the file.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from kolada.errors import LedgerError
from kolada.ledger import Ledger, cannot_write
from kolada.store.bodies import fsync_folder
from kolada.store.compact import write_packs
from kolada.store.pack import JOURNAL, Place, write_pack

_UNFINISHED = {"lock", "packs", "journal.part"}  # what an import that was stopped leaves


@dataclass(frozen=True, slots=True)
class Copied:
    """What was exported or imported."""

    n_answer: int
    n_page: int
    n_byte: int  # of the file, or of the folder's journal and packs
    newest: datetime  # when the last answer was retrieved


def export_ledger(ledger: Ledger, path: Path, *, as_of: datetime | None = None) -> Copied:
    """Write all that a ledger knew at `as_of` into one file, which gets its name when it is whole.

    Raises
    ------
    LedgerError
        If the ledger knew nothing then or is damaged, or the disk refuses; a file that was there
        before is as it was.
    """
    last = ledger.last(as_of=as_of)
    if last is None:
        until = f" from {as_of:%Y-%m-%d %H:%M:%S} or before" if as_of else ""
        raise LedgerError(
            f"The ledger in {ledger.folder} has no answer{until}. Name a ledger that was synced, "
            "and a time after that."
        )
    journal = ledger.journal(as_of=last.retrieved_at)
    sizes = _sizes(ledger, as_of=last.retrieved_at)
    unfinished = path.with_name(path.name + ".part")
    try:
        bodies = (
            (sha256, ledger.stored(sha256, n_byte=n_byte).compressed)
            for sha256, n_byte in sizes.items()
        )
        write_pack(unfinished, bodies, journal=journal)
        _check(Ledger(unfinished), last.sha256)
        unfinished.replace(path)
        fsync_folder(path.resolve().parent)
        n_byte = path.stat().st_size
    except OSError as error:
        raise LedgerError(
            f"{path} cannot be written: {error.strerror or error}. Make room, or name a file in a "
            "folder that can be written."
        ) from error
    finally:
        with suppress(OSError):
            unfinished.unlink()
    return Copied(last.seq, len(sizes), n_byte, last.retrieved_at)


def import_ledger(path: Path, folder: Path) -> Copied:
    """Make the folder of a ledger from an exported file, already packed.

    The journal comes last: a folder whose import was stopped has none, and may be imported again.

    Raises
    ------
    LedgerError
        If the file is not a whole export, the folder holds a ledger or anything else, or the disk
        refuses.
    """
    source = Ledger(path)
    if not source.is_file:
        raise LedgerError(
            f"There is no file {path}. Name one that `python -m kolada export` wrote."
        )
    last = source.last()
    if last is None:
        raise LedgerError(f"{path} holds no answer. Name the export of a ledger that was synced.")
    _check(source, last.sha256)
    _refuse_taken(folder)
    sizes = _sizes(source)
    with Ledger(folder).writing():
        _refuse_taken(folder)
        try:
            made, damaged = write_packs(source.bodies, sizes, folder)
            if damaged:
                raise LedgerError(f"{path} was changed while it was read. Import it again.")
            _copy(source.journal(), folder / JOURNAL)
            fsync_folder(folder.resolve().parent)
            n_byte = sum(file.stat().st_size for file in [*made, folder / JOURNAL])
        except OSError as error:
            raise cannot_write(folder, error) from error
    return Copied(last.seq, len(sizes), n_byte, last.retrieved_at)


def _sizes(ledger: Ledger, *, as_of: datetime | None = None) -> dict[str, int]:
    """The bytes of each page that the journal names, by SHA-256, in its order."""
    return {
        page.sha256: page.n_byte for entry in ledger.entries(as_of=as_of) for page in entry.pages
    }


def _check(exported: Ledger, sha256: str) -> None:
    """Hold every line and page against its hash, and the last line against the one expected."""
    faults = list(exported.faults())
    last = None if faults else exported.last()
    if last is None or last.sha256 != sha256:
        raise LedgerError(
            f"{exported.folder} is not a whole ledger: {'; '.join(faults[:5]) or 'lines lack'} "
            f"({len(faults)} faults). Export it again, or take another copy of it."
        )


def _refuse_taken(folder: Path) -> None:
    try:
        taken = sorted(path.name for path in folder.iterdir() if path.name not in _UNFINISHED)
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_write(folder, error) from error
    if taken:
        raise LedgerError(
            f"{folder} is not empty: it holds {', '.join(taken[:5])}. Name a new folder for the "
            "ledger."
        )


def _copy(lines: Place, path: Path) -> None:
    unfinished = path.with_suffix(".part")
    left = lines.size or 0
    with lines.path.open("rb") as source, unfinished.open("wb") as file:
        source.seek(lines.start)
        while left and (part := source.read(min(left, 2**20))):
            file.write(part)
            left -= len(part)
        file.flush()
        os.fsync(file.fileno())
    unfinished.replace(path)
    fsync_folder(path.parent)
