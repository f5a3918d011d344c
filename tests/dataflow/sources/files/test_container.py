"""Avro container files: values by the schema in the file."""

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText, Money, MoneyText
from dataflow.decode.avro.decoder import bare_avro
from dataflow.decode.poll import decode_poll
from dataflow.errors import SourceError
from dataflow.event.schema import schema_of
from dataflow.messages import Refusal
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, file_decoder, judged, polls
from tests.dataflow.sources.files.written import FORMS, ORDERS, write


def test_avro_values_are_read_by_the_schema_in_the_file(tmp_path: Path) -> None:
    class Seen(BaseModel):
        at: EventTimeText
        key: str
        kind: str | None = None
        x: float | None = None
        many: str | None = None

    event = schema_of(Seen)
    fields = [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-nanos"}},
        {"name": "key", "type": "bytes"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["click", "view"]}},
        {"name": "x", "type": ["null", "double"]},
        {"name": "many", "type": ["null", {"type": "array", "items": "string"}]},
    ]
    schema = {"type": "record", "name": "Seen", "fields": fields}
    rows: list[dict[str, Any]] = [
        {"at": 1_999_999, "key": b"north", "kind": "click", "x": 1.5, "many": None},
        {"at": 0, "key": b"\xff", "kind": "view", "x": None, "many": None},
        {"at": 0, "key": b"k", "kind": "view", "x": float("nan"), "many": None},
        {"at": 0, "key": b"k", "kind": "view", "x": None, "many": ["a"]},
        {"at": 2**62, "key": b"k", "kind": "view", "x": None, "many": None},
    ]
    target = io.BytesIO()
    fastavro.writer(target, schema, rows)
    write(tmp_path, "a.avro", target.getvalue())
    reader = FilesSource(tmp_path, event).open("a", None, None)
    events, dead = judged(reader, event)
    assert [(each["at"], each["key"]) for each in events] == [(1, "north"), (2**62 // 1_000_000, "k")]
    assert [reason for reason, _ in dead] == ["invalid_utf8", "constraint", "wrong_type"]


class Measured(BaseModel):
    at: EventTime
    x: float | None = None
    paid: Money | None = None
    amount: MoneyText | None = None
    count: int | None = None
    name: str | None = None
    many: list[float] | None = None
    names: list[str] | None = None
    by_name: dict[str, float] | None = None
    free: dict[str, Any] | None = None


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize(
    ("field", "type_", "held"),
    [
        *[(name, "double", lambda value: value) for name in ("at", "x", "paid", "amount", "count", "name", "many")],
        ("many", {"type": "array", "items": "double"}, lambda value: [0.5, value]),
        ("names", {"type": "array", "items": "double"}, lambda value: [value]),
        ("by_name", {"type": "map", "values": "double"}, lambda value: {"a": 0.5, "b": value}),
        ("free", {"type": "map", "values": "double"}, lambda value: {"b": value}),
        ("free", {"type": "map", "values": {"type": "array", "items": "double"}}, lambda value: {"b": [1.5, value]}),
    ],
)
def test_what_is_no_number_is_refused_as_in_a_record_of_avro(
    tmp_path: Path, field: str, type_: Any, held: Any, value: float
) -> None:
    event = schema_of(Measured)
    schema = {"type": "record", "name": "Measured", "fields": [{"name": "at", "type": "long"}]}
    schema["fields"] = [*([] if field == "at" else schema["fields"]), {"name": field, "type": type_}]
    row = {"at": 0} | {field: held(value)}
    container, body = io.BytesIO(), io.BytesIO()
    fastavro.writer(container, schema, [row])
    fastavro.schemaless_writer(body, schema, row)
    write(tmp_path, "a.avro", container.getvalue())
    (poll,) = polls(FilesSource(tmp_path, event).open("a", None, None))
    (found,) = decode_poll(file_decoder(event), poll).refusals
    expected = bare_avro(event, None, json.dumps(schema), {}).verdict(body.getvalue())
    assert isinstance(expected, Refusal)
    assert (found.reason, found.field) == (expected.reason, expected.field)


def test_an_avro_file_that_is_cut_waits_and_a_broken_one_is_named(tmp_path: Path) -> None:
    rows = [{**ORDERS[0], "name": str(n)} for n in range(3000)]
    whole = FORMS["j.avro"](rows)
    path = write(tmp_path, "a.avro", whole[:-30])
    reader = FilesSource(tmp_path, EVENT).open("a", None, None)
    read = sum(poll.records.num_rows for poll in polls(reader))
    assert reader.unfinished
    assert read < 3000
    path.write_bytes(whole)
    reader = FilesSource(tmp_path, EVENT).open("a", read, reader.hint)
    assert read + sum(poll.records.num_rows for poll in polls(reader)) == 3000
    path.write_bytes(b"Obj\x01 and no more")
    with pytest.raises(SourceError, match=r"a\.avro cannot be read as an Avro container"):
        FilesSource(tmp_path, EVENT).open("a", None, None)
