"""The lake's tables as Arrow schemas: what the fold makes and the sink writes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa

from dataflow.aggregates.kinds import AggregateKind
from dataflow.aggregates.parts import Part, counts
from dataflow.messages import DEAD_SCHEMA
from dataflow.own_columns import COUNTS, PLACE, TIMESTAMP, VALUE, WINDOW
from dataflow.pipeline.names import ALERT_CHANGES, DEAD_LETTERS, EVENTS, LATE_EVENTS, LEDGER, WEBHOOK_DEAD_LETTERS
from dataflow.pipeline.targets import Webhook

if TYPE_CHECKING:
    from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan

LATE_SCHEMA = pa.schema(
    [
        pa.field("rollup", pa.string()),
        pa.field("topic", pa.string()),
        pa.field("partition", pa.string()),
        pa.field("offset", pa.int64()),
        pa.field("event_time", TIMESTAMP),
        pa.field("watermark", TIMESTAMP),
        pa.field("late_by_ms", pa.int64()),
    ]
)

ALERT_SCHEMA = pa.schema(
    [
        pa.field("alert_id", pa.string()),
        pa.field("change", pa.int64()),
        pa.field("state", pa.string()),
        pa.field("rule", pa.string()),
        pa.field("severity", pa.string()),
        pa.field("key", pa.string()),
        *WINDOW,
        pa.field("values", pa.string()),
        pa.field("message", pa.string()),
    ]
)
"""What became of an alert with one commit. `change` counts from 1 per `alert_id`; `state` is raised or retracted. `key`
and `values` are JSON objects: the key's columns, and the aggregates as they stood with that commit."""

