"""Each line of what engines read differently: division, overflow, averages, LIKE, long windows."""

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


def counted(where: str) -> Rollup:
    """How many rows a condition takes."""
    name = f"where_{len(CONDITIONS)}"
    CONDITIONS.append(where)
    return Rollup(name, keys=["kind"], window=tumble("10s"), where=where, aggregates={"n": agg.count()})


CONDITIONS: list[str] = []

pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="2s",
    allowed_lateness="1s",
    rollups=[
        counted("items / 2 > 1.4 AND items / 2 < 1.6"),
        counted("paid / items > 100"),
        counted("NOT (score / items < 1)"),
        counted("items + items > 0"),
        counted("items * 2 >= 20 AND - items < -5"),
        counted("shop LIKE '%o1_' OR shop LIKE '%\\\\%'"),
        counted("paid BETWEEN 1 AND 10.5 OR paid IN (2, 3.5)"),
        counted("paid * 1.5 > items"),
        counted("score >= 0.1 AND score <> 3"),
        counted("NOT (shop IN ('sho1', 'sho2')) AND paid IS NOT NULL"),
        Rollup(
            "sums",
            keys=["shop"],
            window=tumble("7d"),
            aggregates={
                "items": agg.sum("items"),
                "mean_items": agg.avg("items"),
                "mean_paid": agg.avg("paid"),
                "scores": agg.sum("score", inexact=True),
                "paid": agg.sum("paid", where="items / 0 > 1"),
            },
        ),
        Rollup("weeks", keys=[], window=tumble("1w"), aggregates={"n": agg.count(), "most": agg.max("score")}),
        Rollup("sevens", keys=[], window=tumble("7m"), aggregates={"n": agg.count(), "late": agg.max("at")}),
    ],
)
