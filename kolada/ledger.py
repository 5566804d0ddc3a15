"""Every answer as it was received: what all tables can be rebuilt from.

    ledger/
      journal.jsonl      one line per answer: what was asked, when, and the hashes of its pages
      bodies/ab/ab….zst  each page once, compressed, named by the SHA-256 of its bytes
      packs/….tar        the same files, many in one, once `compact` has packed them

A line is written after its pages are on disk, so an answer is there whole or not at all. Each line
carries the hash of the line before it; the hash of the last one stands for the whole ledger. An
exported ledger is one file of the same, which is read where it lies and never written.
"""

import fcntl
import hashlib
import json
import os
import re
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kolada.answer import check_envelope
from kolada.client import Answer
from kolada.errors import LedgerError
from kolada.query import Query
from kolada.store.bodies import Bodies, Body, BodyWriter, DamagedError, fsync_folder
from kolada.store.compact import PACK_BYTE, Compaction, compacted
from kolada.store.pack import JOURNAL, Place

FIRST = "0" * 64  # what the first line names as the one before it
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = (
    "Restore the file from a backup, or extract this page from an export with `tar -x` in the "
    "ledger's folder; otherwise remove the ledger and sync again."
)
_TIME_LENGTH = len("2026-03-01T12:00:00.000000+00:00")


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One page in the ledger."""

    url: str
    sha256: str
    n_byte: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the journal: an answer that was received whole."""

    seq: int  # from 1, in the order of retrieval
    retrieved_at: datetime  # UTC
    sync: str  # the sync it belongs to; within one, each cell is asked for once
    query: Query
    pages: tuple[StoredPage, ...]
    sha256: str  # of the line itself


