"""Event models for the tests of losses: one per way of writing an event time."""

from pydantic import BaseModel

from dataflow import EventTime, EventTimeMicros, EventTimeNanos, EventTimeSeconds, EventTimeText
from dataflow.event.fields import TimeUnit
from dataflow.event.schema import EventSchema, schema_of

AT_S = 1_767_225_600
"""2026-01-01."""


class Millis(BaseModel):
    ad_id: str
    user_id: str
    at: EventTime
    note: str | None = None


class Seconds(BaseModel):
    at: EventTimeSeconds


class Micros(BaseModel):
    at: EventTimeMicros


class Nanos(BaseModel):
    at: EventTimeNanos


class Text(BaseModel):
    at: EventTimeText


MILLIS = schema_of(Millis)
SCHEMAS: dict[TimeUnit, EventSchema] = {
    TimeUnit.SECONDS: schema_of(Seconds),
    TimeUnit.MILLIS: MILLIS,
    TimeUnit.MICROS: schema_of(Micros),
    TimeUnit.NANOS: schema_of(Nanos),
    TimeUnit.TEXT: schema_of(Text),
}
TICKS = {
    TimeUnit.SECONDS: AT_S,
    TimeUnit.MILLIS: AT_S * 1_000,
    TimeUnit.MICROS: AT_S * 1_000_000,
    TimeUnit.NANOS: AT_S * 1_000_000_000,
}
