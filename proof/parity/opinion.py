"""The third opinion: what every table must hold, said by one DuckDB query per table over records judged one by one.

Shares the declaration with the engine and nothing else: neither its windows nor its fold nor its dedup.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import pyarrow as pa

from dataflow.aggregates.accuracy import MAX_BUCKET, QUANTILE_GAMMA
from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import AggregatePlan, Plan, RollupPlan
from dataflow.sql import quoted, text
from proof.parity.conditions import condition
from proof.parity.judged import OFFSET, PARTITION, STAMP, judged
from proof.parity.layout import COUNTS, COUNTS_ROLLUP, Layout, Tables, layouts
from proof.parity.spans import spans

_EVENTS, _JOINED, _MARKED, _ROWS, _WINDOWS = "_events", "_joined", "_marked", "_rows", "_windows"
_WM, _START, _END, _LATE = "_wm", "_start", "_end", "_late"
_PLACE = f"{PARTITION}, {OFFSET}"


@dataclass(frozen=True, slots=True)
class Opinion:
    """Every table of `layouts`, and the rows that are duplicates: partition, offset, event time.

    `newest_ms`: the largest event time of each source partition. `counted`: by rollup, of each key and window how many
    rows it has (`row_count`).
    """

    tables: Tables
    duplicates: pa.Table
    newest_ms: Mapping[str, int]
    counted: Tables


def opinion(plan: Plan, records: pa.Table) -> Opinion:
    """What the pipeline's tables hold after exactly these records (`proof.parity.judged.RECORDS`)."""
    with duckdb.connect() as con:
        con.execute("SET TimeZone = 'UTC'")
        return _Opinion(con, plan, records).all()


