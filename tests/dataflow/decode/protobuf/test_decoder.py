"""Protobuf records as events: bare and framed, of the wrong message, broken; judged as the row-by-row model does."""

import random
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from dataflow.decode.protobuf.decoder import message_indexes, protobuf_decoder
from dataflow.formats.protobuf import read_descriptors
from dataflow.formats.schemas import RegisteredSchema
from dataflow.messages import Refusal
from tests.avro_events import ORDER, PIPELINE, mutated
from tests.dataflow.decode.avro.test_decoder import Registry, assert_same
from tests.model import adapter, protobuf
from tests.proto_events import SHAPE, descriptors, framed, order

MESSAGE = read_descriptors(descriptors(), "shop.Order")
SPEC = adapter.to_spec(PIPELINE, Path())
BARE = protobuf_decoder(ORDER, None, MESSAGE, {}, None)


def verdict(value: bytes) -> Any:
    found = BARE.verdict(value)
    assert_same(found, protobuf.read(value, SPEC, SHAPE, [1]), value)
    return found


def test_a_bare_message_and_a_framed_one_are_the_same_event() -> None:
    row = verdict(order())
    assert row == {
        "order_id": "a1",
        "at": 1_700_000_000_123,
        "amount": Decimal("12.340000"),
        "kind": "paid",
        "weight": 1.5,
        "pieces": 2,
        "gift": True,
        "place.city": "Delft",
        "place.floor": None,
    }
    assert verdict(framed(7, order())) == row
    assert verdict(b"\x01" + bytes(16) + b"\x02\x02" + order()) == row


def test_absence_shows_where_the_message_has_it_and_is_the_default_elsewhere() -> None:
    row = verdict(order(amount=None, pieces=None, place=None, gift=None, kind=None))
    assert (row["amount"], row["pieces"], row["place.city"]) == (Decimal(0), 1, None)
    assert (row["gift"], row["kind"]) == (False, "new")
    assert verdict(order(at=None)).reason == "missing_field"
    refused = verdict(order(order_id=None))
    assert (refused.reason, refused.field) == ("constraint", "order_id")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("kind", 2, "constraint"),
        ("kind", 77, "constraint"),
        ("pieces", -1, "constraint"),
        ("amount", 0.1234567, "constraint"),
        ("amount", 1e300, "constraint"),
        ("weight", float("nan"), "constraint"),
        ("order_id", "x" * 13, "constraint"),
    ],
)
def test_values_are_judged_as_strictly_as_in_json(field: str, value: Any, reason: str) -> None:
    found = verdict(order(**{field: value}))
    assert (found.reason, found.field) == (reason, field)


def test_another_message_of_the_file_is_a_dead_letter_and_not_an_event_of_its_values() -> None:
    for indexes in (b"\x00", b"\x02\x00", b"\x04\x02\x00", b"\x02\x04"):
        found = verdict(framed(7, order(), indexes))
        assert found.reason == "malformed"
        assert "of its file, not [1], shop.Order" in found.message
    for indexes in (b"", b"\x02", b"\x01\x02", b"\x82\x80", b"\xfe\xff\x7f"):
        assert verdict(framed(7, b"", indexes)).reason == "malformed"


def test_indexes_are_zigzag_numbers_and_a_nested_message_keeps_its_first_field() -> None:
    assert message_indexes(b"\x00rest") == ((0,), 1)
    assert message_indexes(b"\x02\x02rest") == ((1,), 2)
    assert message_indexes(b"\x04\x00\x02rest") == ((0, 1), 3)
    line = read_descriptors(descriptors(), "shop.Order.Line")
    assert line.indexes == (1, 0)
    found = protobuf_decoder(ORDER, None, line, {}, None).verdict(framed(7, b"\x0a\x02a1", b"\x04\x02\x00"))
    assert isinstance(found, Refusal)
    assert (found.reason, found.field) == ("missing_field", "at")


def test_with_a_registry_every_record_names_a_protobuf_schema_that_is_known() -> None:
    registry = Registry()
    registry.known |= {7: RegisteredSchema("PROTOBUF", "CgtvcmRlci5wcm90bw=="), 8: RegisteredSchema("AVRO", "{}")}
    decoder = protobuf_decoder(ORDER, None, MESSAGE, {}, registry)
    values = [framed(7, order()), framed(8, order()), framed(9, order()), order(), framed(7, order())]
    for value in values:
        expected = protobuf.read(value, SPEC, SHAPE, [1], {7: "PROTOBUF", 8: "AVRO"})
        assert_same(decoder.verdict(value), expected, value)
    decoded = decoder.decode(pa.array(values, pa.binary()))
    assert [each.reason for each in decoded.refusals] == ["unknown_schema", "unknown_schema", "malformed"]
    assert len(registry.asked) == 3


def test_a_field_of_another_name_is_read_by_its_alias() -> None:
    decoder = protobuf_decoder(ORDER, None, MESSAGE, {"place.city": ["nothing", "floor"]}, None)
    assert decoder.verdict(order()) == BARE.verdict(order())
    model = replace(ORDER, root=replace(ORDER.root, children=ORDER.root.children[:2]))
    renamed = replace(model.root.children[0], path=("id",))
    found = protobuf_decoder(
        replace(model, root=replace(model.root, children=(renamed, model.root.children[1]))),
        None,
        MESSAGE,
        {"id": ["order_id"]},
        None,
    ).verdict(order())
    assert found == {"order_id": "a1", "at": 1_700_000_000_123}


def test_depth_is_bounded() -> None:
    def nested(levels: int) -> bytes:
        body = b""
        for _ in range(levels):
            size = len(body)
            body = b"\x62" + (bytes([size]) if size < 128 else bytes([size % 128 + 128, size // 128])) + body
        return body

    assert verdict(nested(100)).reason == "constraint"
    assert verdict(nested(101)).reason == "malformed"
    assert verdict(b"\x7b" * 101 + b"\x7c" * 101).reason == "malformed"


def test_a_group_that_nobody_knows_is_read_over_whatever_its_fields_are_called() -> None:
    good = order()
    assert verdict(good + b"\x73\x01" + bytes(8) + b"\x74") == verdict(good)
    assert verdict(good + b"\x01" + bytes(8)).reason == "malformed"
    assert verdict(good + b"\x73\x7c").reason == "malformed"


def test_mutated_messages_are_judged_as_the_model_judges_them() -> None:
    chance = random.Random(11)
    reasons = set()
    for written in (order(), framed(7, order())):
        for _ in range(3_000):
            value = mutated(chance, written)
            found = verdict(value)
            reasons.add(found.reason if isinstance(found, Refusal) else None)
    assert reasons >= {None, "malformed", "constraint", "missing_field"}
