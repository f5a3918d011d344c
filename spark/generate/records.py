"""The records of the topics, judged one by one: statements up to the view of valid events that are no duplicates."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import pyarrow as pa

from dataflow.event.fields import FieldKind
from dataflow.pipeline.plan import DimensionPlan, Plan
from flink.contract.table import field_table
from spark.generate.words import literal, named, text, type_of

KAFKA = "`_kafka`"
"""The view of records as Spark's source gives them; whoever runs the statements makes it first."""

NEWEST, REMEMBERED = "_newest", "_remembered"
"""In a stream, the views of what the batches before have left behind: per source partition the newest event time, and
the ids that are remembered."""

NEXT = "_next"
"""How the views begin that say what a batch leaves behind."""

RECORDS, JUDGED, READ, MARKED, ROWS = "`_records`", "`_judged`", "`_read`", "`_marked`", "`_rows`"
FOLDED, FIRSTS = "`_folded`", "`_firsts`"
PLACE = ("`_topic`", "`_partition`", "`_offset`")
"""Where a record stood."""

JUDGE = "strict_event"
UNKEPT = (FieldKind.JSON, FieldKind.LIST)
"""Fields that no rollup can read in Spark."""


def records_view(end: Mapping[int, int] | None) -> str:
    """The records under names of our own, which no column of an event has. `end`: where partitions end, if here."""
    before = ""
    if end is not None:
        ends = " OR ".join(f"(partition = {number} AND offset < {offset})" for number, offset in sorted(end.items()))
        before = f" WHERE {ends}"
    stamp = "CASE WHEN timestampType = -1 THEN CAST(NULL AS BIGINT) ELSE UNIX_MILLIS(timestamp) END"
    return (
        f"CREATE OR REPLACE TEMPORARY VIEW {RECORDS} AS SELECT\n  topic AS `_topic`, partition AS `_partition`,"
        f" offset AS `_offset`,\n  {stamp} AS `_timestamp`,\n  value AS `_value`\nFROM {KAFKA}{before}"
    )


def event_columns(plan: Plan, read: set[str]) -> list[str]:
    """The event's columns that anything reads, in its order."""
    wanted = read | {plan.event.event_time.name}
    wanted |= {each.dimension.key for each in joined(plan, read)}
    if plan.dedup_column is not None:
        wanted.add(plan.dedup_column)
    return [name for name in plan.event.arrow.names if name in wanted]


def judged_type(plan: Plan, columns: Iterable[str]) -> str:
    """The type of what the function gives, for these columns."""
    fields = [f"{named(name)}: {type_of(plan.event.arrow.field(name).type)}" for name in columns]
    return f"STRUCT<{', '.join(['`reason`: STRING', '`field`: STRING', *fields])}>"


def judged_view(plan: Plan, columns: Sequence[str]) -> str:
    """Each record with what the event model says of it."""
    table = text(field_table(plan.event, max_bytes=plan.max_record_bytes))
    numbers = ",".join(str(plan.event.arrow.names.index(name)) for name in columns)
    return (
        f"CREATE OR REPLACE TEMPORARY VIEW {JUDGED} AS SELECT *,\n"
        f"  {JUDGE}({table}, `_value`, {text(numbers)}) AS `_event`\nFROM {RECORDS}"
    )


def joined(plan: Plan, read: set[str]) -> list[DimensionPlan]:
    """The dimensions that the job needs: they make dead letters, or a rollup reads a column of theirs."""
    return [
        each
        for each in plan.dimensions
        if each.dimension.unknown == "dead_letter" or read & set(each.columns.schema.names)
    ]


def dimension_view(plan: Plan, each: DimensionPlan) -> str:
    """The rows of a dimension, as they are when the job is written."""
    key = plan.row_schema.field(each.dimension.key).type
    columns = {"_key": key, **{name: each.columns.schema.field(name).type for name in each.columns.schema.names}}
    values = zip(each.keys.to_pylist(), *(column.to_pylist() for column in each.columns.columns), strict=True)
    rows = [_row(row, list(columns.values())) for row in values]
    head = f"CREATE OR REPLACE TEMPORARY VIEW {_of(each)} AS SELECT "
    if not rows:
        empty = ", ".join(f"CAST(NULL AS {type_of(type_)}) AS {named(name)}" for name, type_ in columns.items())
        return f"{head}{empty} WHERE FALSE"
    fields = ", ".join(
        f"CAST(c{at} AS {type_of(type_)}) AS {named(name)}" for at, (name, type_) in enumerate(columns.items())
    )
    names = ", ".join(f"c{at}" for at in range(len(columns)))
    return f"{head}{fields} FROM VALUES\n  " + ",\n  ".join(rows) + f"\nAS t ({names})"


