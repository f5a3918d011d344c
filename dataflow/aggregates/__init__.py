"""Aggregates as a user declares them; `dataflow.aggregates.kinds` says what each kind is."""

from dataclasses import dataclass

__all__ = [
    "Aggregate",
    "approx_count_distinct",
    "approx_quantile",
    "avg",
    "count",
    "count_distinct",
    "max",
    "min",
    "sum",
]


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate of a rollup. `kind` is a name in `dataflow.aggregates.kinds.KINDS`.

    Nulls in `column` are ignored; `where` is a filter of its own; `q` is a quantile's.
    """

    kind: str
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
    """Number of distinct values by a k-minimum-values sketch: exact below `accuracy.KMV_K` values."""
    return Aggregate("approx_count_distinct", column, where)


def approx_quantile(column: str, q: float, *, where: str | None = None) -> Aggregate:
    """The q-quantile (0 to 1) of a number within `accuracy.QUANTILE_ERROR`, by a log histogram."""
    return Aggregate("approx_quantile", column, where, q=q)
