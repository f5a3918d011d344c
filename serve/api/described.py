"""What the description of the API says of answers, problems and forms, beside the parameters."""

from collections.abc import Sequence
from typing import Any

from serve.ask.parameters import Parameter
from serve.forms import FORMS, JSON
from serve.problem import MEDIA_TYPE

FORMAT = Parameter("format", "text", "The form of the answer, before what Accept says.", None, choices=tuple(FORMS))
SHAPE = Parameter("shape", "text", "In JSON, a list of rows or a list per column.", "rows", choices=("rows", "columns"))
ONLY_JSON = Parameter("format", "text", "There is only json.", None, choices=(JSON.name,))
PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "hint", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "hint": {"type": ["string", "null"]},
        "request_id": {"type": "string"},
    },
}
_SNAPSHOT = {
    "type": "object",
    "required": ["id", "time"],
    "properties": {"id": {"type": "integer"}, "time": {"type": "string"}},
}
_COLUMN = {
    "type": "object",
    "required": ["name", "type"],
    "properties": {"name": {"type": "string"}, "type": {"type": "string"}},
}
TABLE = {
    "type": "object",
    "required": ["snapshot", "columns", "count", "next", "note"],
    "properties": {
        "snapshot": _SNAPSHOT,
        "columns": {"type": "array", "items": _COLUMN},
        "rows": {"type": "array", "items": {"type": "object"}},
        "data": {"type": "array", "items": {"type": "array"}},
        "count": {"type": "integer"},
        "next": {"type": ["string", "null"]},
        "note": {"type": ["string", "null"]},
        "provisional_from": {"type": ["string", "null"]},
    },
}
DOCUMENT = {"type": "object", "required": ["snapshot"], "properties": {"snapshot": _SNAPSHOT}}


Responses = dict[int | str, dict[str, Any]]


def responses(*statuses: int, table: bool = False, document: dict[str, Any] | None = None) -> Responses:
    """Answers by status: 200 in every form that there is, the others as problems."""
    content: dict[str, Any] = {JSON.media_type: {"schema": document or (TABLE if table else DOCUMENT)}}
    if table:
        for form in FORMS.values():
            binary = {"type": "string"} if form.is_text else {"type": "string", "format": "binary"}
            content.setdefault(form.media_type.partition(";")[0], {"schema": binary})
    found: Responses = {"200": {"description": "The answer", "content": content}}
    for status in statuses:
        found[str(status)] = (
            {"description": "It is as you have it"} if status == 304 else problem(_WORDS.get(status, "A problem"))
        )
    found["default"] = problem("A problem")
    return found


def problem(words: str) -> dict[str, Any]:
    """An answer that is a problem."""
    return {"description": words, "content": {MEDIA_TYPE: {"schema": PROBLEM}}}


def described(parameters: Sequence[Parameter], more: Sequence[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Parameters as OpenAPI has them."""
    return [*more, *(parameter.described() for parameter in parameters)]


_WORDS = {
    400: "A parameter is wrong",
    401: "A token is needed",
    404: "There is no such thing",
    406: "There is no such form",
    410: "The snapshot is not kept any more",
    422: "The report's file has a mistake",
    503: "There is no lake yet, or too much is asked at this moment",
    504: "The question took too long",
}
