"""JSON records to event columns: msgspec structs, then whole columns; the contract judges whatever is left over."""

from collections.abc import Callable
from datetime import date
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Int64s
from dataflow.decode.json.columns import NULL, Cells, Column, column_of
from dataflow.decode.json.contract import MAX_DEPTH, Row, judge_record
from dataflow.decode.limits import Marks
from dataflow.event.fields import FieldKind, TimeUnit, Value
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.messages import Decoded, Refusal

_Records = npt.NDArray[np.object_]
_Structs = list[msgspec.Struct]
_Read = Callable[[Cells], Cells]

_SCALARS: dict[FieldKind, tuple[type, object]] = {
    FieldKind.STR: (str, ""),
    FieldKind.INT: (int, 0),
    FieldKind.BOOL: (bool, False),
    FieldKind.FLOAT: (float, 0.0),
    FieldKind.MONEY: (msgspec.Raw, msgspec.Raw(b"0")),
    FieldKind.DATE: (date, date(1970, 1, 1)),
    FieldKind.EVENT_TIME: (int, 0),
    FieldKind.LIST: (msgspec.Raw, msgspec.Raw(b"[]")),
    FieldKind.JSON: (msgspec.Raw, msgspec.Raw(b"{}")),
}

_AS_WRITTEN = (FieldKind.MONEY, FieldKind.LIST, FieldKind.JSON)
"""Kinds whose JSON msgspec leaves as it is."""
"""Per kind: what msgspec decodes it to, and a valid filler."""


class JsonDecoder:
    """Decodes a poll's values against an event schema; holds no state, so polls may be cut anywhere.

    One instance per source partition; instances share nothing that changes.
    """

    def __init__(self, schema: EventSchema, max_record_bytes: int | None = None) -> None:
        self._schema = schema
        self._max_record_bytes = max_record_bytes
        self._plan = _ObjectPlan(schema.root)
        self._decode: Callable[[bytes], msgspec.Struct] = msgspec.json.Decoder(self._plan.struct).decode

    def decode(self, values: pa.Array) -> Decoded:
        """Decode a binary, large_binary or binary_view array; null is a tombstone.

        A record that is no event costs no other record anything, at any position.
        """
        rows = len(values)
        if rows == 0:
            return Decoded(pa.RecordBatch.from_pylist([], schema=self._schema.arrow), _NOWHERE, _NOWHERE, [])
        if values.type != pa.binary():
            values = values.cast(pa.binary())
        records = values.to_numpy(zero_copy_only=False)
        structs, marks = self._structs(records)
        self._mark_bytes(values, records, marks)
        columns = self._plan.columns(structs, marks)
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        if not marks.any():
            return Decoded(events, np.arange(rows, dtype=np.int64), _NOWHERE, [])
        return self._settle(events, records, marks)

    def _structs(self, records: _Records) -> tuple[_Structs, Marks]:
        """One struct per record, a filler where msgspec refuses it."""
        marks = np.zeros(len(records), np.bool_)
        structs: _Structs = []
        remaining = iter(records)
        while True:
            try:
                # extend keeps what it got before an exception, so a broken record costs one exception and no retry.
                structs.extend(map(self._decode, remaining))
            except Exception:
                # Whatever went wrong, the contract says what and why.
                marks[len(structs)] = True
                structs.append(self._plan.filler)
            else:
                break
        assert len(structs) == len(records), "a record and its row must never drift apart"
        return structs, marks

    def _mark_bytes(self, values: pa.Array, records: _Records, marks: Marks) -> None:
        """Mark what msgspec does not see: bytes that are no UTF-8 in skipped text, depth, size."""
        rows = len(values)
        offsets = words_in(values.buffers()[1], np.int32)[values.offset : values.offset + rows + 1]
        if offsets[0] == offsets[-1]:
            return
        payload = words_in(values.buffers()[2], np.uint8)[offsets[0] : offsets[-1]]
        if self._max_record_bytes is not None:
            marks |= np.diff(offsets) > self._max_record_bytes
        if payload.view(np.int8).min() < 0:
            try:
                values.cast(pa.string())
            except pa.ArrowInvalid:
                marks |= np.fromiter((not _is_utf8(record) for record in records), np.bool_, rows)
        brackets = np.count_nonzero(payload == ord("{")) + np.count_nonzero(payload == ord("["))
        # A good record has at least one bracket, so none can have more than MAX_DEPTH unless the sum says so.
        if brackets >= rows - np.count_nonzero(marks) + MAX_DEPTH:
            at = np.flatnonzero((payload == ord("{")) | (payload == ord("[")))
            marks |= np.diff(np.searchsorted(at, offsets - offsets[0])) > MAX_DEPTH

    def _settle(self, events: pa.RecordBatch, records: _Records, marks: Marks) -> Decoded:
        """Judge the marked rows one by one and put the accepted ones among the others, in poll order."""
        good_at: Int64s = np.flatnonzero(~marks)
        extra: list[Row] = []
        extra_at: list[int] = []
        dead_at: list[int] = []
        refusals: list[Refusal] = []
        for at in np.flatnonzero(marks).tolist():
            verdict = judge_record(self._schema, records[at], self._max_record_bytes)
            if isinstance(verdict, Refusal):
                dead_at.append(at)
                refusals.append(verdict)
            else:
                extra_at.append(at)
                extra.append(verdict)
        events = events.filter(pa.array(~marks))
        if extra:
            late = pa.RecordBatch.from_pylist(extra, schema=self._schema.arrow)
            all_at: Int64s = np.concatenate([good_at, np.array(extra_at, np.int64)])
            order = np.argsort(all_at, kind="stable")
            events = pa.concat_batches([events, late]).take(pa.array(order))
            good_at = all_at[order]
        return Decoded(events, good_at, np.array(dead_at, np.int64), refusals)


