"""A dimension that refuses unknown keys"""

from pydantic import BaseModel

from dataflow import Dimension, EventTime, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    ad: str | None = None


pipeline = Pipeline(
    name="dimension_dead_letters",
    event=Event,
    dimensions=[Dimension("ads", "dimensions/ads.csv", key="ad", columns={"campaign": str}, unknown="dead_letter")],
    rollups=[Rollup("campaigns", keys=["campaign"], window=tumble("10ms"), aggregates={"n": agg.count()})],
)
