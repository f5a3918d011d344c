"""Descriptors of Protobuf messages: from a file, from a class, and what does not fit."""

import base64

import pytest

from dataflow.formats.avro import SchemaError
from dataflow.formats.protobuf import files_of, read_descriptors
from tests.proto_events import LineMessage, OrderMessage, descriptors, order


def test_a_file_and_a_generated_class_say_the_same() -> None:
    found = files_of(OrderMessage)
    assert found is not None
    assert found[1] == "shop.Order"
    for content in (descriptors(), base64.b64decode(found[0])):
        message = read_descriptors(content, "shop.Order")
        assert message.indexes == (1,)
        assert message.make.FromString(order()).SerializeToString() == order()
    assert files_of(LineMessage) == (found[0], "shop.Order.Line")
    assert files_of("order.desc") is None
    assert files_of(int) is None


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"\xff", "shop.Order", "no set of descriptors"),
        (b"", "shop.Order", "no message 'shop.Order'"),
        (descriptors(), "shop.Ordr", "no message 'shop.Ordr', but .*shop.Order"),
        (descriptors()[-20:], "shop.Order", "no set of descriptors|no message"),
    ],
)
def test_what_does_not_fit_is_told(content: bytes, name: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said):
        read_descriptors(content, name)
