"""Parquet files of the lake: field ids inside, statistics beside, durable before their name is told to anybody."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.durable import AtOnce, create, create_all
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

QUICK_BYTES = 256 * 1024
"""Up to this size an epoch's table is compressed in a quick way, which takes a third of the time and half as much
space again until a compaction writes it anew."""

FEW_ROWS = 64


class Encoded(NamedTuple):
    """A data file that is not written yet: its content, and what is to be told of it."""

    path: Path
    content: pa.Buffer
    told: StagedFile


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

    `table` and `snapshots` are as of `encode`. The file must not exist. Raises LakeUnwritable, with the partial file
    removed, when the disk refuses.
    """
    return write_encoded([encode(folder, layout, table, name, snapshots=snapshots)], fault=fault)[0]


def encode(
    folder: Path,
    layout: TableLayout,
    table: pa.Table,
    name: str,
    *,
    snapshots: pa.ChunkedArray | None = None,
    quick: bool = False,
) -> Encoded:
    """The data file `folder`/main/<table>/`name` of `table`, in memory.

    `table`'s columns are a subset of the layout's; `snapshots` (int64 per row) is added as DuckLake's snapshot
    column. `quick`: for a file that a compaction is to write anew.
    """
    columns, schema = _shape(layout.columns, table.schema)
    data = pa.Table.from_arrays(
        [_as(table.column(column.name), field.type) for column, field in zip(columns, schema, strict=True)],
        schema=schema,
    )
    if snapshots is not None:
        mark = pa.field(SNAPSHOT_COLUMN, pa.int64(), metadata={"PARQUET:field_id": str(SNAPSHOT_FIELD_ID)})
        data = data.append_column(mark, snapshots)
    sink = pa.BufferOutputStream()
    size_bytes = data.nbytes
    plain = size_bytes <= (QUICK_BYTES if quick else PLAIN_BYTES)
    small = size_bytes <= PLAIN_BYTES
    written: list[pq.FileMetaData] = []
    pq.write_table(
        data,
        sink,
        compression="none" if small else "snappy" if plain else "zstd",
        compression_level=None if plain else 1,
        use_dictionary=not plain,
        store_schema=False,
        row_group_size=ROW_GROUP_ROWS,
        metadata_collector=written,
    )
    content = sink.getvalue()
    told = StagedFile(
        layout.name,
        layout.id,
        name,
        data.num_rows,
        content.size,
        int.from_bytes(content[-8:-4].to_pybytes(), "little"),
        hashlib.sha256(content).hexdigest(),
        _stats(columns, data, written[0]),
    )
    return Encoded(table_folder(folder, layout.path) / name, content, told)


def write_encoded(
    files: Sequence[Encoded], *, fault: Fault = no_fault, at_once: AtOnce = map
) -> tuple[StagedFile, ...]:
    """Write files, then fsync them together (`at_once` is as of `dataflow.durable`), and their directories.

    None of them may exist. Raises LakeUnwritable, with no part of any left, when the disk refuses.
    """

    def each() -> Iterator[tuple[Path, memoryview]]:
        for file in files:
            fault("before_file")
            yield file.path, memoryview(file.content)

    with _refusals_told():
        create_all(each(), written=lambda: fault("in_file"), at_once=at_once)
    for _ in files:
        fault("after_file")
    return tuple(file.told for file in files)


def write_durably(target: Path, content: bytes | pa.Buffer, fault: Fault = no_fault) -> None:
    """Create `target` with `content` (bytes-like) and fsync it and its directory; LakeUnwritable on failure."""
    with _refusals_told():
        create(target, memoryview(content), written=lambda: fault("in_file"))


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeUnwritable(
            f"cannot write {error.filename}: {error.strerror}; nothing of it was published. "
            "Free space or correct the folder's permissions, then start again"
        ) from error


@lru_cache(maxsize=256)
def _shape(columns: tuple[Column, ...], known: pa.Schema) -> tuple[list[Column], pa.Schema]:
    """Those columns that a table of this schema has, in the lake's order, and the schema of their file."""
    there = [column for column in columns if column.name in known.names]
    return there, pa.schema([_field(column, known.field(column.name).type) for column in there])


def _as(column: pa.ChunkedArray, type_: pa.DataType) -> pa.ChunkedArray:
    # of a list the name of its elements changes
    return column.cast(type_) if pa.types.is_list(type_) else column


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
