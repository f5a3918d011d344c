"""Memory of event ids of one source partition (SEMANTICS rule 5): exact, compact, columnar."""

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from dataflow.batch import NEVER_MS, Int64s
from dataflow.hashing import Hashes, kernels

Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]
Numbers32 = npt.NDArray[np.uint32]

_BLOCK_BITS = 14
_BLOCK = 1 << _BLOCK_BITS
_BLOCK_MASK = np.uint32(_BLOCK - 1)
_MAP_BLOCKS = 1 << (32 - _BLOCK_BITS)
_WRAP = 1 << 32
_MIN_SLOTS = 1 << 12
_SCRATCH = 1 << 17
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
        self._lane1 = np.empty(0, np.uint64)
        self._lane2 = np.empty(0, np.uint64)
        self._time = np.empty(0, np.int64)
        self._older = np.empty(0, np.uint32)
        self._place_of_block = np.zeros(_MAP_BLOCKS, np.uint32)
        self._free_places: list[int] = []
        self._newest_time: deque[int] = deque()
        self._scratch = np.zeros(_SCRATCH, np.uint32)

    def __len__(self) -> int:
        """Entries held, expired ones that have not left yet included."""
        return self._top - self._base

    @property
    def nbytes(self) -> int:
        """Memory in use."""
        columns = (self._slots, self._lane1, self._lane2, self._time, self._older, self._scratch, self._place_of_block)
        return sum(column.nbytes for column in columns)

    def judge(self, lane1: Hashes, lane2: Hashes, event_time: Int64s, watermark: Int64s) -> Bools:
        """Which rows, in offset order, are the first of their id; they are remembered, the others are duplicates.

        `watermark` is the one before each row, so it never falls.
        """
        rows = len(lane1)
        if rows == 0:
            return np.ones(0, np.bool_)
        self.forget(int(watermark[0]))
        compiled = kernels()
        if compiled is not None:
            return self._judge_compiled(compiled[2], lane1, lane2, event_time, watermark)
        found = self._find(lane1, lane2)
        first = found < 0
        known = np.flatnonzero(~first)
        if known.size:
            first[known] = self._expired(self._time[found[known]], watermark[known])
        repeats = self._repeats(lane1)
        if repeats.size:
            self._judge_each(repeats, found, first, (lane1, lane2, event_time, watermark))
        at = np.flatnonzero(first)
        if at.size == rows:
            self.remember(lane1, lane2, event_time)
        elif at.size:
            self.remember(lane1[at], lane2[at], event_time[at])
        return first

    def _judge_compiled(
        self, judge_ids: Any, lane1: Hashes, lane2: Hashes, event_time: Int64s, watermark: Int64s
    ) -> Bools:
        """Row by row in one loop; a block at a time, so that the newest times stay those of the rows in it."""
        first = np.ones(len(lane1), np.bool_)
        for start in range(0, len(lane1), _BLOCK):
            part = slice(start, start + _BLOCK)
            times, answers = np.ascontiguousarray(event_time[part]), first[part]
            self._reserve(len(times))
            before = self._top
            self._top = judge_ids(
                np.ascontiguousarray(lane1[part]), np.ascontiguousarray(lane2[part]), times,
                np.ascontiguousarray(watermark[part]), self._horizon_ms, self._slots, self._place_of_block,
                self._lane1, self._lane2, self._time, self._older, self._base, before, _BLOCK_BITS, answers,
            )  # fmt: skip
            self._note_newest(before, times[answers])
        return first

    def _note_newest(self, top: int, event_time: Int64s) -> None:
        """Per block the newest time of the entries from number `top` on, of which there is at most a block."""
        split = min(len(event_time), _BLOCK - top % _BLOCK)
        for part, block in ((event_time[:split], top), (event_time[split:], top + split)):
            if part.size:
                which = (block - self._base) >> _BLOCK_BITS
                self._newest_time[which] = max(self._newest_time[which], int(part.max()))

    def remember(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        """Append entries in the order of their rows, unjudged."""
        for at in range(0, len(lane1), _BLOCK):
            self._append(lane1[at : at + _BLOCK], lane2[at : at + _BLOCK], event_time[at : at + _BLOCK])

    def forget(self, watermark: int) -> None:
        """Let blocks go whose ids have all expired."""
        if watermark < NEVER_MS + self._horizon_ms:
            return
        limit = watermark - self._horizon_ms
        while self._top - self._base >= _BLOCK and self._newest_time[0] <= limit:
            self._newest_time.popleft()
            self._free_places.append(int(self._place_of_block[(self._base % _WRAP) >> _BLOCK_BITS]))
            self._base += _BLOCK

    def remembered(self, watermark: int) -> tuple[Hashes, Hashes, Int64s]:
        """All entries that have not expired at `watermark`, in the order of their rows."""
        at = self._places((np.arange(self._base, self._top) % _WRAP).astype(np.uint32))
        live = at[~self._expired(self._time[at], np.full(len(at), watermark))]
        return self._lane1[live], self._lane2[live], self._time[live]

    def _expired(self, event_time: Int64s, watermark: Int64s) -> Bools:
        reachable = watermark >= NEVER_MS + self._horizon_ms
        return np.asarray(reachable & (event_time <= np.where(reachable, watermark - self._horizon_ms, 0)))

    def _judge_each(
        self, rows: Positions, found: Positions, first: Bools, columns: tuple[Hashes, Hashes, Int64s, Int64s]
    ) -> None:
        """Row by row, for ids that may come more than once in this batch; writes their `first`."""
        lane1, lane2, event_time, watermark = (column[rows].tolist() for column in columns)
        places = found[rows]
        in_memory = np.where(places >= 0, self._time[places], 0).tolist() if len(self._time) else [0] * len(rows)
        memory: dict[tuple[int, int], int] = {}
        answers = []
        for i, place in enumerate(places.tolist()):
            key = (lane1[i], lane2[i])
            time = memory.get(key, in_memory[i] if place >= 0 else None)
            is_first = time is None or (watermark[i] != NEVER_MS and time + self._horizon_ms <= watermark[i])
            if is_first:
                memory[key] = event_time[i]
            answers.append(is_first)
        first[rows] = answers

    def _repeats(self, lane1: Hashes) -> Positions:
        """Ascending rows that hold every id that comes more than once in the batch."""
        slots = (lane1 >> np.uint64(40)).astype(np.intp) & (_SCRATCH - 1)
        own = np.arange(len(lane1), dtype=np.uint32)
        self._scratch[slots] = own
        winners = self._scratch[slots]
        lost = np.flatnonzero(winners != own)
        if lost.size == 0:
            return lost
        rows = np.union1d(lost, winners[lost]).astype(np.intp)
        _, which, counts = np.unique(lane1[rows], return_inverse=True, return_counts=True)
        return rows[counts[which] > 1]

    def _find(self, lane1: Hashes, lane2: Hashes) -> Positions:
        """Place of the newest entry of each id, -1 where there is none."""
        found = np.full(len(lane1), -1, np.intp)
        live = self._top - self._base
        if live == 0:
            return found
        # Ages count entries backwards from the newest, which is 1. An empty slot or the end of a chain is a number that
        # is no longer held or, after 2**32 entries, some other one's: ages that do not grow end the chain as well.
        top = np.uint32(self._top % _WRAP)
        ages = top - self._slots[self._slots_of(lane1)]
        rows = np.flatnonzero(ages - np.uint32(1) < live)
        ages = ages[rows]
        while rows.size:
            places = self._places(top - ages)
            same = self._lane1[places] == lane1[rows]
            hits = np.flatnonzero(same)
            if hits.size:
                same[hits] = self._lane2[places[hits]] == lane2[rows[hits]]
                hits = np.flatnonzero(same)
                found[rows[hits]] = places[hits]
            older = top - self._older[places]
            further = np.flatnonzero(~same & (older > ages) & (older <= live))
            rows, ages = rows[further], older[further]
        return found

    def _append(self, lane1: Hashes, lane2: Hashes, event_time: Int64s) -> None:
        count = len(lane1)
        self._reserve(count)
        numbers = (np.arange(self._top, self._top + count) % _WRAP).astype(np.uint32)
        places = self._places(numbers)
        self._lane1[places] = lane1
        self._lane2[places] = lane2
        self._time[places] = event_time
        self._link(lane1, numbers, places)
        self._note_newest(self._top, event_time)
        self._top += count

    def _link(self, lane1: Hashes, numbers: Numbers32, places: Positions) -> None:
        """Put entries, in ascending order of their numbers, at the heads of their slots' chains."""
        slots = self._slots_of(lane1)
        self._older[places] = self._slots[slots]
        self._slots[slots] = numbers
        newest = self._slots[slots]
        lost = np.flatnonzero(newest != numbers)
        if lost.size == 0:
            return
        # Several new entries in one slot: the last became the head, the others go behind it, newest first.
        rows = np.union1d(lost, newest[lost] - numbers[0]).astype(np.intp)
        rows = rows[np.argsort(slots[rows], kind="stable")]
        behind = np.flatnonzero(slots[rows[1:]] == slots[rows[:-1]])
        self._older[places[rows[behind + 1]]] = numbers[rows[behind]]

    def _reserve(self, count: int) -> None:
        if len(self) + count > len(self._slots):
            self._slots = np.zeros(max(2 * len(self._slots), _MIN_SLOTS), np.uint32)
            while len(self) + count > len(self._slots):
                self._slots = np.zeros(2 * len(self._slots), np.uint32)
            for at in range(self._base, self._top, _BLOCK):
                numbers = (np.arange(at, min(at + _BLOCK, self._top)) % _WRAP).astype(np.uint32)
                places = self._places(numbers)
                self._link(self._lane1[places], numbers, places)
        last_block = (self._top + count - 1) >> _BLOCK_BITS
        block = (self._base >> _BLOCK_BITS) + len(self._newest_time)
        while block <= last_block:
            if not self._free_places:
                self._grow()
            self._place_of_block[block % _MAP_BLOCKS] = self._free_places.pop()
            self._newest_time.append(NEVER_MS)
            block += 1

    def _grow(self) -> None:
        """A quarter more places, at least one block."""
        places = len(self._time) >> _BLOCK_BITS
        more = max(1, places // 4)
        rows = (places + more) << _BLOCK_BITS
        self._lane1 = _longer(self._lane1, rows)
        self._lane2 = _longer(self._lane2, rows)
        self._time = _longer(self._time, rows)
        self._older = _longer(self._older, rows)
        self._free_places += range(places + more - 1, places - 1, -1)

    def _slots_of(self, lane1: Hashes) -> Positions:
        return (lane1 & np.uint64(len(self._slots) - 1)).astype(np.intp)

    def _places(self, numbers: Numbers32) -> Positions:
        blocks = self._place_of_block[numbers >> np.uint32(_BLOCK_BITS)]
        return ((blocks << np.uint32(_BLOCK_BITS)) | (numbers & _BLOCK_MASK)).astype(np.intp)


def _longer(column: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    longer = np.empty(rows, column.dtype)
    longer[: len(column)] = column
    return longer
