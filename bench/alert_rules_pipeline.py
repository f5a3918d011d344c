"""The pipeline of ads with ten alert rules: five over rollups that it declares, five with rollups of their own."""

from dataclasses import replace

from pipelines.ads import pipeline as ads
from tidemill import aggregates as agg
from tidemill import alerts
from tidemill.windows import hop, tumble

CLICKS = {"clicks": agg.count()}
ONLY_CLICKS = "event_type = 'click'"

RULES = [
    alerts.threshold("busy_ad", on="ad_clicks_1m", having="clicks > 20"),
    alerts.threshold("dear_ad", on="ad_clicks_1m", having="spend > 5 AND clicks > 2"),
    alerts.threshold("click_through", on="campaign_1m", having="clicks > 0.5 * impressions AND impressions >= 100"),
    alerts.threshold("no_revenue", on="campaign_1m", having="spend > 1 AND revenue IS NULL"),
    alerts.threshold("busy_5m", on="clicks_5m", having="clicks > 60"),
    alerts.threshold("farm", keys=["user_id", "ad_id"], window=tumble("10s"), where=ONLY_CLICKS, aggregates=CLICKS,
                     having="clicks > 2"),
    alerts.threshold("bot", keys=["user_id"], window=tumble("1m"), where=ONLY_CLICKS, aggregates=CLICKS,
                     having="clicks > 5"),
    alerts.threshold("slow_drip", keys=["user_id"], window=hop("10m", every="5m"), where=ONLY_CLICKS, aggregates=CLICKS,
                     having="clicks > 20"),
    alerts.threshold("all", keys=[], window=tumble("1s"), aggregates={"n": agg.count()}, having="n > 1000000"),
    alerts.distinct("many_ads", key="user_id", of="ad_id", more_than=30, window=tumble("10m"), where=ONLY_CLICKS),
]  # fmt: skip

pipeline = replace(ads, alerts=RULES)
without = replace(ads, alerts=())
