"""A job that fills a lake: changes of parts, of windows of three kinds, with all that a ledger counts."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import cumulate, hop, tumble


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)
    items: int = 1


pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    deduplicate_by="event_id",
    deduplicate_within="10m",
    rollups=[
        Rollup(
            "ad_clicks_1m",
            keys=["ad_id"],
            window=tumble("1m"),
            where="event_type = 'click'",
            aggregates={"clicks": agg.count(), "spend": agg.sum("cost"), "users": agg.count_distinct("user_id")},
        ),
        Rollup(
            "users_5m",
            keys=["user_id"],
            window=hop("5m", every="1m"),
            allowed_lateness="1m",
            aggregates={
                "cost": agg.avg("cost"),
                "least": agg.min("items"),
                "most": agg.max("ad_id"),
                "ads": agg.approx_count_distinct("ad_id"),
                "half": agg.approx_quantile("items", 0.5),
            },
        ),
        Rollup("day", keys=[], window=cumulate("1h", step="15m"), aggregates={"paid": agg.count(where="cost > 0")}),
    ],
)
