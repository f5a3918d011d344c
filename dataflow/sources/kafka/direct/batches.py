"""The record batches of one partition in one answer: checked at once, unpacked and expanded when there is time."""

import threading
from concurrent.futures import Future
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int32s, Int64s, UInt8s
from dataflow.sources.kafka.direct import codecs
from dataflow.sources.kafka.direct.layout import (
    BASE,
    BUFFER,
    CODEC,
    COLUMNS,
    COUNT,
    DAMAGED,
    DATA,
    END,
    ENDED,
    NEXT_OFFSET,
    NULLS,
    ODD,
    ODD_BATCH,
    OLD,
    PARTS,
)
from dataflow.sources.kafka.direct.memory import Memory
from dataflow.sources.kafka.direct.records import Records

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_TROUBLES = {
    DAMAGED: "a record batch with a wrong checksum",
    OLD: "a record batch of an old format",
    ODD: "a record batch of an unknown form",
}
_GROWTH, _SPARE, _FADING = 5.0, 1.2, 0.95
"""So many times their packed size batches are first taken to be; then as they were lately, and some more."""
_LZ4_MOST = 255
"""LZ4 makes no more bytes of one."""
_LEAST_RECORD_BYTES = 7
_MOST_BYTES = 2**31 - 1
"""A view tells with 31 bits where in its buffer a value begins."""
_FEW_BATCHES = 64

_asking = threading.Lock()


class Kernels(NamedTuple):
    """The loops of kernel.py; addresses are of bytes that stay where they are meanwhile."""

    scan: "Compiled"
    """scan(data, size, aborted, open, batches, told) -> how many batches hold records from told[NEXT_OFFSET] on that
    were committed; in `told` then, the offset behind what was looked at, and how it ended.

    `aborted`: producer and first offset, pair after pair, by offset; `open` has room for a number per pair. COLUMNS
    numbers per batch are put into `batches`; where that is too small the count is -1, and nothing is told.
    """
    expand: "Compiled"
    """expand(batches, bases, from_offset, offsets, timestamps, views, ends, valid, parts, told) -> how many records; in
    `told`, how many of them have no value, and the first batch that is odd, else -1.

    `bases`: the address of each buffer. `views`: two words a record, as Arrow has them; `ends`: of the values in bytes,
    one more than records, the first 0. `parts`: PARTS numbers a record, or nothing.
    """
    unpack: "Compiled"
    """unpack(data, end, to, limit) -> bytes that an LZ4 frame has, written from address `to` on; -1 where it is none,
    or does not fit before `limit`."""


def kernels() -> "Future[Kernels]":
    """The kernels, made once a process on a thread of its own, which the process waits for at its end.

    That takes some seconds where nothing is cached.
    """
    # workers ask side by side, and a cache alone would let each of them begin
    with _asking:
        return _begun()


@cache
def _begun() -> "Future[Kernels]":
    made: Future[Kernels] = Future()
    threading.Thread(target=_make, args=(made,), name="kernel").start()
    return made


def _make(made: "Future[Kernels]") -> None:
    try:
        made.set_result(Kernels(*loops("sources/kafka/direct/kernel")))
    except BaseException as problem:
        made.set_exception(problem)


class Scanned(NamedTuple):
    """What is known of a partition's batches before they are expanded.

    `batches` of the kernel's form; `next_offset` lies behind all that was looked at; `trouble` says what is there, if
    it is nothing that is understood.
    """

    batches: Int64s
    from_offset: int
    next_offset: int
    trouble: str | None


class Expanded(NamedTuple):
    """Records up to `next_offset`, where there is `trouble`, if any."""

    records: Records | None
    next_offset: int
    trouble: str | None


