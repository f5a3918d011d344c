"""The SQL of each rollup's view: delta rows merged per (key, window), with lateness and finality."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from dataflow.pipeline.names import ALERTS, LEDGER
from dataflow.rules import Rules
from dataflow.sql import quoted
from sinks.lake.tables.alert_view import alerts_sql
from sinks.lake.tables.finality import frontier_sql, needed_sql

if TYPE_CHECKING:
    from dataflow.aggregates.duckdb import Source, ViewSql
    from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan


class _Side(NamedTuple):
    """An aggregate that needs a table expression of its own, joined by (keys, window)."""

    name: str
    sql: str


def views_of(plan: "Plan", first: Rules | None = None) -> dict[str, str]:
    """View name -> SQL for every rollup of the plan, and of its alerts. Tables are named without a schema.

    `first`: the rules of the ledger's lines that do not tell theirs; those of the plan where left out.
    """
    frontier = frontier_sql((first or plan.rules).out_of_orderness_ms, plan.idle_timeout_ms)
    found = {rollup.name: view_sql(rollup, frontier) for rollup in plan.rollups}
    if plan.alerts:
        found[ALERTS] = alerts_sql({rule.name: rule.cool_down_ms for rule in plan.alerts})
    return found


_KEPT = "\nWHERE merged.window_end > "


def kept_from(sql: str, before_ms: int | None) -> str:
    """A view's SQL that leaves out the windows that ended by `before_ms`, whatever it left out so far; None is none."""
    whole, _, _ = sql.partition(_KEPT)
    return whole if before_ms is None else f"{whole}{_KEPT}epoch_ms({before_ms})"


def shown_after_ms(sql: str) -> int | None:
    """The border of a view's SQL: windows that ended by then have left; None where none has."""
    _, _, border = sql.partition(_KEPT)
    return int(border.removeprefix("epoch_ms(").removesuffix(")")) if border else None


def view_sql(rollup: "RollupPlan", frontier: str) -> str:
    """One SELECT: key columns, window_start, window_end, aggregates, late_count BIGINT, is_final BOOLEAN.

    (key, window) without a counted row are left out. It reads the rollup's delta table, the side tables of exact
    distinct counts and the ledger, by `frontier` as of `frontier_sql`, and nothing else.
    """
    return _session_sql(rollup, frontier) if rollup.merges_windows else _aligned_sql(rollup, frontier)


def with_ledger(sql: str, relation: str) -> str:
    """A view's SQL that reads `relation` wherever it names the ledger.

    `relation` is a table expression with the ledger's columns partition, end_offset, read, max_event_time, watermark,
    out_of_orderness_ms, final and committed_at, and for a view that an earlier version made, finished. A name in a WITH
    around a query hides the table of that name, for all that the query does.
    """
    return f"WITH {LEDGER} AS (SELECT * FROM {relation})\nSELECT * FROM ({sql}) AS answer"


def _aligned_sql(rollup: "RollupPlan", frontier: str) -> str:
    keys = [quoted(key.name) for key in rollup.keys]
    group = [*keys, "window_start", "window_end"]
    delta = quoted(rollup.delta_table)
    merged = _merged_columns(rollup, group)
    sides = [
        _Side(agg.name, sql.side(_source(agg, group, delta, quoted(rollup.distinct_table(agg.name)))))
        for agg, sql in _sql_of(rollup)
        if sql.side is not None
    ]
    main = _list([*group, *merged, "CAST(coalesce(sum(late_count), 0) AS BIGINT) AS late_count"])
    with_parts = [
        f"frontier AS ({frontier})",
        f"merged AS (SELECT {main} FROM {delta} GROUP BY {_list(group)} HAVING sum(row_count) > 0)",
    ]
    return _select(with_parts, sides, rollup, group, "merged.late_count")


