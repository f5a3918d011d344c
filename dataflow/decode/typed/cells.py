"""Some rows of typed columns as Python values, for the contract: what is doubtful is judged row by row."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.decode.typed.texts import (
    PER_SECOND,
    Sort,
    as_text,
    days_of,
    is_utf8,
    plain,
    scale_of,
    sort_of,
    ticks_of,
    unit_of,
)
from dataflow.event.event_field import EventField
from dataflow.event.fields import FieldKind
from dataflow.formats.located import Held, LocatedField, LocatedObject
from dataflow.formats.typed import Days, Other, Stamp
from dataflow.messages import Refusal

Cells = list[object]
"""A value per row, as `judge_values` takes it; None is null."""

_compute: Any = pc

_NO_TIME = "outside the years 1 to 9999, so no text says it"


class Unsayable:
    """A cell that no text says: its whole record is refused, before any field is looked at."""

    def __init__(self, refusal: Refusal) -> None:
        self.refusal = refusal


def column_at(rows: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    """The column that the names lead to, null where a struct around it is; of those with one name the last."""
    names = rows.schema.names
    column = rows.column(len(names) - 1 - names[::-1].index(path[0]))
    return pc.struct_field(column, path[1:]) if len(path) > 1 else column


def found_in(located: LocatedObject, rows: pa.RecordBatch, outside: Mapping[str, object]) -> "Iterator[object]":
    """Per row the event's fields that are there, by their keys, for `judge_values`; or why there are none.

    A null is null where the model allows it, and not there elsewhere. An object of nothing but nulls is one itself.
    """
    parts = [_part(child, rows, outside) for child in located.children]
    for at in range(rows.num_rows):
        yield _found(parts, at)


_Part = Callable[[int, dict[str, object]], bool]
"""Puts what a row holds of a field or an object into its object; tells whether that is more than nulls."""


class _Unsaid(Exception):
    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.refusal = refusal


def _found(parts: Sequence[_Part], at: int) -> object:
    found: dict[str, object] = {}
    try:
        for part in parts:
            part(at, found)
    except _Unsaid as unsaid:
        return unsaid.refusal
    return found


def _part(located: LocatedField | LocatedObject, rows: pa.RecordBatch, outside: Mapping[str, object]) -> _Part:
    if isinstance(located, LocatedObject):
        return _object(located, rows, outside)
    leaf, key = located.field, located.key
    if located.path:
        cells = cells_of(leaf, column_at(rows, located.path))
    elif leaf.name in outside:
        cells = [outside_cell(leaf, outside[leaf.name])] * rows.num_rows
    else:
        return lambda at, found: False

    def put(at: int, found: dict[str, object]) -> bool:
        cell = cells[at]
        if isinstance(cell, Unsayable):
            raise _Unsaid(cell.refusal)
        if cell is not None or leaf.null_ok:
            found[key] = cell
        return cell is not None

    return put


def _object(located: LocatedObject, rows: pa.RecordBatch, outside: Mapping[str, object]) -> _Part:
    node, key, held = located.node, located.key, located.held
    if held is Held.LACKING:
        return lambda at, found: False
    there = np.ones(rows.num_rows, np.bool_)
    kind: object = None
    if held is not Held.COLUMNS:
        column = column_at(rows, located.path)
        there = column.is_valid().to_numpy(zero_copy_only=False)
        kind = Other(sort_of(column.type).value)
    parts = [_part(child, rows, outside) for child in located.children]
    is_bare = not any(field.path for field in located.fields())

    def put(at: int, found: dict[str, object]) -> bool:
        inner: dict[str, object] = {}
        more = False
        for part in parts:
            more = part(at, inner) or more
        if held is Held.OTHER and there[at]:
            found[key] = kind
            return True
        more = more or (is_bare and bool(there[at]))
        if there[at] and (more or (not node.null_ok and (held is Held.STRUCT or node.required))):
            found[key] = inner
        elif node.null_ok:
            found[key] = None
        return more

    return put


def outside_cell(leaf: EventField, value: object) -> object:
    """A JSON value that stands beside the columns."""
    return float(value) if leaf.kind is FieldKind.FLOAT and isinstance(value, Decimal) else value


def cells_of(leaf: EventField, column: pa.Array) -> Cells:
    """The values of a column, as a field of the model is judged by."""
    if leaf.kind in (FieldKind.LIST, FieldKind.JSON):
        return _many(leaf, plain(column))
    column = plain(column)
    sort = sort_of(column.type)
    if sort in (Sort.TEXT, Sort.BYTES):
        return [_text(leaf, value) for value in column.cast(pa.binary()).to_pylist()]
    if leaf.kind is FieldKind.STR and sort in (Sort.DATE, Sort.STAMP, Sort.CLOCK, Sort.UUID):
        return _said(leaf, column)
    if sort in (Sort.BOOL, Sort.FLOAT, Sort.NOTHING, Sort.INT):
        return list(column.to_pylist())
    if sort is Sort.DECIMAL:
        return [_number(leaf, scale_of(column), value) for value in column.to_pylist()]
    valid = column.is_valid().to_pylist()
    if sort is Sort.DATE:
        days = days_of(column).tolist()
        return [Days(day) if there else None for day, there in zip(days, valid, strict=True)]
    if sort is Sort.STAMP:
        per_second = PER_SECOND[unit_of(column)]
        ticks = ticks_of(column).tolist()
        return [Stamp(tick, per_second) if there else None for tick, there in zip(ticks, valid, strict=True)]
    other = Other(sort.value if sort is not Sort.OTHER else f"a {column.type}")
    return [other if there else None for there in valid]


def _many(leaf: EventField, column: pa.Array) -> Cells:
    """Lists as lists, maps and structs as dicts by text; what is in them as the field's elements are judged by."""
    element = leaf.element

    def inner(values: pa.Array) -> Cells:
        return _any(leaf, values) if element is None else cells_of(element, values)

    takes = (Sort.LIST,) if leaf.kind is FieldKind.LIST else (Sort.MAP, Sort.RECORD)
    if sort_of(column.type) not in takes:
        return _any(leaf, column)
    return [_told(leaf, cell) for cell in _held(column, inner)]


