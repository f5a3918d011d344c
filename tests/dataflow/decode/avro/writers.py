"""Avro schemas that somebody may have written for an event model, and records of them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from random import Random
from typing import Any

from dataflow.decode.fields import judge_field
from dataflow.event.schema import EventField, EventObject, EventSchema
from dataflow.formats.typed import Days, Other, Stamp
from dataflow.messages import Refusal

PER_SECOND = {"timestamp-millis": 10**3, "timestamp-micros": 10**6, "timestamp-nanos": 10**9}
_INTS = [0, 1, 2, 3, 5, 10, -1, -5, 99, 100, 2**31 - 1, -(2**31)]
_LONGS = [*_INTS, 2**31, 1_700_000_000_123, 10**12, -(10**12), 2**63 - 1, -(2**63), 9 * 10**15, 9 * 10**15 + 1]
_TEXTS = [
    *("", "a", "ab", "bb", "abc", "click", "red", "home", "é", "Ærø", "\U0001f600", "x" * 64, "x" * 65, "\x00"),
    *("12.50", "-3", "0.0000001", "2025-01-01", "2025-02-30", "2024-12-18T06:00:00Z", "1734501600000"),
]
_DOUBLES = [
    0.0,
    -0.0,
    1.0,
    0.5,
    0.25,
    12.34,
    -0.5,
    99.95,
    1e300,
    float("inf"),
    float("nan"),
    123456789.123456,
    0.1234567,
]
_AMOUNTS = ["0", "1", "0.5", "12.34", "-0.5", "-0.01", "99.95", "100", "999999999999.99", "0.0000001", "-1e12"]
_NAMES = [*("a", "ab", "bb", "b", "click", "conversion", "impression", "red", "green", "home", "away", "abc"), "lost"]


def named(number: int, type_: str, **more: Any) -> dict[str, Any]:
    return {"type": type_, "name": f"N{number}", **more}


def scalar(chance: Random, number: int) -> Any:
    """A type without others in it."""
    decimal = {"logicalType": "decimal", "precision": 20, "scale": chance.choice([0, 2, 4, 6, 8, 10, 19])}
    return chance.choice(
        [
            *("string", "int", "long", "float", "double", "boolean", "bytes"),
            *({"type": "long", "logicalType": each} for each in [*PER_SECOND, "local-timestamp-millis"]),
            {"type": "int", "logicalType": "date"},
            {"type": "string", "logicalType": "uuid-of-ours"},
            named(number, "enum", symbols=_NAMES),
            named(number, "fixed", size=chance.choice([0, 3])),
            {"type": "bytes", **decimal},
            named(number, "fixed", size=chance.choice([9, 16]), **decimal),
        ]
    )


def pool(type_: Any) -> list[Any]:
    """Values of a type, as fastavro writes them."""
    kind = type_ if isinstance(type_, str) else type_["type"]
    logical = None if isinstance(type_, str) else type_.get("logicalType")
    if logical == "decimal":
        return [amount for text in _AMOUNTS if fits_scale(amount := Decimal(text), type_["scale"])]
    if logical in PER_SECOND:
        ticks = PER_SECOND[logical]
        return [*_LONGS, *[seconds * ticks + 1 for seconds in (1_700_000_000, -1, 9_000_000, 9_200_000_000)]]
    pools: dict[str, list[Any]] = {
        "string": _TEXTS,
        "int": [*_INTS, 20_000, -719_163] if logical == "date" else _INTS,
        "long": _LONGS,
        "float": [0.0, -0.0, 1.5, 0.5, 0.1],
        "double": _DOUBLES,
        "boolean": [False, True],
        "bytes": [b"", b"\xff"],
        "enum": _NAMES,
        "fixed": [bytes(type_["size"])] if kind == "fixed" else [],
        "null": [None],
    }
    return pools[kind]


def fits_scale(amount: Decimal, scale: int) -> bool:
    digits = amount.as_tuple()
    assert isinstance(digits.exponent, int)
    return -digits.exponent <= scale and len(digits.digits) + digits.exponent + scale < 20


def typed(type_: Any, value: Any) -> object:
    """What our own reader makes of a value that fastavro wrote."""
    if isinstance(type_, str):
        return Other("bytes") if type_ == "bytes" else value
    logical = type_.get("logicalType")
    if logical in PER_SECOND:
        return Stamp(value, PER_SECOND[logical])
    if logical == "date":
        return Days(value)
    if logical == "local-timestamp-millis" or (type_["type"] in ("bytes", "fixed") and logical != "decimal"):
        return Other("another")
    return value


_fitting: dict[tuple[int, str], tuple[EventField, list[Any]]] = {}
"""By field and type; the field is kept, or another one could have its id."""


def fitting(leaf: EventField, type_: Any) -> list[Any]:
    """The values of a type that a field takes."""
    key = id(leaf), json.dumps(type_)
    if key not in _fitting:
        values = [value for value in pool(type_) if not isinstance(judge_field(leaf, typed(type_, value)), Refusal)]
        _fitting[key] = leaf, values
    return _fitting[key][1]


def _type_for(chance: Random, child: EventField | EventObject, numbers: Iterator[int]) -> Any:
    if isinstance(child, EventObject):
        made = _record(chance, child, numbers) if chance.randrange(10) else scalar(chance, next(numbers))
    else:
        drawn = [scalar(chance, next(numbers)) for _ in range(20)]
        good = [each for each in drawn if fitting(child, each)]
        made = good[0] if good and chance.randrange(12) else drawn[0]
    if chance.randrange(3):
        return made
    others = [each for each in ("null", scalar(chance, next(numbers)), "long") if kind_of(each) != kind_of(made)]
    branches = [made, *others[: chance.randrange(1, 3)]]
    chance.shuffle(branches)
    # fastavro takes a text for a date, and a decimal for one of another scale
    logical = [each.get("logicalType") for each in branches if not isinstance(each, str)]
    is_clear = "date" not in logical and logical.count("decimal") < 2
    return branches if are_apart(branches) and is_clear else made


def are_apart(branches: list[Any]) -> bool:
    kinds = [kind_of(each) for each in branches]
    return len(set(kinds)) == len(kinds)


def kind_of(type_: Any) -> str:
    return type_ if isinstance(type_, str) else str(type_["type"])


_UNASKED: list[Any] = [
    "string",
    "long",
    ["null", "string", "boolean"],
    {"type": "array", "items": "string"},
    {"type": "map", "values": {"type": "array", "items": ["null", "double"]}},
    {"type": "array", "items": {"type": "array", "items": "float"}},
]


def _record(chance: Random, node: EventObject, numbers: Iterator[int]) -> Any:
    fields = []
    for child in node.children:
        if not child.required and not chance.randrange(5):
            continue
        key = child.path[-1]
        field = {"name": key, "type": _type_for(chance, child, numbers)}
        if not key.isidentifier() or not chance.randrange(6):
            field |= {"name": f"renamed{next(numbers)}", "aliases": [key]}
        fields.append(field)
    if chance.randrange(2):
        inner = named(next(numbers), "record", fields=[{"name": "x", "type": chance.choice(_UNASKED)}])
        fields.append({"name": "unasked", "type": chance.choice([*_UNASKED, inner])})
    chance.shuffle(fields)
    return named(next(numbers), "record", fields=fields)


def writer(chance: Random, schema: EventSchema) -> Any:
    """A schema of records, for the most part of fields that the event's take."""
    return _record(chance, schema.root, count())


