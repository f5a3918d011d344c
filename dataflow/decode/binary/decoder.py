"""Binary records to event columns: a compiled pass over a poll, each record that it does not take judged by itself."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import values_in
from dataflow.columnar.types import Int32s, Int64s, UInt8s
from dataflow.decode.binary.frames import Group
from dataflow.decode.binary.slots import Leaf, LeafColumn, Slots
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.messages import Decoded

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

FEWEST = 4
"""So few records of one schema are judged one by one with less work."""
_POLLS_OF_REST = 16
"""Polls that a reader is left out of after one of whose records it took less than half."""


Records = tuple[int, Int64s, Int64s]
"""The address of bytes, and which of them each record has: from where, to where."""
Into = tuple[Int64s, UInt8s, Int64s, Int64s]
"""Slots and what is there, a row a field, a column a record taken; which records were taken, and which were not."""
Parse = Callable[[Records, Into], int]
"""A compiled reader with its schema. Returns how many records were taken."""


class Reader:
    """Reads the records of one writer's schema. It accepts nothing that the row-by-row reader refuses."""

    def __init__(
        self, schema: EventSchema, leaves: Sequence[Leaf], parse: Parse, pool: UInt8s, texts: "Compiled"
    ) -> None:
        """`leaves` in the order of the event's fields; `pool` holds symbols and choices, with SPARE_BYTES behind."""
        self._schema = schema
        self._columns = [LeafColumn(leaf) for leaf in leaves]
        self._parse = parse
        self._pool = pool
        self._texts = texts
        self._rest = 0

    def read(self, data: UInt8s, group: Group) -> tuple[pa.RecordBatch, Int64s] | None:
        """The events among the records of `group`, and where they stand in their poll; None for a rest."""
        if self._rest:
            self._rest -= 1
            return None
        rows, count = len(group.at), len(self._columns)
        slots, there = np.empty((count, rows), np.int64), np.empty((count, rows), np.uint8)
        taken, left = np.empty(rows, np.int64), np.empty(rows, np.int64)
        good = self._parse((data.ctypes.data, group.starts, group.ends), (slots, there, taken, left))
        if good < rows // 2:
            self._rest = _POLLS_OF_REST
        marks = np.zeros(good, np.bool_)
        text = partial(self._text, data)
        columns = [
            each.column(Slots(slots[at, :good], there[at, :good], text), marks) for at, each in enumerate(self._columns)
        ]
        events = pa.RecordBatch.from_arrays(columns, schema=self._schema.arrow)
        at = group.at[taken[:good]]
        return (events.filter(pa.array(~marks)), at[~marks]) if marks.any() else (events, at)

    def _text(self, data: UInt8s, places: Int64s) -> pa.Array:
        ends, text = self._texts(data.ctypes.data, self._pool.ctypes.data, places, len(places))
        return pa.Array.from_buffers(pa.string(), len(places), [None, pa.py_buffer(ends), pa.py_buffer(text)])


@dataclass(frozen=True, slots=True)
class Raw:
    """A poll's values: their bytes, their ends in them, and which may be read (neither null, empty nor too large)."""

    data: UInt8s
    ends: Int32s
    at: Int64s


Find = Callable[[Raw, pa.Array | None], list[tuple[Reader, Group]]]
"""The readers of a poll's records, each with those that are its own; what has none is read row by row.

Raises RegistryUnreachable.
"""


class ColumnDecoder:
    """As the row-by-row decoder within, only faster: what no reader takes goes to that one, record by record.

    So a record that is no event costs itself alone, and a poll of nothing but such records a pass more than without.
    """

    def __init__(self, rows: RowDecoder, find: Find, max_record_bytes: int | None) -> None:
        self.rows = rows
        self._find = find
        self._max_record_bytes = max_record_bytes

    def decode(self, values: pa.Array, headers: pa.Array | None = None) -> Decoded:
        """As `RowDecoder.decode`."""
        if len(values) < FEWEST:
            return self.rows.decode(values, headers)
        if values.type != pa.binary():
            values = values.cast(pa.binary())
        raw = self._raw(values)
        pieces = []
        is_left = np.ones(len(values), np.bool_)
        for reader, group in self._find(raw, headers):
            if len(group.at) < FEWEST:
                continue
            read = reader.read(raw.data, group)
            if read is not None and len(read[1]):
                pieces.append(read)
                is_left[read[1]] = False
        left = np.flatnonzero(is_left)
        if len(left) == 0 and len(pieces) == 1:
            return Decoded(*pieces[0], left, [])
        return self._joined(pieces, values, headers, left)

    def _raw(self, values: pa.Array) -> Raw:
        data, ends, valid = values_in(values)
        lengths = np.diff(ends)
        good = lengths > 0
        if self._max_record_bytes is not None:
            good &= lengths <= self._max_record_bytes
        if len(valid):
            good &= valid != 0
        return Raw(data, ends, np.flatnonzero(good))

    def _joined(
        self, pieces: list[tuple[pa.RecordBatch, Int64s]], values: pa.Array, headers: pa.Array | None, left: Int64s
    ) -> Decoded:
        """The pieces and what becomes of the records left, in the order of the poll."""
        chosen = pa.array(left)
        rest = self.rows.decode(values.take(chosen), None if headers is None else headers.take(chosen))
        dead_at = left[rest.dead_at]
        if len(rest.events_at):
            pieces = [*pieces, (rest.events, left[rest.events_at])]
        if len(pieces) < 2:
            events, at = pieces[0] if pieces else (rest.events, left[:0])
            return Decoded(events, at, dead_at, rest.refusals)
        at = np.concatenate([each for _, each in pieces])
        order = np.argsort(at, kind="stable")
        events = pa.concat_batches([events for events, _ in pieces]).take(pa.array(order))
        return Decoded(events, at[order], dead_at, rest.refusals)
