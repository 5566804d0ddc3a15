"""Kolada over HTTP: batches, pages, retries and the check that the answer fits the question."""

import json
import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from functools import partial
from itertools import product
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import urlencode

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

from kolada.address import followed, host, shown
from kolada.answer import PageRows, check_whole, read_page
from kolada.archive import Row
from kolada.errors import AnswerError, RefusedError, UnknownIdError, UnreachableError
from kolada.query import Query, Table, batches

BASE_URL = "https://api.kolada.se/v3"
USER_AGENT = "effektiv (open benchmark of Swedish municipalities)"
POLITE_RATE = 5.0  # requests/s; what Kolada's users keep to, no limit is published
PAGE_LIMIT = 10_000  # pages of one answer; the largest known answer has seven
BODY_LIMIT = 64 * 2**20  # bytes of one page, decoded; the largest real ones are below 2 MB
LONGEST_WAIT = 300.0  # seconds to wait because Kolada says so
MOST_AT_ONCE = 4  # requests under way; a slow answer must not leave the polite rate unused
TRANSIENT = frozenset({408, 425, 429, 500, 502, 503, 504})

log = logging.getLogger(__name__)
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Page:
    """One page as it was received."""

    url: str
    body: bytes  # after the transport's own compression is undone, before any decoding
    rows: PageRows  # what was read of it


@dataclass(frozen=True, slots=True)
class Answer:
    """All pages of the answer to one query."""

    query: Query
    pages: tuple[Page, ...]
    retrieved_at: datetime  # when the last page had come, UTC

    def records(self) -> Iterator[dict[str, Any]]:
        """The rows of all pages, as sent."""
        for page in self.pages:
            yield from page.rows if isinstance(page.rows, list) else json.loads(page.body)["values"]