def value_of(chance: Random, type_: Any, child: EventField | EventObject | None = None) -> Any:
    """A value for fastavro, for the most part one that `child` takes; a pair says which branch of a union it is of."""
    if isinstance(type_, list):
        good = [
            each
            for each in type_
            if isinstance(child, EventField) and kind_of(each) in _SCALAR and fitting(child, each)
        ]
        chosen = chance.choice(good if good and chance.randrange(5) else type_)
        value = value_of(chance, chosen, child)
        return value if kind_of(chosen) not in ("record", "enum", "fixed") else (chosen["name"], value)
    kind = kind_of(type_)
    if kind == "record":
        children = {} if not isinstance(child, EventObject) else {each.path[-1]: each for each in child.children}
        return {
            field["name"]: value_of(chance, field["type"], children.get((field.get("aliases") or [field["name"]])[0]))
            for field in type_["fields"]
        }
    if kind == "array":
        return [value_of(chance, type_["items"]) for _ in range(chance.randrange(4))]
    if kind == "map":
        return {key: value_of(chance, type_["values"]) for key in ["", "k", "é"][: chance.randrange(3)]}
    good = fitting(child, type_) if isinstance(child, EventField) else []
    return chance.choice(good if good and chance.randrange(16) else pool(type_))


_SCALAR = {"string", "int", "long", "float", "double", "boolean", "bytes", "enum", "fixed"}


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def from_fastavro(type_: Any, read: Any) -> object:
    """What our own reader makes of a value that fastavro read."""
    if isinstance(read, datetime):
        ticks = PER_SECOND.get(type_["logicalType"], 1_000)
        since = read.replace(tzinfo=UTC) - _EPOCH
        return typed(type_, since // timedelta(microseconds=1) * ticks // 10**6)
    if isinstance(read, date):
        return Days((read - date(1970, 1, 1)).days)
    return typed(type_, read)