class Ledger:
    """The answers below one folder, or in the file of an export; many readers, one writer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_file = folder.is_file()  # an exported ledger
        self.bodies = Bodies(folder, is_file=self.is_file)
        self._journal = folder / JOURNAL

    def entries(self, *, after: int = 0, as_of: datetime | None = None) -> Iterator[Entry]:
        """The journal's entries in order, those after `after` and not retrieved after `as_of`.

        Raises
        ------
        LedgerError
            If a line is damaged or does not follow the one before it.
        """
        for number, line, previous in self._chain(as_of):
            if number > after:
                yield self._entry(number, line, previous)

    def last(self, *, as_of: datetime | None = None) -> Entry | None:
        """The newest entry, or None where the ledger is empty."""
        newest = deque(self._chain(as_of), maxlen=1)
        return self._entry(*newest[0]) if newest else None

    def journal(self, *, as_of: datetime | None = None) -> Place:
        """Where the lines of the entries lie, each held against the hash of the one before it."""
        place = self._journal_place()
        n_byte = sum(len(line) for _, line, _ in self._chain(as_of))
        return Place(place.path, place.start, n_byte)

    def records(self, entry: Entry) -> Iterator[tuple[StoredPage, list[dict[str, Any]]]]:
        """The rows of an answer, page by page, as they were sent."""
        for page in entry.pages:
            values, _ = check_envelope(json.loads(self.body(page.sha256)))
            yield page, values

    def body(self, sha256: str) -> bytes:
        """The bytes of one page.

        Raises
        ------
        LedgerError
            If they are not there or not what their name says.
        """
        return self.stored(sha256).content

    def stored(self, sha256: str, *, n_byte: int | None = None) -> Body:
        """One page as it is stored; also its number of bytes is checked where that is given.

        Raises
        ------
        LedgerError
            If there is no whole copy of it.
        """
        try:
            body = self.bodies.find(sha256, n_byte=n_byte)
        except DamagedError as error:
            raise LedgerError(f"The ledger's page {sha256} {error}. {_REMEDY}") from error
        except OSError as error:
            raise self._cannot_read(error) from error
        if body is None:
            place = self.folder if self.is_file else self.bodies.loose_path(sha256)
            raise LedgerError(f"The ledger lacks the page {sha256} at {place}. {_REMEDY}")
        return body

    def faults(self) -> Iterator[str]:
        """All that is wrong: a damaged pack or line, and every page lost or changed."""
        checked: set[tuple[str, int]] = set()
        try:
            for pack in self.bodies.packs():
                for fault in pack.faults:
                    yield f"{fault}. Restore it from a backup; `compact` drops it when it can."
            for entry in self.entries():
                for page in entry.pages:
                    if (page.sha256, page.n_byte) not in checked:
                        checked.add((page.sha256, page.n_byte))
                        try:
                            self.stored(page.sha256, n_byte=page.n_byte)
                        except LedgerError as error:
                            yield str(error)
        except LedgerError as error:
            yield str(error)  # what comes after a damaged line cannot be trusted
        except OSError as error:
            yield str(self._cannot_read(error))

    def compact(self, *, pack_byte: int = PACK_BYTE) -> Compaction:
        """Pack all pages into few files of about `pack_byte` bytes, and drop what is of no use.

        Raises
        ------
        LedgerError
            If another process is writing, a line is damaged or the disk refuses; all pages are
            there then as they were.
        """
        with self.writing():
            named = dict.fromkeys(page.sha256 for entry in self.entries() for page in entry.pages)
            try:
                return compacted(self.bodies, named, pack_byte=pack_byte)
            except OSError as error:
                raise cannot_write(self.folder, error) from error

    @contextmanager
    def writing(self) -> Iterator["LedgerWriter"]:
        """The right to append, for one process at a time.

        Raises
        ------
        LedgerError
            If another process is writing, or the folder cannot be written.
        """
        if self.is_file:
            raise LedgerError(
                f"{self.folder} is an exported ledger, which is only read. Make a folder of it "
                "with `python -m kolada import`, then write there."
            )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("w")
        except OSError as error:
            raise cannot_write(self.folder, error) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise LedgerError(
                    f"Another process is writing the ledger in {self.folder}. Wait for it to end, "
                    "then run again."
                ) from error
            yield LedgerWriter(self)

    def _chain(self, as_of: datetime | None = None) -> Iterator[tuple[int, bytes, str]]:
        """Number, line, and the hash of the line before, which each line is held against."""
        previous = FIRST
        for number, line in enumerate(self._lines(), start=1):
            begin, end = b'{"seq":%d,"retrieved_at":"' % number, b'"previous":"%s"}\n'
            if not line.startswith(begin) or not line.endswith(end % previous.encode()):
                self._entry(
                    number, line, previous
                )  # says what is wrong, or is only spelt otherwise
            if as_of is not None and self._time(number, line, previous, len(begin)) > as_of:
                return
            yield number, line, previous
            previous = hashlib.sha256(line).hexdigest()

    def _time(self, number: int, line: bytes, previous: str, begin: int) -> datetime:
        try:  # without reading all of the line
            return datetime.fromisoformat(line[begin : begin + _TIME_LENGTH].decode())
        except ValueError:
            return self._entry(number, line, previous).retrieved_at

    def _lines(self) -> Iterator[bytes]:
        try:
            place = self._journal_place()
            left = place.size
            with place.path.open("rb") as file:
                file.seek(place.start)
                while line := file.readline(-1 if left is None else left):
                    if left is not None:
                        left -= len(line)
                    if line.endswith(b"\n"):  # a torn last line was never an answer
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._cannot_read(error) from error

    def _journal_place(self) -> Place:
        if not self.is_file:
            return Place(self._journal)
        (pack,) = self.bodies.packs()
        if pack.journal is None:
            raise LedgerError(
                f"{self.folder} is not an exported ledger: it has no {JOURNAL}. Give the folder of "
                "a ledger, or a whole file that `python -m kolada export` wrote."
            )
        return pack.journal

    def _cannot_read(self, error: OSError) -> LedgerError:
        return LedgerError(
            f"{error.filename or self.folder} cannot be read: {error.strerror}. Give the folder of "
            "a ledger or an exported one, or correct its rights."
        )

    def _entry(self, number: int, line: bytes, previous: str) -> Entry:
        try:
            content = json.loads(line)
            if content["previous"] != previous or content["seq"] != number:
                raise ValueError(f"it does not follow line {number - 1}, or that one was changed")
            return Entry(
                seq=number,
                retrieved_at=_moment(content["retrieved_at"]),
                sync=content["sync"],
                query=Query.from_json(content["query"]),
                pages=tuple(_stored_page(**page) for page in content["pages"]),
                sha256=hashlib.sha256(line).hexdigest(),
            )
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise LedgerError(
                f"Line {number} of {self._journal} is damaged: {error}. Restore the ledger from a "
                "backup, or remove it and sync again."
            ) from error


class LedgerWriter:
    """Appends to a ledger; made by `Ledger.writing` only."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last = ledger.last()
        # What is behind the last whole line was torn by a crash and goes with the next write.
        self._end = ledger.journal().size or 0
        self._bodies = BodyWriter(ledger.bodies)
        self._is_named = False  # whether the names of journal and folder are on disk

    def append(self, answer: Answer, *, sync: str) -> Entry:
        """Store an answer whole; on failure the ledger is as it was.

        The time of retrieval never runs backwards: where the clock has been set back, the entry
        is dated just after the one before it, so that what was known on a date stays so.
        """
        ledger = self._ledger
        retrieved_at = answer.retrieved_at.astimezone(UTC)
        if self._last and retrieved_at <= self._last.retrieved_at:
            retrieved_at = self._last.retrieved_at + timedelta(microseconds=1)
        seq = self._last.seq + 1 if self._last else 1
        previous = self._last.sha256 if self._last else FIRST
        try:
            pages = tuple(
                StoredPage(page.url, self._bodies.store(page.body), len(page.body))
                for page in answer.pages
            )
            content = {
                "seq": seq,
                "retrieved_at": retrieved_at.isoformat(timespec="microseconds"),
                "sync": sync,
                "query": answer.query.as_json(),
                "pages": [
                    {"url": page.url, "sha256": page.sha256, "n_byte": page.n_byte}
                    for page in pages
                ],
                "previous": previous,
            }
            line = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            _write_at(ledger._journal, self._end, line)
            if not self._is_named:
                fsync_folder(ledger.folder)
                fsync_folder(ledger.folder.resolve().parent)
                self._is_named = True
        except OSError as error:
            raise cannot_write(ledger.folder, error) from error
        self._end += len(line)
        self._last = Entry(
            seq, retrieved_at, sync, answer.query, pages, hashlib.sha256(line).hexdigest()
        )
        return self._last


def _write_at(path: Path, end: int, line: bytes) -> None:
    """Make `line` the last one of the file, behind its first `end` bytes, or leave it as it was."""
    # Not through a buffer: it would write the rest of a failed line when the file is closed.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            os.ftruncate(descriptor, end)
            n_written = 0
            while n_written < len(line):
                n_written += os.pwrite(descriptor, line[n_written:], end + n_written)
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, end)
            raise
    finally:
        os.close(descriptor)


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment


def _stored_page(url: str, sha256: str, n_byte: int) -> StoredPage:
    # The hash becomes part of a path, also where the journal was written by somebody else.
    if not _SHA256.fullmatch(sha256) or not isinstance(n_byte, int):
        raise ValueError(f"it names a page {str(sha256)[:80]!r} of {n_byte!r} bytes")
    return StoredPage(url, sha256, n_byte)


def cannot_write(folder: Path, error: OSError) -> LedgerError:
    """What is said when the disk refuses."""
    return LedgerError(
        f"The ledger in {folder} cannot be written: {error.strerror or error}. Make room or "
        "correct the rights of the folder, then run again; all answers stored so far are kept."
    )
