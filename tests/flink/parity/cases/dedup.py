"""Duplicates within a horizon, which is shorter than the stream and longer than most repeats wait."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble


class Visit(BaseModel):
    id: Annotated[str, Len(1, 40)]
    at: Annotated[EventTime, Ge(0), Lt(4102444800000)]
    kind: Literal["see", "buy"]
    shop: str
    items: int = 1
    paid: Money | None = None
    score: float | None = None


AGGREGATES = {
    "n": agg.count(),
    "buys": agg.count(where="kind = 'buy'"),
    "paid": agg.sum("paid"),
    "items": agg.sum("items"),
    "least": agg.min("paid"),
    "last": agg.max("shop"),
    "mean_items": agg.avg("items"),
    "mean_paid": agg.avg("paid"),
    "shops": agg.count_distinct("shop"),
}

pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="2s",
    allowed_lateness="1s",
    deduplicate_by="id",
    deduplicate_within="20s",
    rollups=[Rollup("tumbled", keys=["shop"], window=tumble("10s"), aggregates=AGGREGATES)],
)
