"""A report's file: comment lines `-- key: value` at the top, then one SELECT."""

import re
from datetime import date
from pathlib import Path

from dataflow.errors import PipelineError, QueryError
from dataflow.spelling import suggest
from query.reports.report import Parameter, Report
from query.reports.span import Span, parse_span
from query.reports.statement import (
    Parser,
    line_of_mistake,
    line_of_placeholder,
    one_line,
    own_parser,
    placeholders,
    statement_lines,
)
from query.reports.values import TYPES, read_value

KEYS = ("title", "view", "parameter", "range", "limit", "pipeline")
RESERVED = frozenset({"start", "end", "limit", "at", "as_of", "format", "output", "lake", "pipeline", "help"})
"""Names that a parameter cannot have: they are placeholders of ours or flags of every report."""

_ENTRY = re.compile(r"--\s*(\w+)\s*:\s*(.*)")
_PARAMETER = re.compile(
    r"(?P<name>\w+)\s+(?P<type>\w+)"
    r"(?:\s*=\s*(?P<default>'(?:[^']|'')*'|[^'(\s](?:[^(]*[^(\s])?))?\s*(?:\((?P<help>.*)\))?"
)
_FILTER = "WHERE window_start >= $start AND window_start < $end"
_ANY_DAY = date(2026, 1, 1)


def read_report(path: Path) -> Report:
    """The report of a file, checked as far as it can be without a lake. Raises PipelineError with all its mistakes."""
    return parse_report(path, text_of(path))


def text_of(path: Path) -> str:
    """What a report's file holds. Raises PipelineError if that is no text."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PipelineError(str(path), [f"cannot be read as text ({error}); write a file of SQL"]) from None


def parse_report(path: Path, text: str, parser: Parser = own_parser) -> Report:
    """The report that is `text`, of the file `path`. Raises PipelineError with all its mistakes."""
    header = _Header(text)
    uses = header.check_statement(parser)
    if header.mistakes:
        told = [f"line {line}: {mistake}" for line, mistake in sorted(header.mistakes)]
        raise PipelineError(str(path), told)
    return Report(
        name=path.stem,
        path=path,
        sql=text,
        title=header.values["title"],
        view=header.values["view"],
        parameters=tuple(header.parameters.values()),
        limit=header.limit,
        span=header.span,
        uses=uses,
        lines=header.lines,
        pipeline=header.values.get("pipeline"),
    )


class _Header:
    """The header as far as it was read, and what is wrong with it: (line, mistake)."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.mistakes: list[tuple[int, str]] = []
        self.values: dict[str, str] = {}
        self.lines: dict[str, int] = {}
        self.parameters: dict[str, Parameter] = {}
        self.span: Span | None = None
        self.limit: int | None = None
        for number, line in enumerate(text.splitlines(), start=1):
            stripped = line.strip()
            if stripped and not stripped.startswith("--"):
                break
            entry = _ENTRY.fullmatch(stripped)
            if entry is not None:
                self._take(number, entry[1], entry[2])
        for key in ("title", "view"):
            if not self.values.get(key):
                self._mistake(self.lines.get(key, 1), key, "", f"is missing; add a line `-- {key}: ...` at the top")
        self._check_span()

    def _mistake(self, line: int, key: str, value: str, reason: str) -> None:
        self.mistakes.append((line, f"{key} = {value!r}: {reason}" if value else f"{key} {reason}"))

    def _take(self, line: int, key: str, value: str) -> None:
        if key not in KEYS:
            self._mistake(line, key, value, f"is no key of a header{suggest(key, KEYS)}")
        elif key == "parameter":
            self._take_parameter(line, value)
        elif key in self.lines:
            self._mistake(line, key, value, f"stands on line {self.lines[key]} already; leave one of them")
        else:
            self.values[key], self.lines[key] = value, line
            if key == "range":
                self._take_span(line, value)
            if key == "limit":
                self._take_limit(line, value)

    def _take_parameter(self, line: int, written: str) -> None:
        match = _PARAMETER.fullmatch(written)
        if match is None:
            self._mistake(line, "parameter", written, "write NAME TYPE = DEFAULT (what it means)")
            return
        name, type_ = match["name"], TYPES.get(match["type"])
        if type_ is None:
            self._mistake(line, "parameter", written, f"unknown type {match['type']}{suggest(match['type'], [*TYPES])}")
            return
        if name in RESERVED:
            self._mistake(line, "parameter", written, f"the name {name} is taken by a flag of reports; choose another")
        if name in self.parameters:
            self._mistake(line, "parameter", written, f"{name} stands on line {self.lines[f'${name}']} already")
        default = match["default"]
        required = default is None
        if default == "none":
            default = None
        elif default is not None:
            default = default[1:-1].replace("''", "'") if default.startswith("'") else default
            try:
                read_value(type_, default, _ANY_DAY)
            except (ValueError, QueryError):
                self._mistake(line, "parameter", written, f"{default!r} is no {type_.name}; write {type_.form}")
        self.parameters[name] = Parameter(name, type_, default, required, match["help"] or "")
        self.lines[f"${name}"] = line

    def _take_span(self, line: int, written: str) -> None:
        try:
            self.span = parse_span(written)
        except ValueError as error:
            self._mistake(line, "range", written, str(error))

    def _take_limit(self, line: int, written: str) -> None:
        if written == "none":
            return
        if not re.fullmatch(r"[1-9]\d{0,17}", written):
            self._mistake(line, "limit", written, "write a whole number of rows, 1 or more, or none")
            return
        self.limit = int(written)

    def _check_span(self) -> None:
        for name, type_ in {} if self.span is None else self.span.needs.items():
            declared = self.parameters.get(name)
            if declared is None:
                reason = f"there is no parameter {name}; add a line `-- parameter: {name} {type_} = ...`"
            elif declared.type.name != type_:
                reason = f"{name} must be of type {type_}, not {declared.type.name}"
            elif declared.default is None and not declared.required:
                reason = f"{name} cannot be none; give it another default"
            else:
                continue
            self._mistake(self.lines["range"], "range", self.values["range"], reason)

    def check_statement(self, parser: Parser) -> frozenset[str]:
        """The placeholders of the SQL, each held against what the header declares."""
        try:
            uses = placeholders(self.text, parser)
        except QueryError as error:
            told = str(error).replace("the query", "the SQL")
            self.mistakes.append((line_of_mistake(told, self.text), one_line(told)))
            return frozenset()
        ours = {"start": "range", "end": "range", "limit": "limit"}
        for name in sorted(uses):
            key = ours.get(name, "parameter")
            if key not in self.lines and name not in self.parameters:
                form = f"parameter: {name} TYPE = DEFAULT" if key == "parameter" else f"{key}: ..."
                line = line_of_placeholder(name, self.text)
                self.mistakes.append((line, f"${name} is not declared; add a line `-- {form}` at the top"))
        first = next((number for number, _ in statement_lines(self.text)), 1)
        in_span = set() if self.span is None else self.span.needs.keys()
        for name in self.parameters.keys() - uses - in_span:
            self._mistake(
                self.lines[f"${name}"], "parameter", name, f"the SQL does not use ${name}; use it or leave it out"
            )
        for name, key in ours.items():
            if key in self.lines and name not in uses:
                fix = _FILTER if key == "range" else "LIMIT $limit"
                self.mistakes.append((first, f"the SQL does not use ${name}; write {fix}, or leave out the {key}"))
        return uses
