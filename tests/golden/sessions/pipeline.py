"""Sessions that touch, stay apart, and are merged by a correction"""

from pydantic import BaseModel

from dataflow import EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import session


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    k: str | None = None


pipeline = Pipeline(
    name="sessions",
    event=Event,
    out_of_orderness="20ms",
    rollups=[Rollup("visit", keys=["k"], window=session("10ms"), aggregates={"n": agg.count(), "first": agg.min("t")})],
)
