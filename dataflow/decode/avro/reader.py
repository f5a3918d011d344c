"""One Avro body to the values that an event model asks for, byte by byte: a function made for each writer's schema."""

import struct
from collections.abc import Callable, Mapping, Sequence
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, Decimal

from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.avro import AvroField, AvroType
from dataflow.formats.typed import Days, Other, Stamp

MAX_DEPTH = 64
"""Records, arrays and maps may stand in each other this deep, the record itself included, also where nobody asks."""

Read = Callable[[bytes, int, int], "tuple[object, int]"]
"""(body, position, depth) to (value, next position)."""

Fields = Callable[[bytes], "dict[str, object]"]
"""A body's fields, by the names that the model reads."""

Aliases = Mapping[str, Sequence[str]]

_FLOAT, _DOUBLE = struct.Struct("<f"), struct.Struct("<d")
_PER_SECOND = {"millis": 1_000, "micros": 1_000_000, "nanos": 1_000_000_000}
_EXACT = Context(prec=MAX_PREC, Emin=MIN_EMIN, Emax=MAX_EMAX)
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1


class Malformed(ValueError):
    """A body is not what its schema says: what is wrong, and at which byte."""


def fields_reader(writer: AvroType, root: EventObject, aliases: Aliases) -> Fields:
    """What reads bodies of `writer`, a record. The function raises Malformed, also for bytes that are left over."""
    read = _Maker(aliases).record(writer, root)

    def fields(body: bytes) -> dict[str, object]:
        found, end = read(body, 0, 1)
        if end != len(body):
            raise Malformed(f"{len(body) - end} bytes are left over after the record, which ends at byte {end}")
        assert isinstance(found, dict)
        return found

    return fields


def whole_reader(writer: AvroType, root: EventObject, aliases: Aliases) -> Callable[[bytes], object]:
    """What reads bodies of `writer`: of a record, a dict of what `root` asks for. It raises Malformed."""
    if writer.kind == "record":
        return fields_reader(writer, root, aliases)
    read = _Maker(aliases).value(writer, root if writer.kind == "union" else None)

    def whole(body: bytes) -> object:
        found, end = read(body, 0, 1)
        if end != len(body):
            raise Malformed(f"{len(body) - end} bytes are left over after the value, which ends at byte {end}")
        return found

    return whole


def _long(body: bytes, at: int, _depth: int = 0) -> tuple[int, int]:
    shift = number = 0
    start = at
    try:
        while True:
            byte = body[at]
            at += 1
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
            if shift > 63:
                raise Malformed(f"a number at byte {start} has more than 10 bytes")
    except IndexError:
        raise _cut_off(start) from None
    if number >> 64:
        raise Malformed(f"a number at byte {start} is outside int64")
    return (number >> 1) ^ -(number & 1), at


def _int(body: bytes, at: int, _depth: int = 0) -> tuple[int, int]:
    number, end = _long(body, at)
    if not _INT32_MIN <= number <= _INT32_MAX:
        raise Malformed(f"an int at byte {at} is outside int32")
    return number, end


def _cut_off(at: int) -> Malformed:
    return Malformed(f"it is cut off in what begins at byte {at}")


def _null(_body: bytes, at: int, _depth: int) -> tuple[None, int]:
    return None, at


def _boolean(body: bytes, at: int, _depth: int) -> tuple[bool, int]:
    if at >= len(body):
        raise _cut_off(at)
    byte = body[at]
    if byte > 1:
        raise Malformed(f"a boolean at byte {at} is {byte}")
    return byte == 1, at + 1


def _float(body: bytes, at: int, _depth: int) -> tuple[float, int]:
    if at + 4 > len(body):
        raise _cut_off(at)
    return _FLOAT.unpack_from(body, at)[0], at + 4


def _double(body: bytes, at: int, _depth: int) -> tuple[float, int]:
    if at + 8 > len(body):
        raise _cut_off(at)
    return _DOUBLE.unpack_from(body, at)[0], at + 8


def _bytes(body: bytes, at: int, _depth: int = 0) -> tuple[bytes, int]:
    length, start = _long(body, at)
    if length < 0:
        raise Malformed(f"a length at byte {at} is negative")
    end = start + length
    if end > len(body):
        raise _cut_off(at)
    return body[start:end], end


