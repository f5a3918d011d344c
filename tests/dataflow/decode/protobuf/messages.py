"""Protobuf messages that somebody may have for an event model, without protoc, and records of them."""

from collections.abc import Iterator
from itertools import count
from random import Random
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2

from dataflow.decode.fields import judge_field
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.formats import protobuf as of
from dataflow.formats.typed import Stamp
from dataflow.messages import Refusal

OPTIONAL, REPEATED = 1, 3
STAMP = "stamp"
_NAMES = [*("a", "ab", "bb", "b", "click", "conversion", "impression", "red", "green", "home", "away", "abc"), "lost"]
_TEXTS = [
    *("", "a", "ab", "bb", "abc", "click", "red", "home", "é", "Ærø", "\U0001f600", "x" * 64, "x" * 65, "\x00"),
    *("12.50", "-3", "0.0000001", "2025-01-01", "2025-02-30", "2024-12-18T06:00:00Z", "1734501600000"),
]
_INT32, _INT64 = (-(2**31), 2**31 - 1), (-(2**63), 2**63 - 1)
_RANGES = {
    of.INT32: _INT32,
    of.SINT32: _INT32,
    of.SFIXED32: _INT32,
    of.UINT32: (0, 2**32 - 1),
    of.FIXED32: (0, 2**32 - 1),
    of.INT64: _INT64,
    of.SINT64: _INT64,
    of.SFIXED64: _INT64,
    of.UINT64: (0, 2**64 - 1),
    of.FIXED64: (0, 2**64 - 1),
}
_WHOLE = [0, 1, 2, 3, 5, 10, -1, -5, 99, 100, 1_700_000_000_123, 10**12, -(10**12), 9 * 10**15, 9 * 10**15 + 1]
_STAMPS = [
    (0, 0),
    (1_700_000_000, 123_999_999),
    (-1, 999_999_999),
    (9_300_000_000, 1),
    (-5, -1),
    (2**62, 0),
    (2, 2**31 - 1),
]
TYPES: list[Any] = [*_RANGES, of.DOUBLE, of.FLOAT, of.BOOL, of.STRING, of.ENUM, of.BYTES, STAMP]


def pool(type_: Any) -> list[Any]:
    """Values of a type; an enum's are numbers, an instant's seconds and nanos."""
    if type_ in _RANGES:
        least, most = _RANGES[type_]
        return [number for number in {*_WHOLE, least, most, most - 1} if least <= number <= most]
    pools: dict[Any, list[Any]] = {
        of.DOUBLE: [0.0, -0.0, 1.0, 0.5, 12.34, -0.5, 99.95, 1e300, float("inf"), float("nan"), 123456789.123456],
        of.FLOAT: [0.0, -0.0, 1.5, 0.5, 0.1],
        of.BOOL: [False, True],
        of.STRING: _TEXTS,
        of.ENUM: [*range(len(_NAMES)), 77, -1],
        of.BYTES: [b"", b"\xff"],
        STAMP: _STAMPS,
    }
    return pools[type_]


_fitting: dict[tuple[int, Any], tuple[EventField, list[Any]]] = {}
"""By field and type; the field is kept, or another one could have its id."""


def fitting(leaf: EventField, type_: Any) -> list[Any]:
    """The values of a type that a field takes."""
    key = id(leaf), type_
    if key not in _fitting:
        values = [
            value
            for value in pool(type_)
            if type_ != of.BYTES and not isinstance(judge_field(leaf, _typed(type_, value)), Refusal)
        ]
        _fitting[key] = leaf, values
    return _fitting[key][1]


def _typed(type_: Any, value: Any) -> object:
    if type_ == STAMP:
        return Stamp(value[0] * 10**9 + value[1], 10**9)
    if type_ == of.ENUM:
        return _NAMES[value] if 0 <= value < len(_NAMES) else str(value)
    return value