def _any(leaf: EventField, column: pa.Array) -> Cells:
    """Values of any type, with all that is in them."""
    column = plain(column)
    sort = sort_of(column.type)
    if sort in (Sort.LIST, Sort.MAP, Sort.RECORD):
        return [_told(leaf, cell) for cell in _held(column, lambda values: _any(leaf, values))]
    if sort in (Sort.TEXT, Sort.BYTES):
        return [_text(leaf, value) for value in column.cast(pa.binary()).to_pylist()]
    if sort in (Sort.BOOL, Sort.INT, Sort.FLOAT, Sort.NOTHING):
        return list(column.to_pylist())
    other = Other(f"a {column.type}")
    return [other if there else None for there in column.is_valid().to_pylist()]


def _held(column: Any, inner: Callable[[pa.Array], Cells]) -> Cells:
    """The lists, maps or structs of a plain column; an unsayable value stands for the one that it is in."""
    valid = column.is_valid().to_pylist()
    sort = sort_of(column.type)
    if sort is Sort.RECORD:
        names = [column.type.field(at).name for at in range(column.type.num_fields)]
        parts = [inner(column.field(at)) for at in range(len(names))]
        rows = zip(*parts, strict=True) if parts else [()] * len(column)
        return [
            _whole(row, dict(zip(names, row, strict=True))) if there else None
            for there, row in zip(valid, rows, strict=True)
        ]
    if sort is Sort.MAP:
        keys, items = [str(key) for key in column.keys.to_pylist()], inner(column.items)
        ends = column.offsets.to_pylist()
        pairs = [(keys[begin:end], items[begin:end]) for begin, end in pairwise(ends)]
        return [
            _whole(row, dict(zip(names, row, strict=True))) if there else None
            for there, (names, row) in zip(valid, pairs, strict=True)
        ]
    values, at, cells = inner(pc.list_flatten(column)), 0, []
    for length in _compute.list_value_length(column).to_pylist():
        row = values[at : at + (length or 0)]
        cells.append(None if length is None else _whole(row, row))
        at += length or 0
    return cells


def _whole(parts: Sequence[object], made: object) -> object:
    return next((part for part in parts if isinstance(part, Unsayable)), made)


def _told(leaf: EventField, cell: object) -> object:
    """What no text says is told of the field itself."""
    return Unsayable(replace(cell.refusal, field=leaf.name)) if isinstance(cell, Unsayable) else cell


def _text(leaf: EventField, value: bytes | None) -> object:
    if value is None or is_utf8(value):
        return None if value is None else value.decode()
    try:
        value.decode()
    except UnicodeDecodeError as error:
        message = f"byte {error.start} of {leaf.name} is no UTF-8"
    return Unsayable(Refusal("invalid_utf8", leaf.name, message))


def _said(leaf: EventField, column: pa.Array) -> Cells:
    bad = np.zeros(len(column), np.bool_)
    texts = as_text(column, bad)
    assert texts is not None, "these types say a text"
    unsayable = Unsayable(Refusal("constraint", leaf.name, f"{leaf.name} is {_NO_TIME}"))
    return [unsayable if no else text for no, text in zip(bad.tolist(), texts.to_pylist(), strict=True)]


def _number(leaf: EventField, scale: int, value: Decimal | None) -> object:
    if value is None:
        return None
    if leaf.kind is FieldKind.FLOAT:
        return float(value)
    is_whole = leaf.kind in (FieldKind.INT, FieldKind.EVENT_TIME) and scale == 0
    return int(value) if is_whole else value
