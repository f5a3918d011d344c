"""Every aggregate that has an equal form, and filters with every operator."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)
    items: int = 1
    weight: float = 1.0


pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    rollups=[
        Rollup(
            "all_of_them",
            keys=["ad_id", "event_type"],
            window=tumble("1h", offset="30m"),
            where="NOT (event_type IN ('click', 'conversion') AND ad_id LIKE 'ad-%') OR user_id IS NULL",
            aggregates={
                "events": agg.count(),
                "with_user": agg.count("user_id"),
                "dear": agg.count(where="cost BETWEEN 1.5 AND 100"),
                "half": agg.count(where="items / 2 > 1"),
                "ratio": agg.count(where="cost / items >= weight"),
                "much": agg.count(where="items + 1 > 10 AND cost * items < 5.5 AND -items <> 3"),
                "spend": agg.sum("cost"),
                "items": agg.sum("items"),
                "weights": agg.sum("weight", inexact=True),
                "mean_cost": agg.avg("cost"),
                "mean_items": agg.avg("items", where="event_type = 'click'"),
                "least": agg.min("cost"),
                "heaviest": agg.max("weight"),
                "last": agg.max("event_time"),
                "first_user": agg.min("user_id"),
                "users": agg.count_distinct("user_id", where="items > 0"),
            },
        ),
    ],
)
