"""What may have changed since the last night, read again; and the check that nothing else has.

A night asks what has changed since the sweep before, reads every KPI-year that is named there
again, whole, and re-reads as many other questions as a quiet night has requests left for, those
first that were read longest ago. So everything is read whole now and then, and what `from_date`
has not told comes to light. What has been read, and what is left, is seen in the ledger's entries.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from kolada.claims import contradicted_claims, last_settled, news, since, sweeps, unnamed_changes
from kolada.client import KoladaClient
from kolada.errors import RefusedError
from kolada.ledger import Ledger
from kolada.query import BATCH_LIMIT, Query
from kolada.scope import LastRead, Scope
from kolada.sync import sync

QUIET_REQUESTS = 40  # of a night in which nothing has changed, metadata included

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CatchUp:
    """What one night did for one scope."""

    since: date | None  # None where there was nothing to ask about, or all was read again
    n_named: int  # KPI-years that Kolada named and that were read again
    n_unread: int  # questions about cells that had never been read
    n_reread: int  # questions asked again though Kolada had named nothing in them
    nights: int  # after so many nights like this one all has been read again
    n_request: int
    unnamed: pl.DataFrame  # keys of values that had changed and were not named
    contradicted: pl.DataFrame  # keys of values that were named, and read otherwise


def catch_up(
    kolada: KoladaClient,
    ledger: Ledger,
    scope: Scope,
    *,
    budget: int = QUIET_REQUESTS,
    whole: bool = False,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> CatchUp:
    """Read what has changed in `scope`, and what has never been read, into the ledger.

    Parameters
    ----------
    budget : int
        Requests that a night without changes may cost; what the sweep leaves of it goes to the
        questions read longest ago, at least one.
    whole : bool
        Read everything again, whatever Kolada says has changed.
    told : callable
        Called with the number of questions answered and of all, as it goes on.

    Raises
    ------
    KoladaError
        As from `sync`; the next night goes on from what is stored.
    """
    n_before = kolada.n_request
    last = ledger.last()
    before = last.seq if last else 0
    everything = scope.plan().queries
    read = LastRead(ledger, scope)
    age = {query: read.oldest(query) for query in everything}
    unread = [query for query in everything if age[query] == 0]
    known = [query for query in everything if age[query] > 0]

    day: date | None = None
    named: tuple[Query, ...] = ()
    n_named = 0
    if known and not whole:
        settled, later = last_settled(sweeps(ledger, scope, after=read.first()), scope, read)
        day = _sweep(kolada, ledger, scope, since(settled, read))
        if day is not None:
            *_, tonight = sweeps(ledger, scope, after=before)
            changed = news(tonight, settled, later, scope)
            named = _questions(scope, changed)
            n_named = changed.select("kpi", "period").n_unique()
            share = max(1, budget - (kolada.n_request - n_before))
            known = sorted(known, key=age.__getitem__)[:share]

    questions = list(dict.fromkeys([*unread, *named, *known]))
    n_told = 0

    def tell(n_more: int) -> None:
        nonlocal n_told
        n_told += n_more
        told(n_told, len(questions))

    sync(kolada, ledger, questions, told=tell)
    result = CatchUp(
        since=day,
        n_named=n_named,
        n_unread=len(unread),
        n_reread=len(known),
        nights=-(-len(everything) // len(known)) if day else 1,
        n_request=kolada.n_request - n_before,
        unnamed=unnamed_changes(ledger, scope, after=before) if day else _none(scope),
        contradicted=contradicted_claims(ledger, scope, after=before) if day else _none(scope),
    )
    for said, rows in (
        ("has values that changed and that Kolada did not name", result.unnamed),
        ("has values that are not what Kolada named them as", result.contradicted),
    ):
        for (kpi,) in rows.select("kpi").unique().sort("kpi").iter_rows():
            log.warning("%s %s", kpi, said)
    return result


def night(
    kolada: KoladaClient,
    ledger: Ledger,
    scopes: Sequence[Scope],
    *,
    budget: int = QUIET_REQUESTS,
    whole: bool = False,
    told: Callable[[int, int], None] = lambda _done, _all: None,
) -> list[CatchUp]:
    """`catch_up` of several scopes that share one budget; what each must ask goes first."""
    results: list[CatchUp] = []
    for place, scope in enumerate(scopes):
        spent = sum(result.n_request for result in results)
        needed = sum(other.n_quiet for other in scopes[place + 1 :])
        left = budget - spent - needed
        results.append(catch_up(kolada, ledger, scope, budget=left, whole=whole, told=told))
    return results


def _sweep(kolada: KoladaClient, ledger: Ledger, scope: Scope, day: date) -> date | None:
    """Ask what has changed since `day`; returns it, or None where Kolada does not tell."""
    try:
        probe = kolada.answer(scope.probe)
        if next(probe.records(), None) is not None:
            log.warning("Kolada does not heed from_date; everything is read again")
            return None
        sync(kolada, ledger, scope.sweep(day))
    except RefusedError as refusal:
        log.warning("Kolada does not tell what has changed, everything is read again: %s", refusal)
        return None
    return day


def _questions(scope: Scope, rows: pl.DataFrame) -> tuple[Query, ...]:
    """The questions that read the KPI-years of `rows` whole, KPIs with like years together."""
    years = rows.group_by("kpi").agg(pl.col("period").unique().sort()).sort("period", "kpi").rows()
    questions: list[Query] = []
    for start in range(0, len(years), BATCH_LIMIT):
        some = years[start : start + BATCH_LIMIT]
        periods = {period for _, periods in some for period in periods}
        questions += scope.plan(kpi=[kpi for kpi, _ in some], period=periods).queries
    return tuple(questions)


def _none(scope: Scope) -> pl.DataFrame:
    return scope.raw.frame([]).select(scope.raw.key)
