"""What is compared: the tables that a pipeline makes, their keys, and how near two values of a column must be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from dataflow.aggregates.accuracy import KMV_K, QUANTILE_ERROR
from dataflow.pipeline.names import ALERTS, DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan

COUNTS, COUNTS_ROLLUP = "counts", "counts_rollup"

Nearness = Literal["same", "ulp", "close", "distinct", "quantile"]
"""same: equal. ulp: doubles at most one unit in the last place apart. close: sums of doubles, which depend on their
order. distinct: equal below the size of a sketch, above it within its error. quantile: within a bucket's error."""

Tables = Mapping[str, pa.Table]
"""The tables of one side, by name, in the columns of their layouts."""

_DISTINCT_ERROR = 6 / (KMV_K - 2) ** 0.5
"""Six standard errors: a right sketch is further off once in a thousand million times."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One column: `what` it is in words."""

    name: str
    type: pa.DataType
    what: str
    near: Nearness = "same"

    def agree(self, a: str, b: str) -> str:
        """SQL of whether two expressions agree; nulls agree with nulls alone."""
        same = f"{a} IS NOT DISTINCT FROM {b}"
        if self.near == "same":
            return f"({same})"
        gap, size = f"abs({a} - {b})", f"greatest(abs({a}), abs({b}))"
        nearly = {
            "ulp": f"{gap} <= {size} * 2.220446049250313e-16::DOUBLE",
            "close": f"{gap} <= {size} * 1e-9::DOUBLE",
            "distinct": f"least({a}, {b}) >= {KMV_K * (1 - _DISTINCT_ERROR)} AND {gap} <= {size} * {_DISTINCT_ERROR}",
            "quantile": f"{gap} <= {size} * {2 * QUANTILE_ERROR / (1 - QUANTILE_ERROR)}::DOUBLE",
        }[self.near]
        return f"({same} OR coalesce({nearly}, FALSE))"


@dataclass(frozen=True, slots=True)
class Layout:
    """One table: by its `keys` a row is found, its `values` are compared."""

    name: str
    keys: tuple[Compared, ...]
    values: tuple[Compared, ...]

    @property
    def columns(self) -> tuple[Compared, ...]:
        """All of them."""
        return (*self.keys, *self.values)

    @property
    def schema(self) -> pa.Schema:
        """Their Arrow types."""
        return pa.schema([pa.field(column.name, column.type) for column in self.columns])


def layouts(plan: Plan) -> dict[str, Layout]:
    """Every table of a pipeline by its name: rollups, late events, dead letters, and the counts that a lake keeps."""
    made = [*(_rollup(rollup) for rollup in plan.rollups), _LATE, _DEAD, _COUNTS, _COUNTS_ROLLUP]
    return {each.name: each for each in made}


def _rollup(rollup: RollupPlan) -> Layout:
    start = Compared("window_start", pa.int64(), "start of the window")
    end = Compared("window_end", pa.int64(), "end of the window")
    keys = [Compared(key.name, key.type, "key") for key in rollup.keys]
    values = [_aggregate(each) for each in rollup.aggregates]
    if rollup.merges_windows:
        return Layout(rollup.name, (*keys, start), (end, *values))
    return Layout(rollup.name, (*keys, start, end), tuple(values))


def _aggregate(plan: AggregatePlan) -> Compared:
    kind, type_ = plan.aggregate.kind, plan.kind.result(plan.column_type)
    assert type_ is not None, "a checked aggregate has a result"
    what = f"{kind} of {plan.aggregate.column or 'rows'}"
    if plan.where is not None:
        what += f" where {plan.where.sql}"
    return Compared(plan.name, type_, what, nearness(plan))


def nearness(plan: AggregatePlan) -> Nearness:
    """How near two engines' values of an aggregate are."""
    is_double = plan.column_type is not None and pa.types.is_floating(plan.column_type)
    match plan.aggregate.kind:
        case "approx_count_distinct":
            return "distinct"
        case "approx_quantile":
            return "quantile"
        case "sum" | "avg" if is_double:
            return "close"
        case "avg":
            return "ulp"
    return "same"


def _same(name: str, type_: pa.DataType, what: str) -> Compared:
    return Compared(name, type_, what)


_PLACE = (_same("partition", pa.string(), "source partition"), _same("offset", pa.int64(), "offset"))

_LATE = Layout(
    LATE_EVENTS,
    (_same("rollup", pa.string(), "rollup"), *_PLACE),
    (_same("event_time", pa.int64(), "event time"), _same("watermark", pa.int64(), "watermark before the row")),
)

_DEAD = Layout(
    DEAD_LETTERS,
    _PLACE,
    (_same("reason", pa.string(), "reason"), _same("field", pa.string(), "field that caused it")),
)

ALERTS_LAYOUT = Layout(
    ALERTS,
    (
        _same("rule", pa.string(), "alert rule"),
        _same("key", pa.string(), "key"),
        _same("window_start", pa.int64(), "start of the window"),
        _same("window_end", pa.int64(), "end of the window"),
        _same("of", pa.string(), "where its events stand"),
    ),
    (),
)
"""Alerts that stand. `of`: of pairs of events a JSON object with their places, else empty."""

CLASSES = ("read", "accepted", "duplicate", "late", "dead")
ROLLUP_CLASSES = ("filtered", "counted", "late")

_COUNTS = Layout(COUNTS, _PLACE[:1], tuple(_same(name, pa.int64(), f"records {name}") for name in CLASSES))

_COUNTS_ROLLUP = Layout(
    COUNTS_ROLLUP,
    (_same("rollup", pa.string(), "rollup"), _PLACE[0]),
    tuple(_same(name, pa.int64(), f"rows {name}") for name in ROLLUP_CLASSES),
)
