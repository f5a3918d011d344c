"""SQL that reads a lake table from its files: by field id, at a snapshot, with or without each row's snapshot."""

from collections.abc import Sequence

from dataflow.sql import quoted, text
from sinks.lake.catalog.layout import Column, DataFile, TableLayout
from sinks.lake.catalog.schema import SNAPSHOT_FIELD_ID

_SNAPSHOT = Column(SNAPSHOT_FIELD_ID, "_snapshot", "int64")


def scan_sql(table: TableLayout, files: Sequence[DataFile], snapshot_id: int) -> str:
    """SELECT of the table's rows at `snapshot_id` from `files`; no files give no rows, with the right types."""
    selected = ", ".join(quoted(column.name) for column in table.columns)
    newer = [file for file in files if file.partial_max is not None and file.partial_max > snapshot_id]
    plain = [file for file in files if file.partial_max is None or file.partial_max <= snapshot_id]
    parts = []
    if plain:
        parts.append(f"SELECT {selected} FROM read_parquet({_list(plain)}, schema={_schema(table.columns)})")
    if newer:
        source = f"read_parquet({_list(newer)}, schema={_schema((*table.columns, _SNAPSHOT))})"
        parts.append(f"SELECT {selected} FROM {source} WHERE _snapshot <= {snapshot_id}")
    return " UNION ALL ".join(parts) or _nothing(table.columns)


def history_sql(table: TableLayout, files: Sequence[DataFile], snapshot_id: int) -> str:
    """The same rows with one more column `_snapshot` (BIGINT): the snapshot that added the row."""
    columns = table.columns
    whole = [file for file in files if file.partial_max is None]
    merged = [file for file in files if file.partial_max is not None]
    selected = ", ".join(quoted(column.name) for column in columns)
    parts = [_nothing((*columns, _SNAPSHOT))]
    if whole:
        begins = ", ".join(f"({text(str(file.path))}, {file.begin_snapshot}::BIGINT)" for file in whole)
        parts.append(
            f"SELECT {selected}, _begins._snapshot FROM"
            f" read_parquet({_list(whole)}, schema={_schema(columns)}, filename='_file') AS _rows"
            f" JOIN (VALUES {begins}) _begins(_file, _snapshot) ON _begins._file = _rows._file"
        )
    if merged:
        source = f"read_parquet({_list(merged)}, schema={_schema((*columns, _SNAPSHOT))})"
        parts.append(f"SELECT {selected}, _snapshot FROM {source} WHERE _snapshot <= {snapshot_id}")
    return " UNION ALL ".join(parts)


def _nothing(columns: Sequence[Column]) -> str:
    typed = ", ".join(f"NULL::{column.duckdb} AS {quoted(column.name)}" for column in columns)
    return f"SELECT {typed} WHERE false"


def _list(files: Sequence[DataFile]) -> str:
    return "[" + ", ".join(text(str(file.path)) for file in files) + "]"


def _schema(columns: Sequence[Column]) -> str:
    # By Parquet field id, so that renamed and later added columns read right from every file.
    entries = ", ".join(
        f"{column.id}: {{name: {text(column.name)}, type: {text(column.duckdb)}, default_value: NULL}}"
        for column in columns
    )
    return f"MAP{{{entries}}}"
