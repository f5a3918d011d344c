"""Lines: empty ones, white space, and no newline at the end"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="lines",
    event=Event,
    rollups=[Rollup("ten", keys=[], window=tumble("10ms"), aggregates={"n": agg.count()})],
)
