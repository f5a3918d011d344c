"""The table of aggregate kinds: all that is known of each one. A new kind is one entry here and its test."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from dataflow.aggregates import Aggregate, duckdb, parts, rows
from dataflow.aggregates.duckdb import ViewSql
from dataflow.aggregates.parts import Part
from dataflow.aggregates.rows import RowSql


@dataclass(frozen=True, slots=True)
class Input:
    """The column that an aggregate takes: its Arrow type, and whether it is the event time."""

    type: pa.DataType
    is_event_time: bool = False

    @property
    def is_float(self) -> bool:
        """Whether its values depend on their last digits."""
        return pa.types.is_floating(self.type)

    @property
    def is_number(self) -> bool:
        """Whether one can calculate with it."""
        is_exact = pa.types.is_integer(self.type) or pa.types.is_decimal(self.type)
        return (is_exact or self.is_float) and not self.is_event_time

    @property
    def shown(self) -> str:
        """What it is, in words."""
        if self.is_event_time:
            return "the event time"
        return f"type {'text' if pa.types.is_string(self.type) else self.type}"


Unfit = Callable[[Aggregate, Input], str | None]
"""Why an aggregate cannot be taken of a column, and what to do; None = it can."""


@dataclass(frozen=True, slots=True)
class AggregateKind:
    """One kind of aggregate.

    parts         its mergeable parts, whose columns stand in the delta table in this order
    result        Arrow type of its column in the view, from its input's type
    unfit         which columns it cannot take, and why
    needs_column  whether it must name a column; without one it counts rows
    needs_q       whether it takes a quantile, a number from 0 to 1
    keeps_values  whether every distinct value stands in a side table per key and window
    additive      whether its one delta column simply adds up, so that a difference of two sums is a change
    counts        whether it is 0 where there is nothing, as an alert rule that compares takes it
    told_at_once  whether its value can be told of merged rows as they come, as alert rules ask for it
    sql           how its value comes out of the delta table, per dialect
    rows          how its value comes straight out of rows, per dialect of an engine that folds them itself; one that
                  is not there cannot say it with equal results
    merged        how its value comes out of rows of its parts, per dialect of an engine that takes rows batch by batch
    """

    name: str
    parts: tuple[Part, ...]
    result: Callable[[pa.DataType | None], pa.DataType | None]
    sql: Mapping[str, ViewSql]
    unfit: Unfit = field(default=lambda _aggregate, _input: None)
    needs_column: bool = True
    needs_q: bool = False
    keeps_values: bool = False
    additive: bool = False
    counts: bool = False
    told_at_once: bool = True
    rows: Mapping[str, RowSql] = field(default_factory=dict)
    merged: Mapping[str, Callable[..., str]] = field(default_factory=dict)

    def columns(self, name: str) -> list[str]:
        """Names of the delta columns of an aggregate that is called `name`."""
        return [name + ending for part in self.parts for ending in part.columns]

    def types(self, column_type: pa.DataType | None) -> list[pa.DataType]:
        """Their types."""
        return [type_ for part in self.parts for type_ in part.types(column_type)]


def _a_number(aggregate: Aggregate, given: Input) -> str | None:
    if given.is_number:
        return None
    return f"{aggregate.kind} needs a number, this is {given.shown}; use an int or Money column, or agg.count"


def _an_exact_number(aggregate: Aggregate, given: Input) -> str | None:
    if given.is_number and given.is_float and not aggregate.inexact:
        return f"the {aggregate.kind} of floats depends on their order; use Money, or say inexact=True"
    return _a_number(aggregate, given)


def _no_bool(aggregate: Aggregate, given: Input) -> str | None:
    if pa.types.is_boolean(given.type):
        return f"{aggregate.kind} of a bool says little; use agg.count(where=...)"
    return None


def _no_float(_aggregate: Aggregate, given: Input) -> str | None:
    return "distinct floats depend on their last digits; use Money, int or text" if given.is_float else None


def _int64(_type: pa.DataType | None) -> pa.DataType:
    return pa.int64()


def _double(_type: pa.DataType | None) -> pa.DataType:
    return pa.float64()


_ENTRIES = (
    AggregateKind(
        "count",
        parts=(parts.counts(),),
        result=_int64,
        sql={"duckdb": duckdb.merged(lambda name: f"CAST(coalesce(sum({name}), 0) AS BIGINT)")},
        rows={"flink": rows.counted, "spark": rows.counted},
        merged={"spark": rows.TOTAL},
        needs_column=False,
        additive=True,
        counts=True,
    ),
    AggregateKind(
        "sum",
        parts=(parts.sums(),),
        result=lambda type_: None if type_ is None else parts.sum_type(type_),
        unfit=_an_exact_number,
        sql={"duckdb": duckdb.merged(lambda name: f"sum({name})")},
        rows={"flink": rows.total, "spark": rows.total},
        merged={"spark": rows.TOTAL},
        additive=True,
        counts=True,
    ),
    AggregateKind(
        "min",
        parts=(parts.extremes("min"),),
        result=lambda type_: type_,
        unfit=_no_bool,
        sql={"duckdb": duckdb.merged(lambda name: f"min({name})")},
        rows={"flink": rows.smallest, "spark": rows.smallest},
        merged={"spark": rows.LEAST},
    ),
    AggregateKind(
        "max",
        parts=(parts.extremes("max"),),
        result=lambda type_: type_,
        unfit=_no_bool,
        sql={"duckdb": duckdb.merged(lambda name: f"max({name})")},
        rows={"flink": rows.largest, "spark": rows.largest},
        merged={"spark": rows.MOST},
    ),
    AggregateKind(
        "avg",
        parts=(parts.sums("_sum"), parts.counts("_count")),
        result=_double,
        unfit=_an_exact_number,
        sql={"duckdb": duckdb.AVG},
        rows={"flink": rows.mean, "spark": rows.mean},
        merged={"spark": rows.MEAN},
    ),
    AggregateKind(
        "count_distinct",
        parts=(),
        result=_int64,
        unfit=_no_float,
        sql={"duckdb": duckdb.COUNT_DISTINCT},
        rows={"flink": rows.distinct, "spark": rows.distinct},
        merged={"spark": rows.DISTINCT},
        keeps_values=True,
        counts=True,
    ),
    AggregateKind(
        "approx_count_distinct",
        parts=(parts.kmv(),),
        result=_int64,
        unfit=_no_float,
        sql={"duckdb": duckdb.APPROX_COUNT_DISTINCT},
        counts=True,
    ),
    AggregateKind(
        "approx_quantile",
        parts=(parts.histogram(),),
        result=_double,
        unfit=_a_number,
        sql={"duckdb": duckdb.APPROX_QUANTILE},
        needs_q=True,
        told_at_once=False,
    ),
)

KINDS: dict[str, AggregateKind] = {kind.name: kind for kind in _ENTRIES}
"""Every kind by its name, which is SQL's."""


def kind_of(aggregate: Aggregate) -> AggregateKind:
    """The entry of an aggregate's kind."""
    return KINDS[aggregate.kind]


def is_quantile(q: object) -> bool:
    """Whether `q` is a number from 0 to 1."""
    return isinstance(q, int | float) and not isinstance(q, bool) and math.isfinite(q) and 0 <= q <= 1
