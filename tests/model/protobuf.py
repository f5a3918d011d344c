"""Protobuf messages and what they are worth as events, one record at a time (semantics rule 2, docs/inputs.md)."""

import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.model.avro import Broken, Typed, before, read_fields
from tests.model.contract import Dead
from tests.model.spec import PipelineSpec

MOST_DEPTH = 100
"""Messages and groups inside each other, below the outermost."""

WIRE = {"double": 1, "float": 5, "string": 2, "bytes": 2, "message": 2}
"""How a type is written; all others are varints."""


@dataclass(frozen=True)
class Field:
    """A field of a message. `shows`: its absence is seen. `is_map`: its entries have a key (1) and a value (2)."""

    name: str
    type: str
    shape: "Shape | None" = None
    shows: bool = False
    repeated: bool = False
    names: dict[int, str] = field(default_factory=dict)
    is_map: bool = False


@dataclass(frozen=True)
class Shape:
    """A message: its fields by number."""

    fields: dict[int, Field]
    is_timestamp: bool = False


class Wire:
    """Bytes that are taken from the front."""

    def __init__(self, rest: bytes) -> None:
        self.rest = rest

    def take(self, count: int) -> bytes:
        if count > len(self.rest):
            raise Broken
        taken, self.rest = self.rest[:count], self.rest[count:]
        return taken

    def varint(self, most: int = 10) -> int:
        number = 0
        for at in range(most):
            byte = self.take(1)[0]
            number += (byte % 128) << (7 * at)
            if byte < 128:
                return number
        raise Broken

    def tag(self, least: int = 8) -> tuple[int, int]:
        number = self.varint(5)
        if number >= 2**32 or number < least:
            raise Broken
        return number // 8, number % 8

    def size(self) -> bytes:
        size = self.varint(5)
        if size >= 2**31:
            raise Broken
        return self.take(size)

    def skip(self, number: int, wire: int, depth: int) -> None:
        if wire == 0:
            self.varint()
        elif wire == 1:
            self.take(8)
        elif wire == 2:
            self.size()
        elif wire == 5:
            self.take(4)
        elif wire == 3:
            if depth >= MOST_DEPTH:
                raise Broken
            while True:
                # in a group that is skipped, a field may have the number 0: Google's reader does not look
                inner, kind = self.tag(least=0)
                if kind == 4:
                    if inner != number:
                        raise Broken
                    return
                self.skip(inner, kind, depth + 1)
        else:
            raise Broken


def parse(body: bytes, shape: Shape, depth: int, into: dict[str, Any]) -> None:
    """Merges a message's fields into `into`; a message in it is a dict."""
    wire = Wire(body)
    while wire.rest:
        number, kind = wire.tag()
        known = shape.fields.get(number)
        wanted = None if known is None else WIRE.get(known.type, 0)
        if known is not None and known.repeated and kind == 2 and wanted in (0, 1, 5):
            packed = Wire(wire.size())
            while packed.rest:
                into.setdefault(known.name, []).append(scalar(packed, known))
        elif known is None or kind != wanted:
            wire.skip(number, kind, depth)
        elif known.type == "message":
            assert known.shape is not None
            inner = wire.size()
            if depth >= MOST_DEPTH:
                raise Broken
            if known.repeated:
                into.setdefault(known.name, []).append({})
            held = into.setdefault(known.name, {})
            parse(inner, known.shape, depth + 1, held[-1] if known.repeated else held)
        elif known.repeated:
            into.setdefault(known.name, []).append(scalar(wire, known))
        else:
            into[known.name] = scalar(wire, known)


def scalar(wire: Wire, known: Field) -> Any:
    if known.type == "string":
        try:
            return wire.size().decode()
        except UnicodeDecodeError:
            raise Broken from None
    if known.type == "bytes":
        return wire.size()
    if known.type in ("double", "float"):
        form = "<d" if known.type == "double" else "<f"
        return struct.unpack(form, wire.take(struct.calcsize(form)))[0]
    number = wire.varint() % 2**64
    if known.type == "bool":
        return number != 0
    if known.type == "uint64":
        return number
    bits = 64 if known.type == "int64" else 32
    number %= 2**bits
    return number - 2**bits if number >= 2 ** (bits - 1) else number


