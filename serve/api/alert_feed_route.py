"""The feed of alerts over HTTP: server-sent events, each change once, from where a client stopped."""

from collections.abc import Callable, Mapping
from typing import Any

from fastapi import FastAPI, Request, Response

from serve.api.described import described, problem
from serve.api.server import Server
from serve.api.stream_route import EventStream
from serve.ask.alerts_question import QUIET, RULE, SEVERITY
from serve.ask.parameters import Parameter, read
from serve.feed.alert_log import AlertLog
from serve.feed.alert_viewer import AlertViewer

PATH = "/api/v1/alerts/feed"
_SINCE = Parameter(
    "since",
    "integer",
    "Begin behind this snapshot: `snapshot.id` of an answer of /api/v1/alerts. Left out: with what comes next.",
    None,
    0,
    10**18 - 1,
)
_PARAMETERS = (RULE, SEVERITY, QUIET, _SINCE)
_DESCRIPTION = (
    "Events: `alert` for each time that an alert is raised or retracted, once and in the order of commits; `reset` "
    "where what the client had is not in this lake, which then has to be asked for anew; `problem`. The `id` is handed "
    "back in Last-Event-ID, and the feed goes on behind it: none is missed. A comment comes at least every 5 s."
)


def add_alert_feed_route(app: FastAPI, server: Server) -> None:
    """Add it."""
    log = AlertLog(server.lake, server.wish.timeout_s)

    async def feed(request: Request) -> Response:
        values = read(request.query_params.multi_items(), _PARAMETERS)
        # what is wrong is told before the stream begins
        await server.feed_lane.run(lambda: log.newest(values["rule"]), server.wish.timeout_s)
        since = None if values["since"] is None else str(values["since"])
        last_id = request.headers.get("last-event-id") or since
        viewer = AlertViewer(log, server.feed_lane, lambda: server.feed.is_closed, _wants(values), last_id)
        server.feed.follow(viewer)
        return EventStream(server, viewer)

    content = {"text/event-stream": {"schema": {"type": "string"}}}
    app.add_api_route(
        PATH,
        feed,
        methods=["GET"],
        summary="Alerts as they are raised and retracted: server-sent events",
        description=_DESCRIPTION,
        operation_id="alerts_feed",
        responses={
            "200": {"description": "Events without end", "content": content},
            "400": problem("A parameter is wrong"),
            "404": problem("The lake has no alerts"),
            "503": problem("There is no lake yet, or too many watch"),
            "default": problem("A problem"),
        },
        openapi_extra={"parameters": described(_PARAMETERS)},
        response_class=Response,
    )


def _wants(values: Mapping[str, Any]) -> Callable[[dict[str, Any]], bool]:
    asked = {name: values[name] for name in ("rule", "severity", "quiet") if values[name] is not None}
    return lambda told: all(told[name] == value for name, value in asked.items())
