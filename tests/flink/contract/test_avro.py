"""Avro records judged by the Java function and by the contract of dataflow/decode: the same verdict, equal values."""

import io
import json
import random
import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

import fastavro
import pytest
from annotated_types import Ge, Gt, Le, Len, Lt, MultipleOf
from pydantic import BaseModel, Field

from dataflow import EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText, Money, MoneyText
from dataflow.decode.avro.decoder import bare_avro, framed_avro
from dataflow.event.schema import EventSchema, schema_of
from dataflow.formats.declared import Format
from flink.contract.table import field_table
from pipelines.ads import AdEvent
from tests.avro_events import FIRST, GOOD, GOOD_SECOND, GOOD_THIRD, SECOND, THIRD, Order, body, framed, mutated, record
from tests.dataflow.decode.avro import writers
from tests.flink.contract.java_judge import Verdict, assert_alike, in_java, told
from tests.flink.contract.served import Served, served
from tests.flink.contract.test_equal import Colour, Inner
from tests.kafka_fixture import require_kafka_tools

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(1_200)]

SCHEMAS = 30
RECORDS = 60
"""Of each schema of each model."""


@pytest.fixture(autouse=True, scope="module")
def _java() -> None:
    require_kafka_tools()


@pytest.fixture
def registry() -> Iterator[Served]:
    with served() as found:
        yield found


class Amounts(BaseModel):
    at: Annotated[EventTimeNanos, Ge(-(10**18)), MultipleOf(7)]
    v: Money | None = None
    text: MoneyText | None = None
    x: Annotated[float, Gt(-1e200), Le(1e200)] | None = None


class Spot(BaseModel):
    a: int = 3
    b: str | None = None


class Nested(BaseModel):
    at: Annotated[EventTimeMicros, Ge(-5000)]
    user_id: Spot | None
    extra: Inner | None = None
    inner: Spot = Spot(a=5)


class Lists(BaseModel):
    at: EventTimeNanos
    tags: Annotated[list[Annotated[str, Len(1, 3)]], Len(0, 3)] | None = None
    sizes: list[Annotated[int, Ge(0)]] = []
    rates: list[float] = []
    flags: list[bool] = []


class Objects(BaseModel):
    at: EventTimeNanos
    more: dict[str, Any] | None = None
    counts: Annotated[dict[str, Annotated[int, Ge(0)]], Len(0, 3)] | None = None
    shares: dict[str, float] = {}
    raw: dict = {}


class Plain(BaseModel):
    at: EventTimeNanos
    colour: Colour = Colour.RED
    one: Literal[1, 2, 1000] | None = None
    cost: Annotated[Money, Ge(Decimal(0)), Lt(Decimal(1000)), MultipleOf(Decimal("0.25"))] | None = None
    day: Annotated[date, Ge(date(1969, 12, 31)), Lt(date(2030, 1, 2))] | None = None
    step: Annotated[int, MultipleOf(3), Gt(-10)] = 0
    kind: int = Field(default=7, alias="k.\u00e4")


class Seconds(BaseModel):
    at: Annotated[EventTimeSeconds, Ge(-5)] = Field(alias="when")
    micros: int | None = None


class Micros(BaseModel):
    at: Annotated[EventTimeMicros, Gt(-(10**15))]


class Text(BaseModel):
    at: EventTimeText


class Form(BaseModel):
    at: EventTimeText(unit="ms", zone="Europe/Amsterdam", end=None)  # type: ignore[valid-type]


MODELS: tuple[type[BaseModel], ...] = (AdEvent, Amounts, Nested, Lists, Objects, Plain, Seconds, Micros, Text, Form)


def in_registry(
    model: type[BaseModel],
    registry: Served,
    values: Sequence[bytes | None],
    headers: Sequence[bytes | None] = (),
    aliases: Mapping[str, Sequence[str]] | None = None,
) -> list[Verdict]:
    """What both sides say of framed records, which is the same."""
    schema, aliases = schema_of(model), aliases or {}
    table = field_table(schema, format=Format("avro", aliases=aliases), registry=registry.url)
    decoder = framed_avro(schema, None, registry, aliases)
    beside = headers or [None] * len(values)
    python = [told(schema, decoder.verdict(*pair)) for pair in zip(values, beside, strict=True)]
    assert_alike(list(zip(values, beside, strict=True)), in_java(table, values, headers=headers), python)
    return python


