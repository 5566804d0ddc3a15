"""Faults on order: a local Kolada that answers wrongly at known requests.

A fault file is TOML. Each fault counts the requests whose path it matches, and strikes from the
`first` of them as many `times` as said:

    [[fault]]
    kind = "status"     # one of KINDS
    path = "/v3/data/*"  # as in a shell; every path unless given
    first = 3
    times = 2
    status = 503
    retry_after = "1"
"""

import asyncio
import gzip
import json
import threading
import tomllib
from collections.abc import Callable, MutableMapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

from kolada.errors import ArchiveError

Page = dict[str, Any]

MAINTENANCE = b"<!doctype html><title>Underh\xc3\xa5ll</title><p>Kolada \xc3\xa4r nere.</p>"
ELSEWHERE = "http://kolada.invalid/v3/kpi?page=2"
BOMB_MIB = 65  # unpacked; a little more than the client takes


@dataclass(frozen=True, slots=True)
class Fault:
    """One order: what goes wrong, at which requests."""

    kind: str
    path: str = "*"
    first: int = 1
    times: int = 1
    status: int = 503  # of the kind "status"
    retry_after: str = ""  # of the kind "status": seconds or a date
    seconds: float = 0.05  # of the kind "drip": between two bytes


def read_faults(path: Path) -> tuple[Fault, ...]:
    """The faults of a file.

    Raises
    ------
    ArchiveError
        If the file cannot be read, or orders a fault that there is not.
    """
    try:
        orders = tomllib.loads(path.read_text(encoding="utf-8")).get("fault", [])
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ArchiveError(f"The fault file {path} cannot be read: {error}.") from error
    known = {field.name for field in fields(Fault)}
    for order in orders:
        if unknown := sorted(order.keys() - known):
            raise ArchiveError(
                f"A fault in {path} has {', '.join(unknown)}; it takes {', '.join(sorted(known))}."
            )
        if order.get("kind") not in KINDS:
            raise ArchiveError(
                f"A fault in {path} is of the kind {order.get('kind')!r}. Choose among "
                f"{', '.join(KINDS)}."
            )
    return tuple(Fault(**order) for order in orders)


