"""Every answer as it was received: what all tables can be rebuilt from.

    ledger/
      journal.jsonl     one line per answer: what was asked, when, and the hashes of its pages
      bodies/ab/ab….zst each page once, compressed, named by the SHA-256 of its bytes

A line is written after its pages are on disk, so an answer is there whole or not at all. Each line
carries the hash of the line before it; the hash of the last one stands for the whole ledger.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import zstandard

from kolada.answer import check_envelope
from kolada.client import Answer
from kolada.errors import LedgerError
from kolada.query import Query

FIRST = "0" * 64  # what the first line names as the one before it


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
    """The answers below one folder; any number of readers, one writer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._journal = folder / "journal.jsonl"

    def entries(self, *, after: int = 0, as_of: datetime | None = None) -> Iterator[Entry]:
        """The journal's entries in order, those after `after` and not retrieved after `as_of`.

        Raises
        ------
        LedgerError
            If a line is damaged or does not follow the one before it.
        """
        previous = FIRST
        for number, line in enumerate(self._lines(), start=1):
            entry = self._entry(number, line, previous)
            previous = entry.sha256
            if as_of is not None and entry.retrieved_at > as_of:
                return
            if number > after:
                yield entry

    def last(self, *, as_of: datetime | None = None) -> Entry | None:
        """The newest entry, or None where the ledger is empty."""
        newest = None
        for entry in self.entries(as_of=as_of):
            newest = entry
        return newest

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
        path = self._body_path(sha256)
        try:
            body = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
        except FileNotFoundError as error:
            raise LedgerError(
                f"The ledger lacks the page {sha256} at {path}. Restore the file from a backup, or "
                "remove the ledger and sync again."
            ) from error
        except (zstandard.ZstdError, OSError) as error:
            raise LedgerError(
                f"The ledger's page at {path} is damaged ({error}). Restore the file from a "
                "backup, or remove the ledger and sync again."
            ) from error
        if hashlib.sha256(body).hexdigest() != sha256:
            raise LedgerError(
                f"The ledger's page at {path} is not what was received: its hash differs. Restore "
                "the file from a backup, or remove the ledger and sync again."
            )
        return body

    def faults(self) -> Iterator[str]:
        """All that is wrong with the ledger: a damaged line, and every page lost or changed."""
        checked: set[str] = set()
        try:
            for entry in self.entries():
                for page in entry.pages:
                    if page.sha256 not in checked:
                        checked.add(page.sha256)
                        try:
                            self.body(page.sha256)
                        except LedgerError as error:
                            yield str(error)
        except LedgerError as error:
            yield str(error)  # what comes after a damaged line cannot be trusted

    @contextmanager
    def writing(self) -> Iterator["LedgerWriter"]:
        """The right to append, for one process at a time.

        Raises
        ------
        LedgerError
            If another process is writing, or the folder cannot be written.
        """
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

    def _lines(self) -> Iterator[bytes]:
        try:
            with self._journal.open("rb") as file:
                for line in file:
                    if line.endswith(b"\n"):  # a torn last line was never an answer
                        yield line
        except FileNotFoundError:
            return
        except OSError as error:
            raise LedgerError(
                f"{self._journal} cannot be read: {error.strerror}. Give the folder of a ledger, "
                "or correct its rights."
            ) from error

    def _entry(self, number: int, line: bytes, previous: str) -> Entry:
        try:
            content = json.loads(line)
            if content["previous"] != previous or content["seq"] != number:
                raise ValueError(f"it does not follow line {number - 1}, or that one was changed")
            return Entry(
                seq=number,
                retrieved_at=datetime.fromisoformat(content["retrieved_at"]),
                sync=content["sync"],
                query=Query.from_json(content["query"]),
                pages=tuple(StoredPage(**page) for page in content["pages"]),
                sha256=hashlib.sha256(line).hexdigest(),
            )
        except (ValueError, KeyError, TypeError) as error:
            raise LedgerError(
                f"Line {number} of {self._journal} is damaged: {error}. Restore the ledger from a "
                "backup, or remove it and sync again."
            ) from error

    def _body_path(self, sha256: str) -> Path:
        return self.folder / "bodies" / sha256[:2] / f"{sha256}.zst"


class LedgerWriter:
    """Appends to a ledger; made by `Ledger.writing` only."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._last = ledger.last()
        # What is behind the last whole line was torn by a crash and goes with the next write.
        self._end = sum(len(line) for line in ledger._lines())
        self._compressor = zstandard.ZstdCompressor(level=6)

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
                StoredPage(page.url, self._store(page.body), len(page.body))
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
        except OSError as error:
            raise cannot_write(ledger.folder, error) from error
        self._end += len(line)
        self._last = Entry(
            seq, retrieved_at, sync, answer.query, pages, hashlib.sha256(line).hexdigest()
        )
        return self._last

    def _store(self, body: bytes) -> str:
        sha256 = hashlib.sha256(body).hexdigest()
        path = self._ledger._body_path(sha256)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            try:
                with unfinished.open("wb") as file:
                    file.write(self._compressor.compress(body))
                    file.flush()
                    os.fsync(file.fileno())
            except OSError:
                with suppress(OSError):
                    unfinished.unlink()
                raise
            unfinished.replace(path)
            for folder in (path.parent, path.parent.parent, self._ledger.folder):
                _fsync_folder(folder)
        return sha256


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


def _fsync_folder(folder: Path) -> None:
    # Without it a power cut may leave a journal whose pages have no names yet.
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def cannot_write(folder: Path, error: OSError) -> LedgerError:
    """What is said when the disk refuses."""
    return LedgerError(
        f"The ledger in {folder} cannot be written: {error.strerror or error}. Make room or "
        "correct the rights of the folder, then run again; all answers stored so far are kept."
    )
