"""The pages of a ledger, each once, compressed, under the SHA-256 of its bytes.

A page lies in a file of its own, in a pack, or both; in an exported ledger in that one file. What
is read is held against its hash, and the first copy that is whole counts. A page never moves
without a whole copy being there, so readers need no lock.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import zstandard

from kolada.store.pack import Pack, Place, body_name, read_pack

PAGE_LIMIT = 2**28  # bytes of one page; four times what the client accepts
LEVEL = 1  # on Kolada's pages 3 is slower and larger; 6 takes 5 times as long for 1-15 % less
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Body:
    """One page, and where its first whole copy lies."""

    content: bytes
    compressed: bytes
    place: Place


class DamagedError(ValueError):
    """A copy of a page that is not what its name says; the message is where and how."""


class Bodies:
    """The pages below the folder of a ledger, or in the file of an exported one."""

    def __init__(self, path: Path, *, is_file: bool) -> None:
        self.path = path
        self._is_file = is_file
        self._packs: dict[Path, Pack] = {}  # a pack never changes: its name is its hash

    def find(self, sha256: str, *, n_byte: int | None = None) -> Body | None:
        """The page, of `n_byte` bytes where that is known, or None where there is no copy of it.

        Raises
        ------
        DamagedError
            If there are copies and none of them is whole.
        """
        harm = None
        for place in self._places(sha256):
            try:
                compressed = place.read()
                return Body(decompressed(compressed, sha256, n_byte=n_byte), compressed, place)
            except FileNotFoundError:
                continue
            except (zstandard.ZstdError, ValueError, OSError) as error:
                harm = harm or f"at {place.path} is damaged ({error})"
        if harm:
            raise DamagedError(harm)
        return None

    def loose_path(self, sha256: str) -> Path:
        """Where the page's own file is or would be."""
        return self.path / body_name(sha256)

    def loose(self) -> dict[str, Path]:
        """The pages that have a file of their own, by SHA-256."""
        found = self.path.glob("bodies/??/*.zst")
        return {
            path.stem: path
            for path in sorted(found)
            if _SHA256.fullmatch(path.stem) and path.parent.name == path.stem[:2]
        }

    def packs(self) -> tuple[Pack, ...]:
        """The packs that are there now.

        Raises
        ------
        OSError
            If one cannot be read.
        """
        paths = [self.path] if self._is_file else sorted(self.path.glob("packs/*.tar"))
        packs: dict[Path, Pack] = {}
        for path in paths:
            with suppress(FileNotFoundError):  # merged into another one since
                packs[path] = self._packs.get(path) or read_pack(path)
        self._packs = packs
        return tuple(packs.values())

    def _places(self, sha256: str) -> Iterator[Place]:
        if not self._is_file:
            yield Place(self.loose_path(sha256))
        seen: set[Path] = set()
        packs = tuple(self._packs.values()) or self.packs()
        # Where no pack known has it, look for new ones: it may have been packed just now.
        while new := [pack for pack in packs if pack.path not in seen]:
            seen.update(pack.path for pack in new)
            yield from (pack.bodies[sha256] for pack in new if sha256 in pack.bodies)
            packs = self.packs()


class BodyWriter:
    """Stores pages; for the one process that may write the ledger."""

    def __init__(self, bodies: Bodies) -> None:
        self._bodies = bodies
        self._compressor = zstandard.ZstdCompressor(level=LEVEL)
        self._folders: set[Path] = set()  # whose own names are on disk

    def store(self, content: bytes) -> str:
        """The SHA-256 of a page that is on disk now, whole and by name.

        A copy that was there already is read, and replaced where it is damaged.

        Raises
        ------
        OSError
            If the disk refuses; then there is no file.
        """
        sha256 = hashlib.sha256(content).hexdigest()
        path = self._bodies.loose_path(sha256)
        try:
            found = self._bodies.find(sha256)
        except DamagedError:
            found = None
        if found is None:
            self._write(path, self._compressor.compress(content))
        elif found.place.path == path:
            with path.open("rb") as file:  # who wrote it may have been killed before its fsync
                os.fsync(file.fileno())
        else:
            return sha256
        fsync_folder(path.parent)
        if path.parent not in self._folders:
            fsync_folder(path.parent.parent)
            fsync_folder(self._bodies.path)
            self._folders.add(path.parent)
        return sha256

    def _write(self, path: Path, compressed: bytes) -> None:
        if path.parent not in self._folders:
            path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        try:
            with unfinished.open("wb", buffering=0) as file:
                n_written = 0
                while n_written < len(compressed):
                    n_written += file.write(compressed[n_written:])
                unfinished.replace(path)
                # After the renaming: one commit of the file system for both. No line names it yet.
                os.fsync(file.fileno())
        except OSError:
            for left in (unfinished, path):
                with suppress(OSError):
                    left.unlink()
            raise


def decompressed(compressed: bytes, sha256: str, *, n_byte: int | None = None) -> bytes:
    """The page, never larger than `n_byte` or, where that is not given, than any page may be.

    Raises
    ------
    ValueError, zstandard.ZstdError
        If it is not the page of that hash and size.
    """
    size = zstandard.frame_content_size(compressed)
    if size < 0 or size > PAGE_LIMIT or (n_byte is not None and size != n_byte):
        raise ValueError(f"its size is {size} bytes")
    content = zstandard.ZstdDecompressor().decompress(compressed)
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError("its hash differs: it is not what was received")
    return content


def fsync_folder(folder: Path) -> None:
    """See the names in a folder to the disk.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
