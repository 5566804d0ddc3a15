"""Many compressed pages in one file: an uncompressed tar, read by the place of each member.

A pack holds pages only; the file of an exported ledger begins with its journal. Members are named
as in a ledger's folder, so that `tar -x` in that folder puts a single page back.
"""

import os
import re
import tarfile
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

JOURNAL = "journal.jsonl"
_BODY = re.compile(r"bodies/([0-9a-f]{2})/(\1[0-9a-f]{62})\.zst")
_END_BLOCKS = 2  # of zeros, which every tar ends with at least


@dataclass(frozen=True, slots=True)
class Place:
    """Where bytes lie: a whole file, or `size` bytes of it from `start`."""

    path: Path
    start: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """The bytes; fewer than `size` where the file has become shorter."""
        with self.path.open("rb") as file:
            file.seek(self.start)
            return file.read() if self.size is None else file.read(self.size)


@dataclass(frozen=True, slots=True)
class Pack:
    """What one file holds, by its headers; the pages themselves are not looked at."""

    path: Path
    bodies: Mapping[str, Place]  # by the page's SHA-256
    journal: Place | None
    faults: tuple[str, ...]  # what is wrong with the file, each with its place


def body_name(sha256: str) -> str:
    """The name of a page's member, and of its file below a ledger's folder."""
    return f"bodies/{sha256[:2]}/{sha256}.zst"


def read_pack(path: Path) -> Pack:
    """The members of a pack or an exported ledger.

    A damaged header costs its own member only: the next whole one is looked for. Nothing but plain
    files named as a ledger names them is a member.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    bodies: dict[str, Place] = {}
    journal: Place | None = None
    faults: list[str] = []
    with path.open("rb", buffering=0) as file:
        n_byte = os.fstat(file.fileno()).st_size
        position, damaged, n_zero = 0, False, 0
        while position + tarfile.BLOCKSIZE <= n_byte:
            header = os.pread(file.fileno(), tarfile.BLOCKSIZE, position)
            position += tarfile.BLOCKSIZE
            if not any(header):
                n_zero += 1
                continue
            member = _member(header)
            if (member is None or n_zero) and not damaged:
                faults.append(f"{path} is damaged before byte {position}")
            damaged, n_zero = member is None, 0
            if member is None:
                continue
            place = Place(path, position, member.size)
            position += -(-member.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
            plain = member.type in (tarfile.REGTYPE, tarfile.AREGTYPE)
            found = _BODY.fullmatch(member.name) if plain else None
            if position > n_byte:
                break
            if found and found[2] not in bodies:
                bodies[found[2]] = place
            elif plain and member.name == JOURNAL and journal is None:
                journal = place
            else:
                faults.append(f"{path} holds {member.name[:120]!r}, which no ledger has there")
        if position != n_byte or n_zero < _END_BLOCKS:
            faults.append(f"{path} is cut short: it ends before its end mark")
    return Pack(path, bodies, journal, tuple(faults))


def write_pack(
    path: Path, bodies: Iterable[tuple[str, bytes]], *, journal: Place | None = None
) -> None:
    """Write compressed pages by their SHA-256, behind a journal if one is given, and fsync.

    Raises
    ------
    OSError
        If the disk refuses. Whatever is raised, there is no file then.
    """
    try:
        with path.open("wb") as file:
            with tarfile.open(fileobj=file, mode="w", format=tarfile.USTAR_FORMAT) as tar:
                if journal is not None:
                    with journal.path.open("rb") as lines:
                        lines.seek(journal.start)
                        tar.addfile(_header(JOURNAL, journal.size or 0), lines)
                for sha256, content in bodies:
                    tar.addfile(_header(body_name(sha256), len(content)), BytesIO(content))
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            path.unlink()
        raise


def _member(header: bytes) -> tarfile.TarInfo | None:
    # One header at a time: what extends a header elsewhere in a tar is not followed.
    try:
        member = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    except (tarfile.HeaderError, ValueError):
        return None
    return member if member.size >= 0 else None


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size = size
    return header
