"""Memory of event ids of one source partition (semantics rule 5): exact, compact, columnar."""

import threading
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dataflow.columnar.growing import Growing
from dataflow.columnar.hashing import SPREAD, Hashes
from dataflow.columnar.loops import loops
from dataflow.columnar.types import Bools, Int32s, Int64s, UInt16s, UInt32s, UInt64s
from dataflow.messages import NEVER_MS

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_BLOCK_BITS = 10
_BLOCK = 1 << _BLOCK_BITS
"""Ids leave by so many: what a thousand source partitions hold too long is a thousand times this."""
_CHUNK = 1 << 14
"""Rows that are judged at a time."""
_MIN_BLOCKS = 1 << 4
_NUMBERS = 2**31
_LINE = 8
"""Slots of a line; the last line of the table is always empty."""
_MIN_LINES = 1 << 7
_MOST_BEHIND = 1 << 9
"""Lines behind all homes, for ids whose place would be past the end: as many as a run of full ones hardly ever has."""
_MAX_HORIZON_MS = 2**62

_compiling = threading.Lock()


class Kernels(NamedTuple):
    """The loops of id_kernel.py, which says what they do."""

    judge: "Compiled"
    sweep: "Compiled"
    gather: "Compiled"
    spread_out: "Compiled"


@cache
def _kernels() -> Kernels:
    return Kernels(*loops("columnar/id_kernel"))


def load() -> Kernels:
    """The loops that remember, ready to run: with the first memory."""
    with _compiling:
        return _kernels()


