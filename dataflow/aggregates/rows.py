"""How an aggregate's value comes straight out of rows, in the SQL of engines that fold rows themselves.

What stands here reads the same in Flink's SQL and in Spark's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pyarrow as pa

EXACT_INT = "DECIMAL(38, 0)"
"""Where sums of BIGINT fit: as BIGINT, Flink's wrap without a word, and Spark's end the job."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an aggregate takes of the rows of a key and window.

    `column`: its value per row, as an expression, of the Arrow type `type`; None = whole rows. `where`: a condition.
    """

    column: str | None
    type: pa.DataType | None
    where: str | None = None

    @property
    def only(self) -> str:
        """What stands behind a call so that it takes the rows of its own filter alone."""
        return "" if self.where is None else f" FILTER (WHERE {self.where})"


RowSql = Callable[[Taken], str]
"""An expression over the rows of a group."""


def counted(taken: Taken) -> str:
    """How many rows, or values."""
    return f"COUNT({taken.column or '*'}){taken.only}"


def total(taken: Taken) -> str:
    """The exact sum; of doubles, the sum in some order."""
    assert taken.type is not None, "a sum has a column"
    values = f"CAST({taken.column} AS {EXACT_INT})" if pa.types.is_integer(taken.type) else taken.column
    return f"SUM({values}){taken.only}"


def mean(taken: Taken) -> str:
    """The sum as the nearest double, over the count. AVG would cut ints, and round decimals."""
    return f"CAST({total(taken)} AS DOUBLE) / {counted(taken)}"


def smallest(taken: Taken) -> str:
    """The smallest value; text by its UTF-8 bytes, as both engines compare it."""
    return f"MIN({_one_zero(taken)}){taken.only}"


def largest(taken: Taken) -> str:
    """The largest value."""
    return f"MAX({_one_zero(taken)}){taken.only}"


def distinct(taken: Taken) -> str:
    """The exact number of distinct values."""
    return f"COUNT(DISTINCT {taken.column}){taken.only}"


def collected(taken: Taken) -> str:
    """The distinct values, as an array."""
    return f"COLLECT_SET({taken.column}){taken.only}"


PARTS: Mapping[str, RowSql] = {"count": counted, "sum": total, "min": smallest, "max": largest}
"""Mergeable parts by their names, as `dataflow.aggregates.parts` calls them, straight out of rows."""

TOTAL, LEAST, MOST = "SUM({})".format, "MIN({})".format, "MAX({})".format
MEAN = "CAST(SUM({}) AS DOUBLE) / SUM({})".format
DISTINCT = "CAST(SIZE(ARRAY_DISTINCT(FLATTEN(COLLECT_LIST({})))) AS BIGINT)".format
"""How a value comes out of rows of such parts, by the names of their columns."""

OF_VALUES = {"kmv": False, "histogram": True}
"""Parts that Flink has no form of, but that follow from a group's distinct values; and whether of how often each stands
there, too."""


def _one_zero(taken: Taken) -> str:
    """0 for -0 of a double: which of them is the smaller would depend on order."""
    if taken.type is None or not pa.types.is_floating(taken.type):
        return str(taken.column)
    return f"CASE WHEN {taken.column} = 0E0 THEN 0E0 ELSE {taken.column} END"
