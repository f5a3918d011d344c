"""Two rules over ad events, with an alert for one event of a hundred or so, told early and with its commit."""

from dataclasses import replace

from pipelines.ads import pipeline as ads
from tidemill import aggregates as agg
from tidemill import alerts, kafka
from tidemill.windows import tumble

ALERTS = "bench-alerts"
EARLY = "bench-alerts-early"

RULES = [
    alerts.threshold(
        "sampled",
        keys=["event_id"],
        window=tumble("10s"),
        where="event_id LIKE '%00'",
        aggregates={"n": agg.count()},
        having="n >= 1",
    ),
    # what is looked at with each poll beside it
    alerts.threshold("busy_ad", on="ad_clicks_1m", having="clicks > 20"),
]

pipeline = replace(
    ads,
    deduplicate_by=None,
    deduplicate_within=None,
    dimensions=[],
    rollups=[rollup for rollup in ads.rollups if rollup.name == "ad_clicks_1m"],
    alerts=RULES,
    alerts_to=[kafka(ALERTS, early=EARLY)],
)
"""What the others are asked, and no more."""
