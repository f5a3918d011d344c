"""Keys in a format of their own: read beside the value, refused where they cannot be, whatever the value's format."""

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import pytest
from annotated_types import Ge
from pydantic import BaseModel

from dataflow import EventTime, KafkaKey, KafkaKeyField, Money, Pipeline, Rollup, avro, protobuf
from dataflow import aggregates as agg
from dataflow import json as json_format
from dataflow.decode import keys
from dataflow.decode.decoder import beside_of, decode_records, decoder_for, needs_registry
from dataflow.errors import ConfigError, RegistryUnreachable
from dataflow.formats.frame import KEY_HEADER
from dataflow.formats.schemas import RegisteredSchema
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from tests.avro_events import body, framed, record
from tests.dataflow.decode.avro.test_decoder import Registry
from tests.proto_events import LineMessage, OrderMessage, order
from tests.proto_events import framed as framed_message


class Whole(BaseModel):
    user: KafkaKey | None
    at: EventTime


class Numbered(BaseModel):
    user: KafkaKeyField(None, Annotated[int, Ge(0)])  # type: ignore[valid-type]
    at: EventTime


class Parts(BaseModel):
    user: KafkaKeyField("user_id", Annotated[int, Ge(0)])  # type: ignore[valid-type]
    region: KafkaKeyField("region") | None = None  # type: ignore[valid-type]
    share: KafkaKeyField("share", float) = 0.5  # type: ignore[valid-type]
    price: KafkaKeyField("price", Money) = Decimal(1)  # type: ignore[valid-type]
    at: EventTime


def pipeline(model: type[BaseModel], key_format: Any) -> Pipeline:
    rollup = Rollup("each", keys=[], window=tumble("1m"), aggregates={"n": agg.count()})
    return Pipeline("keys", model, [rollup], key_format=key_format)


def read(
    model: type[BaseModel], key_format: Any, cells: Sequence[bytes | None], registry: Any = None, **more: Any
) -> Any:
    """Of each key: the columns, or the reason and the field."""
    plan = replace(make_plan(pipeline(model, key_format), Path()), schemas=registry)
    columns = {"value": pa.array([b'{"at":5}'] * len(cells), pa.binary()), "key": pa.array(cells, pa.binary()), **more}
    decoded = decode_records(decoder_for(plan), pa.RecordBatch.from_pydict(columns))
    found: dict[int, Any] = dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    for at, refusal in zip(decoded.dead_at.tolist(), decoded.refusals, strict=True):
        found[at] = (refusal.reason, refusal.field)
    return [{k: v for k, v in e.items() if k != "at"} if isinstance(e, dict) else e for _, e in sorted(found.items())]


def test_a_key_in_json_is_a_value_or_an_object_of_fields() -> None:
    assert read(
        Whole, json_format(), [b'"u"', b"5", None, b"{", b'"\xff"', b"{}", b"[]", b"null", b"NaN", b"", b"{}{}"]
    ) == [
        {"user": "u"},
        ("wrong_type", "user"),
        {"user": None},
        *[("malformed", "user")] * 2,
        *[("wrong_type", "user")] * 2,
        {"user": None},
        *[("malformed", "user")] * 3,
    ]
    values = [
        b'{"user_id":1,"region":"eu","share":0.25,"price":123456789012.123456,"more":{}}',
        b"\x00\x00\x00\x00\x07" + b'{"user_id":2}',
        b'{"user_id":-1}',
        b'{"user_id":1.0}',
        b'{"user_id":1,"region":{}}',
        b"{}",
        b"5",
        None,
    ]
    assert read(Parts, json_format(), values) == [
        {"user": 1, "region": "eu", "share": 0.25, "price": Decimal("123456789012.123456")},
        {"user": 2, "region": None, "share": 0.5, "price": Decimal(1)},
        ("constraint", "user"),
        ("wrong_type", "user"),
        ("wrong_type", "region"),
        ("missing_field", "user"),
        ("wrong_type", "user"),
        ("missing_field", "user"),
    ]


KEY = record({"region": ["null", "string"], "user_id": "long"}, "shop.Key")


