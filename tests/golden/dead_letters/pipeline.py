"""Every reason for a dead letter that a file can have"""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from dataflow import EventTime, Money, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    id: Annotated[str, Len(1, 4)]
    t: EventTime
    kind: Literal["a", "b"] = "a"
    cost: Money = Decimal(0)
    day: date | None = None
    n: Annotated[int, Ge(0), Lt(10)] | None = None
    flag: bool = False


pipeline = Pipeline(
    name="dead_letters",
    event=Event,
    max_record_bytes=80,
    rollups=[
        Rollup("ten", keys=["kind"], window=tumble("10ms"), aggregates={"n_events": agg.count(), "ids": agg.max("id")})
    ],
)
