"""A Kolada on this machine: serves an archive with version 3's contract, over real HTTP.

What nobody has recorded of the real one is assumed here: the body of a 422 is FastAPI's, unknown
ids give an empty list, `region_type=K` leaves regions and groups out, `/data` redirects to
`/data/`, and a changed cell is sent whole when `from_date` asks for it. Kolada's quirks are kept:
25 values in a list, pages of 5 000, unknown parameters ignored, groups in bulk answers, "Missing"
rows, UTF-8 without a charset in the header.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

import polars as pl
import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from kolada.archive import Archive, Row
from kolada.errors import ArchiveError
from kolada.faults import Fault, Faulty
from kolada.query import BATCH_LIMIT, PAGE_ROWS

HOST = "127.0.0.1"


class _RefusalError(Exception):
    """A request that Kolada answers with 422."""

    def __init__(self, location: str, name: str, message: str) -> None:
        super().__init__(message)
        self.detail = [{"type": "value_error", "loc": [location, name], "msg": message}]


@dataclass(frozen=True, slots=True)
class _Observations:
    """The values of one kind of unit, ready for look-up."""

    unit: str
    by_kpi: Mapping[str, pl.DataFrame]
    changed: pl.DataFrame  # only rows with a known day of change

    @classmethod
    def of(cls, frame: pl.DataFrame, unit: str) -> "_Observations":
        ordered = frame.sort("kpi", "period", unit, "gender")
        parts = ordered.partition_by("kpi", as_dict=True, maintain_order=True)
        return cls(
            unit,
            {str(key[0]): part for key, part in parts.items()},
            ordered.filter(pl.col("changed").is_not_null()),
        )

    def rows(self, wanted: Mapping[str, Sequence[Any]], from_date: date | None) -> pl.DataFrame:
        """The rows asked for; deleted ones only where changes are asked for."""
        if from_date is not None:
            frame = self.changed.filter(pl.col("changed") >= from_date)
        elif wanted["kpi"]:
            parts = [self.by_kpi[k] for k in sorted(set(wanted["kpi"])) if k in self.by_kpi]
            frame = pl.concat(parts) if parts else self.changed.clear()
        else:
            frame = pl.concat(list(self.by_kpi.values())) if self.by_kpi else self.changed.clear()
        for name in ("kpi", self.unit, "period"):
            if wanted[name]:
                frame = frame.filter(pl.col(name).is_in(wanted[name]))
        return frame if from_date is not None else frame.filter(~pl.col("is_deleted"))


class LocalKolada:
    """The answers to version 3's paths from one archive; an ASGI application is in `app`."""

    def __init__(self, archive: Archive) -> None:
        self._metadata: dict[str, Sequence[Row]] = {
            "kpi": archive.kpi,
            "kpi_groups": archive.kpi_groups,
            "municipality": archive.municipality,
            "municipality_groups": archive.municipality_groups,
            "ou": archive.ou,
        }
        self._observations = _Observations.of(archive.observation, "municipality")
        self._ou_observations = _Observations.of(archive.ou_observation, "ou")
        self._type = {row["id"]: row.get("type") for row in archive.municipality}
        self._owner = pl.DataFrame(
            [(row["id"], row.get("municipality")) for row in archive.ou],
            schema={"ou": pl.String, "owner": pl.String},
            orient="row",
        )
        self._member = pl.DataFrame(
            [
                (group["id"], member["member_id"])
                for group in archive.municipality_groups
                for member in group.get("members", ())
            ],
            schema={"group": pl.String, "municipality": pl.String},
            orient="row",
        )
        # What Kolada itself has sent of a group goes before what would be computed.
        self._sent = archive.observation.filter(
            pl.col("municipality").is_in(self._member["group"].unique().to_list())
        ).select("kpi", "period", pl.col("municipality").alias("group"), "gender")
        self.app = Starlette(routes=list(self._routes()))

    def _routes(self) -> Iterator[Route]:
        yield Route("/v2/{rest:path}", _gone)
        for name in self._metadata:
            handler = self._handler(self._answer_metadata, table=name)
            yield Route(f"/v3/{name}", handler)
            yield Route(f"/v3/{name}/{{id}}", handler)
        for table, observations in (
            ("data", self._observations),
            ("oudata", self._ou_observations),
        ):
            handler = self._handler(self._answer_data, observations=observations)
            unit = observations.unit
            yield Route(f"/v3/{table}/", handler)
            yield Route(f"/v3/{table}/kpi/{{kpi}}/year/{{period}}", handler)
            yield Route(f"/v3/{table}/kpi/{{kpi}}/{unit}/{{{unit}}}", handler)
            yield Route(f"/v3/{table}/kpi/{{kpi}}/{unit}/{{{unit}}}/year/{{period}}", handler)
            yield Route(f"/v3/{table}/{unit}/{{{unit}}}/year/{{period}}", handler)
            if unit == "ou":
                yield Route(f"/v3/{table}/municipality/{{municipality}}/year/{{period}}", handler)

    def _handler(self, answer: Callable[..., Response], **fixed: Any) -> Callable[..., Any]:
        async def handle(request: Request) -> Response:
            try:
                return await run_in_threadpool(answer, request, **fixed)
            except _RefusalError as refusal:
                return JSONResponse({"detail": refusal.detail}, status_code=422)

        return handle

    def _answer_metadata(self, request: Request, *, table: str) -> Response:
        ids = _listed(request, "id", parameters={})
        rows = self._metadata[table]
        if ids:
            rows = [row for row in rows if row["id"] in ids]
        if title := request.query_params.get("title"):
            rows = [row for row in rows if title.lower() in row["title"].lower()]
        if table == "municipality":
            for name in ("type", "region_type"):
                if kind := request.query_params.get(name):
                    rows = [row for row in rows if row.get("type") == kind]
        if table == "ou" and (owner := request.query_params.get("municipality")):
            rows = [row for row in rows if row.get("municipality") in owner.split(",")]
        page, per_page = _paging(request)
        chosen = rows[(page - 1) * per_page : page * per_page]
        body = json.dumps(list(chosen), ensure_ascii=False, separators=(",", ":"))
        return _envelope(request, body, len(chosen), has_more=page * per_page < len(rows))

    def _answer_data(self, request: Request, *, observations: _Observations) -> Response:
        unit = observations.unit
        parameters = _parameters(request.path_params, unit)
        wanted: dict[str, Sequence[Any]] = {
            name: _listed(request, name, parameters) for name in ("kpi", "municipality", "ou")
        }
        wanted["period"] = [
            int(year) if year.isdecimal() and len(year) == 4 else -1
            for year in _listed(request, "period", parameters)
        ]
        if unit == "ou" and wanted["municipality"]:
            owned = self._owner.filter(pl.col("owner").is_in(wanted["municipality"]))["ou"]
            inside = set(owned) & set(wanted["ou"]) if wanted["ou"] else set(owned)
            wanted["ou"] = sorted(inside) or ["no unit"]
        page, per_page = _paging(request)
        if sum(bool(wanted[name]) for name in ("kpi", unit, "period")) < 2:
            return _envelope(request, "[]", 0, has_more=False)
        from_date = _date(request.query_params.get("from_date"))
        region_type = request.query_params.get("region_type")
        rows = observations.rows(wanted, from_date)
        if unit == "municipality" and region_type is not None:
            kind = [id_ for id_, type_ in self._type.items() if type_ == region_type]
            rows = rows.filter(pl.col("municipality").is_in(kind))
        elif unit == "municipality":
            rows = pl.concat([rows, self._groups(wanted, from_date).select(rows.columns)])
        nested = (
            rows.sort("kpi", "period", unit, "gender")
            .group_by("kpi", "period", unit, maintain_order=True)
            .agg(
                pl.struct(
                    "gender",
                    "count",
                    "status",
                    "value",
                    pl.col("is_deleted").alias("isdeleted"),
                ).alias("values")
            )
            .select("values", "kpi", "period", unit)
        )
        chosen = nested.slice((page - 1) * per_page, per_page)
        has_more = page * per_page < nested.height
        return _envelope(request, chosen.write_json(), chosen.height, has_more=has_more)

    def _groups(self, wanted: Mapping[str, Sequence[Any]], from_date: date | None) -> pl.DataFrame:
        """The means of groups, of those that changed where changes are asked for."""
        groups, asked = self._member, wanted["municipality"]
        if asked:
            groups = groups.filter(pl.col("group").is_in(asked))
        if groups.is_empty():  # most questions: spared the look-up below
            return self._observations.changed.clear()
        of_all = {**wanted, "municipality": []}
        key = ["kpi", "period", "group", "gender"]
        members = self._observations.rows(of_all, None).join(groups, on="municipality")
        if from_date is not None:
            changed = self._observations.rows(of_all, from_date).join(groups, on="municipality")
            members = members.join(changed, on=key, how="semi")
        return (
            members.filter(pl.col("value").is_not_null())
            .join(self._sent, on=key, how="anti")
            .group_by(key)
            .agg(
                pl.col("value").sort_by("municipality").mean(),
                pl.len().cast(pl.Int32).alias("count"),
            )
            .rename({"group": "municipality"})
            .with_columns(
                pl.lit("").alias("status"),
                pl.lit(False).alias("is_deleted"),
                pl.lit(None, dtype=pl.Date).alias("changed"),
            )
        )


