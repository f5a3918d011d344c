"""What a Flink job has written, read back from its topics as a committed reader sees it."""

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dataflow.alerts.texts import json_text
from dataflow.event.record_part import KEY
from dataflow.pipeline.names import ALERTS, DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.pair_plan import PairPlan
from dataflow.pipeline.plan import Plan
from flink.generate.generated import Generated, SinkTable
from proof.pair_standing import places_of
from proof.parity.layout import ALERTS_LAYOUT, Compared, Layout, Tables, layouts
from proof.parity.records import Kafka, pin, read


def sink_tables(plan: Plan, generated: Generated, kafka: Kafka) -> Tables:
    """Every table that the job writes, in the columns of its layout; alerts of all rules in one."""
    known = layouts(plan)
    found: dict[str, pa.Table] = {}
    alerts: list[pa.Table] = []
    for table in generated.tables:
        assert table.topic is not None, "a parity run's sinks are topics"
        records = read(kafka, pin(kafka, table.topic), (KEY,))
        if table.rule is not None:
            alerts.append(_alerts(plan, table, records))
            continue
        found[table.name] = table_of(table, known[table.name], records)
    return {**found, ALERTS: pa.concat_tables(alerts)} if alerts else found


def _alerts(plan: Plan, table: SinkTable, records: pa.Table) -> pa.Table:
    """The alerts of one rule, in ALERTS_LAYOUT."""
    (rule,) = [each for each in plan.alerts if each.name == table.rule]
    keys = rule.keys if isinstance(rule, PairPlan) else rule.rollup.keys
    window = ("window_start", "window_end")
    layout = Layout(table.name, tuple(Compared(column.name, column.type, "alert") for column in table.columns), ())
    lines = []
    for row in table_of(table, layout, records).to_pylist():
        of = json_text(places_of(rule, row)) if isinstance(rule, PairPlan) else ""
        key = json_text({each.name: row[each.name] for each in keys})
        lines.append({"rule": rule.name, "key": key, "of": of, **{name: row[name] for name in window}})
    return pa.Table.from_pylist(lines, ALERTS_LAYOUT.schema)


def table_of(table: SinkTable, layout: Layout, records: pa.Table) -> pa.Table:
    """The rows of one topic: of an upserted one the last of each key, without those that were taken back."""
    values = records.column("value").to_pylist()
    if table.key:
        places = zip(records.column("partition").to_pylist(), records.column(KEY).to_pylist(), strict=True)
        values = list(dict(zip(places, values, strict=True)).values())
    rows = [_row(layout, json.loads(value, parse_float=Decimal)) for value in values if value is not None]
    return pa.Table.from_pylist(rows, layout.schema)


def _row(layout: Layout, document: Mapping[str, Any]) -> dict[str, Any]:
    if layout.name in (LATE_EVENTS, DEAD_LETTERS):
        # Flink knows a partition by topic and number
        document = {**document, "partition": f"{document['topic']}/{document['partition']}"}
    return dict(_cells(layout, document))


def _cells(layout: Layout, document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for column in layout.columns:
        value = document[column.name]
        if value is not None:
            if pa.types.is_floating(column.type):
                value = float(value)
            elif pa.types.is_decimal(column.type):
                value = Decimal(value)
            elif pa.types.is_date(column.type):
                value = date.fromisoformat(value)
        yield column.name, value
