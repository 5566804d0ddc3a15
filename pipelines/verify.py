"""A release made again from the ledger: the same files, byte for byte."""

import tempfile
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import dagster as dg

from kolada.client import KoladaClient
from kolada.ledger import Ledger
from pipelines.publish.code import code_version
from pipelines.publish.release import MANIFEST, faults_of, read_manifest
from pipelines.resources import Settings
from pipelines.runner import execute, prepare
from pipelines.warehouse import Warehouse


def verify(release: Path, settings: Settings) -> list[str]:
    """What is wrong with `release`; empty where nothing is.

    Its files are held against its manifest. Then the whole job is run again, from the ledger
    that the release names, with the release's own definitions and moment, into a folder that is
    removed afterwards; every file must come out with the same bytes.
    """
    faults = faults_of(release)
    manifest = read_manifest(release)
    source = Ledger(replace(settings, store=manifest["store"]).ledger)
    as_of = datetime.fromisoformat(manifest["as_of"])
    newest = source.last(as_of=as_of)
    if newest is None or newest.sha256 != manifest["ledger"]["sha256"]:
        return [
            *faults,
            f"the ledger in {source.folder} is not the one that the release was made from",
        ]

    with tempfile.TemporaryDirectory(prefix="effektiv-verify-") as folder:
        again = Settings(
            data=Path(folder),
            store=manifest["store"],
            source=settings.source,
            areas=release / "method" / "areas",
            municipality=manifest["municipality"],
            as_of=as_of,
            draws=manifest["draws"],
        )
        prepare(again)
        with dg.DagsterInstance.ephemeral() as instance:
            made = execute(
                instance,
                resources={
                    "settings": again,
                    "ledger": source,
                    "warehouse": Warehouse(again.warehouse),
                    "kolada": KoladaClient(again.source),
                },
            )
        for path in sorted(manifest["files"]):
            rebuilt = made.folder / path
            if not rebuilt.is_file() or rebuilt.read_bytes() != (release / path).read_bytes():
                faults.append(f"{path} comes out with other bytes from the ledger")
        if (made.folder / MANIFEST).read_bytes() != (release / MANIFEST).read_bytes():
            then, now = manifest["code"], code_version()
            if then == now:
                faults.append("manifest.json comes out with other bytes from the ledger")
            elif faults:
                faults.append(f"the release was made by other code: {then}, this is {now}")
    return faults
