"""Many windows a row: groups are expanded some at a time, and what they give is merged before the next."""

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from dataflow.columnar.types import Int64s, Positions
from dataflow.fold.merge import merge_rows
from dataflow.pipeline.tables import TableSpec

PIECE_ROWS = 1 << 15
"""Delta rows that are made at once. A piece has more only where one group alone has."""


def pieces(times: Int64s, weights: Int64s) -> Iterator[Positions]:
    """Positions of groups, ascending in each piece, of about PIECE_ROWS by weight.

    Neighbours in time come together, since they share windows.
    """
    order = np.argsort(times, kind="stable")
    number = (np.cumsum(weights[order]) - 1) // PIECE_ROWS
    for piece in np.split(order, np.flatnonzero(np.diff(number)) + 1):
        yield np.sort(piece)


class Gathered:
    """Rows of a rollup's tables, merged as they come: it holds little more than what is left of them."""

    def __init__(self, specs: Mapping[str, TableSpec]) -> None:
        self._specs = specs
        self._parts: dict[str, list[pa.Table]] = {}

    def add(self, tables: Mapping[str, pa.RecordBatch]) -> None:
        """Take the rows of one piece."""
        for name, batch in tables.items():
            parts = self._parts.setdefault(name, [])
            parts.append(merge_rows(self._specs[name], pa.Table.from_batches([batch])))
            if sum(part.num_rows for part in parts[1:]) > max(parts[0].num_rows, PIECE_ROWS):
                parts[:] = [self._merged(name)]

    def tables(self) -> dict[str, pa.RecordBatch]:
        """All that was taken, a row per key and window."""
        return {name: self._merged(name).combine_chunks().to_batches()[0] for name in self._parts}

    def _merged(self, name: str) -> pa.Table:
        parts = self._parts[name]
        return parts[0] if len(parts) == 1 else merge_rows(self._specs[name], pa.concat_tables(parts))
