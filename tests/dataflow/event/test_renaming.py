"""The line that a mistake shows is one that works: pasted into the model, it reads the same JSON key."""

import json
from datetime import date
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from annotated_types import Ge, Len
from pydantic import BaseModel, Field, create_model

from dataflow import EventTime, Money
from dataflow.decode.json.contract import judge_record
from dataflow.decode.json.general import JsonDecoder
from dataflow.decode.json.plain import PlainDecoder, json_decoder
from dataflow.decode.poll import decode_poll
from dataflow.event.renaming import renamed_line
from dataflow.event.schema import schema_of
from dataflow.event.text_time import EventTimeText
from dataflow.sources.files.source import FilesSource
from tests.dataflow.sources.files.draining import file_decoder


class Color(Enum):
    RED = "red"


CASES: list[tuple[Any, Any, str]] = [
    (int, ..., 'event_offset: int = Field(alias="offset")'),
    (int | None, ..., 'event_offset: int | None = Field(alias="offset")'),
    (int | None, None, 'event_offset: int | None = Field(None, alias="offset")'),
    (str, "x", "event_offset: str = Field('x', alias=\"offset\")"),
    (date, ..., 'event_offset: date = Field(alias="offset")'),
    (Money, ..., 'event_offset: Money = Field(alias="offset")'),
    (Money | None, Decimal("0.5"), "event_offset: Optional[Money] = Field(Decimal('0.5'), alias=\"offset\")"),
    (Annotated[int, Ge(0)], 3, 'event_offset: Annotated[int, Ge(ge=0)] = Field(3, alias="offset")'),
    (Literal["a", "b"], "a", "event_offset: Literal['a', 'b'] = Field('a', alias=\"offset\")"),
    (Color, Color.RED, 'event_offset: Color = Field(Color.RED, alias="offset")'),
]


@pytest.mark.parametrize(("kind", "default", "line"), CASES, ids=[case[2] for case in CASES])
def test_the_line_says_type_default_and_key(kind: Any, default: Any, line: str) -> None:
    body: dict[str, Any] = {"__annotations__": {"at": EventTime, "offset": kind}}
    if default is not ...:
        body["offset"] = default
    assert renamed_line(type("Event", (BaseModel,), body), "offset", "offset") == line


@pytest.mark.parametrize(("kind", "default", "line"), CASES, ids=[case[2] for case in CASES])
def test_the_line_reads_what_the_field_would_have_read(kind: Any, default: Any, line: str) -> None:
    from typing import Optional

    known = {name: value for name, value in globals().items() if not name.startswith("_")} | {"Optional": Optional}
    exec(f"class Event(BaseModel):\n    at: EventTime\n    {line}\n", known)
    (field,) = schema_of(known["Event"]).fields[1:]
    wanted = schema_of(create_model("Plain", at=(EventTime, ...), free=(kind, default))).fields[1]
    assert (field.name, field.path) == ("event_offset", ("offset",))
    for part in ("kind", "type", "nullable", "required", "default", "null_ok", "constraints", "choices"):
        assert getattr(field, part) == getattr(wanted, part)


def test_annotations_as_text_are_shown_as_they_are_written() -> None:
    body = {"__annotations__": {"at": "EventTime", "Topic": "Annotated[str, Len(1, 9)]"}, "__module__": __name__}
    model: Any = type("Event", (BaseModel,), body)
    assert renamed_line(model, "Topic", "Topic") == 'event_topic: Annotated[str, Len(1, 9)] = Field(alias="Topic")'
    assert Len(1, 9) in model.model_fields["Topic"].metadata


def test_a_name_that_is_taken_is_not_shown_and_an_alias_stays() -> None:
    class Event(BaseModel):
        at: EventTimeText
        event_offset: int
        offset: int = Field(alias="pos")

    assert renamed_line(Event, "offset", "pos") == 'event_event_offset: int = Field(alias="pos")'


class Renamed(BaseModel):
    at: EventTime
    event_offset: int = Field(alias="offset")
    event_partition: str | None = Field(None, alias="partition")
    event_topic: Annotated[str, Len(1, 4)] = Field("t", alias="topic")


RECORDS = [
    {"at": 1, "offset": 5, "partition": "p", "topic": "x"},
    {"at": 2, "offset": 6},
    {"at": 3, "offset": None},
    {"at": 4, "event_offset": 7, "event_partition": "no", "event_topic": "no"},
    {"at": 5, "offset": 8, "topic": "longer"},
]


@pytest.mark.parametrize("make", [JsonDecoder, json_decoder], ids=["json", "plain"])
def test_every_decoder_reads_the_key_that_the_alias_names(make: Any) -> None:
    schema = schema_of(Renamed)
    assert isinstance(json_decoder(schema), PlainDecoder)
    values = [json.dumps(record, separators=(",", ":")).encode() for record in RECORDS * 50]
    decoded = make(schema, None).decode(pa.array(values, pa.binary()))
    assert decoded.events.to_pylist()[:2] == [
        {"at": 1, "event_offset": 5, "event_partition": "p", "event_topic": "x"},
        {"at": 2, "event_offset": 6, "event_partition": None, "event_topic": "t"},
    ]
    told = [(each.reason, each.field) for each in decoded.refusals[:3]]
    assert told == [("missing_field", "offset"), ("missing_field", "offset"), ("constraint", "topic")]
    verdicts = [judge_record(schema, value, None) for value in values]
    assert decoded.events.to_pylist() == [each for each in verdicts if isinstance(each, dict)]
    assert decoded.refusals == [each for each in verdicts if not isinstance(each, dict)]


def test_columns_of_parquet_files_are_called_like_the_fields(tmp_path: Any) -> None:
    table: dict[str, list[object]] = {
        "at": [1, 2],
        "event_offset": [5, 6],
        "event_partition": ["p", None],
        "offset": [70, 80],
    }
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    schema = schema_of(Renamed)
    poll = FilesSource(tmp_path, schema).open("a", None, None).poll(10, 1 << 20)
    assert poll is not None
    assert decode_poll(file_decoder(schema), poll).events.to_pylist() == [
        {"at": 1, "event_offset": 5, "event_partition": "p", "event_topic": "t"},
        {"at": 2, "event_offset": 6, "event_partition": None, "event_topic": "t"},
    ]