def _session_sql(rollup: "RollupPlan", frontier: str) -> str:
    keys = [quoted(key.name) for key in rollup.keys]
    delta = quoted(rollup.delta_table)
    over = f"PARTITION BY {_list(keys)} " if keys else ""
    group = [*keys, "_session"]
    merged = _merged_columns(rollup, group)
    bounds = ["min(window_start) AS window_start", "max(window_end) AS window_end"]
    # rows that only say "late" have row_count 0 and must not join sessions together
    with_parts = [
        f"frontier AS ({frontier})",
        f"ordered AS (SELECT *, row_number() OVER ({over}ORDER BY window_start, window_end) AS _position"
        f" FROM {delta} WHERE row_count > 0)",
        f"reached AS (SELECT *, max(window_end) OVER ({over}ORDER BY _position"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS _reach FROM ordered)",
        "numbered AS (SELECT *, sum(CASE WHEN _reach IS NULL OR window_start > _reach THEN 1 ELSE 0 END)"
        f" OVER ({over}ORDER BY _position ROWS UNBOUNDED PRECEDING) AS _session FROM reached)",
        f"merged AS (SELECT {_list([*group, *bounds, *merged])} FROM numbered GROUP BY {_list(group)})",
    ]
    sides = [
        _Side(
            "late_count",
            f"SELECT {_list([f'merged.{name}' for name in group])}, CAST(sum(late.late_count) AS BIGINT) AS _result"
            f" FROM merged JOIN {delta} AS late ON {_same(keys, 'late')}late.late_count > 0"
            " AND late.window_start >= merged.window_start AND late.window_start < merged.window_end"
            f" GROUP BY {_list([f'merged.{name}' for name in group])}",
        )
    ]
    for agg, sql in _sql_of(rollup):
        if sql.side is not None:
            # a session has the values whose own windows it holds
            values = (
                f"(SELECT {_list([f'merged.{name}' for name in group])}, part.value FROM merged"
                f" JOIN {quoted(rollup.distinct_table(agg.name))} AS part ON {_same(keys, 'part')}"
                "part.window_start >= merged.window_start AND part.window_end <= merged.window_end) AS held"
            )
            sides.append(_Side(agg.name, sql.side(_source(agg, group, "numbered", values))))
    return _select(with_parts, sides, rollup, group, "coalesce(side_0._result, 0)")


def _select(with_parts: list[str], sides: list[_Side], rollup: "RollupPlan", group: list[str], late: str) -> str:
    with_parts += [f"side_{number} AS ({side.sql})" for number, side in enumerate(sides)]
    numbers = {side.name: number for number, side in enumerate(sides)}
    columns = [f"merged.{quoted(key.name)}" for key in rollup.keys]
    columns += ["merged.window_start", "merged.window_end"]
    for agg, sql in _sql_of(rollup):
        if sql.side is None:
            value = sql.shown(f"merged.{quoted(agg.name)}")
        else:
            value = f"side_{numbers[agg.name]}._result"
            value = value if sql.absent is None else f"coalesce({value}, {sql.absent})"
        columns.append(f"{value} AS {quoted(agg.name)}")
    columns.append(f"{late} AS late_count")
    columns.append(
        f"(SELECT frontier FROM frontier) >= {needed_sql('merged.window_end', rollup.allowed_lateness_ms)} AS is_final"
    )
    joins = ""
    for number in range(len(sides)):
        on = " AND ".join(f"merged.{name} IS NOT DISTINCT FROM side_{number}.{name}" for name in group)
        joins += f"\nLEFT JOIN side_{number} ON {on}"
    return f"WITH {_list(with_parts, new_line=True)}\nSELECT {_list(columns)}\nFROM merged{joins}"


def _sql_of(rollup: "RollupPlan") -> "list[tuple[AggregatePlan, ViewSql]]":
    return [(agg, agg.kind.sql["duckdb"]) for agg in rollup.aggregates]


def _merged_columns(rollup: "RollupPlan", group: Sequence[str]) -> list[str]:
    return [
        f"{sql.merged(_source(agg, group, quoted(rollup.delta_table)))} AS {quoted(agg.name)}"
        for agg, sql in _sql_of(rollup)
        if sql.merged is not None
    ]


def _source(agg: "AggregatePlan", group: Sequence[str], delta: str, values: str = "") -> "Source":
    # who reads a lake needs this module, and neither Arrow nor how aggregates are written
    import pyarrow as pa

    from dataflow.aggregates.duckdb import Source

    columns = [quoted(column.name) for column in agg.columns]
    is_double = bool(agg.columns) and pa.types.is_floating(agg.columns[0].type)
    return Source(group, delta, values, columns, is_double, agg.aggregate.q)


def _same(keys: Sequence[str], other: str) -> str:
    return "".join(f"merged.{name} IS NOT DISTINCT FROM {other}.{name} AND " for name in keys)


def _list(parts: Sequence[str], *, new_line: bool = False) -> str:
    return (",\n" if new_line else ", ").join(parts)
