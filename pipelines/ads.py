"""Ad events: impressions, clicks and conversions, per ad, per campaign, per hour."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import Dimension, EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble


class AdEvent(BaseModel):
    """One Kafka record."""

    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime  # ms since 1970, UTC: TIMESTAMP in table events; exactly one field has this type
    event_type: Literal["impression", "click", "conversion"]
    ad_id: Annotated[str, Len(1, 64)]
    user_id: str | None = None
    cost: Money = Decimal(0)  # decimal(18, 6), exact from the number's text
    revenue: Money | None = None


pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    allowed_lateness="1m",
    idle_timeout="30s",
    max_future="5m",
    max_future_clock="2100-01-01T00:00:00Z",  # for files, whose records have no timestamps
    deduplicate_by="event_id",
    deduplicate_within="10m",
    dimensions=[
        Dimension("ads", "dimensions/ads.csv", key="ad_id", columns={"campaign_id": str, "advertiser_id": str}),
    ],
    rollups=[
        Rollup(
            "ad_clicks_1m",
            keys=["ad_id"],
            window=tumble("1m"),
            where="event_type = 'click'",
            aggregates={"clicks": agg.count(), "spend": agg.sum("cost")},
        ),
        Rollup(
            "campaign_1m",
            keys=["campaign_id"],
            window=tumble("1m"),
            aggregates={
                "impressions": agg.count(where="event_type = 'impression'"),
                "clicks": agg.count(where="event_type = 'click'"),
                "conversions": agg.count(where="event_type = 'conversion'"),
                "spend": agg.sum("cost"),
                "revenue": agg.sum("revenue"),
                "users": agg.approx_count_distinct("user_id"),
            },
        ),
        Rollup(
            "revenue_1h",
            keys=[],
            window=tumble("1h"),
            aggregates={"revenue": agg.sum("revenue"), "events": agg.count()},
        ),
        Rollup(
            "clicks_5m",
            keys=["ad_id"],
            window=hop("5m", every="1m"),
            where="event_type = 'click'",
            aggregates={"clicks": agg.count()},
        ),
    ],
)
