"""The tables that a job writes: their columns, and where they go."""

from dataclasses import replace

import pyarrow as pa

from dataflow.own_columns import EVENT_PLACE
from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.windows.kinds import kind_of
from flink.generate.generated import SinkTable
from flink.generate.options import Options
from flink.generate.source import has_header
from flink.generate.words import named, options, type_of

KEY, IS_NULL = "_key_", "_null_"
"""What stands in a record's key for a key column that may be null: its value, or anything; whether it is null."""

LATE = pa.schema(
    [
        pa.field("rollup", pa.string()),
        pa.field("topic", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("event_time", pa.int64()),
        pa.field("watermark", pa.int64()),
        pa.field("late_by_ms", pa.int64()),
    ]
)

DEAD = pa.schema(
    [
        pa.field("topic", pa.string()),
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("record_timestamp", pa.int64()),
        pa.field("value", pa.binary()),
        pa.field("reason", pa.string()),
        pa.field("field", pa.string()),
    ]
)


def nullable_keys(plan: Plan, rollup: RollupPlan) -> list[str]:
    """Keys of a rollup that may be null; every column of a dimension may."""
    sure = {leaf.name for leaf in plan.event.fields if not leaf.nullable}
    if rollup.names_events:
        sure |= {field.name for field in EVENT_PLACE}
    return [key.name for key in rollup.keys if key.name not in sure]


def both_ends(rollup: RollupPlan) -> bool:
    """Whether a window is known by its end as well as by its start."""
    return kind_of(rollup.window).anchored


def rollup_table(plan: Plan, rollup: RollupPlan, given: Options) -> SinkTable:
    """The table of a rollup: window, keys, aggregates."""
    fields = [pa.field("window_start", pa.int64(), False), pa.field("window_end", pa.int64(), False), *rollup.keys]
    key: list[str] = []
    hidden: list[str] = []
    if given.sink_kind == "upsert-kafka":
        nullable = nullable_keys(plan, rollup)
        key = ["window_start", "window_end"] if both_ends(rollup) else ["window_start"]
        for column in rollup.keys:
            if column.name in nullable:
                pair = [KEY + column.name, IS_NULL + column.name]
                fields += [pa.field(pair[0], column.type, False), pa.field(pair[1], pa.bool_(), False)]
                key += pair
                hidden += pair
            else:
                key.append(column.name)
    for aggregate in rollup.aggregates:
        type_ = aggregate.kind.result(aggregate.column_type)
        assert type_ is not None, "a checked aggregate has a result"
        fields.append(pa.field(aggregate.name, type_))
    return placed(SinkTable(rollup.name, pa.schema(fields), tuple(key), hidden=tuple(hidden)), plan, given)


def late_table(plan: Plan, given: Options) -> SinkTable:
    """Rows that are late for all windows of a rollup, one per such rollup."""
    return placed(SinkTable(LATE_EVENTS, LATE), plan, given)


def dead_table(plan: Plan, given: Options) -> SinkTable:
    """Records that are no events, with their headers where one may name the schema."""
    columns = DEAD.append(pa.field("header", pa.binary())) if has_header(plan) else DEAD
    return placed(SinkTable(DEAD_LETTERS, columns), plan, given)


def placed(table: SinkTable, plan: Plan, given: Options) -> SinkTable:
    """The table with its topic or folder."""
    topic = path = None
    if given.sink_kind == "parquet":
        path = f"{str(given.sink_path).rstrip('/')}/{table.name}"
    else:
        topic = f"{given.sink_prefix or plan.name}.{table.name}"
    return replace(table, topic=topic, path=path)


def sink_statement(table: SinkTable, given: Options) -> str:
    """The statement that makes the table known to Flink."""
    columns = [
        f"  {named(column.name)} {type_of(column.type)}{'' if column.nullable else ' NOT NULL'}"
        for column in table.columns
    ]
    if table.key:
        columns.append(f"  PRIMARY KEY ({', '.join(map(named, table.key))}) NOT ENFORCED")
    lines = ",\n".join(columns)
    return f"CREATE TEMPORARY TABLE {named(table.name)} (\n{lines}\n) {options(_connector(table, given))}"


def _connector(table: SinkTable, given: Options) -> dict[str, str]:
    if table.path is not None:
        return {
            "connector": "filesystem",
            "path": table.path,
            "format": "parquet",
            "parquet.compression": "ZSTD",
            # else times are of the zone of the machine
            "parquet.utc-timezone": "true",
        }
    assert table.topic is not None, "a table goes to a topic or to a folder"
    found = {
        "connector": "upsert-kafka" if table.key else "kafka",
        "topic": table.topic,
        "properties.bootstrap.servers": given.brokers,
        # above the broker's transaction.max.timeout.ms no transaction begins; Flink's own default is above it
        "properties.transaction.timeout.ms": str(given.transaction_timeout_ms),
        **{f"properties.{key}": value for key, value in given.kafka.items()},
        "sink.delivery-guarantee": "exactly-once",
        "sink.transactional-id-prefix": table.topic,
    }
    if table.changes:
        # what is taken back and what takes its place stay neighbours in one partition
        how = {"format": "debezium-json", "sink.partitioner": "fixed"}
        return found | how | {"debezium-json.encode.decimal-as-plain-number": "true"}
    if not table.key:
        return found | {"format": "json", "json.encode.decimal-as-plain-number": "true"}
    return found | {
        "key.format": "json",
        "key.json.encode.decimal-as-plain-number": "true",
        "value.format": "json",
        "value.json.encode.decimal-as-plain-number": "true",
        "value.fields-include": "ALL",
    }
