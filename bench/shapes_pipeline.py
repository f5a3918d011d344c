"""One rollup over the records of bench/decode_shapes.py: flat ones, and nested ones."""

from bench.decode_shapes import Ad, Visit
from tidemill import Pipeline, Rollup
from tidemill import aggregates as agg
from tidemill.windows import tumble

ad = Pipeline(
    name="ad",
    event=Ad,
    out_of_orderness="5s",
    allowed_lateness="1m",
    rollups=[
        Rollup("counted", keys=["ad_id"], window=tumble("1m"), aggregates={"n": agg.count(), "spend": agg.sum("cost")}),
    ],
)

visit = Pipeline(
    name="visit",
    event=Visit,
    out_of_orderness="40d",
    allowed_lateness="1m",
    rollups=[
        Rollup("counted", keys=["user"], window=tumble("1d"), aggregates={"n": agg.count(), "spend": agg.sum("total")}),
    ],
)
