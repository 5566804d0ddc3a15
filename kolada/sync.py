"""What is missing or stale -> a plan of queries -> answers in the ledger.

A sync that was killed goes on at the query where it stopped: what it has asked is in the ledger
under the sync's own id, and the id is kept beside the ledger until the sync has ended.
"""

import hashlib
import json
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kolada.client import Answer, KoladaClient
from kolada.errors import AnswerError, LedgerError
from kolada.history import KPI, replay
from kolada.ledger import Ledger, cannot_write
from kolada.query import Query
from kolada.sample import SIMULATED_SOURCE

METADATA_QUERIES = (Query("kpi"), Query("municipality"), Query("municipality_groups"))
RESUME_LIMIT = timedelta(hours=12)  # an older one is begun anew: Kolada has published since

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What one sync did."""

    sync: str
    n_query: int  # all that were planned
    n_asked: int  # of them in this process; the others were answered before it was stopped
    n_request: int  # HTTP requests, pages and retries included


def sync(
    kolada: KoladaClient,
    ledger: Ledger,
    queries: Sequence[Query],
    *,
    told: Callable[[int], None] = lambda _: None,
) -> SyncResult:
    """Ask `queries` in order and store each answer as it comes.

    `told` is called with the number of queries that have been answered since it was last called.

    Raises
    ------
    KoladaError
        If Kolada does not answer, or the ledger cannot be written. What was stored until then is
        kept, and the next sync of the same queries goes on from there.
    """
    with ledger.writing() as writer:
        sync_id, state = _begin(ledger, queries, kolada.base_url)
        answered = {entry.query for entry in ledger.entries() if entry.sync == sync_id}
        left = [query for query in queries if query not in answered]
        before = kolada.n_request
        told(len(queries) - len(left))
        for query in left:
            answer = kolada.answer(query)
            _refuse_emptied(ledger, answer)
            if query == Query("kpi"):
                _refuse_mixture(ledger, answer)
            writer.append(answer, sync=sync_id)
            told(1)
        state.unlink()
    result = SyncResult(sync_id, len(queries), len(left), kolada.n_request - before)
    log.info(
        "sync %s: %d of %d queries asked in %d requests",
        sync_id, result.n_asked, result.n_query, result.n_request,
    )  # fmt: skip
    return result


def _refuse_emptied(ledger: Ledger, answer: Answer) -> None:
    """No row at all, where the same question had rows, is a fault at Kolada and no news."""
    if next(answer.records(), None) is not None:
        return
    before = [entry for entry in ledger.entries() if entry.query == answer.query]
    if before and any(values for _, values in ledger.records(before[-1])):
        raise AnswerError(
            f"Kolada answers {answer.query.path} with no row, and had rows on "
            f"{before[-1].retrieved_at:%Y-%m-%d}. Nothing is stored, so that nothing is taken for "
            "withdrawn; run again later."
        )


def _refuse_mixture(ledger: Ledger, answer: Answer) -> None:
    """Simulated values must never stand among real ones."""
    known = replay(ledger, KPI)
    if known.is_empty():
        return
    was = known["description"].str.contains(SIMULATED_SOURCE, literal=True).any()
    now = any(SIMULATED_SOURCE in (row.get("description") or "") for row in answer.records())
    if was != now:
        raise LedgerError(
            f"The ledger in {ledger.folder} holds {'simulated' if was else 'real'} data and the "
            f"source gives {'simulated' if now else 'real'}; they are never mixed. Set "
            "EFFEKTIV_DATA to another folder for this source."
        )


def _begin(ledger: Ledger, queries: Sequence[Query], source: str) -> tuple[str, Path]:
    """The id of the sync: that of the same plan if it was stopped lately, or a new one."""
    plan = json.dumps([source, *(query.as_json() for query in queries)])
    digest = hashlib.sha256(plan.encode()).hexdigest()
    state = ledger.folder / f"unfinished-{digest[:12]}.json"
    now = datetime.now(UTC)
    try:
        begun = json.loads(state.read_text(encoding="utf-8"))
        age = now - datetime.fromisoformat(begun["begun_at"])
    except FileNotFoundError:
        pass
    except (ValueError, KeyError, TypeError):  # cut by a crash: all is asked again
        log.warning("%s cannot be read; the sync begins anew", state)
    else:
        if timedelta(0) <= age < RESUME_LIMIT:
            log.info("sync %s was stopped and goes on", begun["sync"])
            return str(begun["sync"]), state
    sync_id = now.strftime("%Y%m%dT%H%M%S.%fZ")
    unfinished = state.with_suffix(".part")
    content = json.dumps({"sync": sync_id, "begun_at": now.isoformat()})
    try:
        unfinished.write_text(content, encoding="utf-8")
        os.replace(unfinished, state)
    except OSError as error:
        raise cannot_write(ledger.folder, error) from error
    return sync_id, state