class _Opinion:
    """One reading; its steps leave tables behind in one connection."""

    def __init__(self, con: duckdb.DuckDBPyConnection, plan: Plan, records: pa.Table) -> None:
        self.con = con
        self.plan = plan
        self.layouts = layouts(plan)
        self.time = quoted(plan.event.event_time.name)
        events, refused = judged(plan, records)
        self.keep("_records", records.select(["partition", "offset"]))
        self.keep(_EVENTS, events)
        self.keep("_refused", refused)

    def keep(self, name: str, table: pa.Table) -> None:
        """An Arrow table as one of DuckDB's own."""
        self.con.register("_given", table)
        self.con.execute(f"CREATE TABLE {name} AS SELECT * FROM _given")
        self.con.unregister("_given")

    def make(self, name: str, sql: str) -> None:
        self.con.execute(f"CREATE OR REPLACE TABLE {name} AS {sql}")

    def all(self) -> Opinion:
        self.join()
        self.mark()
        self.deduplicate()
        found: dict[str, pa.Table] = {}
        counted: dict[str, pa.Table] = {}
        self.con.execute(f"CREATE TABLE _taken (rollup VARCHAR, {PARTITION} VARCHAR, {OFFSET} BIGINT, {_LATE} BOOLEAN)")
        late = ["SELECT '' AS rollup, NULL AS _p, NULL AS _o, NULL AS _t, NULL AS _w WHERE FALSE"]
        for at, rollup in enumerate(self.plan.rollups):
            self.windows(rollup)
            found[rollup.name] = self.told(self.layouts[rollup.name], self.rollup_sql(rollup))
            counted[rollup.name] = self.con.sql(self.grouped_sql(rollup, ["count(*) AS row_count"])).to_arrow_table()
            self.make(f"_late_{at}", self.late_sql(rollup))
            late.append(f"SELECT * FROM _late_{at}")
        columns = 'rollup, _p AS "partition", _o AS "offset", _t AS event_time, _w AS watermark'
        found[LATE_EVENTS] = self.told(self.layouts[LATE_EVENTS], f"SELECT {columns} FROM ({' UNION ALL '.join(late)})")
        found[DEAD_LETTERS] = self.told(
            self.layouts[DEAD_LETTERS],
            f'SELECT {PARTITION} AS "partition", {OFFSET} AS "offset", reason, field FROM _refused',
        )
        found[COUNTS] = self.told(self.layouts[COUNTS], self.counts_sql())
        found[COUNTS_ROLLUP] = self.told(self.layouts[COUNTS_ROLLUP], self.counts_rollup_sql())
        duplicates = self.con.sql(f"SELECT {_PLACE}, {self.time} AS event_time FROM _duplicates").to_arrow_table()
        newest = self.con.sql(f"SELECT {PARTITION}, max({self.time}) FROM {_MARKED} GROUP BY {PARTITION}").fetchall()
        return Opinion(found, duplicates, dict(newest), counted)

    def told(self, layout: Layout, sql: str) -> pa.Table:
        """The rows of a query in the columns and types of `layout`."""
        columns = ", ".join(quoted(column.name) for column in layout.columns)
        found: pa.Table = self.con.sql(f"SELECT {columns} FROM ({sql})").to_arrow_table()
        return found.cast(layout.schema)

    def join(self) -> None:
        """Dimensions, then what they and the future guard refuse (semantics rules 2, 3 and 9)."""
        columns, joins, cases = [f"{_EVENTS}.*"], "", list[tuple[str, str, str]]()
        for at, each in enumerate(self.plan.dimensions):
            name, key = f"_dimension_{at}", quoted(each.dimension.key)
            keys = pa.Table.from_arrays([each.keys, *each.columns.columns], ["_k", *each.columns.schema.names])
            self.keep(name, keys)
            columns += [f"{name}.{quoted(column)}" for column in each.columns.schema.names]
            joins += f" LEFT JOIN {name} ON {_EVENTS}.{key} = {name}._k"
            if each.dimension.unknown == "dead_letter":
                cases.append((f"{name}._k IS NULL", "unknown_dimension", each.dimension.key))
        if self.plan.max_future_ms is not None:
            clock = self.plan.max_future_clock_ms
            stamp = STAMP if clock is None else f"coalesce({STAMP}, {clock})"
            future = f"{self.time} > CAST({stamp} AS HUGEINT) + {self.plan.max_future_ms}"
            cases.append((f"coalesce({future}, FALSE)", "future_event", self.plan.event.event_time.name))
        reason, field = (
            "CASE" + "".join(f" WHEN {case[0]} THEN {text(case[at])}" for case in cases) + " END" if cases else "NULL"
            for at in (1, 2)
        )
        self.make(_JOINED, f"SELECT {', '.join(columns)}, {reason} AS _reason, {field} AS _field FROM {_EVENTS}{joins}")
        self.con.execute(
            f"INSERT INTO _refused SELECT {_PLACE}, _reason, _field FROM {_JOINED} WHERE _reason IS NOT NULL"
        )

    def mark(self) -> None:
        """The watermark before each valid row (semantics rule 4)."""
        before = f"OVER (PARTITION BY {PARTITION} ORDER BY {OFFSET} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        highest = f"max({self.time}) {before} - {self.plan.out_of_orderness_ms}"
        self.make(_MARKED, f"SELECT *, {highest} AS {_WM} FROM {_JOINED} WHERE _reason IS NULL")

    def deduplicate(self) -> None:
        """Of each id the rows that it is remembered from; a repeat meanwhile is a duplicate (semantics rule 5)."""
        if self.plan.dedup_column is None:
            self.make("_duplicates", f"SELECT * FROM {_MARKED} WHERE FALSE")
            self.make(_ROWS, f"SELECT * FROM {_MARKED}")
            return
        ids = f"SELECT {_PLACE}, {quoted(self.plan.dedup_column)} AS _id, {self.time} AS _t, {_WM} FROM {_MARKED}"
        self.make("_ids", f"{ids} WHERE _id IS NOT NULL")
        forgotten = f"next.{_WM} >= first._t + {self.plan.dedup_within_ms}"
        self.make(
            "_firsts",
            f"WITH RECURSIVE firsts AS (SELECT {PARTITION}, _id, min({OFFSET}) AS {OFFSET}, arg_min(_t, {OFFSET}) AS _t"
            f" FROM _ids GROUP BY {PARTITION}, _id UNION ALL SELECT first.{PARTITION}, first._id, min(next.{OFFSET}),"
            f" arg_min(next._t, next.{OFFSET}) FROM firsts AS first JOIN _ids AS next ON next.{PARTITION} ="
            f" first.{PARTITION} AND next._id = first._id AND next.{OFFSET} > first.{OFFSET} AND {forgotten}"
            f" GROUP BY first.{PARTITION}, first._id, first.{OFFSET}) SELECT {_PLACE} FROM firsts",
        )
        repeats = f"{quoted(self.plan.dedup_column)} IS NOT NULL AND ({_PLACE}) NOT IN (SELECT ({_PLACE}) FROM _firsts)"
        self.make("_duplicates", f"SELECT * FROM {_MARKED} WHERE {repeats}")
        self.make(_ROWS, f"SELECT * FROM {_MARKED} WHERE NOT ({repeats})")

    def windows(self, rollup: RollupPlan) -> None:
        """Each row that the rollup takes, with each of its windows, and whether late for it (semantics rule 6)."""
        place = f', {PARTITION} AS "partition", {OFFSET} AS "offset"' if rollup.names_events else ""
        rows = f"SELECT *{place} FROM {_ROWS} WHERE {condition(rollup.where)}"
        assigned = spans(rollup.window, self.time, rows, self.con)
        late = f"coalesce({_END} - 1 + {rollup.allowed_lateness_ms} <= {_WM}, FALSE)"
        self.make(_WINDOWS, f"SELECT *, {late} AS {_LATE} FROM ({assigned})")
        self.con.execute(
            f"INSERT INTO _taken SELECT {text(rollup.name)}, {_PLACE}, bool_and({_LATE}) FROM {_WINDOWS}"
            f" GROUP BY {_PLACE}"
        )

    def late_sql(self, rollup: RollupPlan) -> str:
        """Rows that are late for all their windows."""
        return (
            f"SELECT {text(rollup.name)} AS rollup, {PARTITION} AS _p, {OFFSET} AS _o, any_value({self.time}) AS _t,"
            f" any_value({_WM}) AS _w FROM {_WINDOWS} GROUP BY {_PLACE} HAVING bool_and({_LATE})"
        )

    def rollup_sql(self, rollup: RollupPlan) -> str:
        """Windows, keys and aggregates of the rows that are not late."""
        return self.grouped_sql(rollup, [f"{_value(each)} AS {quoted(each.name)}" for each in rollup.aggregates])

    def grouped_sql(self, rollup: RollupPlan, values: Sequence[str]) -> str:
        """Windows, keys and these values of the rows that are not late."""
        keys = [quoted(key.name) for key in rollup.keys]
        rows = f"SELECT * FROM {_WINDOWS} WHERE NOT {_LATE}"
        if rollup.merges_windows:
            rows = _merged(rows, keys)
        fields = [*keys, f"{_START} AS window_start", f"{_END} AS window_end", *values]
        return f"SELECT {', '.join(fields)} FROM ({rows}) GROUP BY {', '.join([*keys, _START, _END])}"

    def counts_sql(self) -> str:
        """Every record in one class (semantics rule 8)."""
        return (
            'SELECT r."partition", count(*) AS "read",'
            " count(*) FILTER (d.reason IS NULL AND u._offset IS NULL AND NOT coalesce(l.late, FALSE)) AS accepted,"
            " count(*) FILTER (u._offset IS NOT NULL) AS duplicate,"
            " count(*) FILTER (coalesce(l.late, FALSE)) AS late,"
            " count(*) FILTER (d.reason IS NOT NULL) AS dead"
            f' FROM _records r LEFT JOIN _refused d ON d.{PARTITION} = r."partition" AND d.{OFFSET} = r."offset"'
            f' LEFT JOIN _duplicates u ON u.{PARTITION} = r."partition" AND u.{OFFSET} = r."offset"'
            f" LEFT JOIN (SELECT {_PLACE}, bool_and({_LATE}) AS late FROM _taken GROUP BY {_PLACE}) l"
            f' ON l.{PARTITION} = r."partition" AND l.{OFFSET} = r."offset" GROUP BY r."partition"'
        )

    def counts_rollup_sql(self) -> str:
        """What each rollup did with each source partition's rows."""
        names = ", ".join(f"({text(rollup.name)})" for rollup in self.plan.rollups) or "('')"
        return (
            'SELECT n.rollup, p."partition", coalesce(sum(a.rows), 0) - coalesce(any_value(t.taken), 0) AS filtered,'
            " coalesce(any_value(t.taken - t.late), 0) AS counted, coalesce(any_value(t.late), 0) AS late"
            f' FROM (SELECT DISTINCT "partition" FROM _records) p CROSS JOIN (VALUES {names}) n(rollup)'
            f" LEFT JOIN (SELECT {PARTITION}, count(*) AS rows FROM {_ROWS} GROUP BY {PARTITION}) a"
            f' ON a.{PARTITION} = p."partition"'
            f" LEFT JOIN (SELECT rollup, {PARTITION}, count(*) AS taken, count(*) FILTER ({_LATE}) AS late"
            f' FROM _taken GROUP BY ALL) t ON t.rollup = n.rollup AND t.{PARTITION} = p."partition" GROUP BY ALL'
        )


