"""Sessions that reach over a border: what of them lies before it must stay, since they are shown whole."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataflow.aggregates.parts import counts
from dataflow.errors import LakeError
from dataflow.fold.merge import merge_rows
from dataflow.own_columns import TIMESTAMP
from dataflow.pipeline.tables import Merge, TableSpec
from sinks.lake.catalog.arrow import column_type
from sinks.lake.catalog.layout import Column, TableLayout

_MERGE_ROWS = 500_000


def floor_ms(paths: Iterable[Path], table: TableLayout, keys: Iterable[str], before_ms: int) -> int:
    """Where the first session begins that began by `before_ms` and ends after it; `before_ms` without one.

    Rows that end by there belong to sessions that end by `before_ms`. `paths` are the files of a session rollup's
    delta `table` with rows that begin by `before_ms`. Raises LakeError where one cannot be read.
    """
    spec = _intervals(table, keys)
    border = pa.scalar(before_ms, pa.int64()).cast(TIMESTAMP)
    parts: list[pa.Table] = []
    waiting = merged = 0
    for path in paths:
        rows = _read(path, table, spec.schema)
        began = pc.less_equal(rows.column("window_start"), border)
        parts.append(rows.filter(pc.and_(began, pc.greater(rows.column("row_count"), 0))))
        waiting += parts[-1].num_rows
        if waiting > max(_MERGE_ROWS, 2 * merged):
            parts = [_merged(spec, parts)]
            waiting, merged = 0, parts[0].num_rows
    sessions = _merged(spec, parts)
    across = sessions.filter(pc.greater(sessions.column("window_end"), border))
    if not across.num_rows:
        return before_ms
    return int(pc.min_max(across.column("window_start").cast(pa.int64()))["min"].as_py())


def _merged(spec: TableSpec, parts: list[pa.Table]) -> pa.Table:
    return merge_rows(spec, pa.concat_tables(parts).combine_chunks() if parts else spec.schema.empty_table())


def _intervals(table: TableLayout, keys: Iterable[str]) -> TableSpec:
    """Keys, windows and a count: as much of a delta table as says which rows are one session."""
    columns = {column.name: column for column in table.columns}
    named = [*keys, "window_start", "window_end", "row_count"]
    fields = [pa.field(name, _type(columns[name])) for name in named]
    return TableSpec(table.name, pa.schema(fields), tuple(named[:-1]), (Merge(("row_count",), counts()),), True)


def _type(column: Column) -> pa.DataType:
    kind = column_type(column)
    return TIMESTAMP if pa.types.is_timestamp(kind) else kind


def _read(path: Path, table: TableLayout, schema: pa.Schema) -> pa.Table:
    """The columns of `schema`, by their field ids."""
    try:
        with path.open("rb") as stream:
            file = pq.ParquetFile(stream)
            ids = {(entry.metadata or {}).get(b"PARQUET:field_id"): entry.name for entry in file.schema_arrow}
            wanted = {name: ids.get(str(_id(table, name)).encode()) for name in schema.names}
            rows = file.read(columns=[name for name in wanted.values() if name is not None])
    except (OSError, pa.ArrowInvalid) as error:
        raise LakeError(f"{path} cannot be read ({error}); see `tidemill audit`") from error
    arrays = []
    for entry in schema:
        name = wanted[entry.name]
        arrays.append(
            pa.chunked_array([pa.nulls(rows.num_rows, entry.type)])
            if name is None
            else rows.column(name).cast(entry.type)
        )
    return pa.Table.from_arrays(arrays, schema=schema)


def _id(table: TableLayout, name: str) -> int:
    column = table.column(name)
    assert column is not None, "the schema was made of the table's columns"
    return column.id
