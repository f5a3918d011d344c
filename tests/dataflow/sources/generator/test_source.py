"""The made-up stream: the same from anywhere, shaped like real ad events, paced by a clock."""

import json
from collections import Counter

import numpy as np
import pytest

from dataflow.errors import ConfigError
from dataflow.messages import POLL_SCHEMA
from dataflow.sources.generator.adstream import ADS, AdStream
from dataflow.sources.generator.source import GeneratorSource
from dataflow.sources.source import Source

START_MS = 1_767_225_600_000
STREAM = AdStream(seed=5, partitions=4, rate=1_000.0, start_ms=START_MS)


def test_any_slice_equals_the_same_offsets_of_the_whole() -> None:
    whole = STREAM.records(1, 0, 3_000)
    assert len(whole) == 3_000
    for start, count in ((0, 1), (1, 63), (64, 1), (999, 1_500), (2_999, 1), (3_000, 0)):
        assert STREAM.records(1, start, count) == whole[start : start + count]


def test_the_stream_is_the_same_on_every_machine() -> None:
    assert AdStream(seed=1, start_ms=START_MS).records(2, 1_000_000, 1) == [GOLDEN]


GOLDEN = (
    1767226070813,
    b'{"event_id":"e4fecfe687fb2efa","event_time":1767226070652,"event_type":"impression","ad_id":"ad-0103","user_id":"user-19313","cost":0.004926}',
)


def test_seeds_and_partitions_and_start_times_give_different_events() -> None:
    streams = [STREAM, AdStream(6, 4, 1_000.0, START_MS), AdStream(5, 4, 1_000.0, START_MS + 1)]
    ids = [json.loads(stream.values(p, 7, 1)[0])["event_id"] for stream in streams for p in range(4)]
    assert len(set(ids)) == len(ids)


def test_events_are_shaped_like_real_ones() -> None:
    count = 60_000
    values = STREAM.values(2, 0, count)
    events = []
    unreadable = 0
    for value in values:
        try:
            event = json.loads(value)
        except ValueError:
            unreadable += 1
            continue
        if isinstance(event, dict) and isinstance(event.get("event_time"), int) and "ad_id" in event:
            events.append(event)
    assert 20 < unreadable < 150
    assert 50 < count - len(events) < 200
    types = Counter(event["event_type"] for event in events)
    assert types["impression"] > types["click"] > types["conversion"] > 1_000
    ads = Counter(event["ad_id"] for event in events)
    assert ads["ad-0000"] > 20 * ads["ad-0400"] > 0
    assert 20 < sum(n for ad, n in ads.items() if ad >= f"ad-{ADS:04d}") < 150
    assert 0.05 < sum("user_id" not in event for event in events) / count < 0.15
    assert any("revenue" in event for event in events)
    assert any("revenue" not in event for event in events if event["event_type"] == "conversion")
    assert 300 < count - len(set(values)) < 1_000


def test_about_one_in_a_hundred_is_late_and_the_rest_within_five_seconds() -> None:
    for partition in range(4):
        delays = []
        for stamp, value in STREAM.records(partition, 0, 20_000):
            try:
                delays.append(stamp - json.loads(value)["event_time"])
            except (ValueError, KeyError, TypeError):
                continue
        waited = np.array(delays)
        waited = waited[waited > -1_000_000]
        assert waited.min() >= 0
        assert 0.005 < (waited >= 10_000).mean() < 0.015
        assert ((waited > 5_000) & (waited < 10_000)).sum() == 0
        assert waited.max() < 95_000


def test_timestamps_never_go_back_and_keep_the_mean_rate() -> None:
    stamps = STREAM.timestamps(0, 0, 1_000_000)
    assert stamps[0] == START_MS
    assert (np.diff(stamps) >= 0).all()
    steps = np.diff(stamps[::5_000])
    assert steps.max() > 2 * steps.min()
    at = STREAM.offset_at(0, START_MS + 60_000)
    assert stamps[at] >= START_MS + 60_000 > stamps[at - 1]


def test_counts_split_a_total_by_skewed_shares() -> None:
    counts = STREAM.counts(1_000_003)
    assert sum(counts) == 1_000_003
    assert counts == sorted(counts, reverse=True)


def test_a_paced_source_follows_the_clock_and_goes_on_where_it_was() -> None:
    now_ms = START_MS
    source: Source = GeneratorSource(AdStream(rate=1_000.0), now_ms=lambda: now_ms, seconds=10)
    assert source.partitions() == ["generator/0", "generator/1", "generator/2", "generator/3"]
    reader = source.open("generator/0", None, None)
    now_ms += 2_000
    poll = reader.poll(100_000, 1 << 30)
    assert poll is not None
    assert poll.records.schema == POLL_SCHEMA
    assert poll.records.column("timestamp").to_pylist()[-1] <= now_ms
    assert reader.poll(100_000, 1 << 30) is None
    now_ms += 1_000
    lag = reader.lag()
    again = GeneratorSource(AdStream(rate=1_000.0), now_ms=lambda: now_ms, seconds=10)
    resumed = again.open("generator/0", reader.position, reader.hint)
    here, there = reader.poll(100_000, 1 << 30), resumed.poll(100_000, 1 << 30)
    assert here is not None
    assert there is not None
    assert here.records.equals(there.records)
    assert here.records.num_rows == lag
    now_ms += 60_000
    while not reader.finished:
        assert reader.poll(1_000, 1 << 30) is not None
    assert reader.position == source.end_offsets()["generator/0"]


def test_without_a_pace_everything_is_there_at_once_up_to_the_total() -> None:
    source = GeneratorSource(STREAM, now_ms=lambda: 0, paced=False, total=10_000)
    read = 0
    for partition in source.partitions():
        reader = source.open(partition, None, None, source.end_offsets()[partition])
        while not reader.finished:
            poll = reader.poll(777, 1 << 30)
            assert poll is not None
            read += poll.records.num_rows
        assert reader.poll(1, 1) is None
    assert read == 10_000


def test_a_total_and_seconds_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="not both"):
        GeneratorSource(STREAM, now_ms=lambda: 0, total=1, seconds=1)