KINDS = {"string": "text", "bytes": "bytes", "double": "double", "float": "double", "bool": "bool"}
DEFAULTS = {"string": "", "bytes": b"", "double": 0.0, "float": 0.0, "bool": False}


def typed(found: dict[str, Any], shape: Shape) -> dict[str, Any]:
    """Fields by name, as the rules of values know them: (value, no aliases)."""
    made: dict[str, Any] = {}
    for known in shape.fields.values():
        if known.repeated:
            made[known.name] = (repeated(found.get(known.name, []), known), [])
        elif known.type == "message":
            if known.name in found:
                assert known.shape is not None
                made[known.name] = (message(found[known.name], known.shape), [])
        elif known.name in found or not known.shows:
            value = found.get(known.name, DEFAULTS.get(known.type, 0))
            made[known.name] = (one(value, known), [])
    return made


def one(value: Any, known: Field) -> Typed:
    if known.type == "message":
        assert known.shape is not None
        return whole(value, known.shape)
    if known.type == "enum":
        return Typed("text", known.names.get(value, str(value)))
    return Typed(KINDS.get(known.type, "int"), value)


def repeated(values: list[Any], known: Field) -> Typed:
    """All values of a repeated field; of a map, by their keys' texts in order, the last of each key."""
    if not known.is_map:
        return Typed("array", [one(value, known) for value in values])
    assert known.shape is not None
    key, value = known.shape.fields[1], known.shape.fields[2]
    entries = {}
    for entry in values:
        name = entry.get("key", DEFAULTS.get(key.type, 0))
        entries[str(name).lower() if key.type == "bool" else str(name)] = one(
            entry.get("value", {} if value.type == "message" else DEFAULTS.get(value.type, 0)), value
        )
    return Typed("map", dict(sorted(entries.items())))


def whole(found: dict[str, Any], shape: Shape) -> Typed:
    """A message with all that is set in it, in the order of the fields' numbers."""
    if shape.is_timestamp:
        return message(found, shape)
    made = {}
    for _, known in sorted(shape.fields.items()):
        value: Any = found.get(known.name)
        if known.name in found and (known.shows or known.repeated or known.type == "message" or value):
            made[known.name] = repeated(value, known) if known.repeated else one(value, known)
    return Typed("map", made)


def message(found: dict[str, Any], shape: Shape) -> Typed:
    if shape.is_timestamp:
        return Typed("instant", found.get("seconds", 0) + Fraction(found.get("nanos", 0), 10**9))
    return Typed("record", typed(found, shape), whole(found, shape))


def read(
    value: bytes | None,
    spec: PipelineSpec,
    shape: Shape,
    indexes: list[int],
    schemas: dict[int, str] | None = None,
) -> dict[str, Any] | Dead:
    """A record, bare or framed; with `schemas`, kinds by number, it must be framed."""
    dead = before(value, spec)
    if dead is not None:
        return dead
    assert value is not None
    body = value
    if value[0] == 0 and len(value) >= 5:
        if schemas is not None and schemas.get(int.from_bytes(value[1:5], "big")) != "PROTOBUF":
            return Dead("unknown_schema")
        rest = framed_message(value[5:], indexes)
    elif value[0] == 1 and len(value) >= 17:
        if schemas is not None:
            return Dead("unknown_schema")
        rest = framed_message(value[17:], indexes)
    else:
        rest = value if schemas is None else None
    if rest is None:
        return Dead("malformed")
    body = rest
    found: dict[str, Any] = {}
    try:
        parse(body, shape, 0, found)
    except Broken:
        return Dead("malformed")
    columns: dict[str, Any] = {}
    return read_fields(typed(found, shape), spec.fields, ((), ""), columns, {}) or columns


def framed_message(body: bytes, indexes: list[int]) -> bytes | None:
    """What follows the indexes, where they are the wanted ones."""
    wire = Wire(body)
    try:
        numbers = [unzigzag(wire.varint())]
        if not 0 <= numbers[0] <= 64:
            return None
        numbers += [unzigzag(wire.varint()) for _ in range(numbers[0])]
    except Broken:
        return None
    return wire.rest if (numbers[1:] or [0]) == indexes else None


def unzigzag(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number + 1) // 2
