"""Rules whose alerts a job cannot tell as they stand."""

from typing import Annotated

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import session, tumble


class AdEvent(BaseModel):
    event_time: Annotated[EventTime, Ge(0), Lt(4_102_444_800_000)]
    ad_id: Annotated[str, Len(1, 64)]
    score: float = 0.0
    clicks: int = 0


MANY, ONE = "clicks > 1", "clicks = 1"

pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    idle_timeout="36500d",
    rollups=[
        Rollup(
            "minutes",
            keys=["ad_id"],
            window=tumble("1m"),
            aggregates={
                "n": agg.count(),
                "mean": agg.avg("clicks"),
                "score": agg.sum("score", inexact=True),
                "all": agg.sum("clicks"),
            },
        ),
        Rollup("fine_alerts", keys=["ad_id"], window=tumble("1m"), aggregates={"n": agg.count()}),
    ],
    alerts=[
        alerts.threshold("fine", on="minutes", having="n > 5"),
        alerts.threshold("steady", on="minutes", having="mean > 5"),
        alerts.threshold("scored", on="minutes", having="score > 5"),
        alerts.threshold("wide", on="minutes", having="all * all > 5"),
        alerts.threshold("visit", keys=["ad_id"], window=session("10m"), aggregates={"n": agg.count()}, having="n > 5"),
        alerts.silence("quiet", key="ad_id", after="10m"),
        alerts.silence("stalled", key="source_partition", after="10m"),
        alerts.compare("fewer", on="minutes", value="n", against=alerts.earlier("1h"), drops_below=0.5),
        alerts.sequence("far", key="ad_id", first=MANY, then=ONE, within="2000d"),
        alerts.absence("nobodys", key=[], first=MANY, then=ONE, within="1h"),
        alerts.absence(
            "squared",
            key="ad_id",
            first=MANY,
            then=ONE,
            within="1h",
            having="then.clicks * first.clicks * then.clicks * first.clicks > 1",
        ),
    ],
)
