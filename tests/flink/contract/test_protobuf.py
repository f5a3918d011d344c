"""Protobuf records judged by the Java function and by the contract of dataflow/decode: equal verdicts and values."""

import base64
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import pytest
from annotated_types import Ge
from pydantic import BaseModel, Field

from dataflow import EventTime, EventTimeMicros, EventTimeNanos, EventTimeText
from dataflow.decode.protobuf.decoder import Known, protobuf_decoder
from dataflow.event.schema import schema_of
from dataflow.formats.declared import Format
from dataflow.formats.protobuf import read_descriptors
from flink.contract.table import field_table
from tests.avro_events import FIRST, Order, mutated
from tests.dataflow.decode.protobuf.messages import Maker
from tests.flink.contract.java_judge import Verdict, assert_alike, in_java, told
from tests.flink.contract.old_messages import old_file
from tests.flink.contract.served import Served, served
from tests.flink.contract.test_avro import MODELS
from tests.kafka_fixture import require_kafka_tools
from tests.proto_events import descriptors, framed, order

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_200)]

RECORDS = 600
"""Of each message."""
PLAIN = tuple(model for model in MODELS if model.__name__ not in ("Lists", "Objects"))
"""Models whose every field a random message may have."""


class Small(BaseModel):
    at: EventTime = Field(alias="floor")
    city: str


class Line(BaseModel):
    at: EventTimeText = Field(alias="order_id")


@pytest.fixture(autouse=True, scope="module")
def _java() -> None:
    require_kafka_tools()


@pytest.fixture
def registry() -> Iterator[Served]:
    with served() as found:
        yield found


def judged(
    model: type[BaseModel],
    files: bytes,
    name: str,
    values: Sequence[bytes | None],
    *,
    headers: Sequence[bytes | None] = (),
    aliases: Mapping[str, Sequence[str]] | None = None,
    registry: Served | None = None,
) -> list[Verdict]:
    """What both sides say of the records of a message, which is the same."""
    schema, aliases = schema_of(model), aliases or {}
    declared = Format("protobuf", base64.b64encode(files).decode(), aliases, name, registry is not None)
    table = field_table(schema, format=declared, registry=None if registry is None else registry.url)
    known = None if registry is None else Known(registry)
    decoder = protobuf_decoder(schema, None, read_descriptors(files, name), aliases, known)
    pairs = list(zip(values, headers or [None] * len(values), strict=True))
    python = [told(schema, decoder.verdict(*pair)) for pair in pairs]
    assert_alike(pairs, in_java(table, values, headers=headers), python)
    return python


def test_mutated_records_of_random_messages_are_judged_alike() -> None:
    chance = random.Random(5)
    found: list[Verdict] = []
    for model in PLAIN:
        maker = Maker(chance, schema_of(model))
        good = [maker.record().SerializeToString() for _ in range(RECORDS)]
        values = [mutated(chance, each) if chance.randrange(3) else each for each in good]
        found += judged(model, maker.files, maker.name, values, aliases=maker.aliases)
    assert {"malformed", "constraint", "wrong_type", "missing_field"} <= {verdict[0] for verdict in found}
    assert sum(verdict[0] is None for verdict in found) > len(found) / 20


def test_mutated_frames_and_bodies_are_judged_alike(registry: Served) -> None:
    registry.add(1, FIRST)
    registry.add(3, "message", "PROTOBUF")
    chance = random.Random(6)
    good = [order(), framed(3, order()), order(amount=None, place=None), framed(1, order())]
    values: list[bytes | None] = [None, b"", *good, *(mutated(chance, chance.choice(good)) for _ in range(6_000))]
    bare = judged(Order, descriptors(), "shop.Order", values)
    assert [verdict[0] for verdict in bare[:6]] == ["tombstone", "empty", None, None, None, None]
    assert {verdict[0] for verdict in bare} >= {None, "malformed", "constraint"}
    found = judged(Order, descriptors(), "shop.Order", values, registry=registry)
    expected = ["tombstone", "empty", "malformed", None, "malformed", "unknown_schema"]
    assert [verdict[0] for verdict in found[:6]] == expected
    assert len(registry.asked) == len(set(registry.asked))


