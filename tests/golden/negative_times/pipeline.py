"""Times before 1970"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import hop, tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="negative_times",
    event=Event,
    out_of_orderness="5ms",
    rollups=[
        Rollup("ten", keys=[], window=tumble("10ms"), aggregates={"n": agg.count()}),
        Rollup("shifted", keys=[], window=tumble("10ms", offset="3ms"), aggregates={"n": agg.count()}),
        Rollup("hop", keys=[], window=hop("10ms", every="5ms"), aggregates={"n": agg.count()}),
    ],
)
