"""Many small files -> few large ones: what makes a ledger quick to copy and to back up.

Pages are copied into packs, read back from there, and only then removed where they were; what is
damaged stays where it is. Stopped at any moment, all pages are there, some of them twice, and the
next run removes what is twice.
"""

import hashlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tarfile import BLOCKSIZE

import zstandard

from kolada.errors import LedgerError
from kolada.store.bodies import Bodies, DamagedError, decompressed, fsync_folder
from kolada.store.pack import Pack, read_pack, write_pack

PACK_BYTE = 2**28  # a pack that reaches this is closed, and not rewritten to be merged


@dataclass(frozen=True, slots=True)
class Compaction:
    """What one run did; files and bytes are those of pages, the journal is left as it is."""

    n_file_before: int
    n_file_after: int
    n_byte_before: int
    n_byte_after: int
    n_packed: int  # pages written to new packs
    n_dropped: int  # files of a stopped run, and pages that no line of the journal names
    n_damaged: int  # pages without a whole copy, left where they are


def compacted(bodies: Bodies, named: Collection[str], *, pack_byte: int = PACK_BYTE) -> Compaction:
    """Pack the pages of a folder; only for the process that may write the ledger.

    A pack is merged with what is new when it is at most twice as large, so that there are few
    packs and a page is rewritten a handful of times in its life.

    Parameters
    ----------
    bodies : Bodies
        The pages of a ledger's folder.
    named : collection of SHA-256
        The pages that the journal names, in its order; all others are dropped.
    pack_byte : int
        The bytes at which a pack is closed and the next one begun.

    Raises
    ------
    LedgerError
        If what was written is not what is read; then no page has been removed.
    OSError
        If the disk refuses; then no page has been removed that is not elsewhere.
    """
    named = dict.fromkeys(named)
    n_file_before, n_byte_before = _measured(bodies.path)
    n_dropped = _drop_leftovers(bodies, named)
    loose = bodies.loose()
    kept, replaced = _divided(bodies.packs(), loose, named.keys(), pack_byte)
    moving = [
        sha256
        for sha256 in named
        if (sha256 in loose or any(sha256 in pack.bodies for pack in replaced))
        and not any(_has_whole(pack, sha256) for pack in kept)
    ]
    made, damaged = write_packs(bodies, moving, bodies.path, pack_byte=pack_byte)
    present = loose.keys() | {sha256 for pack in bodies.packs() for sha256 in pack.bodies}
    for sha256, path in loose.items():
        if sha256 not in damaged:
            path.unlink()
    for pack in replaced:
        # Where a page is lost, it may be what cannot be read of a damaged pack.
        wanted = bool(pack.faults) and not named.keys() <= present
        if pack.path not in made and not wanted and damaged.isdisjoint(pack.bodies):
            pack.path.unlink()
    for folder in bodies.path.glob("bodies/??"):
        with suppress(OSError):  # it holds something still
            folder.rmdir()
    n_file_after, n_byte_after = _measured(bodies.path)
    return Compaction(
        n_file_before=n_file_before,
        n_file_after=n_file_after,
        n_byte_before=n_byte_before,
        n_byte_after=n_byte_after,
        n_packed=len(moving) - len(damaged),
        n_dropped=n_dropped,
        n_damaged=len(damaged),
    )


def write_packs(
    source: Bodies, pages: Collection[str], folder: Path, *, pack_byte: int = PACK_BYTE
) -> tuple[list[Path], set[str]]:
    """Copy pages into new packs of a ledger's folder, each read back before it gets its name.

    Returns
    -------
    made : list of Path
        The packs.
    damaged : set of str
        The pages that `source` has no whole copy of.

    Raises
    ------
    LedgerError
        If what was written is not what is read.
    OSError
        If the disk refuses.
    """
    packs = folder / "packs"
    left, made, damaged = deque(pages), [], set[str]()
    while left:
        packs.mkdir(exist_ok=True)
        unfinished = packs / "unfinished.part"
        taken: list[str] = []
        write_pack(unfinished, _taken(source, left, taken, damaged, pack_byte))
        pack = read_pack(unfinished)
        if pack.faults or not all(_has_whole(pack, sha256) for sha256 in taken):
            unfinished.unlink()
            raise LedgerError(
                f"What was written to {packs} is not what is read from there; no page has been "
                "removed. Check the disk, then run again."
            )
        if not taken:
            unfinished.unlink()
            continue
        with unfinished.open("rb") as file:
            name = hashlib.file_digest(file, "sha256").hexdigest()
        made.append(unfinished.replace(packs / f"{name}.tar"))
        fsync_folder(packs)
        fsync_folder(folder)
    return made, damaged


def _taken(
    source: Bodies, left: deque[str], taken: list[str], damaged: set[str], pack_byte: int
) -> Iterator[tuple[str, bytes]]:
    n_byte = 0
    while left and n_byte < pack_byte:
        sha256 = left.popleft()
        try:
            body = source.find(sha256)
        except DamagedError:
            body = None
        if body is None:
            damaged.add(sha256)
        else:
            taken.append(sha256)
            n_byte += len(body.compressed)
            yield sha256, body.compressed


def _divided(
    packs: Collection[Pack], loose: dict[str, Path], named: Collection[str], pack_byte: int
) -> tuple[list[Pack], list[Pack]]:
    """The packs to keep, and those whose pages are to be moved: damaged, needless or small."""
    covered: set[str] = set()
    kept: list[Pack] = []
    replaced: list[Pack] = []
    for pack in sorted(packs, key=_size, reverse=True):
        fresh = (pack.bodies.keys() & named) - covered
        if fresh and not pack.faults:
            kept.append(pack)
            covered |= fresh
        else:
            replaced.append(pack)
    n_new = _n_byte(path.stat().st_size for sha256, path in loose.items() if sha256 not in covered)
    while n_new and kept:
        if _size(kept[-1]) > min(2 * n_new, pack_byte):
            break
        n_new += _size(kept[-1])
        replaced.append(kept.pop())
    return kept, replaced


def _size(pack: Pack) -> int:
    return _n_byte(place.size or 0 for place in pack.bodies.values())


def _n_byte(sizes: Iterable[int]) -> int:
    """The bytes of pages with their headers; a tar is filled up to more, which would mislead."""
    return sum(size + BLOCKSIZE for size in sizes)


def _drop_leftovers(bodies: Bodies, named: Collection[str]) -> int:
    leftovers = [
        *bodies.path.glob("bodies/??/*.part"),
        *bodies.path.glob("packs/*.part"),
        *(path for sha256, path in bodies.loose().items() if sha256 not in named),
    ]
    for path in leftovers:
        path.unlink()
    return len(leftovers)


def _has_whole(pack: Pack, sha256: str) -> bool:
    place = pack.bodies.get(sha256)
    if place is None:
        return False
    try:
        decompressed(place.read(), sha256)
    except (zstandard.ZstdError, ValueError):
        return False
    return True


def _measured(folder: Path) -> tuple[int, int]:
    """The files of pages and their bytes."""
    files = [*folder.glob("bodies/??/*"), *folder.glob("packs/*")]
    sizes = [path.stat().st_size for path in files if path.is_file()]
    return len(sizes), sum(sizes)
