"""Cumulative windows, each judged by itself"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import cumulate


class Event(BaseModel):
    """One line of the input."""

    t: EventTime


pipeline = Pipeline(
    name="cumulative",
    event=Event,
    allowed_lateness="1ms",
    rollups=[Rollup("grow", keys=[], window=cumulate("12ms", step="4ms"), aggregates={"n": agg.count()})],
)
