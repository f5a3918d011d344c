"""Every type of column has one in Avro that others read, and what Avro cannot say is told."""

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from dataflow.formats.avro import SchemaError, read_schema
from dataflow.formats.avro_schema import avro_schema

AT = datetime(2026, 3, 1, 12, 0, 0, 123_000, UTC)
HELD = [
    (pa.int64(), 2**62, 2**62, "long"),
    (pa.int32(), -5, -5, "long"),
    (pa.float64(), 0.1, 0.1, "double"),
    (pa.bool_(), True, True, "boolean"),
    (pa.string(), "späti", "späti", "string"),
    (pa.decimal128(38, 6), Decimal("-12.345678"), Decimal("-12.345678"), "decimal"),
    (pa.timestamp("ms"), int(AT.timestamp() * 1000), AT, "timestamp-millis"),
    (pa.timestamp("us"), int(AT.timestamp() * 1000) * 1000, AT, "timestamp-micros"),
    (pa.date32(), date(2026, 3, 1), date(2026, 3, 1), "date"),
]


@pytest.mark.parametrize(("type_", "given", "read", "shown"), HELD, ids=str)
def test_a_column_is_read_by_others_as_it_was(type_: pa.DataType, given: Any, read: Any, shown: str) -> None:
    columns = pa.schema([pa.field("a", type_), pa.field("b", type_, nullable=False)])
    text = avro_schema("rows", "tidemill.small", columns)
    schema = fastavro.parse_schema(json.loads(text))
    written = io.BytesIO()
    fastavro.schemaless_writer(written, schema, {"a": given, "b": given})
    assert fastavro.schemaless_reader(io.BytesIO(written.getvalue()), schema, None) == {"a": read, "b": read}
    ours = read_schema(text)
    first, second = ours.fields
    assert ours.name == "tidemill.small.rows"
    assert [branch.shown for branch in first.type.branches] == ["null", shown]
    assert second.type.shown == shown


def test_a_column_that_may_be_null_has_null_as_its_default_so_that_it_may_come_later() -> None:
    before = avro_schema("rows", "n", pa.schema([pa.field("a", pa.string(), nullable=False)]))
    after = avro_schema("rows", "n", pa.schema([pa.field("b", pa.int64()), pa.field("a", pa.string(), nullable=False)]))
    written = io.BytesIO()
    fastavro.schemaless_writer(written, json.loads(before), {"a": "x"})
    read = fastavro.schemaless_reader(io.BytesIO(written.getvalue()), json.loads(before), json.loads(after))
    assert read == {"b": None, "a": "x"}


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.field("größe", pa.string()), "größe is no name in Avro"),
        (pa.field("a.b", pa.string()), "a.b is no name in Avro"),
        (pa.field("a", pa.list_(pa.int64())), r"a is list<.*>, for which Avro has no type here"),
        (pa.field("a", pa.timestamp("ns")), r"a is timestamp\[ns\], for which"),
    ],
    ids=str,
)
def test_what_avro_cannot_say_is_told(column: pa.Field, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        avro_schema("rows", "n", pa.schema([column]))
