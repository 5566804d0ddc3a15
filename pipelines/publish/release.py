"""A release: one immutable folder with tables, charts, method and a manifest of them all.

It is built aside, held against its own manifest and only then given its name; `latest` is pointed
to it last. The name is made of the day whose knowledge it shows and a hash of the manifest, so the
same numbers give the same release, and a run that dies leaves what was there before.
"""

import hashlib
import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = "manifest.json"
LATEST = "latest"
UNFINISHED = ".unfinished-"


class ReleaseError(Exception):
    """A release that cannot be written, or is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Published:
    """Where a release is, and whether this run made it."""

    folder: Path
    is_new: bool


def publish(
    files: Mapping[str, bytes], manifest: Mapping[str, Any], *, day: str, releases: Path
) -> Published:
    """Write a release and point `latest` to it.

    Parameters
    ----------
    files : mapping
        The bytes of every file by its path in the release.
    manifest : mapping
        What the release is about; the hashes of `files` are added.
    day : str
        The day whose knowledge it shows, ISO.
    releases : Path
        The folder of all releases.

    Raises
    ------
    ReleaseError
        If it cannot be written whole. Nothing of it is left, and `latest` is as it was.
    """
    whole = {**manifest, "files": {path: _hash(files[path]) for path in sorted(files)}}
    text = json.dumps(whole, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    name = f"{day}-{_hash(text.encode())[:8]}"
    folder = releases / name
    try:
        releases.mkdir(parents=True, exist_ok=True)
        _sweep(releases)
        is_new = not folder.exists()
        if is_new:
            _build(folder, {**files, MANIFEST: text.encode()})
        elif faults := faults_of(folder):
            raise ReleaseError(
                f"The release {folder} is no longer what it was: {'; '.join(faults[:5])} "
                f"({len(faults)} faults). Move it away, then run again."
            )
        _point(releases / LATEST, name)
    except OSError as error:
        raise ReleaseError(
            f"The release {folder} cannot be written: {error.strerror or error}. Make room or "
            "correct the rights, then run again; the releases made before are as they were."
        ) from error
    return Published(folder, is_new)


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a release.

    Raises
    ------
    ReleaseError
        If the folder is not a release.
    """
    try:
        content: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ReleaseError(
            f"{folder} is not a release: {error}. Name a folder below data/releases."
        ) from error
    return content


def faults_of(folder: Path) -> list[str]:
    """What in the folder is not as the manifest says; empty where all is."""
    expected = read_manifest(folder)["files"]
    present = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and path.name != MANIFEST
    }
    faults = [f"{path} is missing" for path in sorted(expected.keys() - present)]
    faults += [f"{path} is not in the manifest" for path in sorted(present - expected.keys())]
    for path in sorted(expected.keys() & present):
        if _hash((folder / path).read_bytes()) != expected[path]:
            faults.append(f"{path} has changed")
    return faults


def _build(folder: Path, files: Mapping[str, bytes]) -> None:
    aside = folder.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
    try:
        for path, content in files.items():
            target = aside / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            target.chmod(0o444)
        if faults := faults_of(aside):
            raise ReleaseError(
                f"The disk gave back other bytes than were written: {'; '.join(faults[:5])}. Check "
                "the disk, then run again."
            )
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _point(latest: Path, name: str) -> None:
    aside = latest.parent / f"{UNFINISHED}{uuid.uuid4().hex}"
    aside.symlink_to(name, target_is_directory=True)
    aside.replace(latest)


def _sweep(releases: Path) -> None:
    """Remove what a run that died has left; one run at a time writes here."""
    for left in releases.glob(f"{UNFINISHED}*"):
        if left.is_symlink():
            left.unlink()
        else:
            shutil.rmtree(left, ignore_errors=True)


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
