"""The SQL of each rollup's view: delta rows merged per (key, window), with lateness and finality."""

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from dataflow.aggregates import BUCKET_SHIFT, KMV_K, QUANTILE_GAMMA
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan
from dataflow.pipeline.tables import LEDGER

_EVER = "1000000000000000000000000000000"
"""Further than any time in ms, as HUGEINT."""

OFFSET_STEP = 2**54
"""end_offset * OFFSET_STEP + committed_at in us * 2 + finished: a ledger row's place in its partition as one number.
Taking the largest needs one pass without sorting, and the ledger is the table that only grows."""

_BY_PARTITION = '\n  GROUP BY "partition"'
_FROM_LEDGER = f"FROM {LEDGER}{_BY_PARTITION}"

_GAMMA = repr(QUANTILE_GAMMA)


@dataclass(frozen=True, slots=True)
class _Side:
    """An aggregate that needs a table expression of its own, joined by (keys, window)."""

    name: str
    sql: str


def views_of(plan: Plan) -> dict[str, str]:
    """View name -> SQL for every rollup of the plan. Tables are named without a schema."""
    return {rollup.name: view_sql(plan, rollup) for rollup in plan.rollups}


def view_sql(plan: Plan, rollup: RollupPlan) -> str:
    """One SELECT: key columns, window_start, window_end, aggregates, late_count BIGINT, is_final BOOLEAN.

    (key, window) without a counted row are left out. It reads the rollup's delta table, the side tables of exact
    distinct counts and the ledger, and nothing else.
    """
    return _session_sql(plan, rollup) if rollup.window.kind == "session" else _aligned_sql(plan, rollup)


def frontier_sql(out_of_orderness_ms: int, idle_timeout_ms: int) -> str:
    """One row, one column `frontier` (HUGEINT ms): the watermark that decides which windows are final.

    It is the smallest watermark of the active source partitions. A partition is active while its newest ledger row
    with records (without one: its first row) is younger than `idle_timeout_ms`; one that has finished no longer
    holds anything back. Where no partition is active, the furthest of the unfinished decides; where all have
    finished, everything is final.
    """
    return f"""SELECT CASE WHEN count(*) FILTER (NOT finished) = 0 THEN {_EVER}::HUGEINT
  WHEN count(*) FILTER (active AND NOT finished) > 0 THEN min(watermark) FILTER (active AND NOT finished)
  ELSE max(watermark) FILTER (NOT finished) END AS frontier
FROM (
  SELECT coalesce(max(max_event_time)::HUGEINT - {out_of_orderness_ms}, -{_EVER}::HUGEINT) AS watermark,
    epoch_us(coalesce(max(committed_at) FILTER ("read" > 0), min(committed_at)))
      > epoch_us(now()) - {idle_timeout_ms * 1000} AS active,
    arg_max(finished, end_offset::HUGEINT * {OFFSET_STEP} + epoch_us(committed_at) * 2 + finished::INTEGER) AS finished
  {_FROM_LEDGER}
) AS partitions"""


def with_ledger(sql: str, relation: str) -> str:
    """A view's SQL with its frontier read from `relation` in place of the ledger.

    `relation` is a table expression with the ledger's columns partition, end_offset, read, max_event_time, finished
    and committed_at. SQL without such a frontier comes back as it is.
    """
    return sql.replace(_FROM_LEDGER, f"FROM {relation}{_BY_PARTITION}")