class Batches:
    """Takes batches apart; for one thread at a time."""

    def __init__(self, made: Kernels, memory: Memory, *, tells_parts: bool) -> None:
        """`tells_parts`: keys and headers are asked for as well."""
        self._kernels = made
        self._memory = memory
        self._tells_parts = tells_parts
        self.growth = _GROWTH
        """How many times its size what comes may become, as far as it was seen."""
        self._table = np.zeros(_FEW_BATCHES * COLUMNS, np.int64)

    def scan(self, body: UInt8s, place: tuple[int, int], from_offset: int, aborted: Int64s) -> Scanned:
        """The batches in the bytes [place) of `body`: their checksums, whether they count, and what comes behind."""
        begin, end = place
        open_, told = np.empty(len(aborted) // 2, np.int64), np.empty(2, np.int64)
        while True:
            told[NEXT_OFFSET] = from_offset
            count = self._kernels.scan(body.ctypes.data + begin, end - begin, aborted, open_, self._table, told)
            if count >= 0:
                break
            self._table = np.zeros(2 * len(self._table), np.int64)
        trouble = _TROUBLES.get(int(told[ENDED]))
        return Scanned(self._table[: count * COLUMNS].copy(), from_offset, int(told[NEXT_OFFSET]), trouble)

    def expand(self, body: UInt8s, scanned: Scanned) -> Expanded:
        """The records of what was scanned in `body`, which must not change as long as they are there."""
        table = scanned.batches.reshape(-1, COLUMNS)
        if not len(table):
            return Expanded(None, scanned.next_offset, scanned.trouble)
        buffers = [pa.py_buffer(body)]
        packed_bytes = int((table[:, END] - table[:, DATA]).sum())
        good, trouble = self._unpack(body, table, buffers)
        if good == len(table) and packed_bytes:
            unpacked_bytes = int((table[:, END] - table[:, DATA]).sum())
            self.growth = max(_FADING * self.growth, _SPARE * unpacked_bytes / packed_bytes, 1.0)
        records, odd = self._expand(table[:good], scanned.from_offset, buffers)
        if odd is not None:
            good, trouble = odd, _TROUBLES[ODD]
        if trouble is None:
            return Expanded(records, scanned.next_offset, scanned.trouble)
        return Expanded(records, max(scanned.from_offset, int(table[good, BASE])), trouble)

    def _unpack(self, body: UInt8s, table: Int64s, buffers: list[pa.Buffer]) -> tuple[int, str | None]:
        """Unpack what is packed; gives how many batches can be read, and what is wrong with the one behind them."""
        codes = table[:, CODEC]
        if not codes.any():
            return len(table), None
        arena: _Arena | None = None
        for at in np.flatnonzero(codes).tolist():
            row = table[at]
            if codes[at] == codecs.LZ4:
                if arena is None:
                    rest = table[at:][codes[at:] == codecs.LZ4]
                    expected_bytes = int(self.growth * int((rest[:, END] - rest[:, DATA]).sum()))
                    arena = _Arena(self._kernels, self._memory, expected_bytes, buffers)
                if not arena.unpack(row):
                    return at, "a record batch that is no LZ4 frame"
            else:
                begin = int(row[DATA]) - body.ctypes.data
                data = body.data[begin : begin + int(row[END] - row[DATA])]
                try:
                    found = codecs.unpack(int(codes[at]), data)
                except codecs.Unreadable as problem:
                    return at, f"a record batch that {problem}"
                if found.size > _MOST_BYTES:
                    return at, "a record batch of more than 2 GB"
                row[BUFFER], row[DATA], row[END] = len(buffers), found.address, found.address + found.size
                buffers.append(found)
            if row[COUNT] * _LEAST_RECORD_BYTES > row[END] - row[DATA]:
                return at, _TROUBLES[ODD]
        return len(table), None

    def _expand(self, table: Int64s, from_offset: int, buffers: list[pa.Buffer]) -> tuple[Records | None, int | None]:
        """The records, and the first batch that holds something else; None where there is none."""
        most = int(table[:, COUNT].sum())
        if not most:
            return None, None
        offsets, timestamps, views = np.empty(most, np.int64), np.empty(most, np.int64), np.empty(2 * most, np.int64)
        ends, valid = np.zeros(most + 1, np.int64), np.empty(most, np.uint8)
        parts: Int32s = np.empty(PARTS * most if self._tells_parts else 0, np.int32)
        bases = np.array([buffer.address for buffer in buffers], np.int64)
        flat = np.ascontiguousarray(table).reshape(-1)
        told = np.empty(2, np.int64)
        count = self._kernels.expand(flat, bases, from_offset, offsets, timestamps, views, ends, valid, parts, told)
        nulls, odd = int(told[NULLS]), int(told[ODD_BATCH])
        found = None
        if count:
            columns = (offsets[:count], timestamps[:count], views[: 2 * count], ends[: count + 1], valid[:count])
            found = Records(*columns, nulls, parts[: PARTS * count], buffers)
        return found, None if odd < 0 else odd


class _Arena:
    """Where LZ4 frames are unpacked, one behind the other; a further one where they do not fit."""

    def __init__(self, kernels: Kernels, memory: Memory, expected_bytes: int, buffers: list[pa.Buffer]) -> None:
        self._kernels = kernels
        self._memory = memory
        self._buffers = buffers
        self._expected_bytes = expected_bytes
        self._block: UInt8s = np.empty(0, np.uint8)
        self._at = 0
        self._number = -1

    def unpack(self, row: Int64s) -> bool:
        """Unpack the batch of this row of the table, and say there where it lies now. False where that cannot be."""
        begin, end = int(row[DATA]), int(row[END])
        while True:
            block = self._block.ctypes.data
            to, limit = block + self._at, block + len(self._block)
            size = self._kernels.unpack(begin, end, to, limit) if len(self._block) else -1
            if size >= 0:
                row[DATA], row[END], row[BUFFER] = to, to + size, self._number
                self._at += size
                self._expected_bytes -= size
                return True
            most = _LZ4_MOST * (end - begin)
            if limit - to >= most:
                return False
            if self._at == 0 and len(self._block):
                # not even alone
                size_bytes = min(most, 4 * len(self._block))
            else:
                size_bytes = max(self._expected_bytes, int(_GROWTH * (end - begin)))
            if size_bytes > _MOST_BYTES:
                return False
            self._block, self._at, self._number = self._memory.lend(size_bytes), 0, len(self._buffers)
            self._buffers.append(pa.py_buffer(self._block))
