"""Fraud in ad events: click farms, clicks by a timer or by nobody, slow drips, conversions out of nothing."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, alerts
from tidemill import aggregates as agg
from tidemill.windows import hop, session, tumble

CLICK, CONVERSION = "event_type = 'click'", "event_type = 'conversion'"
WHO_ON_WHAT = ["user_id", "ad_id"]
STEPS = {
    "clicks": agg.count(),
    "first_ms": agg.min("device_ms"),
    "last_ms": agg.max("device_ms"),
    "mean_ms": agg.avg("device_ms"),
}


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
        # when it is over: with the minutes in which somebody was slower
        alerts.threshold(
            "farm_visit",
            keys=WHO_ON_WHAT,
            window=session("2m"),
            where=CLICK,
            aggregates={"clicks": agg.count()},
            having="clicks >= 10",
            severity="high",
            message="{user_id} clicked {ad_id} {clicks} times, from {window_start} to {window_end}",
            keep="90d",
        ),
        alerts.compare(
            "ad_spike",
            keys=["ad_id"],
            window=tumble("10m"),
            where=CLICK,
            aggregates={"clicks": agg.count()},
            value="clicks",
            against=alerts.mean(of=6),
            rises_above=12,
            message="{ad_id} had {clicks} clicks within ten minutes, and {before} before on average",
            keep="90d",
        ),
        # the mean of even steps is the middle of first and last, however long they are
        alerts.threshold(
            "regular_bot",
            keys=["user_id"],
            window=hop("30m", every="10m"),
            where=CLICK,
            aggregates=STEPS,
            having="clicks >= 8 AND 2 * mean_ms - first_ms - last_ms BETWEEN -250 AND 250",
            severity="high",
            message="{user_id} clicked {clicks} times, as evenly as a timer",
            cool_down="1h",
            keep="90d",
        ),
        # when it is over: more steps and no border between them, so a timer may tremble by some seconds
        alerts.threshold(
            "regular_visit",
            keys=["user_id"],
            window=session("3m"),
            where=CLICK,
            aggregates=STEPS,
            having="clicks >= 8 AND 1000 * (2 * mean_ms - first_ms - last_ms) BETWEEN first_ms - last_ms "
            "AND last_ms - first_ms",
            severity="high",
            message="{user_id} clicked {clicks} times until {window_end}, as evenly as a timer",
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
        # the server may hear of the click first, so either may come before the other: the device's clock decides
        alerts.sequence(
            "instant_click",
            key=WHO_ON_WHAT,
            first="event_type <> 'conversion'",
            then="event_type <> 'conversion'",
            within="120ms",
            having="first.event_type = 'impression' AND then.event_type = 'click' "
            "AND then.device_ms - first.device_ms BETWEEN 0 AND 60 "
            "OR first.event_type = 'click' AND then.event_type = 'impression' "
            "AND first.device_ms - then.device_ms BETWEEN 0 AND 60",
            severity="high",
            message="{user_id} clicked {ad_id} before anybody could have seen it",
            cool_down="1m",
            keep="90d",
        ),
        alerts.sequence(
            "injected_click",
            key=WHO_ON_WHAT,
            first=CLICK,
            then=CONVERSION,
            within="6s",
            severity="high",
            message="{user_id} clicked {ad_id} at {first_event_time}, just before the conversion at {then_event_time}",
            keep="90d",
        ),
        # who saw the ad may come later by another way
        alerts.absence(
            "lone_conversion",
            key=WHO_ON_WHAT,
            first="event_type <> 'conversion'",
            then=CONVERSION,
            missing="first",
            within="3h",
            message="a conversion for {ad_id} at {then_event_time}, which {user_id} has neither seen nor clicked",
            keep="90d",
        ),
        # few clicks and far apart: seldom enough for every other rule
        alerts.threshold(
            "slow_drip",
            keys=WHO_ON_WHAT,
            window=hop("2h", every="30m"),
            where=CLICK,
            aggregates={
                "clicks": agg.count(),
                "first_ms": agg.min("device_ms"),
                "last_ms": agg.max("device_ms"),
            },
            having="clicks >= 4 AND last_ms - first_ms >= (clicks - 1) * 1080000",
            severity="low",
            message="{user_id} clicked {ad_id} {clicks} times in two hours, again and again",
            cool_down="1d",
            keep="90d",
        ),
    ],
)
