"""Fetched records of one partition, their values left in the buffers that they came in."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Int32s, Int64s, UInt8s
from dataflow.event.record_part import KEY, TOPIC, header_of
from dataflow.sources.kafka.direct.layout import HEADERS, KEY_LENGTH, PART_BUFFER, PARTS
from dataflow.sources.kafka.direct.layout import KEY as KEY_AT
from dataflow.sources.kafka.drain import Drained

RECORD_BYTES = 48
"""What a record costs besides its value."""
_INLINE = 12


@dataclass(frozen=True, slots=True)
class Records:
    """Some records in offset order, as the kernel has written them.

    `views`: two words a record; `valid`: whether it has a value; `ends`: of the values in bytes, one more than records.
    `parts`: PARTS numbers a record, or none.
    """

    offsets: Int64s
    timestamps: Int64s
    views: Int64s
    ends: Int64s
    valid: UInt8s
    nulls: int
    parts: Int32s
    buffers: list[pa.Buffer]

    def __len__(self) -> int:
        return len(self.offsets)

    def size_bytes(self, begin: int, end: int) -> int:
        """What the records [begin, end) take, about."""
        return int(self.ends[end] - self.ends[begin]) + RECORD_BYTES * (end - begin)


Piece = tuple[Records, int, int]
"""Records, of which [begin, end) are meant."""


def drained(topic: str, pieces: Sequence[Piece], beside: Sequence[str]) -> Drained:
    """The pieces as columns: values as views into their buffers, or copied where something else is told beside them."""
    offsets = _joined([each.offsets[begin:end] for each, begin, end in pieces])
    timestamps = _joined([each.timestamps[begin:end] for each, begin, end in pieces])
    values = _values(pieces)
    told = {column: _told(column, topic, pieces) for column in beside}
    # rows are picked of a poll with more columns, and Arrow cannot pick views
    return Drained(offsets, timestamps, values.cast(pa.binary()) if beside else values, [], told)


def _joined(arrays: Sequence[Int64s]) -> Int64s:
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _values(pieces: Sequence[Piece]) -> pa.Array:
    buffers: list[pa.Buffer] = []
    views = []
    for records, begin, end in pieces:
        part = records.views[2 * begin : 2 * end]
        if buffers:
            halves = part.view(np.int32).reshape(-1, 4).copy()
            halves[halves[:, 0] > _INLINE, 2] += len(buffers)
            part = halves.reshape(-1).view(np.int64)
        views.append(part)
        buffers += records.buffers
    count = sum(end - begin for _, begin, end in pieces)
    nulls = 0
    valid: pa.Buffer | None = None
    if any(records.nulls for records, _, _ in pieces):
        flags = np.concatenate([records.valid[begin:end] for records, begin, end in pieces])
        nulls = int(count - flags.sum(dtype=np.int64))
        valid = pa.py_buffer(np.packbits(flags, bitorder="little")) if nulls else None
    return pa.Array.from_buffers(pa.binary_view(), count, [valid, pa.py_buffer(_joined(views)), *buffers], nulls)


def _told(column: str, topic: str, pieces: Sequence[Piece]) -> pa.Array:
    """One part of each record; text for the topic, bytes for key and headers."""
    if column == TOPIC:
        return pa.array([topic] * sum(end - begin for _, begin, end in pieces), pa.string())
    name = header_of(column)
    found: list[bytes | None] = []
    for records, begin, end in pieces:
        datas = [memoryview(buffer) for buffer in records.buffers]
        for part in records.parts.reshape(-1, PARTS)[begin:end].tolist():
            data = datas[part[PART_BUFFER]]
            if column == KEY:
                at, length = part[KEY_AT], part[KEY_LENGTH]
                found.append(None if length < 0 else bytes(data[at : at + length]))
            else:
                assert name is not None, "there is nothing else"
                found.append(_header(data, part[HEADERS], name.encode()))
    return pa.array(found, pa.binary())


def _header(data: memoryview, at: int, name: bytes) -> bytes | None:
    """The last header of that name; None where it has none, or one without a value."""
    count, at = _varint(data, at)
    found = None
    for _ in range(count):
        length, at = _varint(data, at)
        is_it = bytes(data[at : at + length]) == name
        at += length
        length, at = _varint(data, at)
        if is_it:
            found = None if length < 0 else bytes(data[at : at + length])
        at += max(length, 0)
    return found


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    found = shift = 0
    while True:
        byte = data[at]
        at += 1
        found |= (byte & 0x7F) << shift
        if byte < 0x80:
            return found >> 1 ^ -(found & 1), at
        shift += 7
