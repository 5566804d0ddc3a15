"""Kolada's rows in memory, a small archive, and a session that answers without a network."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import polars as pl
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from kolada.answer import read_page
from kolada.archive import OBSERVATION_SCHEMA, Archive
from kolada.client import Answer, KoladaClient, Page
from kolada.query import Query

Row = dict[str, Any]
KOLADA = "https://kolada.test/v3"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def inner(gender: str, value: object, **other: object) -> Row:
    """One inner value; null is Missing, as Kolada sends it."""
    missing = value is None
    sent: Row = {
        "gender": gender,
        "count": 0 if missing else 1,
        "status": "Missing" if missing else "",
        "value": value,
        "isdeleted": False,
    }
    return sent | other


def record(
    kpi: str, municipality: str, period: int, *values: Row, unit: str = "municipality"
) -> Row:
    """One row of observations; the total is 1 where nothing is said."""
    return {
        "values": list(values) or [inner("T", 1.0)],
        "kpi": kpi,
        "period": period,
        unit: municipality,
    }


def kpi_row(id_: str, title: str, **other: object) -> Row:
    """A KPI with all the fields of version 3."""
    sent: Row = {
        "id": id_,
        "title": title,
        "description": f"{title}. Källa: SCB.",
        "is_divided_by_gender": False,
        "municipality_type": "K",
        "auspice": "X",
        "operating_area": "Grundskola",
        "perspective": "Resurser",
        "prel_publication_date": None,
        "publication_date": "2026-08-28",
        "publ_period": "2025",
        "has_ou_data": False,
    }
    return sent | other


def group_row(id_: str, title: str, *members: str) -> Row:
    return {
        "id": id_,
        "title": title,
        "members": [{"member_id": one, "member_title": f"Kommun {one}"} for one in members],
    }


def page(*rows: Row, next_url: str | None = None, **other: object) -> bytes:
    """One page as Kolada sends it: compact JSON in UTF-8."""
    envelope = {"values": rows, "next_url": next_url, "previous_url": None, "count": len(rows)}
    return json.dumps(envelope | other, ensure_ascii=False, separators=(",", ":")).encode()


def answer(query: Query, *bodies: bytes, at: datetime = NOON) -> Answer:
    """The answer that these pages make; an empty one where there are none."""
    pages = [
        Page(f"{KOLADA}/{query.path}?page={number}", body, read_page(body, query)[0])
        for number, body in enumerate(bodies or [page()], start=1)
    ]
    return Answer(query, tuple(pages), at)


def observations(rows: Iterable[Row], *, unit: str = "municipality") -> pl.DataFrame:
    """Rows as Kolada sends them -> the table of an archive."""
    flat = [
        {
            **{name: row[name] for name in ("kpi", unit, "period")},
            **{name: one[name] for name in ("gender", "count", "status", "value")},
            "is_deleted": one["isdeleted"],
            "changed": one.get("changed"),
        }
        for row in rows
        for one in row["values"]
    ]
    schema = {unit if n == "municipality" else n: kind for n, kind in OBSERVATION_SCHEMA.items()}
    return pl.DataFrame(flat, schema=schema)


def small_archive(rows: Iterable[Row], **tables: Any) -> Archive:
    """An archive of `rows` with the metadata that they need."""
    rows = list(rows)
    needed: dict[str, Any] = {
        "kpi": [kpi_row(id_, f"Nyckeltal {id_}") for id_ in sorted({r["kpi"] for r in rows})],
        "municipality": [
            {"id": id_, "title": f"Kommun {id_}", "type": "K"}
            for id_ in sorted({r["municipality"] for r in rows})
        ],
    }
    return Archive(**(needed | tables), observation=observations(rows))


@dataclass(frozen=True)
class Reply:
    """An answer that is not simply a page with status 200."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class Answers(HTTPAdapter):
    """Answers the requests one after the other and notes what was asked and slept."""

    def __init__(self, *replies: bytes | Reply | Exception) -> None:
        super().__init__()
        self.left = list(replies)
        self.asked: list[str] = []
        self.slept: list[float] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        assert request.url is not None
        self.asked.append(request.url)
        reply = self.left.pop(0)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, bytes):
            reply = Reply(body=reply)
        raw = HTTPResponse(
            BytesIO(reply.body),
            headers={"Content-Type": "application/json", **reply.headers},
            status=reply.status,
            preload_content=False,
        )
        return self.build_response(request, raw)

    def session(self) -> requests.Session:
        session = requests.Session()
        session.mount("http://", self)
        session.mount("https://", self)
        return session

    def client(self, base_url: str = KOLADA, **options: Any) -> KoladaClient:
        """A client that asks here, as fast as it can."""
        fast = {"rate": None, "sleep": self.slept.append}
        return KoladaClient(base_url, session=self.session(), **(fast | options))
