"""Avro records to event columns, one by one: bare bodies of one schema, or framed ones of a registry's schemas."""

from dataflow.decode.avro.reader import Aliases, Fields, Malformed, fields_reader
from dataflow.decode.fields import Row, judge_values
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.formats.avro import AvroType, SchemaError, read_schema
from dataflow.formats.frame import SchemaKey, framed_body
from dataflow.formats.schemas import Schemas
from dataflow.messages import Refusal

NO_FRAME = "it begins with no schema's number: a zero byte and four more, as a registry's serializers write them"


def record_schema(text: str) -> AvroType:
    """The schema that `text` says, which is one of a record. Raises SchemaError."""
    writer = read_schema(text)
    if writer.kind != "record":
        raise SchemaError(f"it is a schema of {writer.shown}; events are records")
    return writer


class Writers:
    """The schemas that records name; what a name stands for is asked for once."""

    def __init__(self, schemas: Schemas, *, only_records: bool = True) -> None:
        self._schemas = schemas
        self._only_records = only_records
        self._known: dict[SchemaKey, AvroType | Refusal] = {}

    def find(self, key: SchemaKey) -> AvroType | Refusal:
        """The schema of a record, or what is said of all records that name it. Raises RegistryUnreachable."""
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._ask(key)
        return found

    def _ask(self, key: SchemaKey) -> AvroType | Refusal:
        found = self._schemas.find(key)
        if found is None:
            return Refusal("unknown_schema", None, f"the registry has no schema of {key}")
        if found.kind != "AVRO":
            return Refusal("unknown_schema", None, f"the schema of {key} is of kind {found.kind}, not AVRO")
        try:
            writer = read_schema(found.text, found.references)
        except SchemaError as error:
            return Refusal("unknown_schema", None, f"the schema of {key} cannot be read: {error}")
        if writer.kind != "record" and self._only_records:
            return Refusal("not_object", None, f"the schema of {key} is one of {writer.shown}, not of a record")
        return writer


def bare_avro(schema: EventSchema, max_record_bytes: int | None, text: str, aliases: Aliases) -> RowDecoder:
    """A decoder of bodies of the schema that `text` says, which is one of a record. Raises SchemaError."""
    fields = fields_reader(record_schema(text), schema.root, aliases)
    return RowDecoder(schema, max_record_bytes, lambda value, _: _judged(schema, fields, value))


def framed_avro(
    schema: EventSchema, max_record_bytes: int | None, schemas: "Schemas | Writers", aliases: Aliases
) -> RowDecoder:
    """A decoder of framed records; what a schema's number stands for is asked for once."""
    writers = schemas if isinstance(schemas, Writers) else Writers(schemas)
    known: dict[SchemaKey, Fields | Refusal] = {}

    def judge(value: bytes, header: bytes | None) -> Row | Refusal:
        framed = framed_body(value, header)
        if framed is None:
            return Refusal("malformed", None, NO_FRAME)
        key, body = framed
        reader = known.get(key)
        if reader is None:
            writer = writers.find(key)
            reader = writer if isinstance(writer, Refusal) else fields_reader(writer, schema.root, aliases)
            known[key] = reader
        return reader if isinstance(reader, Refusal) else _judged(schema, reader, body)

    return RowDecoder(schema, max_record_bytes, judge)


def _judged(schema: EventSchema, fields: Fields, body: bytes) -> Row | Refusal:
    try:
        found = fields(body)
    except Malformed as error:
        return Refusal("malformed", None, f"not one Avro record of its schema: {error}")
    return judge_values(schema, found)