def _row(values: Sequence[object], types: Sequence[pa.DataType]) -> str:
    return f"({', '.join(literal(value, type_) for value, type_ in zip(values, types, strict=True))})"


def _of(each: DimensionPlan) -> str:
    return named(f"_of_{each.dimension.name}")


def read_view(plan: Plan, columns: Iterable[str], dimensions: Sequence[DimensionPlan]) -> str:
    """Each record with its columns, or with the first reason why it is no event (semantics rules 2, 3 and 9)."""
    reasons = list(_reasons(plan, dimensions))
    reason, field = (_first([(each[0], each[at]) for each in reasons]) for at in (1, 2))
    refused = " OR ".join(f"({each[0]})" for each in reasons)
    fields = [f"`_event`.{named(name)} AS {named(name)}" for name in columns]
    fields += [f"{_of(each)}.{named(name)}" for each in dimensions for name in each.columns.schema.names]
    joins = "".join(
        f"\nLEFT JOIN {_of(each)} ON {JUDGED}.`_event`.{named(each.dimension.key)} = {_of(each)}.`_key`"
        for each in dimensions
    )
    own = ", ".join([*PLACE, "`_timestamp`"])
    value = f"CASE WHEN {refused} THEN `_value` END AS `_value`"
    lines = ",\n  ".join([own, value, f"{reason} AS `_reason`", f"{field} AS `_field`", *fields])
    return f"CREATE OR REPLACE TEMPORARY VIEW {READ} AS SELECT\n  {lines}\nFROM {JUDGED}{joins}"


def _reasons(plan: Plan, dimensions: Sequence[DimensionPlan]) -> Iterator[tuple[str, str, str]]:
    """Per reason in its order: its condition, its name, its field."""
    time = plan.event.event_time.name
    yield "`_event`.`reason` IS NOT NULL", "`_event`.`reason`", "`_event`.`field`"
    for each in dimensions:
        if each.dimension.unknown == "dead_letter":
            yield f"{_of(each)}.`_key` IS NULL", "'unknown_dimension'", text(each.dimension.key)
    if plan.max_future_ms is not None:
        clock = plan.max_future_clock_ms
        stamp = "`_timestamp`" if clock is None else f"COALESCE(`_timestamp`, {clock})"
        yield f"`_event`.{named(time)} - {plan.max_future_ms} > {stamp}", "'future_event'", text(time)


def _first(cases: Iterable[tuple[str, str]]) -> str:
    whens = "".join(f" WHEN {condition} THEN {value}" for condition, value in cases)
    return f"CASE{whens} END"


def marked_view(plan: Plan, *, carried: bool) -> str:
    """Each event with its partition's watermark before it (semantics rule 4).

    Where batches follow each other, the newest time of those before counts, too.
    """
    time, bound_ms = named(plan.event.event_time.name), plan.out_of_orderness_ms
    before = (
        f"MAX({time}) OVER (PARTITION BY `_topic`, `_partition` ORDER BY `_offset`"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
    )
    source = READ
    if carried:
        before = f"GREATEST({named(NEWEST)}, {before})"
        source = f"{READ} LEFT JOIN {named(NEWEST)} USING (`_topic`, `_partition`)"
    return (
        f"CREATE OR REPLACE TEMPORARY VIEW {MARKED} AS SELECT *,\n  {before} - {bound_ms} AS `_watermark`\n"
        f"FROM {source} WHERE `_reason` IS NULL"
    )