class Faulty:
    """An ASGI application that does as `app` does, but for the faults on order."""

    def __init__(self, app: ASGIApp, faults: Sequence[Fault]) -> None:
        self._app = app
        self._faults = tuple(faults)
        self._n_request = [0] * len(self._faults)  # that each of them has matched
        self._lock = threading.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, wrongly if a fault is due."""
        fault = self._due(scope["path"]) if scope["type"] == "http" else None
        if fault is None:
            await self._app(scope, receive, send)
            return
        status, headers, body = await self._answer(scope, receive)
        if fault.kind in _PAGES:
            page = json.loads(body)
            _PAGES[fault.kind](page, str(scope["path"]))
            # NaN and Infinity are what json writes for them, and are not JSON.
            body = json.dumps(page, ensure_ascii=False, separators=(",", ":")).encode()
            await _send(send, status, headers, body)
        else:
            await _TRANSPORTS[fault.kind](send, fault, status, headers, body)

    def _due(self, path: str) -> Fault | None:
        due = None
        with self._lock:
            for number, fault in enumerate(self._faults):
                if fnmatchcase(path, fault.path):
                    self._n_request[number] += 1
                    if due is None and 0 <= self._n_request[number] - fault.first < fault.times:
                        due = fault
        return due

    async def _answer(
        self, scope: Scope, receive: Receive
    ) -> tuple[int, dict[bytes, bytes], bytes]:
        started: MutableMapping[str, Any] = {}
        parts: list[bytes] = []

        async def keep(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                started.update(message)
            else:
                parts.append(message.get("body", b""))

        await self._app(scope, receive, keep)
        headers = {k: v for k, v in started["headers"] if k != b"content-length"}
        return int(started["status"]), headers, b"".join(parts)


async def _send(
    send: Send, status: int, headers: dict[bytes, bytes], body: bytes, *, length: int | None = None
) -> None:
    size = str(len(body) if length is None else length).encode()
    pairs = [*headers.items(), (b"content-length", size)]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


async def _status(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    del status, body
    extra = {b"retry-after": fault.retry_after.encode()} if fault.retry_after else {}
    await _send(send, fault.status, {**headers, **extra}, b'{"error":"on order"}')


async def _html(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    del fault, body
    await _send(send, status, {**headers, b"content-type": b"text/html"}, MAINTENANCE)


async def _cut(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    """Half of the body, as if it were all."""
    del fault
    await _send(send, status, headers, body[: len(body) // 2])


async def _truncate(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    """Half of the body that was announced, then the connection is closed."""
    del fault
    size = str(len(body)).encode()
    pairs = [*headers.items(), (b"content-length", size), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    raise ConnectionAbortedError("on order")


async def _drip(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    pairs = [*headers.items(), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    for place in range(len(body)):
        await asyncio.sleep(fault.seconds)
        await send(
            {"type": "http.response.body", "body": body[place : place + 1], "more_body": True}
        )
    await send({"type": "http.response.body", "body": b""})


async def _bomb(
    send: Send, fault: Fault, status: int, headers: dict[bytes, bytes], body: bytes
) -> None:
    """A small body that unpacks to a thousand times its size."""
    del fault, body
    packed = gzip.compress(b" " * (BOMB_MIB * 2**20))
    await _send(send, status, {**headers, b"content-encoding": b"gzip"}, packed)


def _first_value(page: Page) -> dict[str, Any]:
    value: dict[str, Any] = page["values"][0]["values"][0]
    return value


def _foreign_next(page: Page, path: str) -> None:
    del path
    page["next_url"] = ELSEWHERE


def _cycle(page: Page, path: str) -> None:
    page["next_url"] = path


def _empty(page: Page, path: str) -> None:
    del path
    page.update(values=[], count=0, next_url=None)


def _stranger(page: Page, path: str) -> None:
    del path
    page["values"][-1] = {**page["values"][-1], "kpi": "N99999"}


def _twice(page: Page, path: str) -> None:
    del path
    page["values"] += page["values"][:2]
    page["count"] = len(page["values"])


def _contradiction(page: Page, path: str) -> None:
    """The first row a second time, with another value: Kolada has published in between."""
    del path
    again = json.loads(json.dumps(page["values"][0]))
    again["values"][0]["value"] = -1.0
    page["values"].append(again)
    page["count"] = len(page["values"])


def _miscount(page: Page, path: str) -> None:
    del path
    page["count"] += 1


def _text(page: Page, path: str) -> None:
    del path
    _first_value(page)["value"] = "12,5"


def _nan(page: Page, path: str) -> None:
    del path
    _first_value(page)["value"] = float("nan")


def _infinity(page: Page, path: str) -> None:
    del path
    _first_value(page)["value"] = float("inf")


def _new_field(page: Page, path: str) -> None:
    del path
    page["values"][0]["quality_mark"] = "new"


def _new_status(page: Page, path: str) -> None:
    del path
    _first_value(page)["status"] = "Confidential"


_PAGES: dict[str, Callable[[Page, str], None]] = {
    "foreign_next": _foreign_next,
    "cycle": _cycle,
    "empty": _empty,
    "stranger": _stranger,
    "twice": _twice,
    "contradiction": _contradiction,
    "miscount": _miscount,
    "text": _text,
    "nan": _nan,
    "infinity": _infinity,
    "new_field": _new_field,
    "new_status": _new_status,
}
_TRANSPORTS: dict[str, Callable[..., Any]] = {
    "status": _status,
    "html": _html,
    "cut": _cut,
    "truncate": _truncate,
    "drip": _drip,
    "bomb": _bomb,
}
KINDS = tuple(sorted([*_PAGES, *_TRANSPORTS]))
