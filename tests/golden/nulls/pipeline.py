"""Null is a key; aggregates ignore nulls; all null gives null"""

from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    t: EventTime
    k: str | None = None
    n: int | None = None
    m: Money | None = None
    f: bool | None = None


pipeline = Pipeline(
    name="nulls",
    event=Event,
    rollups=[
        Rollup(
            "by_k",
            keys=["k", "f"],
            window=tumble("10ms"),
            aggregates={
                "n_rows": agg.count(),
                "n_n": agg.count("n"),
                "total": agg.sum("n"),
                "low": agg.min("n"),
                "high": agg.max("m"),
                "mean": agg.avg("n"),
                "kinds": agg.count_distinct("n"),
                "about": agg.approx_count_distinct("m"),
                "middle": agg.approx_quantile("n", 0.5),
            },
        ),
    ],
)
