"""Each source partition has a watermark of its own"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="partitions",
    event=Event,
    rollups=[
        Rollup("ten", keys=[], window=tumble("10ms"), aggregates={"n": agg.count()}),
        Rollup("patient", keys=[], window=tumble("10ms"), allowed_lateness="50ms", aggregates={"n": agg.count()}),
    ],
)
