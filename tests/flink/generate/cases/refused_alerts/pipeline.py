"""Comparisons of windows that a job tells after the offsets of their rows."""

from typing import Annotated

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import tumble


class AdEvent(BaseModel):
    event_time: Annotated[EventTime, Ge(0), Lt(4_102_444_800_000)]
    ad_id: Annotated[str, Len(1, 64)]


pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    idle_timeout="36500d",
    rollups=[Rollup("minutes", keys=["ad_id"], window=tumble("1m"), aggregates={"n": agg.count()})],
    alerts=[
        alerts.compare("fewer", on="minutes", value="n", against=alerts.earlier("1h"), drops_below=0.5),
        # these are made of what has come alone
        alerts.silence("quiet", key="ad_id", after="10m"),
        alerts.threshold("many", on="minutes", having="n > 5"),
    ],
)
