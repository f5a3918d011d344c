"""What a catalog says of a table at a snapshot: its columns with field ids, its data files, the views beside it."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sinks.lake.catalog.ownership import own_objects
from sinks.lake.catalog.types import Bound, duckdb_type, is_own_type


class Column(NamedTuple):
    """One top-level column. `id` is its Parquet field id; `element_id` and `element` are those of a list's element.

    `former_id`: of a TIMESTAMP that was int64 milliseconds in older snapshots, the field id that it has in their files.
    """

    id: int
    name: str
    type: str
    element_id: int | None = None
    element: str | None = None
    former_id: int | None = None

    @property
    def duckdb(self) -> str:
        """The column's SQL type in DuckDB."""
        return f"{duckdb_type(self.element)}[]" if self.element is not None else duckdb_type(self.type)


class TableLayout(NamedTuple):
    """One table: `path` is its folder below the lake's schema folder, with a trailing slash."""

    id: int
    name: str
    path: str
    columns: tuple[Column, ...]

    def column(self, name: str) -> Column | None:
        """The column called `name`, or None."""
        return next((column for column in self.columns if column.name == name), None)


class ViewLayout(NamedTuple):
    """One view: its SQL names tables without a schema."""

    id: int
    name: str
    sql: str


class Snapshot(NamedTuple):
    """One state of the lake. `changes` is DuckLake's text of what it changed."""

    id: int
    time: datetime
    schema_version: int
    changes: str = ""
    message: str | None = None


class Bounds(NamedTuple):
    """Smallest and largest value of a column in a file, in comparable form; None = unknown or no value."""

    low: Bound | None
    high: Bound | None
    null_count: int | None


class DataFile(NamedTuple):
    """One live data file at a snapshot.

    Rows [row_id_start, row_id_start + record_count). When `partial_max` is above the snapshot asked for, only rows
    whose `_ducklake_internal_snapshot_id` is at most that snapshot belong to it. `bounds` holds the columns asked for,
    by name; a column the file does not have is missing from it.
    """

    id: int
    path: Path
    record_count: int
    row_id_start: int
    begin_snapshot: int
    partial_max: int | None
    file_size_bytes: int
    bounds: Mapping[str, Bounds] = MappingProxyType({})


def layouts(connection: sqlite3.Connection, snapshot_id: int) -> dict[str, TableLayout]:
    """Our tables at `snapshot_id`, by name; those of other clients are left out (`sinks.lake.catalog.ownership`)."""
    seen = "begin_snapshot <= :at AND (end_snapshot IS NULL OR end_snapshot > :at)"
    at = {"at": snapshot_id}
    columns: dict[int, list[Column]] = {}
    elements: dict[tuple[int, int], tuple[int, str]] = {}
    rows = connection.execute(
        f"SELECT table_id, column_id, column_name, column_type, parent_column, column_order FROM ducklake_column"
        f" WHERE {seen} ORDER BY table_id, column_order",
        at,
    ).fetchall()
    gone = connection.execute(
        "SELECT table_id, column_order, column_name, column_id FROM ducklake_column"
        " WHERE column_type = 'int64' AND parent_column IS NULL AND end_snapshot <= :at",
        at,
    )
    former = {tuple(place): column_id for *place, column_id in gone}
    for table_id, column_id, _, kind, parent, _ in rows:
        if parent is not None:
            elements[table_id, parent] = (column_id, kind)
    for table_id, column_id, name, kind, parent, order in rows:
        if parent is None:
            element_id, element = elements.get((table_id, column_id), (None, None))
            before = former.get((table_id, order, name)) if kind == "timestamp" else None
            columns.setdefault(table_id, []).append(Column(column_id, name, kind, element_id, element, before))
    tables = connection.execute(f"SELECT table_id, table_name, path FROM ducklake_table WHERE {seen}", at)
    own = own_objects(connection)
    return {name: TableLayout(tid, name, path, tuple(columns.get(tid, ()))) for tid, name, path in tables if tid in own}


def strange_columns(connection: sqlite3.Connection, table: TableLayout) -> list[str]:
    """Columns that another client gave the table and that a merged file of ours would not keep: by type or default."""
    rows = connection.execute(
        "SELECT column_id FROM ducklake_column WHERE table_id = ? AND end_snapshot IS NULL"
        " AND initial_default IS NOT NULL",
        (table.id,),
    )
    filled = {number for (number,) in rows}
    return [
        column.name
        for column in table.columns
        if column.id in filled
        or not (
            is_own_type(column.type)
            if column.element is None
            else column.type == "list" and is_own_type(column.element)
        )
    ]


def views(connection: sqlite3.Connection, snapshot_id: int) -> dict[str, ViewLayout]:
    """Our views at `snapshot_id`, by name; those of other clients are left out."""
    rows = connection.execute(
        'SELECT view_id, view_name, "sql" FROM ducklake_view'
        " WHERE begin_snapshot <= :at AND (end_snapshot IS NULL OR end_snapshot > :at)",
        {"at": snapshot_id},
    )
    own = own_objects(connection)
    return {name: ViewLayout(view_id, name, sql) for view_id, name, sql in rows if view_id in own}
