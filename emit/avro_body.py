"""Values as the body of an Avro record."""

import io
import json

import fastavro

from emit.record import Values
from emit.registered import Body


def avro_body(schema: str) -> Body:
    """Writes values, in the order of the fields of this record's schema."""
    parsed = fastavro.parse_schema(json.loads(schema))
    names = [field["name"] for field in json.loads(schema)["fields"]]

    def body(values: Values) -> bytes:
        written = io.BytesIO()
        fastavro.schemaless_writer(written, parsed, dict(zip(names, values, strict=True)))
        return written.getvalue()

    return body
