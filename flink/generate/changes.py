"""A job that fills a lake: of each rollup the changes of its parts, which add up, and what the ledger counts.

A lake's rollup tables hold partial results that are merged when they are asked. What a job counts is one more of them,
so no window is carried over from the lake, and none is lost with what the job forgets.
"""

from collections.abc import Iterator, Sequence

import pyarrow as pa

from dataflow.aggregates.parts import Part
from dataflow.aggregates.rows import OF_VALUES, PARTS, Taken
from dataflow.pipeline.names import EVENTS, LEDGER
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan
from dataflow.pipeline.tables import delta_schema, distinct_schema, events_schema
from dataflow.windows.assigned import Assigned
from flink.generate.final import called, final_view, in_ms, late_in_function
from flink.generate.generated import SinkTable
from flink.generate.options import Options
from flink.generate.rollups import ROWS, Words, assigned, last_end, late_after, taken
from flink.generate.sinks import placed
from flink.generate.source import IS_FIRST, MARKED, READ, counting
from flink.generate.words import named, type_of

CHECKSUM = "row_checksum"
CLASSED, COUNTED = "`_classed`", "`_counted`"
"""All rows with what each rollup makes of them; all records with what became of them."""

ONE, ZERO = "CAST(1 AS BIGINT)", "CAST(0 AS BIGINT)"
VALUE_COUNT = "value_count"
FIRST_OFFSET, NEXT_OFFSET = "first_offset", "next_offset"
CLASSES = ("accepted", "duplicate", "late", "dead")
ROLLUP_CLASSES = ("filtered", "counted", "late")


def change_tables(plan: Plan, given: Options) -> Iterator[SinkTable]:
    """The tables of a lake as topics, but for late events and dead letters; times are int64 ms, partitions numbers."""
    for rollup in plan.rollups:
        yield _placed(rollup.delta_table, _without_sketches(rollup), plan, given)
        for aggregate in sketched(rollup):
            yield _placed(values_table(rollup, aggregate), values_schema(rollup, aggregate), plan, given)
        for aggregate in rollup.aggregates:
            if aggregate.keeps_values:
                yield _placed(rollup.distinct_table(aggregate.name), distinct_schema(rollup, aggregate), plan, given)
    yield _placed(LEDGER, ledger_schema(plan), plan, given)
    assert given.handover is not None, "changes are for a lake"
    if given.handover.events:
        yield placed(SinkTable(EVENTS, _plain(events_schema(plan))), plan, given)


def sketched(rollup: RollupPlan) -> list[AggregatePlan]:
    """The aggregates whose parts Flink has no form of; they are made of their values when these are taken in."""
    return [each for each in rollup.aggregates if any(part.name in OF_VALUES for part in each.kind.parts)]


def values_table(rollup: RollupPlan, aggregate: AggregatePlan) -> str:
    """Name of the table of the values that a sketch is made of; a lake has none of this name."""
    return f"{rollup.name}_{aggregate.name}_values"


def values_schema(rollup: RollupPlan, aggregate: AggregatePlan) -> pa.Schema:
    """Keys, window, value, and how often it stands there where that counts."""
    schema = distinct_schema(rollup, aggregate)
    return schema.append(pa.field(VALUE_COUNT, pa.int64())) if counts_values(aggregate) else schema


def counts_values(aggregate: AggregatePlan) -> bool:
    """Whether it matters how often a value stands in a window."""
    return any(OF_VALUES.get(part.name, False) for part in aggregate.kind.parts)


def _without_sketches(rollup: RollupPlan) -> pa.Schema:
    left_out = {column.name for aggregate in sketched(rollup) for column in aggregate.columns}
    return pa.schema([field for field in delta_schema(rollup) if field.name not in left_out])


def _parts(rollup: RollupPlan) -> Iterator[tuple[AggregatePlan, Part, pa.Field]]:
    """The parts that Flink has a form of."""
    left_out = sketched(rollup)
    for aggregate in rollup.aggregates:
        if aggregate not in left_out:
            for part, column in zip(aggregate.kind.parts, aggregate.columns, strict=True):
                yield aggregate, part, column


def _placed(name: str, schema: pa.Schema, plan: Plan, given: Options) -> SinkTable:
    return placed(SinkTable(name, _plain(schema), changes=True), plan, given)


def _plain(schema: pa.Schema) -> pa.Schema:
    """As Flink has it: times are numbers, and so is the partition of a record."""
    fields = []
    for each in schema:
        type_ = pa.int64() if pa.types.is_timestamp(each.type) else each.type
        fields.append(pa.field(each.name, pa.int32() if each.name == "partition" else type_))
    return pa.schema(fields)


def ledger_schema(plan: Plan) -> pa.Schema:
    """One row per partition of the topic: how far it was read, and what became of its records."""
    names = [FIRST_OFFSET, NEXT_OFFSET, "read", *CLASSES, "checksum", "max_event_time"]
    names += [f"{rollup.name}_{what}" for rollup in plan.rollups for what in ROLLUP_CLASSES]
    place = [pa.field("topic", pa.string()), pa.field("partition", pa.int32())]
    return pa.schema([*place, *(pa.field(name, pa.int64()) for name in names)])


