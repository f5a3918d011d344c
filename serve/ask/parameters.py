"""A question's parameters: declared once, for reading what was written and for the description of the API."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from dataflow.durations import to_ms
from dataflow.errors import QueryError
from dataflow.spelling import suggest
from query.moment import parse_time
from serve.problem import wrong_parameter

Pairs = Sequence[tuple[str, str]]
"""Names and values in the order in which they were written; a name may come again."""

_MOST_TEXT = 10_000


class Parameter(NamedTuple):
    """One parameter of the query string. `kind` is one of text, integer, boolean, time, duration.

    `many`: it may be given again and again. Numbers lie in [least, most]; a text is one of `choices`, if there are any.
    """

    name: str
    kind: str
    help: str
    default: Any = None
    least: int | None = None
    most: int | None = None
    choices: tuple[str, ...] = ()
    many: bool = False

    def described(self) -> dict[str, Any]:
        """As OpenAPI has it."""
        schema: dict[str, Any] = {"type": {"integer": "integer", "boolean": "boolean"}.get(self.kind, "string")}
        if self.kind not in ("integer", "boolean"):
            schema["maxLength"] = _MOST_TEXT
        if self.choices:
            schema["enum"] = list(self.choices)
        if self.least is not None:
            schema["minimum"] = self.least
        if self.most is not None:
            schema["maximum"] = self.most
        if self.default is not None:
            schema["default"] = self.default
        if self.many:
            schema = {"type": "array", "items": schema}
        return {"name": self.name, "in": "query", "required": False, "description": self.help, "schema": schema}

    def read(self, written: str) -> Any:
        """The value of a text. Raises Problem."""
        if len(written) > _MOST_TEXT:
            raise wrong_parameter(self.name, written[:40], f"is longer than {_MOST_TEXT} characters")
        if "\0" in written:
            raise wrong_parameter(self.name, written, "holds a NUL character")
        if self.choices and written not in self.choices:
            raise wrong_parameter(self.name, written, f"write one of {', '.join(self.choices)}")
        return _READS[self.kind](self, written)


def _integer(parameter: Parameter, written: str) -> int:
    # int() also takes blanks, underscores and digits of other scripts
    if not (written.isascii() and written.removeprefix("-").isdecimal()) or len(written) > 19:
        raise wrong_parameter(parameter.name, written, "write a whole number")
    value = int(written)
    if (parameter.least is not None and value < parameter.least) or (
        parameter.most is not None and value > parameter.most
    ):
        reach = f"from {parameter.least} to {parameter.most}" if parameter.most is not None else f"{parameter.least} up"
        raise wrong_parameter(parameter.name, written, f"write a whole number, {reach}")
    return value


def _boolean(parameter: Parameter, written: str) -> bool:
    if written not in ("true", "false"):
        raise wrong_parameter(parameter.name, written, "write true or false")
    return written == "true"


def _time(parameter: Parameter, written: str) -> Any:
    try:
        # in a query string a plus is a blank, unless it is escaped
        return parse_time(written.replace(" 0", "+0").replace(" 1", "+1") if written.count(":") == 3 else written)
    except (QueryError, OverflowError):
        form = "write a UTC time like 2026-11-25T12:05:00Z"
        raise wrong_parameter(parameter.name, written, form) from None


def _duration(parameter: Parameter, written: str) -> int:
    try:
        value_ms = to_ms(written)
    except ValueError:
        value_ms = 0
    if not 0 < value_ms <= 100 * 366 * 86_400_000:
        raise wrong_parameter(parameter.name, written, "write a whole number and ms, s, m, h or d, like 90s or 1h")
    return value_ms


_READS: Mapping[str, Any] = {
    "text": lambda _, written: written,
    "integer": _integer,
    "boolean": _boolean,
    "time": _time,
    "duration": _duration,
}


def read(pairs: Pairs, parameters: Iterable[Parameter]) -> dict[str, Any]:
    """The value of every parameter, its default where it was not given. Raises Problem for names that nobody knows."""
    known = {parameter.name: parameter for parameter in parameters}
    values: dict[str, Any] = {name: [] if parameter.many else parameter.default for name, parameter in known.items()}
    given: set[str] = set()
    for name, written in pairs:
        parameter = known.get(name)
        if parameter is None:
            hint = suggest(name[:100], list(known)) if known else "; it takes none"
            raise wrong_parameter(name[:100], written, f"there is no such parameter{hint}")
        value = parameter.read(written)
        if parameter.many:
            values[name].append(value)
        elif name in given:
            raise wrong_parameter(name, written, "is given twice")
        else:
            values[name] = value
        given.add(name)
    return values
