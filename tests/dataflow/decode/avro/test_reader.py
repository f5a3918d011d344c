"""The reader of bodies against fastavro: what it writes of any schema, ours reads with equal values."""

import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.decode.avro.reader import Malformed, fields_reader
from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.avro import read_schema
from dataflow.formats.typed import Days, Other, Stamp
from tests.avro_events import body, record

KINDS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "boolean": ("boolean", st.booleans()),
    "int": ("int", st.integers(-(2**31), 2**31 - 1)),
    "long": ("long", st.integers(-(2**63), 2**63 - 1)),
    "float": ("float", st.floats(width=32)),
    "double": ("double", st.floats()),
    "string": ("string", st.text()),
    "optional": (["null", "string", "long"], st.none() | st.text() | st.integers(-(2**63), 2**63 - 1)),
    "enum": ({"type": "enum", "name": "E", "symbols": ["a", "b"]}, st.sampled_from("ab")),
    "date": ({"type": "int", "logicalType": "date"}, st.dates()),
    "millis": (
        {"type": "long", "logicalType": "timestamp-millis"},
        st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 30), timezones=st.just(UTC)),
    ),
    "micros": (
        {"type": "long", "logicalType": "timestamp-micros"},
        st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 30), timezones=st.just(UTC)),
    ),
    "decimal": (
        {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 5},
        st.decimals(-(10**14), 10**14, places=5),
    ),
    "fixed_decimal": (
        {"type": "fixed", "name": "D", "size": 9, "logicalType": "decimal", "precision": 20, "scale": 5},
        st.decimals(-(10**14), 10**14, places=5),
    ),
    "list": ({"type": "array", "items": ["null", "int"]}, st.lists(st.none() | st.integers(0, 9))),
    "map": ({"type": "map", "values": "string"}, st.dictionaries(st.text(), st.text())),
    "bytes": ("bytes", st.binary()),
    "fixed": ({"type": "fixed", "name": "F", "size": 3}, st.binary(min_size=3, max_size=3)),
}
ROOT = EventObject(
    (),
    tuple(EventField(name, (name,), FieldKind.STR, None, False, True, None) for name in KINDS),  # type: ignore[arg-type]
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def as_written(name: str, value: Any) -> Any:
    match name:
        case "date":
            return Days(value.toordinal() - date(1970, 1, 1).toordinal())
        case "millis":
            return Stamp((value - EPOCH) // timedelta(milliseconds=1), 1_000)
        case "micros":
            return Stamp((value - EPOCH) // timedelta(microseconds=1), 1_000_000)
        case "list":
            return Other("an array")
        case "map":
            return Other("a map")
        case "bytes" | "fixed":
            return Other("bytes")
    return value


def equal(one: Any, other: Any) -> bool:
    return one == other or (
        isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)
    )


@settings(max_examples=60, deadline=None)
@given(st.data(), st.permutations(list(KINDS)))
def test_what_fastavro_writes_is_read_with_equal_values_in_any_order_of_fields(
    data: st.DataObject, names: list[str]
) -> None:
    schema = record({name: KINDS[name][0] for name in names})
    values = {name: data.draw(KINDS[name][1], name) for name in names}
    found = fields_reader(read_schema(schema), ROOT, {})(body(schema, values))
    assert found.keys() == values.keys()
    for name, value in values.items():
        assert equal(found[name], as_written(name, value)), name
        assert type(found[name]) is not Decimal or name.endswith("decimal")


@pytest.mark.parametrize(
    ("type_", "written", "said"),
    [
        ("boolean", b"\x02", "a boolean at byte 0 is 2"),
        ("int", b"\x80\x80\x80\x80\x10", "outside int32"),
        ("long", b"\xff" * 9 + b"\x02", "outside int64"),
        ("long", b"\x80" * 10 + b"\x00", "more than 10 bytes"),
        ("string", b"\x01", "is negative"),
        ("string", b"\x02\xff", "is not UTF-8"),
        ("string", b"\x04a", "cut off"),
        (["null"], b"\x02", "no branch 1"),
        (["null"], b"\x01", "no branch -1"),
        ({"type": "enum", "name": "E", "symbols": ["a"]}, b"\x02", "no symbol 1"),
        ("double", b"\x00", "cut off"),
        ("float", b"\x00", "cut off"),
        ({"type": "fixed", "name": "F", "size": 2}, b"\x00", "cut off"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(type_: Any, written: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        fields_reader(read_schema(record({"x": type_})), ROOT, {})(written)


def test_a_block_may_tell_its_size_and_a_number_may_be_longer_than_needed() -> None:
    schema = read_schema(record({"a": {"type": "array", "items": "int"}, "long": "long"}))
    assert fields_reader(schema, ROOT, {})(b"\x01\x02\x04\x00\x82\x00") == {"long": 1}


def test_a_short_body_that_says_very_many_nulls_is_read_at_once() -> None:
    schema = read_schema(record({"n": {"type": "array", "items": "null"}}))
    blocks, claim = 60_000, b"\x80\xf1\x04"  # 40,000 nulls each, which are fewer than there are bytes
    body_of_nulls = claim * blocks + bytes(40_000)
    with pytest.raises(Malformed, match="39999 bytes are left over"):
        fields_reader(schema, EventObject((), ()), {})(body_of_nulls)