def quote(name: str) -> str:
    """`name` as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def _aligned_sql(plan: Plan, rollup: RollupPlan) -> str:
    keys = [quote(key.name) for key in rollup.keys]
    group = [*keys, "window_start", "window_end"]
    delta = quote(rollup.delta_table)
    merged = [f"{_merged(agg)} AS {quote(agg.name)}" for agg in rollup.aggregates if _is_plain(agg)]
    sides: list[_Side] = []
    for agg in rollup.aggregates:
        if agg.aggregate.kind == "count_distinct":
            table = quote(rollup.distinct_table(agg.name))
            sql = f"SELECT {_list(group)}, count(DISTINCT value) AS _result FROM {table} GROUP BY {_list(group)}"
            sides.append(_Side(agg.name, sql))
        elif agg.aggregate.kind == "approx_quantile":
            sides.append(_Side(agg.name, _quantile_sql(agg, group, delta)))
    main = _list([*group, *merged, "CAST(coalesce(sum(late_count), 0) AS BIGINT) AS late_count"])
    with_parts = [
        f"frontier AS ({_frontier(plan)})",
        f"merged AS (SELECT {main} FROM {delta} GROUP BY {_list(group)} HAVING sum(row_count) > 0)",
    ]
    return _select(with_parts, sides, rollup, group, "merged.late_count")


def _session_sql(plan: Plan, rollup: RollupPlan) -> str:
    keys = [quote(key.name) for key in rollup.keys]
    delta = quote(rollup.delta_table)
    over = f"PARTITION BY {_list(keys)} " if keys else ""
    group = [*keys, "_session"]
    merged = [f"{_merged(agg)} AS {quote(agg.name)}" for agg in rollup.aggregates if _is_plain(agg)]
    bounds = ["min(window_start) AS window_start", "max(window_end) AS window_end"]
    # rows that only say "late" have row_count 0 and must not join sessions together
    with_parts = [
        f"frontier AS ({_frontier(plan)})",
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
    for agg in rollup.aggregates:
        if agg.aggregate.kind == "count_distinct":
            table = quote(rollup.distinct_table(agg.name))
            sql = (
                f"SELECT {_list([f'merged.{name}' for name in group])}, count(DISTINCT part.value) AS _result"
                f" FROM merged JOIN {table} AS part ON {_same(keys, 'part')}"
                "part.window_start >= merged.window_start AND part.window_end <= merged.window_end"
                f" GROUP BY {_list([f'merged.{name}' for name in group])}"
            )
            sides.append(_Side(agg.name, sql))
        elif agg.aggregate.kind == "approx_quantile":
            sides.append(_Side(agg.name, _quantile_sql(agg, group, "numbered")))
    return _select(with_parts, sides, rollup, group, "coalesce(side_0._result, 0)")


def _select(with_parts: list[str], sides: Sequence[_Side], rollup: RollupPlan, group: Sequence[str], late: str) -> str:
    with_parts += [f"side_{number} AS ({side.sql})" for number, side in enumerate(sides)]
    numbers = {side.name: number for number, side in enumerate(sides)}
    columns = [f"merged.{quote(key.name)}" for key in rollup.keys]
    columns += ["merged.window_start", "merged.window_end"]
    for agg in rollup.aggregates:
        if _is_plain(agg):
            columns.append(_shown(agg))
        else:
            result = f"side_{numbers[agg.name]}._result"
            absent = agg.aggregate.kind == "count_distinct"
            columns.append(f"{f'coalesce({result}, 0)' if absent else result} AS {quote(agg.name)}")
    columns.append(f"{late} AS late_count")
    columns.append(
        "(SELECT frontier FROM frontier) >= epoch_ms(merged.window_end)::HUGEINT"
        f" - 1 + {rollup.allowed_lateness_ms} AS is_final"
    )
    joins = ""
    for number in range(len(sides)):
        on = " AND ".join(f"merged.{name} IS NOT DISTINCT FROM side_{number}.{name}" for name in group)
        joins += f"\nLEFT JOIN side_{number} ON {on}"
    return f"WITH {_list(with_parts, new_line=True)}\nSELECT {_list(columns)}\nFROM merged{joins}"


def _is_plain(agg: AggregatePlan) -> bool:
    return agg.aggregate.kind not in ("count_distinct", "approx_quantile")


def _merged(agg: AggregatePlan) -> str:
    kind = agg.aggregate.kind
    name = quote(agg.columns[0].name)
    if kind == "count":
        return f"CAST(coalesce(sum({name}), 0) AS BIGINT)"
    if kind in ("sum", "min", "max"):
        return f"{kind}({name})"
    if kind == "avg":
        total = f"sum({name})"
        if not pa.types.is_floating(agg.columns[0].type):
            # by way of text the double is the nearest one to the exact sum
            total = f"CAST(CAST({total} AS VARCHAR) AS DOUBLE)"
        return f"{total} / nullif(sum({quote(agg.columns[1].name)}), 0)"
    return f"list_sort(list_distinct(flatten(list({name}) FILTER ({name} IS NOT NULL))))"


def _shown(agg: AggregatePlan) -> str:
    """The aggregate's value from its merged columns."""
    name = f"merged.{quote(agg.name)}"
    if agg.aggregate.kind != "approx_count_distinct":
        return name
    size = f"coalesce(len({name}), 0)"
    estimate = f"round_even({KMV_K - 1} / ({name}[{KMV_K}] / 9223372036854775808.0::DOUBLE), 0)"
    return f"CASE WHEN {size} < {KMV_K} THEN {size} ELSE CAST({estimate} AS BIGINT) END AS {quote(agg.name)}"


def _quantile_sql(agg: AggregatePlan, group: Sequence[str], source: str) -> str:
    buckets, counts = (quote(column.name) for column in agg.columns)
    columns = _list(group)
    over = f"PARTITION BY {columns}" if group else ""
    # codes have the order and the sign of the values they stand for (dataflow.aggregates.BUCKET_SHIFT)
    value = f"sign(_code) * 2 * pow({_GAMMA}::DOUBLE, abs(_code) - {BUCKET_SHIFT}) / ({_GAMMA}::DOUBLE + 1)"
    q = repr(agg.aggregate.q)
    return (
        f"SELECT {columns}, {value} AS _result FROM (SELECT {columns}, min(_code) FILTER"
        f" (_upto >= greatest(1, ceil({q}::DOUBLE * _total))) AS _code FROM (SELECT {columns}, _code,"
        f" sum(_n) OVER ({over} ORDER BY _code) AS _upto, sum(_n) OVER ({over}) AS _total FROM"
        f" (SELECT {columns}, _code, sum(_n) AS _n FROM (SELECT {columns}, unnest({buckets}) AS _code,"
        f" unnest({counts}) AS _n FROM {source}) AS pairs"
        f" GROUP BY {columns}, _code) AS buckets) AS ranked GROUP BY {columns}) AS chosen"
    )


def _same(keys: Sequence[str], other: str) -> str:
    return "".join(f"merged.{name} IS NOT DISTINCT FROM {other}.{name} AND " for name in keys)


def _frontier(plan: Plan) -> str:
    return frontier_sql(plan.out_of_orderness_ms, plan.idle_timeout_ms)


def _list(parts: Sequence[str], *, new_line: bool = False) -> str:
    return (",\n" if new_line else ", ").join(parts)
