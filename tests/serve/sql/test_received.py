"""What a child sends is a table of known types, no larger than it may be, or nothing at all."""

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.errors import SqlFailed
from serve.sql.received import received

EVERY_TYPE = """
SELECT NULL AS n, [NULL] AS ln, array_value(1, 2) AS a, 'x'::ENUM('x') AS e, {'x': 1} AS s, MAP {'a': 1} AS m,
       1::HUGEINT AS h, uuid() AS u, INTERVAL 1 DAY AS i, now() AS tz, TIME '12:00' AS t, '1'::BIT AS b,
       1::DECIMAL(38, 3) AS d, union_value(v := 1) AS un, TIMESTAMP_NS '2020-01-01' AS ns, 'x'::BLOB AS bl,
       '{}'::JSON AS j, 1.5::DOUBLE AS f, DATE '2020-01-01' AS da, TIMETZ '12:00:00+01' AS tt, 1::BIGNUM AS bn,
       true AS bo
"""


def stream_of(table: pa.Table, options: pa.ipc.IpcWriteOptions | None = None) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def every_type() -> pa.Table:
    with duckdb.connect() as connection:
        return connection.sql(EVERY_TYPE).to_arrow_table()


def test_every_type_that_the_engine_sends_is_received() -> None:
    table = every_type()
    assert received(stream_of(table), rows=1, bytes_=10_000).equals(table)


def test_more_rows_or_bytes_than_there_may_be_are_refused() -> None:
    table = pa.table({"i": list(range(3))})
    with pytest.raises(SqlFailed, match="3 rows"):
        received(stream_of(table), rows=2, bytes_=10_000)
    large = pa.table({"s": ["x" * 5_000_000]})
    with pytest.raises(SqlFailed, match="more bytes"):
        received(stream_of(large), rows=2, bytes_=10)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["x"] * 3, pa.string_view()),
        pa.array([[1]] * 3, pa.list_view(pa.int32())),
        pa.RunEndEncodedArray.from_arrays([3], [1]),
        pa.array([{}] * 3, pa.struct([])),
        pa.array([[]] * 3, pa.list_(pa.int32(), 0)),
        pa.array([1, 1, 1]).dictionary_encode(),
        pa.array([[["x"]]] * 3, pa.list_(pa.list_(pa.string_view()))),
    ],
    ids=lambda column: str(column.type),
)
def test_types_that_the_engine_does_not_send_are_refused(column: pa.Array) -> None:
    with pytest.raises(SqlFailed, match="a column of"):
        received(stream_of(pa.table({"c": column})), rows=10, bytes_=10_000)


@pytest.mark.parametrize("codec", ["zstd", "lz4"])
@pytest.mark.parametrize(
    "table", [pa.table({"s": ["x" * 50_000]}), pa.table({"e": pa.array(["x" * 9_000] * 9).dictionary_encode()})]
)
def test_what_would_grow_when_it_is_read_is_refused(codec: str, table: pa.Table) -> None:
    stream = stream_of(table, options=pa.ipc.IpcWriteOptions(compression=codec))
    with pytest.raises(SqlFailed, match="compressed"):
        received(stream, rows=10, bytes_=1_000_000)


@pytest.mark.parametrize(
    "stream", [b"", b"nonsense", stream_of(pa.table({"i": [1]}))[:-8], stream_of(pa.table({"i": [1]})) + b"more"]
)
def test_what_is_no_stream_or_not_a_whole_one_is_refused(stream: bytes) -> None:
    with pytest.raises(SqlFailed):
        received(stream, rows=10, bytes_=10_000)


WHOLE = stream_of(every_type())


@settings(max_examples=500, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(WHOLE) - 1), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_stream_with_changed_bytes_is_a_sound_table_or_refused(changes: list[tuple[int, int]]) -> None:
    stream = bytearray(WHOLE)
    for at, value in changes:
        stream[at] = value
    try:
        table = received(bytes(stream), rows=10, bytes_=10_000)
    except SqlFailed:
        return
    table.validate(full=True)
    assert table.num_rows <= 10