def test_the_message_that_a_frame_names_is_ours_or_the_record_is_none() -> None:
    id_3, number = b"\x00\x00\x00\x00\x03", b"\xff" * 9 + b"\x01"
    indexes = {
        b"\x02\x02": None,
        b"\x82\x00\x82\x80\x00": None,
        b"\x00": "malformed",
        b"\x02\x00": "malformed",
        b"\x02\x04": "malformed",
        b"\x04\x02\x00": "malformed",
        b"\x01": "malformed",
        b"\x02\x03": "malformed",
        b"\x02": "malformed",
        b"\x82\x01" + b"\x02" * 65: "malformed",
        b"\x80\x01" + b"\x02" * 64: "malformed",
        number: "malformed",
        b"\x02" + number: "malformed",
        b"\x02" + b"\x80" * 10 + b"\x00": "malformed",
        b"\x02" + b"\x82" + b"\x80" * 8 + b"\x02": "malformed",
        b"": "malformed",
    }
    values: list[bytes | None] = [id_3 + each + order() for each in indexes]
    assert [verdict[0] for verdict in judged(Order, descriptors(), "shop.Order", values)] == list(indexes.values())
    headers = [id_3] * len(values)
    bodies: list[bytes | None] = [each + order() for each in indexes]
    found = judged(Order, descriptors(), "shop.Order", bodies, headers=headers)
    assert [verdict[0] for verdict in found] == list(indexes.values())
    places: list[bytes | None] = [id_3 + each + b"\x0a\x01x\x10\x05" for each in (b"\x00", b"\x02\x00")]
    assert judged(Small, descriptors(), "shop.Place", places) == [[None, None, 5, "x"]] * 2
    line = judged(Line, descriptors(), "shop.Order.Line", [id_3 + b"\x04\x02\x00" + b"\x0a\x015"])
    assert line == [[None, None, 5]]


class Old(BaseModel):
    """Of what the older syntax has."""

    at: EventTimeNanos
    s: str = "-"
    tags: list[str] | None = None
    e: str | None = None
    shown: str = "-"
    many: list[str] = []
    counts: dict[str, int] = {}
    kinds: dict[str, str] = {}
    more: dict[str, Any] | None = None
    group: dict[str, Any] | None = None
    itself: dict[str, Any] | None = None
    flags: dict[str, bool] = {}
    b: Annotated[int, Ge(0)] = 1
    one: int | None = None
    two: int | None = None


AT = b"\x09" + bytes(8)
_PIECES = """
090000000000000000 120178 1201ff 1a0161 1a00 1a01fe 2001 2003 2005 288380808010 28ffffffffffffffffff01 3001
3203010503 3200 320180 3a050a016b1003 3a030a016b 3a00 3a021005 3a050a01ff1003 3a070a016b10031801 42050a016b1003
42050a016c1009 42030a016b 4a020805 4a0708051203120179 4a06080512026001 4a08080712043a021008 4a06080612026000
520408011001 52021002 520408021000 5a00 5a0312017a 5a026009 5a041202c3a4 5a026801 5a027002 6005
60ffffffffffffffff7f 6801 7002 6800 7a080000803f00000000 7d0000807f 7a03616263 5a0b8001ffffffffffffffffff01
5a0a89010000000000000080 5a0a8901000000000000f87f 5a0a89010000000000000000 920101ff 5a03920100 5a04920101ff
9b019c01 9b01a001059c01 9b01a001069c01 9b01 9c01 9b01a306a4069c01 a306a80601a406 a306ac06 0000 0304 0e 0f
0d00000000 0805 1001 5801 5b5c 5d00000000 908080800001 9280808080000178 928080801000 12818080800078
1281808080800078 12ffffffff0f 60ffffffffffffffffff7f 608080808080808080808000
"""
PIECES = [bytes.fromhex(each) for each in _PIECES.split()]
"""Fields as they may be and as they may not be, whole and broken."""


@pytest.mark.parametrize("syntax", ["proto2", "proto3"])
def test_fields_of_every_kind_in_any_order_are_read_alike(syntax: str) -> None:
    chance = random.Random(7)
    values = [AT + each for each in PIECES] + PIECES
    for _ in range(5_000):
        made = AT + b"".join(chance.choices(PIECES, k=chance.choice((1, 2, 3, 5))))
        values.append(mutated(chance, made) if chance.randrange(8) == 0 else made)
    found = judged(Old, old_file(syntax), "old.Old", values)
    assert sum(verdict[0] is None for verdict in found) > 300
    assert {verdict[0] for verdict in found} >= {"malformed", "wrong_type", "constraint"}


def _sized(tag: bytes, body: bytes) -> bytes:
    size, left = bytearray(), len(body)
    while left >= 0x80:
        size.append(left & 0x7F | 0x80)
        left >>= 7
    return tag + bytes([*size, left]) + body


def test_messages_groups_and_maps_stand_in_each_other_as_deep_as_they_may() -> None:
    values: list[bytes | None] = []
    depths = (1, 49, 50, 51, 99, 100, 101, 200)
    for depth in depths:
        body = entries = b""
        for _ in range(depth):
            body, entries = _sized(b"\x5a", body), _sized(b"\x4a", _sized(b"\x12", entries))
        groups = b"\xa3\x06" * depth + b"\xa4\x06" * depth
        values += [AT + body, AT + entries, AT + groups, AT + _sized(b"\x5a", groups)]
    found = judged(Deep, old_file("proto2"), "old.Old", values)
    most = (100, 50, 100, 99)
    assert [verdict[0] is None for verdict in found] == [depth <= each for depth in depths for each in most]


class Deep(BaseModel):
    at: EventTimeMicros
