"""The change feed over HTTP: server-sent events, one connection for any number of panels."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from fastapi import FastAPI, Request, Response

from serve.api.described import described, problem
from serve.api.server import Server
from serve.ask.parameters import Parameter, read
from serve.ask.question import Question
from serve.ask.ways import question_of
from serve.feed.listener import Listener
from serve.problem import wrong_parameter

MOST_PANELS = 24
PATIENCE_S = 60.0
"""A reader that takes nothing for so long is taken for gone."""

PANEL = Parameter(
    "panel",
    "text",
    "NAME:PATH_AND_QUERY of a question as it is asked with GET, like `p1:reports/clicks_per_ad?minutes=5`.",
    many=True,
)
_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_DESCRIPTION = (
    "Events: `snapshot` at each commit; `panel` when a panel's content has changed; `problem`. The `id` is handed back "
    "in Last-Event-ID, and what did not change since then is not sent again. A comment comes at least every 5 s."
)

Message = MutableMapping[str, Any]


def add_stream_route(app: FastAPI, server: Server) -> None:
    """Add it."""

    async def stream(request: Request) -> Response:
        values = read(request.query_params.multi_items(), [PANEL])
        panels = panels_of(values["panel"])
        viewer = server.feed.join(panels, request.headers.get("last-event-id"))
        return EventStream(server, viewer)

    content = {"text/event-stream": {"schema": {"type": "string"}}}
    app.add_api_route(
        "/api/v1/stream",
        stream,
        methods=["GET"],
        summary="What changes, as it changes: server-sent events",
        description=_DESCRIPTION,
        operation_id="stream",
        responses={
            "200": {"description": "Events without end", "content": content},
            "400": problem("A panel is wrong"),
            "503": problem("Too many watch"),
            "default": problem("A problem"),
        },
        openapi_extra={"parameters": described([PANEL])},
        response_class=Response,
    )


def panels_of(written: list[str]) -> dict[str, tuple[object, Question]]:
    """The panels by name. Raises Problem."""
    if len(written) > MOST_PANELS:
        raise wrong_parameter("panel", None, f"is given {len(written)} times; a feed has at most {MOST_PANELS} panels")
    found: dict[str, tuple[object, Question]] = {}
    for each in written:
        name, colon, place = each.partition(":")
        if not colon or not name or len(name) > 64:
            raise wrong_parameter("panel", each, "write NAME:PATH_AND_QUERY, like p1:reports/clicks_per_ad?minutes=5")
        if name in found:
            raise wrong_parameter("panel", each, f"the name {name} is given twice")
        path, _, query = place.partition("?")
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=200)
        path = unquote_plus(path).removeprefix("/api/v1/").strip("/")
        for key, _value in pairs:
            if key in ("format", "shape", "cursor"):
                raise wrong_parameter("panel", each, f"{key} has no meaning in a feed; leave it out")
        question = question_of(path, pairs)
        if question.is_slow:
            raise wrong_parameter("panel", each, f"{path} takes too long for a feed; ask for it with GET")
        found[name] = ((path, tuple(sorted(pairs))), question)
    return found


class EventStream(Response):
    """Events as long as the client listens."""

    def __init__(self, server: Server, viewer: Listener) -> None:
        super().__init__(status_code=200, headers=_HEADERS)
        del self.headers["content-length"]
        self._server = server
        self._viewer = viewer

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Send until the client leaves, stops reading, or the server ends."""
        leaving = asyncio.ensure_future(_until_gone(receive))
        sending = asyncio.ensure_future(self._send(send))
        try:
            pieces = -1
            # who takes nothing for so long, while there is a comment every few seconds, is gone
            while pieces != self._viewer.pieces:
                pieces = self._viewer.pieces
                done, _ = await asyncio.wait(
                    {leaving, sending}, timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED
                )
                if done:
                    break
            if sending.done():
                sending.result()
        finally:
            self._server.feed.leave(self._viewer)
            for task in (leaving, sending):
                task.cancel()
                with suppress(asyncio.CancelledError, TimeoutError, OSError):
                    await task

    async def _send(self, send: Callable[[Message], Awaitable[None]]) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._viewer.events():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _until_gone(receive: Callable[[], Awaitable[Message]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
