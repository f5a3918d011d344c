"""Is the server alive, is there a lake to answer from, and what Prometheus is told."""

from fastapi import FastAPI, Response

from dataflow.errors import TidemillError
from serve.api.described import Responses, problem
from serve.api.server import Server
from serve.figures import MEDIA_TYPE
from serve.forms import ENCODER, JSON
from serve.problem import Problem, problem_of

_OBJECT = {"application/json": {"schema": {"type": "object"}}}
_LOOK_S = 5.0


def add_health_routes(app: FastAPI, server: Server) -> None:
    """Add them."""

    async def livez() -> Response:
        """Answers as long as the process does."""
        return Response(ENCODER.encode({"status": "ok"}), media_type=JSON.media_type)

    async def readyz() -> Response:
        """Whether a question would be answered."""
        try:
            at = await server.asking.run(server.lake.at, _LOOK_S)
        except TidemillError as error:
            raise _without_folder(problem_of(error), server) from error
        return Response(ENCODER.encode({"status": "ok", "snapshot": at.snapshot.id}), media_type=JSON.media_type)

    async def metrics() -> Response:
        """Figures of the server itself; those of the pipeline are at its own port."""
        held = server.lake.held
        server.figures.kept_bytes.set(held.size_bytes)
        server.figures.kept_rows.set(held.rows)
        return Response(server.figures.page(), media_type=None, headers={"Content-Type": MEDIA_TYPE})

    ok: Responses = {"200": {"description": "It is", "content": _OBJECT}, "default": problem("A problem")}
    text: Responses = {
        "200": {"description": "The figures", "content": {"text/plain": {"schema": {"type": "string"}}}},
        "default": problem("A problem"),
    }
    app.add_api_route("/livez", livez, methods=["GET"], responses=ok, response_class=Response)
    not_ready: Responses = {**ok, "503": problem("There is no lake yet")}
    app.add_api_route("/readyz", readyz, methods=["GET"], responses=not_ready, response_class=Response)
    app.add_api_route("/metrics", metrics, methods=["GET"], responses=text, response_class=Response)


def _without_folder(found: Problem, server: Server) -> Problem:
    """The same for those who ask without a token: no path of this machine."""
    if server.wish.token is None:
        return found
    told = found.detail.replace(str(server.lake.folder), "the folder of the setting `lake`")
    return Problem(found.status, found.kind, found.title, told, found.hint, found.headers)
