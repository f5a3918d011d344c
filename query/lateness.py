"""How far windows moved after they were first shown as closed: the corrections, from delta rows and their snapshots."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa

from dataflow.errors import QueryError
from dataflow.pipeline.names import LEDGER
from dataflow.sql import quoted
from query.definition import lake_definition
from query.moment import to_ms
from query.reader import Bound, LakeReader, LakeSnapshot
from sinks.lake.tables.definition import Definition, RollupDefinition
from sinks.lake.tables.finality import EVER_MS, FINAL_SQL, Stand, frontier_ms, is_active, needed_sql, watermark_sql
from sinks.lake.tables.views import shown_after_ms

FOREVER_MS = 2**62
"""Stands in SQL for the watermark where all source partitions are final."""


@dataclass(frozen=True, slots=True)
class Movement:
    """One aggregate of one window: its value when first closed, what came later, and that as a share of the first.

    `relative` is None where the first value is 0 or there was none.
    """

    at_close: Decimal | int | float
    change: Decimal | int | float

    @property
    def relative(self) -> float | None:
        """|change| / |value at close|."""
        return abs(float(self.change)) / abs(float(self.at_close)) if self.at_close else None


@dataclass(frozen=True, slots=True)
class WindowMoved:
    """One (key, window) that was corrected after it was closed. For sessions the window is the merged session."""

    key: Mapping[str, Any]
    window_start_ms: int
    window_end_ms: int
    corrections: int
    rows_added: int
    late_rows: int
    first_correction: int
    last_correction: int
    movements: Mapping[str, Movement]


@dataclass(frozen=True, slots=True)
class RollupLateness:
    """One rollup: how many (key, window) are closed, which of them moved (most rows first), and the sum of it all.

    Only history that the lake still has counts: delta rows that compaction has added up beyond the retention
    are taken as having come in time.
    """

    rollup: str
    closed_windows: int
    moved: Sequence[WindowMoved]
    corrections: int
    rows_at_close: int
    rows_added: int
    late_rows: int
    totals: Mapping[str, Movement]


def lateness(
    reader: LakeReader,
    *,
    rollup: str | None = None,
    key: Mapping[str, str] | None = None,
    as_of: str | None = None,
    since: datetime | None = None,
) -> list[RollupLateness]:
    """What changed after closing, for one rollup or all; `key` keeps only windows with these key values (as text).

    `since` keeps only windows that start then or later, and reads little else; sessions that reach into that time may
    be told without what lies before it.

    A window is closed from the first snapshot at which every active source partition's watermark has reached its last
    millisecond; active means, as far as the ledger tells, a commit with records within the idle timeout before it. Both
    go by the rules that held when the snapshot was committed.
    Raises QueryError for an unknown rollup or key column.
    """
    facts = lake_definition(reader)
    snapshot = reader.snapshot(as_of)
    chosen = [name for name in facts.by_name if f"{name}_delta" in snapshot.tables]
    if rollup is not None:
        if rollup not in chosen:
            raise QueryError(f"the lake has no rollup {rollup}; it has {', '.join(chosen) or 'none'}")
        chosen = [rollup]
    for column in key or {}:
        chosen = [name for name in chosen if column in facts.by_name[name].key_names]
        if not chosen:
            raise QueryError(f"no rollup asked for has a key column {column}")
    levels = closing_levels(snapshot, facts)
    return [_of_rollup(snapshot, facts.by_name[name], levels, key or {}, since) for name in chosen]


def closing_levels(snapshot: LakeSnapshot, facts: Definition) -> list[tuple[int, int]]:
    """(watermark ms, snapshot id) at each snapshot where the lake-wide watermark first got that far, both ascending."""
    told = snapshot.tables[LEDGER].column("watermark") is not None
    mark = watermark_sql(facts.first_rules.out_of_orderness_ms, told=told)
    idle = f"coalesce(max(idle_timeout_ms), {facts.first_rules.idle_timeout_ms})" if told else facts.idle_timeout_ms
    table = snapshot.query(
        f"SELECT _snapshot, partition, TRY_CAST({mark} AS BIGINT) AS watermark, sum(read) AS read, {idle} AS idle_ms,"
        f" epoch_us(max(committed_at)) AS at_us, max(end_offset) AS reached, {FINAL_SQL} AS final"
        f" FROM {LEDGER}_history GROUP BY _snapshot, partition ORDER BY _snapshot, partition",
        histories=[LEDGER],
    )
    watermarks: dict[str, int] = {}
    alive_at_us: dict[str, int] = {}
    ends: dict[str, tuple[int, bool]] = {}
    levels: list[tuple[int, int]] = []
    rows = table.to_pylist()
    for at, row in enumerate(rows):
        partition = row["partition"]
        if row["watermark"] is not None:
            watermarks[partition] = max(watermarks.get(partition, row["watermark"]), row["watermark"])
        # ascending: one that reaches further, or as far and says that nothing comes after it
        ends[partition] = max(ends.get(partition, (-1, False)), (row["reached"], row["final"]))
        if row["read"] or partition not in alive_at_us:
            alive_at_us[partition] = row["at_us"]
        if at + 1 < len(rows) and rows[at + 1]["_snapshot"] == row["_snapshot"]:
            continue
        frontier = frontier_ms(
            [
                Stand(
                    watermarks.get(name),
                    is_active(since_us, row["at_us"], row["idle_ms"]),
                    ends[name][1],
                )
                for name, since_us in alive_at_us.items()
            ]
        )
        level = FOREVER_MS if frontier == EVER_MS else frontier
        if level > (levels[-1][0] if levels else -EVER_MS):
            levels.append((level, row["_snapshot"]))
    return levels


def _of_rollup(
    snapshot: LakeSnapshot,
    rollup: RollupDefinition,
    levels: Sequence[tuple[int, int]],
    key: Mapping[str, str],
    since: datetime | None,
) -> RollupLateness:
    table = snapshot.query(
        _moved_sql(
            rollup,
            levels,
            key,
            _shown(snapshot, rollup),
            sorted({mark.snapshot for mark in snapshot.backfilled.get(rollup.name, ())}),
            None if since is None else to_ms(since),
        ),
        parameters={f"key{at}": value for at, value in enumerate(key.values())} or None,
        histories=[f"{rollup.name}_delta"],
        bounds=[] if since is None else [Bound(f"{rollup.name}_delta", "window_start", since)],
    )
    lines = table.to_pylist()
    moved = [_window(rollup, line) for line in lines if line["_closed"] and line["_corrections"]]
    moved.sort(key=lambda window: (-window.rows_added, -window.corrections, window.window_start_ms, str(window.key)))
    closed = [line for line in lines if line["_closed"] and (line["_rows_before"] or line["_rows_after"])]
    return RollupLateness(
        rollup.name,
        len(closed),
        moved,
        sum(window.corrections for window in moved),
        sum(line["_rows_before"] for line in closed),
        sum(window.rows_added for window in moved),
        sum(line["_late"] for line in lines),
        {
            name: Movement(_total(closed, f"_before_{name}"), _total(closed, f"_after_{name}"))
            for name in rollup.additive
        },
    )


def _shown(snapshot: LakeSnapshot, rollup: RollupDefinition) -> str:
    """Which windows are there: of some that have left, rows may still lie in files that stay."""
    view = snapshot.resolved.views.get(rollup.name)
    border = None if view is None else shown_after_ms(view.sql)
    return "true" if border is None else f"_end > epoch_ms({border})"


def _history(rollup: RollupDefinition, filled: Sequence[int]) -> str:
    """The delta rows with the snapshot of each; those that a backfill brought correct nothing, they were always due."""
    history = quoted(f"{rollup.name}_delta_history")
    if not filled:
        return history
    commits = ", ".join(map(str, filled))
    return (
        f"(SELECT * REPLACE (CASE WHEN _snapshot IN ({commits}) THEN 0 ELSE _snapshot END AS _snapshot) FROM {history})"
        " AS _told"
    )


def _moved_sql(
    rollup: RollupDefinition,
    levels: Sequence[tuple[int, int]],
    key: Mapping[str, str],
    shown_if: str,
    filled: Sequence[int],
    since_ms: int | None,
) -> str:
    """One row per (key, window): is it closed, and its sums of the rows before and after it closed."""
    keys = [quoted(name) for name in rollup.key_names]
    wanted = [f"{quoted(name)}::VARCHAR = $key{at}" for at, name in enumerate(key)]
    wanted += [] if since_ms is None else [f"window_start >= make_timestamp({since_ms * 1000})"]
    where = " AND ".join(wanted) or "true"
    history = _history(rollup, filled)
    values = ", ".join(f"({level}::BIGINT, {number}::BIGINT)" for level, number in levels)
    reached = (
        f"(VALUES {values}) AS _levels(_level, _snapshot_id)"
        if levels
        else ("(SELECT NULL::BIGINT AS _level, NULL::BIGINT AS _snapshot_id WHERE false) AS _levels")
    )
    source = (
        _session_windows(rollup, history, keys, where)
        if rollup.merges_windows
        else (f"SELECT *, window_start AS _start, window_end AS _end FROM {history} WHERE {where}")
    )
    group = ", ".join([*keys, "_start", "_end"])
    shown = ", ".join([*keys, "epoch_ms(_start) AS _start_ms", "epoch_ms(_end) AS _end_ms"])
    after = "FILTER (_snapshot > _closed_at)"
    before = "FILTER (_closed_at IS NULL OR _snapshot <= _closed_at)"
    sums = "".join(
        f", coalesce(sum({quoted(name)}) {when}, 0) AS {quoted(f'_{suffix}_{name}')}"
        for name in rollup.additive
        for suffix, when in (("before", before), ("after", after))
    )
    return (
        f"WITH placed AS ({source}), _reached AS (SELECT * FROM {reached}),"
        " judged AS (SELECT p.*, _reached._snapshot_id AS _closed_at FROM placed p"
        f" ASOF LEFT JOIN _reached ON {needed_sql('p.window_end')} <= _reached._level)"
        f" SELECT {shown}, bool_or(_closed_at IS NOT NULL) AS _closed,"
        f" coalesce(sum(row_count) {before}, 0)::BIGINT AS _rows_before,"
        f" coalesce(sum(row_count) {after}, 0)::BIGINT AS _rows_after,"
        " coalesce(sum(late_count), 0)::BIGINT AS _late,"
        f" count(DISTINCT _snapshot) FILTER (_snapshot > _closed_at AND row_count > 0) AS _corrections,"
        f" min(_snapshot) FILTER (_snapshot > _closed_at AND row_count > 0) AS _first,"
        f" max(_snapshot) FILTER (_snapshot > _closed_at AND row_count > 0) AS _last{sums}"
        f" FROM judged WHERE {shown_if} GROUP BY {group}"
    )


def _session_windows(rollup: RollupDefinition, history: str, keys: Sequence[str], where: str) -> str:
    """Each partial session with the merged session that holds it; a late row goes with the one it falls in."""
    over = f"PARTITION BY {', '.join(keys)} " if keys else ""
    same = "".join(f"r.{name} IS NOT DISTINCT FROM s.{name} AND " for name in keys)
    group = ", ".join([*keys, "_number"])
    return (
        f"WITH partials AS (SELECT * FROM {history} WHERE {where}),"
        f" ordered AS (SELECT *, max(window_end) OVER ({over}ORDER BY window_start, window_end"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS _reach FROM partials WHERE row_count > 0),"
        " numbered AS (SELECT *, sum(CASE WHEN _reach IS NULL OR window_start > _reach THEN 1 ELSE 0 END)"
        f" OVER ({over}ORDER BY window_start, window_end ROWS UNBOUNDED PRECEDING) AS _number FROM ordered),"
        f" sessions AS (SELECT {group}, min(window_start) AS _start, max(window_end) AS _end"
        f" FROM numbered GROUP BY {group})"
        f" SELECT r.*, s._start, s._end FROM partials r JOIN sessions s ON {same}"
        "r.window_start >= s._start AND r.window_start < s._end"
    )


def _window(rollup: RollupDefinition, line: Mapping[str, Any]) -> WindowMoved:
    return WindowMoved(
        {name: line[name] for name in rollup.key_names},
        line["_start_ms"],
        line["_end_ms"],
        line["_corrections"],
        line["_rows_after"],
        line["_late"],
        line["_first"],
        line["_last"],
        {name: Movement(line[f"_before_{name}"], line[f"_after_{name}"]) for name in rollup.additive},
    )


def _total(lines: Sequence[Mapping[str, Any]], column: str) -> Any:
    return sum((line[column] for line in lines), 0)


def as_table(found: Sequence[RollupLateness]) -> pa.Table:
    """One line per rollup and additive aggregate, for people; `change_percent` is of the value at closing."""
    rows = []
    for each in found:
        totals = each.totals or {"(rows)": Movement(each.rows_at_close, each.rows_added)}
        for name, movement in totals.items():
            relative = movement.relative
            rows.append(
                {
                    "rollup": each.rollup,
                    "closed": each.closed_windows,
                    "moved": len(each.moved),
                    "corrections": each.corrections,
                    "rows_added": each.rows_added,
                    "late_rows": each.late_rows,
                    "aggregate": name,
                    "at_close": str(movement.at_close),
                    "change": str(movement.change),
                    "change_percent": None if relative is None else round(100 * relative, 3),
                }
            )
    names = ("rollup", "closed", "moved", "corrections", "rows_added", "late_rows")
    kinds = (pa.string(), *[pa.int64()] * 5)
    tail = [("aggregate", pa.string()), ("at_close", pa.string()), ("change", pa.string())]
    return pa.Table.from_pylist(
        rows, pa.schema([*zip(names, kinds, strict=True), *tail, ("change_percent", pa.float64())])
    )


def as_json(found: Sequence[RollupLateness]) -> list[dict[str, Any]]:
    """The whole result as JSON values: times as epoch ms, exact numbers as text."""
    return [
        {
            "rollup": each.rollup,
            "closed_windows": each.closed_windows,
            "moved_windows": len(each.moved),
            "corrections": each.corrections,
            "rows_at_close": each.rows_at_close,
            "rows_added": each.rows_added,
            "late_rows": each.late_rows,
            "totals": {name: _movement_json(movement) for name, movement in each.totals.items()},
            "windows": [
                {
                    "key": {name: value if value is None else str(value) for name, value in window.key.items()},
                    "window_start": window.window_start_ms,
                    "window_end": window.window_end_ms,
                    "corrections": window.corrections,
                    "rows_added": window.rows_added,
                    "late_rows": window.late_rows,
                    "first_correction_snapshot": window.first_correction,
                    "last_correction_snapshot": window.last_correction,
                    "aggregates": {name: _movement_json(movement) for name, movement in window.movements.items()},
                }
                for window in each.moved
            ],
        }
        for each in found
    ]


def _movement_json(movement: Movement) -> dict[str, object]:
    return {"at_close": str(movement.at_close), "change": str(movement.change), "relative": movement.relative}


def windows_table(found: Sequence[RollupLateness], limit: int) -> pa.Table:
    """The windows that moved most, `limit` per rollup, one line each, for people."""
    rows = [
        {
            "rollup": each.rollup,
            "key": ", ".join(f"{name}={value}" for name, value in window.key.items()),
            "window_start": window.window_start_ms,
            "window_end": window.window_end_ms,
            "corrections": window.corrections,
            "rows_added": window.rows_added,
            "moved": ", ".join(
                f"{name} {item.at_close} {_signed(item.change)}" for name, item in window.movements.items()
            ),
        }
        for each in found
        for window in each.moved[:limit]
    ]
    text, moment, number = pa.string(), pa.timestamp("ms"), pa.int64()
    return pa.Table.from_pylist(
        rows,
        pa.schema(
            [
                ("rollup", text),
                ("key", text),
                ("window_start", moment),
                ("window_end", moment),
                ("corrections", number),
                ("rows_added", number),
                ("moved", text),
            ]
        ),
    )


def _signed(change: Decimal | int | float) -> str:
    return f"+{change}" if change >= 0 else str(change)
