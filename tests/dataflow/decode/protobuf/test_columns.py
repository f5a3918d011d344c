"""Protobuf records read a poll at once: judged as the row-by-row decoder does, by what Google's reader reads."""

import random
from typing import Any

import pyarrow as pa
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from dataflow.decode.binary.decoder import ColumnDecoder
from dataflow.decode.protobuf import columns
from dataflow.decode.protobuf.columns import protobuf_columns
from dataflow.decode.protobuf.decoder import protobuf_decoder
from dataflow.decode.rows import RowDecoder
from dataflow.event.schema import EventSchema, schema_of
from dataflow.formats.protobuf import read_descriptors
from dataflow.formats.schemas import RegisteredSchema
from tests.avro_events import ORDER, mutated
from tests.dataflow.decode.avro.test_columns import assert_equal
from tests.dataflow.decode.avro.test_decoder import Registry
from tests.dataflow.decode.models import MODELS
from tests.dataflow.decode.protobuf.messages import Maker
from tests.proto_events import OrderMessage, descriptors, framed, of_edition_2023, order

SCHEMAS = [ORDER, *[schema_of(model) for model in MODELS]]
PROPERTY = settings(max_examples=100, deadline=None)
MESSAGE = read_descriptors(descriptors(), "shop.Order")


def both(values: list[bytes | None], schema: EventSchema = ORDER, message: Any = MESSAGE, aliases: Any = None) -> Any:
    """The verdicts of the compiled reader, after the row-by-row one gave the same."""
    array = pa.array(values, pa.binary())
    found = protobuf_columns(schema, None, message, aliases or {}, None).decode(array)
    assert_equal(found, protobuf_decoder(schema, None, message, aliases or {}, None).decode(array))
    return found


def taken(values: list[bytes]) -> int:
    """How many records the compiled reader itself takes."""
    decoder = protobuf_columns(ORDER, None, MESSAGE, {}, None)
    assert isinstance(decoder, ColumnDecoder)
    left: list[int] = []
    rows = decoder.rows.decode
    decoder.rows.decode = lambda values, headers=None: left.append(len(values)) or rows(values, headers)  # type: ignore[method-assign, func-returns-value]
    decoder.decode(pa.array(values, pa.binary()))
    return len(values) - sum(left)


@PROPERTY
@given(st.integers(0, 2**32), st.sampled_from(SCHEMAS))
def test_records_of_any_message_are_judged_as_row_by_row(seed: int, schema: EventSchema) -> None:
    chance = random.Random(seed)
    maker = Maker(chance, schema)
    good = [maker.record().SerializeToString() for _ in range(20)]
    twice = [left + right for left, right in zip(good[:5], good[5:], strict=False)]
    values = [*good, *twice, *[mutated(chance, each) for each in good], None, b""]
    chance.shuffle(values)
    both(values, schema, read_descriptors(maker.files, maker.name), maker.aliases)


def test_good_records_are_all_taken_by_the_compiled_reader() -> None:
    good = [order(), framed(3, order()), order(amount=None, place=None), b"\x01" + bytes(16) + b"\x02\x02" + order()]
    assert taken(good * 20) == 80
    assert taken([*good * 20, *[order()[:-1]] * 10]) == 80


@pytest.mark.parametrize("seed", range(3))
def test_mutated_messages_are_judged_as_row_by_row(seed: int) -> None:
    chance = random.Random(seed)
    good = [order(), framed(3, order()), order(amount=None, place=None)]
    decoded = both([mutated(chance, chance.choice(good)) for _ in range(4_000)])
    assert {"malformed", "constraint", "missing_field"} <= {refusal.reason for refusal in decoded.refusals}
    assert decoded.events.num_rows > 800


def test_a_message_of_edition_2023_is_read_as_that_of_proto3() -> None:
    good: list[bytes | None] = [
        order(),
        order(amount=None, pieces=None, gift=None, kind=None),
        framed(3, order()),
        order(at=None),
    ]
    edition = both(good * 5, message=read_descriptors(descriptors(of_edition_2023()), "shop.Order"))
    assert_equal(edition, both(good * 5))
    assert edition.events.num_rows == 15


