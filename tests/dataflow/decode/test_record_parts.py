"""Columns from the record beside those of its value, in every format, judged as the row-by-row model judges them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
from annotated_types import Len
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from dataflow import KafkaHeader, KafkaKey, KafkaTimestamp, KafkaTopic, Pipeline, Rollup, avro
from dataflow import aggregates as agg
from dataflow.decode.decoder import beside_of, decode_records, decoder_for
from dataflow.formats.schemas import RegisteredSchema
from dataflow.messages import Refusal
from dataflow.pipeline.plan import make_plan
from dataflow.windows import tumble
from tests.avro_events import FIRST, body, record
from tests.avro_events import GOOD as ORDER
from tests.avro_events import PIPELINE as ORDERS
from tests.dataflow.decode.avro.test_decoder import Registry
from tests.model import adapter, contract
from tests.model.contract import Dead
from tests.model.spec import Record


class Click(BaseModel):
    user: Annotated[KafkaKey, Len(1, 8)]
    page: str
    at: KafkaTimestamp
    trace: KafkaHeader("trace") | None = None  # type: ignore[valid-type]
    source: KafkaHeader("source") = "web"  # type: ignore[valid-type]
    source_topic: KafkaTopic


PIPELINE = Pipeline(
    name="clicks",
    event=Click,
    rollups=[Rollup("each", keys=["page"], window=tumble("1m"), aggregates={"n": agg.count()})],
)
SPEC = adapter.to_spec(PIPELINE, Path())
GOOD = b'{"page":"/"}'
TEXTS = st.none() | st.sampled_from([b"", b"u1", b"\xff", "ü".encode(), b"far too long"])
RECORDS = st.builds(
    lambda value, at, key, headers: Record(0, value, at, key, tuple(headers), "clicks"),
    st.sampled_from([GOOD, GOOD, b"{}", None, b'{"page":5}']),
    st.none() | st.integers(-5, 5) | st.just(2**60),
    TEXTS,
    st.lists(st.tuples(st.sampled_from(["trace", "source", "other"]), TEXTS), max_size=3),
)


def polled(records: list[Record]) -> pa.RecordBatch:
    """What a source gives of them."""

    def header(record: Record, name: str) -> bytes | None:
        return dict(record.headers).get(name)

    columns: dict[str, Any] = {
        "timestamp": pa.array([each.timestamp for each in records], pa.int64()),
        "value": pa.array([each.value for each in records], pa.binary()),
        "key": pa.array([each.key for each in records], pa.binary()),
        "topic": pa.array([each.topic for each in records], pa.string()),
        **{f"header:{n}": pa.array([header(each, n) for each in records], pa.binary()) for n in ("trace", "source")},
    }
    return pa.RecordBatch.from_pydict(columns)


@settings(deadline=None)
@given(st.lists(RECORDS, max_size=10), st.booleans())
def test_every_record_is_judged_as_by_the_model(records: list[Record], compiled: bool) -> None:
    decoded = decode_records(decoder_for(make_plan(PIPELINE, Path()), compiled=compiled), polled(records))
    found: dict[int, Any] = dict(zip(decoded.dead_at.tolist(), decoded.refusals, strict=True))
    found |= dict(zip(decoded.events_at.tolist(), decoded.events.to_pylist(), strict=True))
    assert sorted(found) == list(range(len(records)))
    for at, each in enumerate(records):
        expected = contract.read_record(each, SPEC)
        if isinstance(expected, Dead):
            assert isinstance(found[at], Refusal), (each, found[at])
            assert (found[at].reason, found[at].field) == (expected.reason, expected.field), each
        else:
            assert found[at] == expected
            assert list(found[at]) == list(expected)


def test_avro_has_the_same_columns_and_asks_for_no_more_than_it_needs(tmp_path: Path) -> None:
    schema = record({"page": "string"})
    (tmp_path / "click.avsc").write_text(schema)
    plan = make_plan(Pipeline(name="c", event=Click, rollups=PIPELINE.rollups, format=avro("click.avsc")), tmp_path)
    assert beside_of(plan) == ("header:source", "header:trace", "key", "topic")
    records = [Record(0, body(schema, {"page": "/"}), 5, b"u", (("trace", b"t"),), "clicks")]
    decoded = decode_records(decoder_for(plan), polled(records))
    assert decoded.events.to_pylist() == [
        {"user": "u", "page": "/", "at": 5, "trace": "t", "source": "web", "source_topic": "clicks"}
    ]
    assert "header:__value_schema_id" in beside_of(
        make_plan(Pipeline("c", Click, PIPELINE.rollups, format=avro()), tmp_path)
    )


def test_a_guid_in_a_header_names_the_schema_of_a_bare_body() -> None:
    registry = Registry()
    registry.known["00000000-0000-0000-0000-000000000007"] = RegisteredSchema("AVRO", FIRST)
    plan = replace(make_plan(replace(ORDERS, format=avro()), Path()), schemas=registry)
    columns = {
        "value": pa.array([body(FIRST, ORDER), body(FIRST, ORDER)], pa.binary()),
        "header:__value_schema_id": pa.array([b"\x01" + bytes(15) + b"\x07", None], pa.binary()),
    }
    decoded = decode_records(decoder_for(plan), pa.RecordBatch.from_pydict(columns))
    assert decoded.events_at.tolist() == [0]
    assert decoded.refusals[0].reason == "malformed"


def test_a_source_without_records_of_kafka_gives_nulls() -> None:
    decoder = decoder_for(make_plan(PIPELINE, Path()))
    decoded = decoder.decode(pa.array([GOOD], pa.binary()))
    assert [(each.reason, each.field) for each in decoded.refusals] == [("missing_field", "user")]


def test_the_definition_says_what_comes_from_the_record_and_nothing_of_other_fields() -> None:
    said = make_plan(PIPELINE, Path()).definition["event"]
    assert [each.get("record") for each in json.loads(json.dumps(said))] == [
        "key",
        None,
        "timestamp",
        "header:trace",
        "header:source",
        "topic",
    ]