def _string(body: bytes, at: int, _depth: int = 0) -> tuple[str, int]:
    found, end = _bytes(body, at)
    try:
        return found.decode("utf-8"), end
    except UnicodeDecodeError as error:
        raise Malformed(f"a text at byte {at} is not UTF-8: {error.reason}") from None


_PLAIN: dict[str, Read] = {
    "null": _null,
    "boolean": _boolean,
    "int": _int,
    "long": _long,
    "float": _float,
    "double": _double,
    "string": _string,
}


class _Maker:
    """Makes readers of types, each type's once, so that a record may hold itself."""

    def __init__(self, aliases: Aliases) -> None:
        self._aliases = aliases
        self._skipping: dict[AvroType, Read] = {}
        self._whole: dict[AvroType, Read] = {}

    def record(self, writer: AvroType, node: EventObject) -> Read:
        """Of a record whose fields are asked for by `node`: a dict of those."""
        asked = [(child, field_of(writer, child, self._aliases)) for child in node.children]
        parts: list[tuple[list[str], Read]] = []
        for each in writer.fields:
            askers = [child for child, found in asked if found is each]
            node_of = next((child for child in askers if isinstance(child, EventObject)), None)
            whole = any(isinstance(child, EventField) and child.kind in _MANY for child in askers)
            part = self.whole(each.type) if whole else self.value(each.type, node_of)
            parts.append(([child.path[-1] for child in askers], part))

        def read(body: bytes, at: int, depth: int) -> tuple[object, int]:
            _check_depth(depth)
            found: dict[str, object] = {}
            for keys, part in parts:
                value, at = part(body, at, depth + 1)
                for key in keys:
                    found[key] = value
            return found, at

        return read

    def value(self, type_: AvroType, node: EventObject | None) -> Read:
        """Of any type; a record is a dict of what `node` asks for, of nothing without."""
        if node is None:
            if type_ not in self._skipping:
                # stands for the type while it is made, for those that hold themselves
                self._skipping[type_] = lambda body, at, depth: self._skipping[type_](body, at, depth)
                self._skipping[type_] = self._made(type_, None)
            return self._skipping[type_]
        return self._made(type_, node)

    def whole(self, type_: AvroType) -> Read:
        """Of any type with all that is in it: a record or a map is a dict, an array a list."""
        if type_ not in self._whole:
            self._whole[type_] = lambda body, at, depth: self._whole[type_](body, at, depth)
            self._whole[type_] = self._made_whole(type_)
        return self._whole[type_]

    def _made_whole(self, type_: AvroType) -> Read:
        match type_.kind if type_.logical is None else "":
            case "record":
                return _members([(each.name, self.whole(each.type)) for each in type_.fields])
            case "union":
                return _union([self.whole(branch) for branch in type_.branches])
            case "array":
                assert type_.items is not None
                return _blocks("an array", self.whole(type_.items), keyed=False, whole=True)
            case "map":
                assert type_.items is not None
                return _blocks("a map", self.whole(type_.items), keyed=True, whole=True)
        return self.value(type_, None)

    def _made(self, type_: AvroType, node: EventObject | None) -> Read:
        if type_.logical is not None:
            return _logical(type_)
        match type_.kind:
            case "record":
                return self.record(type_, node if node is not None else _NOTHING)
            case "union":
                return _union([self.value(branch, node) for branch in type_.branches])
            case "enum":
                return _enum(type_.symbols)
            case "fixed":
                return _told("bytes", _fixed(type_.size))
            case "bytes":
                return _told("bytes", _bytes)
            case "array":
                assert type_.items is not None
                return _blocks("an array", self.value(type_.items, None), keyed=False)
            case "map":
                assert type_.items is not None
                return _blocks("a map", self.value(type_.items, None), keyed=True)
        return _PLAIN[type_.kind]


_NOTHING = EventObject((), ())
_MANY = (FieldKind.LIST, FieldKind.JSON)


