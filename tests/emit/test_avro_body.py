"""What is written of any values is read back equal, by fastavro and by our own source's reader."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import fastavro
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.formats.avro_schema import avro_schema
from emit.avro_body import avro_body

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = pa.schema(
    [
        pa.field("who", pa.string()),
        pa.field("window_start", pa.timestamp("ms"), nullable=False),
        pa.field("n", pa.int64()),
        pa.field("spent", pa.decimal128(38, 6)),
        pa.field("total", pa.decimal128(38, 0)),
        pa.field("mean", pa.float64()),
        pa.field("ok", pa.bool_()),
        pa.field("correction", pa.bool_(), nullable=False),
    ]
)
SCHEMA = avro_schema("minutes", "tidemill.small", COLUMNS)
BODY = avro_body(SCHEMA)
MOST = 10**38 - 1
MONEY = st.integers(-MOST, MOST).map(lambda units: Decimal(f"{units}e-6"))


@given(
    st.tuples(
        st.none() | st.text(),
        st.integers(-62_135_596_800_000, 253_402_300_799_999),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | MONEY,
        st.none() | st.integers(-MOST, MOST).map(Decimal),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.booleans(),
    )
)
def test_values_are_read_back_equal(values: tuple[object, ...]) -> None:
    written = io.BytesIO(BODY(values))
    read = fastavro.schemaless_reader(written, fastavro.parse_schema(json.loads(SCHEMA)), None)
    assert written.read() == b""
    assert isinstance(read, dict)
    wanted = dict(zip(COLUMNS.names, values, strict=True))
    assert isinstance(values[1], int)
    assert read == {**wanted, "window_start": EPOCH + timedelta(milliseconds=values[1])}
