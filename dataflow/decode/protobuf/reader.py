"""One Protobuf message to the values that an event model asks for."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.protobuf import BYTES, ENUM, FLOAT, GROUP, MESSAGE, TIMESTAMP
from dataflow.formats.typed import Other, Stamp

Take = Callable[[Any], object]
Part = tuple[str, str, bool, Take]
"""Key that the model reads, field of the message, whether its absence shows, what becomes of its value."""

Aliases = Mapping[str, Sequence[str]]

_NANOS = 1_000_000_000
_MOST_SECONDS = 2**53
"""Beyond any event time, so that ticks stay near int64."""


def values_reader(descriptor: Any, root: EventObject, aliases: Aliases) -> Callable[[Any], dict[str, object]]:
    """What turns a parsed message into a mapping of the fields that `root` asks for."""
    parts = [part for child in root.children if (part := _part(descriptor, child, aliases)) is not None]

    def values(message: Any) -> dict[str, object]:
        # a field whose absence shows, and that is absent, is not there: its default is the model's
        return {
            key: take(getattr(message, name)) for key, name, shows, take in parts if not shows or message.HasField(name)
        }

    return values


def _part(descriptor: Any, child: EventField | EventObject, aliases: Aliases) -> Part | None:
    field = field_of(descriptor, child, aliases)
    if field is None:
        return None
    return child.path[-1], field.name, bool(field.has_presence), _taker(field, child, aliases)


def field_of(descriptor: Any, child: EventField | EventObject, aliases: Aliases) -> Any:
    """The message's field that `child` reads: of its name, or of one that it had; None where there is none."""
    for name in (child.path[-1], *aliases.get(".".join(child.path), ())):
        field = descriptor.fields_by_name.get(name)
        if field is not None:
            return field
    return None


def _taker(field: Any, child: EventField | EventObject, aliases: Aliases) -> Take:
    if isinstance(child, EventField) and child.kind in (FieldKind.LIST, FieldKind.JSON):
        return _whole(field)
    if field.is_repeated:
        other = Other("a map" if field.message_type and field.message_type.GetOptions().map_entry else "a list")
        return lambda _: other
    if field.type in (MESSAGE, GROUP):
        if field.message_type.full_name == TIMESTAMP:
            return _stamp
        if isinstance(child, EventObject):
            return values_reader(field.message_type, child, aliases)
        message = Other(f"a message {field.message_type.full_name}")
        return lambda _: message
    if field.type == BYTES:
        other = Other("bytes")
        return lambda _: other
    if field.type == ENUM:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, str(number))
    if field.type == FLOAT:
        return float
    return lambda value: value


def _whole(field: Any) -> Take:
    """All of a field: a repeated one as a list, a map and a message as a dict by text."""
    if field.is_repeated and field.message_type and field.message_type.GetOptions().map_entry:
        inner = _one(field.message_type.fields_by_name["value"])
        return lambda entries: _entries(entries, inner)
    one = _one(field)
    return (lambda values: [one(each) for each in values]) if field.is_repeated else one


def _entries(entries: Any, inner: Take) -> object:
    if any(isinstance(key, bytes) for key in entries):
        # the older syntax lets texts be no UTF-8, and such an entry cannot even be asked for
        return Other("a map with a key that is no UTF-8")
    # in an order of their own: a map of the library has another one in each process
    return {_key(key): inner(entries[key]) for key in sorted(entries, key=_key)}


def _one(field: Any) -> Take:
    if field.type in (MESSAGE, GROUP) and field.message_type.full_name != TIMESTAMP:
        return lambda message: {each.name: _whole(each)(value) for each, value in message.ListFields()}
    if field.type in (MESSAGE, GROUP):
        return _stamp
    if field.type == BYTES:
        return lambda _: Other("bytes")
    if field.type == ENUM:
        names = {value.number: value.name for value in field.enum_type.values}
        return lambda number: names.get(number, str(number))
    return float if field.type == FLOAT else lambda value: value


def _key(key: object) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)


def _stamp(message: Any) -> object:
    seconds = max(-_MOST_SECONDS, min(_MOST_SECONDS, message.seconds))
    return Stamp(seconds * _NANOS + message.nanos, _NANOS)
