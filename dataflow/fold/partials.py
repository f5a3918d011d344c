"""Partial aggregates of one batch: the delta columns of each aggregate, one value per group."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.aggregates.parts import Extreme
from dataflow.columnar.groups import Digits, Groups, added_up, counted, group, order_by_group
from dataflow.columnar.order import extremes, ordered_numbers, ordered_text
from dataflow.columnar.sketches import histogram_lists, kmv_lists
from dataflow.columnar.sums import decimals
from dataflow.columnar.types import Bools, Int64s, Positions
from dataflow.enrich.columns import Columns
from dataflow.pipeline.plan import AggregatePlan

_Number = TypeVar("_Number", bound=np.generic)


class Selection:
    """Some rows of a batch in groups: row `rows[i]` (None = row i of all) is in group `groups.of_row[i]`."""

    def __init__(self, columns: Columns, rows: Positions | None, groups: Groups) -> None:
        """`groups.sample` counts positions in `rows`, not rows of the batch."""
        self.columns = columns
        self.rows = rows
        self.groups = groups
        self.sizes = groups.sizes
        self._partials: dict[str, list[pa.Array]] = {}
        self._distinct: dict[str, tuple[Positions, pa.Array]] = {}

    def partials(self, aggregate: AggregatePlan) -> list[pa.Array]:
        """One Arrow array per delta column of the aggregate, in the order of `aggregate.columns`."""
        if aggregate.name not in self._partials:
            rows = _Counted(self, aggregate)
            built = [array for part in aggregate.kind.parts for array in part.build(rows)]
            self._partials[aggregate.name] = built
        return self._partials[aggregate.name]

    def distinct(self, aggregate: AggregatePlan) -> tuple[Positions, pa.Array]:
        """The distinct values of a count_distinct per group: the groups, ascending, and the values."""
        if aggregate.name not in self._distinct:
            self._distinct[aggregate.name] = self._find_distinct(aggregate)
        return self._distinct[aggregate.name]

    def _find_distinct(self, aggregate: AggregatePlan) -> tuple[Positions, pa.Array]:
        rows, of = self.taken(aggregate)
        codes = self.columns.codes(_column(aggregate))
        code = _pick(codes.of_row, rows)
        pairs = group([Digits(of, self.groups.count), Digits(code, len(codes.values))], len(of)).sample
        at = pairs[order_by_group(of[pairs], self.groups.count)]
        return of[at], codes.values.take(pa.array(code[at]))

    def taken(self, aggregate: AggregatePlan) -> tuple[Positions | None, Positions]:
        """The rows that the aggregate counts (its filter, no null), and their groups."""
        mask = self.mask(aggregate)
        if mask is None:
            return self.rows, self.groups.of_row
        at = np.flatnonzero(mask)
        return (at if self.rows is None else self.rows[at]), self.groups.of_row[at]

    def mask(self, aggregate: AggregatePlan) -> Bools | None:
        """Which rows of the selection the aggregate counts; None = all."""
        valid = None if aggregate.aggregate.column is None else self.columns.valid(aggregate.aggregate.column)
        if aggregate.where is None:
            return None if valid is None else _pick(valid, self.rows)
        mask = self.columns.mask(aggregate.where)
        return _pick(mask if valid is None else mask & valid, self.rows)


class _Counted:
    """The rows of a selection that one aggregate counts: `parts.Rows`."""

    def __init__(self, selection: Selection, aggregate: AggregatePlan) -> None:
        self._selection = selection
        self._aggregate = aggregate
        self._counted: Int64s | None = None

    def counts(self) -> pa.Array:
        return pa.array(self._counts())

    def sums(self) -> pa.Array:
        columns, picked = self._selection.columns, self._selection.rows
        name, where = _column(self._aggregate), self._aggregate.where
        numbers, mask = columns.numbers(name), None if where is None else columns.mask(where)
        groups, there = self._selection.groups, self._counts() > 0
        if numbers.scale is not None:
            return decimals(added_up(groups, picked, mask, numbers.values), there, self._aggregate.columns[0].type)
        doubles = numbers.values if mask is None else np.where(mask, numbers.values, 0.0)
        return pa.array(np.bincount(groups.of_row, _pick(doubles, picked), groups.count), mask=~there)

    def extremes(self, which: Extreme) -> pa.Array:
        columns, name, type_ = self._selection.columns, _column(self._aggregate), self._aggregate.column_type
        assert type_ is not None, "an extreme is one of a column"
        rows, of = self._selection.taken(self._aggregate)
        if pa.types.is_string(type_):
            codes = columns.codes(name)
            ordered = ordered_text(codes.of_row, codes.values)
        else:
            ordered = ordered_numbers(columns.numbers(name), type_)
        return extremes(which, ordered, rows, of, self._selection.groups.count)

    def kmv(self) -> pa.Array:
        rows, of = self._selection.taken(self._aggregate)
        hashes = self._selection.columns.hashes(_column(self._aggregate))
        return kmv_lists(of, _pick(hashes, rows), self._selection.groups.count)

    def histogram(self) -> tuple[pa.Array, pa.Array]:
        rows, of = self._selection.taken(self._aggregate)
        buckets = self._selection.columns.buckets(_column(self._aggregate))
        return histogram_lists(of, _pick(buckets, rows), None, self._selection.groups.count)

    def _counts(self) -> Int64s:
        if self._counted is None:
            selection, where = self._selection, self._aggregate.where
            column = self._aggregate.aggregate.column
            mask = None if where is None else selection.columns.mask(where)
            valid = None if column is None else selection.columns.valid(column)
            is_every = mask is None and valid is None
            self._counted = selection.sizes if is_every else counted(selection.groups, selection.rows, mask, valid)
        return self._counted


def empty_partials(aggregate: AggregatePlan, rows: int) -> list[pa.Array]:
    """The delta columns of an aggregate that has seen no row: 0, null or an empty list."""
    columns = iter(aggregate.columns)
    return [part.empty(next(columns).type, rows) for part in aggregate.kind.parts for _ in part.columns]


def _column(aggregate: AggregatePlan) -> str:
    name = aggregate.aggregate.column
    assert name is not None
    return name


def _pick(values: npt.NDArray[_Number], rows: Positions | None) -> npt.NDArray[_Number]:
    return values if rows is None else values[rows]
