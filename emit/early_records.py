"""Raised alerts as they are written before their commit: as the committed change will be, marked `"early": true`."""

import json
from typing import Any

import pyarrow as pa

from dataflow.alerts.windows import END, START, times_ms
from dataflow.spoken import moment
from emit.record import Record

UNCOMMITTED = -1
"""In place of the snapshot of a record that is in none yet."""


def early_records(changes: pa.Table) -> list[Record]:
    """A record per change, which come in ALERT_SCHEMA.

    Fields stand as in the committed record, but for `quiet`, which only the lake can tell.
    """
    starts, ends = (times_ms(changes, name).tolist() for name in (START, END))
    return [_record(row, start, end) for row, start, end in zip(changes.to_pylist(), starts, ends, strict=True)]


def _record(row: dict[str, Any], start_ms: int, end_ms: int) -> Record:
    alert_id, change = row["alert_id"], row["change"]
    told = {name: row[name] for name in ("alert_id", "change", "state", "rule", "severity", "message")}
    text = json.dumps({**told, START: _time(start_ms), END: _time(end_ms), "early": True}, ensure_ascii=False)
    # key and values are JSON already, digit by digit as the lake will have them
    value = f'{text[:-1]}, "key": {row["key"]}, "values": {row["values"]}}}'
    return Record(
        f'{{"alert_id": "{alert_id}"}}', value, UNCOMMITTED, f"{alert_id}.{change}", row["rule"], alert_id, change
    )


def _time(at_ms: int) -> str:
    text = moment(at_ms).replace(" ", "T")
    return f"{text.rstrip('0') if '.' in text else text}Z"
