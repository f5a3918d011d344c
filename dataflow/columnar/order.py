"""Columns as numbers in the order of their values, so that minima and maxima of any type are minima of numbers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dataflow.columnar.numbers import Numbers
from dataflow.columnar.sums import decimals, widened
from dataflow.columnar.types import Bools, Positions, Values

Which = Literal["min", "max"]


@dataclass(frozen=True, slots=True)
class Ordered:
    """`values` (int64 or float64) order as the column's values do; `restore(values, valid)` makes the column again.

    `valid` None: no nulls; what stands at nulls means nothing.
    """

    values: Values
    valid: Bools | None
    restore: Callable[[Values, Bools], pa.Array]


def ordered_numbers(numbers: Numbers, data_type: pa.DataType) -> Ordered:
    """Numbers, dates and booleans, as `Columns.numbers` gives them."""

    def restore(values: Values, valid: Bools) -> pa.Array:
        if pa.types.is_decimal(data_type):
            return decimals(widened(values), valid, data_type)
        if pa.types.is_date(data_type):
            return pa.array(values.astype(np.int32), pa.int32(), mask=~valid).cast(data_type)
        if pa.types.is_boolean(data_type):
            return pa.array(values != 0, data_type, mask=~valid)
        return pa.array(values, data_type, mask=~valid)

    return Ordered(numbers.values, numbers.valid, restore)


def ordered_text(of_row: Positions, distinct: pa.Array) -> Ordered:
    """Text by its UTF-8 bytes, as codes into its distinct values, one of which may be null."""
    rank, by_rank = ranks(distinct)
    valid = None if distinct.null_count == 0 else np.asarray(distinct.is_valid())[of_row]

    def restore(values: Values, valid: Bools) -> pa.Array:
        at = pa.array(by_rank[np.where(valid, values, 0)], mask=~valid) if len(by_rank) else pa.nulls(len(values))
        return distinct.take(at) if len(by_rank) else pa.nulls(len(values), distinct.type)

    return Ordered(rank[of_row], valid, restore)


def ranks(distinct: pa.Array) -> tuple[npt.NDArray[np.int64], Positions]:
    """Rank of each distinct value (null first, text by its UTF-8 bytes), and the values' positions by rank."""
    if pa.types.is_boolean(distinct.type):
        distinct = distinct.cast(pa.int8())
    order = pc.array_sort_indices(distinct)
    by_rank = np.asarray(order).astype(np.intp)
    if distinct.null_count:
        by_rank = np.roll(by_rank, 1)
    rank = np.empty(len(distinct), np.int64)
    rank[by_rank] = np.arange(len(distinct))
    return rank, by_rank


def extremes(which: Which, ordered: Ordered, rows: Positions | None, groups: Positions, count: int) -> pa.Array:
    """The smallest or largest value per group 0..count-1, null where a group has none.

    `rows`: the rows to take, None = all; `groups` their groups.
    """
    values, valid = ordered.values, ordered.valid
    if rows is not None:
        values, valid = values[rows], None if valid is None else valid[rows]
    if valid is not None and not valid.all():
        values, groups = values[valid], groups[valid]
    if values.dtype == np.float64:
        low, high = -np.inf, np.inf
    else:
        low, high = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    best = np.full(count, high if which == "min" else low, values.dtype)
    (np.minimum if which == "min" else np.maximum).at(best, groups, values)
    there = np.bincount(groups, minlength=count) > 0
    return ordered.restore(np.where(there, best, 0), there)
