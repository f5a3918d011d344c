"""A pipeline with what the shipped one lacks: sessions, cumulative windows, exact counts; no deduplication."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import cumulate, session, tumble


class AdEvent(BaseModel):
    """The shipped pipeline's event."""

    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)
    revenue: Money | None = None


pipeline = Pipeline(
    name="busy",
    event=AdEvent,
    out_of_orderness="2s",
    allowed_lateness="20s",
    max_future="5m",
    rollups=[
        Rollup(
            "visits", keys=["ad_id"], window=session("20s"), aggregates={"rows": agg.count(), "spend": agg.sum("cost")}
        ),
        Rollup(
            "day_so_far",
            keys=["event_type"],
            window=cumulate("10m", step="2m"),
            aggregates={"users": agg.count_distinct("user_id"), "dearest": agg.max("cost")},
        ),
        Rollup(
            "per_minute",
            keys=["ad_id"],
            window=tumble("1m"),
            where="cost > 0",
            aggregates={"mean": agg.avg("cost"), "cheapest": agg.min("cost"), "earning": agg.count("revenue")},
        ),
    ],
)
