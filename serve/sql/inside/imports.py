"""Whatever a question may need of Python is imported before no file can be opened any more."""

import decimal
import encodings.idna
import uuid
import zoneinfo

import duckdb
import numpy
import pyarrow as pa
import pyarrow.compute as pc

import query.unsigned
from serve.sql import weight

USED = (decimal, encodings.idna, uuid, zoneinfo, duckdb, numpy, pa, pc, query.unsigned, weight)


def warm() -> None:
    """Libraries import more of themselves when they are first used: use them."""
    with duckdb.connect(config={"threads": 1, "async_threads": 1}) as connection:
        relation = connection.sql(
            "SELECT i, i::DECIMAL(9, 2) AS d, i::VARCHAR AS t, [i] AS l, {'a': i} AS s, now() AS z, i::UHUGEINT AS u,"
            " gen_random_uuid() AS g, 'x'::ENUM('x') AS e FROM range(3) t(i) WHERE i >= $least",
            params={"least": 1},
        )
        types = relation.types
        reader = relation.limit(2).to_arrow_reader(2_048)
        table = query.unsigned.exact(pa.Table.from_batches(list(reader), reader.schema), types)
        weight.weight_bytes(table)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
