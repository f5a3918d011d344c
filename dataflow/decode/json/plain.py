"""JSON records to event columns: a compiled pass over the plain ones, the general decoder for all others."""

import threading
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES, values_in
from dataflow.columnar.types import Int64s, UInt8s
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.limits import Marks, Whole, ints_of, money_of
from dataflow.event.fields import INT64_MAX, FieldKind, TimeUnit, to_micros
from dataflow.event.schema import EventField, EventSchema
from dataflow.messages import Decoded, Refusal

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_POLLS_OF_REST = 16
"""Polls that go straight to the general decoder after one of mostly odd records."""
_FEW_RECORDS = 64
_MONEY = pa.decimal128(18, 6)
_compiling = threading.Lock()


def json_decoder(schema: EventSchema, max_record_bytes: int | None = None) -> "PlainDecoder | JsonDecoder":
    """The fastest decoder for a schema; what it accepts and what it says are the contract's, whichever it is."""
    careful = JsonDecoder(schema, max_record_bytes)
    try:
        fields = _Fields(schema)
        return PlainDecoder(fields, careful, schema, max_record_bytes)
    except (_NotFlat, ImportError):
        return careful


class _NotFlat(Exception):
    """The schema has a field that the compiled pass does not know."""


@cache
def _kernels() -> "tuple[Compiled, Compiled]":
    from dataflow.columnar import text_kernel
    from dataflow.decode.json import plain_kernel

    return plain_kernel.compiled(), text_kernel.compiled()


def load() -> "tuple[Compiled, Compiled]":
    """The kernels, ready to run; takes some seconds where nothing is cached. Raises ImportError without numba."""
    with _compiling:
        return _kernels()


class PlainDecoder:
    """Decodes as `JsonDecoder`, only faster; pure, but for a rest that it takes where most records are not plain."""

    def __init__(
        self, fields: "_Fields", careful: JsonDecoder, schema: EventSchema, max_record_bytes: int | None
    ) -> None:
        self._parse, self._texts = load()
        self._fields = fields
        self._careful = careful
        self._schema = schema
        self._record_limit = max_record_bytes
        self._max_bytes = INT64_MAX if max_record_bytes is None else max_record_bytes
        self._rest = 0

    def decode(self, values: pa.Array) -> Decoded:
        """As `JsonDecoder.decode`."""
        rows = len(values)
        if rows == 0 or self._rest:
            self._rest = max(0, self._rest - 1)
            return self._careful.decode(values)
        if values.type != pa.binary():
            values = values.cast(pa.binary())
        data, ends, valid = values_in(values)
        fields = self._fields
        slots = np.empty((fields.count, rows), np.int64)
        there = np.empty((fields.count, rows), np.uint8)
        good_at, odd_at = np.empty(rows, np.int64), np.empty(rows, np.int64)
        good = self._parse(
            data.ctypes.data, ends, valid, self._max_bytes, fields.table, fields.choices, fields.pool.ctypes.data,
            slots, there, good_at, odd_at,
        )  # fmt: skip
        if good < rows // 2:
            self._rest = _POLLS_OF_REST
        if good == 0:
            return self._careful.decode(values)
        good_at, odd_at = good_at[:good], odd_at[: rows - good]
        marks = np.zeros(good, np.bool_)
        columns = [self._column(f, data, slots[f, :good], there[f, :good], marks) for f in range(fields.count)]
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        if marks.any():
            odd_at = np.sort(np.concatenate([odd_at, good_at[marks]]))
            events, good_at = events.filter(pa.array(~marks)), good_at[~marks]
        if len(odd_at) == 0:
            return Decoded(events, good_at, odd_at, [])
        odd = values.take(pa.array(odd_at))
        decoded = self._judge_each(odd) if len(odd) <= _FEW_RECORDS else self._careful.decode(odd)
        return _joined(events, good_at, decoded, odd_at)

    def _judge_each(self, values: pa.Array) -> Decoded:
        """By the contract itself: for a few records that is less work than columns are."""
        verdicts = [judge_record(self._schema, value, self._record_limit) for value in values.to_pylist()]
        refused = np.array([isinstance(verdict, Refusal) for verdict in verdicts], np.bool_)
        rows = [verdict for verdict in verdicts if not isinstance(verdict, Refusal)]
        events = pa.RecordBatch.from_pylist(rows, schema=self._schema.arrow)
        refusals = [verdict for verdict in verdicts if isinstance(verdict, Refusal)]
        return Decoded(events, np.flatnonzero(~refused), np.flatnonzero(refused), refusals)

    def _column(self, f: int, data: UInt8s, slots: Int64s, there: UInt8s, marks: Marks) -> pa.Array:
        rows = len(slots)
        leaf = self._fields.leaves[f]
        nulls = None if not leaf.nullable or there.all() else there == 0
        bits = None if nulls is None else pa.py_buffer(np.packbits(there, bitorder="little"))
        if leaf.kind is FieldKind.STR:
            ends, text = self._texts(data.ctypes.data, self._fields.pool.ctypes.data, slots, rows)
            return pa.Array.from_buffers(pa.string(), rows, [bits, pa.py_buffer(ends), pa.py_buffer(text)])
        if leaf.kind is FieldKind.BOOL:
            packed = np.packbits(slots.astype(np.bool_), bitorder="little")
            return pa.Array.from_buffers(pa.bool_(), rows, [bits, pa.py_buffer(packed)])
        rule = self._fields.rules[f]
        if leaf.kind is FieldKind.MONEY:
            if nulls is not None and nulls.all():
                return pa.nulls(rows, _MONEY)
            rule.mark(slots, nulls, marks)
            words = np.empty((rows, 2), np.int64)
            words[:, 0] = slots
            np.right_shift(slots, 63, out=words[:, 1])
            return pa.Array.from_buffers(_MONEY, rows, [bits, pa.py_buffer(words)])
        rule.mark(slots, nulls, marks)
        numbers = slots if leaf.unit is None else leaf.unit.to_ms(slots)
        return pa.Array.from_buffers(pa.int64(), rows, [bits, pa.py_buffer(np.ascontiguousarray(numbers))])


