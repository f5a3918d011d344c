"""Fraud in ad events: click farms, clicks by a timer, clicks nobody could have made, conversions without a click."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, alerts
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble

CLICK, CONVERSION = "event_type = 'click'", "event_type = 'conversion'"
WHO_ON_WHAT = ["user_id", "ad_id"]


class AdEvent(BaseModel):
    """One record, as `tidemill fraud` writes it."""

    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime  # when the ad server heard of it, ms since 1970, UTC
    device_ms: int  # what the user's own clock said
    event_type: Literal["impression", "click", "conversion"]
    user_id: Annotated[str, Len(1, 64)]
    ad_id: Annotated[str, Len(1, 64)]


pipeline = Pipeline(
    name="fraud",
    event=AdEvent,
    out_of_orderness="5s",
    allowed_lateness="1m",
    deduplicate_by="event_id",
    deduplicate_within="10m",
    rollups=[],
    alerts=[
        alerts.threshold(
            "click_farm",
            keys=WHO_ON_WHAT,
            window=tumble("1m"),
            where=CLICK,
            aggregates={"clicks": agg.count()},
            having="clicks > 4",
            severity="high",
            message="{user_id} clicked {ad_id} {clicks} times within a minute",
            cool_down="1h",
            keep="90d",
        ),
        # the mean of even steps is the middle of first and last, however long they are
        alerts.threshold(
            "regular_bot",
            keys=["user_id"],
            window=hop("30m", every="10m"),
            where=CLICK,
            aggregates={
                "clicks": agg.count(),
                "first_ms": agg.min("device_ms"),
                "last_ms": agg.max("device_ms"),
                "mean_ms": agg.avg("device_ms"),
            },
            having="clicks >= 8 AND 2 * mean_ms - first_ms - last_ms BETWEEN -250 AND 250",
            severity="high",
            message="{user_id} clicked {clicks} times, as evenly as a timer",
            cool_down="1h",
            keep="90d",
        ),
        alerts.distinct(
            "many_ads",
            key="user_id",
            of="ad_id",
            more_than=30,
            window=tumble("10m"),
            where=CLICK,
            message="{user_id} clicked on {distinct_count} ads within ten minutes",
            keep="90d",
        ),
        # windows overlap by more than the gap, so that each pair lies in one of them
        alerts.threshold(
            "instant_click",
            keys=WHO_ON_WHAT,
            window=hop("400ms", every="200ms"),
            where="event_type <> 'conversion'",
            aggregates={
                "shown_ms": agg.max("device_ms", where="event_type = 'impression'"),
                "clicked_ms": agg.min("device_ms", where=CLICK),
            },
            having="clicked_ms - shown_ms BETWEEN 0 AND 50",
            severity="high",
            message="{user_id} clicked {ad_id} before anybody could have seen it",
            cool_down="1m",
            keep="90d",
        ),
        alerts.threshold(
            "injected_click",
            keys=WHO_ON_WHAT,
            window=hop("4s", every="2s"),
            where="event_type <> 'impression'",
            aggregates={
                "clicked_ms": agg.max("device_ms", where=CLICK),
                "converted_ms": agg.min("device_ms", where=CONVERSION),
            },
            having="converted_ms - clicked_ms BETWEEN 0 AND 1900",
            severity="critical",
            message="{user_id} clicked {ad_id} in the moment of the conversion",
            cool_down="1m",
            keep="90d",
        ),
        # a click that comes in later takes the alert back
        alerts.threshold(
            "lone_conversion",
            keys=WHO_ON_WHAT,
            window=tumble("6h"),
            where="event_type <> 'impression'",
            aggregates={"clicks": agg.count(where=CLICK), "conversions": agg.count(where=CONVERSION)},
            having="conversions > 0 AND clicks = 0",
            severity="low",
            message="{user_id} has {conversions} conversions of {ad_id} and no click",
            keep="90d",
        ),
    ],
)
