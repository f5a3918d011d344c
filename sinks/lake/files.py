"""Parquet files of the lake: field ids inside, statistics beside, durable before their name is told to anybody."""

import hashlib
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.durable import create
from dataflow.errors import LakeUnwritable
from sinks.lake.catalog.layout import Column, TableLayout
from sinks.lake.catalog.schema import SNAPSHOT_COLUMN, SNAPSHOT_FIELD_ID
from sinks.lake.catalog.staged import ColumnStats, StagedFile
from sinks.lake.catalog.types import to_text
from sinks.lake.fault import Fault, no_fault
from sinks.lake.names import table_folder

ROW_GROUP_ROWS = 122_880
"""DuckDB reads a row group per thread; more rows prune worse, fewer compress worse."""

PLAIN_BYTES = 16 * 1024
"""Up to this size in memory a table is written without dictionaries and compression: they would cost more time than
the rest of the commit, and most files of an epoch are smaller."""

FEW_ROWS = 64


def write_file(
    folder: Path,
    layout: TableLayout,
    table: pa.Table,
    name: str,
    *,
    snapshots: pa.ChunkedArray | None = None,
    fault: Fault = no_fault,
) -> StagedFile:
    """Write `table` as `folder`/main/<table>/`name`, fsync the file and its directory, and describe it.

    `table`'s columns are a subset of the layout's; `snapshots` (int64 per row) is added as DuckLake's snapshot
    column. The file must not exist. Raises LakeUnwritable, with the partial file removed, when the disk refuses.
    """
    columns = [column for column in layout.columns if column.name in table.schema.names]
    fields = [_field(column, table.schema.field(column.name).type) for column in columns]
    data = table.select([column.name for column in columns]).cast(pa.schema(fields))
    if snapshots is not None:
        mark = pa.field(SNAPSHOT_COLUMN, pa.int64(), metadata={"PARQUET:field_id": str(SNAPSHOT_FIELD_ID)})
        data = data.append_column(mark, snapshots)
    sink = pa.BufferOutputStream()
    plain = data.nbytes <= PLAIN_BYTES
    written: list[pq.FileMetaData] = []
    pq.write_table(
        data,
        sink,
        compression="none" if plain else "zstd",
        compression_level=None if plain else 1,
        use_dictionary=not plain,
        store_schema=False,
        row_group_size=ROW_GROUP_ROWS,
        metadata_collector=written,
    )
    content = sink.getvalue()
    target = table_folder(folder, layout.path) / name
    fault("before_file")
    write_durably(target, content, fault)
    fault("after_file")
    return StagedFile(
        layout.name,
        layout.id,
        name,
        data.num_rows,
        content.size,
        int.from_bytes(content[-8:-4].to_pybytes(), "little"),
        hashlib.sha256(content).hexdigest(),
        _stats(columns, data, written[0]),
    )


def write_durably(target: Path, content: bytes | pa.Buffer, fault: Fault = no_fault) -> None:
    """Create `target` with `content` (bytes-like) and fsync it and its directory; LakeUnwritable on failure."""
    try:
        create(target, memoryview(content), written=lambda: fault("in_file"))
    except OSError as error:
        raise LakeUnwritable(
            f"cannot write {target}: {error.strerror}; nothing of it was published. "
            "Free space or correct the folder's permissions, then start again"
        ) from error


def _field(column: Column, kind: pa.DataType) -> pa.Field:
    if column.element_id is not None:
        assert pa.types.is_list(kind)
        kind = pa.list_(pa.field("element", kind.value_type, metadata=_field_id(column.element_id)))
    return pa.field(column.name, kind, metadata=_field_id(column.id))


def _field_id(number: int) -> dict[str, str]:
    return {"PARQUET:field_id": str(number)}


def _stats(columns: list[Column], data: pa.Table, metadata: pq.FileMetaData) -> tuple[ColumnStats, ...]:
    groups = [metadata.row_group(index) for index in range(metadata.num_row_groups)]
    # one leaf per column: lists hold scalars only
    sizes = [sum(group.column(index).total_compressed_size for group in groups) for index in range(len(columns))]
    found: list[ColumnStats] = []
    for column, values, size in zip(columns, data.columns, sizes, strict=False):
        if column.element_id is None:
            found.append(column_stats(column.id, column.type, values, size))
        else:
            assert column.element is not None
            found.append(column_stats(column.element_id, column.element, pc.list_flatten(values), size))
    return tuple(found)


def column_stats(column_id: int, kind: str, values: pa.Array | pa.ChunkedArray, size_bytes: int) -> ColumnStats:
    """Count, nulls and bounds of an Arrow (chunked) array of DuckLake type `kind`."""
    nulls = values.null_count
    contains_nan: bool | None = None
    low: Any = None
    high: Any = None
    if kind == "float64":
        contains_nan = bool(pc.any(pc.is_nan(values)).as_py())
    if kind != "blob" and not contains_nan and nulls < len(values):
        scale = 1
        if pa.types.is_timestamp(values.type):
            scale = {"s": 1_000_000, "ms": 1_000, "us": 1}[values.type.unit]
            values = values.cast(pa.int64())
        if len(values) <= FEW_ROWS:
            # Python's own order is Arrow's for all of these types, and it is there sooner
            present = [value for value in values.to_pylist() if value is not None]
            low, high = min(present), max(present)
        else:
            bounds = pc.min_max(values)
            low, high = bounds["min"].as_py(), bounds["max"].as_py()
        if kind == "timestamp":
            low, high = low * scale, high * scale
    return ColumnStats(
        column_id,
        kind,
        size_bytes,
        len(values) - nulls,
        nulls,
        to_text(low, kind),
        to_text(high, kind),
        contains_nan,
    )
