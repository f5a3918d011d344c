"""Memory of event ids of one source partition (semantics rule 5): exact, compact, columnar."""

from collections import deque

import numpy as np
import numpy.typing as npt

from dataflow.columnar.growing import Growing
from dataflow.columnar.hashing import Hashes, load
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.messages import NEVER_MS

Numbers32 = npt.NDArray[np.uint32]

_BLOCK_BITS = 10
_BLOCK = 1 << _BLOCK_BITS
"""Ids leave by so many: what a thousand source partitions hold too long is a thousand times this."""
_BLOCK_MASK = np.uint32(_BLOCK - 1)
_CHUNK = 1 << 14
"""Rows that are judged at a time."""
_MIN_BLOCKS = 1 << 4
_WRAP = 1 << 32
_MIN_SLOTS = 1 << 10
_MAX_HORIZON_MS = 2**62


class DedupMemory:
    """Which ids are remembered, until their event time + horizon <= watermark.

    A hash table with chains over columns: entries are numbered in the order of their rows, a chain runs from the
    newest entry of a slot to older ones. Entries leave in blocks, oldest first, by moving `_base`: a chain ends at
    the first number below it, so nothing needs to be unlinked. About 40 bytes per id.
    """

    def __init__(self, horizon_ms: int) -> None:
        """`horizon_ms` >= 1."""
        self._horizon_ms = min(horizon_ms, _MAX_HORIZON_MS)
        self._base = self._top = _BLOCK
        self._slots = np.zeros(_MIN_SLOTS, np.uint32)
        self._lane1 = Growing(np.uint64)
        self._lane2 = Growing(np.uint64)
        self._time = Growing(np.int64)
        self._older = Growing(np.uint32)
        self._place_of_block = np.zeros(_MIN_BLOCKS, np.uint32)
        self._free_places: list[int] = []
        self._newest_time: deque[int] = deque()

    def __len__(self) -> int:
        """Entries held, expired ones that have not left yet included."""
        return self._top - self._base

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        return sum(column.nbytes for column in (self._slots, *self._entries(), self._place_of_block))

    def judge(self, lane1: Hashes, lane2: Hashes, event_time: Int64s, watermark: Int64s) -> Bools:
        """Which rows, in offset order, are the first of their id; they are remembered, the others are duplicates.

        `watermark` is the one before each row, so it never falls.
        """
        rows = len(lane1)
        if rows == 0:
            return np.ones(0, np.bool_)
        self.forget(int(watermark[0]))
        judge_ids = load().judge_ids
        first = np.ones(rows, np.bool_)
        for start in range(0, rows, _CHUNK):
            part = slice(start, start + _CHUNK)
            times, answers = np.ascontiguousarray(event_time[part]), first[part]
            self._reserve(len(times))
            before = self._top
            self._top = judge_ids(
                np.ascontiguousarray(lane1[part]), np.ascontiguousarray(lane2[part]), times,
                np.ascontiguousarray(watermark[part]), self._horizon_ms, self._slots, self._place_of_block,
                *self._entries(), self._base, before, _BLOCK_BITS, answers,
            )  # fmt: skip
            self._note_newest(before, times[answers])
        return first

    def _note_newest(self, top: int, event_time: Int64s) -> None:
        """Per block the newest time of the entries from number `top` on."""
        if not len(event_time):
            return
        first = top % _BLOCK
        starts = np.arange(-first, len(event_time), _BLOCK)
        starts[0] = 0
        which = (top - self._base) >> _BLOCK_BITS
        for at, newest in enumerate(np.maximum.reduceat(event_time, starts).tolist(), which):
            self._newest_time[at] = max(self._newest_time[at], newest)

    def remember(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        """Append entries in the order of their rows, unjudged."""
        for at in range(0, len(lane1), _CHUNK):
            self._append(lane1[at : at + _CHUNK], lane2[at : at + _CHUNK], event_time[at : at + _CHUNK])

    def shorten(self, horizon_ms: int) -> None:
        """From now on ids are remembered for a shorter time; a longer one would bring expired ones back to life."""
        self._horizon_ms = min(self._horizon_ms, horizon_ms)

    def forget(self, watermark: int) -> None:
        """Let blocks go whose ids have all expired."""
        if watermark < NEVER_MS + self._horizon_ms:
            return
        limit = watermark - self._horizon_ms
        while self._top - self._base >= _BLOCK and self._newest_time[0] <= limit:
            self._newest_time.popleft()
            at = (self._base >> _BLOCK_BITS) & (len(self._place_of_block) - 1)
            self._free_places.append(int(self._place_of_block[at]))
            self._base += _BLOCK

    def remembered(self, watermark: int) -> tuple[Hashes, Hashes, Int64s]:
        """All entries that have not expired at `watermark`, in the order of their rows."""
        at = self._places((np.arange(self._base, self._top) % _WRAP).astype(np.uint32))
        if watermark >= NEVER_MS + self._horizon_ms:
            at = at[self._time.values[at] > watermark - self._horizon_ms]
        return self._lane1.values[at], self._lane2.values[at], self._time.values[at]

    def _append(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        self._reserve(len(lane1))
        before = self._top
        self._top = load().remember_ids(
            np.ascontiguousarray(lane1), np.ascontiguousarray(lane2), np.ascontiguousarray(event_time),
            self._slots, self._place_of_block, *self._entries(), before, _BLOCK_BITS,
        )  # fmt: skip
        self._note_newest(before, event_time)

    def _reserve(self, count: int) -> None:
        if len(self) + count > len(self._slots):
            self._slots = np.zeros(max(2 * len(self._slots), _MIN_SLOTS), np.uint32)
            while len(self) + count > len(self._slots):
                self._slots = np.zeros(2 * len(self._slots), np.uint32)
            lane1, _, _, older = self._entries()
            load().link_ids(self._slots, self._place_of_block, lane1, older, self._base, self._top, _BLOCK_BITS)
        last_block = (self._top + count - 1) >> _BLOCK_BITS
        block = (self._base >> _BLOCK_BITS) + len(self._newest_time)
        self._map(last_block + 1)
        mask = len(self._place_of_block) - 1
        while block <= last_block:
            if not self._free_places:
                self._grow()
            self._place_of_block[block & mask] = self._free_places.pop()
            self._newest_time.append(NEVER_MS)
            block += 1

    def _map(self, end: int) -> None:
        """Have the map hold the blocks from the first one that is held up to `end`."""
        first, blocks = self._base >> _BLOCK_BITS, len(self._place_of_block)
        if end - first <= blocks:
            return
        held = np.arange(first, first + len(self._newest_time))
        places = self._place_of_block[held & (blocks - 1)]
        while end - first > blocks:
            blocks *= 2
        self._place_of_block = np.zeros(blocks, np.uint32)
        self._place_of_block[held & (blocks - 1)] = places

    def _grow(self) -> None:
        """A quarter more places, at least one block."""
        places = len(self._time.values) >> _BLOCK_BITS
        more = max(1, places // 4)
        rows = (places + more) << _BLOCK_BITS
        self._lane1.grow(rows)
        self._lane2.grow(rows)
        self._time.grow(rows)
        self._older.grow(rows)
        self._free_places += range(places + more - 1, places - 1, -1)

    def _entries(self) -> tuple[Hashes, Hashes, Int64s, Numbers32]:
        """Both lanes, event times, and the number of the entry that is older in the same chain."""
        return self._lane1.values, self._lane2.values, self._time.values, self._older.values

    def _places(self, numbers: Numbers32) -> Positions:
        mask = np.uint32(len(self._place_of_block) - 1)
        blocks: Numbers32 = self._place_of_block[(numbers >> np.uint32(_BLOCK_BITS)) & mask]
        return ((blocks << np.uint32(_BLOCK_BITS)) | (numbers & _BLOCK_MASK)).astype(np.intp)