def _members(parts: list[tuple[str, Read]]) -> Read:
    def read(body: bytes, at: int, depth: int) -> tuple[object, int]:
        _check_depth(depth)
        found: dict[str, object] = {}
        for name, part in parts:
            found[name], at = part(body, at, depth + 1)
        return found, at

    return read


def field_of(writer: AvroType, child: EventField | EventObject, aliases: Aliases) -> AvroField | None:
    """The writer's field that `child` reads: of its name, with an alias of that name, of a name that it had."""
    key = child.path[-1]
    former = aliases.get(".".join(child.path), ())
    for fits in (
        lambda each: each.name == key,
        lambda each: key in each.aliases,
        lambda each: each.name in former,
    ):
        for each in writer.fields:
            if fits(each):
                return each
    return None


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Malformed(f"nested deeper than {MAX_DEPTH} levels")


def _union(branches: list[Read]) -> Read:
    def read(body: bytes, at: int, depth: int) -> tuple[object, int]:
        number, end = _long(body, at)
        if not 0 <= number < len(branches):
            raise Malformed(f"a union at byte {at} has no branch {number}")
        return branches[number](body, end, depth)

    return read


def _enum(symbols: tuple[str, ...]) -> Read:
    def read(body: bytes, at: int, _depth: int) -> tuple[object, int]:
        number, end = _int(body, at)
        if not 0 <= number < len(symbols):
            raise Malformed(f"an enum at byte {at} has no symbol {number}")
        return symbols[number], end

    return read


def _fixed(size: int) -> Callable[[bytes, int, int], tuple[bytes, int]]:
    def read(body: bytes, at: int, _depth: int) -> tuple[bytes, int]:
        if at + size > len(body):
            raise _cut_off(at)
        return body[at : at + size], at + size

    return read


def _told(what: str, read: Callable[[bytes, int, int], tuple[bytes, int]]) -> Read:
    other = Other(what)

    def told(body: bytes, at: int, depth: int) -> tuple[object, int]:
        return other, read(body, at, depth)[1]

    return told


def _blocks(what: str, item: Read, *, keyed: bool, whole: bool = False) -> Read:
    """`whole`: what is in it is kept; otherwise it is passed over."""
    other = Other(what)

    def read(body: bytes, at: int, depth: int) -> tuple[object, int]:
        _check_depth(depth)
        values: list[object] = []
        keys: list[str] = []
        while True:
            count, start = _long(body, at)
            if count == 0:
                found = dict(zip(keys, values, strict=True)) if keyed else values
                return found if whole else other, start
            if count < 0:
                count = -count
                _, start = _long(body, start)
            if count > len(body) - start:
                raise Malformed(f"{what} at byte {at} says {count} entries, more than there are bytes left")
            at = start
            if item is _null and not keyed:
                # they have no bytes, so that a short record could say very many
                continue
            for _ in range(count):
                if keyed:
                    key, at = _string(body, at)
                value, at = item(body, at, depth + 1)
                if whole:
                    values.append(value)
                    if keyed:
                        keys.append(key)

    return read


def _logical(type_: AvroType) -> Read:
    logical = type_.logical
    assert logical is not None
    if logical == "date":
        return _days
    if logical == "decimal":
        raw = _fixed(type_.size) if type_.kind == "fixed" else _bytes
        return _decimal(raw, type_.scale)
    kind, _, unit = logical.rpartition("-")
    if kind != "timestamp":
        other = Other("a local time, which has no zone")
        return lambda body, at, depth: (other, _long(body, at)[1])
    per_second = _PER_SECOND[unit]

    def stamp(body: bytes, at: int, _depth: int) -> tuple[object, int]:
        ticks, end = _long(body, at)
        return Stamp(ticks, per_second), end

    return stamp


def _days(body: bytes, at: int, _depth: int) -> tuple[object, int]:
    days, end = _int(body, at)
    return Days(days), end


def _decimal(raw: Callable[[bytes, int, int], tuple[bytes, int]], scale: int) -> Read:
    def read(body: bytes, at: int, depth: int) -> tuple[object, int]:
        digits, end = raw(body, at, depth)
        return Decimal(int.from_bytes(digits, "big", signed=True)).scaleb(-scale, _EXACT), end

    return read
