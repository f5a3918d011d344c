"""Rows in memory that are asked for by their keys, or by the ends of their windows, and leave with the answer."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from dataflow.alerts.totals import key_codes
from dataflow.alerts.windows import END, times_ms
from dataflow.columnar.groups import ranges
from dataflow.columnar.hashing import Hashes
from dataflow.columnar.types import Bools, Int64s


class KeyedRows:
    """Rows of one schema, any number per key; what is asked for costs by what is found, not by what is held.

    A key is known by the code that `key_codes` gives of its columns: another key with the same one is found with it.
    """

    def __init__(self, schema: pa.Schema, keys: tuple[str, ...]) -> None:
        """`keys`: the columns that are asked for; the window is not among them."""
        self._schema = schema
        self._keys = keys
        self._parts: list[_Part] = []

    @property
    def rows(self) -> int:
        """How many rows it holds."""
        return sum(part.count for part in self._parts)

    @property
    def size_bytes(self) -> int:
        """Memory of these, and of rows that were taken and not cleaned away."""
        return sum(part.rows.nbytes + part.codes.nbytes + part.end.nbytes + part.here.nbytes for part in self._parts)

    def add(self, rows: pa.Table) -> None:
        """Hold these rows as well."""
        if rows.num_rows == 0:
            return
        self._parts.append(self._part(rows, key_codes(rows, self._keys)))
        # a part becomes one with a smaller one behind it: there are few, and a row is copied a few times only
        while len(self._parts) > 1 and self._parts[-2].count <= 2 * self._parts[-1].count:
            first, second = self._parts[-2:]
            both = pa.concat_tables([first.left(), second.left()])
            self._parts[-2:] = [self._part(both, np.concatenate([first.codes[first.here], second.codes[second.here]]))]

    def take(self, codes: Hashes) -> pa.Table:
        """The rows with one of these codes, which ascend and differ."""
        return self._taken([part.of(codes) for part in self._parts])

    def take_ended(self, end_ms: int) -> pa.Table:
        """The rows whose windows end by then."""
        return self._taken([np.flatnonzero(part.here & (part.end <= end_ms)) for part in self._parts])

    def _taken(self, places: list[Int64s]) -> pa.Table:
        found = [self._schema.empty_table()]
        for part, at in zip(self._parts, places, strict=True):
            if len(at):
                found.append(part.rows.take(pa.array(at)))
                part.here[at] = False
                part.count -= len(at)
        self._parts = [part for part in self._parts if part.count]
        return pa.concat_tables(found)

    def _part(self, rows: pa.Table, codes: Hashes) -> "_Part":
        order = np.argsort(codes, kind="stable")
        sorted_rows = rows.combine_chunks().take(pa.array(order))
        here = np.ones(len(order), np.bool_)
        return _Part(sorted_rows, codes[order], times_ms(sorted_rows, END), here, len(order))


@dataclass(slots=True)
class _Part:
    """Rows by ascending codes; `here`: those that have not been taken, of which there are `count`."""

    rows: pa.Table
    codes: Hashes
    end: Int64s
    here: Bools
    count: int

    def of(self, codes: Hashes) -> Int64s:
        """Where rows with one of these codes stand."""
        first = np.searchsorted(self.codes, codes, "left")
        at: Int64s = ranges(first, np.searchsorted(self.codes, codes, "right") - first)
        return at[self.here[at]]

    def left(self) -> pa.Table:
        return self.rows if self.here.all() else self.rows.filter(pa.array(self.here))
