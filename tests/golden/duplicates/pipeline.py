"""Duplicates and the edge of their memory"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    id: str | None = None
    t: EventTime


pipeline = Pipeline(
    name="duplicates",
    event=Event,
    out_of_orderness="1ms",
    deduplicate_by="id",
    deduplicate_within="10ms",
    rollups=[Rollup("hundred", keys=[], window=tumble("100ms"), aggregates={"n": agg.count()})],
)
