"""The Yahoo Streaming Benchmark's answer from Kafka is that of one query, and its dimension file is the feed's."""

from collections import Counter
from pathlib import Path

import msgspec
import pytest

from bench.engines import TOTALS, Bench
from bench.measure import BenchError
from bench.one_run import fill
from bench.peers.truth import dump
from bench.ysb import JOBS, TOPIC, Ysb, truth
from bench.ysb_feed import ADS, ADS_FILE, CAMPAIGNS, ads_csv, events
from flink.generate.generate import generate
from flink.generate.options import Options

COUNT = 2_000


def test_the_dimension_file_has_ten_ads_for_each_campaign() -> None:
    assert ADS_FILE.read_text() == ads_csv()
    campaigns = Counter(line.partition(",")[2] for line in ads_csv().splitlines()[1:])
    assert set(campaigns.values()) == {ADS}
    assert len(campaigns) == CAMPAIGNS


def by_hand() -> dict[tuple[str, int], int]:
    campaign = dict(line.split(",") for line in ads_csv().splitlines()[1:])
    counted: Counter[tuple[str, int]] = Counter()
    for value in events(COUNT):
        event = msgspec.json.decode(value)
        if event["event_type"] == "view":
            counted[campaign[event["ad_id"]], event["event_time"] // 10_000 * 10_000] += 1
    return dict(counted)


def test_the_query_is_the_benchmarks(tmp_path: Path) -> None:
    (tmp_path / "part-0.ndjson").write_bytes(b"\n".join([*events(COUNT), b""]))
    assert {(row["campaign_id"], row["window_ms"]): row["views"] for row in truth(tmp_path)} == by_hand()


def test_flink_can_say_it() -> None:
    plan = Bench.plan("ysb")
    assert TOTALS["ysb"] == (plan.rollups[0].name, plan.rollups[0].aggregates[0].name)
    for asked in JOBS:
        assert generate(plan, Options(form=asked.form, bounded=True, parallelism=asked.parallelism)).topics


@pytest.mark.kafka
def test_a_run_gives_the_right_rows_and_wrong_ones_are_refused(kafka: str, tmp_path: Path) -> None:
    fill(kafka, TOPIC, events(COUNT), 2)
    assert dump(kafka, TOPIC, tmp_path / "topic") == COUNT
    right = truth(tmp_path / "topic")
    ysb = Ysb(kafka, tmp_path, COUNT, right)
    assert ysb.bare().events == ysb.tidemill().events == COUNT
    wrong = Ysb(kafka, tmp_path, COUNT, right[1:])
    with pytest.raises(BenchError, match=r"rows are not the .* right ones: \[\{'campaign_id'"):
        wrong.tidemill()
