"""A field knows how its time is written, and an object all the fields below it in the model's order."""

import pytest
from pydantic import BaseModel

from dataflow import EventTime, EventTimeText
from dataflow.event.schema import schema_of


class Inner(BaseModel):
    b: int
    c: str


class Outer(BaseModel):
    at: EventTime
    inner: Inner
    d: int


class Stamped(BaseModel):
    at: EventTimeText


def test_the_leaves_of_an_object_are_all_fields_below_it_in_order() -> None:
    assert [leaf.name for leaf in schema_of(Outer).root.leaves()] == ["at", "inner.b", "inner.c", "d"]


def test_a_time_is_read_as_its_field_has_it_written() -> None:
    time = schema_of(Stamped).event_time
    assert time.text_ms("1970-01-01T00:00:01Z") == 1_000
    with pytest.raises(ValueError):  # noqa: PT011  # in whatever words
        time.text_ms("soon")
