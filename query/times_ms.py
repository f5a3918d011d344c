"""Times of the row tables in milliseconds, whichever type they have: TIMESTAMP, or BIGINT in older snapshots."""

from dataflow.sql import quoted
from sinks.lake.catalog.layout import TableLayout

_FARTHEST_MS = 9_200_000_000_000_000
"""No event time is further from 1970 (semantics rule 2), and TIMESTAMP reaches a little further."""


def in_ms(table: TableLayout, column: str) -> str:
    """SQL of a time column's milliseconds, as BIGINT."""
    return f"epoch_ms({quoted(column)})" if _is_timestamp(table, column) else quoted(column)


def at_ms(table: TableLayout, column: str, time_ms: int) -> str:
    """SQL of a time to compare the column itself with, so that files and row groups are left out by it."""
    if not _is_timestamp(table, column):
        return str(time_ms)
    return f"make_timestamp_ms({max(min(time_ms, _FARTHEST_MS), -_FARTHEST_MS)})"


def columns_in_ms(table: TableLayout, names: list[str]) -> str:
    """SQL of the columns of a SELECT under their own names, times in milliseconds."""
    return ", ".join(
        f"{in_ms(table, name)} AS {quoted(name)}" if _is_timestamp(table, name) else quoted(name) for name in names
    )


def _is_timestamp(table: TableLayout, column: str) -> bool:
    found = table.column(column)
    return found is not None and found.type == "timestamp"