def bare(model: type[BaseModel], text: str, values: Sequence[bytes | None]) -> list[Verdict]:
    """What both sides say of bare bodies."""
    schema = schema_of(model)
    decoder = bare_avro(schema, None, text, {})
    python = [told(schema, decoder.verdict(value)) for value in values]
    assert_alike(values, in_java(field_table(schema, format=Format("avro", text)), values), python)
    return python


def array(items: Any) -> dict[str, Any]:
    return {"type": "array", "items": items}


def map_of(values: Any) -> dict[str, Any]:
    return {"type": "map", "values": values}


FITTING: dict[str, Any] = {
    "tags": array("string"),
    "sizes": array("long"),
    "rates": array("double"),
    "flags": array("boolean"),
    "more": map_of(["null", "string", "double", array(map_of("boolean"))]),
    "counts": map_of("int"),
    "shares": map_of("double"),
    "raw": {
        "type": "record",
        "name": "Raw",
        "fields": [{"name": "x", "type": "double"}, {"name": "a", "type": "long"}],
    },
}
"""What a writer mostly has for a field that holds many values."""
OTHERS: list[Any] = [
    array("null"),
    array(["null", "long"]),
    array(array("float")),
    map_of(["null", "string", "double", array("bytes")]),
    ["null", map_of("float")],
    ["null", array("string")],
]


def writer_of(chance: random.Random, schema: EventSchema) -> Any:
    """A random schema of records for the model."""
    made = writers.writer(chance, schema)
    for field in made["fields"]:
        if field["name"] in FITTING and chance.randrange(9):
            field["type"] = FITTING[field["name"]] if chance.randrange(5) else chance.choice(OTHERS)
    return made


def records_of(chance: random.Random, schema: EventSchema, text: Any, count: int) -> list[bytes]:
    """Bodies, two of three of them mutated."""
    parsed = fastavro.parse_schema(text)
    made = []
    for _ in range(count):
        out = io.BytesIO()
        fastavro.schemaless_writer(out, parsed, writers.value_of(chance, text, schema.root))
        made.append(mutated(chance, out.getvalue()) if chance.randrange(3) else out.getvalue())
    return made


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_mutated_records_of_random_schemas_are_judged_alike(model: type[BaseModel], registry: Served) -> None:
    chance, schema = random.Random(5), schema_of(model)
    values = []
    for number in range(SCHEMAS):
        text = writer_of(chance, schema)
        registry.add(number, json.dumps(text))
        values += [framed(number, each) for each in records_of(chance, schema, text, RECORDS)]
    found = in_registry(model, registry, values)
    reasons = {verdict[0] for verdict in found}
    assert {None, "malformed", "wrong_type", "constraint"} <= reasons
    good = [verdict for verdict in found if verdict[0] is None]
    assert len(good) > len(found) / 100


ORDERS = [framed(1, body(FIRST, GOOD)), framed(2, body(SECOND, GOOD_SECOND)), framed(4, body(THIRD, GOOD_THIRD))]


def orders(registry: Served) -> None:
    """What knows the schemas of ORDERS, and one that is none of Avro."""
    for number, text in ((1, FIRST), (2, SECOND), (4, THIRD)):
        registry.add(number, text)
    registry.add(3, "message Order {}", "PROTOBUF")


def test_mutated_frames_and_bodies_are_judged_alike_and_each_schema_is_asked_for_once(registry: Served) -> None:
    orders(registry)
    chance = random.Random(6)
    values: list[bytes | None] = [mutated(chance, chance.choice(ORDERS)) for _ in range(8_000)]
    found = in_registry(Order, registry, [None, b"", *ORDERS, *values])
    assert [verdict[0] for verdict in found[:5]] == ["tombstone", "empty", None, None, None]
    reasons = {verdict[0] for verdict in found}
    assert reasons >= {None, "malformed", "unknown_schema", "constraint"}
    assert len(registry.asked) == len(set(registry.asked))


