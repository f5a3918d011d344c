"""What engines are compared on: one rollup over plain events, and the shipped pipeline as far as all can say it."""

from dataclasses import replace
from decimal import Decimal
from typing import Annotated

from annotated_types import Ge, Lt
from pydantic import BaseModel

from pipelines.ads import pipeline as shipped
from tidemill import Dimension, EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class PageEvent(BaseModel):
    """Of the Yahoo Streaming Benchmark: seven fields, some 250 bytes as JSON."""

    user_id: str
    page_id: str
    ad_id: str
    ad_type: str
    event_type: str
    event_time: EventTime
    ip_address: str


class Click(BaseModel):
    """Six fields, some 130 bytes as JSON."""

    event_id: str
    event_time: Annotated[EventTime, Ge(0), Lt(4_102_444_800_000)]  # which Flink's final rows need
    event_type: str
    ad_id: str
    user_id: str
    cost: Money = Decimal(0)


one = Pipeline(
    name="one",
    event=Click,
    out_of_orderness="5s",
    allowed_lateness="1m",
    rollups=[
        Rollup(
            "ads_1m",
            keys=["ad_id"],
            window=tumble("1m"),
            aggregates={"events": agg.count(), "spend": agg.sum("cost")},
        )
    ],
)

ten = replace(
    one,
    name="ten",
    rollups=[replace(one.rollups[0], name="ads_10s", window=tumble("10s"))],
)
"""What every engine of bench/peers can say, too."""

ysb = Pipeline(
    name="ysb",
    event=PageEvent,
    out_of_orderness="5s",
    allowed_lateness="1m",
    dimensions=[Dimension("ads", "ysb_ads.csv", key="ad_id", columns={"campaign_id": str})],
    rollups=[
        Rollup(
            "views_10s",
            keys=["campaign_id"],
            window=tumble("10s"),
            where="event_type = 'view'",
            aggregates={"views": agg.count()},
        )
    ],
)

ads = replace(
    shipped,
    name="ads_without_sketch",
    dimensions=[replace(each, path=f"../pipelines/{each.path}") for each in shipped.dimensions],
    rollups=[each for each in shipped.rollups if each.name != "campaign_1m"],
)