class Maker:
    """Makes one file with a message for an event model, and records of it."""

    def __init__(self, chance: Random, schema: EventSchema) -> None:
        self._chance = chance
        self._file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
        self._file.dependency.append("google/protobuf/timestamp.proto")
        kinds = self._file.enum_type.add(name="Kind")
        for number, name in enumerate(_NAMES):
            kinds.value.add(name=name, number=number)
        self._children: dict[str, tuple[EventField | EventObject | None, Any]] = {}
        self._numbers: Iterator[int] = count()
        self.aliases: dict[str, list[str]] = {}
        name = self._message(schema.root)
        descriptor_pool_of_file = descriptor_pool.DescriptorPool()
        stamp = descriptor_pb2.FileDescriptorProto.FromString(timestamp_pb2.DESCRIPTOR.serialized_pb)
        self.files = descriptor_pb2.FileDescriptorSet(file=[stamp, self._file]).SerializeToString()
        for each in (stamp, self._file):
            descriptor_pool_of_file.AddSerializedFile(each.SerializeToString())
        self.name = f"made.{name}"
        self.make: Any = message_factory.GetMessageClass(descriptor_pool_of_file.FindMessageTypeByName(self.name))

    def _message(self, node: EventObject) -> str:
        name = f"M{next(self._numbers)}"
        message = descriptor_pb2.DescriptorProto(name=name)
        message.oneof_decl.add(name="either")
        numbers = self._chance.sample(range(1, 200), len(node.children) + 3)
        for child in node.children:
            if not child.required and not self._chance.randrange(5):
                continue
            self._field(message, name, child, numbers.pop())
        self._unasked(message, name, numbers)
        self._file.message_type.append(message)
        return name

    def _field(self, message: Any, name: str, child: EventField | EventObject, number: int) -> None:
        key = child.path[-1]
        called = key if key.isidentifier() and self._chance.randrange(6) else f"renamed{next(self._numbers)}"
        if called != key:
            self.aliases[".".join(child.path)] = [called]
        if isinstance(child, EventObject) and self._chance.randrange(12):
            type_: Any = of.MESSAGE
            inner = self._message(child)
            field = message.field.add(name=called, number=number, type=of.MESSAGE, type_name=f".made.{inner}")
        else:
            drawn = [self._chance.choice(TYPES) for _ in range(20)]
            good = [each for each in drawn if isinstance(child, EventField) and fitting(child, each)]
            type_ = good[0] if good and self._chance.randrange(12) else drawn[0]
            field = message.field.add(name=called, number=number)
            self._typed_field(field, type_)
        field.label = OPTIONAL if self._chance.randrange(40) else REPEATED
        if field.label == OPTIONAL and type_ not in (of.MESSAGE, STAMP) and self._chance.randrange(2):
            field.proto3_optional = True
            field.oneof_index = len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{called}")
        self._children[f"{name}.{called}"] = child, type_

    def _typed_field(self, field: Any, type_: Any) -> None:
        field.type = of.MESSAGE if type_ == STAMP else type_
        if type_ == STAMP:
            field.type_name = ".google.protobuf.Timestamp"
        elif type_ == of.ENUM:
            field.type_name = ".made.Kind"

    def _unasked(self, message: Any, name: str, numbers: list[int]) -> None:
        """Fields that nobody reads: lists, the message itself, two of one oneof."""
        for kind in (of.STRING, of.SINT32, of.DOUBLE):
            called = f"unasked{next(self._numbers)}"
            message.field.add(name=called, number=numbers.pop(), type=kind, label=REPEATED)
            self._children[f"{name}.{called}"] = None, kind
        message.field.add(name=f"itself{next(self._numbers)}", number=201, type=of.MESSAGE, label=OPTIONAL,
                          type_name=f".made.{name}")  # fmt: skip
        # a oneof of a field that nobody reads and of one that the model may read
        message.field.add(name="other", number=202, type=of.INT64, label=OPTIONAL, oneof_index=0)
        self._children[f"{name}.other"] = None, of.INT64
        shared = [field for field in message.field if field.label == OPTIONAL and not field.HasField("oneof_index")]
        if shared and self._chance.randrange(2):
            shared[0].oneof_index = 0

    def record(self) -> Any:
        """A message of values, for the most part such as the model takes."""
        return self._fill(self.make())

    def _fill(self, message: Any) -> Any:
        chance = self._chance
        for field in message.DESCRIPTOR.fields:
            child, type_ = self._children.get(f"{message.DESCRIPTOR.name}.{field.name}", (None, None))
            if type_ is None or not chance.randrange(12):
                continue
            if type_ == of.MESSAGE:
                self._fill(getattr(message, field.name).add() if field.is_repeated else getattr(message, field.name))
                continue
            good = fitting(child, type_) if isinstance(child, EventField) else []
            value = chance.choice(good if good and chance.randrange(16) else pool(type_))
            if field.is_repeated:
                if type_ != STAMP:
                    getattr(message, field.name).extend([value] * chance.randrange(3))
            elif type_ == STAMP:
                getattr(message, field.name).seconds, getattr(message, field.name).nanos = value
            else:
                setattr(message, field.name, value)
        return message
