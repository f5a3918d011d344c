"""Times as text with up to nine decimals, and hops that `every` does not divide: Flink says these by arithmetic."""

from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTimeText, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble


class Visit(BaseModel):
    id: Annotated[str, Len(1, 40)]
    at: EventTimeText
    kind: Literal["see", "buy"]
    shop: str
    items: int = 1
    paid: Money | None = None


pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="2s",
    allowed_lateness="1s",
    rollups=[
        Rollup("tumbled", keys=["shop"], window=tumble("10s"), aggregates={"n": agg.count(), "last": agg.max("at")}),
        Rollup(
            "uneven",
            keys=["kind"],
            window=hop("7s", every="3s"),
            aggregates={"n": agg.count(), "paid": agg.sum("paid"), "least": agg.min("items")},
        ),
        Rollup("longer", keys=[], window=hop("7m", every="3m"), aggregates={"n": agg.count()}),
    ],
)
