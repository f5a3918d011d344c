"""Protobuf's messages in a field table: what their descriptors say, and what only a try tells of them.

    messages = values "{" values { values } "}" "{" { values } "}"

First the message's place in its file, then it and all messages that it refers to, then their enums. Of a message:
whether it is google.protobuf.Timestamp; then of each field, in the order of their numbers, its name, number, type,
whether it is repeated, whether it is a map, whether its absence shows, whether its text must be UTF-8, the number of
its oneof (-1: it is in none), and which of the messages or enums it is (-1: none). Of an enum: whether it is closed;
then numbers and names.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from dataflow.formats.protobuf import ENUM, GROUP, MESSAGE, STRING, TIMESTAMP, DecodeError, ProtobufMessage
from flink.contract.words import quoted

_SIZED = 2
_NO_UTF8 = b"\x01\xff"


def messages_text(message: ProtobufMessage) -> str:
    """What stands in a table."""
    listed = _Listed()
    listed.message(message.make)
    messages = " ".join(f"({' '.join(each)})" for each in listed.messages)
    enums = " ".join(f"({' '.join(each)})" for each in listed.enums)
    return f"({' '.join(map(str, message.indexes))}) {{ {messages} }} {{ {enums} }}"


def extendable(message: ProtobufMessage) -> Iterator[str]:
    """The names of all messages in it that may have extensions."""
    listed = _Listed()
    listed.message(message.make)
    yield from (each.full_name for each in listed.descriptors if each.is_extendable)


class _Listed:
    """Messages and enums, each once, by the places that refer to them."""

    def __init__(self) -> None:
        self.messages: list[list[str]] = []
        self.enums: list[list[str]] = []
        self.descriptors: list[Any] = []
        self._places: dict[str, int] = {}

    def message(self, make: Any) -> int:
        """The place of a message's class, which is listed if it is not."""
        descriptor = make.DESCRIPTOR
        known = self._places.get(descriptor.full_name)
        if known is not None:
            return known
        place = self._places[descriptor.full_name] = len(self.messages)
        words = [_flag(descriptor.full_name == TIMESTAMP)]
        self.messages.append(words)
        self.descriptors.append(descriptor)
        oneofs = {each.name: at for at, each in enumerate(descriptor.oneofs)}
        for field in sorted(descriptor.fields, key=lambda each: each.number):
            oneof = -1 if field.containing_oneof is None else oneofs[field.containing_oneof.name]
            words += [quoted(field.name), str(field.number), str(field.type)]
            words += map(_flag, (field.is_repeated, _is_map(field), field.has_presence, _is_utf8(make, field)))
            words += [str(oneof), str(self._of(field))]
        return place

    def _of(self, field: Any) -> int:
        if field.type in (MESSAGE, GROUP):
            return self.message(field.message_type._concrete_class)
        return self._enum(field.enum_type) if field.type == ENUM else -1

    def _enum(self, enum: Any) -> int:
        known = self._places.get(enum.full_name)
        if known is None:
            known = self._places[enum.full_name] = len(self.enums)
            # of several names of a number the last one counts, as where records are read
            names = {value.number: value.name for value in enum.values}
            told: Iterable[str] = (word for number, name in names.items() for word in (str(number), quoted(name)))
            self.enums.append([_flag(enum.is_closed), *told])
        return known


def _flag(on: object) -> str:
    return "true" if on else "false"


def _is_map(field: Any) -> bool:
    return field.message_type is not None and bool(field.message_type.GetOptions().map_entry)


def _is_utf8(make: Callable[[], Any], field: Any) -> bool:
    """Whether a record with a text that is no UTF-8 is refused: syntax, edition and options decide, so it is tried."""
    if field.type != STRING:
        return False
    try:
        make().MergeFromString(_tag(field.number) + _NO_UTF8)
    except DecodeError:
        return True
    return False


def _tag(number: int) -> bytes:
    left, written = number << 3 | _SIZED, bytearray()
    while left >= 0x80:
        written.append(left & 0x7F | 0x80)
        left >>= 7
    return bytes([*written, left])
