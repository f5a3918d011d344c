"""Hopping windows, one whose slide does not divide its size; a key that may be null."""

from decimal import Decimal
from typing import Annotated, Literal

from annotated_types import Len
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import hop


class AdEvent(BaseModel):
    event_id: Annotated[str, Len(1, 64)]
    event_time: EventTime
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
    rollups=[
        Rollup("users_5m", keys=["user_id"], window=hop("5m", every="1m"), aggregates={"events": agg.count()}),
        Rollup(
            "uneven",
            keys=[],
            window=hop("7m", every="3m", offset="1m"),
            allowed_lateness="2m",
            aggregates={"events": agg.count()},
        ),
    ],
)
