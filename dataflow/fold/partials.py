"""Partial aggregates of one batch: the delta columns of each aggregate, one value per group."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.groups import Digits, Groups, group, order_by_group
from dataflow.columnar.order import extremes, ordered_numbers, ordered_text
from dataflow.columnar.sketches import histogram_lists, kmv_lists
from dataflow.columnar.sums import decimals, sums_by_group
from dataflow.enrich.columns import Columns
from dataflow.messages import Int64s
from dataflow.pipeline.plan import AggregatePlan

Bools = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.intp]


class Selection:
    """Some rows of a batch in groups: row `rows[i]` (None = row i of all) is in group `groups.of_row[i]`."""

    def __init__(self, columns: Columns, rows: Positions | None, groups: Groups) -> None:
        """`groups.sample` counts positions in `rows`, not rows of the batch."""
        self.columns = columns
        self.rows = rows
        self.groups = groups
        self.sizes: Int64s = np.bincount(groups.of_row, minlength=groups.count)

    def partials(self, aggregate: AggregatePlan) -> list[Any]:
        """One Arrow array per delta column of the aggregate, in the order of `aggregate.columns`."""
        kind = aggregate.aggregate.kind
        if kind == "count":
            return [pa.array(self._counts(aggregate))]
        if kind == "count_distinct":
            return []
        if kind == "sum":
            return [self._sum(aggregate, self._counts(aggregate))]
        if kind == "avg":
            counts = self._counts(aggregate)
            return [self._sum(aggregate, counts), pa.array(counts)]
        name = _column(aggregate)
        rows, of = self._taken(aggregate)
        count = self.groups.count
        if kind == "min" or kind == "max":
            if pa.types.is_string(aggregate.column_type):
                codes = self.columns.codes(name)
                ordered = ordered_text(codes.of_row, codes.values)
            else:
                ordered = ordered_numbers(self.columns.numbers(name), aggregate.column_type)
            return [extremes(kind, ordered, rows, of, count)]
        if kind == "approx_count_distinct":
            return [kmv_lists(of, _pick(self.columns.hashes(name), rows), count)]
        return list(histogram_lists(of, _pick(self.columns.buckets(name), rows), None, count))

    def distinct(self, aggregate: AggregatePlan) -> tuple[Positions, Any]:
        """The distinct values of a count_distinct per group: the groups, ascending, and the values."""
        rows, of = self._taken(aggregate)
        codes = self.columns.codes(_column(aggregate))
        code = _pick(codes.of_row, rows)
        pairs = group([Digits(of, self.groups.count), Digits(code, len(codes.values))], len(of)).sample
        at = pairs[order_by_group(of[pairs], self.groups.count)]
        return of[at], codes.values.take(pa.array(code[at]))

    def _taken(self, aggregate: AggregatePlan) -> tuple[Positions | None, Positions]:
        """The rows that the aggregate counts (its filter, no null), and their groups."""
        mask = self._mask(aggregate)
        if mask is None:
            return self.rows, self.groups.of_row
        at = np.flatnonzero(mask)
        return (at if self.rows is None else self.rows[at]), self.groups.of_row[at]

    def _mask(self, aggregate: AggregatePlan) -> Bools | None:
        valid = None if aggregate.aggregate.column is None else self.columns.valid(aggregate.aggregate.column)
        if aggregate.where is None:
            return None if valid is None else _pick(valid, self.rows)
        mask = self.columns.mask(aggregate.where)
        return _pick(mask if valid is None else mask & valid, self.rows)

    def _counts(self, aggregate: AggregatePlan) -> Int64s:
        mask = self._mask(aggregate)
        if mask is None:
            return self.sizes
        return np.bincount(self.groups.of_row, mask, self.groups.count).astype(np.int64)

    def _sum(self, aggregate: AggregatePlan, counts: Int64s) -> Any:
        name = _column(aggregate)
        numbers = self.columns.numbers(name)
        values, doubles = _pick(numbers.values, self.rows), _pick(self.columns.doubles(name), self.rows)
        if aggregate.where is not None:
            mask = _pick(self.columns.mask(aggregate.where), self.rows)
            values, doubles = np.where(mask, values, 0), np.where(mask, doubles, 0.0)
        there = counts > 0
        of, count = self.groups.of_row, self.groups.count
        if numbers.scale is None:
            return pa.array(np.bincount(of, doubles, count), mask=~there)
        words = sums_by_group(values, of, count, peak=self.columns.peak(name), doubles=doubles)
        return decimals(words, there, aggregate.columns[0].type)


def empty_partials(aggregate: AggregatePlan, rows: int) -> list[Any]:
    """The delta columns of an aggregate that has seen no row: 0, null or an empty list."""
    columns = []
    for column in aggregate.columns:
        if column.type == pa.int64() and column.merge == "sum":
            columns.append(pa.array(np.zeros(rows, np.int64)))
        elif pa.types.is_list(column.type):
            offsets = pa.array(np.zeros(rows + 1, np.int32))
            columns.append(pa.ListArray.from_arrays(offsets, pa.array([], column.type.value_type)))
        else:
            columns.append(pa.nulls(rows, column.type))
    return columns


def _column(aggregate: AggregatePlan) -> str:
    name = aggregate.aggregate.column
    assert name is not None
    return name


def _pick(values: npt.NDArray[Any], rows: Positions | None) -> npt.NDArray[Any]:
    return values if rows is None else values[rows]
