"""The mergeable parts that aggregates are made of: counts, sums, extremes, sketches, histograms."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import pyarrow as pa

MONEY = pa.decimal128(18, 6)
MONEY_SUM = pa.decimal128(38, 6)
INT_SUM = pa.decimal128(38, 0)

Extreme = Literal["min", "max"]


class Rows(Protocol):
    """The rows of a batch that one aggregate counts, in groups: what a part is built from, one value per group."""

    def counts(self) -> pa.Array:
        """int64, how many rows."""
        ...

    def sums(self) -> pa.Array:
        """The column's sum in `sum_type`; null where there was no row."""
        ...

    def extremes(self, which: Extreme) -> pa.Array:
        """The column's smallest or largest value; null where there was no row."""
        ...

    def kmv(self) -> pa.Array:
        """list<int64>: the k smallest distinct hashes (63 bit, >= 0), ascending; never null."""
        ...

    def histogram(self) -> tuple[pa.Array, pa.Array]:
        """list<int32> of bucket codes, ascending, and list<int64> of their counts; never null."""
        ...


class Runs(Protocol):
    """Delta rows in runs that become one row each: what a part is merged with."""

    def sums(self, column: pa.Array) -> pa.Array:
        """Sum per run; null where all are null."""
        ...

    def extremes(self, which: Extreme, column: pa.Array) -> pa.Array:
        """Smallest or largest value per run; null where all are null."""
        ...

    def kmv(self, column: pa.Array) -> pa.Array:
        """The sketch of each run's sketches together."""
        ...

    def histogram(self, buckets: pa.Array, counts: pa.Array) -> tuple[pa.Array, pa.Array]:
        """The histogram of each run's histograms together."""
        ...


@dataclass(frozen=True, slots=True)
class Part:
    """One mergeable part: `columns` are the endings of its delta columns' names, in the order of all that follows.

    `types` gives their Arrow types for the type of the aggregate's column, `build` their values from rows, `empty`
    so many values of no row at all, `merge` their values from delta rows. Parts are equal by name.

    `sql` is how DuckDB merges its only column, called `{column}`, over delta rows; None for parts of lists. Where
    `needs_exact`, floats merged in another order come to something else. Where it `subtracts`, a value with the other
    sign takes back what it was of; else a value of fewer rows changes nothing when it is merged with that of more.
    """

    name: str
    columns: tuple[str, ...]
    types: Callable[[pa.DataType | None], tuple[pa.DataType, ...]]
    build: Callable[[Rows], Sequence[pa.Array]]
    merge: Callable[[Runs, Sequence[pa.Array]], Sequence[pa.Array]]
    empty: Callable[[pa.DataType, int], pa.Array]
    sql: str | None = None
    needs_exact: bool = False
    subtracts: bool = False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and (self.name, self.columns) == (other.name, other.columns)

    def __hash__(self) -> int:
        return hash((self.name, self.columns))


def counts(ending: str = "") -> Part:
    """How many rows."""
    return Part(
        "count",
        (ending,),
        types=lambda _: (pa.int64(),),
        build=lambda rows: (rows.counts(),),
        merge=lambda runs, columns: (runs.sums(columns[0]),),
        empty=lambda _, rows: pa.repeat(pa.scalar(0, pa.int64()), rows),
        sql="sum({column})",
        subtracts=True,
    )


def sums(ending: str = "") -> Part:
    """The exact sum."""
    return Part(
        "sum",
        (ending,),
        types=lambda type_: (sum_type(_known(type_)),),
        build=lambda rows: (rows.sums(),),
        merge=lambda runs, columns: (runs.sums(columns[0]),),
        empty=_nulls,
        sql="sum({column})",
        needs_exact=True,
        subtracts=True,
    )


def extremes(which: Extreme, ending: str = "") -> Part:
    """The smallest or the largest value."""
    return Part(
        which,
        (ending,),
        types=lambda type_: (_known(type_),),
        build=lambda rows: (rows.extremes(which),),
        merge=lambda runs, columns: (runs.extremes(which, columns[0]),),
        empty=_nulls,
        sql=f"{which}({{column}})",
    )


def kmv() -> Part:
    """A k-minimum-values sketch (Bar-Yossef et al., 2002)."""
    return Part(
        "kmv",
        ("_kmv",),
        types=lambda _: (pa.list_(pa.int64()),),
        build=lambda rows: (rows.kmv(),),
        merge=lambda runs, columns: (runs.kmv(columns[0]),),
        empty=_empty_lists,
    )


def histogram() -> Part:
    """A log histogram (as in DDSketch, Masson et al., 2019): two lists of equal length that merge as pairs."""
    return Part(
        "histogram",
        ("_buckets", "_counts"),
        types=lambda _: (pa.list_(pa.int32()), pa.list_(pa.int64())),
        build=lambda rows: rows.histogram(),
        merge=lambda runs, columns: runs.histogram(columns[0], columns[1]),
        empty=_empty_lists,
    )


def sum_type(column_type: pa.DataType) -> pa.DataType:
    """The type that holds a sum of `column_type` without overflow: decimals of 38 digits, or double."""
    if pa.types.is_decimal(column_type):
        return MONEY_SUM
    return pa.float64() if pa.types.is_floating(column_type) else INT_SUM


def _known(type_: pa.DataType | None) -> pa.DataType:
    assert type_ is not None, "a plan has the type of every column that it aggregates"
    return type_


def _nulls(type_: pa.DataType, rows: int) -> pa.Array:
    return pa.nulls(rows, type_)


def _empty_lists(type_: pa.DataType, rows: int) -> pa.Array:
    assert pa.types.is_list(type_)
    return pa.ListArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows + 1), pa.array([], type_.value_type))
