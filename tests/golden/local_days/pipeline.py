"""Windows by a zone's clock: days of 23 and 25 hours, hours that are skipped and come twice, weeks"""

from pydantic import BaseModel

from dataflow import EventTimeText, Pipeline, Rollup
from dataflow import aggregates as agg
from dataflow.windows import tumble


class Event(BaseModel):
    """One line of the input."""

    at: EventTimeText


ZONE = "Europe/Amsterdam"
COUNT = {"n": agg.count()}
pipeline = Pipeline(
    name="local_days",
    event=Event,
    rollups=[
        Rollup("days", keys=[], window=tumble("1d", zone=ZONE), aggregates=COUNT, allowed_lateness="1h"),
        Rollup("hours", keys=[], window=tumble("1h", zone=ZONE), aggregates=COUNT, allowed_lateness="300d"),
        Rollup(
            "weeks", keys=[], window=tumble("1w", zone=ZONE, week="sunday"), aggregates=COUNT, allowed_lateness="300d"
        ),
    ],
)
