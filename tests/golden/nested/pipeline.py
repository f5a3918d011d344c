"""Nested fields, defaults and event times as text"""

from pydantic import BaseModel

from dataflow import EventTimeText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class User(BaseModel):
    """Who."""

    name: str
    level: int = 1


class Place(BaseModel):
    """Where."""

    city: str | None


class Event(BaseModel):
    """One line of the input."""

    at: EventTimeText
    user: User
    place: Place | None = None


pipeline = Pipeline(
    name="nested",
    event=Event,
    allowed_lateness="1h",
    rollups=[
        Rollup(
            "users",
            keys=["user.name", "place.city"],
            window=tumble("1s"),
            aggregates={"n": agg.count(), "levels": agg.sum("user.level")},
        ),
    ],
)
