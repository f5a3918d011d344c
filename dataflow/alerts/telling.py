"""Changes of alerts as table alert_changes has them: made of what a rule found, and read back."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from dataflow.alerts.texts import alert_id, json_text, key_values, said
from dataflow.alerts.windows import END, START, times_ms
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.alert_plan import AlertPlan
from dataflow.pipeline.tables import ALERT_SCHEMA

CHANGE = "_change"
"""Of rows in memory: the number of the newest change of the alert, 0 before the first. Odd numbers are raised."""


class Told(NamedTuple):
    """One change: its number, the window in ms, and all values by name, keys among them."""

    number: int
    start_ms: int
    end_ms: int
    values: Mapping[str, Any]


def told_changes(rule: AlertPlan, lines: Sequence[Told]) -> pa.Table:
    """The changes in words, in ALERT_SCHEMA."""
    keys = [key.name for key in rule.rollup.keys]
    rows = []
    for number, start, end, values in lines:
        key = json_text({name: values[name] for name in keys})
        rows.append(
            {
                "alert_id": alert_id(rule.name, key, start, end),
                "change": number,
                "state": "raised" if number % 2 else "retracted",
                "rule": rule.name,
                "severity": rule.severity,
                "key": key,
                START: start,
                END: end,
                "values": json_text({name: value for name, value in values.items() if name not in keys}),
                "message": said(rule.message, {**values, START: start, END: end}),
            }
        )
    told: pa.Table = pa.Table.from_pylist(rows, schema=ALERT_SCHEMA)
    return told


def newest_changes(rule: AlertPlan, changes: pa.Table) -> pa.Table:
    """One row per alert of these changes: the key's columns, the window, and the number of the newest one."""
    newest: dict[str, tuple[int, str, int, int]] = {}
    told = [changes.column(name).to_pylist() for name in ("alert_id", "change", "key")]
    windows = [times_ms(changes, name).tolist() for name in (START, END)]
    for name, number, key, *window in zip(*told, *windows, strict=True):
        newest[name] = max(newest.get(name, (0, "", 0, 0)), (number, key, *window))
    keys = rule.rollup.keys
    read = [key_values(key, keys) for _, key, _, _ in newest.values()]
    columns = {key.name: pa.array([values[at] for values in read], key.type) for at, key in enumerate(keys)}
    for at, name in ((2, START), (3, END)):
        columns[name] = pa.array([line[at] for line in newest.values()], pa.int64()).cast(TIMESTAMP)
    columns[CHANGE] = pa.array([line[0] for line in newest.values()], pa.int64())
    return pa.table(columns)
