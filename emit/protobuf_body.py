"""Values as the body of a Protobuf message."""

from decimal import Decimal
from typing import Any

import pyarrow as pa

from dataflow.formats.protobuf_schema import MessageSchema
from emit.record import Values
from emit.registered import Body

_FIRST_OF_ITS_FILE = b"\0"
"""How Confluent's frame names the message behind the schema's number."""


def protobuf_body(schema: MessageSchema, columns: pa.Schema) -> Body:
    """Writes values, in the order of these columns. A decimal is written without an exponent."""
    make: Any = schema.make()
    names = [(column.name, pa.types.is_timestamp(column.type)) for column in columns]

    def body(values: Values) -> bytes:
        message = make()
        for (name, is_time), value in zip(names, values, strict=True):
            if value is None:
                continue
            if is_time:
                assert isinstance(value, int)
                stamp = getattr(message, name)
                stamp.seconds, stamp.nanos = value // 1_000, value % 1_000 * 1_000_000
            else:
                setattr(message, name, f"{value:f}" if isinstance(value, Decimal) else value)
        return _FIRST_OF_ITS_FILE + bytes(message.SerializeToString())

    return body
