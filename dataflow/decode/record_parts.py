"""Columns that come from the Kafka record, put beside those that a decoder reads from its value."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import numpy as np
import pyarrow as pa

from dataflow.decode.fields import judge_values
from dataflow.event.record_part import KEY, header_column
from dataflow.event.schema import EventField, EventObject, EventSchema, FieldKind
from dataflow.formats.frame import KEY_HEADER
from dataflow.formats.typed import Other
from dataflow.messages import Decoded, Refusal, TypedRows

_NO_TEXT = Other("bytes that are no UTF-8")


class _Inner(Protocol):
    def __call__(self, records: pa.RecordBatch) -> Decoded: ...


class _Typed(Protocol):
    def __call__(self, rows: TypedRows) -> Decoded: ...


class _Keys(Protocol):
    def read(self, key: bytes, header: bytes | None) -> object: ...


def parts_of(schema: EventSchema) -> tuple[EventField, ...]:
    """The fields that come from the record."""
    return tuple(leaf for leaf in schema.fields if leaf.record is not None)


def without_parts(schema: EventSchema) -> EventSchema:
    """What of `schema` a record's value holds."""
    fields = tuple(leaf for leaf in schema.fields if leaf.record is None)
    children = tuple(each for each in schema.root.children if not (isinstance(each, EventField) and each.record))
    arrow = pa.schema([schema.arrow.field(leaf.name) for leaf in fields])
    return EventSchema(schema.model, fields, arrow, schema.event_time, EventObject((), children))


class RecordPartsDecoder:
    """What `inner` makes of the values, and of those records that it takes the parts that the model asks for.

    So a field of the value is refused before one of the record is. A part that is not there is null where null is
    allowed, else the default, else `missing_field`; text that is no UTF-8 is `wrong_type`. A key that `keys` cannot
    read is refused in the name of the first field that is of it; without `keys` it is text.
    """

    def __init__(
        self, inner: _Inner, schema: EventSchema, keys: _Keys | None = None, *, typed: _Typed | None = None
    ) -> None:
        """`typed` does for rows of typed columns what `inner` does for records with bytes."""
        self._inner = inner
        self._typed = typed
        self._schema = schema
        self._keys = keys
        self._parts = parts_of(schema)
        self._only = EventSchema(
            schema.model,
            self._parts,
            pa.schema([schema.arrow.field(leaf.name) for leaf in self._parts]),
            schema.event_time,
            EventObject((), self._parts),
        )

    def decode(self, values: pa.Array) -> Decoded:
        """Values alone: every part is null."""
        return self.decode_records(pa.RecordBatch.from_arrays([values], names=["value"]))

    def decode_records(self, records: pa.RecordBatch) -> Decoded:
        """A poll's records; a part whose column is not there is null."""
        return self._with_parts(self._inner(records), records)

    def decode_typed(self, rows: TypedRows) -> Decoded:
        """Rows of typed columns; every part is null."""
        assert self._typed is not None, "only files have typed columns"
        return self._with_parts(self._typed(rows), rows.columns.select([]))

    def _with_parts(self, decoded: Decoded, records: pa.RecordBatch) -> Decoded:
        chosen = records.take(pa.array(decoded.events_at))
        cells = self._cells(chosen)
        headers = _column(chosen, header_column(KEY_HEADER))
        rows: list[Mapping[str, object]] = []
        good = np.ones(len(decoded.events_at), np.bool_)
        refusals: list[Refusal] = []
        for at in range(len(good)):
            found = self._found([column[at] for column in cells], headers[at])
            verdict = found if isinstance(found, Refusal) else judge_values(self._only, found)
            if isinstance(verdict, Refusal):
                good[at] = False
                refusals.append(verdict)
            else:
                rows.append(verdict)
        events = decoded.events if good.all() else decoded.events.filter(pa.array(good))
        made = {leaf.name: pa.array([row[leaf.name] for row in rows], leaf.type) for leaf in self._parts}
        names = self._schema.arrow.names
        columns = [made[name] if name in made else events.column(name) for name in names]
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        dead_at = np.concatenate([decoded.dead_at, decoded.events_at[~good]])
        order = np.argsort(dead_at, kind="stable")
        told = [*decoded.refusals, *refusals]
        return Decoded(events, decoded.events_at[good], dead_at[order], [told[each] for each in order.tolist()])

    def _cells(self, records: pa.RecordBatch) -> list[Sequence[object]]:
        return [_column(records, leaf.record.column) for leaf in self._parts if leaf.record is not None]

    def _found(self, cells: Sequence[object], header: object) -> dict[str, object] | Refusal:
        found: dict[str, object] = {}
        for leaf, cell in zip(self._parts, cells, strict=True):
            if (
                leaf.record is not None
                and leaf.record.part == KEY
                and isinstance(cell, bytes)
                and self._keys is not None
            ):
                value = self._of_key(leaf, leaf.record.field, self._keys.read(cell, header))  # type: ignore[arg-type]  # a column of bytes
                if isinstance(value, Refusal):
                    return value
                found |= value
            elif cell is not None or leaf.null_ok:
                found[leaf.path[-1]] = _text(cell) if isinstance(cell, bytes) else cell
        return found

    def _of_key(self, leaf: EventField, name: str | None, key: object) -> dict[str, object] | Refusal:
        """The field's value of a key that was read, by the name that the model reads; nothing where it has none."""
        if isinstance(key, Refusal):
            return Refusal(key.reason, leaf.name, f"the key: {key.message}")
        if name is not None and not isinstance(key, dict):
            return Refusal("wrong_type", leaf.name, f"the key is no record with a field {name!r}")
        if name is not None and isinstance(key, dict) and name not in key:
            return {}
        value = key[name] if isinstance(key, dict) and name is not None else key
        return {leaf.path[-1]: float(value) if isinstance(value, Decimal) and leaf.kind is FieldKind.FLOAT else value}


def _column(records: pa.RecordBatch, name: str) -> Sequence[object]:
    at = records.schema.get_field_index(name)
    return [None] * records.num_rows if at < 0 else records.column(at).to_pylist()


def _text(cell: bytes) -> object:
    try:
        return cell.decode("utf-8")
    except UnicodeDecodeError:
        return _NO_TEXT
