"""Every kind of window, aggregate and rule there was when the lake in this folder was made."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from dataflow import Dimension, EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import cumulate, hop, session, tumble

EVERY_KIND = {
    "events": agg.count(),
    "clicks": agg.count(where="kind = 'click'"),
    "spend": agg.sum("cost"),
    "low": agg.min("cost"),
    "last_user": agg.max("user"),
    "mean": agg.avg("cost", where="cost > 0.5 AND user <> 'u) over x'"),
    "users": agg.count_distinct("user"),
    "about": agg.approx_count_distinct("user"),
    "p90": agg.approx_quantile("cost", 0.9, where="kind IN ('click', 'view')"),
}


class Event(BaseModel):
    """One line."""

    id: Annotated[str, Len(1, 20)]
    at: EventTime
    kind: Literal["view", "click"]
    shop: str
    user: str | None = None
    cost: Money = Decimal(0)


pipeline = Pipeline(
    name="stored",
    event=Event,
    out_of_orderness="2s",
    allowed_lateness="1s",
    idle_timeout="10s",
    deduplicate_by="id",
    deduplicate_within="1m",
    dimensions=[Dimension("shops", "shops.csv", key="shop", columns={"region": str})],
    rollups=[
        Rollup("minutes", keys=["shop", "region"], window=tumble("1m", offset="10s"), aggregates=EVERY_KIND),
        Rollup("slides", keys=["region"], window=hop("10s", every="5s"), where="cost >= 0.1", aggregates=EVERY_KIND),
        Rollup("growing", keys=[], window=cumulate("1m", step="20s"), aggregates=EVERY_KIND, allowed_lateness="5s"),
        Rollup("visits", keys=["user"], window=session("3s"), aggregates=EVERY_KIND),
    ],
)
