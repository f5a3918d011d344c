"""The partitions of a drain as compiled code knows them: a row of a table each, with the columns that it fills."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from dataflow.columnar.types import Int64s
from dataflow.sources.kafka.drain import Held, Trace
from dataflow.sources.kafka.drain_layout import (
    LINE_BYTE_ROOM,
    LINE_BYTES,
    LINE_COLUMNS,
    LINE_DATA,
    LINE_ENDS,
    LINE_HELD,
    LINE_NEXT,
    LINE_NULLS,
    LINE_NUMBER,
    LINE_OFFSETS,
    LINE_ROW_ROOM,
    LINE_ROWS,
    LINE_STAMPS,
    LINE_TOPIC,
    LINE_VALID,
    NOBODY,
    ROW_BYTES,
)
from dataflow.sources.kafka.drain_lot import LEAST_ROOM, MOST_BYTES, Cut, Lot, Room, empty_lot, grown

_UNKNOWN = -1
"""As LINE_TOPIC: no address of a topic."""


@dataclass(slots=True)
class Line:
    """One partition. `came` and `taken`: records so far; `traces`: each behind so many of those that came."""

    at: int
    queue: int
    lots: deque[Lot] = field(default_factory=deque)
    filling: Lot | None = None
    came: int = 0
    taken: int = 0
    usual: Room = LEAST_ROOM
    traces: list[tuple[int, Trace]] = field(default_factory=list)


class Lines:
    """Which lines there are, and what of their records waits.

    Messages name their topic by an address, which is another topic's later: all are learnt anew when lines change.
    """

    def __init__(self) -> None:
        self.table = np.zeros((8, LINE_COLUMNS), np.int64)
        self.used = 0
        self._free: list[int] = []
        self._of: dict[int, Line | None] = {}

    @property
    def words(self) -> Int64s:
        """The table, row after row."""
        return self.table.reshape(-1)

    def add(self, queue: int, next_offset: int) -> Line:
        """One more line, for the partition of that queue."""
        self._forget_addresses()
        line = Line(self._row(), queue)
        self._of[line.at] = line
        self.table[line.at, LINE_NEXT] = next_offset
        self._fill(line, None)
        return line

    def remove(self, line: Line) -> None:
        """Let go of it and of what it holds."""
        self._forget_addresses()
        del self._of[line.at]
        self._release(line.at)

    def learn(self, line: Line | None, topic: int, number: int) -> None:
        """What names that topic, by its address, and that number is the line's from now on; nobody's for None."""
        at = self._row() if line is None else line.at
        self._of[at] = line
        self.table[at, LINE_TOPIC], self.table[at, LINE_NUMBER] = topic, number
        if line is None:
            self.table[at, LINE_ROW_ROOM] = NOBODY

    def known(self, topic: int, number: int) -> Line | None:
        """The line that was learnt to be that of a topic's address and a number; None where none was, yet."""
        rows = self.table[: self.used]
        found = np.flatnonzero((rows[:, LINE_TOPIC] == topic) & (rows[:, LINE_NUMBER] == number))
        return self._of[int(found[0])] if len(found) else None

    def widen(self, line: Line, length: int, most_rows: int) -> None:
        """Make room for a record of so many bytes, in a lot of `most_rows` or, if that is full, in one more."""
        self._settle(line)
        lot = line.filling
        if lot is None:
            rows, size_bytes = line.usual
            rows = min(rows, max(most_rows, LEAST_ROOM.rows))
            self._fill(line, empty_lot(Room(rows, max(size_bytes, length))))
            return
        room = lot.room
        needed = lot.left.size_bytes + length
        if lot.rows >= most_rows or needed > MOST_BYTES:
            line.lots.append(lot)
            line.filling = None
            self.widen(line, length, most_rows)
            return
        rows = room.rows if lot.rows < room.rows else min(2 * room.rows, most_rows)
        size_bytes = room.size_bytes if needed <= room.size_bytes else min(max(2 * room.size_bytes, needed), MOST_BYTES)
        self._fill(line, grown(lot, Room(rows, size_bytes)))

    def came(self, line: Line) -> int:
        """How many records came by now."""
        self._settle(line)
        return line.came

    def rows(self, line: Line) -> int:
        """How many records wait."""
        self._settle(line)
        return line.came - line.taken

    def held(self, line: Line) -> Held:
        """What waits, and the offset behind it."""
        row = self.table[line.at]
        return Held(int(row[LINE_HELD]), int(row[LINE_NEXT]))

    def cut(self, line: Line, max_rows: int, max_bytes: int) -> Cut | None:
        """The records that came first, as `Lot.cut`; None where none waits."""
        self._settle(line)
        if not line.lots:
            if line.filling is None or not line.filling.rows:
                return None
            line.lots.append(line.filling)
            self._fill(line, None)
        lot = line.lots[0]
        if lot.begin == 0:
            # with a little more, so that the next one need not grow
            line.usual = Room(*(max(least, value * 9 // 8) for least, value in zip(LEAST_ROOM, lot.left, strict=True)))
        cut = lot.cut(max_rows, max_bytes)
        if lot.begin == lot.rows:
            line.lots.popleft()
        line.taken += len(cut.offsets)
        self.table[line.at, LINE_HELD] -= cut.size_bytes + ROW_BYTES * len(cut.offsets)
        return cut

    def _settle(self, line: Line) -> None:
        """Have the lot that is filled know what it has by now."""
        lot, row = line.filling, self.table[line.at]
        if lot is not None:
            line.came += int(row[LINE_ROWS]) - lot.rows
            lot.rows, lot.nulls = int(row[LINE_ROWS]), int(row[LINE_NULLS])

    def _fill(self, line: Line, lot: Lot | None) -> None:
        """What comes from now on goes there."""
        line.filling = lot
        row = self.table[line.at]
        if lot is None:
            row[LINE_ROWS] = row[LINE_ROW_ROOM] = row[LINE_BYTES] = row[LINE_BYTE_ROOM] = row[LINE_NULLS] = 0
            return
        row[LINE_OFFSETS], row[LINE_STAMPS] = lot.offsets.ctypes.data, lot.timestamps.ctypes.data
        row[LINE_ENDS], row[LINE_DATA], row[LINE_VALID] = (each.ctypes.data for each in (lot.ends, lot.data, lot.valid))
        row[LINE_ROWS], row[LINE_ROW_ROOM] = lot.rows, lot.room.rows
        row[LINE_BYTES], row[LINE_BYTE_ROOM] = lot.left.size_bytes, lot.room.size_bytes
        row[LINE_NULLS] = lot.nulls

    def _row(self) -> int:
        if self._free:
            return self._free.pop()
        if self.used == len(self.table):
            self.table = np.concatenate((self.table, np.zeros_like(self.table)))
        self.used += 1
        self.table[self.used - 1, LINE_TOPIC] = _UNKNOWN
        return self.used - 1

    def _release(self, at: int) -> None:
        self.table[at] = 0
        self.table[at, LINE_TOPIC] = _UNKNOWN
        self._free.append(at)

    def _forget_addresses(self) -> None:
        self.table[: self.used, LINE_TOPIC] = _UNKNOWN
        for at in [at for at, line in self._of.items() if line is None]:
            del self._of[at]
            self._release(at)