def test_mutated_bare_bodies_are_judged_alike() -> None:
    chance = random.Random(7)
    for text, values in ((FIRST, GOOD), (SECOND, GOOD_SECOND), (THIRD, GOOD_THIRD)):
        good = body(text, values)
        found = bare(Order, text, [good, *(mutated(chance, good) for _ in range(2_000))])
        assert found[0][0] is None
        assert {verdict[0] for verdict in found} >= {None, "malformed"}


GUID = "01234567-89ab-cdef-0011-223344556677"
GUID_BYTES = b"\x01" + bytes.fromhex(GUID.replace("-", ""))


def test_a_schema_is_named_by_number_or_guid_in_front_or_in_the_header(registry: Served) -> None:
    orders(registry)
    registry.add(GUID, FIRST)
    good, id_1 = body(FIRST, GOOD), struct.pack(">bI", 0, 1)
    pairs: list[tuple[bytes, bytes | None, str | None]] = [
        (id_1 + good, None, None),
        (GUID_BYTES + good, None, None),
        (good, id_1, None),
        (good, GUID_BYTES, None),
        (good, GUID_BYTES + b"x", "malformed"),
        (good, GUID_BYTES[:-1], "malformed"),
        (good, b"", "malformed"),
        (good, None, "malformed"),
        (id_1 + good, id_1, "malformed"),
        (GUID_BYTES[:-1] + b"x" + good, None, "unknown_schema"),
        (b"\x00\x80\x00\x00\x01" + good, None, "unknown_schema"),
    ]
    found = in_registry(Order, registry, [value for value, _, _ in pairs], [header for _, header, _ in pairs])
    assert [verdict[0] for verdict in found] == [reason for _, _, reason in pairs]
    assert f"/schemas/guids/{GUID}" in registry.asked
    assert "/schemas/ids/2147483649" in registry.asked


def test_schemas_that_are_no_record_or_cannot_be_read_make_dead_letters_of_their_records(registry: Served) -> None:
    wrong = {
        '"string"': "not_object",
        "string": "not_object",
        '["null", {"type": "record", "name": "R", "fields": []}]': "not_object",
        '{"type": "array", "items": "int"}': "not_object",
        "{": "unknown_schema",
        '"Order"': "unknown_schema",
        '{"type": "record", "fields": []}': "unknown_schema",
        '{"type": "record", "name": "R"}': "unknown_schema",
        '{"type": "record", "name": "R", "namespace": 5, "fields": []}': "unknown_schema",
        '{"type": "record", "name": "R", "fields": [{"name": "a", "type": "int"}, {"name": "a", "type": "int"}]}': (
            "unknown_schema"
        ),
        record({"a": [["int"], "null"]}): "unknown_schema",
        record({"a": {"type": "fixed", "name": "F", "size": True}}): "unknown_schema",
        record({"a": {"type": "enum", "name": "E", "symbols": ["x", 1]}}): "unknown_schema",
        record({"a": {"type": "enum", "name": "shop.Order", "symbols": ["x"]}}): "unknown_schema",
    }
    for number, text in enumerate(wrong):
        registry.add(number, text)
    registry.add(99, FIRST, "JSON")
    values = [framed(number, body(FIRST, GOOD)) for number in (*range(len(wrong)), 99)]
    found = in_registry(Order, registry, values)
    assert [verdict[0] for verdict in found] == [*wrong.values(), "unknown_schema"]


