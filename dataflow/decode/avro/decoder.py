"""Avro records to event columns: bare bodies of one schema, or framed ones whose schemas a registry knows."""

from dataflow.decode.avro.reader import Aliases, Fields, Malformed, fields_reader
from dataflow.decode.fields import Row, judge_values
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.formats.avro import SchemaError, read_schema
from dataflow.formats.frame import SchemaKey, framed_body
from dataflow.formats.schemas import RegisteredSchema, Schemas
from dataflow.messages import Refusal

NO_FRAME = "it begins with no schema's number: a zero byte and four more, as a registry's serializers write them"


def bare_avro(schema: EventSchema, max_record_bytes: int | None, text: str, aliases: Aliases) -> RowDecoder:
    """A decoder of bodies of the schema that `text` says, which is one of a record. Raises SchemaError."""
    writer = read_schema(text)
    if writer.kind != "record":
        raise SchemaError(f"it is a schema of {writer.shown}; events are records")
    fields = fields_reader(writer, schema.root, aliases)
    return RowDecoder(schema, max_record_bytes, lambda value, _: _judged(schema, fields, value))


def framed_avro(schema: EventSchema, max_record_bytes: int | None, schemas: Schemas, aliases: Aliases) -> RowDecoder:
    """A decoder of framed records; what a schema's number stands for is asked for once."""
    known: dict[SchemaKey, Fields | Refusal] = {}

    def judge(value: bytes, header: bytes | None) -> Row | Refusal:
        framed = framed_body(value, header)
        if framed is None:
            return Refusal("malformed", None, NO_FRAME)
        key, body = framed
        reader = known.get(key)
        if reader is None:
            reader = known[key] = _reader_of(schema, key, schemas.find(key), aliases)
        return reader if isinstance(reader, Refusal) else _judged(schema, reader, body)

    return RowDecoder(schema, max_record_bytes, judge)


def _reader_of(
    schema: EventSchema, key: SchemaKey, found: RegisteredSchema | None, aliases: Aliases
) -> Fields | Refusal:
    if found is None:
        return Refusal("unknown_schema", None, f"the registry has no schema of {key}")
    if found.kind != "AVRO":
        return Refusal("unknown_schema", None, f"the schema of {key} is of kind {found.kind}, not AVRO")
    try:
        writer = read_schema(found.text, found.references)
    except SchemaError as error:
        return Refusal("unknown_schema", None, f"the schema of {key} cannot be read: {error}")
    if writer.kind != "record":
        return Refusal("not_object", None, f"the schema of {key} is one of {writer.shown}, not of a record")
    return fields_reader(writer, schema.root, aliases)


def _judged(schema: EventSchema, fields: Fields, body: bytes) -> Row | Refusal:
    try:
        found = fields(body)
    except Malformed as error:
        return Refusal("malformed", None, f"not one Avro record of its schema: {error}")
    return judge_values(schema, found)
