"""Events from the future in files, by a stated clock"""

from pydantic import BaseModel

from dataflow import EventTimeText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    at: EventTimeText


pipeline = Pipeline(
    name="future_clock",
    event=Event,
    max_future="1h",
    max_future_clock="2026-03-01T12:00:00+01:00",
    rollups=[Rollup("hours", keys=[], window=tumble("1h"), aggregates={"n": agg.count()}, allowed_lateness="1d")],
)
