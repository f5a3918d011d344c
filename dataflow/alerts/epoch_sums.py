"""Counts and sums of an epoch so far, over those before it: a few rows at a time, without a column's fixed price."""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
import pyarrow as pa

from dataflow.aggregates.parts import counts, sums
from dataflow.alerts.totals import Known
from dataflow.columnar.numbers import from_arrow
from dataflow.columnar.sums import decimals
from dataflow.pipeline.tables import TableSpec

_WORD = 2**64 - 1
_ADDED = {counts().name, sums().name}

_Row = list[int | None]


class Before(Protocol):
    """What was merged before the epoch."""

    def __call__(self, rows: pa.Table) -> Known | None:
        """What is known of the keys of `rows`, one per key; None where they cannot be told apart."""
        ...


class EpochSums:
    """One row per key that the epoch has touched, as `merge_rows` would make it of all rows, whenever they came."""

    def __init__(self, spec: TableSpec, before: Before) -> None:
        """`spec` as `fits` wants it."""
        self._spec = spec
        self._before = before
        self._names = [name for merge in spec.merges for name in merge.columns]
        self._rows: dict[tuple[object, ...], _Row] = {}

    @staticmethod
    def fits(spec: TableSpec) -> bool:
        """Whether all that is merged is counts and exact sums."""
        columns = ((merge.part, spec.schema.field(name).type) for merge in spec.merges for name in merge.columns)
        return all(part.name in _ADDED and not pa.types.is_floating(type_) for part, type_ in columns)

    def joined(self, rows: pa.Table) -> pa.Table | None:
        """Rows in `spec`, whose keys may repeat, are added; a row per key of them, with all before. None: not known."""
        keys = list(zip(*(_plain(rows.column(name)) for name in self._spec.keys), strict=True))
        first: dict[tuple[object, ...], int] = {}
        for at, key in enumerate(keys):
            first.setdefault(key, at)
        new = [(key, at) for key, at in first.items() if key not in self._rows]
        if new and not self._begin(rows, new):
            return None
        lines = list(zip(*(_units(rows.column(name)) for name in self._names), strict=True))
        for key, line in zip(keys, lines, strict=True):
            row = self._rows[key]
            for place, unit in enumerate(line):
                if unit:
                    row[place] = unit + (row[place] or 0)
                elif unit is not None and row[place] is None:
                    row[place] = 0
        touched = [self._rows[key] for key in first]
        found = rows.select(self._spec.keys).take(_places(first.values()))
        columns: dict[str, pa.Array | pa.ChunkedArray] = dict(zip(self._spec.keys, found.columns, strict=True))
        for place, name in enumerate(self._names):
            columns[name] = _column([row[place] for row in touched], self._spec.schema.field(name).type)
        return pa.Table.from_arrays([columns[name] for name in self._spec.schema.names], schema=self._spec.schema)

    def add(self, rows: pa.Table, name: str, at: Sequence[int]) -> None:
        """Count one more in a column that counts, for the keys of `rows` at these places; `joined` gave them."""
        place = self._names.index(name)
        keys = [_plain(rows.column(each)) for each in self._spec.keys]
        for where in at:
            row = self._rows[tuple(column[where] for column in keys)]
            row[place] = (row[place] or 0) + 1

    def _begin(self, rows: pa.Table, new: Sequence[tuple[tuple[object, ...], int]]) -> bool:
        """Have what was known before of these keys; false where it cannot be told."""
        known = self._before(rows.take(_places(at for _, at in new)))
        if known is None:
            return False
        nothing: _Row = [0 if pa.types.is_integer(self._spec.schema.field(name).type) else None for name in self._names]
        for key, _ in new:
            self._rows[key] = list(nothing)
        lines = zip(*(_units(known.rows.column(name)) for name in self._names), strict=True)
        for place, line in zip(known.of.tolist(), lines, strict=True):
            self._rows[new[place][0]] = list(line)
        return True


def _places(at: Iterable[int]) -> pa.Array:
    # with the type: to find it out, Arrow would look for pandas each time
    return pa.array(list(at), pa.int64())


def _plain(column: pa.ChunkedArray) -> list[object]:
    """Values as Python compares them."""
    whole = column.combine_chunks()
    found: list[object] = (whole.view(pa.int64()) if pa.types.is_timestamp(whole.type) else whole).to_pylist()
    return found


def _units(column: pa.ChunkedArray) -> list[int | None]:
    """Exact numbers, unscaled."""
    numbers = from_arrow(column.combine_chunks())
    units: list[int | None] = numbers.values.tolist()
    if numbers.valid is not None:
        for at in np.flatnonzero(~numbers.valid).tolist():
            units[at] = None
    return units


def _column(units: Sequence[int | None], type_: pa.DataType) -> pa.Array:
    if pa.types.is_integer(type_):
        return pa.array(units, type_)
    numbers = [unit or 0 for unit in units]
    low = np.array([number & _WORD for number in numbers], np.uint64)
    high = np.array([number >> 64 for number in numbers], np.int64)
    return decimals((low, high), np.array([unit is not None for unit in units], np.bool_), type_)
