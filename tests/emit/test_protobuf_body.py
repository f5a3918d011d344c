"""What is written of any values is read back equal, by the message's class and by our own source's decoder."""

import base64
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from dataflow.formats.protobuf import files_of, read_descriptors
from dataflow.formats.protobuf_schema import MessageSchema
from emit.protobuf_body import protobuf_body
from tests.emit.test_avro_body import COLUMNS, MONEY, MOST

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SCHEMA = MessageSchema("minutes", "tidemill.small", COLUMNS)
BODY = protobuf_body(SCHEMA, COLUMNS)
MADE = files_of(SCHEMA.make())
assert MADE is not None
OURS = read_descriptors(base64.b64decode(MADE[0]), MADE[1])


@given(
    st.tuples(
        st.none() | st.text(st.characters(codec="utf-8")),
        st.integers(-62_135_596_800_000, 253_402_300_799_999),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | MONEY,
        st.none() | st.integers(-MOST, MOST).map(Decimal),
        st.none() | st.floats(allow_nan=False),
        st.none() | st.booleans(),
        st.booleans(),
    )
)
def test_values_are_read_back_equal(values: tuple[Any, ...]) -> None:
    written = BODY(values)
    assert written[:1] == b"\0"
    assert OURS.indexes == (0,)
    message: Any = OURS.make.FromString(written[1:])
    for column, value in zip(COLUMNS, values, strict=True):
        if column.nullable and value is None:
            assert not message.HasField(column.name)
            continue
        read = getattr(message, column.name)
        if pa.types.is_timestamp(column.type):
            assert EPOCH + timedelta(seconds=read.seconds, microseconds=read.nanos // 1000) == EPOCH + timedelta(
                milliseconds=value
            )
        elif pa.types.is_decimal(column.type):
            assert "E" not in read
            assert Decimal(read).as_tuple() == value.as_tuple()
        else:
            assert read == value