def serve(
    archive: Archive, *, port: int, ready: Callable[[str], None], faults: Sequence[Fault] = ()
) -> None:
    """Serve `archive` on localhost until stopped; `ready` is told the address."""
    server = _Server(archive, port, faults)
    ready(server.url)
    with suppress(KeyboardInterrupt):  # raised again by uvicorn after it has stopped
        server.run()


@contextmanager
def serving(archive: Archive, *, port: int = 0, faults: Sequence[Fault] = ()) -> Iterator[str]:
    """Serve `archive` beside the caller, with the faults on order; gives the base address."""
    server = _Server(archive, port, faults)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server.url
    finally:
        server.should_exit = True
        thread.join(timeout=10)


class _Server(uvicorn.Server):
    def __init__(self, archive: Archive, port: int, faults: Sequence[Fault]) -> None:
        app: ASGIApp = LocalKolada(archive).app
        if faults:
            app = Faulty(app, faults)
        super().__init__(
            uvicorn.Config(
                app,
                log_level="warning",
                lifespan="off",
                ws="none",
                access_log=False,
                timeout_graceful_shutdown=1,  # s; an answer that drips must not hold it up
            )
        )
        try:
            # Before the server runs: requests wait in the socket, and a port in use is told here.
            self._socket = socket.create_server((HOST, port))
        except OSError as error:
            raise ArchiveError(
                f"Port {port} on {HOST} cannot be used: {error}. Choose another with --port, or 0 "
                "for any free one."
            ) from error
        self.url = f"http://{HOST}:{self._socket.getsockname()[1]}/v3"

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        with closing(self._socket):
            super().run(sockets=[self._socket, *(sockets or [])])


