"""The order of tests/avro_events.py as a Protobuf message, made without protoc; and what the model knows of it."""

import struct
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from tests.model.protobuf import Field, Shape

INT64, INT32, BOOL, STRING, MESSAGE, BYTES, ENUM, DOUBLE, FLOAT, UINT64 = 3, 5, 8, 9, 11, 12, 14, 1, 2, 4
OPTIONAL, REPEATED = 1, 3


def _file() -> descriptor_pb2.FileDescriptorProto:
    file = descriptor_pb2.FileDescriptorProto(name="order.proto", package="shop", syntax="proto3")
    file.dependency.append("google/protobuf/timestamp.proto")
    kinds = file.enum_type.add(name="Kind")
    for number, name in enumerate(("new", "paid", "lost")):
        kinds.value.add(name=name, number=number)
    place = file.message_type.add(name="Place")
    place.field.add(name="city", number=1, type=STRING, label=OPTIONAL)
    _optional(place, "floor", 2, INT32)
    order = file.message_type.add(name="Order")
    order.field.add(name="order_id", number=1, type=STRING, label=OPTIONAL)
    order.field.add(name="at", number=2, type=MESSAGE, label=OPTIONAL, type_name=".google.protobuf.Timestamp")
    _optional(order, "amount", 3, DOUBLE)
    order.field.add(name="kind", number=4, type=ENUM, label=OPTIONAL, type_name=".shop.Kind")
    _optional(order, "weight", 5, FLOAT)
    _optional(order, "pieces", 6, INT32)
    order.field.add(name="gift", number=7, type=BOOL, label=OPTIONAL)
    order.field.add(name="place", number=8, type=MESSAGE, label=OPTIONAL, type_name=".shop.Place")
    order.field.add(name="seen", number=10, type=FLOAT, label=REPEATED)
    order.field.add(name="note", number=11, type=BYTES, label=OPTIONAL)
    order.field.add(name="back", number=12, type=MESSAGE, label=OPTIONAL, type_name=".shop.Order")
    order.nested_type.add(name="Line").field.add(name="order_id", number=1, type=STRING, label=OPTIONAL)
    return file


def _optional(message: Any, name: str, number: int, type_: int) -> None:
    message.field.add(
        name=name, number=number, type=type_, label=OPTIONAL, proto3_optional=True, oneof_index=len(message.oneof_decl)
    )
    message.oneof_decl.add(name=f"_{name}")


def _timestamp() -> descriptor_pb2.FileDescriptorProto:
    return descriptor_pb2.FileDescriptorProto.FromString(timestamp_pb2.DESCRIPTOR.serialized_pb)


def of_edition_2023() -> descriptor_pb2.FileDescriptorProto:
    """The same file in an edition, where features say which fields show that they are absent."""
    file = _file()
    file.syntax, file.edition = "editions", descriptor_pb2.EDITION_2023
    for message in file.message_type:
        message.ClearField("oneof_decl")
        for field in message.field:
            if not field.proto3_optional and field.label == OPTIONAL and field.type != MESSAGE:
                field.options.features.field_presence = descriptor_pb2.FeatureSet.IMPLICIT
            field.ClearField("proto3_optional")
            field.ClearField("oneof_index")
    return file


def descriptors(file: descriptor_pb2.FileDescriptorProto | None = None) -> bytes:
    """What `protoc --include_imports --descriptor_set_out` writes."""
    return descriptor_pb2.FileDescriptorSet(file=[_timestamp(), file or _file()]).SerializeToString()


_POOL = descriptor_pool.DescriptorPool()
for _each in (_timestamp(), _file()):
    _POOL.AddSerializedFile(_each.SerializeToString())
OrderMessage: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("shop.Order"))
LineMessage: Any = message_factory.GetMessageClass(_POOL.FindMessageTypeByName("shop.Order.Line"))

_STAMP = Shape({1: Field("seconds", "int64"), 2: Field("nanos", "int32")}, is_timestamp=True)
_PLACE = Shape({1: Field("city", "string"), 2: Field("floor", "int32", shows=True)})
SHAPE = Shape(
    {
        1: Field("order_id", "string"),
        2: Field("at", "message", shape=_STAMP),
        3: Field("amount", "double", shows=True),
        4: Field("kind", "enum", names={0: "new", 1: "paid", 2: "lost"}),
        5: Field("weight", "float", shows=True),
        6: Field("pieces", "int32", shows=True),
        7: Field("gift", "bool"),
        8: Field("place", "message", shape=_PLACE),
        10: Field("seen", "float", repeated=True),
        11: Field("note", "bytes"),
        12: Field("back", "message"),
    }
)
SHAPE.fields[12] = Field("back", "message", shape=SHAPE)

INDEXES = b"\x02\x02"
"""How a frame says that it holds the second message of the file."""


def order(**values: Any) -> bytes:
    """A good order, with some fields otherwise."""
    message = OrderMessage(order_id="a1", amount=12.34, kind=1, weight=1.5, pieces=2, gift=True, seen=[1.0, 2.5])
    message.at.seconds, message.at.nanos = 1_700_000_000, 123_999_999
    message.place.city = "Delft"
    message.back.order_id = "a0"
    for name, value in values.items():
        setattr(message, name, value) if value is not None else message.ClearField(name)
    return bytes(message.SerializeToString())


def framed(number: int, body: bytes, indexes: bytes = INDEXES) -> bytes:
    """`body` in a registry's frame."""
    return struct.pack(">bI", 0, number) + indexes + body
