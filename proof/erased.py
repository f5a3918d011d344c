"""What erasures took out of a lake on purpose, as its catalog remembers it: no loss, though the source still has it."""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.own_columns import TIMESTAMP, VALUE
from dataflow.pipeline.names import EVENTS
from dataflow.pipeline.plan import Plan
from sinks.lake.catalog.erasures import Erasure, erasures

Offsets = npt.NDArray[np.int64]

_NONE: Offsets = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class SideTable:
    """The side table of an exact distinct count. `columns`: the event's columns that it holds -> its own names."""

    rollup: str
    aggregate: str
    columns: Mapping[str, str]


@dataclass(slots=True)
class _Values:
    """The values of one erasure, as its own rows tell them where the source gives them again; kept nowhere."""

    columns: tuple[str, ...]
    events: dict[str, Offsets]
    found: dict[str, set[Any]] = field(default_factory=dict)

    def note(self, partition: str, rows: pa.Table) -> None:
        mine = self.events.get(partition, _NONE)
        if mine.size and rows.num_rows:
            gone = rows.filter(np.isin(rows.column("offset").to_numpy(), mine))
            for name in self.columns:
                self.found.setdefault(name, set()).update(_plain(gone.column(name)).to_pylist())


class ErasedRows:
    """The erased rows of one lake, by table, source partition and offset; of side tables their number."""

    def __init__(self, found: Sequence[Erasure]) -> None:
        self._runs: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.side_rows: dict[str, int] = {}
        self._values: list[_Values] = []
        for erasure in found:
            values = _Values(erasure.columns, {})
            for each in erasure.erased:
                if each.runs:
                    self._runs.setdefault((each.table, each.partition), []).extend(each.runs)
                else:
                    self.side_rows[each.table] = self.side_rows.get(each.table, 0) + each.rows
                if each.table == EVENTS:
                    values.events[each.partition] = _offsets(each.runs)
            self._values.append(values)
        self._offsets = {place: _offsets(runs) for place, runs in self._runs.items()}

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> "ErasedRows":
        """Those that a catalog remembers."""
        return cls(erasures(connection))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._offsets or self.side_rows)

    @property
    def counts(self) -> dict[str, int]:
        """Rows per table."""
        found = dict(self.side_rows)
        for (table, _), offsets in self._offsets.items():
            found[table] = found.get(table, 0) + len(offsets)
        return dict(sorted(found.items()))

    def offsets(self, table: str, partition: str) -> Offsets:
        """Offsets of the erased rows, ascending."""
        return self._offsets.get((table, partition), _NONE)

    def places(self, table: str) -> dict[str, Offsets]:
        """Per source partition the offsets of the table's erased rows."""
        return {partition: each for (name, partition), each in sorted(self._offsets.items()) if name == table}

    def note(self, partition: str, rows: pa.Table) -> None:
        """Take rows of table events as the source gives them again: those erased tell which values were meant."""
        for each in self._values:
            each.note(partition, rows)

    def values(self, side: SideTable) -> list[dict[str, set[Any]]]:
        """Per erasure that the side table could follow, the values that were erased, by its own columns."""
        return [
            {side.columns[name]: each.found[name] - {None} for name in each.columns}
            for each in self._values
            if each.found and set(each.columns) <= side.columns.keys()
        ]

    def without(self, table: str, side: SideTable, wanted: pa.Table, held: pa.Table) -> pa.Table:
        """The side table's rows `wanted`, without those that were erased and that `held` has not got again.

        All of them, if more are missing than were erased.
        """
        there = set(_rows(held.filter(self._matching(held, side))))
        gone = self._matching(wanted, side)
        gone[gone] = [row not in there for row in _rows(wanted.filter(gone))]
        return wanted.filter(~gone) if gone.sum() <= self.side_rows.get(table, 0) else wanted

    def _matching(self, rows: pa.Table, side: SideTable) -> npt.NDArray[np.bool_]:
        mask = np.zeros(rows.num_rows, np.bool_)
        for each in self.values(side):
            mine = np.ones(rows.num_rows, np.bool_)
            for name, values in each.items():
                column = rows.column(name)
                wanted = pa.array(list(values), column.type)
                mine &= pc.is_in(column, value_set=wanted).to_numpy().astype(np.bool_)
            mask |= mine
        return mask


def side_tables(plan: Plan) -> dict[str, SideTable]:
    """The side tables of a pipeline, by name."""
    found: dict[str, SideTable] = {}
    for rollup in plan.rollups:
        for aggregate in rollup.aggregates:
            if aggregate.keeps_values:
                held = {key.name: key.name for key in rollup.keys}
                column = aggregate.aggregate.column
                if column is not None:
                    held.setdefault(column, VALUE)
                found[rollup.distinct_table(aggregate.name)] = SideTable(rollup.name, aggregate.name, held)
    return found


def _rows(table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows in order."""
    return list(zip(*(_plain(column).to_pylist() for column in table.columns), strict=True))


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as milliseconds, as side tables hold event times: those of Python end with the year 9999."""
    return column.cast(TIMESTAMP).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column


def _offsets(runs: Sequence[tuple[int, int]]) -> Offsets:
    if not runs:
        return _NONE
    return np.sort(np.concatenate([np.arange(start, end, dtype=np.int64) for start, end in runs]))
