"""A Protobuf message as its descriptors say it: the class that reads it, and how a frame names it."""

import base64
from dataclasses import dataclass
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message

from dataflow.formats.avro import SchemaError

__all__ = ["DecodeError", "Message", "ProtobufMessage", "files_of", "read_descriptors"]

# Of google.protobuf.descriptor.FieldDescriptor, which tells them by number.
DOUBLE, FLOAT, INT64, UINT64, INT32, FIXED64, FIXED32, BOOL, STRING, GROUP, MESSAGE, BYTES, UINT32, ENUM = range(1, 15)
SFIXED32, SFIXED64, SINT32, SINT64 = range(15, 19)
TIMESTAMP = "google.protobuf.Timestamp"


@dataclass(frozen=True, slots=True)
class ProtobufMessage:
    """`make` makes an empty message; `indexes` are how the frame names it in its file: [0] is the first message."""

    name: str
    make: type[Message]
    indexes: tuple[int, ...]


def files_of(message: object) -> tuple[str, str] | None:
    """The descriptors of a generated class, base64 of a FileDescriptorSet, and the message's name; None for others."""
    if not (isinstance(message, type) and issubclass(message, Message)):
        return None
    found = descriptor_pb2.FileDescriptorSet()
    seen: set[str] = set()

    def add(file: Any) -> None:
        if file.name in seen:
            return
        seen.add(file.name)
        for each in file.dependencies:
            add(each)
        found.file.append(descriptor_pb2.FileDescriptorProto.FromString(file.serialized_pb))

    descriptor: Any = message.DESCRIPTOR  # type: ignore[attr-defined]  # generated classes have it
    add(descriptor.file)
    return base64.b64encode(found.SerializeToString(deterministic=True)).decode(), str(descriptor.full_name)


def read_descriptors(content: bytes, name: str) -> ProtobufMessage:
    """The message `name` of a FileDescriptorSet, as `protoc --include_imports --descriptor_set_out` writes it.

    Raises SchemaError.
    """
    pool = descriptor_pool.DescriptorPool()
    try:
        files = descriptor_pb2.FileDescriptorSet.FromString(content)
        for each in files.file:
            pool.AddSerializedFile(each.SerializeToString())
    except (DecodeError, TypeError, ValueError) as error:
        raise SchemaError(f"no set of descriptors with all that they import: {error}") from None
    try:
        descriptor = pool.FindMessageTypeByName(name)
    except KeyError:
        known = [f"{each.package}.{message.name}".lstrip(".") for each in files.file for message in each.message_type]
        raise SchemaError(f"it has no message {name!r}, but {', '.join(known)}") from None
    return ProtobufMessage(name, message_factory.GetMessageClass(descriptor), _indexes(descriptor))


def _indexes(descriptor: Any) -> tuple[int, ...]:
    """Where the message stands in its file: the place of each message on the way down to it."""
    above = descriptor.containing_type
    if above is None:
        return (list(descriptor.file.message_types_by_name).index(descriptor.name),)
    return (*_indexes(above), [each.name for each in above.nested_types].index(descriptor.name))
