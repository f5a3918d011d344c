"""Fields that come from the record: their types, which of them is the event time, what is refused."""

from typing import Annotated, Any

import pytest
from annotated_types import Len
from pydantic import BaseModel

from dataflow import EventTime, KafkaHeader, KafkaKey, KafkaTimestamp, KafkaTopic
from dataflow.errors import PipelineError
from dataflow.event.fields import FieldKind, TimeUnit
from dataflow.event.record_part import header_column, header_of
from dataflow.event.schema import schema_of


class Click(BaseModel):
    user: Annotated[KafkaKey, Len(1, 8)]
    page: str
    at: KafkaTimestamp
    trace: KafkaHeader("trace-id") | None = None  # type: ignore[valid-type]
    source_topic: KafkaTopic


def test_the_records_timestamp_is_the_event_time_where_no_other_field_is() -> None:
    schema = schema_of(Click)
    assert (schema.event_time.name, schema.event_time.unit) == ("at", TimeUnit.MILLIS)
    assert [leaf.record and leaf.record.column for leaf in schema.fields] == [
        "key",
        None,
        "timestamp",
        "header:trace-id",
        "topic",
    ]

    class Both(BaseModel):
        at: EventTime
        written: KafkaTimestamp | None = None

    schema = schema_of(Both)
    assert schema.event_time.name == "at"
    assert schema.fields[1].kind is FieldKind.INT


@pytest.mark.parametrize("fields", [{"at": KafkaTimestamp | None}, {"at": KafkaTimestamp, "on": KafkaTimestamp}])
def test_an_event_time_must_be_in_every_record_and_be_one(fields: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match="no event time"):
        schema_of(type("M", (BaseModel,), {"__annotations__": {"n": int, **fields}}))


def test_a_nested_model_holds_none() -> None:
    class Inner(BaseModel):
        key: KafkaKey

    class Outer(BaseModel):
        at: EventTime
        inner: Inner

    with pytest.raises(PipelineError, match="stands in the event itself"):
        schema_of(Outer)


def test_a_header_has_a_column_of_its_own() -> None:
    assert header_of(header_column("x")) == "x"
    assert header_of("key") is None
