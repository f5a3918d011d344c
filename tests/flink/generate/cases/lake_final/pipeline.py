"""The rows of a lake written once, by Flink's own windows."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import cumulate, hop, session, tumble


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
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
    idle_timeout="36500d",
    rollups=[
        Rollup(
            "ad_clicks_1m",
            keys=["ad_id"],
            window=tumble("1m", offset="10s"),
            where="event_type = 'click'",
            aggregates={"clicks": agg.count()},
        ),
        Rollup(
            "users_5m",
            keys=["user_id"],
            window=hop("5m", every="1m"),
            allowed_lateness="1m",
            aggregates={"spend": agg.sum("cost")},
        ),
        Rollup("day", keys=[], window=cumulate("1h", step="15m"), aggregates={"events": agg.count()}),
        Rollup(
            "visits",
            keys=["user_id"],
            window=session("20m"),
            aggregates={"events": agg.count(), "users": agg.count_distinct("ad_id")},
        ),
        Rollup("busy", keys=[], window=session("500ms"), aggregates={"events": agg.count()}),
    ],
)
