"""Merging delta rows: rows of equal keys become one, partial sessions that touch become one."""

import numpy as np
import pyarrow as pa

from dataflow.aggregates.parts import Extreme
from dataflow.columnar.codes import encode
from dataflow.columnar.numbers import from_arrow
from dataflow.columnar.order import Ordered, extremes, ordered_numbers, ordered_text, ranks
from dataflow.columnar.sketches import entries, histogram_lists, kmv_lists
from dataflow.columnar.sums import decimals, sums_of_runs, words_of
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.fold.sessions import merged_intervals
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import TableSpec

_Columns = dict[str, pa.Array]

_WINDOW = ("window_start", "window_end")
_MAX_PRODUCT = 2**62


def merge_rows(spec: TableSpec, table: pa.Table) -> pa.Table:
    """The same content in the fewest rows, sorted by window_start, then the other keys (null first).

    `table` has `spec.schema`; so has the result. Associative and free of order: merging merged parts, in any order,
    gives the same table. Tables without keys come back as they are; keys without merges leave distinct rows. In a
    session table, rows with row_count 0 (late rows) stay apart from sessions and merge only if key and window agree.
    """
    if not spec.keys or table.num_rows == 0:
        return table
    columns = {name: _whole(table.column(name)) for name in spec.schema.names}
    if not spec.session:
        return _merge_equal(spec, columns)
    is_session = from_arrow(columns["row_count"]).values > 0
    parts = []
    if is_session.any():
        parts.append(_merge_sessions(spec, _filtered(columns, is_session)))
    if not is_session.all():
        parts.append(_merge_equal(spec, _filtered(columns, ~is_session)))
    if len(parts) == 1 and not is_session.any():
        return parts[0]
    merged = pa.concat_tables(parts)
    columns = {name: _whole(merged.column(name)) for name in spec.schema.names}
    return merged.take(pa.array(np.argsort(_key_code(columns, _sort_names(spec)), kind="stable")))


def merge_runs(spec: TableSpec, table: pa.Table, order: Positions, begins: Bools) -> pa.Table:
    """What `merge_rows` gives where it is known which rows have equal keys: one row a run, in the order of the runs.

    Runs are rows of `table` in `order`, each of which begins where `begins` says so.
    """
    columns = {name: _whole(table.column(name)) for name in spec.schema.names}
    return _merged(spec, columns, _Runs(order, begins))


class _Runs:
    """Rows in runs that become one row each, run r being order[starts[r]:starts[r + 1]]: `parts.Runs`."""

    def __init__(self, order: Positions, begins: Bools) -> None:
        self.order = order
        self.starts = np.flatnonzero(begins)
        self.of_row = np.empty(len(order), np.intp)
        self.of_row[order] = np.cumsum(begins) - 1

    @property
    def count(self) -> int:
        return len(self.starts)

    @property
    def sample(self) -> Positions:
        return self.order[self.starts]

    def sums(self, column: pa.Array) -> pa.Array:
        valid = None
        if column.null_count:
            there = np.asarray(column.is_valid())[self.order]
            valid = np.logical_or.reduceat(there, self.starts)
        if pa.types.is_decimal(column.type):
            low, high = words_of(column)
            return decimals(sums_of_runs((low[self.order], high[self.order]), self.starts), valid, column.type)
        values = from_arrow(column).values[self.order]
        sums = np.add.reduceat(values, self.starts)
        return pa.array(sums, column.type, mask=None if valid is None else ~valid)

    def extremes(self, which: Extreme, column: pa.Array) -> pa.Array:
        return extremes(which, _ordered(column), None, self.of_row, self.count)

    def kmv(self, column: pa.Array) -> pa.Array:
        at, hashes = entries(column)
        return kmv_lists(self.of_row[at], hashes.to_numpy(), self.count, in_runs=True)

    def histogram(self, buckets: pa.Array, counts: pa.Array) -> tuple[pa.Array, pa.Array]:
        at, codes = entries(buckets)
        _, weights = entries(counts)
        return histogram_lists(self.of_row[at], codes.to_numpy(), weights.to_numpy(), self.count)


def _merge_equal(spec: TableSpec, columns: _Columns) -> pa.Table:
    code = _key_code(columns, _sort_names(spec))
    order = np.argsort(code, kind="stable")
    code = code[order]
    runs = _Runs(order, np.concatenate(([True], code[1:] != code[:-1])))
    if runs.count == len(order):
        every = pa.array(order)
        return pa.Table.from_arrays([columns[name].take(every) for name in spec.schema.names], schema=spec.schema)
    return _merged(spec, columns, runs)


def _merged(spec: TableSpec, columns: _Columns, runs: _Runs) -> pa.Table:
    """One row a run, whose keys are those of its first row."""
    sample = pa.array(runs.sample)
    merged = {name: columns[name].take(sample) for name in spec.keys}
    merged.update(_merge_columns(spec, columns, runs))
    return pa.Table.from_arrays([merged[name] for name in spec.schema.names], schema=spec.schema)


def _merge_sessions(spec: TableSpec, columns: _Columns) -> pa.Table:
    start, end = (from_arrow(columns[name].view(pa.int64())).values for name in _WINDOW)
    keys = [name for name in spec.keys if name not in _WINDOW]
    key = _key_code(columns, keys) if keys else np.zeros(len(start), np.int64)
    order = np.lexsort((start, key))
    runs = _Runs(order, merged_intervals(key[order], start[order], end[order]))
    sample = pa.array(runs.sample)
    merged = {name: columns[name].take(sample) for name in spec.keys}
    merged["window_end"] = pa.array(np.maximum.reduceat(end[order], runs.starts)).view(TIMESTAMP)
    merged.update(_merge_columns(spec, columns, runs))
    return pa.Table.from_arrays([merged[name] for name in spec.schema.names], schema=spec.schema)


def _merge_columns(spec: TableSpec, columns: _Columns, runs: _Runs) -> _Columns:
    merged: _Columns = {}
    for names, part in spec.merges:
        merged.update(zip(names, part.merge(runs, [columns[name] for name in names]), strict=True))
    return merged


def _ordered(column: pa.Array) -> Ordered:
    if pa.types.is_string(column.type):
        codes = encode(column)
        return ordered_text(codes.of_row, codes.values)
    numbers = from_arrow(column.cast(pa.int8()).cast(pa.int64()) if pa.types.is_boolean(column.type) else column)
    return ordered_numbers(numbers, column.type)


def _sort_names(spec: TableSpec) -> list[str]:
    return ["window_start", *(name for name in spec.keys if name != "window_start")]


def _key_code(columns: _Columns, names: list[str]) -> Int64s:
    """One number per row that orders and tells apart as the named columns do."""
    code: Int64s | None = None
    size = 1
    for name in names:
        codes = encode(columns[name])
        rank, _ = ranks(codes.values)
        digit = rank[codes.of_row]
        if code is None:
            code, size = digit, len(rank)
            continue
        if size * len(rank) > _MAX_PRODUCT:
            distinct, code = np.unique(code, return_inverse=True)
            size = len(distinct)
        code, size = code * len(rank) + digit, size * len(rank)
    assert code is not None
    return code


def _filtered(columns: _Columns, mask: Bools) -> _Columns:
    if mask.all():
        return columns
    kept = pa.array(mask)
    return {name: column.filter(kept) for name, column in columns.items()}


def _whole(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
