"""All aggregates, with filters of their own"""

from datetime import date

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    k: str
    n: int | None = None
    m: Money | None = None
    x: float | None = None
    d: date | None = None


pipeline = Pipeline(
    name="aggregates",
    event=Event,
    allowed_lateness="1d",
    rollups=[
        Rollup(
            "numbers",
            keys=["k"],
            window=tumble("10ms"),
            aggregates={
                "total": agg.sum("n"),
                "mean": agg.avg("n"),
                "low": agg.min("x"),
                "high": agg.max("x"),
                "first_day": agg.min("d"),
                "last_t": agg.max("t"),
                "big": agg.sum("n", where="n > 1"),
                "q0": agg.approx_quantile("n", 0),
                "q1": agg.approx_quantile("n", 1),
            },
        ),
        Rollup(
            "people",
            keys=[],
            window=tumble("10ms"),
            aggregates={
                "exact": agg.count_distinct("m"),
                "about": agg.approx_count_distinct("m"),
                "exact_big": agg.count_distinct("k", where="n > 1"),
                "days": agg.count_distinct("d"),
            },
        ),
    ],
)