def rows_views(plan: Plan, *, carried: bool) -> Iterator[str]:
    """The events that are no duplicates (semantics rule 5).

    Of each id and partition the rows are folded in offset order: the first is remembered until the watermark has passed
    it by the horizon, and so is the one after that. Where batches follow each other, it may be one of those before.
    """
    head = f"CREATE OR REPLACE TEMPORARY VIEW {ROWS} AS"
    if plan.dedup_column is None:
        yield f"{head} SELECT * FROM {MARKED}"
        return
    id_, time = named(plan.dedup_column), named(plan.event.event_time.name)
    source, since = f"SELECT *, {id_} AS `_id` FROM {MARKED} WHERE {id_} IS NOT NULL", "CAST(NULL AS BIGINT)"
    if carried:
        since = "MAX(`_since`)"
        source = f"({source}) LEFT JOIN {named(REMEMBERED)} USING (`_topic`, `_partition`, `_id`)"
    else:
        source = f"({source})"
    rows = f"ARRAY_SORT(COLLECT_LIST(NAMED_STRUCT('at', `_offset`, 'time', {time}, 'watermark', `_watermark`)))"
    nothing = f"NAMED_STRUCT('since', {since}, 'firsts', CAST(ARRAY() AS ARRAY<BIGINT>))"
    forgotten = f"found.since IS NULL OR each.watermark >= found.since + {plan.dedup_within_ms}"
    more = "NAMED_STRUCT('since', each.time, 'firsts', CONCAT(found.firsts, ARRAY(each.at)))"
    step = f"(found, each) -> CASE WHEN {forgotten} THEN {more} ELSE found END"
    yield (
        f"CREATE OR REPLACE TEMPORARY VIEW {FOLDED} AS SELECT `_topic`, `_partition`, `_id`,\n"
        f"  AGGREGATE(\n    {rows},\n    {nothing},\n    {step}) AS `_found`\n"
        f"FROM {source} GROUP BY `_topic`, `_partition`, `_id`"
    )
    yield (
        f"CREATE OR REPLACE TEMPORARY VIEW {FIRSTS} AS SELECT `_topic`, `_partition`,"
        f" EXPLODE(`_found`.firsts) AS `_offset`\nFROM {FOLDED}"
    )
    yield (
        f"{head}\nSELECT * FROM {MARKED} WHERE {id_} IS NULL\nUNION ALL\n"
        f"SELECT {MARKED}.* FROM {MARKED} LEFT SEMI JOIN {FIRSTS} USING (`_topic`, `_partition`, `_offset`)"
    )


def carried_types(plan: Plan) -> dict[str, str]:
    """What a batch leaves to those after it: by view, the columns with their types. The newest times come last."""
    found = {}
    if plan.dedup_column is not None:
        id_ = type_of(plan.event.arrow.field(plan.dedup_column).type)
        found[REMEMBERED] = f"`_topic` STRING, `_partition` INT, `_id` {id_}, `_since` BIGINT"
    return {**found, NEWEST: f"`_topic` STRING, `_partition` INT, {named(NEWEST)} BIGINT"}


def next_views(plan: Plan) -> Iterator[str]:
    """What this batch leaves to those after it: ids that the watermark has passed by the horizon are forgotten."""
    time = named(plan.event.event_time.name)
    place = "`_topic`, `_partition`"
    newest = named(NEXT + NEWEST)
    yield (
        f"CREATE OR REPLACE TEMPORARY VIEW {newest} AS\nSELECT {place}, MAX(`_time`) AS {named(NEWEST)} FROM (\n"
        f"  SELECT {place}, {named(NEWEST)} AS `_time` FROM {named(NEWEST)}\n  UNION ALL\n"
        f"  SELECT {place}, {time} FROM {READ} WHERE `_reason` IS NULL\n) GROUP BY {place}"
    )
    if plan.dedup_column is not None:
        span = plan.out_of_orderness_ms + plan.dedup_within_ms
        yield (
            f"CREATE OR REPLACE TEMPORARY VIEW {named(NEXT + REMEMBERED)} AS\nSELECT {place}, `_id`, `_since` FROM (\n"
            f"  SELECT {place}, `_id`, `_found`.since AS `_since` FROM {FOLDED}\n  UNION ALL\n"
            f"  SELECT {place}, `_id`, `_since` FROM {named(REMEMBERED)}"
            f" LEFT ANTI JOIN {FOLDED} USING ({place}, `_id`)\n"
            f") JOIN {newest} USING ({place}) WHERE `_since` + {span} > {named(NEWEST)}"
        )
