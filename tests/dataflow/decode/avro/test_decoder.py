"""Avro records as events: bare and framed, evolved, broken; judged as the row-by-row model judges them."""

import json
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText
from dataflow.decode.avro.decoder import bare_avro, framed_avro
from dataflow.errors import RegistryUnreachable
from dataflow.event.schema import schema_of
from dataflow.formats.avro import SchemaError
from dataflow.formats.frame import SchemaKey
from dataflow.formats.schemas import RegisteredSchema
from dataflow.messages import Refusal
from tests.avro_events import (
    FIELDS,
    FIRST,
    GOOD,
    GOOD_SECOND,
    MONEY,
    ORDER,
    PIPELINE,
    SECOND,
    Order,
    body,
    framed,
    mutated,
    record,
)
from tests.model import adapter, avro
from tests.model.contract import Dead
from tests.model.spec import PipelineSpec

ROW = {
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


def spec_of(model: type[BaseModel]) -> PipelineSpec:
    return PipelineSpec(fields=adapter._fields(model), rollups=())


def verdict(schema: str, value: bytes, model: type[BaseModel] = Order, aliases: Any = None) -> Any:
    """The product's, after the model said the same."""
    found = bare_avro(schema_of(model), None, schema, aliases or {}).verdict(value)
    assert_same(found, avro.read_bare(value, spec_of(model), avro.Schema(schema), aliases), value)
    return found


def assert_same(found: Any, expected: Any, value: bytes | None) -> None:
    if isinstance(expected, Dead):
        assert isinstance(found, Refusal), (value, found, expected)
        assert (found.reason, found.field) == (expected.reason, expected.field), (value, found)
    else:
        assert found == expected, value


class Registry:
    """Schemas by number; those in `away` are not to be had."""

    def __init__(self, **kinds: Any) -> None:
        self.known: dict[int | str, RegisteredSchema] = {}
        self.away: set[int | str] = set()
        self.asked: list[SchemaKey] = []

    def find(self, key: SchemaKey) -> RegisteredSchema | None:
        self.asked.append(key)
        if key.value in self.away:
            raise RegistryUnreachable("no answer")
        return self.known.get(key.value)


def test_a_bare_body_of_the_schema_is_an_event() -> None:
    assert verdict(FIRST, body(FIRST, GOOD)) == ROW


def test_what_nobody_asks_for_is_read_over_and_what_is_not_there_has_its_default() -> None:
    found = verdict(SECOND, body(SECOND, GOOD_SECOND))
    assert found["amount"] == Decimal("0.5")
    assert (found["kind"], found["weight"], found["gift"]) == ("new", None, False)
    assert (found["at"], found["place.city"], found["place.floor"]) == (1_700_000_000_123, "Ærø", 3)


def test_a_decimal_is_rescaled_from_the_writers_scale() -> None:
    for scale, text in ((2, "12.34"), (6, "12.340000"), (10, "12.3400000000")):
        schema = record(FIELDS | {"amount": {**MONEY, "scale": scale}})
        assert verdict(schema, body(schema, GOOD | {"amount": Decimal(text)}))["amount"] == Decimal("12.34")
    schema = record(FIELDS | {"amount": {**MONEY, "scale": 10}})
    refused = verdict(schema, body(schema, GOOD | {"amount": Decimal("0.0000001")}))
    assert (refused.reason, refused.field) == ("constraint", "amount")


@pytest.mark.parametrize(
    ("type_", "ticks"),
    [
        ("timestamp-millis", -1),
        ("timestamp-millis", 1_700_000_000_123),
        ("timestamp-micros", 1_700_000_000_123_999),
        ("timestamp-micros", -1),
        ("timestamp-nanos", 1_700_000_000_123_999_999),
    ],
)
def test_a_timestamp_of_any_unit_is_an_event_time_of_any_unit(type_: str, ticks: int) -> None:
    class Text(BaseModel):
        at: EventTimeText

    class Int(BaseModel):
        at: EventTime

    schema = record({"at": {"type": "long", "logicalType": type_}})
    per_ms = {"timestamp-millis": 1, "timestamp-micros": 1_000, "timestamp-nanos": 1_000_000}[type_]
    for model in (Int, Text):
        found = bare_avro(schema_of(model), None, schema, {}).verdict(body(schema, {"at": ticks}))
        assert found == {"at": ticks // per_ms}
    assert verdict(schema, body(schema, {"at": ticks}), Int) == {"at": ticks // per_ms}


@pytest.mark.parametrize(
    ("field", "type_", "value", "reason"),
    [
        ("order_id", "bytes", b"a", "wrong_type"),
        ("order_id", "string", "", "constraint"),
        ("order_id", ["null", "string"], None, "missing_field"),
        ("at", {"type": "long", "logicalType": "local-timestamp-millis"}, 5, "wrong_type"),
        ("at", "long", 2**62, "constraint"),
        ("at", "double", 5.0, "wrong_type"),
        ("amount", "string", "12.34", "wrong_type"),
        ("amount", "double", 0.1, None),
        ("amount", "float", 0.1, "constraint"),
        ("amount", "double", float("nan"), "constraint"),
        ("amount", "long", 10**12, "constraint"),
        ("kind", "string", "lost", "constraint"),
        ("kind", {"type": "enum", "name": "K", "symbols": ["lost"]}, "lost", "constraint"),
        ("weight", "long", 3, None),
        ("weight", "double", float("inf"), "constraint"),
        ("weight", "double", -0.0, None),
        ("pieces", "double", 5.0, "wrong_type"),
        ("pieces", "boolean", True, "wrong_type"),
        ("pieces", "long", -1, "constraint"),
        ("gift", "int", 1, "wrong_type"),
        ("place", "string", "x", "wrong_type"),
        ("place", {"type": "map", "values": "string"}, {"city": "x"}, "wrong_type"),
        ("place", {"type": "record", "name": "P", "fields": []}, {}, "missing_field"),
        ("pieces", {"type": "array", "items": "int"}, [1], "wrong_type"),
    ],
)
def test_values_are_judged_as_strictly_as_in_json(field: str, type_: Any, value: Any, reason: str | None) -> None:
    schema = record(FIELDS | {field: type_})
    found = verdict(schema, body(schema, GOOD | {field: value}))
    assert (found.reason if isinstance(found, Refusal) else None) == reason
    assert not isinstance(found, Refusal) or (found.field or "").startswith(field)


def test_a_renamed_field_is_found_by_the_writers_alias_and_by_ours() -> None:
    fields = [
        {"name": "renamed", "aliases": ["order_id"], "type": "string"},
        {"name": "when", "type": "long"},
        {"name": "place", "type": {"type": "record", "name": "P", "fields": [{"name": "town", "type": "string"}]}},
    ]
    schema = json.dumps({"type": "record", "name": "O", "fields": fields})
    value = body(schema, {"renamed": "a", "when": 5, "place": {"town": "x"}})
    found = verdict(schema, value, aliases={"at": ["when"], "place.city": ["town"]})
    assert (found["order_id"], found["at"], found["place.city"]) == ("a", 5, "x")
    assert verdict(schema, value).field == "at"


def test_no_byte_may_be_left_over_and_none_may_lack() -> None:
    good = body(FIRST, GOOD)
    assert "1 bytes are left over" in verdict(FIRST, good + b"\x00").message
    for end in range(1, len(good)):
        assert verdict(FIRST, good[:end]).reason == "malformed"


def test_a_framed_record_read_as_bare_is_malformed_and_not_an_event_of_zeros() -> None:
    """A plain reader takes the frame for a record and leaves the rest over."""

    class Small(BaseModel):
        at: EventTime
        name: str

    schema = record({"at": "long", "name": "string"})
    assert verdict(schema, framed(1, body(schema, {"at": 5, "name": "x"})), Small).reason == "malformed"


def test_depth_and_block_counts_are_bounded() -> None:
    schema = record(
        {"at": "long", "tree": {"type": "record", "name": "T", "fields": [{"name": "t", "type": ["null", "T"]}]}}
    )
    nulls = record({"at": "long", "n": {"type": "array", "items": "null"}})

    class At(BaseModel):
        at: EventTime

    assert verdict(schema, b"\x02" + b"\x02" * 62 + b"\x00", At) == {"at": 1}
    assert "deeper than 64" in verdict(schema, b"\x02" + b"\x02" * 63 + b"\x00", At).message
    assert verdict(schema, b"\x02" + b"\x02" * 100_000, At).reason == "malformed"
    assert "more than there are bytes left" in verdict(nulls, b"\x02\xfe\xff\xff\xff\x0f\x00", At).message


def test_a_schema_that_is_no_records_is_refused_at_once() -> None:
    with pytest.raises(SchemaError, match="a schema of string"):
        bare_avro(ORDER, None, '"string"', {})


def test_framed_records_are_read_by_the_schema_that_each_names() -> None:
    registry = Registry()
    registry.known |= {1: RegisteredSchema("AVRO", FIRST), 258: RegisteredSchema("AVRO", SECOND)}
    values = [framed(1, body(FIRST, GOOD)), framed(258, body(SECOND, GOOD_SECOND)), framed(1, body(FIRST, GOOD))]
    decoded = framed_avro(ORDER, None, registry, {}).decode(pa.array(values, pa.binary()))
    assert decoded.events.column("order_id").to_pylist() == ["a1", "b2", "a1"]
    assert decoded.events.schema == ORDER.arrow
    assert registry.asked == [SchemaKey("id", 1), SchemaKey("id", 258)]


def test_one_broken_record_costs_no_other_anything() -> None:
    registry = Registry()
    registry.known |= {
        1: RegisteredSchema("AVRO", FIRST),
        2: RegisteredSchema("PROTOBUF", "message"),
        3: RegisteredSchema("AVRO", "{"),
        4: RegisteredSchema("AVRO", '"long"'),
    }
    good = framed(1, body(FIRST, GOOD))
    values = [None, good, b"", b"{}", framed(9, b"x"), good, framed(2, b"x"), framed(3, b"x"), framed(4, b"\x02"), good]
    decoded = framed_avro(ORDER, None, registry, {}).decode(pa.array(values, pa.binary()))
    assert decoded.events_at.tolist() == [1, 5, 9]
    assert dict(zip(decoded.dead_at.tolist(), [each.reason for each in decoded.refusals], strict=True)) == {
        0: "tombstone",
        2: "empty",
        3: "malformed",
        4: "unknown_schema",
        6: "unknown_schema",
        7: "unknown_schema",
        8: "not_object",
    }


def test_a_registry_without_an_answer_skips_nothing() -> None:
    registry = Registry()
    registry.known[1] = RegisteredSchema("AVRO", FIRST)
    registry.away.add(1)
    decoder = framed_avro(ORDER, None, registry, {})
    values = pa.array([framed(1, body(FIRST, GOOD))], pa.binary())
    with pytest.raises(RegistryUnreachable):
        decoder.decode(values)
    registry.away.clear()
    assert decoder.decode(values).events.num_rows == 1


def test_the_newer_frame_names_the_schema_in_a_header() -> None:
    registry = Registry()
    registry.known["00000000-0000-0000-0000-000000000007"] = RegisteredSchema("AVRO", FIRST)
    header = b"\x01" + bytes(15) + b"\x07"
    good = body(FIRST, GOOD)
    decoder = framed_avro(ORDER, None, registry, {})
    decoded = decoder.decode(pa.array([good, header + good, good], pa.binary()), pa.array([header, None, None]))
    assert decoded.events_at.tolist() == [0, 1]
    assert decoded.refusals[0].reason == "malformed"


def test_a_record_over_the_limit_is_too_large() -> None:
    good = body(FIRST, GOOD)
    found = bare_avro(ORDER, len(good) - 1, FIRST, {}).verdict(good)
    assert isinstance(found, Refusal)
    assert found.reason == "too_large"


@pytest.mark.parametrize(("schema", "good"), [(FIRST, GOOD), (SECOND, GOOD_SECOND)], ids=["first", "second"])
def test_mutated_bodies_are_judged_as_the_model_judges_them(schema: str, good: Any) -> None:
    chance = random.Random(7)
    decoder, spec = bare_avro(ORDER, None, schema, {}), adapter.to_spec(PIPELINE, None)  # type: ignore[arg-type]
    modelled = avro.Schema(schema)
    written = body(schema, good)
    reasons = set()
    for _ in range(3_000):
        value = mutated(chance, written)
        found = decoder.verdict(value)
        assert_same(found, avro.read_bare(value, spec, modelled), value)
        reasons.add(found.reason if isinstance(found, Refusal) else None)
    assert reasons >= {None, "malformed", "constraint"}
