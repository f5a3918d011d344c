"""The times of a table's live files, from the bounds in the catalog alone."""

import sqlite3
from bisect import bisect_right
from datetime import datetime, timedelta
from typing import NamedTuple

from dataflow.pipeline.names import LEDGER
from sinks.lake.catalog.layout import TableLayout

NEVER_KNOWN = 2**62
"""Stands for a bound that the catalog does not know: later than anything."""

_EPOCH = datetime(1970, 1, 1)


class FileTimes(NamedTuple):
    """A live file with the times of its rows: None where it has none, NEVER_KNOWN where it may have any.

    `newest` is the newest commit of any of its rows.
    """

    id: int
    path: str
    rows: int
    size_bytes: int
    begin: int
    newest: int
    earliest_ms: int | None
    latest_ms: int | None


def file_times(connection: sqlite3.Connection, table: TableLayout, column: str | None) -> list[FileTimes]:
    """The table's live files in row order, by the bounds of `column`, which holds times; without one, by the ledger."""
    if column is None:
        return _by_ledger(connection, table)
    found = table.column(column)
    rows = connection.execute(
        "SELECT f.data_file_id, f.path, f.record_count, f.file_size_bytes, f.begin_snapshot,"
        " coalesce(f.partial_max, f.begin_snapshot), s.value_count, s.min_value, s.max_value"
        " FROM ducklake_data_file f LEFT JOIN ducklake_file_column_stats s"
        " ON s.data_file_id = f.data_file_id AND s.column_id = ?"
        " WHERE f.table_id = ? AND f.end_snapshot IS NULL ORDER BY f.row_id_start, f.data_file_id",
        (-1 if found is None else found.id, table.id),
    ).fetchall()
    return [
        FileTimes(number, path, count, size, begin, newest, _floor_ms(low, values), _ceiling_ms(high, values))
        for number, path, count, size, begin, newest, values, low, high in rows
    ]


def _by_ledger(connection: sqlite3.Connection, table: TableLayout) -> list[FileTimes]:
    """Rows count with the largest event time that the ledger has of their commit and those before it."""
    lines = connection.execute(
        "SELECT table_id, column_id FROM ducklake_table t JOIN ducklake_column c USING (table_id)"
        " JOIN own_object o ON o.object_id = t.table_id AND o.name = ?"
        " WHERE t.end_snapshot IS NULL AND c.end_snapshot IS NULL AND column_name = 'max_event_time'",
        (LEDGER,),
    ).fetchall()
    begins: list[int] = []
    reached: list[int | None] = []
    if lines:
        ledger = TableLayout(lines[0][0], LEDGER, "", ())
        told = connection.execute(
            "SELECT f.begin_snapshot, s.value_count, s.max_value FROM ducklake_data_file f"
            " LEFT JOIN ducklake_file_column_stats s ON s.data_file_id = f.data_file_id AND s.column_id = ?"
            " WHERE f.table_id = ? AND f.end_snapshot IS NULL ORDER BY f.begin_snapshot",
            (lines[0][1], ledger.id),
        )
        for begin, values, high in told:
            own = _ceiling_ms(high, values)
            before = reached[-1] if reached else None
            begins.append(begin)
            reached.append(own if before is None else before if own is None else max(before, own))
    times = []
    for file in file_times(connection, table, "offset"):
        at = bisect_right(begins, file.newest)
        latest = reached[at - 1] if at else None
        times.append(file._replace(earliest_ms=None, latest_ms=NEVER_KNOWN if latest is None else latest))
    return times


def _floor_ms(text: str | None, values: int | None) -> int | None:
    """A smallest value, of a column of ints (ms) or of TIMESTAMPs."""
    if text is None:
        return None if values == 0 else -NEVER_KNOWN
    return _us(text) // 1000


def _ceiling_ms(text: str | None, values: int | None) -> int | None:
    """A largest value; the rows of other clients may have parts of milliseconds."""
    if text is None:
        return None if values == 0 else NEVER_KNOWN
    return -(-_us(text) // 1000)


def _us(text: str) -> int:
    if text.lstrip("-").isdigit():
        return int(text) * 1000
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)
