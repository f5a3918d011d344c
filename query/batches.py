"""An answer read batch by batch through Arrow, which tells the engine's errors as its own."""

from collections.abc import Iterator

import duckdb
import pyarrow as pa

from query.unsigned import exact

_KINDS = {
    "INTERRUPT Error": duckdb.InterruptException,
    "Out of Memory Error": duckdb.OutOfMemoryException,
    "IO Error": duckdb.IOException,
}
"""Errors that mean more than that the question is wrong, by how their message begins."""


def tables_of(relation: duckdb.DuckDBPyRelation, batch_rows: int) -> Iterator[pa.Table]:
    """The relation's rows as `exact_table` gives them, at most `batch_rows` at a time; the first even without rows."""
    types = relation.types
    reader = relation.to_arrow_reader(batch_rows)
    batch = _next(reader)
    yield exact(pa.Table.from_batches([] if batch is None else [batch], reader.schema), types)
    while batch is not None:
        batch = _next(reader)
        if batch is not None:
            yield exact(pa.Table.from_batches([batch]), types)


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return next(iter(reader), None)
    except OSError as error:
        message = str(error)
        raise _KINDS.get(message.partition(":")[0], duckdb.Error)(message) from error
