"""Rows of typed columns as readable JSON: what a dead letter of a Parquet file shows."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.event.fields import FieldKind, TimeUnit
from dataflow.event.schema import EventField, EventSchema
from dataflow.event.unit_size import PER_SECOND
from dataflow.formats.located import locate

_TICKS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class RowTexts:
    """Writes any row, whatever it holds: times in the model's unit, decimals by their digits, bytes as text.

    A null is written where the model allows null and left out elsewhere. No decoder reads what is written here.
    """

    def __init__(self, event: EventSchema, schema: pa.Schema, outside: Mapping[str, object]) -> None:
        """`schema` is that of the rows, `outside` has JSON values that stand beside them."""
        self._fields = [(part.field, part.path) for part in locate(event.root, schema).fields() if part.path]
        here = {field.name for field, _ in self._fields}
        lacking = [field for field in event.fields if field.name in outside and field.name not in here]
        self._all = [*(field for field, _ in self._fields), *lacking]
        self._outside = [outside[field.name] for field in lacking]
        self._json = msgspec.json.Encoder(decimal_format="number", enc_hook=str)

    def __call__(self, rows: pa.RecordBatch) -> pa.Array:
        """A JSON object (binary) per row."""
        columns = [_values(field, _column(rows, path)) for field, path in self._fields]
        columns += [[value] * rows.num_rows for value in self._outside]
        return pa.array([self._text(nest(self._all, row)) for row in zip(*columns, strict=True)], pa.binary())

    def _text(self, record: dict[str, Any]) -> bytes:
        if _has_no_number(record):
            # JSON has no NaN, and msgspec would make it a null, which it is not
            return json.dumps(record, default=str, ensure_ascii=False).encode(errors="backslashreplace")
        return self._json.encode(record)


def nest(fields: Sequence[EventField], row: Sequence[Any]) -> dict[str, Any]:
    """One row as nested objects; an optional object whose leaves are all null is left out."""
    record: dict[str, Any] = {}
    held = {field.path[0] for field, value in zip(fields, row, strict=True) if value is not None}
    optional = {field.path[0] for field in fields if field.nullable and not field.null_ok}
    for field, value in zip(fields, row, strict=True):
        if value is None and (not field.null_ok or (field.path[0] in optional and field.path[0] not in held)):
            continue
        inner = record
        for name in field.path[:-1]:
            inner = inner.setdefault(name, {})
        inner[field.path[-1]] = value
    return record


def _column(rows: pa.RecordBatch, path: tuple[str, ...]) -> pa.Array:
    names = rows.schema.names
    column = rows.column(len(names) - 1 - names[::-1].index(path[0]))
    return pc.struct_field(column, path[1:]) if len(path) > 1 else column


def _values(field: EventField, column: pa.Array) -> list[Any]:
    if isinstance(column, pa.DictionaryArray):
        column = column.dictionary_decode()
    if pa.types.is_timestamp(column.type) and field.kind is FieldKind.EVENT_TIME and field.unit is not TimeUnit.TEXT:
        have, want = _TICKS[column.type.unit], PER_SECOND[field.unit or TimeUnit.MILLIS]
        return [None if each is None else each * want // have for each in column.cast(pa.int64()).to_pylist()]
    if pa.types.is_timestamp(column.type):
        texts = column.cast(pa.timestamp(column.type.unit)).cast(pa.string())
        return [None if each is None else f"{each.replace(' ', 'T', 1)}Z" for each in texts.to_pylist()]
    if pa.types.is_date(column.type) or pa.types.is_time(column.type):
        return list(column.cast(pa.string()).to_pylist())
    types: Any = pa.types
    if types.is_string(column.type) or types.is_large_string(column.type) or types.is_string_view(column.type):
        # Python refuses a text that is no UTF-8
        column = column.cast(pa.binary())
    try:
        values = list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        # what Python has no value for, such as a list of nanoseconds
        values = [str(column.type) if there else None for there in column.is_valid().to_pylist()]
    if field.is_amount_text and pa.types.is_decimal(column.type):
        return [None if each is None else f"{each:f}" for each in values]
    return [each.decode(errors="backslashreplace") if isinstance(each, bytes) else each for each in values]


def _has_no_number(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_no_number(each) for each in value.values())
    return isinstance(value, float) and not math.isfinite(value)
