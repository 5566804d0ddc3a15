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
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote, urlencode

import numpy as np
import numpy.typing as npt
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
from kolada.value_index import Form, Places, ValueIndex, Values, places_of

HOST = "127.0.0.1"
REMEMBERED_QUESTIONS, REMEMBERED_ROWS = 16, 4_000_000  # at most 20 bytes per value, 3 to a row
GROUP_KEY = ["kpi", "period", "group", "gender"]

Flags = npt.NDArray[np.bool_]


class _RefusalError(Exception):
    """A request that Kolada answers with 422."""

    def __init__(self, location: str, name: str, message: str) -> None:
        super().__init__(message)
        self.detail = [{"type": "value_error", "loc": [location, name], "msg": message}]


class _Observations:
    """The values of one kind of unit, and what Kolada writes around the number of each."""

    def __init__(self, index: ValueIndex, unit: str) -> None:
        self.index = index
        self.unit = unit
        said = [
            f'{{"gender":{_json(form.gender)},"count":{_json(form.count)},'
            f'"status":{_json(form.status)},"value":'
            for form in index.forms
        ]
        # Of each form: before a further value of a row, before the first, before all others.
        self._before = _texts(
            opening + one for opening in (",", ',{"values":[', '{"values":[') for one in said
        )
        self._after = _texts(f',"isdeleted":{_json(form.is_deleted)}}}' for form in index.forms)
        self._kpi = _texts(f'],"kpi":{_json(kpi)},"period":' for kpi in index.kpis)
        self._period = _texts(f'{period},"{unit}":' for period in index.periods)
        self._unit = _texts(f"{_json(one)}}}" for one in index.units)

    def rows(self, values: Values, begin: Places) -> bytes:
        """Values as rows in JSON, without brackets; row i begins with value `begin[i]`."""
        n_row, n_value = begin.size, len(values.value)
        if not n_row:
            return b""
        opening = np.zeros(n_value, dtype=np.int64)
        opening[begin] = 1
        opening[0] = 2
        row_ended = np.full(n_value, n_row)  # n_row, an empty text, where the row goes on
        row_ended[np.append(begin[1:], n_value) - 1] = np.arange(n_row)
        ends = pl.select(
            pl.concat_str(
                self._kpi.gather(values.kpi[begin]),
                self._period.gather(values.period[begin]),
                self._unit.gather(values.unit[begin]),
            )
        ).to_series()
        number = (
            pl.when(values.value.is_finite())
            .then(values.value.cast(pl.String))
            .otherwise(pl.lit("null"))
        )
        text = pl.concat_str(
            self._before.gather(values.form + opening * len(self._after)),
            number,
            self._after.gather(values.form),
            ends.append(_texts([""])).gather(row_ended),
        )
        body: bytes = pl.select(text.str.join().cast(pl.Binary)).item()
        return body


@dataclass(frozen=True, slots=True)
class _Found:
    """What answers one question: all its values, and where each row of the answer begins."""

    values: Values
    places: Places | None  # among `values`; None: all of them
    begin: Places  # (n_row + 1,)

    @classmethod
    def of(cls, values: Values, places: Places | None) -> "_Found":
        is_first = np.zeros(values.kpi.size if places is None else places.size, dtype=np.bool_)
        is_first[:1] = True
        for codes in (values.kpi, values.period, values.unit):
            found = codes if places is None else codes[places]
            is_first[1:] |= found[1:] != found[:-1]
        return cls(values, places, np.append(np.flatnonzero(is_first), is_first.size))

    def page(self, number: int, per_page: int) -> tuple[Values, Places]:
        """The values of a page, and where each of its rows begins among them."""
        n_row = self.begin.size - 1
        first = min((number - 1) * per_page, n_row)
        last = min(first + per_page, n_row)
        start, end = int(self.begin[first]), int(self.begin[last])
        places = np.arange(start, end) if self.places is None else self.places[start:end]
        return self.values.at(places), self.begin[first:last] - start


