"""The tables as views over the rows: rollups, late events, dead letters."""

from collections.abc import Iterable, Sequence

from dataflow.pipeline.names import DEAD_LETTERS, LATE_EVENTS
from dataflow.pipeline.plan import RollupPlan
from dataflow.windows.assigned import Assigned
from dataflow.windows.kinds import kind_of
from spark.generate.records import READ, ROWS
from spark.generate.words import DIALECT, Words, named, text

START, END = "`_start`", "`_end`"
_VIEW = "CREATE OR REPLACE TEMPORARY VIEW"


def assigned(rollup: RollupPlan, words: Words) -> Assigned:
    """The windows of a row; that of a session's row is its own."""
    kind = kind_of(rollup.window)
    found = kind.sql[DIALECT].assigned
    if found is None:
        end = f"{words.time} + {rollup.window.size_ms}"
        return Assigned(words.time, end, end)
    return found(rollup.window, words.time)


def is_late(rollup: RollupPlan, end: str) -> str:
    """Whether a row is late for a window that ends so (semantics rule 6)."""
    return f"COALESCE({end} + {rollup.allowed_lateness_ms - 1} <= `_watermark`, FALSE)"


def taken_rows(rollup: RollupPlan, words: Words) -> str:
    """A row for each row and window that count in the rollup, with _start and _end."""
    windows = assigned(rollup, words)
    conditions = [f"NOT {is_late(rollup, windows.end)}"]
    if windows.taken is not None:
        conditions.append(windows.taken)
    if rollup.where is not None:
        conditions.append(f"({words.condition(rollup.where)})")
    return (
        f"SELECT *,\n    {windows.start} AS {START},\n    {windows.end} AS {END}\n"
        f"  FROM {ROWS}{windows.joined} WHERE {' AND '.join(conditions)}"
    )


def rollup_view(rollup: RollupPlan, words: Words) -> str:
    """The rollup's row per window and key."""
    values = [f"{words.aggregate(each)} AS {named(each.name)}" for each in rollup.aggregates]
    return _grouped(rollup, taken_rows(rollup, words), values)


def delta_view(rollup: RollupPlan, words: Words) -> str:
    """What one batch adds to each window and key, in parts."""
    parts = [f"{part} AS {named(name)}" for each in rollup.aggregates for name, part in words.delta(each)]
    return _grouped(rollup, taken_rows(rollup, words), parts)


def merged_view(rollup: RollupPlan, words: Words) -> str:
    """The rollup's row per window and key, out of the delta rows of all batches."""
    values = [f"{words.merged(each)} AS {named(each.name)}" for each in rollup.aggregates]
    rows = f"SELECT *, `window_start` AS {START}, `window_end` AS {END} FROM {named(delta_of(rollup.name))}"
    return _grouped(rollup, rows, values)


def delta_of(table: str) -> str:
    """The view of all rows that batches have added to a table."""
    return f"_delta_{table}"


def _grouped(rollup: RollupPlan, rows: str, values: Sequence[str]) -> str:
    keys = [named(key.name) for key in rollup.keys]
    by, ends = [*keys, START, END], (START, END)
    if rollup.merges_windows:
        rows, by, ends = _merged(rows, keys), [*keys, "`_session`"], (f"MIN({START})", f"MAX({END})")
    lines = ",\n  ".join([*keys, f"{ends[0]} AS `window_start`", f"{ends[1]} AS `window_end`", *values])
    return f"{_VIEW} {named(rollup.name)} AS SELECT\n  {lines}\nFROM (\n  {rows}\n) GROUP BY {', '.join(by)}"


def _merged(rows: str, keys: Sequence[str]) -> str:
    """Rows or partial sessions, numbered by the session that each has become part of (semantics rule 7)."""
    by = f"PARTITION BY {', '.join(keys)} " if keys else ""
    order = f"({by}ORDER BY {START}, {END} ROWS BETWEEN UNBOUNDED PRECEDING AND "
    apart = f"CASE WHEN {START} <= MAX({END}) OVER {order}1 PRECEDING) THEN 0 ELSE 1 END AS `_apart`"
    number = f"SUM(`_apart`) OVER {order}CURRENT ROW) AS `_session`"
    return f"SELECT *, {number} FROM (SELECT *, {apart} FROM (\n  {rows}\n  ))"


def late_view(rollups: Iterable[RollupPlan], words: Words) -> str:
    """The rows that are late for all windows of a rollup that takes them, one per rollup."""
    each = "\nUNION ALL\n".join(_late(rollup, words) for rollup in rollups)
    return f"{_VIEW} {named(LATE_EVENTS)} AS\n{each}"


def _late(rollup: RollupPlan, words: Words) -> str:
    end = assigned(rollup, words).last_end
    conditions = [is_late(rollup, end)]
    if rollup.where is not None:
        conditions.append(f"({words.condition(rollup.where)})")
    return (
        f"SELECT {text(rollup.name)} AS `rollup`, `_topic` AS `topic`, `_partition` AS `partition`,"
        f" `_offset` AS `offset`,\n  {words.time} AS `event_time`, `_watermark` AS `watermark`,"
        f" `_watermark` - ({end} + {rollup.allowed_lateness_ms - 1}) AS `late_by_ms`\n"
        f"FROM {ROWS} WHERE {' AND '.join(conditions)}"
    )


def dead_view() -> str:
    """The records that are no events."""
    fields = ", ".join(f"`_{name}` AS `{name}`" for name in ("topic", "partition", "offset"))
    more = "`_timestamp` AS `record_timestamp`, `_value` AS `value`, `_reason` AS `reason`, `_field` AS `field`"
    return f"{_VIEW} {named(DEAD_LETTERS)} AS SELECT {fields},\n  {more}\nFROM {READ} WHERE `_reason` IS NOT NULL"


def merged_rows_view(table: str) -> str:
    """The rows of a table that batches only add to."""
    return f"{_VIEW} {named(table)} AS SELECT * FROM {named(delta_of(table))}"
