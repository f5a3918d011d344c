"""Every kind of window and aggregate over the event of the adversarial records, for the test beside."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Len
from pydantic import BaseModel

from tidemill import Dimension, EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import cumulate, hop, session, tumble


class Small(BaseModel):
    id: Annotated[str, Len(1, 8)]
    at: EventTime
    n: Annotated[int, Ge(-(2**63))] | None = None
    cost: Money = Decimal(0)
    kind: Literal["a", "b"] = "a"


AGGREGATES = {
    "rows": agg.count(),
    "ns": agg.count("n", where="cost > 0"),
    "cost": agg.sum("cost"),
    "sum_n": agg.sum("n"),
    "mean": agg.avg("cost"),
    "least": agg.min("n"),
    "last": agg.max("id"),
    "ids": agg.count_distinct("id"),
}

FEW = {"rows": agg.count(), "sum_n": agg.sum("n"), "mean": agg.avg("cost")}

pipeline = Pipeline(
    name="edges",
    event=Small,
    out_of_orderness="2s",
    allowed_lateness="1s",
    max_future="5m",
    deduplicate_by="id",
    deduplicate_within="1s",
    dimensions=[Dimension("kinds", "kinds.csv", key="kind", columns={"weight": Money, "word": str})],
    rollups=[
        Rollup("tumbled", keys=["kind", "word"], window=tumble("10s", offset="3s"), aggregates=AGGREGATES),
        Rollup("hopped", keys=[], window=hop("7s", every="3s"), where="n / 2 > 1 OR word IS NULL", aggregates=FEW),
        Rollup("grown", keys=["kind"], window=cumulate("20s", step="5s"), allowed_lateness="0s", aggregates=FEW),
        Rollup("visits", keys=["kind"], window=session("300ms"), where="id LIKE '%1%'", aggregates=AGGREGATES),
    ],
)