WEBHOOK_DEAD_SCHEMA = pa.schema(
    [
        pa.field("webhook", pa.string()),
        pa.field("webhook_id", pa.string()),
        pa.field("alert_id", pa.string()),
        pa.field("change", pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("tries", pa.int64()),
        pa.field("status", pa.int64()),
        pa.field("reason", pa.string()),
        pa.field("failed_at", pa.timestamp("us")),
        pa.field("body", pa.string()),
    ]
)
"""A change of an alert that a webhook did not take. `status` is that of its last answer, null without one; `body` is
what was posted."""

RULES = ("out_of_orderness_ms", "idle_timeout_ms", "deduplicate_within_ms")
"""The ledger's columns of the rules that hold for the whole pipeline, called as in `dataflow.rules.Rules`."""


DIMENSIONS = "dimensions"
"""The ledger's column of the dimensions by which its records were joined: a JSON list of `dataflow.rules.Joined`."""


class Merge(NamedTuple):
    """Columns of a table that merge together, and the part that says how."""

    columns: tuple[str, ...]
    part: Part


ROW_COUNTS = tuple(Merge((column.name,), counts()) for column in COUNTS)
"""How the counts merge that every delta row has."""


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One lake table. `keys` are the columns that identify a row to merge by; none = rows are only appended.

    `merges` names every other column and says how two rows of equal keys become one. `session`: rows are partial
    sessions; those of one key that overlap or touch become one, too.
    """

    name: str
    schema: pa.Schema
    keys: tuple[str, ...] = ()
    merges: tuple[Merge, ...] = ()
    session: bool = False


def events_schema(plan: "Plan") -> pa.Schema:
    """Accepted rows: where they came from, then the event's and the dimensions' columns.

    The event time is int64 milliseconds in all of the flow and a TIMESTAMP here, where people read it.
    """
    time = plan.event.event_time.name
    fields = (field.with_type(TIMESTAMP) if field.name == time else field for field in plan.row_schema)
    return pa.schema([*PLACE, *fields])


def delta_schema(rollup: "RollupPlan") -> pa.Schema:
    """Delta rows of a rollup: keys, window, aggregates' partial columns, row_count, late_count.

    A session's row is a partial session: window_start is its first event time, window_end its last plus the gap.
    A row with row_count 0 only says that late rows were left out of this (key, window). Lists (sketches) are never
    null; sums, minima and maxima are null where there was no value.
    """
    return pa.schema(
        [
            *rollup.keys,
            *WINDOW,
            *(column for agg in rollup.aggregates for column in agg.columns),
            *COUNTS,
        ]
    )


def distinct_schema(rollup: "RollupPlan", aggregate: "AggregatePlan") -> pa.Schema:
    """Side table of an exact distinct count: one row per key, window and value.

    Of a session rollup, the window is that of the value's own row, [event time, event time + gap): a session has
    the values whose windows it holds.
    """
    return pa.schema([*rollup.keys, *WINDOW, pa.field(VALUE, aggregate.column_type)])


def ledger_schema(plan: "Plan") -> pa.Schema:
    """One row per commit and source partition, one more for offsets that are `lost`; per rollup R four more columns.

    The last columns, but for those of rollups that came later, are the rules by which its records were judged.
    """
    counts = ("read", "accepted", "duplicate", "late", "dead")
    return pa.schema(
        [
            pa.field("topic", pa.string()),
            pa.field("partition", pa.string()),
            pa.field("start_offset", pa.int64()),
            pa.field("end_offset", pa.int64()),
            *(pa.field(name, pa.int64()) for name in counts),
            pa.field("lost", pa.int64()),
            pa.field("checksum", pa.int64()),
            pa.field("max_event_time", pa.int64()),
            pa.field("finished", pa.bool_()),
            pa.field("final", pa.bool_()),
            pa.field("epoch", pa.int64()),
            pa.field("committed_at", pa.timestamp("us")),
            *(
                pa.field(f"{rollup.name}_{what}", pa.int64())
                for rollup in plan.rollups
                for what in ("filtered", "counted", "late")
            ),
            pa.field("watermark", pa.int64()),
            *(pa.field(name, pa.int64()) for name in RULES),
            pa.field(DIMENSIONS, pa.string()),
            *(pa.field(lateness_column(rollup.name), pa.int64()) for rollup in plan.rollups),
        ]
    )


def lateness_column(rollup: str) -> str:
    """The ledger's column of the allowed lateness by which rows were judged for a rollup."""
    return f"{rollup}_allowed_lateness_ms"


def tables_of(plan: "Plan", *, events: bool) -> list[TableSpec]:
    """Every table of the lake, in the order in which it is created. `events` = keep accepted rows."""
    tables = [
        TableSpec(LEDGER, ledger_schema(plan)),
        TableSpec(DEAD_LETTERS, DEAD_SCHEMA),
        TableSpec(LATE_EVENTS, LATE_SCHEMA),
    ]
    if events:
        tables.append(TableSpec(EVENTS, events_schema(plan)))
    for rollup in plan.rollups:
        tables += rollup_tables(rollup)
    if plan.alerts:
        tables.append(TableSpec(ALERT_CHANGES, ALERT_SCHEMA))
    if any(isinstance(each.target, Webhook) for each in plan.emits):
        tables.append(TableSpec(WEBHOOK_DEAD_LETTERS, WEBHOOK_DEAD_SCHEMA))
    return tables


def rollup_tables(rollup: "RollupPlan") -> list[TableSpec]:
    """A rollup's delta table, then the side tables of its exact distinct counts."""
    keys = (*(key.name for key in rollup.keys), *(column.name for column in WINDOW))
    merges = (*(merge for agg in rollup.aggregates for merge in merges_of(agg.name, agg.kind)), *ROW_COUNTS)
    tables = [TableSpec(rollup.delta_table, delta_schema(rollup), keys, merges, rollup.merges_windows)]
    for agg in rollup.aggregates:
        if agg.keeps_values:
            schema = distinct_schema(rollup, agg)
            tables.append(TableSpec(rollup.distinct_table(agg.name), schema, tuple(schema.names)))
    return tables


def merges_of(name: str, kind: AggregateKind) -> list[Merge]:
    """How the delta columns of an aggregate of `kind`, called `name`, merge."""
    return [Merge(tuple(name + ending for ending in part.columns), part) for part in kind.parts]
