"""Protobuf records to event columns, one by one: bare messages, or framed ones with their place in their file."""

from collections.abc import Callable

from dataflow.decode.avro.decoder import NO_FRAME
from dataflow.decode.fields import Row, judge_values
from dataflow.decode.protobuf.reader import Aliases, values_reader
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema
from dataflow.formats.frame import SchemaKey, framed_body
from dataflow.formats.protobuf import DecodeError, Message, ProtobufMessage
from dataflow.formats.schemas import Schemas
from dataflow.messages import Refusal

_MOST_INDEXES = 64
_MOST_VARINT_BYTES = 10


class Known:
    """The schemas that records name; what a name stands for is asked for once."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._known: dict[SchemaKey, Refusal | None] = {}

    def refused(self, key: SchemaKey) -> Refusal | None:
        """What is said of all records that name it; None for a schema of Protobuf. Raises RegistryUnreachable."""
        if key not in self._known:
            self._known[key] = self._ask(key)
        return self._known[key]

    def _ask(self, key: SchemaKey) -> Refusal | None:
        found = self._schemas.find(key)
        if found is None:
            return Refusal("unknown_schema", None, f"the registry has no schema of {key}")
        if found.kind != "PROTOBUF":
            return Refusal("unknown_schema", None, f"the schema of {key} is of kind {found.kind}, not PROTOBUF")
        return None


def protobuf_decoder(
    schema: EventSchema,
    max_record_bytes: int | None,
    message: ProtobufMessage,
    aliases: Aliases,
    schemas: "Schemas | Known | None",
) -> RowDecoder:
    """A decoder of `message`. With `schemas`, every record is framed and names a Protobuf schema that is known there.

    Without, a record that begins with a zero byte or a 1 has a frame, which no bare message can begin with, and the
    schema that it names is not looked at; the message that it names is, in either case.
    """
    values = values_reader(message.make.DESCRIPTOR, schema.root, aliases)
    parsed = body_reader(message, schemas if isinstance(schemas, Known) or schemas is None else Known(schemas))

    def judge(value: bytes, header: bytes | None) -> Row | Refusal:
        found = parsed(value, header)
        return found if isinstance(found, Refusal) else judge_values(schema, values(found))

    return RowDecoder(schema, max_record_bytes, judge)


def body_reader(message: ProtobufMessage, known: Known | None) -> Callable[[bytes, bytes | None], Message | Refusal]:
    """What takes bytes and the header of the newer frame to a parsed `message`, in or out of its frame."""

    def read(value: bytes, header: bytes | None) -> Message | Refusal:
        framed = framed_body(value, header)
        if framed is None:
            return parsed(value) if known is None else Refusal("malformed", None, NO_FRAME)
        key, body = framed
        refused = None if known is None else known.refused(key)
        if refused is not None:
            return refused
        named = message_indexes(body)
        if named is None:
            return Refusal("malformed", None, "the frame does not say which message of its file it holds")
        indexes, start = named
        if indexes != message.indexes:
            said = f"it holds message {list(indexes)} of its file, not {list(message.indexes)}, {message.name}"
            return Refusal("malformed", None, said)
        return parsed(body[start:])

    def parsed(body: bytes) -> Message | Refusal:
        found = message.make()
        try:
            found.MergeFromString(body)
        except DecodeError:
            return Refusal(
                "malformed", None, f"not one message {message.name}: it is cut off, or its bytes are no fields"
            )
        return found

    return read


def message_indexes(body: bytes) -> tuple[tuple[int, ...], int] | None:
    """The indexes that a framed body begins with, and where the message begins; None where there are none.

    Their count and each of them are zigzag numbers; a count of 0 stands for [0].
    """
    count, at = _zigzag(body, 0)
    if count is None or not 0 <= count <= _MOST_INDEXES:
        return None
    indexes = []
    for _ in range(count):
        index, at = _zigzag(body, at)
        if index is None or index < 0:
            return None
        indexes.append(index)
    return tuple(indexes) or (0,), at


def _zigzag(body: bytes, at: int) -> tuple[int | None, int]:
    number = 0
    for place, byte in enumerate(body[at : at + _MOST_VARINT_BYTES]):
        number |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at + place + 1
    return None, at