def _merged(rows: str, keys: list[str]) -> str:
    """The rows of sessions with the start and end of the session that each has become part of (semantics rule 7)."""
    by = f"PARTITION BY {', '.join(keys)} " if keys else ""
    order = f"{by}ORDER BY {_START}, {_PLACE}"
    apart = f"SELECT *, CASE WHEN {_START} <= lag({_END}) OVER ({order}) THEN 0 ELSE 1 END AS _apart FROM ({rows})"
    numbered = f"SELECT *, sum(_apart) OVER ({order} ROWS UNBOUNDED PRECEDING) AS _session FROM ({apart})"
    one = f"OVER (PARTITION BY {', '.join([*keys, '_session'])})"
    ends = f"min({_START}) {one} AS {_START}, max({_END}) {one} AS {_END}"
    return f"SELECT * REPLACE ({ends}) FROM ({numbered})"


def _value(plan: AggregatePlan) -> str:
    """One aggregate over a group of rows (semantics rule 9)."""
    rows = f"FILTER (WHERE {condition(plan.where)})"
    if plan.aggregate.column is None:
        return f"count(*) {rows}"
    column = quoted(plan.aggregate.column)
    is_double = plan.column_type is not None and pa.types.is_floating(plan.column_type)
    total = f"fsum({column}) {rows}" if is_double else f"sum({column}) {rows}"
    count = f"count({column}) {rows}"
    exact = total if is_double else f"CAST(CAST({total} AS VARCHAR) AS DOUBLE)"
    sorted_ = (
        f"list_sort(list(CAST({column} AS DOUBLE)) FILTER (WHERE {column} IS NOT NULL AND {condition(plan.where)}))"
    )
    ranked = f"{sorted_}[greatest(1, CAST(ceil({plan.aggregate.q!r}::DOUBLE * {count}) AS BIGINT))]"
    most = f"pow({QUANTILE_GAMMA!r}::DOUBLE, {MAX_BUCKET})"
    made: Mapping[str, str] = {
        "count": count,
        "sum": total,
        "min": f"min({column}) {rows}",
        "max": f"max({column}) {rows}",
        "avg": f"{exact} / nullif({count}, 0)",
        "count_distinct": f"count(DISTINCT {column}) {rows}",
        "approx_count_distinct": f"count(DISTINCT {column}) {rows}",
        # null stays null; greatest and least would leave it out
        "approx_quantile": f"CASE WHEN {ranked} > {most} THEN {most} WHEN {ranked} < -{most} THEN -{most}"
        f" ELSE {ranked} END",
    }
    return made[plan.aggregate.kind]
