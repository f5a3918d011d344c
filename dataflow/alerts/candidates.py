"""Events of one rule in memory, found by key and stretch of event time, and those that wait to be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.alerts.totals import Index, key_codes
from dataflow.columnar.hashing import Hashes
from dataflow.columnar.types import Bools, Int64s, Positions, UInt8s

_Number = TypeVar("_Number", bound=np.generic)

TIME, PARTITION, SIDE = "_time", "_partition", "_side"
"""Columns of the memory: event time in ms, number of the source partition, which sides the event is (bits)."""

SPARE_ROWS = 200_000
"""So many rows that are over are held before they are cleaned away."""

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
        self._long, self._short = Index.empty(), Index.empty()
        self._times = np.empty(0, np.int64)
        self._told = np.empty(0, np.uint8)
        self.rows = 0

    @property
    def size_bytes(self) -> int:
        """Memory of all rows that are held, and of the index."""
        index = (*self._long.arrays, *self._short.arrays, self._times, self._told)
        return sum(chunk.nbytes for chunk in self._chunks) + sum(each.nbytes for each in index)

    @property
    def times(self) -> Int64s:
        """The event time of each row."""
        return self._times[: self.rows]

    @property
    def told(self) -> UInt8s:
        """The number of the newest change of the alert of each row; to be written to."""
        return self._told[: self.rows]

    def add(self, rows: pa.Table) -> Positions:
        """Rows of the schema; gives their numbers."""
        count = rows.num_rows
        new = np.arange(self.rows, self.rows + count)
        if count == 0:
            return new
        if self.rows + count > len(self._times):
            room = max(self.rows + count, len(self._times) * 5 // 4)
            self._times, self._told = _grown(self._times, room), _grown(self._told, room)
        times = rows.column(TIME).to_numpy()
        self._times[self.rows : self.rows + count] = times
        self._told[self.rows : self.rows + count] = 0
        self.rows += count
        self._append(rows)
        codes = self._codes(rows, times)[0]
        order = np.argsort(codes)
        self._short = self._short.with_more(codes[order], new[order])
        if len(self._short.codes) > SPARE_ROWS + len(self._long.codes) // 8:
            self._long, self._short = self._long.with_more(self._short.codes, self._short.at), Index.empty()
        return new

    def near(self, rows: pa.Table) -> Positions:
        """The numbers, ascending, of all rows whose key and time may be less than `within_ms` from one of these."""
        if rows.num_rows == 0 or self.rows == 0:
            return np.empty(0, np.intp)
        codes = each_once(np.concatenate(self._codes(rows, rows.column(TIME).to_numpy(), around=True)))
        return np.sort(np.concatenate([self._long.find(codes), self._short.find(codes)]))

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
        start, chunks = 0, []
        for chunk in self._chunks:
            kept = stays[start : start + chunk.num_rows]
            start += chunk.num_rows
            if kept.any():
                chunks.append(chunk if kept.all() else chunk.filter(pa.array(kept)))
        self._chunks = [pa.concat_tables(chunks).combine_chunks()] if chunks else []
        self._long, self._short = _kept(self._long, number), _kept(self._short, number)
        self._times, self._told = self.times[stays], self.told[stays]
        self.rows = len(self._times)
        return number

    def _append(self, rows: pa.Table) -> None:
        # of a column in pieces Arrow puts all together with each take
        self._chunks.append(rows.combine_chunks())
        # four of about one size become one: there are few chunks, and a row is copied a few times only
        while len(self._chunks) >= _ALIKE and self._chunks[-_ALIKE].num_rows <= 2 * self._chunks[-1].num_rows:
            self._chunks[-_ALIKE:] = [pa.concat_tables(self._chunks[-_ALIKE:]).combine_chunks()]

    def _codes(self, rows: pa.Table, times: Int64s, *, around: bool = False) -> list[Hashes]:
        """Of each row the code of its own stretch, and of those beside it."""
        key = key_codes(rows, self._keys)
        own = times // self._within_ms
        found = []
        for step in (0, -1, 1) if around else (0,):
            code = (key ^ (own + step).view(np.uint64)) * _STEP
            found.append((code ^ (code >> _FOLD)) * _STEP)
        return found


@dataclass(slots=True)
class _Run:
    """Rows by the time at which they are due, ascending; those before `begin` were taken."""

    due_ms: Int64s
    rows: Positions
    begin: int = 0

    @property
    def left(self) -> int:
        return len(self.rows) - self.begin


class Waiting:
    """Numbers of rows, each with the frontier that makes it due."""

    def __init__(self) -> None:
        self._runs: list[_Run] = []

    @property
    def earliest_ms(self) -> int | None:
        """When the next one is due; None where none waits."""
        return min((int(run.due_ms[run.begin]) for run in self._runs), default=None)

    def add(self, due_ms: Int64s, rows: Positions) -> None:
        """More rows."""
        if len(rows) == 0:
            return
        order = np.argsort(due_ms, kind="stable")
        self._runs.append(_Run(due_ms[order], rows[order]))
        while len(self._runs) >= _ALIKE and self._runs[-_ALIKE].left <= 2 * self._runs[-1].left:
            alike = self._runs[-_ALIKE:]
            due = np.concatenate([run.due_ms[run.begin :] for run in alike])
            order = np.argsort(due, kind="stable")
            held = np.concatenate([run.rows[run.begin :] for run in alike])
            self._runs[-_ALIKE:] = [_Run(due[order], held[order])]

    def take(self, frontier_ms: int) -> Positions:
        """The rows that are due, ascending; they wait no longer."""
        taken = [np.empty(0, np.intp)]
        for run in self._runs:
            end = len(run.rows) if frontier_ms > _LONGEST_MS else int(np.searchsorted(run.due_ms, frontier_ms, "right"))
            taken.append(run.rows[run.begin : max(end, run.begin)])
            run.begin = max(end, run.begin)
        self._runs = [run for run in self._runs if run.left]
        return np.sort(np.concatenate(taken))

    def renumber(self, number: Positions) -> None:
        """Rows have other numbers now; those of number -1 are gone."""
        runs = self._runs
        self._runs = []
        for run in runs:
            rows = number[run.rows[run.begin :]]
            here = rows >= 0
            if here.any():
                self._runs.append(_Run(run.due_ms[run.begin :][here], rows[here]))


def _grown(values: npt.NDArray[_Number], rows: int) -> npt.NDArray[_Number]:
    made = np.zeros(rows, values.dtype)
    made[: len(values)] = values
    return made


def _kept(index: Index, number: Positions) -> Index:
    at = number[index.at]
    here = at >= 0
    return Index(index.codes[here], at[here])
