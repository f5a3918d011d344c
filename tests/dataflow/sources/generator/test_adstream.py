"""The made-up stream: the same from anywhere, shaped like real ad events."""

import json
from collections import Counter

import numpy as np

from dataflow.sources.generator.adstream import ADS, AdStream

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