async def _gone(request: Request) -> Response:
    del request
    return JSONResponse(
        {"error": "This endpoint is deprecated. Please use /v3 instead."}, status_code=410
    )


def _parameters(path_params: Mapping[str, Any], unit: str) -> Mapping[str, str]:
    """The lists that stand in the query string, by name; all others there are ignored."""
    if not path_params:
        names = {"kpi": "kpi_id", "municipality": "municipality_id", "period": "year"}
        return names if unit == "municipality" else {**names, "ou": "ou_id"}
    if unit == "ou" and path_params.keys() == {"kpi", "period"}:
        return {"municipality": "municipality_id"}
    return {}


def _listed(request: Request, name: str, parameters: Mapping[str, str]) -> list[str]:
    """The values of one list, from the path or as repeated parameters."""
    if name in request.path_params:
        location, values = "path", str(request.path_params[name]).split(",")
    elif name in parameters:
        location, values = "query", request.query_params.getlist(parameters[name])
    else:
        return []
    if len(values) > BATCH_LIMIT:
        raise _RefusalError(location, name, f"List should have at most {BATCH_LIMIT} items")
    return [value.strip() for value in values if value.strip()]


def _paging(request: Request) -> tuple[int, int]:
    numbers = []
    for name, default, most in (("page", 1, None), ("per_page", PAGE_ROWS, PAGE_ROWS)):
        text = request.query_params.get(name, str(default))
        if not text.isdecimal() or int(text) < 1 or (most is not None and int(text) > most):
            limit = f" and at most {most}" if most else ""
            raise _RefusalError("query", name, f"Input should be an integer, at least 1{limit}")
        numbers.append(int(text))
    return numbers[0], numbers[1]


def _date(text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise _RefusalError("query", "from_date", "Input should be a valid date") from error


def _envelope(request: Request, rows: str, count: int, *, has_more: bool) -> Response:
    page, _ = _paging(request)
    following = json.dumps(_address(request, page + 1)) if has_more else "null"
    previous = json.dumps(_address(request, page - 1)) if page > 1 else "null"
    body = f'{{"values":{rows},"next_url":{following},"previous_url":{previous},"count":{count}}}'
    return Response(body.encode("utf-8"), media_type="application/json")


def _address(request: Request, page: int) -> str:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "page"]
    query = urlencode([*kept, ("page", str(page))], quote_via=quote)
    url = request.url
    return f"{url.scheme}://{url.netloc}{quote(url.path, safe='/,')}?{query}"
