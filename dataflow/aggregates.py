"""Aggregates as a user declares them, and the mergeable columns each one keeps in a delta table."""

from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

Kind = Literal["count", "sum", "min", "max", "avg", "count_distinct", "approx_count_distinct", "approx_quantile"]
Merge = Literal["sum", "min", "max", "kmv", "histogram"]

KMV_K = 1024
"""Size of a k-minimum-values sketch: exact below, relative standard error 1/sqrt(k - 2) above."""

QUANTILE_ERROR = 0.01
"""Relative error of approx_quantile: bucket i of its log histogram holds (g^(i-1), g^i], g = (1 + e) / (1 - e)."""

QUANTILE_GAMMA = (1 + QUANTILE_ERROR) / (1 - QUANTILE_ERROR)

MAX_BUCKET = 20_000
"""Buckets end at i = -MAX_BUCKET and MAX_BUCKET; what lies beyond counts in the last one."""

BUCKET_SHIFT = MAX_BUCKET + 1
"""Bucket codes (int32) have the order and the sign of the values: 0 for zero; bucket i of a positive value is
i + BUCKET_SHIFT (1 .. 40001); of a negative value, by its magnitude, -(i + BUCKET_SHIFT). A code c != 0 stands for
sign(c) * 2 * g^(|c| - BUCKET_SHIFT) / (g + 1)."""

MONEY = pa.decimal128(18, 6)
MONEY_SUM = pa.decimal128(38, 6)
INT_SUM = pa.decimal128(38, 0)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of a rollup. Nulls in `column` are ignored; `where` is a filter of its own."""

    kind: Kind
    column: str | None = None
    where: str | None = None
    q: float | None = None
    inexact: bool = False


def count(column: str | None = None, *, where: str | None = None) -> Aggregate:
    """Rows, or rows where `column` is not null."""
    return Aggregate("count", column, where)


def sum(column: str, *, where: str | None = None, inexact: bool = False) -> Aggregate:
    """Exact sum of an int or Money column; a float column needs `inexact=True` (its last digits depend on order)."""
    return Aggregate("sum", column, where, inexact=inexact)


def min(column: str, *, where: str | None = None) -> Aggregate:
    """Smallest value; text by its UTF-8 bytes."""
    return Aggregate("min", column, where)


def max(column: str, *, where: str | None = None) -> Aggregate:
    """Largest value; text by its UTF-8 bytes."""
    return Aggregate("max", column, where)


def avg(column: str, *, where: str | None = None, inexact: bool = False) -> Aggregate:
    """Sum divided by count, from exact parts; the result is a double."""
    return Aggregate("avg", column, where, inexact=inexact)


def count_distinct(column: str, *, where: str | None = None) -> Aggregate:
    """Exact number of distinct values; keeps every distinct value per key and window in a side table."""
    return Aggregate("count_distinct", column, where)


def approx_count_distinct(column: str, *, where: str | None = None) -> Aggregate:
    """Number of distinct values by a k-minimum-values sketch: exact below KMV_K values."""
    return Aggregate("approx_count_distinct", column, where)


def approx_quantile(column: str, q: float, *, where: str | None = None) -> Aggregate:
    """The q-quantile (0 to 1) of a number within QUANTILE_ERROR, by a log histogram."""
    return Aggregate("approx_quantile", column, where, q=q)


@dataclass(frozen=True, slots=True)
class PartialColumn:
    """One column of a delta table: its name, Arrow type, and how two of its values merge.

    `kmv`: list<int64>, the k smallest distinct hashes (63 bit, >= 0), ascending.
    `histogram`: two lists of equal length, `<name>_buckets` (int32, ascending) and `<name>_counts` (int64);
    the merge stands on the first, the second goes with it.
    """

    name: str
    type: pa.DataType
    merge: Merge


def partial_columns(name: str, aggregate: Aggregate, column_type: pa.DataType | None) -> list[PartialColumn]:
    """The delta columns that `aggregate`, called `name`, keeps; none for count_distinct (a side table)."""
    kind = aggregate.kind
    if kind == "count":
        return [PartialColumn(name, pa.int64(), "sum")]
    if kind == "count_distinct":
        return []
    assert column_type is not None
    if kind in ("min", "max"):
        return [PartialColumn(name, column_type, "min" if kind == "min" else "max")]
    if kind == "sum":
        return [PartialColumn(name, sum_type(column_type), "sum")]
    if kind == "avg":
        return [
            PartialColumn(f"{name}_sum", sum_type(column_type), "sum"),
            PartialColumn(f"{name}_count", pa.int64(), "sum"),
        ]
    if kind == "approx_count_distinct":
        return [PartialColumn(f"{name}_kmv", pa.list_(pa.int64()), "kmv")]
    return [
        PartialColumn(f"{name}_buckets", pa.list_(pa.int32()), "histogram"),
        PartialColumn(f"{name}_counts", pa.list_(pa.int64()), "histogram"),
    ]


def sum_type(column_type: pa.DataType) -> pa.DataType:
    """The type that holds a sum of `column_type` without overflow: decimals of 38 digits, or double."""
    if pa.types.is_decimal(column_type):
        return MONEY_SUM
    return pa.float64() if pa.types.is_floating(column_type) else INT_SUM


def result_type(aggregate: Aggregate, column_type: pa.DataType | None) -> pa.DataType:
    """The type of the aggregate's column in a rollup's view."""
    if aggregate.kind in ("count", "count_distinct", "approx_count_distinct"):
        return pa.int64()
    if aggregate.kind in ("avg", "approx_quantile"):
        return pa.float64()
    assert column_type is not None
    return sum_type(column_type) if aggregate.kind == "sum" else column_type
