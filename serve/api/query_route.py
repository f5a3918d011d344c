"""Ad-hoc SQL over HTTP: one SELECT, answered in a process of its own, and stopped when its client leaves."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC
from typing import Any, TypeVar

import msgspec
from fastapi import FastAPI, Request, Response

from serve.api.client import client_of
from serve.api.described import FORMAT, SHAPE, described, problem, responses
from serve.api.server import Server
from serve.ask.parameters import read
from serve.ask.question import ZONE, Found
from serve.ask.report_question import iso
from serve.ask.table_rows import rows_of
from serve.forms import ENCODER, FORMS, JSON, Form, body_of, form_of, table_of
from serve.problem import Problem
from serve.sql.question import Answered, Asked

_T = TypeVar("_T")

MOST_BYTES = 256 * 1024
"""Of a request's body."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ID_SCHEMA = {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$", "minLength": 1, "maxLength": 64}
_HOW = (FORMAT, SHAPE, ZONE)
_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["sql"],
                "additionalProperties": False,
                "properties": {
                    "sql": {"type": "string", "minLength": 1, "description": "One SELECT."},
                    "parameters": {
                        "type": ["array", "object", "null"],
                        "description": "Values of ? by their order, or of $name by name.",
                    },
                    "as_of": {"type": ["string", "integer", "null"], "description": "A snapshot id or a UTC time."},
                    "rows": {"type": ["integer", "null"], "minimum": 0, "description": "Most rows of the answer."},
                    "timeout_s": {"type": ["number", "null"], "exclusiveMinimum": 0, "description": "Longest time."},
                    "id": {**_ID_SCHEMA, "type": ["string", "null"], "description": "A name to cancel it by."},
                },
            }
        }
    },
}


class _Body(msgspec.Struct, forbid_unknown_fields=True):
    sql: str
    parameters: list[Any] | dict[str, Any] | None = None
    as_of: str | int | None = None
    rows: int | None = None
    timeout_s: float | None = None
    id: str | None = None


def add_query_routes(app: FastAPI, server: Server) -> None:
    """Add them."""
    app.add_api_route(
        "/api/v1/query",
        _query(server),
        methods=["POST"],
        summary="One SELECT over the lake, in a process of its own",
        operation_id="query",
        responses=responses(400, 401, 409, 413, 415, 422, 503, 504, table=True),
        openapi_extra={"requestBody": _BODY, "parameters": described(_HOW)},
        response_class=Response,
    )
    named = {"name": "id", "in": "path", "required": True, "description": "The query's id.", "schema": _ID_SCHEMA}
    app.add_api_route(
        "/api/v1/query/{id}",
        _cancel(server),
        methods=["DELETE"],
        summary="Stop a query",
        operation_id="cancel",
        responses={
            "204": {"description": "It stops"},
            "404": problem("There is no such query"),
            "default": problem("A problem"),
        },
        openapi_extra={"parameters": [named]},
        response_class=Response,
        status_code=204,
    )


def _query(server: Server) -> Callable[[Request], Awaitable[Response]]:
    async def query(request: Request) -> Response:
        how = read(request.query_params.multi_items(), _HOW)
        form = form_of(request.headers.get("accept", ""), how["format"], is_table=True)
        body = await _body(request)
        id_ = body.id if body.id is not None else request.state.request_id
        as_of = None if body.as_of is None else str(body.as_of)
        asked = Asked(body.sql, body.parameters, as_of, body.rows, body.timeout_s)
        pool = await server.sql.pool()
        who = client_of(request, server.wish.proxies)
        answered = await _unless_gone(request, pool.run(asked, id_, who))
        zone = how["tz"]
        return await server.asking.run(
            lambda: _response(server, answered, form, zone, by_columns=how["shape"] == "columns"), server.wish.timeout_s
        )

    return query


def _cancel(server: Server) -> Callable[[Request], Awaitable[Response]]:
    async def cancel(request: Request) -> Response:
        id_ = request.path_params["id"]
        read(request.query_params.multi_items(), [])
        if not server.wish.sql or not await (await server.sql.pool()).cancel(id_):
            raise Problem(
                404,
                "no-query",
                "there is no such query",
                f"no query {id_[:64]!r} is at work",
                "it may have ended already",
            )
        return Response(status_code=204)

    return cancel


async def _body(request: Request) -> _Body:
    """What was sent. Raises Problem."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON.media_type:
        hint = "send the header `Content-Type: application/json`"
        raise Problem(415, "wrong-media-type", "the body is no JSON", f"it says {media_type[:100]!r}", hint)
    text = bytearray()
    async for piece in request.stream():
        text += piece
        if len(text) > MOST_BYTES:
            raise Problem(
                413,
                "too-large",
                "the body is too large",
                f"it is longer than {MOST_BYTES} bytes",
                "send a shorter text",
            )
    try:
        body = msgspec.json.decode(bytes(text), type=_Body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        why = str(error) if isinstance(error, msgspec.MsgspecError) else "it is nested too deeply, or no UTF-8"
        hint = 'send an object like {"sql": "SELECT 1 AS one"}'
        raise Problem(400, "wrong-body", "the body cannot be read", why, hint) from None
    if body.id is not None and not _ID.fullmatch(body.id):
        why = "write up to 64 letters, digits, points, lines and underscores"
        raise Problem(400, "wrong-body", "the body cannot be read", f"id = {body.id[:100]!r}: {why}", why)
    return body


async def _unless_gone(request: Request, work: Awaitable[_T]) -> _T:
    """What `work` gives; it is cancelled when the client leaves."""
    asking = asyncio.ensure_future(work)
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise Problem(499, "gone", "the client has left", "nobody waits for the answer", "ask again")
        return asking.result()
    finally:
        for task in (asking, leaving):
            task.cancel()
            with suppress(BaseException):
                await task


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _response(server: Server, answered: Answered, form: Form, zone: str | None, *, by_columns: bool) -> Response:
    shown = None if zone is None else server.lake.zone(zone)
    found = Found(rows_of(answered.table, form.way, server.lake.reader, shown), answered.why_cut)
    time = iso(answered.snapshot_time.astimezone(UTC))
    headers = {"X-Snapshot-Id": str(answered.snapshot_id), "X-Snapshot-Time": time, "Cache-Control": "no-store"}
    if answered.why_cut is not None:
        # rows are there as a whole before the first byte goes out, so that forms without a place for it say so, too
        headers["X-Tidemill-Cut"] = answered.why_cut
    snapshot = {"id": answered.snapshot_id, "time": time}
    if form is FORMS["arrow"]:
        body = answered.stream
    elif form is JSON:
        table = table_of(found, by_columns=by_columns)
        body = ENCODER.encode({"snapshot": snapshot, **table, "cut": answered.is_cut})
    else:
        body = body_of(found, form, snapshot)
    return Response(body, headers={**headers, "Content-Type": form.media_type})
