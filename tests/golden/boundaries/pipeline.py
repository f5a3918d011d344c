"""On time, late, and the milliseconds between"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="boundaries",
    event=Event,
    out_of_orderness="2ms",
    allowed_lateness="3ms",
    rollups=[Rollup("ten", keys=[], window=tumble("10ms"), aggregates={"n": agg.count()})],
)
