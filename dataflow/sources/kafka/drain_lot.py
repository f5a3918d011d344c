"""Records of one partition on their way out of librdkafka: columns that grow, and are handed over whole."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.types import Int32s, Int64s, UInt8s

MOST_BYTES = 2**31 - 2**16
"""Arrow counts a binary column's bytes with int32."""


class Room(NamedTuple):
    """For so many records, of so many bytes in all."""

    rows: int
    size_bytes: int


LEAST_ROOM = Room(64, 8_192)


class Cut(NamedTuple):
    """Some records of a lot: offsets, timestamps, values (binary), the bytes of these."""

    offsets: Int64s
    timestamps: Int64s
    values: pa.Array
    size_bytes: int


@dataclass(slots=True)
class Lot:
    """Columns with room for more records than the `rows` they have. `begin`: so many were cut off."""

    offsets: Int64s
    timestamps: Int64s
    ends: Int32s
    data: UInt8s
    valid: UInt8s
    rows: int = 0
    nulls: int = 0
    begin: int = 0

    @property
    def room(self) -> Room:
        """For how much there is room, what is there included."""
        return Room(len(self.offsets), len(self.data) - SPARE_BYTES)

    @property
    def left(self) -> Room:
        """How many records are left, and their bytes."""
        return Room(self.rows - self.begin, int(self.ends[self.rows]) - int(self.ends[self.begin]))

    def cut(self, max_rows: int, max_bytes: int) -> Cut:
        """Cut off the next records, of which there is one at least: one, or as many as `max_bytes` and `max_rows`."""
        begin, first = self.begin, int(self.ends[self.begin])
        fitting = int(self.ends[begin + 1 : self.rows + 1].searchsorted(min(first + max_bytes, 2**31 - 1), "right"))
        end = begin + max(1, min(max_rows, fitting))
        self.begin = end
        size_bytes = int(self.ends[end]) - first
        if begin == 0 and end == self.rows:
            ends, data, valid = self.ends[: end + 1], self.data[: size_bytes + SPARE_BYTES], self.valid
            data[size_bytes:] = 0
        else:
            ends = self.ends[begin : end + 1] - np.int32(first)
            data = np.zeros(size_bytes + SPARE_BYTES, np.uint8)
            data[:size_bytes] = self.data[first : first + size_bytes]
            bits = np.unpackbits(self.valid, count=self.rows, bitorder="little")[begin:end]
            valid = np.packbits(bits, bitorder="little")
        bitmap = pa.py_buffer(valid) if self.nulls else None
        values = pa.Array.from_buffers(pa.binary(), end - begin, [bitmap, pa.py_buffer(ends), pa.py_buffer(data)])
        return Cut(self.offsets[begin:end], self.timestamps[begin:end], values, size_bytes)


def empty_lot(room: Room) -> Lot:
    """With room for so many records."""
    return Lot(
        np.empty(room.rows, np.int64),
        np.empty(room.rows, np.int64),
        np.zeros(room.rows + 1, np.int32),
        np.empty(room.size_bytes + SPARE_BYTES, np.uint8),
        np.full((room.rows + 7) // 8, 0xFF, np.uint8),
    )


def grown(lot: Lot, room: Room) -> Lot:
    """The same records, none of which was cut off, with more room."""
    wider = empty_lot(room)
    rows, size_bytes = lot.rows, int(lot.ends[lot.rows])
    wider.rows, wider.nulls = rows, lot.nulls
    wider.offsets[:rows] = lot.offsets[:rows]
    wider.timestamps[:rows] = lot.timestamps[:rows]
    wider.ends[: rows + 1] = lot.ends[: rows + 1]
    wider.data[:size_bytes] = lot.data[:size_bytes]
    wider.valid[: len(lot.valid)] = lot.valid
    return wider