def change_views(plan: Plan, given: Options, words: Words) -> Iterator[str]:
    """The views that the inserts read."""
    for rollup in plan.rollups:
        if given.form == "final":
            yield final_view(plan, rollup, words)
        if given.form == "upsert" or sketched(rollup) or any(each.keeps_values for each in rollup.aggregates):
            yield _windows_view(rollup, words, late=False)
        yield _windows_view(rollup, words, late=True)
    yield _classed_view(plan, words)
    yield _counted_view(plan, given)


def _windows(rollup: RollupPlan, words: Words) -> Assigned:
    """The windows of a row; a session's row has one of its own."""
    found = assigned(rollup, words)
    if found is not None:
        return found
    end = f"{words.time} + {rollup.window.size_ms}"
    return Assigned(words.time, end, end)


def _windows_view(rollup: RollupPlan, words: Words, *, late: bool) -> str:
    """The rows that a rollup takes, one per row and window for which it is late, or is not."""
    windows = _windows(rollup, words)
    read = rollup.reads
    columns = "".join(f",\n  {named(name)}" for name in words.columns if name in read)
    condition = f"{late_after(rollup, windows.end)} {'<=' if late else '>'} `_watermark`"
    more = [condition] if windows.taken is None else [windows.taken, condition]
    return (
        f"CREATE TEMPORARY VIEW {_late(rollup) if late else _in_time(rollup)} AS SELECT\n"
        f"  {windows.start} AS `window_start`,\n  {windows.end} AS `window_end`{columns}\n"
        f"FROM {ROWS}{windows.joined}{taken(rollup, words, more)}"
    )


def _classed_view(plan: Plan, words: Words) -> str:
    """Each row with its class per rollup: 0 is not taken, 1 counted, 2 late for all its windows."""
    cases = []
    for rollup in plan.rollups:
        is_late = f"{late_after(rollup, last_end(rollup, words))} <= `_watermark`"
        case = f"CASE WHEN {is_late} THEN 2 ELSE 1 END"
        if rollup.where is not None:
            case = f"CASE WHEN {words.condition(rollup.where)} THEN {case} ELSE 0 END"
        cases.append(f",\n  {case} AS {_class(rollup)}")
    return f"CREATE TEMPORARY VIEW {CLASSED} AS SELECT *{''.join(cases)}\nFROM {ROWS}"


def _is_late(plan: Plan) -> str:
    """Of a classed row: late for every rollup that takes it, and at least one does (semantics rule 8)."""
    if not plan.rollups:
        return "FALSE"
    some = " OR ".join(f"{_class(rollup)} = 2" for rollup in plan.rollups)
    none = " AND ".join(f"{_class(rollup)} <> 1" for rollup in plan.rollups)
    return f"({some}) AND {none}"


def _counted_view(plan: Plan, given: Options) -> str:
    """One row per record, with 1 in the columns that count it."""
    time = named(plan.event.event_time.name)
    names = [*CLASSES, "checksum", *(f"{rollup.name}_{what}" for rollup in plan.rollups for what in ROLLUP_CLASSES)]
    place = "`topic`, `partition`, `offset`"

    def select(event_time: str, values: dict[str, str], source: str) -> str:
        fields = ",\n  ".join(f"{values.get(name, ZERO)} AS {named(name)}" for name in names)
        return f"SELECT {place}, {event_time} AS `event_time`,\n  {fields}\nFROM {source}"

    late = _is_late(plan)
    of_rows = {
        "accepted": f"CASE WHEN {late} THEN {ZERO} ELSE {ONE} END",
        "late": f"CASE WHEN {late} THEN {ONE} ELSE {ZERO} END",
        "checksum": f"CASE WHEN {late} THEN {ZERO} ELSE {CHECKSUM}({place}, {time}) END",
    }
    for rollup in plan.rollups:
        for number, what in enumerate(ROLLUP_CLASSES):
            of_rows[f"{rollup.name}_{what}"] = f"CASE {_class(rollup)} WHEN {number} THEN {ONE} ELSE {ZERO} END"
    dead = " AND ".join(["`reason` IS NOT NULL", *counting(given)])
    parts = [
        select(time, of_rows, CLASSED),
        select("CAST(NULL AS BIGINT)", {"dead": ONE}, f"{READ} WHERE {dead}"),
    ]
    if plan.dedup_column is not None:
        repeats = " AND ".join([f"NOT {IS_FIRST}", *counting(given)])
        parts.append(select(time, {"duplicate": ONE}, f"{MARKED} WHERE {repeats}"))
    unions = "\nUNION ALL\n".join(parts)
    return f"CREATE TEMPORARY VIEW {COUNTED} AS {unions}"


