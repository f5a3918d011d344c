"""What alert rules hold in memory: of the lake what they need to hold, and of a run that answers what it holds."""

import http.client
import urllib.request
from collections.abc import Mapping
from typing import NamedTuple

from dataflow.alerts.judge import MOST_ROWS
from dataflow.sql import quoted
from doctor.finding import Finding, ok, warning
from query.moment import from_ms
from query.reader import Bound, LakeSnapshot
from runtime.endpoint import METRICS
from sinks.lake.tables.definition import AlertDefinition, RollupDefinition

PATIENCE_S = 2.0
NEAR = 0.8
"""A rule that needs more than this part of the most that is held is near its bound."""


class Held(NamedTuple):
    """What a run says that a rule holds."""

    rows: int
    size_bytes: int


def held_by_run(address: str | None) -> Mapping[str, Held]:
    """By rule; nothing where no run answers at this address, or another of its processes judges."""
    # libraries that no other check needs
    from prometheus_client.parser import text_string_to_metric_families

    from runtime.metrics import ALERT_BYTES, ALERT_ROWS

    names = {ALERT_ROWS._name: "rows", ALERT_BYTES._name: "size_bytes"}
    if address is None:
        return {}
    try:
        # never by way of a proxy, which would look at an address of its own
        ask = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with ask.open(address + METRICS, timeout=PATIENCE_S) as answer:
            text = answer.read().decode()
        samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    found: dict[str, dict[str, int]] = {}
    for sample in samples:
        if sample.name in names:
            found.setdefault(sample.labels["rule"], {})[names[sample.name]] = int(sample.value)
    return {rule: Held(**values) for rule, values in found.items() if len(values) == len(Held._fields)}


def needed_rows(snapshot: LakeSnapshot, rollup: RollupDefinition, frontier_ms: int) -> int:
    """How many keys and windows, and distinct values of them, can still change while `frontier_ms` is reached."""
    after_ms = frontier_ms - rollup.allowed_lateness_ms
    tables = {f"{rollup.name}_delta": [*rollup.key_names, "window_start", "window_end"]}
    for each in rollup.aggregates:
        if each.known.keeps_values:
            name = f"{rollup.name}_{each.name}_distinct"
            tables[name] = [column.name for column in snapshot.tables[name].columns]
    rows = 0
    for table, columns in tables.items():
        listed = ", ".join(map(quoted, columns))
        found = snapshot.query(
            f"SELECT count(*) AS n FROM (SELECT DISTINCT {listed} FROM {quoted(table)}"
            f" WHERE epoch_ms(window_end) > {after_ms}::HUGEINT)",
            bounds=[Bound(table, "window_end", from_ms(after_ms))],
        )
        rows += found.column("n")[0].as_py()
    return rows


def alert_state_finding(
    snapshot: LakeSnapshot, rule: AlertDefinition, rollup: RollupDefinition, frontier_ms: int, held: Held | None
) -> Finding:
    """What one rule needs in memory, against the most that it holds."""
    check = f"alerts.{rule.name}"
    rows = needed_rows(snapshot, rollup, frontier_ms)
    told = f"{rows:,} of its keys and windows can still change; at most {MOST_ROWS:,} are held in memory"
    details: dict[str, object] = {"rows": rows, "most_rows": MOST_ROWS}
    if held is not None:
        told += f"; the run holds {held.rows:,} rows in {held.size_bytes / 1e6:,.1f} MB"
        details |= {"held_rows": held.rows, "held_bytes": held.size_bytes}
    if rows <= NEAR * MOST_ROWS:
        return ok(check, told, **details)
    fix = (
        "beyond that, windows are read from the lake again when they have a row, and commits take longer: make its "
        "windows or allowed_lateness shorter, or its `where` take less"
    )
    return warning(check, told, fix, **details)