def test_a_key_in_avro_is_read_by_the_schema_that_it_names() -> None:
    registry = Registry()
    registry.known |= {
        1: RegisteredSchema("AVRO", KEY),
        2: RegisteredSchema("AVRO", '"string"'),
        3: RegisteredSchema("JSON", ""),
    }
    good = body(KEY, {"region": "eu", "user_id": 7})
    cells = [
        framed(1, good),
        framed(2, b"\x02u"),
        framed(1, good + b"x"),
        good,
        framed(3, good),
        framed(9, good),
        framed(1, good),
    ]
    assert read(Parts, avro(), cells, registry) == [
        {"user": 7, "region": "eu", "share": 0.5, "price": Decimal(1)},
        ("wrong_type", "user"),
        *[("malformed", "user")] * 2,
        *[("unknown_schema", "user")] * 2,
        {"user": 7, "region": "eu", "share": 0.5, "price": Decimal(1)},
    ]
    assert read(Whole, avro(), cells[:2], registry) == [("wrong_type", "user"), {"user": "u"}]
    assert len(registry.asked) == 4 + 2


def test_a_header_of_the_newer_form_names_the_schema_of_a_bare_key() -> None:
    registry = Registry()
    registry.known["00000000-0000-0000-0000-000000000007"] = RegisteredSchema("AVRO", '"long"')
    header = pa.array([b"\x01" + bytes(15) + b"\x07", None], pa.binary())
    found = read(Numbered, avro(), [b"\x0a", b"\x0a"], registry, **{f"header:{KEY_HEADER}": header})
    assert found == [{"user": 5}, ("malformed", "user")]


def test_a_registry_without_an_answer_skips_nothing() -> None:
    registry = Registry()
    registry.away.add(1)
    with pytest.raises(RegistryUnreachable):
        read(Numbered, avro(), [framed(1, b"\x0a")], registry)


def test_bare_keys_of_one_schema_need_no_registry(tmp_path: Path) -> None:
    (tmp_path / "key.avsc").write_text('["null", "long"]')
    plan = make_plan(pipeline(Numbered, avro("key.avsc")), tmp_path)
    assert not needs_registry(plan)
    assert beside_of(plan) == (f"header:{KEY_HEADER}", "key")
    columns = {"value": pa.array([b'{"at":5}'] * 3), "key": pa.array([b"\x02\x0a", b"\x00", b"\x04"], pa.binary())}
    decoded = decode_records(decoder_for(plan), pa.RecordBatch.from_pydict(columns))
    assert decoded.events.column("user").to_pylist() == [5]
    assert [(each.reason, each.field) for each in decoded.refusals] == [
        ("missing_field", "user"),
        ("malformed", "user"),
    ]
    definition: Any = plan.definition
    assert definition["key_format"]["schema"] == '["null", "long"]'


def test_a_key_in_protobuf_is_a_message_bare_or_framed() -> None:
    class Keyed(BaseModel):
        user: KafkaKeyField("order_id")  # type: ignore[valid-type]
        at: EventTime

    line = LineMessage(order_id="l1").SerializeToString()
    cells = [line, framed_message(7, line, b"\x04\x02\x00"), framed_message(7, line), b"\xff", None]
    assert read(Keyed, protobuf(LineMessage), cells) == [
        {"user": "l1"},
        {"user": "l1"},
        *[("malformed", "user")] * 2,
        ("missing_field", "user"),
    ]
    registry = Registry()
    registry.known[7] = RegisteredSchema("PROTOBUF", "")
    assert read(Keyed, protobuf(OrderMessage, registry=True), [framed_message(7, order()), order()], registry) == [
        {"user": "a1"},
        ("malformed", "user"),
    ]


def test_without_the_registry_that_they_need_no_key_is_read() -> None:
    plan = make_plan(pipeline(Numbered, avro()), Path())
    assert needs_registry(plan)
    with pytest.raises(ConfigError, match="the schemas of these keys are in a registry"):
        decoder_for(plan)
    assert decoder_for(plan, of_kafka=False).decode(pa.array([b'{"at":5}'], pa.binary())).refusals[0].field == "user"


def test_a_key_that_comes_again_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_MOST_KNOWN", 3)
    reader = keys.KeyReader(json_format(), None, ())
    asked: list[bytes] = []
    inner = reader._read
    monkeypatch.setattr(reader, "_read", lambda key, header: asked.append(key) or inner(key, header))  # type: ignore[func-returns-value]
    for _ in range(3):
        assert [reader.read(b"%d" % number, None) for number in range(3)] == [0, 1, 2]
    assert asked == [b"0", b"1", b"2"]
    assert [reader.read(b"%d" % number, None) for number in range(6)] == list(range(6))
    assert len(reader._known) <= 3


def test_text_keys_are_what_they_were_and_other_types_need_a_format() -> None:
    assert read(Whole, None, [b"u", b"\xff", None]) == [{"user": "u"}, ("wrong_type", "user"), {"user": None}]
    assert "key_format" not in json.dumps(make_plan(pipeline(Whole, None), Path()).definition)
