"""Which records are taken: both ends of each source partition, and no more than is allowed."""

from pathlib import Path

import pytest

from dataflow.errors import SourceError
from dataflow.sources.files.source import FilesSource
from dataflow.sources.kafka.source import KafkaSource
from dataflow.sources.source import Source
from starter.reading import MOST_PARTITIONS, Bounds, take_sample
from starter.sample import Sample
from tests.kafka_fixture import admin, fresh_topic, produce, transactional_producer


class Clock:
    """Time passes only while somebody sleeps, or by `tick` at each look."""

    def __init__(self, tick: float = 0.0) -> None:
        self.now = 0.0
        self.tick = tick

    def monotonic(self) -> float:
        self.now += self.tick
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def taken(source: Source, bounds: Bounds, clock: Clock | None = None) -> Sample:
    import time

    if clock is None:
        return take_sample(source, bounds, monotonic=time.monotonic, sleep=time.sleep)
    return take_sample(source, bounds, monotonic=clock.monotonic, sleep=clock.sleep)


def lines(folder: Path, name: str, count: int) -> None:
    (folder / f"{name}.ndjson").write_bytes(b"".join(b"%d\n" % number for number in range(count)))


def numbers(sample: Sample) -> dict[str, list[list[int]]]:
    found: dict[str, list[list[int]]] = {}
    for stretch in sample.stretches:
        found.setdefault(stretch.partition, []).append([int(each.value or b"-1") for each in stretch.records])
    return found


def test_a_file_gives_its_first_and_last_lines_and_a_short_one_all_in_one_stretch(tmp_path: Path) -> None:
    lines(tmp_path, "long", 100_000)
    lines(tmp_path, "short", 180)
    found = numbers(taken(FilesSource(tmp_path, None), Bounds(400)))
    assert found == {"long": [[*range(100)], [*range(99_900, 100_000)]], "short": [[*range(180)]]}


def test_an_empty_file_gives_nothing(tmp_path: Path) -> None:
    lines(tmp_path, "a", 0)
    assert taken(FilesSource(tmp_path, None), Bounds()).records == []


def test_of_many_files_some_are_read_spread_over_all(tmp_path: Path) -> None:
    for number in range(3 * MOST_PARTITIONS):
        lines(tmp_path, f"f{number:03}", 200)
    found = numbers(taken(FilesSource(tmp_path, None), Bounds(20 * MOST_PARTITIONS)))
    assert len(found) == MOST_PARTITIONS
    assert {"f000", "f093"} <= found.keys()
    assert found["f000"] == [[*range(10)], [*range(190, 200)]]
    assert numbers(taken(FilesSource(tmp_path, None), Bounds(3))) == {"f000": [[0], [199]]}


def test_lines_that_are_large_are_kept_in_small_numbers_at_either_end(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_bytes(b"".join(b"%d" % n + b" " * 10_000 + b"\n" for n in range(100)))
    found = numbers(taken(FilesSource(tmp_path, None), Bounds(100, size_bytes=100_000)))
    assert found == {"a": [[0, 1, 2, 3, 4], [96, 97, 98, 99]]}


def test_what_came_until_the_time_was_over_is_the_sample(tmp_path: Path) -> None:
    lines(tmp_path, "a", 10_000)
    found = numbers(taken(FilesSource(tmp_path, None), Bounds(100, seconds=3.5), Clock(tick=1.0)))
    (first, last) = found["a"]
    assert first == [*range(50)]
    assert 50 < last[-1] < 10_000


@pytest.mark.kafka
def test_a_topic_gives_the_oldest_and_newest_records_of_each_partition_with_their_timestamps(kafka: str) -> None:
    topic = fresh_topic(kafka, 3)
    produce(kafka, topic, [b"%d" % n for n in range(500)], timestamps_ms=[1_000 + n for n in range(500)])
    produce(kafka, topic, [b"%d" % n for n in range(70)], partition=2)
    source = KafkaSource(kafka, [topic], group=None)
    found = taken(source, Bounds(300))
    assert numbers(found) == {f"{topic}/0": [[*range(75)], [*range(425, 500)]], f"{topic}/2": [[*range(70)]]}
    assert [each.timestamp_ms for each in found.stretches[1].records] == [1_000 + n for n in range(425, 500)]
    # the same sample each time
    assert taken(KafkaSource(kafka, [topic], group=None), Bounds(300)) == found


@pytest.mark.kafka
def test_records_that_are_large_are_taken_in_small_numbers(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"%d" % n + b" " * 100_000 for n in range(60)])
    found = taken(KafkaSource(kafka, [topic], group=None), Bounds(100, size_bytes=400_000))
    assert 2 <= len(found.records) < 60


@pytest.mark.kafka
def test_looking_leaves_no_offset_in_any_group(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"1"] * 100)
    before = {group.group_id for group in admin(kafka).list_consumer_groups().result(10).valid}
    source = KafkaSource(kafka, [topic], group=None)
    assert len(taken(source, Bounds()).records) == 100
    source.close()
    after = {group.group_id for group in admin(kafka).list_consumer_groups().result(10).valid}
    assert after == before


@pytest.mark.kafka
def test_an_empty_topic_gives_nothing_and_records_behind_a_transaction_are_told(kafka: str) -> None:
    topic = fresh_topic(kafka)
    assert taken(KafkaSource(kafka, [topic], group=None), Bounds()).records == []
    producer = transactional_producer(kafka, f"{topic}-t")
    producer.begin_transaction()
    producer.produce(topic, b"1")
    producer.flush(10)
    source = KafkaSource(kafka, [topic], group=None)
    with pytest.raises(SourceError, match="1 record waits behind an open transaction, and no other is there"):
        taken(source, Bounds())
    producer.abort_transaction(10)


@pytest.mark.kafka
def test_records_that_do_not_come_in_time_are_told(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"1"])
    with pytest.raises(SourceError, match=r"no record came within 0\.5 s"):
        taken(KafkaSource(kafka, [topic], group=None), Bounds(seconds=0.5), Clock(tick=1.0))