_NOWHERE: Int64s = np.array([], np.int64)


def _is_utf8(record: bytes | None) -> bool:
    try:
        return record is None or record.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


class _ObjectPlan:
    """How one JSON object is decoded: a generated struct, and per member how to get its columns."""

    def __init__(self, node: EventObject, may_be_absent: bool = False) -> None:
        self._may_be_absent = may_be_absent
        self.struct: type[msgspec.Struct]
        self.filler: msgspec.Struct
        members: list[tuple[str, type] | tuple[str, type, object]] = []
        self._parts: list[tuple[_Read, object, _ObjectPlan | Column]] = []
        fillers: dict[str, object] = {}
        names: dict[str, str] = {}
        for index, child in enumerate(node.children):
            attribute = f"f{index}"
            names[attribute] = child.path[-1]
            part: _ObjectPlan | Column
            if isinstance(child, EventField):
                kind, filler, absent = _scalar(child)
                default, part = _json_default(child, child.default), column_of(child)
            else:
                part = _ObjectPlan(child, may_be_absent or child.null_ok or not child.required)
                kind, filler, absent = part.struct, part.filler, None
                default = None if child.default is None else part.instance(child, child.default)
            optional = child.null_ok and kind is not msgspec.Raw
            members.append((attribute, kind | None if optional else kind, *(() if child.required else (default,))))
            fillers[attribute] = filler
            self._parts.append((_reader(attribute), absent, part))
        self.struct = msgspec.defstruct("Record", members, rename=names, gc=False, kw_only=True, frozen=True, eq=False)
        self.filler = self.struct(**fillers)

    def instance(self, node: EventObject, values: dict[str, Value]) -> msgspec.Struct:
        """The struct of an absent object, from its columns' default values."""
        made: dict[str, object] = {}
        for index, (child, (_, _, part)) in enumerate(zip(node.children, self._parts, strict=True)):
            if isinstance(child, EventField):
                made[f"f{index}"] = _json_default(child, values[child.name])
            else:
                assert isinstance(part, _ObjectPlan)
                below = [values[leaf.name] for leaf in child.leaves()]
                # An object of nulls and an absent object are the same columns.
                made[f"f{index}"] = None if all(v is None for v in below) else part.instance(child, values)
        return self.struct(**made)

    def columns(self, structs: Cells, marks: Marks) -> list[pa.Array]:
        """The leaf columns of these objects (None for an absent one), in the model's order."""
        columns: list[pa.Array] = []
        whole = not self._may_be_absent or None not in structs
        for read, absent, part in self._parts:
            if whole:
                values = read(structs)
            else:
                present = iter(read([struct for struct in structs if struct is not None]))
                values = [absent if struct is None else next(present) for struct in structs]
            if isinstance(part, _ObjectPlan):
                columns.extend(part.columns(values, marks))
            else:
                columns.append(part(values, marks))
        return columns


def _reader(attribute: str) -> _Read:
    """Takes one attribute of many structs. Compiled, because a fixed name is read twice as fast as an attrgetter's."""
    read: _Read = eval(f"lambda structs: [struct.{attribute} for struct in structs]")
    return read


def _scalar(leaf: EventField) -> tuple[Any, object, object]:
    """What msgspec decodes the field to, a valid filler, and what stands for it in an absent object."""
    if leaf.choices is not None:
        return Literal[leaf.choices], leaf.choices[0], None
    if leaf.unit is TimeUnit.TEXT or leaf.is_amount_text:
        return str, "0", None
    kind, filler = _SCALARS[leaf.kind]
    return kind, filler, NULL if leaf.kind in _AS_WRITTEN else None


def _json_default(leaf: EventField, value: Value) -> object:
    """A column's default value in the form msgspec would have decoded."""
    if leaf.is_amount_text:
        return None if value is None else str(value)
    if leaf.kind in _AS_WRITTEN:
        return NULL if value is None else msgspec.Raw(str(value).encode())
    return value
