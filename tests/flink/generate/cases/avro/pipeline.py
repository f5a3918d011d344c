"""Bare Avro of one schema."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup, avro
from tidemill import aggregates as agg
from tidemill.windows import tumble


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: Annotated[EventTime, Ge(0), Lt(4102444800000)]
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
    format=avro("event.avsc", aliases={"items": ["count"]}),
    rollups=[
        Rollup(
            "ad_clicks_1m",
            keys=["ad_id"],
            window=tumble("1m"),
            where="event_type = 'click'",
            aggregates={"clicks": agg.count(), "spend": agg.sum("cost")},
        ),
    ],
)