def accepted(body: bytes) -> bool:
    try:
        OrderMessage().MergeFromString(body)
    except DecodeError:
        return False
    return True


WIRES = [
    b"\x30\x80\x00",  # pieces: 0 in two bytes
    b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",  # -1
    b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f",  # more than 64 bits
    b"\x30\x80\x80\x80\x80\x10",  # 2^32, of which int32 keeps 0
    b"\x38\x02",  # gift: 2
    b"\x38\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    b"\xb0\x00\x01",  # a tag in two bytes
    b"\x35\x01\x00\x00\x00",  # pieces as four bytes
    b"\x20\x80\x80\x80\x80\x10",  # kind: 2^32
    b"\x0a\x81\x00a",  # order_id: its size in two bytes
    b"\x0a\x01\xff",
    b"\x52\x05\x00\x00\x80\x3f\x00",  # seen: five bytes of packed floats
    b"\x52\x00",
    b"\x55\x00\x00\x80\x3f",  # seen: not packed
    b"\x50\x01",
    b"\x5a\x01\xff",  # note: any bytes
    b"\x62\x01\xff",  # back: no message
    b"\x62\x03\x0a\x01\xff",  # back: with a text that is no UTF-8
    b"\x12\x02\x10\x05",  # at, again: merged
    b"\x12\x00",
    b"\x42\x00",  # place, again: merged
    b"\x42\x02\x10\x05",
    b"\x00\x01",  # field 0
    b"\x73\x74",  # a group
    b"\xf8\xff\xff\xff\x0f\x01",  # the last field number
    b"\xf8\xff\xff\xff\x7f\x01",
    b"\x7a\x02ab",  # unknown
    b"\x7a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
]


@pytest.mark.parametrize("wire", WIRES, ids=[wire.hex() for wire in WIRES])
def test_what_the_wire_may_hold_besides_is_judged_as_row_by_row(wire: bytes) -> None:
    bare = order(pieces=None, gift=None, place=None, order_id=None, kind=None) + b"\x0a\x01a"
    decoded = both(
        [order(), order() + wire, wire + order(), bare + wire, wire + bare, bare[:-3] + wire, *[order()] * 4]
    )
    assert len(decoded.events_at) >= 5
    if not accepted(wire):
        assert "malformed" in {refusal.reason for refusal in decoded.refusals}


def test_with_a_registry_every_record_names_a_protobuf_schema_that_is_known() -> None:
    chance = random.Random(5)
    values = [
        framed(7, order()),
        framed(8, order()),
        framed(9, order()),
        order(),
        framed(7, order(), b"\x00"),
        None,
        b"",
    ]
    values = [value for value in values * 20 if value is None or chance.randrange(9)]
    chance.shuffle(values)
    header = [b"\x00\x00\x00\x00\x07" if at % 5 == 0 else None for at in range(len(values))]
    for headers in (None, pa.array(header, pa.binary())):
        found, expected = (
            made(ORDER, None, MESSAGE, {}, registry()).decode(pa.array(values, pa.binary()), headers)
            for made in (protobuf_columns, protobuf_decoder)
        )
        assert_equal(found, expected)
        assert found.events.num_rows > 10


def registry() -> Registry:
    known = Registry()
    known.known |= {7: RegisteredSchema("PROTOBUF", "CgtvcmRlci5wcm90bw=="), 8: RegisteredSchema("AVRO", "{}")}
    return known


def test_the_first_message_of_a_file_is_named_in_two_ways() -> None:
    place = read_descriptors(descriptors(), "shop.Place")
    assert columns._indexes(place) == [b"\x00", b"\x02\x00"]
    assert columns._indexes(read_descriptors(descriptors(), "shop.Order.Line")) == [b"\x04\x02\x00"]
    assert columns._zigzag(200) == b"\x90\x03"


def test_without_a_compiler_records_are_read_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "load", lambda: (_ for _ in ()).throw(ImportError("no numba")))
    assert isinstance(protobuf_columns(ORDER, None, MESSAGE, {}, None), RowDecoder)
