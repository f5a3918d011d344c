"""The form final: Flink's own windows, which write a row once, when every partition's watermark has passed.

What is late is decided before them by the rule; the source's watermark lags so far behind that they never drop a row
that the rule accepts, as long as no partition is left out for being idle.
"""

from collections.abc import Sequence

from dataflow.pipeline.plan import Plan, RollupPlan
from dataflow.windows.flink import interval
from dataflow.windows.kinds import has_one_window, kind_of
from flink.generate.generated import SinkTable
from flink.generate.rollups import DIALECT, ROWS, Words, last_end, late_after, own_fields, taken, taken_view
from flink.generate.words import named

TS = "`_ts`"
"""The event time as Flink's windows need it; 1970 for records that are no events, so that they move no watermark."""


def lag_ms(rollup: RollupPlan) -> int:
    """How far beyond the bound the source's watermark must lag.

    A session is closed a gap later than its rows could still be late: one that is closed is never extended.
    """
    return rollup.allowed_lateness_ms + (rollup.window.size_ms if rollup.merges_windows else 0)


def time_columns(time: str, rollups: Sequence[RollupPlan], bound_ms: int) -> str:
    """Of the table of records: the time and the watermark of each partition."""
    lag = interval(bound_ms + max(map(lag_ms, rollups)))
    return f"  {TS} AS TO_TIMESTAMP_LTZ({time}, 3),\n  WATERMARK FOR {TS} AS {TS} - {lag}"


def final_view(plan: Plan, rollup: RollupPlan, words: Words) -> str:
    """The rows that a rollup takes; where a row has one window, those that are not late for it."""
    fields = [TS, *own_fields(plan, rollup, words)]
    more: list[str] = []
    if has_one_window(rollup.window):
        more.append(f"{late_after(rollup, last_end(rollup, words))} > `_watermark`")
    else:
        fields.append("`_watermark`")
    head = f"CREATE TEMPORARY VIEW {taken_view(rollup)} AS SELECT {', '.join(fields)}"
    return f"{head}\nFROM {ROWS}{taken(rollup, words, more)}"


def final_insert(rollup: RollupPlan, table: SinkTable, words: Words) -> str:
    """The rollup's row per window and key, once."""
    return f"INSERT INTO {named(rollup.name)} {final_rows(rollup, table, words)}"


def final_rows(rollup: RollupPlan, table: SinkTable, words: Words) -> str:
    """The rows of `final_insert`, with the columns of `table`."""
    keys = [named(key.name) for key in rollup.keys]
    values = {each: f"{in_ms(named(each))} AS {named(each)}" for each in ("window_start", "window_end")}
    values |= {each.name: f"{words.aggregate(each)} AS {named(each.name)}" for each in rollup.aggregates}
    fields = ",\n  ".join(values.get(name, named(name)) for name in table.columns.names)
    late = late_in_function(rollup)
    by = ", ".join(["`window_start`", "`window_end`", *keys])
    return f"SELECT\n  {fields}\nFROM TABLE({called(rollup)}){late}\nGROUP BY {by}"


def called(rollup: RollupPlan) -> str:
    """The call of Flink's function that gives the rows of the view their windows."""
    function = kind_of(rollup.window).sql[DIALECT].function
    assert function is not None, "Flink has a function for every kind of window"
    keys = ", ".join(named(key.name) for key in rollup.keys)
    return function(rollup.window, taken_view(rollup), TS, keys)


def late_in_function(rollup: RollupPlan) -> str:
    """The WHERE of rows with the function's windows that are not late for them; nothing where the view has it."""
    if has_one_window(rollup.window):
        return ""
    # end - 1 + lateness > watermark, per row and window
    limit = f"CAST(TO_TIMESTAMP_LTZ(`_watermark` + {1 - rollup.allowed_lateness_ms}, 3) AS TIMESTAMP(3))"
    return f"\nWHERE `window_end` > {limit}"


def in_ms(time: str) -> str:
    """A time of Flink's as BIGINT."""
    return f"EXTRACT(EPOCH FROM {time}) * 1000 + MOD(EXTRACT(MILLISECOND FROM {time}), 1000)"