def change_inserts(plan: Plan, given: Options, words: Words, ttl_ms: Sequence[int | None]) -> Iterator[str]:
    """What fills the tables of `change_tables`. `ttl_ms`: per rollup, for how long its state stays without a row."""
    for rollup, ttl in zip(plan.rollups, ttl_ms, strict=True):
        yield _delta_insert(rollup, given, words, ttl)
        for aggregate in sketched(rollup):
            yield _values_insert(rollup, aggregate, values_table(rollup, aggregate), words, ttl)
        for aggregate in rollup.aggregates:
            if aggregate.keeps_values:
                yield _values_insert(rollup, aggregate, rollup.distinct_table(aggregate.name), words, ttl)
    yield _ledger_insert(plan)
    assert given.handover is not None, "changes are for a lake"
    if given.handover.events:
        columns = ",\n  ".join(map(named, events_schema(plan).names))
        yield f"INSERT INTO {named(EVENTS)} SELECT\n  {columns}\nFROM {CLASSED} WHERE NOT ({_is_late(plan)})"


def _delta_insert(rollup: RollupPlan, given: Options, words: Words, ttl_ms: int | None) -> str:
    keys = [named(key.name) for key in rollup.keys]
    parts = [
        f"{PARTS[part.name](_taken(aggregate, words))} AS {named(column.name)}"
        for aggregate, part, column in _parts(rollup)
    ]
    if given.form == "upsert":
        times, hint = ["`window_start`", "`window_end`"], _hint(rollup.name, ttl_ms)
        source, where = f"{_in_time(rollup)} AS {named(rollup.name)}", ""
    else:
        times, hint = [f"{in_ms(f'`{each}`')} AS `{each}`" for each in ("window_start", "window_end")], ""
        source, where = f"TABLE({called(rollup)})", late_in_function(rollup)
    fields = ",\n  ".join([*keys, *times, *parts, "COUNT(*) AS `row_count`", f"{ZERO} AS `late_count`"])
    by = ", ".join(["`window_start`", "`window_end`", *keys])
    empty = [_of_no_row(part, column.type) for _, part, column in _parts(rollup)]
    late = ",\n  ".join([*keys, "`window_start`", "`window_end`", *empty, ZERO, ONE])
    return (
        f"INSERT INTO {named(rollup.delta_table)}\nSELECT{hint}\n  {fields}\nFROM {source}{where}\nGROUP BY {by}\n"
        f"UNION ALL\nSELECT\n  {late}\nFROM {_late(rollup)}"
    )


def _values_insert(rollup: RollupPlan, aggregate: AggregatePlan, table: str, words: Words, ttl_ms: int | None) -> str:
    keys = [named(key.name) for key in rollup.keys]
    taken_of = _taken(aggregate, words)
    condition = f"{taken_of.column} IS NOT NULL" + ("" if taken_of.where is None else f" AND ({taken_of.where})")
    by = ", ".join([*keys, "`window_start`", "`window_end`", str(taken_of.column)])
    count = ", COUNT(*)" if counts_values(aggregate) else ""
    alias = f"{rollup.name}_{aggregate.name}"
    return (
        f"INSERT INTO {named(table)} SELECT{_hint(alias, ttl_ms)}\n  {by}{count}\n"
        f"FROM {_in_time(rollup)} AS {named(alias)} WHERE {condition}\nGROUP BY {by}"
    )


def _ledger_insert(plan: Plan) -> str:
    sums = [*CLASSES, "checksum"]
    rollups = [f"{rollup.name}_{what}" for rollup in plan.rollups for what in ROLLUP_CLASSES]
    fields = [
        "`topic`",
        "`partition`",
        f"MIN(`offset`) AS `{FIRST_OFFSET}`",
        f"MAX(`offset`) + 1 AS `{NEXT_OFFSET}`",
        "COUNT(*) AS `read`",
        *(f"SUM({named(name)}) AS {named(name)}" for name in sums),
        "MAX(`event_time`) AS `max_event_time`",
        *(f"SUM({named(name)}) AS {named(name)}" for name in rollups),
    ]
    lines = ",\n  ".join(fields)
    return f"INSERT INTO {named(LEDGER)} SELECT\n  {lines}\nFROM {COUNTED} GROUP BY `topic`, `partition`"


def _of_no_row(part: Part, type_: pa.DataType) -> str:
    (value,) = part.empty(type_, 1).to_pylist()
    return f"CAST({'NULL' if value is None else value} AS {type_of(type_)})"


def _taken(aggregate: AggregatePlan, words: Words) -> Taken:
    column = None if aggregate.aggregate.column is None else words.columns[aggregate.aggregate.column]
    where = None if aggregate.where is None else words.condition(aggregate.where)
    return Taken(column, aggregate.column_type, where)


def _hint(alias: str, ttl_ms: int | None) -> str:
    return "" if ttl_ms is None else f" /*+ STATE_TTL('{alias}' = '{ttl_ms} ms') */"


def _class(rollup: RollupPlan) -> str:
    return named(f"_class_{rollup.name}")


def _in_time(rollup: RollupPlan) -> str:
    return named(f"_windows_{rollup.name}")


def _late(rollup: RollupPlan) -> str:
    return named(f"_late_{rollup.name}")
