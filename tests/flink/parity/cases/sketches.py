"""Answers by Tidemill's own sketches: Flink's SQL has no equal form, so its job is refused by name."""

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


pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="2s",
    allowed_lateness="1s",
    rollups=[
        Rollup(
            "tumbled",
            keys=["shop"],
            window=tumble("10s"),
            aggregates={"n": agg.count(), "items": agg.approx_count_distinct("items")},
        )
    ],
)
