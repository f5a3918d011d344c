"""A Protobuf message of Arrow columns: its descriptors, its text, and the numbers that its fields keep for good."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2
from google.protobuf.message import Message

from dataflow.formats.avro import SchemaError
from dataflow.formats.protobuf import BOOL, DOUBLE, INT64, MESSAGE, STRING, TIMESTAMP

_IMPORTED = "google/protobuf/timestamp.proto"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_FIELD = re.compile(r"^\s*(?:optional\s+)?\.?[\w.]+\s+(\w+)\s*=\s*(\d+)\s*(?:\[[^]]*\])?;", re.MULTILINE)
_RESERVED = re.compile(r"^\s*reserved\s+([\d,\s]+);", re.MULTILINE)
_SPOKEN = {BOOL: "bool", DOUBLE: "double", INT64: "int64", STRING: "string", MESSAGE: TIMESTAMP}
_OPTIONAL = 1


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numbers of fields by name, and those that fields had which are gone."""

    taken: Mapping[str, int]
    reserved: tuple[int, ...] = ()


def numbers_in(text: str) -> Numbers:
    """Those of a text that `MessageSchema.text` made, maybe in the form that a registry gives it."""
    reserved = [int(number) for found in _RESERVED.findall(text) for number in found.split(",")]
    return Numbers({name: int(number) for name, number in _FIELD.findall(text)}, tuple(reserved))


class MessageSchema:
    """One message in a file of its own. A column has the number that it had before, a new one the next that is free.

    A decimal is text, which keeps its digits, and a time a google.protobuf.Timestamp. A column that may be null is
    `optional`.
    """

    def __init__(self, name: str, package: str, columns: pa.Schema, before: Numbers | None = None) -> None:
        """`before`: the numbers of the newest version there is. Raises SchemaError for what Protobuf cannot say."""
        self.name = f"{package}.{name}"
        before = before or Numbers({})
        most = max([0, *before.taken.values(), *before.reserved])
        self._file = descriptor_pb2.FileDescriptorProto(name=f"{self.name}.proto", package=package, syntax="proto3")
        self._file.dependency.append(_IMPORTED)
        message = self._file.message_type.add(name=name)
        for column in columns:
            number = before.taken.get(column.name)
            if number is None:
                number = most = most + 1
            _add(message, column, number)
        self._gone = sorted({*before.reserved, *(n for name, n in before.taken.items() if name not in columns.names)})
        for number in self._gone:
            message.reserved_range.add(start=number, end=number + 1)

    @property
    def text(self) -> str:
        """As a registry takes it."""
        (message,) = self._file.message_type
        lines = ['syntax = "proto3";', f"package {self._file.package};", "", f'import "{_IMPORTED}";', ""]
        lines.append(f"message {message.name} {{")
        if self._gone:
            lines.append(f"  reserved {', '.join(map(str, self._gone))};")
        for field in message.field:
            label = "optional " if field.proto3_optional else ""
            lines.append(f"  {label}{_SPOKEN[field.type]} {field.name} = {field.number};")
        return "\n".join([*lines, "}", ""])

    def make(self) -> type[Message]:
        """The message's class. Raises SchemaError."""
        pool = descriptor_pool.DescriptorPool()
        try:
            pool.AddSerializedFile(timestamp_pb2.DESCRIPTOR.serialized_pb)
            pool.AddSerializedFile(self._file.SerializeToString())
            made: type[Message] = message_factory.GetMessageClass(pool.FindMessageTypeByName(self.name))
        except TypeError as error:
            raise SchemaError(f"its columns make no message: {' '.join(str(error).split())}") from None
        return made


def _add(message: descriptor_pb2.DescriptorProto, column: pa.Field, number: int) -> None:
    if not _NAME.fullmatch(column.name):
        raise SchemaError(f"{column.name} is no name in Protobuf, which has letters of ASCII, digits and _ alone")
    type_ = _type(column)
    field = message.field.add(name=column.name, number=number, label=_OPTIONAL, type=type_)
    if type_ == MESSAGE:
        field.type_name = f".{TIMESTAMP}"
    elif column.nullable:
        field.proto3_optional = True
        field.oneof_index = len(message.oneof_decl)
        message.oneof_decl.add(name=f"_{column.name}")


def _type(column: pa.Field) -> int:
    type_ = column.type
    if pa.types.is_decimal(type_) or pa.types.is_string(type_):
        return STRING
    if pa.types.is_timestamp(type_) and type_.unit == "ms":
        return MESSAGE
    if pa.types.is_boolean(type_):
        return BOOL
    if pa.types.is_integer(type_):
        return INT64
    if pa.types.is_floating(type_):
        return DOUBLE
    raise SchemaError(f"{column.name} is {type_}, for which Protobuf has no type here")
