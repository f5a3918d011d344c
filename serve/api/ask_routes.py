"""The routes of all questions that are asked with GET."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response

from serve.answers import Answered, Wanted
from serve.api.described import FORMAT, ONLY_JSON, SHAPE, described, responses
from serve.api.server import Server
from serve.ask.lists_question import BoardQuestion
from serve.ask.parameters import Pairs, read
from serve.ask.report_question import ReportQuestion
from serve.ask.ways import BOARD_SUMMARY, REPORT_SUMMARY, WAYS, question_of
from serve.etag import known_tags
from serve.forms import form_of

PREFIX = "/api/v1"

_NAME = {
    "name": "name",
    "in": "path",
    "required": True,
    "description": "A name of the list.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200, "pattern": r"^[^/]+$"},
}
_STATUSES = (304, 400, 401, 404, 406, 410, 422, 503, 504)
_HOW = (FORMAT, SHAPE)
_HOW_NAMES = {"format", "shape"}


def add_ask_routes(app: FastAPI, server: Server) -> None:
    """Add them."""
    for path, way in WAYS.items():
        how = _HOW if way.is_table else (ONLY_JSON,)
        app.add_api_route(
            f"{PREFIX}/{path}",
            _asked(server, path),
            methods=["GET"],
            summary=way.summary,
            operation_id=path.replace("/", "_").replace("-", "_"),
            responses=responses(*_STATUSES, table=way.is_table),
            openapi_extra={"parameters": described([*way.parameters, *how])},
            response_class=Response,
        )
    app.add_api_route(
        f"{PREFIX}/reports/{{name}}",
        _asked_by_name(server, "reports"),
        methods=["GET"],
        summary=REPORT_SUMMARY,
        description=(
            "A report's own parameters go into the query string by their names; those of a rollup are listed here. "
            "Keys of a rollup are filters: `key.ad_id=ad-7`, again and again for any of several, `\\N` for NULL."
        ),
        operation_id="report",
        responses=responses(*_STATUSES, table=True),
        openapi_extra={"parameters": described([*ReportQuestion.parameters, *_HOW], [_NAME])},
        response_class=Response,
    )
    app.add_api_route(
        f"{PREFIX}/boards/{{name}}",
        _asked_by_name(server, "boards"),
        methods=["GET"],
        summary=BOARD_SUMMARY,
        operation_id="board",
        responses=responses(*_STATUSES),
        openapi_extra={"parameters": described([*BoardQuestion.parameters, ONLY_JSON], [_NAME])},
        response_class=Response,
    )


def _asked(server: Server, path: str) -> Callable[[Request], Awaitable[Response]]:
    async def ask(request: Request) -> Response:
        return await answer(server, request, path)

    return ask


def _asked_by_name(server: Server, folder: str) -> Callable[[Request], Awaitable[Response]]:
    async def ask(request: Request) -> Response:
        return await answer(server, request, f"{folder}/{request.path_params['name']}")

    return ask


async def answer(server: Server, request: Request, path: str) -> Response:
    """Answer the question at `path` below the API's own path."""
    pairs = request.query_params.multi_items()
    how = read([pair for pair in pairs if pair[0] in _HOW_NAMES], _HOW)
    rest: Pairs = [pair for pair in pairs if pair[0] not in _HOW_NAMES]
    question = question_of(path, rest)
    form = form_of(request.headers.get("accept", ""), how["format"], is_table=question.is_table)
    wanted = Wanted(
        form,
        by_columns=how["shape"] == "columns",
        gzip="gzip" in request.headers.get("accept-encoding", "") and form.is_text,
        known=known_tags(request.headers.getlist("if-none-match")),
        newest="no-cache" in request.headers.get("cache-control", "").lower(),
    )
    lane = server.slow if question.is_slow else server.asking
    identity = (path, sorted(rest))
    answered = await lane.run(lambda: server.answers.of(identity, question, wanted), server.wish.timeout_s)
    return response_of(answered)


def response_of(answered: Answered) -> Response:
    """As it is sent."""
    headers: dict[str, Any] = {**answered.headers, "ETag": f'"{answered.tag}"'}
    media_type = headers.pop("Content-Type", None)
    response = Response(answered.body or b"", answered.status, headers)
    if media_type is not None:
        response.headers["Content-Type"] = media_type
    if answered.status == 304 and "content-length" in response.headers:
        del response.headers["content-length"]
    return response
