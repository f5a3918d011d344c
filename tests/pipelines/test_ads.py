"""The shipped pipeline."""

import csv
from pathlib import Path

from dataflow.pipeline.load import load

FOLDER = Path(__file__).parents[2] / "pipelines"


def test_the_shipped_pipeline_is_correct():
    plan = load(str(FOLDER / "ads.py"))
    assert [rollup.name for rollup in plan.rollups] == ["ad_clicks_1m", "campaign_1m", "revenue_1h", "clicks_5m"]
    assert (plan.dedup_column, plan.dedup_within_ms, plan.max_future_ms) == ("event_id", 600_000, 300_000)


def test_every_ad_has_a_campaign_and_every_campaign_one_advertiser():
    with (FOLDER / "dimensions" / "ads.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["ad_id"] for row in rows] == [f"ad-{number:04d}" for number in range(500)]
    assert len({row["campaign_id"] for row in rows}) == 40
    assert len({row["advertiser_id"] for row in rows}) == 12
    assert len({(row["campaign_id"], row["advertiser_id"]) for row in rows}) == 40
