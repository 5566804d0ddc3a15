"""A plan of queries -> answers in the ledger.

A sync that was killed goes on at the query where it stopped: what it has asked is in the ledger
under the sync's own id, and the id is kept beside the ledger until the sync has ended.
"""

import hashlib
import json
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kolada.client import MOST_AT_ONCE, Answer, KoladaClient
from kolada.errors import (
    AnswerError,
    KoladaError,
    LedgerError,
    RefusedError,
    UnreachableError,
)
from kolada.ledger import Entry, Ledger, cannot_write
from kolada.query import Query
from kolada.simulated.catalogue import SIMULATED_SOURCE

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
    at_once: int = MOST_AT_ONCE,
    accept_empty: bool = False,
    told: Callable[[int], None] = lambda _: None,
) -> SyncResult:
    """Ask `queries`, `at_once` of them at a time, and store the answers in their order.

    `told` is called with the number of queries that have been answered since it was last called.
    An answer without a row to a question that had rows is refused unless `accept_empty`.

    Raises
    ------
    KoladaError
        If Kolada does not answer, or the ledger cannot be written. All other answers are stored
        first, and the next sync of the same queries asks for what is left.
    """
    with ledger.writing() as writer:
        sync_id, state = _begin(ledger, queries, kolada.base_url)
        answered: set[Query] = set()
        before: dict[Query, Entry] = {}
        for entry in ledger.entries():
            before[entry.query] = entry
            if entry.sync == sync_id:
                answered.add(entry.query)
        left = [query for query in queries if query not in answered]
        n_request = kolada.n_request
        told(len(queries) - len(left))
        failed: KoladaError | None = None
        for outcome in _outcomes(kolada, left, at_once):
            try:
                answer = outcome.result()
                known = before.get(answer.query)
                if known is not None and not accept_empty:
                    answer = _believed(kolada, ledger, known, answer)
                if known is not None and answer.query == Query("kpi"):
                    _refuse_mixture(ledger, known, answer)
            except (AnswerError, RefusedError, UnreachableError) as error:
                failed = failed or error
                continue
            writer.append(answer, sync=sync_id)
            told(1)
        if failed is not None:
            raise failed
        state.unlink()
    result = SyncResult(sync_id, len(queries), len(left), kolada.n_request - n_request)
    log.info(
        "sync %s: %d of %d queries asked in %d requests",
        sync_id, result.n_asked, result.n_query, result.n_request,
    )  # fmt: skip
    return result


def _outcomes(
    kolada: KoladaClient, queries: Sequence[Query], at_once: int
) -> Iterator[Future[Answer]]:
    """The answers in order; after the first failure only those already under way."""
    with ThreadPoolExecutor(at_once, thread_name_prefix="kolada") as threads:
        waiting = iter(queries)
        under_way: deque[Future[Answer]] = deque()
        has_failed = False
        while True:
            while not has_failed and len(under_way) < 2 * at_once - 1:
                query = next(waiting, None)
                if query is None:
                    break
                under_way.append(threads.submit(kolada.answer, query))
            if not under_way:
                return
            outcome = under_way.popleft()
            if outcome.cancelled():
                continue
            if outcome.exception() is not None and not has_failed:
                has_failed = True
                for other in under_way:
                    other.cancel()  # those that run go on, and what they bring is kept
            yield outcome


def _believed(kolada: KoladaClient, ledger: Ledger, known: Entry, answer: Answer) -> Answer:
    """The answer, or a second one to the same question where the first lacks rows it used to have.

    A row can slip between two pages when Kolada publishes in between; one that is gone is
    missing again. No row at all, where the same question had rows, is a fault and no news.
    """
    if (len(answer.pages) == 1 and len(answer.pages[0].rows)) or not answer.query.is_whole:
        return answer
    had = _keys(answer.query, (row for _, page in ledger.records(known) for row in page))
    now = _keys(answer.query, answer.records())
    if had and not now:
        raise AnswerError(
            f"Kolada answers {answer.query.path} with no row, and had rows on "
            f"{known.retrieved_at:%Y-%m-%d}. Nothing of it is stored, so that nothing is taken for "
            "withdrawn; run again later, or `python -m kolada sync` with --accept-empty if Kolada "
            "has withdrawn them."
        )
    if had <= now:
        return answer
    again = kolada.answer(answer.query)
    still_gone = had - _keys(again.query, again.records())
    if still_gone and still_gone != had - now:
        raise AnswerError(
            f"Kolada answers {answer.query.path} with other rows each time it is asked. Nothing "
            "of it is stored; run again later."
        )
    return again


def _keys(query: Query, records: Iterable[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    names = ("id",) if query.unit is None else ("kpi", query.unit, "period")
    return {tuple(record[name] for name in names) for record in records}


def _refuse_mixture(ledger: Ledger, known: Entry, answer: Answer) -> None:
    """Simulated values must never stand among real ones."""
    was = _is_simulated(row for _, page in ledger.records(known) for row in page)
    now = _is_simulated(answer.records())
    if was != now:
        raise LedgerError(
            f"The ledger in {ledger.folder} holds {'simulated' if was else 'real'} data and the "
            f"source gives {'simulated' if now else 'real'}; they are never mixed. Set "
            "EFFEKTIV_DATA to another folder for this source."
        )


def _is_simulated(kpis: Iterable[Mapping[str, Any]]) -> bool:
    return any(SIMULATED_SOURCE in (row.get("description") or "") for row in kpis)


def _begin(ledger: Ledger, queries: Sequence[Query], source: str) -> tuple[str, Path]:
    """The id of the sync: that of the same plan if it was stopped lately, or a new one."""
    plan = json.dumps([source, *(query.as_json() for query in queries)])
    digest = hashlib.sha256(plan.encode()).hexdigest()
    state = ledger.folder / f"unfinished-{digest[:12]}.json"
    now = datetime.now(UTC)
    for other in ledger.folder.glob("unfinished-*.json"):
        if other != state and other.stat().st_mtime < (now - RESUME_LIMIT).timestamp():
            other.unlink()  # of a plan that is asked no more
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