class _Fields:
    """A flat schema as the kernel reads it. Raises _NotFlat for a field that it does not know."""

    def __init__(self, schema: EventSchema) -> None:
        from dataflow.decode.json import plain_kernel as kernel

        pool = bytearray()
        choices: list[tuple[int, int]] = []
        kinds = {
            FieldKind.STR: kernel.TEXT,
            FieldKind.INT: kernel.INT,
            FieldKind.EVENT_TIME: kernel.INT,
            FieldKind.MONEY: kernel.MONEY,
            FieldKind.BOOL: kernel.BOOL,
        }

        def place(text: bytes) -> tuple[int, int]:
            pool.extend(text)
            return len(pool) - len(text), len(text)

        self.leaves: list[EventField] = []
        self.rules: list[Whole] = []
        rows = []
        for leaf in schema.root.children:
            if not isinstance(leaf, EventField) or leaf.kind not in kinds or _is_special(leaf):
                raise _NotFlat
            first = len(choices)
            choices += [place(str(choice).encode()) for choice in leaf.choices or ()]
            limits = leaf.constraints
            row = {
                kernel.KIND: kinds[leaf.kind],
                kernel.REQUIRED: leaf.required,
                kernel.NULL_OK: leaf.null_ok,
                kernel.SHORTEST: limits.min_length or 0,
                kernel.LONGEST: INT64_MAX if limits.max_length is None else limits.max_length,
                kernel.FIRST_CHOICE: first,
                kernel.LAST_CHOICE: len(choices),
                kernel.HAS_DEFAULT: leaf.default is not None,
                kernel.DEFAULT: 0,
            }
            row[kernel.KEY], row[kernel.KEY_LENGTH] = place(leaf.path[-1].encode())
            if leaf.default is not None:
                row[kernel.DEFAULT] = _default(leaf, place)
            rows.append([int(row[column]) for column in range(len(row))])
            self.leaves.append(leaf)
            self.rules.append(money_of(leaf) if leaf.kind is FieldKind.MONEY else ints_of(leaf))
        if not rows or len(rows) > kernel.MOST_FIELDS:
            raise _NotFlat
        self.count = len(rows)
        self.table = np.array(rows, np.int64)
        self.choices = np.array(choices, np.int64).reshape(-1, 2)
        self.pool = np.frombuffer(bytes(pool) + bytes(SPARE_BYTES), np.uint8)


def _is_special(leaf: EventField) -> bool:
    """Whether a field has what only the general decoder knows."""
    key = leaf.path[-1]
    if not (key.isascii() and key.isprintable()) or '"' in key or "\\" in key:
        return True
    if leaf.kind is FieldKind.STR:
        limits = leaf.constraints
        chosen = leaf.choices is not None and (
            bool(limits) or not all(str(choice).isascii() for choice in leaf.choices)
        )
        return leaf.unit is TimeUnit.TEXT or bool(limits.patterns or limits.bounds or limits.multiples) or chosen
    return (
        leaf.is_amount_text
        or leaf.choices is not None
        or leaf.unit is TimeUnit.TEXT
        or (leaf.unit is not None and not leaf.required)
    )


def _default(leaf: EventField, place: Callable[[bytes], tuple[int, int]]) -> int:
    if leaf.kind is FieldKind.STR:
        position, length = place(str(leaf.default).encode())
        return int(~position << 32 | length)
    if leaf.kind is FieldKind.MONEY:
        assert isinstance(leaf.default, Decimal)
        micros = to_micros(leaf.default)
        if micros is None:
            raise _NotFlat
        return micros
    assert isinstance(leaf.default, int)
    return int(leaf.default)


def _joined(events: pa.RecordBatch, events_at: Int64s, odd: Decoded, odd_at: Int64s) -> Decoded:
    """The plain rows and what became of all others, in the order of the poll."""
    dead_at = odd_at[odd.dead_at]
    if len(odd.events_at) == 0:
        return Decoded(events, events_at, dead_at, odd.refusals)
    at = np.concatenate([events_at, odd_at[odd.events_at]])
    order = np.argsort(at, kind="stable")
    together = pa.concat_batches([events, odd.events]).take(pa.array(order))
    return Decoded(together, at[order], dead_at, odd.refusals)
