"""Rows of typed columns to event columns: whole columns at once, and what is doubtful row by row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.types import Bools, Int64s
from dataflow.decode.fields import Row, judge_values
from dataflow.decode.typed.cells import column_at, found_in, outside_cell
from dataflow.decode.typed.columns import Read, reader_of
from dataflow.decode.typed.size import may_be_longer
from dataflow.event.event_field import EventField, EventObject
from dataflow.event.schema import EventSchema
from dataflow.formats.located import Held, LocatedField, LocatedObject, locate
from dataflow.messages import Decoded, Refusal, TypedRows

_NOWHERE: Int64s = np.array([], np.int64)


class TypedDecoder:
    """Decodes rows that have values of types. Pure; what the contract says of a record does not depend on the others.

    Which types a field takes stands in docs/inputs.md. A record is as long as the JSON that `TypedRows.told` makes of
    it, which counts where the model bounds a record's length.
    """

    def __init__(self, schema: EventSchema, max_record_bytes: int | None = None) -> None:
        self._schema = schema
        self._max_record_bytes = max_record_bytes
        self._reading: _Reading | None = None

    def decode(self, rows: TypedRows) -> Decoded:
        """What becomes of each row, in their order."""
        reading = self._reading
        if reading is None or not reading.is_of(rows):
            reading = self._reading = _Reading(self._schema, rows)
        count = rows.columns.num_rows
        marks = np.zeros(count, np.bool_)
        columns = reading.columns(rows.columns, marks)
        too_long = self._too_long(rows)
        marks |= too_long
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        if not marks.any():
            return Decoded(events, np.arange(count, dtype=np.int64), _NOWHERE, [])
        return self._settle(reading.located, events, rows, marks, too_long)

    def _too_long(self, rows: TypedRows) -> Bools:
        found = np.zeros(rows.columns.num_rows, np.bool_)
        limit = self._max_record_bytes
        if limit is not None:
            at = np.flatnonzero(may_be_longer(rows, self._schema, limit))
            if len(at):
                found[at] = pc.binary_length(rows.texts(at)).to_numpy() > limit
        return found

    def _settle(
        self, located: LocatedObject, events: pa.RecordBatch, rows: TypedRows, marks: Bools, too_long: Bools
    ) -> Decoded:
        """Judge the marked rows one by one and put the accepted ones among the others, in order."""
        marked = np.flatnonzero(marks)
        taken = rows.taken(marked)
        lengths = iter(() if not too_long.any() else pc.binary_length(rows.texts(np.flatnonzero(too_long))).to_pylist())
        extra: list[Row] = []
        extra_at: list[int] = []
        dead_at: list[int] = []
        refusals: list[Refusal] = []
        for at, found in zip(marked.tolist(), found_in(located, taken, rows.outside), strict=True):
            if too_long[at]:
                message = f"{next(lengths)} bytes; the limit is {self._max_record_bytes}"
                verdict: Row | Refusal = Refusal("too_large", None, message)
            elif isinstance(found, Refusal):
                verdict = found
            else:
                assert isinstance(found, Mapping)
                verdict = judge_values(self._schema, found)
            if isinstance(verdict, Refusal):
                dead_at.append(at)
                refusals.append(verdict)
            else:
                extra_at.append(at)
                extra.append(verdict)
        good_at: Int64s = np.flatnonzero(~marks)
        events = events.filter(pa.array(~marks))
        if extra:
            late = pa.RecordBatch.from_pylist(extra, schema=self._schema.arrow)
            all_at: Int64s = np.concatenate([good_at, np.array(extra_at, np.int64)])
            order = np.argsort(all_at, kind="stable")
            events = pa.concat_batches([events, late]).take(pa.array(order))
            good_at = all_at[order]
        return Decoded(events, good_at, np.array(dead_at, np.int64), refusals)


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A field of the event: where its column is, and how it is read; or what stands in its place in every row."""

    field: EventField
    path: tuple[str, ...]
    read: Read | None
    constant: object = None
    is_refused: bool = False


