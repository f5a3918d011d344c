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


def tables_of(relation: duckdb.DuckDBPyRelation, batch_rows: int, limit: int | None = None) -> Iterator[pa.Table]:
    """The relation's rows, at most `limit`, as `exact_table` gives them, at most `batch_rows` at a time.

    The first table comes even without rows.
    """
    names, types = relation.columns, relation.types
    reader = (relation if limit is None else relation.limit(limit)).to_arrow_reader(batch_rows)
    batch = _next(reader)
    table = pa.Table.from_batches([] if batch is None else [batch], reader.schema)
    while True:
        # where rows are left out, a relation numbers columns of one name
        yield exact(table.rename_columns(names), types)
        batch = _next(reader)
        if batch is None:
            return
        table = pa.Table.from_batches([batch])


def _next(reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
    try:
        return next(iter(reader), None)
    except OSError as error:
        message = str(error)
        raise _KINDS.get(message.partition(":")[0], duckdb.Error)(message) from error
