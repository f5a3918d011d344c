"""Reads a lake with DuckDB and nothing but the catalog's file lists."""

from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from sinks.lake.catalog.reader import open_readonly


def lake_connection(folder: Path, as_of: int | datetime | None = None) -> duckdb.DuckDBPyConnection:
    """DuckDB with the lake's tables and views as they were at a snapshot."""
    connection = duckdb.connect()
    with open_readonly(folder) as reader:
        snapshot = reader.resolve(as_of).id
        for name, table in reader.tables(snapshot).items():
            files = reader.files(table, snapshot)
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            empty = ", ".join(f'NULL::{column.duckdb} AS "{column.name}"' for column in table.columns)
            parts = [f"SELECT {columns} FROM (SELECT {empty}) WHERE false"]
            for file in files:
                held = set(pq.read_schema(file.path).names)
                chosen = ", ".join(
                    f'"{column.name}"' if column.name in held else f"NULL::{column.duckdb}" for column in table.columns
                )
                at_most = (
                    f" WHERE _ducklake_internal_snapshot_id <= {snapshot}"
                    if file.partial_max is not None and file.partial_max > snapshot
                    else ""
                )
                parts.append(f"SELECT {chosen} FROM read_parquet('{file.path}'){at_most}")
            connection.execute(f'CREATE VIEW "{name}" AS {" UNION ALL ".join(parts)}')
        for view in reader.views(snapshot).values():
            connection.execute(f'CREATE VIEW "{view.name}" AS {view.sql}')
    return connection


def ask(folder: Path, sql: str, as_of: int | datetime | None = None) -> list[tuple[Any, ...]]:
    """Rows of one query."""
    with lake_connection(folder, as_of) as connection:
        rows: list[tuple[Any, ...]] = connection.execute(sql).fetchall()
    return rows


def rows_of(folder: Path, table: str, as_of: int | datetime | None = None) -> list[dict[str, Any]]:
    """Rows of one table at a snapshot, in row order, straight from its files."""
    found: list[dict[str, Any]] = []
    with open_readonly(folder) as reader:
        snapshot = reader.resolve(as_of).id
        layout = reader.tables(snapshot).get(table)
        for file in reader.files(layout, snapshot) if layout is not None else []:
            for row in pq.read_table(file.path, partitioning=None).to_pylist():
                if row.pop("_ducklake_internal_snapshot_id", 0) <= snapshot:
                    found.append(row)
    return found