class _TransientError(Exception):
    """A fault that may be gone at the next attempt, with the error to raise when it is not."""

    def __init__(self, error: Exception, wait: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.wait = wait


class KoladaClient:
    """Asks one Kolada, politely, and only that one; several threads may ask at once.

    Parameters
    ----------
    base_url : str
        Where Kolada is, with the version: "https://api.kolada.se/v3".
    session : requests.Session, optional
        The HTTP session; a test gives one that answers without a network.
    rate : float or None
        Requests per second at most; None for no limit, for a Kolada on this machine.
    attempts : int
        How often a request is tried before its fault is raised.
    timeout : float
        Seconds without a byte before an attempt is given up.
    deadline : float
        Seconds one attempt may take as a whole, however slowly the bytes drip.
    """

    def __init__(
        self,
        base_url: str = BASE_URL,
        *,
        session: requests.Session | None = None,
        rate: float | None = POLITE_RATE,
        attempts: int = 6,
        timeout: float = 30.0,
        deadline: float = 180.0,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if host(base_url) is None:
            raise UnreachableError(
                f"{base_url!r} is not an address of Kolada. Give one such as {BASE_URL}."
            )
        self.base_url = base_url.rstrip("/")
        self.n_request = 0
        self._session = session or _session()
        self._turn = threading.Lock()
        self._interval = 0.0 if rate is None else 1.0 / rate
        self._timeout = timeout
        self._deadline = deadline
        self._sleep = sleep
        self._next_start = 0.0
        self._paused_until = 0.0
        self._attempts = attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def metadata(
        self, table: Table, *, id: Sequence[str] = (), title: str | None = None
    ) -> Iterator[Row]:
        """Rows of a metadata table, all of it where neither ids nor a part of a title is given.

        Raises
        ------
        UnknownIdError
            If Kolada lacks any of the ids asked for.
        """
        found: set[str] = set()
        for ids in batches(list(id)):
            for row in self.answer(Query(table, id=ids, title=title)).records():
                found.add(row["id"])
                yield row
        if unknown := [one for one in id if one not in found]:
            find = "`python -m kolada kpi <word>`" if table == "kpi" else "a part of its title"
            raise UnknownIdError(
                f"Kolada has no {table} {', '.join(unknown[:5])} ({len(unknown)} of {len(id)} "
                f"asked for). Find the id with {find}."
            )

    def observations(
        self,
        *,
        kpi: Sequence[str] = (),
        municipality: Sequence[str] = (),
        period: Sequence[int] = (),
        from_date: date | None = None,
        region_type: str | None = None,
    ) -> Iterator[Row]:
        """Observations as sent, one row per kpi, municipality and period.

        At least two of `kpi`, `municipality` and `period` must be given. Values that a gender or
        a municipality lacks are absent or carry the status "Missing"; null is never 0.
        """
        for kpis, municipalities, periods in product(
            batches(list(kpi)), batches(list(municipality)), batches(list(period))
        ):
            query = Query(
                "data",
                kpi=kpis,
                municipality=municipalities,
                period=periods,
                from_date=from_date,
                region_type=region_type,
            )
            yield from self.answer(query).records()

    def ou_observations(
        self,
        *,
        kpi: Sequence[str] = (),
        ou: Sequence[str] = (),
        municipality: Sequence[str] = (),
        period: Sequence[int] = (),
        from_date: date | None = None,
    ) -> Iterator[Row]:
        """Observations of units (schools, homes …) as sent, one row per kpi, ou and period."""
        for kpis, units, municipalities, periods in product(
            batches(list(kpi)),
            batches(list(ou)),
            batches(list(municipality)),
            batches(list(period)),
        ):
            query = Query(
                "oudata",
                kpi=kpis,
                ou=units,
                municipality=municipalities,
                period=periods,
                from_date=from_date,
            )
            yield from self.answer(query).records()

    def answer(self, query: Query) -> Answer:
        """Ask one query, follow its pages, and check the whole answer against the question.

        Raises
        ------
        UnreachableError
            If no answer came, or only server errors, after every attempt.
        RefusedError
            If Kolada refused the request.
        AnswerError
            If what came is not an answer to the question after every attempt.
        """
        url = f"{self.base_url}/{query.path}"
        if query.parameters:
            url += f"?{urlencode(query.parameters)}"

        def whole() -> Answer:
            pages = tuple(self._pages(url, query))
            try:
                check_whole(query, [page.rows for page in pages])
            except AnswerError as error:
                # Kolada may have published between two pages; the next reading is of one state.
                raise _TransientError(error) from error
            return Answer(query, pages, datetime.now(UTC))

        return self._retrying(whole, attempts=3)

    def _pages(self, url: str, query: Query) -> Iterator[Page]:
        seen: set[str] = set()
        following: str | None = url
        while following is not None:
            if following in seen or len(seen) >= PAGE_LIMIT:
                raise AnswerError(
                    f"Kolada's pages lead in a circle: {following} comes twice among "
                    f"{len(seen)} pages. Report it to Kolada; nothing of this answer is stored."
                )
            seen.add(following)
            page, following = self._retrying(partial(self._page, following, query), self._attempts)
            yield page

    def _retrying(self, ask: Callable[[], Result], attempts: int) -> Result:
        def wait(state: tenacity.RetryCallState) -> float:
            fault = state.outcome.exception() if state.outcome else None
            if isinstance(fault, _TransientError) and fault.wait is not None:
                with self._turn:  # told to one, meant for all: the next turn comes after it
                    told = time.monotonic() + min(fault.wait, LONGEST_WAIT)
                    self._paused_until = max(self._paused_until, told)
                    self._next_start = max(self._next_start, told)
                return 0.0
            return backoff(state)

        backoff = tenacity.wait_exponential(multiplier=0.5, max=30.0) + tenacity.wait_random(0, 0.5)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(_TransientError),
            stop=tenacity.stop_after_attempt(attempts),
            wait=wait,
            sleep=lambda seconds: self._sleep(seconds) if seconds else None,
            before_sleep=lambda state: log.warning(
                "attempt %d failed: %s",
                state.attempt_number,
                state.outcome and state.outcome.exception(),
            ),
            reraise=True,
        )
        try:
            return retrying(ask)
        except _TransientError as fault:
            raise fault.error from fault

    def _page(self, url: str, query: Query) -> tuple[Page, str | None]:
        body = self._body(url)
        try:
            rows, following = read_page(body, query)
        except (ValueError, RecursionError) as error:
            start = body[:60].decode("utf-8", errors="replace").strip().replace("\n", " ")
            raise _TransientError(
                AnswerError(
                    f"Kolada's answer to {shown(url)} is not whole JSON: it has "
                    f"{len(body)} bytes and starts with {start!r}. Nothing of it is stored; "
                    "run again later."
                )
            ) from error
        except AnswerError as error:
            raise _TransientError(
                AnswerError(
                    f"Kolada's answer to {shown(url)} cannot be used: {error}. "
                    "Nothing of it is stored; run again later."
                )
            ) from error
        if following is not None:
            following = followed(following, asked=url, base_url=self.base_url)
        return Page(url, body, rows), following

    def _body(self, url: str) -> bytes:
        for _ in range(5):
            self._wait_for_turn()
            try:
                response = self._session.get(
                    url,
                    headers={"Accept": "application/json", "User-Agent": USER_AGENT},
                    timeout=self._timeout,
                    stream=True,
                    allow_redirects=False,
                )
                with closing(response):
                    if response.is_redirect:
                        named = response.headers["Location"]
                        url = followed(named, asked=url, base_url=self.base_url)
                        continue
                    body = self._read(response, url)
            except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
                raise _TransientError(
                    UnreachableError(
                        f"Kolada at {self.base_url} cannot be reached: {_cause(error)}. Check the "
                        "address in KOLADA_URL and the network, then run again; nothing is lost."
                    )
                ) from error
            self._refuse_status(response, url, body)
            return body
        raise AnswerError(
            f"Kolada redirects {shown(url)} again and again. Check the address in KOLADA_URL."
        )

    def _read(self, response: requests.Response, url: str) -> bytes:
        give_up = time.monotonic() + self._deadline
        parts: list[bytes] = []
        n_byte = 0
        # Not iter_content, which waits for a whole chunk and would let a slow answer drip for ever.
        while part := response.raw.read1(1 << 16, decode_content=True):
            parts.append(part)
            n_byte += len(part)
            if n_byte > BODY_LIMIT:
                raise AnswerError(
                    f"Kolada's answer to {shown(url)} is larger than {BODY_LIMIT} bytes, "
                    "far above any real page. Nothing of it is stored; check that KOLADA_URL is "
                    "Kolada."
                )
            if time.monotonic() > give_up:
                raise _TransientError(
                    UnreachableError(
                        f"Kolada's answer to {shown(url)} was not whole after "
                        f"{self._deadline:.0f} s. Run again later; nothing is lost."
                    )
                )
        return b"".join(parts)

    def _refuse_status(self, response: requests.Response, url: str, body: bytes) -> None:
        status = response.status_code
        if status == 200:
            return
        said = body[:200].decode("utf-8", errors="replace").strip()
        if status in TRANSIENT:
            raise _TransientError(
                UnreachableError(
                    f"Kolada answers {status} to {shown(url)} after {self._attempts} "
                    f"attempts: {said!r}. Run again later; what has been fetched is kept."
                ),
                wait=_retry_after(response.headers.get("Retry-After")),
            )
        raise RefusedError(
            f"Kolada refuses {shown(url)} with {status}: {said!r}. Check the ids and the "
            "address in KOLADA_URL."
        )

    def _wait_for_turn(self) -> None:
        with self._turn:
            self.n_request += 1
        start = -math.inf
        while start < self._paused_until:  # also where the pause came while this one slept
            with self._turn:
                now = time.monotonic()
                start = max(now, self._next_start)
                self._next_start = start + self._interval
            if now < start:
                self._sleep(start - now)


def _session() -> requests.Session:
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(pool_maxsize=MOST_AT_ONCE))
    return session


def _retry_after(header: str | None) -> float | None:
    """Seconds to wait by a Retry-After header, in either of its two forms."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (TypeError, ValueError):
        return None


def _cause(error: BaseException) -> str:
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return f"{type(error).__name__}: {error}"
