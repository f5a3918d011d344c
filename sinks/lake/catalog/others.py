"""What other DuckLake clients have put into a lake: tables and views, and whether plain files tell all of each."""

import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from sinks.lake.catalog.layout import Column, DataFile, TableLayout
from sinks.lake.catalog.ownership import own_objects, rows_inside_catalog
from sinks.lake.catalog.schema import SCHEMA_ID

_SCALARS = {
    "boolean": "BOOLEAN",
    "int8": "TINYINT",
    "int16": "SMALLINT",
    "int32": "INTEGER",
    "int64": "BIGINT",
    "uint8": "UTINYINT",
    "uint16": "USMALLINT",
    "uint32": "UINTEGER",
    "uint64": "UBIGINT",
    "float32": "FLOAT",
    "float64": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamp_s": "TIMESTAMP_S",
    "timestamp_ms": "TIMESTAMP_MS",
    "varchar": "VARCHAR",
    "blob": "BLOB",
    "uuid": "UUID",
}
"""Their types that come out of a Parquet file as the official client shows them."""

_DECIMAL = re.compile(r"decimal\(\d+,\d+\)")
_SEEN = "begin_snapshot <= :at AND (end_snapshot IS NULL OR end_snapshot > :at)"


class Other(NamedTuple):
    """A table (with its files) or a view (with its SQL) of another client; `unreadable` says why it is not for us."""

    schema: str
    name: str
    table: TableLayout | None = None
    files: tuple[DataFile, ...] = ()
    folder: str = ""
    sql: str = ""
    unreadable: str = ""


def others(connection: sqlite3.Connection, lake: Path, snapshot_id: int) -> dict[str, Other]:
    """Every table and view at `snapshot_id` that is not ours, by "schema.name"."""
    own, at = own_objects(connection), {"at": snapshot_id}
    schemas = {
        number: (name, path if relative else None)
        for number, name, path, relative in connection.execute(
            f"SELECT schema_id, schema_name, path, path_is_relative FROM ducklake_schema WHERE {_SEEN}", at
        )
    }
    found: dict[str, Other] = {}
    names = {name.lower() for name in own.values()}
    tables = connection.execute(
        f"SELECT table_id, schema_id, table_name, path, path_is_relative FROM ducklake_table WHERE {_SEEN}", at
    ).fetchall()
    for number, schema_id, name, path, relative in tables:
        if number in own or schema_id not in schemas:
            continue
        schema, folder = schemas[schema_id]
        why = _in_our_place(schema_id, name, names)
        if folder is None or not relative:
            why = why or "its files lie outside of the lake's folder"
        found[f"{schema}.{name}"] = _table(connection, lake, snapshot_id, (number, schema, name, folder, path), why)
    views = connection.execute(f'SELECT view_id, schema_id, view_name, "sql" FROM ducklake_view WHERE {_SEEN}', at)
    for number, schema_id, name, sql in views:
        if number not in own and schema_id in schemas:
            schema = schemas[schema_id][0]
            found[f"{schema}.{name}"] = Other(schema, name, sql=sql, unreadable=_in_our_place(schema_id, name, names))
    return found


def _in_our_place(schema_id: int, name: str, names: set[str]) -> str:
    taken = schema_id == SCHEMA_ID and name.lower() in names
    return "another client put it in the place of Tidemill's: move it away, then start the pipeline" if taken else ""


def _table(
    connection: sqlite3.Connection, lake: Path, at: int, known: tuple[int, str, str, str | None, str], why: str
) -> Other:
    number, schema, name, folder, path = known
    columns, strange = _columns(connection, number, at)
    rows = connection.execute(
        "SELECT data_file_id, path, record_count, row_id_start, begin_snapshot, partial_max, file_size_bytes,"
        " path_is_relative = 1 AND encryption_key IS NULL AND mapping_id IS NULL AND file_format = 'parquet'"
        f" FROM ducklake_data_file WHERE table_id = :table AND {_SEEN} ORDER BY row_id_start, data_file_id",
        {"table": number, "at": at},
    ).fetchall()
    deleted = connection.execute("SELECT 1 FROM ducklake_delete_file WHERE table_id = ? LIMIT 1", (number,)).fetchone()
    if not why and strange:
        why = f"its column {strange} is of a kind that only the DuckLake extension reads"
    elif not why and (deleted or rows_inside_catalog(connection, number)):
        why = (
            "rows of it were deleted or lie inside the catalog, which only the DuckLake extension reads; CALL"
            " ducklake_flush_inlined_data('lake') and ducklake_rewrite_data_files('lake') write them out"
        )
    elif not why and not all(row[-1] for row in rows):
        why = "it has files of a kind that only the DuckLake extension reads"
    base = lake / (folder or "") / path
    files = (
        ()
        if why
        else tuple(
            DataFile(file_id, base / file, count, row_id, begin, partial, size)
            for file_id, file, count, row_id, begin, partial, size, _ in rows
        )
    )
    return Other(schema, name, TableLayout(number, name, path, columns), files, folder or "", unreadable=why)


def _columns(connection: sqlite3.Connection, table_id: int, at: int) -> tuple[tuple[Column, ...], str]:
    """The columns, and the name of the first that cannot be read from files alone."""
    rows = connection.execute(
        "SELECT column_id, column_name, column_type, parent_column, initial_default FROM ducklake_column"
        f" WHERE table_id = :table AND {_SEEN} ORDER BY column_order, column_id",
        {"table": table_id, "at": at},
    ).fetchall()
    elements: Mapping[int, tuple[int, str]] = {
        parent: (number, _scalar(kind)) for number, _, kind, parent, _ in rows if parent is not None
    }
    columns: list[Column] = []
    strange = ""
    for number, name, kind, parent, default in rows:
        if parent is not None:
            continue
        element_id, element = elements.get(number, (None, None)) if kind == "list" else (None, None)
        known = element if kind == "list" else _scalar(kind)
        columns.append(Column(number, name, known or "VARCHAR", element_id, element))
        if not known or default is not None:
            strange = strange or name
    return tuple(columns), strange


def _scalar(kind: str) -> str:
    return _SCALARS.get(kind, kind.upper() if _DECIMAL.fullmatch(kind) else "")
