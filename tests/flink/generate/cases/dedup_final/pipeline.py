"""Ids that are numbers and may be lacking, before dimensions and Flink's own windows."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import Dimension, EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class AdEvent(BaseModel):
    event_id: int | None = None
    event_time: Annotated[EventTime, Ge(0), Lt(4_102_444_800_000)]
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
    max_future="5m",
    deduplicate_by="event_id",
    deduplicate_within="1h",
    dimensions=[
        Dimension("ads", "ads.csv", key="ad_id", columns={"campaign_id": str, "budget": Money, "since": date}),
        Dimension("sizes", "sizes.csv", key="items", columns={"size": str, "big": bool}, unknown="dead_letter"),
    ],
    rollups=[
        Rollup(
            "campaign_1m",
            keys=["campaign_id", "size"],
            window=tumble("1m"),
            where="big OR budget > 10",
            aggregates={"events": agg.count(), "since": agg.min("since")},
        ),
    ],
)