class _Reading:
    """How the columns of one schema become the event's."""

    def __init__(self, schema: EventSchema, rows: TypedRows) -> None:
        self._schema_there, self._outside = rows.columns.schema, rows.outside
        self.located = locate(schema.root, rows.columns.schema)
        empty = rows.columns.slice(0, 0)
        self._leaves = {part.field.name: _leaf(schema, part, empty, rows.outside) for part in self.located.fields()}

    def is_of(self, rows: TypedRows) -> bool:
        """Whether it was made for rows like these."""
        return self._outside is rows.outside and self._schema_there.equals(rows.columns.schema)

    def columns(self, rows: pa.RecordBatch, marks: Bools) -> list[pa.Array]:
        """The event's columns, in its order; what may be no event is marked, and any filler stands there."""
        return self._object(self.located, rows, marks, None)

    def _object(self, located: LocatedObject, rows: pa.RecordBatch, marks: Bools, gone: Bools | None) -> list[pa.Array]:
        """`gone`: rows in which the object is null, so that all its columns are."""
        columns: list[pa.Array] = []
        for part in located.children:
            if isinstance(part, LocatedField):
                columns.append(self._field(self._leaves[part.field.name], rows, marks, gone))
            elif part.held is Held.LACKING:
                columns += _absent(part.node, rows.num_rows, marks, gone)
            elif part.held is Held.OTHER:
                there = column_at(rows, part.path).is_valid().to_numpy(zero_copy_only=False)
                marks |= there | (not part.node.null_ok)
                columns += [pa.nulls(rows.num_rows, leaf.type) for leaf in part.node.leaves()]
            else:
                columns += self._object(part, rows, marks, self._gone(part, rows, marks, gone))
        return columns

    def _gone(self, part: LocatedObject, rows: pa.RecordBatch, marks: Bools, gone: Bools | None) -> Bools | None:
        """Where an object is null or of nothing but nulls; marked where it may not be null."""
        paths = [field.path for field in part.fields() if field.path] or [part.path]
        here = np.ones(rows.num_rows, np.bool_)
        for path in paths:
            column = column_at(rows, path)
            if not column.null_count:
                here[:] = False
                break
            here &= column.is_null().to_numpy(zero_copy_only=False)
        if gone is not None:
            here |= gone
        if not here.any():
            return None
        if not part.node.null_ok:
            marks |= here if gone is None else here & ~gone
        return here

    def _field(self, leaf: _Leaf, rows: pa.RecordBatch, marks: Bools, gone: Bools | None) -> pa.Array:
        field = leaf.field
        if leaf.read is None:
            if leaf.is_refused:
                marks |= True if gone is None else ~gone
            return _constant(field, leaf.constant, rows.num_rows, gone)
        column = column_at(rows, leaf.path)
        made = leaf.read(column, marks)
        if column.null_count and not field.null_ok:
            nulls = column.is_null().to_numpy(zero_copy_only=False)
            if gone is not None:
                nulls &= ~gone
            if field.required:
                marks |= nulls
            elif nulls.any():
                made = pc.if_else(pa.array(nulls), pa.scalar(field.default, field.type), made)
        return made


def _leaf(schema: EventSchema, part: LocatedField, rows: pa.RecordBatch, outside: Mapping[str, object]) -> _Leaf:
    field = part.field
    if part.path:
        return _Leaf(field, part.path, reader_of(field, column_at(rows, part.path).type))
    if field.name not in outside:
        return _Leaf(field, (), None, field.default, field.required)
    alone = EventSchema(
        schema.model, (field,), pa.schema([(field.name, field.type)]), schema.event_time, EventObject((), (field,))
    )
    value = outside_cell(field, outside[field.name])
    verdict = judge_values(alone, {part.key: value} if value is not None or field.null_ok else {})
    if isinstance(verdict, Refusal):
        return _Leaf(field, (), None, None, True)
    return _Leaf(field, (), None, verdict[field.name])


def _constant(field: EventField, value: object, rows: int, gone: Bools | None) -> pa.Array:
    scalar = pa.scalar(value, field.type)
    if not rows:
        # Arrow repeats no list no times
        return pa.array([], field.type)
    if gone is None or value is None:
        return pa.repeat(scalar, rows)
    return pc.if_else(pa.array(gone), pa.scalar(None, field.type), scalar)


def _absent(node: EventObject, rows: int, marks: Bools, gone: Bools | None) -> Sequence[pa.Array]:
    """The columns of an object that the table lacks."""
    if node.required:
        marks |= True if gone is None else ~gone
    values = node.default or {}
    return [_constant(leaf, values.get(leaf.name), rows, gone) for leaf in node.leaves()]
