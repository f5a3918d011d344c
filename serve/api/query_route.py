"""Ad-hoc SQL over HTTP."""

from fastapi import FastAPI, Request, Response

from serve.api.described import TABLE, problem, responses
from serve.api.server import Server
from serve.problem import Problem

_BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {
                "type": "object",
                "required": ["sql"],
                "additionalProperties": False,
                "properties": {
                    "sql": {"type": "string", "minLength": 1},
                    "parameters": {"type": ["array", "object", "null"]},
                    "as_of": {"type": ["string", "integer", "null"]},
                    "rows": {"type": ["integer", "null"], "minimum": 1},
                    "timeout_s": {"type": ["number", "null"], "exclusiveMinimum": 0},
                    "id": {"type": ["string", "null"], "pattern": "^[A-Za-z0-9._-]{1,64}$"},
                },
            }
        }
    },
}


def add_query_routes(app: FastAPI, server: Server) -> None:
    """Add them."""

    async def query(request: Request) -> Response:
        raise _none()

    async def cancel(id: str) -> Response:
        raise _none()

    app.add_api_route(
        "/api/v1/query",
        query,
        methods=["POST"],
        summary="One SELECT",
        operation_id="query",
        responses=responses(400, 401, 501, document=TABLE),
        openapi_extra={"requestBody": _BODY},
        response_class=Response,
    )
    app.add_api_route(
        "/api/v1/query/{id}",
        cancel,
        methods=["DELETE"],
        summary="Cancel a query",
        operation_id="cancel",
        responses={"204": {"description": "It was cancelled"}, "default": problem("A problem")},
        response_class=Response,
    )


def _none() -> Problem:
    return Problem(
        501, "no-sql", "This server takes no SQL", "ad-hoc SQL is not part of it yet", "ask a report or a rollup"
    )
