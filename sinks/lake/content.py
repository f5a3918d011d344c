"""A data file of the lake read back: what was committed, under the names and types that its columns have now."""

import hashlib
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

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
    content = committed_bytes(path, digest)
    # not read_table: what that sets up per file takes several times longer than reading a small one
    data = pq.ParquetFile(pa.BufferReader(content)).read(use_threads=len(content) > _LARGE_BYTES)
    found = _columns(data.schema, path, table, row_ids_go=row_ids_go)
    marks = pa.chunked_array([pa.repeat(pa.scalar(snapshot, pa.int64()), data.num_rows)])
    for index, entry in enumerate(data.schema):
        if _number(entry) == SNAPSHOT_FIELD_ID:
            marks = data.column(index)
    return _named(data, found, table), marks


def committed_bytes(path: Path, digest: str | None) -> bytes:
    """A file as it was committed, whatever becomes of it afterwards; `digest` as above. Raises DamagedFile."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DamagedFile(f"{path} cannot be read ({error.strerror}); see `tidemill audit`") from error
    # to write a damaged file anew would hide the damage from the audit
    if digest is not None and digest != hashlib.sha256(content).hexdigest():
        raise DamagedFile(f"{path} is not the file that was committed; see `tidemill audit`")
    return content


def pieces_of(content: bytes, path: Path, table: TableLayout, names: Collection[str]) -> Iterator[pa.Table]:
    """Some columns of the file of this content, as `read_content` gives them, a row group at a time.

    A column that the file lacks is not there. Raises DamagedFile.
    """
    file = pq.ParquetFile(pa.BufferReader(content))
    found = {name: place for name, place in _columns(file.schema_arrow, path, table).items() if name in names}
    wanted = [place.name for place in found.values()]
    for group in range(file.num_row_groups):
        yield _named(file.read_row_group(group, wanted, use_threads=len(content) > _LARGE_BYTES), found, table)


class _Place(NamedTuple):
    """What a column is called in a file; `is_former`: it is from when a time was a number."""

    name: str
    is_former: bool


def _columns(schema: pa.Schema, path: Path, table: TableLayout, *, row_ids_go: bool = False) -> dict[str, _Place]:
    """The columns of a file by their names of now."""
    names = {column.id: column.name for column in table.columns}
    former = {column.former_id: column.name for column in table.columns if column.former_id is not None}
    found: dict[str, _Place] = {}
    for entry in schema:
        number = _number(entry)
        if number in names:
            found[names[number]] = _Place(entry.name, is_former=False)
        elif number in former:
            found[former[number]] = _Place(entry.name, is_former=True)
        elif number == SNAPSHOT_FIELD_ID or (row_ids_go and entry.name == _ROW_ID):
            continue
        elif entry.name.startswith("_ducklake_internal") or number < 0:
            raise DamagedFile(f"{path} was written by another client with column {entry.name}; it is left as it is")
    return found


def _named(data: pa.Table, found: Mapping[str, _Place], table: TableLayout) -> pa.Table:
    columns = {}
    for name in (column.name for column in table.columns if column.name in found):
        values = data.column(found[name].name)
        columns[name] = values.cast(TIMESTAMP) if found[name].is_former else values
    return pa.table(columns)


def _number(entry: pa.Field) -> int:
    """By which the catalog knows a column."""
    return int((entry.metadata or {}).get(b"PARQUET:field_id", b"-1"))


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
