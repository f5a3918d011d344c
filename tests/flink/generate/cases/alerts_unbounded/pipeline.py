"""Alert rules: thresholds, distinct values, and pairs of events that are near each other or alone."""

from typing import Annotated, Literal

from annotated_types import Ge, Len, Lt
from pydantic import BaseModel

from tidemill import EventTime, Money, Pipeline, Rollup, alerts
from tidemill import aggregates as agg
from tidemill.windows import hop, tumble


class Visit(BaseModel):
    id: Annotated[str, Len(1, 40)]
    at: Annotated[EventTime, Ge(0), Lt(4102444800000)]
    kind: Literal["see", "buy", "leave"]
    shop: Literal["north", "south", "west"]
    guest: Literal["ann", "bob", "cem"] | None = None
    paid: Money | None = None


KEY = ["shop", "guest"]
SEEN, BOUGHT = "kind = 'see'", "kind = 'buy'"

pipeline = Pipeline(
    name="visits",
    event=Visit,
    out_of_orderness="5s",
    idle_timeout="36500d",
    deduplicate_by="id",
    deduplicate_within="10m",
    rollups=[Rollup("hopped", keys=["guest"], window=hop("15s", every="5s"), aggregates={"n": agg.count()})],
    alerts=[
        alerts.threshold("busy", on="hopped", having="n > 3 AND guest <> 'bob'"),
        alerts.threshold(
            "spent",
            keys=["shop"],
            window=tumble("30s"),
            aggregates={"paid": agg.sum("paid"), "n": agg.count()},
            having="paid > 1000 OR paid IS NULL",
            allowed_lateness="3s",
        ),
        alerts.distinct("crowded", key="shop", of="guest", more_than=1, window=tumble("10s")),
        alerts.sequence(
            "quick",
            key=KEY,
            first=SEEN,
            then=BOUGHT,
            within="4s",
            having="then.paid >= first.paid OR first.paid IS NULL",
        ),
        alerts.sequence(
            "again",
            key="shop",
            first="kind <> 'leave'",
            then="kind <> 'see'",
            within="2s",
            having="then.guest <> first.guest AND then.at > first.at",
            allowed_lateness="4s",
        ),
        alerts.absence("unsold", key=KEY, first=SEEN, then=BOUGHT, within="9s"),
        alerts.absence(
            "unseen",
            key=KEY,
            first=SEEN,
            then=BOUGHT,
            within="9s",
            missing="first",
            having="first.paid IS NOT NULL",
        ),
    ],
)
