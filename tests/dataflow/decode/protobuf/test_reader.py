"""What becomes of a parsed message's fields, type by type."""

from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from dataflow.decode.protobuf.reader import values_reader
from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
from dataflow.formats.protobuf import read_descriptors
from dataflow.formats.typed import Other, Stamp
from tests.proto_events import OrderMessage, order


def asked(*names: str) -> EventObject:
    return EventObject((), tuple(EventField(n, (n,), FieldKind.STR, None, False, True, None) for n in names))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("order_id", "a1"),
        ("at", Stamp(1_700_000_000_123_999_999, 1_000_000_000)),
        ("kind", "paid"),
        ("seen", Other("a list")),
        ("note", Other("bytes")),
        ("back", Other("a message shop.Order")),
        ("gift", True),
    ],
)
def test_each_type_has_its_value(name: str, value: Any) -> None:
    message = OrderMessage.FromString(order())
    assert values_reader(OrderMessage.DESCRIPTOR, asked(name), {})(message) == {name: value}


def test_what_the_message_does_not_have_is_absent() -> None:
    assert values_reader(OrderMessage.DESCRIPTOR, asked("nothing", "pieces"), {})(OrderMessage()) == {}


def test_an_instant_far_from_any_time_is_a_number_still() -> None:
    message = OrderMessage()
    message.at.seconds = 2**63 - 1
    found = values_reader(OrderMessage.DESCRIPTOR, asked("at"), {})(message)
    assert found == {"at": Stamp(2**53 * 1_000_000_000, 1_000_000_000)}


def test_a_map_with_a_key_that_is_no_utf8_is_a_value_that_no_field_takes() -> None:
    """The library gives such a key as bytes, and raises where its value is asked for."""
    file = descriptor_pb2.FileDescriptorProto(name="old.proto", package="old", syntax="proto2")
    message = file.message_type.add(name="Old")
    entry = message.nested_type.add(name="MoreEntry")
    entry.options.map_entry = True
    for number, name in ((1, "key"), (2, "value")):
        entry.field.add(name=name, number=number, type=9, label=1)
    message.field.add(name="more", number=1, type=11, label=3, type_name=".old.Old.MoreEntry")
    files = descriptor_pb2.FileDescriptorSet(file=[file]).SerializeToString()
    made = read_descriptors(files, "old.Old").make
    more = EventField("more", ("more",), FieldKind.JSON, None, False, True, None)  # type: ignore[arg-type]
    values = values_reader(made.DESCRIPTOR, EventObject((), (more,)), {})
    assert values(made.FromString(b"\x0a\x06\x0a\x01b\x12\x01x")) == {"more": {"b": "x"}}
    assert values(made.FromString(b"\x0a\x06\x0a\x01\xff\x12\x01x")) == {
        "more": Other("a map with a key that is no UTF-8")
    }
