"""Avro container files: values by the schema in the file."""

import io
from pathlib import Path
from typing import Any

import fastavro
import pytest
from pydantic import BaseModel

from dataflow import EventTimeText
from dataflow.errors import SourceError
from dataflow.event.schema import schema_of
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import EVENT, judged, polls
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
    assert [reason for reason, _ in dead] == ["invalid_utf8", "malformed", "wrong_type"]


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
