"""The whole stream: the same for a seed, in the order of arrival, with labels that are told apart."""

import json
from hashlib import sha256

from dataflow.sources.generator.fraud.stream import LABELS, FraudStream

STREAM = FraudStream(seed=5, minutes=30, rate=5.0, partitions=3)


def test_the_stream_is_the_same_on_every_machine() -> None:
    stream = FraudStream(seed=5, minutes=30, rate=5.0)
    values = b"\n".join(event.value for event in stream.events)
    labels = "\n".join(stream.labels())
    assert sha256(values + labels.encode()).hexdigest()[:16] == GOLDEN


GOLDEN = "1b562a1b7f538ce1"


def test_seeds_give_different_streams() -> None:
    values = [{event.value for event in FraudStream(seed, minutes=2).events} for seed in (1, 2)]
    assert not values[0] & values[1]


def test_events_come_in_the_order_of_arrival_and_some_are_behind_in_event_time() -> None:
    arrived = [event.arrived_ms for event in STREAM.events]
    heard = [json.loads(event.value)["event_time"] for event in STREAM.events]
    assert arrived == sorted(arrived)
    assert heard != sorted(heard)
    assert all(0 < a - h < 26_000 for a, h in zip(arrived, heard, strict=True))


def test_some_events_arrive_twice_and_are_alike() -> None:
    by_id: dict[str, set[bytes]] = {}
    for event in STREAM.events:
        by_id.setdefault(event.event_id, set()).add(event.value)
    assert len(by_id) < len(STREAM.events)
    assert {len(values) for values in by_id.values()} == {1}


def test_labels_name_each_fraudulent_event_once_and_no_record_tells_them() -> None:
    head, *lines = STREAM.labels()
    assert head == LABELS
    named = [line.split(",")[0] for line in lines]
    assert sorted(named) == sorted({event.event_id for event in STREAM.events if event.kind is not None})
    kinds = {line.split(",")[1].encode() for line in lines}
    assert not any(kind in event.value for event in STREAM.events for kind in kinds)


def test_partitions_hold_the_stream_each_user_in_one_of_them() -> None:
    total = len(STREAM.events)
    counts = STREAM.counts(total)
    parts = [STREAM.records(number, 0, total) for number in range(3)]
    assert [len(part) for part in parts] == counts
    assert sum(counts) == total
    assert sorted(value for part in parts for _, value in part) == sorted(event.value for event in STREAM.events)
    whose = [{json.loads(value)["user_id"] for _, value in part} for part in parts]
    assert not whose[0] & whose[1]
    assert abs(sum(map(STREAM.share, range(3))) - 1) < 1e-9


def test_a_slice_of_a_partition_is_that_of_the_whole_with_its_timestamps() -> None:
    whole = STREAM.records(1, 0, 50)
    assert STREAM.records(1, 10, 20) == whole[10:30]
    assert STREAM.timestamps(1, 10, 20).tolist() == [stamp for stamp, _ in whole[10:30]]
    assert STREAM.timestamps(1, 10**9, 5).tolist() == []
