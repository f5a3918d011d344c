"""Hopping windows whose size is no multiple of their distance"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import hop


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="hopping",
    event=Event,
    rollups=[Rollup("seven", keys=[], window=hop("7ms", every="3ms"), aggregates={"n": agg.count()})],
)
