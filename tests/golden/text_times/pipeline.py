"""Event times as text in the wider forms: a unit, a zone, bounds"""

from typing import Annotated

from pydantic import BaseModel

from dataflow import EventTimeText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    at: Annotated[str, EventTimeText(unit="us", zone="Europe/Amsterdam", start="2026-01-01", end="2027-01-01")]


pipeline = Pipeline(
    name="text_times",
    event=Event,
    allowed_lateness="400d",
    rollups=[Rollup("seconds", keys=[], window=tumble("1s"), aggregates={"n": agg.count()})],
)
