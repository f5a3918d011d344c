"""What a job that fills a lake cannot give it."""

from typing import Annotated

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import session, tumble


class AdEvent(BaseModel):
    event_time: EventTime
    ad_id: Annotated[str, Len(1, 64)]
    weight: float = 1.0
    tags: list[str] = []


pipeline = Pipeline(
    name="ads",
    event=AdEvent,
    out_of_orderness="5s",
    rollups=[
        Rollup(
            "weights",
            keys=["ad_id"],
            window=tumble("1m"),
            aggregates={
                "sum": agg.sum("weight", inexact=True),
                "mean": agg.avg("weight", inexact=True),
                "least": agg.min("weight"),
                "half": agg.approx_quantile("weight", 0.5),
            },
        ),
        Rollup("visits", keys=["ad_id"], window=session("1m"), aggregates={"half": agg.approx_quantile("weight", 0.5)}),
    ],
)
