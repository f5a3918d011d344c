"""A dimension adds columns; an unknown key gives nulls"""

from pydantic import BaseModel

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    ad: str | None = None


pipeline = Pipeline(
    name="dimensions",
    event=Event,
    dimensions=[Dimension("ads", "dimensions/ads.csv", key="ad", columns={"campaign": str, "weight": Money})],
    rollups=[
        Rollup(
            "campaigns", keys=["campaign"], window=tumble("10ms"), aggregates={"n": agg.count(), "w": agg.sum("weight")}
        ),
        Rollup(
            "heavy",
            keys=[],
            window=tumble("10ms"),
            where="weight > 1.5 OR campaign = 'c1'",
            aggregates={"n": agg.count()},
        ),
    ],
)
