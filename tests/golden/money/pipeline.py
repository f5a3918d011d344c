"""Money is judged by value and summed exactly"""

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    m: Money | None = None


pipeline = Pipeline(
    name="money",
    event=Event,
    rollups=[
        Rollup("each", keys=["m"], window=tumble("10ms"), aggregates={"n": agg.count()}),
        Rollup(
            "all_of_it",
            keys=[],
            window=tumble("10ms"),
            aggregates={"total": agg.sum("m"), "low": agg.min("m"), "high": agg.max("m"), "mean": agg.avg("m")},
        ),
    ],
)
