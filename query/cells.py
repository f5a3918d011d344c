"""What a value of any type looks like as text in an answer: the SQL that makes it, so that DuckDB writes whole columns.

Decimals and integers keep every digit. Times are UTC and say so (`Z`), or are shown in a zone, with its offset.
"""

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from dataflow.sql import text

if TYPE_CHECKING:
    from duckdb.sqltypes import DuckDBPyType

_SIGNED = frozenset(("tinyint", "smallint", "integer", "bigint", "hugeint", "bignum", "decimal"))
_UNSIGNED = frozenset(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"))
_NUMBERS = _SIGNED | _UNSIGNED
_FLOATS = frozenset(("float", "double"))
_LOCAL_TIMES = frozenset(("timestamp", "timestamp_s", "timestamp_ms", "timestamp_ns"))
_ZONED = frozenset(("timestamp with time zone", "timestamptz_ns"))
_TIMES = _LOCAL_TIMES | _ZONED
_QUOTED = frozenset(("date", "time", "time_ns", "time with time zone", "interval", "uuid", "bit"))
_PLAIN = _NUMBERS | _FLOATS | _TIMES | {"boolean", "date", "uuid"}
"""Their text has nothing that CSV would quote."""
_NESTED = frozenset(("list", "array", "struct", "map", "tuple", "union", "variant"))


class Column(NamedTuple):
    """One column of an answer: its name and DuckDB's type of it."""

    name: str
    kind: "DuckDBPyType"

    @property
    def is_number(self) -> bool:
        """Whether its values are read from the right."""
        return self.kind.id in _NUMBERS | _FLOATS

    @property
    def is_whole(self) -> bool:
        """Whether a part of a value would be taken for another value: numbers and times."""
        return self.kind.id in _PLAIN | _QUOTED


class Style(NamedTuple):
    """`between` day and time; bytes as `readable` text or else base64; times in `zone`, None is UTC."""

    between: str = "T"
    readable: bool = False
    zone: str | None = None


Shape = Callable[[Sequence[Column]], list[str]]
"""From an answer's columns, the SQL of what is asked instead; `#1` is the first column."""


def cells(columns: Sequence[Column], style: Style) -> list[str]:
    """A text or NULL for each column."""
    return [_text(column.kind, f"#{at}", style) for at, column in enumerate(columns, start=1)]


def csv_lines(columns: Sequence[Column], style: Style) -> list[str]:
    """One text: the row as RFC 4180 has it. NULL is nothing and an empty text is two quotes, so both can be told.

    So a NULL that stands alone is an empty line.
    """
    written = [_csv(column.kind, f"#{at}", style) for at, column in enumerate(columns, start=1)]
    if len(written) == 1:
        return [f"coalesce({written[0]}, '')"]
    comma = ", ',', "
    return [f"concat({comma.join(written)})"]


def json_lines(columns: Sequence[Column], style: Style) -> list[str]:
    """One text: the row as a JSON object. It names columns as often as they are there: two may have one name."""
    return [json_object(columns, range(len(columns)), style)]


def json_object(columns: Sequence[Column], places: Sequence[int], style: Style) -> str:
    """SQL of one text: a JSON object of the columns at these places, from 0."""
    values = [_json(columns[at].kind, f"#{at + 1}", style) for at in places]
    return _object([columns[at].name for at in places], values)


def _text(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    if kind.id in _TIMES:
        return _moment(kind, sql, style)
    if kind.id == "blob":
        # DuckDB's own text of bytes escapes quotes and accents, too: no JSON could be read in it
        return f"coalesce(TRY(decode({sql})), {sql}::VARCHAR)" if style.readable else f"to_base64({sql})"
    return _nullable_json(kind, sql, style) if kind.id in _NESTED else _number(kind, sql)


def _number(kind: "DuckDBPyType", sql: str) -> str:
    if kind.id == "decimal" and len({*dict(kind.children).values()}) == 1:
        # with all its digits behind the point, DuckDB writes .50
        return f"regexp_replace({sql}::VARCHAR, '^(-?)[.]', '\\10.')"
    return f"{sql}::VARCHAR"


def _csv(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    written = _text(kind, sql, style)
    if kind.id in _PLAIN:
        return written
    odd = " OR ".join(f"contains({written}, {each})" for each in ("'\"'", "','", "chr(10)", "chr(13)"))
    quoted = f"concat('\"', replace({written}, '\"', '\"\"'), '\"')"
    return f"CASE WHEN {written} = '' OR {odd} THEN {quoted} ELSE {written} END"


def _json(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    return f"coalesce({_nullable_json(kind, sql, style)}, 'null')"


def _nullable_json(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    """The value's JSON, or NULL where it is NULL or a number that JSON lacks (NaN, an infinity)."""
    if kind.id in _NUMBERS or kind.id in ("boolean", "null"):
        return _number(kind, sql)
    if kind.id in _FLOATS:
        return f"CASE WHEN isfinite({sql}) THEN {sql}::VARCHAR END"
    if kind.id in _TIMES or kind.id == "blob":
        return f"'\"' || {_text(kind, sql, Style(zone=style.zone))} || '\"'"
    if kind.id in _QUOTED:
        return f"'\"' || {sql}::VARCHAR || '\"'"
    if str(kind) == "JSON":
        # it is there as its writer wrote it, maybe over many lines
        return f"json({sql})::VARCHAR"
    if kind.id in _INSIDE:
        return _INSIDE[kind.id](kind, sql, style)
    return f"to_json({sql if kind.id in _NESTED else f'{sql}::VARCHAR'})::VARCHAR"


def _object(names: Sequence[str], values: Sequence[str]) -> str:
    """SQL of a JSON object from that of its values; `concat` is DuckDB's fastest way to join."""
    parts = [] if names else [text("{")]
    for at, (name, value) in enumerate(zip(names, values, strict=True)):
        parts += [text(f"{', ' if at else '{'}{json.dumps(name, ensure_ascii=False)}: "), value]
    return f"concat({', '.join(parts)}, '}}')"


def _list(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    item = _fresh(sql)
    written = _json(_children(kind)[0][1], item, style)
    return f"'[' || array_to_string(list_transform({sql}, lambda {item}: {written}), ', ') || ']'"


def _struct(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    names = [name for name, _ in _children(kind)]
    values = [_json(child, f"struct_extract({sql}, {text(name)})", style) for name, child in _children(kind)]
    return f"CASE WHEN {sql} IS NOT NULL THEN {_object(names, values)} END"


def _map(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    item = _fresh(sql)
    (_, key), (_, value) = _children(kind)
    written = f"to_json({_text(key, f'{item}.key', style)}) || ': ' || {_json(value, f'{item}.value', style)}"
    return f"'{{' || array_to_string(list_transform(map_entries({sql}), lambda {item}: {written}), ', ') || '}}'"


_INSIDE: dict[str, "Callable[[DuckDBPyType, str, Style], str]"] = {
    "list": _list,
    "array": _list,
    "struct": _struct,
    "map": _map,
}


def _children(kind: "DuckDBPyType") -> "list[tuple[str, DuckDBPyType]]":
    # only those of decimals and enums are no types
    return cast("list[tuple[str, DuckDBPyType]]", kind.children)


def _fresh(sql: str) -> str:
    """A name for a lambda's parameter that the SQL around it does not have."""
    number = 1
    while f"item{number}" in sql:
        number += 1
    return f"item{number}"


def _moment(kind: "DuckDBPyType", sql: str, style: Style) -> str:
    stored = sql
    if kind.id in _ZONED:
        sql = f"TRY(timezone('UTC', {sql}))"
    # in microseconds, since the first year is out of reach of nanoseconds
    utc = sql if kind.id in ("timestamp", "timestamp with time zone") else f"{sql}::TIMESTAMP"
    if style.zone is None:
        shown, day, after = sql, utc, "'Z'"
    else:
        shown = day = f"TRY(timezone({text(style.zone)}, timezone('UTC', {utc})))"
        away = f"CAST(epoch({shown}) - epoch({utc}) AS BIGINT)"
        clock = f"format('{{:02d}}:{{:02d}}', abs({away}) // 3600, abs({away}) // 60 % 60)"
        after = f"CASE WHEN {away} < 0 THEN '-' ELSE '+' END || {clock}"
    usual = f"{shown}::VARCHAR" if style.between == " " else f"replace({shown}::VARCHAR, ' ', {text(style.between)})"
    # DuckDB writes years before 1 as (BC), where ISO 8601 has a minus
    early = f"strftime({day}, '%Y-%m-%d{style.between}%H:%M:%S.%f')"
    # an infinity is no time in any zone, and the first and last times of DuckDB are out of reach in some
    return (
        f"CASE WHEN {day} IS NULL OR NOT isfinite({day}) THEN {stored}::VARCHAR"
        f" WHEN {day} >= TIMESTAMP '0001-01-01 00:00:00' THEN {usual} || {after} ELSE {early} || {after} END"
    )
