"""A data file of the lake read back: what was committed, under the names and types that its columns have now."""

import hashlib
import sqlite3
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from dataflow.errors import LakeError
from dataflow.own_columns import TIMESTAMP
from sinks.lake.catalog.layout import TableLayout, strange_columns
from sinks.lake.catalog.ownership import rows_inside_catalog
from sinks.lake.catalog.schema import SNAPSHOT_FIELD_ID

_LARGE_BYTES = 16 * 1024
"""Below this size threads cost more than they bring."""

_ROW_ID = "_ducklake_internal_row_id"


class DamagedFile(LakeError):
    """A data file is not there, or its bytes are not those that were committed."""


def read_content(
    path: Path, table: TableLayout, *, digest: str | None, snapshot: int, row_ids_go: bool = False
) -> tuple[pa.Table, pa.ChunkedArray]:
    """A file's columns under their names of now, and the snapshot of each row: `snapshot` where it does not tell.

    A time from when its column was int64 milliseconds is a TIMESTAMP here. `digest`: of the bytes that were committed,
    None where nobody knows. `row_ids_go`: a file of another client may tell a row id of each row, which is left out.
    Raises DamagedFile.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read ({error.strerror}); see `tidemill audit`") from error
    # to write a damaged file anew would hide the damage from the audit
    if digest is not None and digest != hashlib.sha256(content).hexdigest():
        raise DamagedFile(f"{path} is not the file that was committed; see `tidemill audit`")
    # not read_table: what that sets up per file takes several times longer than reading a small one
    data = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=len(content) > _LARGE_BYTES)
    names = {column.id: column.name for column in table.columns}
    former = {column.former_id: column.name for column in table.columns if column.former_id is not None}
    columns: dict[str, pa.ChunkedArray] = {}
    marks = pa.chunked_array([pa.repeat(pa.scalar(snapshot, pa.int64()), data.num_rows)])
    for index, entry in enumerate(data.schema):
        number = int((entry.metadata or {}).get(b"PARQUET:field_id", b"-1"))
        if number == SNAPSHOT_FIELD_ID:
            marks = data.column(index)
        elif number in names:
            columns[names[number]] = data.column(index)
        elif number in former:
            columns[former[number]] = data.column(index).cast(TIMESTAMP)
        elif row_ids_go and entry.name == _ROW_ID:
            continue
        elif entry.name.startswith("_ducklake_internal") or number < 0:
            raise DamagedFile(f"{path} was written by another client with column {entry.name}; it is left as it is")
    return pa.table({name: columns[name] for name in names.values() if name in columns}), marks


def require_plain(connection: sqlite3.Connection, table: TableLayout, then: str) -> None:
    """Raise LakeError where files written anew would not keep what another client did to the table.

    `then`: what to do after the way out.
    """
    strange = strange_columns(connection, table)
    if strange:
        raise LakeError(
            f"another client gave table {table.name} the column {strange[0]}, which a rewritten file would not keep: "
            f"drop it with ALTER TABLE lake.main.{table.name} DROP COLUMN {strange[0]}, then {then}"
        )
    if rows_inside_catalog(connection, table.id):
        raise LakeError(
            f"another client keeps rows of table {table.name} inside the catalog, where they cannot be rewritten: "
            f"turn them into files with CALL ducklake_flush_inlined_data('lake'), then {then}"
        )
