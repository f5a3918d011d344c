"""Records in Avro, of schemas that a registry knows; tests/flink/parity/encoded.py writes them."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup, avro
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble


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
    format=avro(aliases={"items": ["pieces"]}),
    out_of_orderness="1s",
    allowed_lateness="2s",
    max_future="5m",
    rollups=[
        Rollup(
            "tumbled",
            keys=["shop"],
            window=tumble("10s"),
            aggregates={
                "n": agg.count(),
                "buys": agg.count(where="kind = 'buy'"),
                "paid": agg.sum("paid"),
                "items": agg.sum("items"),
                "least": agg.min("paid"),
                "best": agg.max("score"),
                "visits": agg.count_distinct("id"),
            },
        ),
        Rollup("hopped", keys=["kind"], window=hop("15s", every="5s"), aggregates={"n": agg.count()}),
    ],
)
