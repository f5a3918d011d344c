"""Events of one rule in memory, found by key and stretch of event time, and those that wait to be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.alerts.totals import key_codes
from dataflow.columnar.chains import Chains
from dataflow.columnar.growing import Growing
from dataflow.columnar.types import Bools, Int64s, Positions, UInt8s, UInt32s

_Number = TypeVar("_Number", bound=np.generic)

TIME, PARTITION, SIDE = "_time", "_partition", "_side"
"""Columns of the memory: event time in ms, number of the source partition, which sides the event is (bits)."""

SPARE_ROWS = 200_000
"""So many rows that are over are held before they are cleaned away."""

WHOLE_ROWS = 1 << 18
"""A part of the memory with so many rows is not put together with others, so that no copy is larger than some parts."""

_ALIKE = 4
_STEP = np.uint64(0x9E3779B97F4A7C15)
_FOLD = np.uint64(32)
_LONGEST_MS = 2**63 - 1


def later(times: Int64s, by_ms: int) -> Int64s:
    """The times moved by so many ms, either way, and no further than int64 goes."""
    room = _LONGEST_MS - abs(by_ms)
    return np.clip(times, -room - 1 if by_ms < 0 else None, room if by_ms > 0 else None) + by_ms


def each_once(values: npt.NDArray[_Number]) -> npt.NDArray[_Number]:
    """The values in order, each once: by sorting, which takes a fraction of the time that np.unique takes."""
    ordered = np.sort(values)
    first = np.ones(len(ordered), np.bool_)
    first[1:] = ordered[1:] != ordered[:-1]
    return ordered[first]


class Candidates:
    """Rows in chunks that are never changed. Rows are numbered as they come, until `clean` numbers them anew.

    A code stands for a key and a stretch of `within_ms`: whatever is less than that from an event has one of three
    codes. It only finds candidates; who asks compares keys.
    """

    def __init__(self, schema: pa.Schema, keys: Sequence[str], within_ms: int) -> None:
        """`schema` has the columns `keys`, and TIME."""
        self._schema = schema
        self._keys = tuple(keys)
        self._within_ms = within_ms
        self._chunks: list[pa.Table] = []
        self._codes = Chains()
        self._told = Growing(np.uint8)
        self.rows = 0

    @property
    def size_bytes(self) -> int:
        """Memory of all rows that are held, and of what finds them."""
        return sum(chunk.nbytes for chunk in self._chunks) + self._codes.size_bytes + self.told.nbytes

    @property
    def times(self) -> Int64s:
        """The event time of each row."""
        return np.concatenate([np.empty(0, np.int64), *(chunk.column(TIME).to_numpy() for chunk in self._chunks)])

    @property
    def told(self) -> UInt8s:
        """The number of the newest change of the alert of each row; to be written to."""
        return self._told.values[: self.rows]

    def add(self, rows: pa.Table) -> Positions:
        """Rows of the schema; gives their numbers."""
        new = np.arange(self.rows, self.rows + rows.num_rows)
        if rows.num_rows == 0:
            return new
        self.rows += rows.num_rows
        if self.rows > len(self._told.values):
            self._told.grow(max(self.rows, 2 * len(self._told.values)))
        self._append(rows)
        self._codes.add(self._codes_of(rows)[0])
        return new

    def near(self, rows: pa.Table) -> Positions:
        """The numbers, ascending, of all rows whose key and time may be less than `within_ms` from one of these."""
        if rows.num_rows == 0 or self.rows == 0:
            return np.empty(0, np.intp)
        return np.sort(self._codes.find(each_once(np.concatenate(self._codes_of(rows, around=True)))))

    def take(self, at: Positions) -> pa.Table:
        """The rows of these numbers, which ascend."""
        taken = [self._schema.empty_table()]
        start = 0
        for chunk in self._chunks:
            inside = at[np.searchsorted(at, start) : np.searchsorted(at, start + chunk.num_rows)]
            if len(inside):
                taken.append(chunk.take(pa.array(inside - start)))
            start += chunk.num_rows
        return pa.concat_tables(taken)

    def clean(self, stays: Bools) -> Positions:
        """Forget the other rows; gives the new number of each row, of those that are gone -1."""
        number = np.cumsum(stays) - 1
        number[~stays] = -1
        start, chunks, self._chunks = 0, self._chunks[::-1], []
        while chunks:
            # one by one, so that nothing is held twice
            chunk = chunks.pop()
            kept = stays[start : start + chunk.num_rows]
            start += chunk.num_rows
            if kept.any():
                self._append(chunk if kept.all() else chunk.filter(pa.array(kept)))
        told = self.told[stays]
        self.rows, self._told = len(told), Growing(np.uint8)
        self._told.grow(self.rows)
        self._told.values[:] = told
        self._codes.keep(stays)
        return number

    def _append(self, rows: pa.Table) -> None:
        # of a column in pieces Arrow puts all together with each take
        self._chunks.append(rows.combine_chunks())
        # four of about one size become one: there are few chunks, and a row is copied a few times only
        while _are_alike([chunk.num_rows for chunk in self._chunks[-_ALIKE:]]):
            self._chunks[-_ALIKE:] = [pa.concat_tables(self._chunks[-_ALIKE:]).combine_chunks()]

    def _codes_of(self, rows: pa.Table, *, around: bool = False) -> list[UInt32s]:
        """Of each row the code of its own stretch, and of those beside it."""
        key = key_codes(rows, self._keys)
        own = rows.column(TIME).to_numpy() // self._within_ms
        found = []
        for step in (0, -1, 1) if around else (0,):
            code = (key ^ (own + step).view(np.uint64)) * _STEP
            found.append((((code ^ (code >> _FOLD)) * _STEP) >> _FOLD).astype(np.uint32))
        return found


def _are_alike(sizes: Sequence[int]) -> bool:
    """Whether parts of these sizes, the newest last, are to become one."""
    return len(sizes) == _ALIKE and max(sizes) < WHOLE_ROWS and sizes[0] <= 2 * sizes[-1]


@dataclass(slots=True)
class _Run:
    """Rows by the time at which they are due, ascending; those before `begin` were taken."""

    due_ms: Int64s
    rows: UInt32s
    begin: int = 0

    @property
    def left(self) -> int:
        return len(self.rows) - self.begin


class Waiting:
    """Numbers of rows, each with the frontier that makes it due."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    @property
    def size_bytes(self) -> int:
        """Memory of all that wait."""
        return sum(run.due_ms.nbytes + run.rows.nbytes for run in self._runs)

    @property
    def earliest_ms(self) -> int | None:
        """When the next one is due; None where none waits."""
        return min((int(run.due_ms[run.begin]) for run in self._runs), default=None)

    def add(self, due_ms: Int64s, rows: Positions) -> None:
        """More rows."""
        if len(rows) == 0:
            return
        order = np.argsort(due_ms, kind="stable")
        self._runs.append(_Run(due_ms[order], rows[order].astype(np.uint32)))
        while _are_alike([run.left for run in self._runs[-_ALIKE:]]):
            alike = self._runs[-_ALIKE:]
            due = np.concatenate([run.due_ms[run.begin :] for run in alike])
            order = np.argsort(due, kind="stable")
            held = np.concatenate([run.rows[run.begin :] for run in alike])
            self._runs[-_ALIKE:] = [_Run(due[order], held[order])]

    def take(self, frontier_ms: int) -> Positions:
        """The rows that are due, ascending; they wait no longer."""
        taken = [np.empty(0, np.uint32)]
        for run in self._runs:
            end = len(run.rows) if frontier_ms > _LONGEST_MS else int(np.searchsorted(run.due_ms, frontier_ms, "right"))
            taken.append(run.rows[run.begin : max(end, run.begin)])
            run.begin = max(end, run.begin)
        self._runs = [run for run in self._runs if run.left]
        return np.sort(np.concatenate(taken)).astype(np.intp)

    def renumber(self, number: Positions) -> None:
        """Rows have other numbers now; those of number -1 are gone."""
        runs = self._runs
        self._runs = []
        for run in runs:
            rows = number[run.rows[run.begin :]]
            here = rows >= 0
            if here.any():
                self._runs.append(_Run(run.due_ms[run.begin :][here], rows[here].astype(np.uint32)))
