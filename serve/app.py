"""The server as an ASGI app: all routes over one lake."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from starlette.exceptions import HTTPException

from dataflow.errors import TidemillError
from serve.api.alert_feed_route import add_alert_feed_route
from serve.api.ask_routes import add_ask_routes
from serve.api.doctor_route import add_doctor_route
from serve.api.guard import Guard
from serve.api.health_routes import add_health_routes
from serve.api.page_routes import add_page_routes
from serve.api.query_route import add_query_routes
from serve.api.server import Server
from serve.api.stream_route import add_stream_route
from serve.problem import Problem
from serve.served import Served


def make_app(
    lake: Path,
    pipeline: str | None,
    wish: Served,
    *,
    clock: Callable[[], datetime],
    new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
) -> FastAPI:
    """The app over the lake in folder `lake`, which may come, go and be replaced while it is served.

    `pipeline`: the file whose reports and boards are served, PATH[:NAME]. `new_id` names requests. Its `state.server`
    has what it is made of; whoever runs it without lifespan events closes that.
    """
    server = Server.over(lake, pipeline, wish, clock)

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        await server.start()
        try:
            yield
        finally:
            await server.close()

    app = FastAPI(
        title="Tidemill",
        description="Answers from a lake while it is being filled.",
        version=version("tidemill"),
        docs_url=None,
        redoc_url=None,
        lifespan=life,
        separate_input_output_schemas=False,
        redirect_slashes=False,
    )
    app.state.server = server
    app.add_middleware(Guard, wish=wish, figures=server.figures, new_id=new_id)
    for error in (Problem, TidemillError, HTTPException):
        app.add_exception_handler(error, _as_raised)
    add_ask_routes(app, server)
    add_alert_feed_route(app, server)
    add_query_routes(app, server)
    add_stream_route(app, server)
    add_doctor_route(app, server)
    add_health_routes(app, server)
    add_page_routes(app, server)
    return app


async def _as_raised(_: Any, error: Exception) -> Any:
    """Hand an exception to the guard, which tells it as a problem."""
    if isinstance(error, HTTPException):
        raise _of_http(error) from error
    raise error


_HTTP = {
    404: ("no-such-path", "there is nothing at this path", "see /docs for what there is"),
    405: ("wrong-method", "the path does not take this method", "see the Allow header and /docs"),
}


def _of_http(error: HTTPException) -> Problem:
    known = _HTTP.get(error.status_code, ("refused", "the request is refused", "see /docs"))
    kind, title, hint = known
    return Problem(error.status_code, kind, title, str(error.detail), hint, dict(error.headers or {}))
