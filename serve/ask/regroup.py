"""Windows of a rollup put together: over the whole range or by longer spans of time, and over fewer keys."""

from collections.abc import Sequence
from typing import NamedTuple

from dataflow.aggregates.duckdb import Source
from dataflow.durations import to_text
from dataflow.sql import quoted, text
from dataflow.windows.kinds import has_one_window
from serve.problem import wrong_parameter
from sinks.lake.tables.definition import AggregateDefinition, RollupDefinition

DAY_MS = 86_400_000


class Regrouped(NamedTuple):
    """Aggregates that go together by name, with the SQL that does it; `left_out`: those that do not."""

    together: Sequence[tuple[str, str]]
    left_out: Sequence[str]


def regrouped(rollup: RollupDefinition) -> Regrouped:
    """What of a rollup's aggregates can be put together from the view's values alone."""
    found = [(each.name, _together(each)) for each in rollup.aggregates]
    return Regrouped(
        [(name, sql) for name, sql in found if sql is not None], [name for name, sql in found if sql is None]
    )


def _together(aggregate: AggregateDefinition) -> str | None:
    """SQL over the view's values, for aggregates whose value is their one delta column."""
    known = aggregate.known
    sql = known.sql["duckdb"]
    # a value that is calculated from its columns, or counted from a side table, cannot be merged with others
    if sql.merged is None or known.columns(aggregate.name) != [aggregate.name] or sql.shown("value") != "value":
        return None
    return sql.merged(Source((), "", "", [quoted(aggregate.name)]))


def require_apart(rollup: RollupDefinition, parameter: str, written: str) -> None:
    """Raise Problem where a row counts in several windows, so that sums over windows would count it again."""
    if not has_one_window(rollup.window.window):
        raise wrong_parameter(
            parameter,
            written,
            f"windows of {rollup.name} overlap, so they do not add up; ask for them one by one, or of another rollup",
        )


def require_fits(rollup: RollupDefinition, every_ms: int, written: str) -> None:
    """Raise Problem where windows would lie across the limits of such spans."""
    window = rollup.window
    if rollup.merges_windows:
        return
    if every_ms % window.slide_ms or window.offset_ms % window.slide_ms:
        least = to_text(window.slide_ms)
        raise wrong_parameter("every", written, f"write a multiple of the window's {least}")


def bucket_sql(column: str, every_ms: int, zone: str | None) -> str:
    """The start of the span in which a TIMESTAMP lies; spans of whole days are those of the zone, others of UTC."""
    if zone is None or every_ms % DAY_MS:
        return f"time_bucket({_interval(every_ms)}, {column}, TIMESTAMP '1970-01-01')"
    local = f"timezone({text(zone)}, timezone('UTC', {column}))"
    days = f"time_bucket({_interval(every_ms)}, {local}, TIMESTAMP '1970-01-01')"
    return f"timezone('UTC', timezone({text(zone)}, {days}))"


def bucket_end_sql(start: str, every_ms: int, zone: str | None) -> str:
    """The end of the span that starts there; a day of a zone may have 23 or 25 hours."""
    if zone is None or every_ms % DAY_MS:
        return f"{start} + {_interval(every_ms)}"
    local = f"timezone({text(zone)}, timezone('UTC', {start})) + {_interval(every_ms)}"
    return f"timezone('UTC', timezone({text(zone)}, {local}))"


def _interval(every_ms: int) -> str:
    if every_ms % DAY_MS == 0:
        return f"INTERVAL {every_ms // DAY_MS} DAY"
    return f"INTERVAL {every_ms} MILLISECOND"
