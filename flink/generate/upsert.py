"""The form upsert: a plain GROUP BY window and key, which corrects a window's row whenever rows come.

No watermark of Flink's own is in it, so nothing is dropped that the rule accepts, with idle partitions neither.
"""

from dataflow.pipeline.plan import Plan, RollupPlan
from flink.generate.generated import SinkTable
from flink.generate.rollups import ROWS, Words, assigned, late_after, own_fields, taken, taken_view
from flink.generate.sinks import IS_NULL, KEY, both_ends, nullable_keys
from flink.generate.words import named, type_of

_ABSENT = {"STRING": "''", "BIGINT": "CAST(0 AS BIGINT)", "BOOLEAN": "FALSE", "DATE": "DATE '1970-01-01'"}


def upsert_view(plan: Plan, rollup: RollupPlan, words: Words) -> str:
    """The rows that count in a rollup, one per row and window for which it is not late."""
    windows = assigned(rollup, words)
    assert windows is not None, "windows that only a function gives are refused in this form"
    fields = [f"{windows.start} AS `window_start`"]
    if both_ends(rollup):
        fields.append(f"{windows.end} AS `window_end`")
    nullable = nullable_keys(plan, rollup)
    for key in rollup.keys:
        if key.name in nullable:
            absent = _ABSENT.get(type_of(key.type), f"CAST(0 AS {type_of(key.type)})")
            fields.append(f"COALESCE({named(key.name)}, {absent}) AS {named(KEY + key.name)}")
            fields.append(f"{named(key.name)} IS NULL AS {named(IS_NULL + key.name)}")
    fields += own_fields(plan, rollup, words)
    in_time = f"{late_after(rollup, windows.end)} > `_watermark`"
    more = [in_time] if windows.taken is None else [windows.taken, in_time]
    lines = ",\n  ".join(fields)
    return (
        f"CREATE TEMPORARY VIEW {taken_view(rollup)} AS SELECT\n  {lines}\n"
        f"FROM {ROWS}{windows.joined}{taken(rollup, words, more)}"
    )


def upsert_insert(plan: Plan, rollup: RollupPlan, table: SinkTable, words: Words, ttl_ms: int | None) -> str:
    """The rollup's row per window and key. `ttl_ms`: for how long its state stays without a row; None is for ever."""
    return f"INSERT INTO {named(rollup.name)} {upsert_rows(plan, rollup, table, words, ttl_ms)}"


def upsert_rows(plan: Plan, rollup: RollupPlan, table: SinkTable, words: Words, ttl_ms: int | None) -> str:
    """The rows of `upsert_insert`, with the columns of `table`."""
    nullable = nullable_keys(plan, rollup)
    window = "`window_end`" if both_ends(rollup) else f"`window_start` + {rollup.window.size_ms} AS `window_end`"
    values = {"window_start": "`window_start`", "window_end": window}
    for key in rollup.keys:
        if key.name in nullable:
            is_null, null = named(IS_NULL + key.name), f"CAST(NULL AS {type_of(key.type)})"
            values[key.name] = f"CASE WHEN {is_null} THEN {null} ELSE {named(KEY + key.name)} END AS {named(key.name)}"
    values |= {each.name: f"{words.aggregate(each)} AS {named(each.name)}" for each in rollup.aggregates}
    fields = ",\n  ".join(values.get(name, named(name)) for name in table.columns.names)
    hint = "" if ttl_ms is None else f" /*+ STATE_TTL('{rollup.name}' = '{ttl_ms} ms') */"
    by = ", ".join(map(named, table.key))
    return f"SELECT{hint}\n  {fields}\nFROM {taken_view(rollup)} AS {named(rollup.name)} GROUP BY {by}"