class _Recent:
    """What was found for the last questions, so that a further page is not looked up again."""

    def __init__(self) -> None:
        self._found: OrderedDict[Hashable, _Found] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, question: Hashable, look_up: Callable[[], _Found]) -> _Found:
        with self._lock:
            if (found := self._found.get(question)) is not None:
                self._found.move_to_end(question)
                return found
        found = look_up()
        with self._lock:
            self._found[question] = found
            while len(self._found) > 1 and self._is_much():
                self._found.popitem(last=False)
        return found

    def _is_much(self) -> bool:
        n_row = sum(found.begin.size for found in self._found.values())
        return len(self._found) > REMEMBERED_QUESTIONS or n_row > REMEMBERED_ROWS


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
        members = [
            (group["id"], member["member_id"])
            for group in archive.municipality_groups
            for member in group.get("members", ())
        ]
        sizes = Counter(group for group, _ in members)
        of_groups = [
            Form(gender, count, "", False)
            for gender in archive.observation["gender"].unique().cast(pl.String)
            for count in range(1, max(sizes.values(), default=0) + 1)
        ]
        index = ValueIndex.of(
            archive.observation, "municipality", units=list(sizes), forms=of_groups
        )
        self._observations = _Observations(index, "municipality")
        self._ou_observations = _Observations(ValueIndex.of(archive.ou_observation, "ou"), "ou")
        self._type = {row["id"]: row.get("type") for row in archive.municipality}
        self._units_of: dict[Any, list[str]] = {}
        for row in archive.ou:
            self._units_of.setdefault(row.get("municipality"), []).append(row["id"])
        self._groups = _Groups(index, members)
        self._recent = _Recent()
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
        return _envelope(
            request, body[1:-1].encode(), len(chosen), has_more=page * per_page < len(rows)
        )

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
            owners = wanted["municipality"]
            owned = {one for owner in owners for one in self._units_of.get(owner, ())}
            inside = owned & set(wanted["ou"]) if wanted["ou"] else owned
            wanted["ou"] = sorted(inside) or ["no unit"]
        page, per_page = _paging(request)
        if sum(bool(wanted[name]) for name in ("kpi", unit, "period")) < 2:
            return _envelope(request, b"", 0, has_more=False)
        from_date = _date(request.query_params.get("from_date"))
        region_type = request.query_params.get("region_type") if unit == "municipality" else None
        asked = tuple(frozenset(wanted[name]) for name in ("kpi", unit, "period"))
        found = self._recent.get(
            (unit, asked, from_date, region_type),
            lambda: self._look_up(observations, wanted, from_date, region_type),
        )
        values, begin = found.page(page, per_page)
        rows = observations.rows(values, begin)
        has_more = page * per_page < found.begin.size - 1
        return _envelope(request, rows, begin.size, has_more=has_more)

    def _look_up(
        self,
        observations: _Observations,
        wanted: Mapping[str, Sequence[Any]],
        from_date: date | None,
        region_type: str | None,
    ) -> _Found:
        index, units = observations.index, wanted[observations.unit]
        chosen = np.full(len(index.units), not units, dtype=np.bool_)
        chosen[places_of(index.units, units)] = True
        if region_type is not None:
            kind = [self._type.get(one) == region_type for one in index.units]
            chosen &= np.array(kind, dtype=np.bool_)
        kpi, period = wanted["kpi"], wanted["period"]
        places = index.places(kpi=kpi, period=period, unit=chosen, since=from_date)
        if observations.unit == "municipality" and region_type is None:
            means = self._groups.means(chosen, kpi=kpi, period=period, since=from_date)
            if means is not None:
                together = index.values.at(places).joined(means)
                return _Found.of(index.ordered(together), None)
        return _Found.of(index.values, places)


class _Groups:
    """The unweighted means of groups of municipalities, computed where they are asked for."""

    def __init__(self, index: ValueIndex, members: Sequence[tuple[str, str]]) -> None:
        self._index = index
        place = {one: code for code, one in enumerate(index.units)}
        self._members = pl.DataFrame(
            [(place[group], place[one]) for group, one in members if one in place],
            schema={"group": pl.UInt32, "unit": pl.UInt32},
            orient="row",
        )
        is_group = self._flags(place[group] for group, _ in members)
        # What Kolada itself has sent of a group goes before what would be computed.
        sent = index.places(kpi=(), period=(), unit=is_group, with_deleted=True)
        self._sent = self._frame(sent).rename({"unit": "group"}).select(GROUP_KEY)
        self._form = {
            (index.genders.index(form.gender), form.count): code
            for code, form in enumerate(index.forms)
            if form.status == "" and form.is_deleted is False
        }

    def means(
        self,
        chosen: Flags,
        *,
        kpi: Sequence[str],
        period: Sequence[int],
        since: date | None,
    ) -> Values | None:
        """The means of the groups among the chosen units, of those that changed since a day."""
        members = self._members.filter(pl.Series(chosen).gather(self._members["group"]))
        if members.is_empty():  # most questions: spared the look-up below
            return None
        unit = self._flags(members["unit"])
        values = self._frame(self._index.places(kpi=kpi, period=period, unit=unit))
        values = values.join(members, on="unit")
        if since is not None:
            moved = self._index.places(kpi=kpi, period=period, unit=unit, since=since)
            values = values.join(
                self._frame(moved).join(members, on="unit"), on=GROUP_KEY, how="semi"
            )
        means = (
            values.filter(pl.col("value").is_not_null())
            .join(self._sent, on=GROUP_KEY, how="anti")
            .group_by(GROUP_KEY)
            .agg(pl.col("value").sort_by("unit").mean(), pl.len().alias("count"))
        )
        if means.is_empty():
            return None
        form = [self._form[one] for one in means.select("gender", "count").iter_rows()]
        return Values(
            kpi=means["kpi"].to_numpy(),
            period=means["period"].to_numpy(),
            unit=means["group"].to_numpy(),
            form=np.array(form, dtype=np.uint32),
            value=means["value"],
        )

    def _frame(self, places: Places) -> pl.DataFrame:
        values = self._index.values.at(places)
        gender = self._index.gender[values.form]
        codes = {"kpi": values.kpi, "period": values.period, "unit": values.unit, "gender": gender}
        columns = [pl.Series(name, one.astype(np.uint32)) for name, one in codes.items()]
        return pl.DataFrame([*columns, values.value.alias("value")])

    def _flags(self, units: Iterable[int]) -> Flags:
        flags = np.zeros(len(self._index.units), dtype=np.bool_)
        flags[list(units)] = True
        return flags


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


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _texts(texts: Iterable[str]) -> pl.Series:
    return pl.Series(list(texts), dtype=pl.String)


def _envelope(request: Request, rows: bytes, count: int, *, has_more: bool) -> Response:
    page, _ = _paging(request)
    following = json.dumps(_address(request, page + 1)) if has_more else "null"
    previous = json.dumps(_address(request, page - 1)) if page > 1 else "null"
    rest = f'],"next_url":{following},"previous_url":{previous},"count":{count}}}'
    body = b"".join([b'{"values":[', rows, rest.encode()])
    return Response(body, media_type="application/json")


def _address(request: Request, page: int) -> str:
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "page"]
    query = urlencode([*kept, ("page", str(page))], quote_via=quote)
    url = request.url
    return f"{url.scheme}://{url.netloc}{quote(url.path, safe='/,')}?{query}"