class DedupMemory:
    """Which ids are remembered, until their event time + horizon <= watermark.

    A log of entries, numbered in the order of their rows, and a table of slots over it, sorted, with gaps. The first
    lane of an id, times a constant, is its place in the table: the upper half stands in the slot beside the entry's
    number, the lower one in the log beside the second lane, so that all 128 bits are compared. Entries leave in
    blocks, oldest first, by moving `_base`: a slot whose number is below it is as good as empty, and the table is swept
    when too many are so. A block's event times are 16 bits from its base on, or in `_wide` where they are too far apart
    for that. About 26 bytes per id.
    """

    def __init__(self, horizon_ms: int) -> None:
        """`horizon_ms` >= 1."""
        self._horizon_ms = min(horizon_ms, _MAX_HORIZON_MS)
        self._base = self._top = self._swept_top = _BLOCK
        self._lines = self._used = 0
        self._slots = Growing(np.uint64)
        self._low = Growing(np.uint32)
        self._lane2 = Growing(np.uint64)
        self._time = Growing(np.uint16)
        self._wide = Growing(np.int64)
        self._place_of_block = np.zeros(_MIN_BLOCKS, np.uint32)
        self._reserved = self._base >> _BLOCK_BITS
        # by place of a block
        self._base_ms, self._newest_ms = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._wide_of = np.zeros(0, np.int32)
        self._free_places: list[int] = []
        self._free_wide: list[int] = []
        self._kernels = load()

    def __len__(self) -> int:
        """Entries held, expired ones that have not left yet included."""
        return self._top - self._base

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return sum(each.nbytes for each in (self._slots.values, *self._entries()))

    def judge(self, lane1: Hashes, lane2: Hashes, event_time: Int64s, watermark: Int64s) -> Bools:
        """Which rows, in offset order, are the first of their id; they are remembered, the others are duplicates.

        `watermark` is the one before each row, so it never falls.
        """
        if len(lane1):
            self.forget(int(watermark[0]))
        return self._judge(lane1, lane2, event_time, watermark, is_told=False)

    def remember(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        """Append entries in the order of their rows, unjudged."""
        self._judge(lane1, lane2, event_time, event_time, is_told=True)

    def shorten(self, horizon_ms: int) -> None:
        """From now on ids are remembered for a shorter time; a longer one would bring expired ones back to life."""
        self._horizon_ms = min(self._horizon_ms, horizon_ms)

    def forget(self, watermark: int) -> None:
        """Let blocks go whose ids have all expired."""
        if watermark < NEVER_MS + self._horizon_ms:
            return
        limit = watermark - self._horizon_ms
        while self._top - self._base >= _BLOCK:
            place = self._place(self._base >> _BLOCK_BITS)
            if self._newest_ms[place] > limit:
                return
            self._free_places.append(place)
            if self._wide_of[place]:
                self._free_wide.append(int(self._wide_of[place]))
            self._base += _BLOCK

    def remembered(self, watermark: int) -> tuple[Hashes, Hashes, Int64s]:
        """All entries that have not expired at `watermark`, in the order of their rows."""
        numbers = np.arange(self._base, self._top)
        blocks = len(self._place_of_block) - 1
        block = self._place_of_block[(numbers >> _BLOCK_BITS) & blocks].astype(np.intp)
        at = block << _BLOCK_BITS | numbers & _BLOCK - 1
        time, wide_of = self._base_ms[block] + self._time.values[at], self._wide_of[block].astype(np.intp)
        is_wide = wide_of > 0
        time[is_wide] = self._wide.values[(wide_of[is_wide] - 1) << _BLOCK_BITS | numbers[is_wide] & _BLOCK - 1]
        # the upper half of what was made of the first lane stands in the table alone
        spread = self._low.values[at].astype(np.uint64)
        slots = self._slots.values[self._slots.values != 0]
        back = (self._top - (slots & np.uint64(_NUMBERS - 1)).astype(np.int64)) % _NUMBERS
        held = (back > 0) & (back <= len(self))
        known = np.zeros(len(numbers), np.bool_)
        place = len(numbers) - back[held]
        spread[place] |= slots[held] & np.uint64(0xFFFFFFFF00000000)
        known[place] = True
        if watermark >= NEVER_MS + self._horizon_ms:
            known &= time > watermark - self._horizon_ms
        lane1 = spread[known] * np.uint64(pow(SPREAD, -1, 2**64))
        return lane1, self._lane2.values[at[known]], time[known]

    def _judge(self, lane1: Hashes, lane2: Hashes, event_time: Int64s, watermark: Int64s, *, is_told: bool) -> Bools:
        first = np.ones(len(lane1), np.bool_)
        columns = [np.ascontiguousarray(each) for each in (lane1, lane2, event_time, watermark)]
        judge = self._kernels.judge
        for start in range(0, len(lane1), _CHUNK):
            end = min(start + _CHUNK, len(lane1))
            self._reserve(end - start)
            rows = [each[start:end] for each in columns]
            done = 0
            while True:
                slots, state = self._slots.values, np.array([self._base, self._top, self._used, 0])
                done = judge(
                    *rows, self._horizon_ms, is_told, slots, slots.ctypes.data, self._lines, *self._entries(), state,
                    done, first[start:end],
                )  # fmt: skip
                del slots
                _, self._top, self._used, is_at_end = state.tolist()
                if done == end - start:
                    break
                if is_at_end:
                    self._lengthen()
                else:
                    self._widen(self._place(self._top >> _BLOCK_BITS))
        return first

    def _reserve(self, count: int) -> None:
        """Have room for so many more entries."""
        if self._used + count > self._most or self._top - self._swept_top > _NUMBERS // 2:
            held = len(self) + count
            if held <= self._most * 7 // 8:
                slots = self._slots.values
                self._used = self._kernels.sweep(slots, slots.ctypes.data, self._lines, self._base, self._top)
                del slots
            else:
                self._enlarge(held)
            self._swept_top = self._top
        last_block = (self._top + count - 1) >> _BLOCK_BITS
        self._map(last_block + 1)
        mask = len(self._place_of_block) - 1
        while self._reserved <= last_block:
            if not self._free_places:
                self._grow()
            self._place_of_block[self._reserved & mask] = self._free_places.pop()
            self._reserved += 1

    def _enlarge(self, held: int) -> None:
        """Make the table by half larger, at least, in its place: pages that were never written cost the most."""
        former = len(self._slots.values)
        self._lines = max(self._lines + self._lines // 2, _MIN_LINES)
        while self._most < held:
            self._lines += self._lines // 2
        behind = min(self._lines // 8, _MOST_BEHIND) + 2
        self._slots.grow(max((self._lines + behind) * _LINE, former + _LINE))
        slots = self._slots.values
        self._used = self._kernels.gather(slots, former, self._base, self._top)
        rest = slots[len(slots) - _LINE - self._used : len(slots) - _LINE]
        while (done := self._kernels.spread_out(rest, slots, slots.ctypes.data, self._lines)) < len(rest):
            kept = rest[done:].copy()
            rest[done:] = 0
            del slots, rest
            self._lengthen()
            slots, rest = self._slots.values, kept

    def _lengthen(self) -> None:
        """More slots behind those that are anybody's home."""
        self._slots.grow(len(self._slots.values) + _MIN_LINES * _LINE)

    def _map(self, end: int) -> None:
        """Have the map hold the blocks from the first one that is held up to `end`."""
        first, blocks = self._base >> _BLOCK_BITS, len(self._place_of_block)
        if end - first <= blocks:
            return
        held = np.arange(first, self._reserved)
        places = self._place_of_block[held & (blocks - 1)]
        while end - first > blocks:
            blocks *= 2
        self._place_of_block = np.zeros(blocks, np.uint32)
        self._place_of_block[held & (blocks - 1)] = places

    def _grow(self) -> None:
        """A sixteenth more places, at least one block."""
        places = len(self._base_ms)
        more = max(1, places // 16)
        for column in (self._low, self._lane2, self._time):
            column.grow((places + more) << _BLOCK_BITS)
        added = np.zeros(more, np.int64)
        self._base_ms, self._newest_ms = (np.concatenate([each, added]) for each in (self._base_ms, self._newest_ms))
        self._wide_of = np.concatenate([self._wide_of, added.astype(np.int32)])
        self._free_places += range(places + more - 1, places - 1, -1)

    def _widen(self, place: int) -> None:
        """Give a block's times 64 bits each."""
        if not self._free_wide:
            before = len(self._wide.values) >> _BLOCK_BITS
            more = max(1, before // 16)
            self._wide.grow((before + more) << _BLOCK_BITS)
            self._free_wide += range(before + more, before, -1)
        number = self._free_wide.pop()
        self._wide_of[place] = number
        times = self._time.values[place << _BLOCK_BITS : (place + 1) << _BLOCK_BITS]
        at = (number - 1) << _BLOCK_BITS
        self._wide.values[at : at + _BLOCK] = times + self._base_ms[place]

    @property
    def _most(self) -> int:
        """How many slots may be taken: of more, too many lines would be full."""
        return self._lines * _LINE * 9 // 10

    def _place(self, block: int) -> int:
        return int(self._place_of_block[block & (len(self._place_of_block) - 1)])

    def _entries(self) -> tuple[UInt32s, UInt32s, UInt64s, UInt16s, Int64s, Int64s, Int32s, Int64s]:
        """What the loops know entries by: places of blocks, then columns by place of an entry or of a block."""
        return (
            self._place_of_block, self._low.values, self._lane2.values, self._time.values,
            self._base_ms, self._newest_ms, self._wide_of, self._wide.values,
        )  # fmt: skip
