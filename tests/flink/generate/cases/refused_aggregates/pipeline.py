"""What Flink's SQL cannot say."""

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
            "about",
            keys=[],
            window=tumble("1d"),
            aggregates={"users": agg.approx_count_distinct("user_id"), "median": agg.approx_quantile("cost", 0.5)},
        ),
    ],
)
