"""Rows of typed columns and what they are worth as events, one row at a time (docs/inputs.md)."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.model.avro import Typed, read_fields
from tests.model.contract import Dead
from tests.model.spec import FieldSpec, PipelineSpec

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")


@dataclass(frozen=True)
class Cell:
    """A value of a row. `sort`: null, bytes (also those of a text), bool, int, double, decimal, days, ticks, uuid,
    struct (its cells by name), list (its cells), map (cells by the text of their key) or other. `size`: the scale of a
    decimal, the ticks of a second.
    """

    sort: str
    value: Any = None
    size: int = 0


class NoText(Exception):
    """A cell of the row says no text: the row is dead as a whole."""


def read_row(row: dict[str, Cell], spec: PipelineSpec, outside: dict[str, str]) -> dict[str, Any] | Dead:
    """The event's columns, or why there are none. `outside`: what folders say of columns that the file lacks."""
    try:
        found = fields_there(row, spec.fields, "", outside)
    except NoText as problem:
        reason, name = problem.args
        return Dead(reason, name)
    columns: dict[str, Any] = {}
    return read_fields(found, spec.fields, ((), ""), columns, {}) or columns


def fields_there(cells: dict[str, Cell], fields: tuple[FieldSpec, ...], prefix: str, outside: dict[str, str]) -> Any:
    """By key, what a row or a struct holds of the fields: a null only where one is allowed."""
    found: dict[str, tuple[Typed, list[str]]] = {}
    for each in fields:
        key = each.key or each.name
        others = {other.key or other.name for other in fields if other is not each}
        name = each.name if each.name in cells and each.name not in others else key
        if name in cells:
            value = value_of(cells[name], each, prefix)
        elif not prefix and (each.name in outside or key in outside):
            value = told(outside[each.name if each.name in outside else key], each)
        else:
            continue
        if value.kind != "null" or each.optional:
            found[key] = (value, [])
    return found


def value_of(cell: Cell, each: FieldSpec, prefix: str) -> Typed:
    if each.kind == "object":
        return object_of(cell, each, prefix)
    return many_of(cell, each, prefix + each.name) if each.kind in ("list", "json") else typed(cell, each, prefix)


def many_of(cell: Cell, each: FieldSpec, name: str) -> Typed:
    """A list, or an object kept as text: what it holds as its element looks at it, all else as it is."""
    if each.element is not None and cell.sort in (("list",) if each.kind == "list" else ("map", "struct")):
        element = replace(each.element, name=name)
        return held(cell, lambda inner: typed(inner, element, ""))
    return anything(cell, name)


def anything(cell: Cell, name: str) -> Typed:
    """A cell with all that is in it; bytes are text."""
    if cell.sort in ("list", "map", "struct"):
        return held(cell, lambda inner: anything(inner, name))
    if cell.sort == "bytes":
        return typed(cell, FieldSpec(name, "str"), "")
    return Typed(cell.sort if cell.sort in ("null", "bool", "int", "double") else "other", cell.value)


def held(cell: Cell, inner: Callable[[Cell], Typed]) -> Typed:
    if cell.sort == "list":
        return Typed("array", [inner(each) for each in cell.value])
    return Typed("map", {name: inner(each) for name, each in cell.value.items()})


def object_of(cell: Cell, each: FieldSpec, prefix: str) -> Typed:
    if cell.sort != "struct":
        return Typed("null" if cell.sort == "null" else "other")
    found = fields_there(cell.value, each.children, f"{prefix}{each.name}.", {})
    here = [cell.value[child.name] for child in each.children if child.name in cell.value]
    is_empty = bool(here) and all(part.sort == "null" for part in here)
    return Typed("null") if each.optional and is_empty else Typed("record", found)


def told(text: str, each: FieldSpec) -> Typed:
    """What a folder's name says to a field."""
    is_time = each.kind.startswith("event_time") and each.kind != "event_time_text"
    if (each.kind in ("int", "float", "money") or is_time) and _NUMBER.fullmatch(text):
        return Typed("int", int(text)) if re.fullmatch("-?[0-9]+", text) else number(Fraction(text), each)
    if each.kind == "bool" and text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return Typed("bool", text.lower() == "true")
    return Typed("text", text)


def typed(cell: Cell, each: FieldSpec, prefix: str) -> Typed:
    """A cell as a field looks at it."""
    if cell.sort == "bytes":
        try:
            return Typed("text", cell.value.decode())
        except UnicodeDecodeError:
            raise NoText("invalid_utf8", prefix + each.name) from None
    if cell.sort == "decimal":
        whole = cell.size == 0 and (each.kind == "int" or each.kind.startswith("event_time"))
        return Typed("int", int(cell.value)) if whole else number(Fraction(cell.value), each)
    if each.kind == "str" and cell.sort in ("days", "ticks", "uuid"):
        return Typed("text", text_of(cell, prefix + each.name))
    if cell.sort == "days":
        return Typed("day", cell.value)
    if cell.sort == "ticks":
        return Typed("instant", Fraction(cell.value, cell.size))
    return Typed(cell.sort, cell.value)


def number(exact: Fraction, each: FieldSpec) -> Typed:
    """A number with decimals; a field of doubles takes the nearest one."""
    return Typed("double", float(exact)) if each.kind == "float" else Typed("exact", exact)


def text_of(cell: Cell, name: str) -> str:
    if cell.sort == "uuid":
        return str(uuid.UUID(bytes=cell.value))
    if cell.sort == "days":
        return clock(cell.value * 86_400, name)[:10]
    seconds, rest = divmod(cell.value, cell.size)
    digits = len(str(cell.size)) - 1
    return clock(seconds, name) + (f".{rest:0{digits}d}" if digits else "") + "Z"


def clock(seconds: int, name: str) -> str:
    if not 0 <= seconds // 86_400 + date(1970, 1, 1).toordinal() - 1 < date.max.toordinal():
        raise NoText("constraint", name)
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat(timespec="seconds")
