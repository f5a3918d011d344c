"""What becomes of a parsed message's fields, type by type."""

from typing import Any

import pytest

from dataflow.decode.protobuf.reader import values_reader
from dataflow.event.fields import FieldKind
from dataflow.event.schema import EventField, EventObject
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
