"""What a reader sees in one snapshot of the lake: the ledger's sums beside the tables' rows, all from one query."""

from typing import Any

from dataflow.sql import quoted
from query.reader import LakeSnapshot

CLASSES = ("read", "accepted", "duplicate", "late", "dead")

Observation = dict[str, Any]
"""{snapshot, ledger: {partition: {read, .., start, end, lines, checksum}}, rollups: {name: {counted, late}}, rows}."""


def rollups_of(snapshot: LakeSnapshot) -> list[str]:
    """Names of the lake's rollups."""
    return sorted(name.removesuffix("_delta") for name in snapshot.tables if name.endswith("_delta"))


def observe(snapshot: LakeSnapshot) -> Observation:
    """Sums and counts of every table, as JSON values."""
    rollups = rollups_of(snapshot)
    table = snapshot.query(" UNION ALL ".join(statements(rollups, events="events" in snapshot.tables)))
    seen = assemble(snapshot.id, [tuple(row.values()) for row in table.to_pylist()])
    for name, marks in snapshot.backfilled.items():
        # what a rollup was given later is not in the ledger's lines of then
        for mark in marks:
            seen["rollup"][name]["counted"] += mark.counted
            seen["rollup"][name]["late"] += mark.late
    return seen


def statements(rollups: list[str], *, events: bool) -> list[str]:
    """SELECTs of (kind, name, what, number), for any client that has the lake's tables."""
    sums = [(name, f"sum({name})") for name in CLASSES]
    sums += [("start", "min(start_offset)"), ("end", "max(end_offset)"), ("lines", "count(*)")]
    sums += [("checksum", "sum(checksum::HUGEINT)")]
    parts = [
        f"SELECT 'ledger', partition, '{what}', {sql}::VARCHAR FROM ledger GROUP BY partition" for what, sql in sums
    ]
    for name in rollups:
        for what in ("counted", "late"):
            parts.append(f"SELECT 'rollup', '{name}', '{what}', sum({quoted(f'{name}_{what}')})::VARCHAR FROM ledger")
        delta = quoted(f"{name}_delta")
        for what in ("row_count", "late_count"):
            parts.append(f"SELECT 'rows', '{name}', '{what}', sum({what})::VARCHAR FROM {delta}")
        late = f"SELECT 'rows', '{name}', 'late_events', count(*)::VARCHAR FROM late_events WHERE rollup = '{name}'"
        parts.append(late)
    parts.append("SELECT 'table', 'dead_letters', 'rows', count(*)::VARCHAR FROM dead_letters")
    if events:
        parts.append("SELECT 'table', 'events', 'rows', count(*)::VARCHAR FROM events")
    return parts


def assemble(snapshot_id: int, rows: list[tuple[str, str, str, str | None]]) -> Observation:
    """The rows of `statements` as one observation."""
    seen: Observation = {"snapshot": snapshot_id, "ledger": {}, "rollup": {}, "rows": {}, "table": {}}
    for kind, name, what, number in rows:
        seen[kind].setdefault(name, {})[what] = int(number or 0)
    return seen