def test_names_aliases_former_names_and_references_lead_to_the_same_fields(registry: Served) -> None:
    place = {
        "type": "record",
        "name": "Place",
        "namespace": "of.places",
        "fields": [{"name": "town", "type": "string"}],
    }
    fields = [
        {"name": "Id", "type": "string", "aliases": ["x", "order_id"]},
        {"name": "when", "type": {"type": {"type": "long", "logicalType": "timestamp-micros"}}},
        {"name": "place", "type": ["null", "of.places.Place"]},
        {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 20}},
        {"name": "kind", "type": "Kind"},
    ]
    kind = {"type": "enum", "name": "Kind", "namespace": "shop", "symbols": ["new", "paid"]}
    text = json.dumps({"type": "record", "name": "Order", "namespace": "shop", "fields": fields})
    registry.add(7, text, references=[("Place", json.dumps(place)), ("Kind", json.dumps(kind))])
    registry.add(8, text, references=[("Kind", json.dumps(kind)), ("Kind 2", json.dumps(place))])
    registry.add(9, text, references=[("Kind", json.dumps(kind))])
    written = b"\x04a1" + b"\x90\xa0\xd0\xb0\x1d" + b"\x02\x04de" + b"\x04\x04\xd2" + b"\x02"
    aliases = {"at": ["time", "when"], "place.city": ["town"], "amount": ["price", "cost"]}
    found = in_registry(Order, registry, [framed(each, written) for each in (7, 8, 9)], aliases=aliases)
    # a decimal with more decimals than digits is none, so its bytes are
    assert [verdict[:2] for verdict in found] == [["wrong_type", "amount"]] * 2 + [["unknown_schema", None]]
    aliases = {"at": ["when"], "place.city": ["town"]}
    found = in_registry(Order, registry, [framed(7, written)], aliases=aliases)
    assert found[0][:3] == [None, None, "a1"]


def test_records_that_hold_themselves_are_read_as_deep_as_they_may_be() -> None:
    text = record({"order_id": "string", "at": "long", "below": ["null", "shop.Order"]})
    rows = []
    for depth in (1, 62, 63, 64, 65, 200):
        rows.append(b"\x02a\x0a\x02" * depth + b"\x02a\x0a\x00")
    found = bare(Order, text, rows)
    assert [verdict[0] for verdict in found] == [None, None, None, "malformed", "malformed", "malformed"]


def test_what_gives_no_answer_is_asked_again_and_no_record_is_passed_over(registry: Served) -> None:
    orders(registry)
    registry.troubles = [(503, b""), (404, b"no such page"), (200, b'{"schema": 5}'), (301, b""), (401, b"{}")]
    found = in_registry(Order, registry, [ORDERS[0], ORDERS[1], framed(77, b"")])
    assert [verdict[0] for verdict in found] == [None, None, "unknown_schema"]
    assert registry.asked == ["/schemas/ids/1"] * 6 + ["/schemas/ids/2", "/schemas/ids/77"]


def test_doubles_become_money_and_json_as_their_shortest_decimals() -> None:
    chance = random.Random(8)
    text = json.dumps(
        {
            "type": "record",
            "name": "R",
            "fields": [
                {"name": "at", "type": "long"},
                {"name": "v", "type": "double"},
                {"name": "d", "type": map_of("double")},
            ],
        }
    )
    doubles = [struct.unpack("<d", chance.randbytes(8))[0] for _ in range(1_500)]
    doubles += [
        round(chance.uniform(-(10**power), 10**power), places)
        for power in range(13)
        for places in range(9)
        for _ in range(20)
    ]
    doubles += [sign * base**power for base in (2.0, 10.0, 0.1, 5.0) for power in range(-60, 61) for sign in (1, -1)]
    doubles += [9007199254740993.0, 5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 999999999999.999999, 1e12]
    rows = [b"\x0e" + (number := struct.pack("<d", each)) + b"\x02\x02a" + number + b"\x00" for each in doubles]

    class Both(BaseModel):
        at: EventTimeNanos
        v: Money
        d: dict[str, Any]

    class Object(BaseModel):
        at: EventTimeNanos
        d: dict[str, Any]

    assert sum(verdict[0] is None for verdict in bare(Both, text, rows)) > 1_000
    assert sum(verdict[0] is None for verdict in bare(Object, text, rows)) > 3_000
