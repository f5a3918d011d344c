"""Enrichment: unknown keys of one dimension are null, of the other dead letters."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import Dimension, EventTime, Money, Pipeline, Rollup
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
    max_future="5m",
    dimensions=[
        Dimension("shops", "shops.csv", key="shop", columns={"town": str, "since": int}),
        Dimension("kinds", "kinds.csv", key="kind", columns={"weight": Money}, unknown="dead_letter"),
    ],
    rollups=[
        Rollup("towns", keys=["town"], window=tumble("10s"), aggregates=AGGREGATES),
        Rollup("since", keys=["since"], window=tumble("10s"), where="since > 3 OR town IS NULL", aggregates=AGGREGATES),
        Rollup("weights", keys=[], window=tumble("10s"), aggregates={"weight": agg.sum("weight")}),
    ],
)
