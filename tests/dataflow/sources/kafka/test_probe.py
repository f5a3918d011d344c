"""Questions that only an examination asks: which partition holds a group's offsets, and asking a real broker."""

import time

import pytest

from dataflow.sources.kafka.probe import KafkaProbe, _java_hash
from tests.kafka_fixture import fresh_topic, produce


@pytest.mark.parametrize(
    ("text", "java"),
    [
        ("", 0),
        ("a", 97),
        ("hello", 99162322),
        ("Hello World", -862545276),
        ("polygenelubricants", -2147483648),
        ("\U0001f600", 1772899),
    ],
)
def test_a_groups_hash_is_the_one_that_java_gives_its_name(text: str, java: int) -> None:
    assert _java_hash(text) == java


@pytest.mark.kafka
def test_stamps_and_offsets_are_told_per_partition_and_an_empty_one_has_none(kafka: str) -> None:
    topic = fresh_topic(kafka, partitions=2)
    before_ms = int(time.time() * 1000)
    produce(kafka, topic, [b"x", b"y"])
    probe = KafkaProbe(kafka, {})
    stamps = probe.newest_stamps(topic, [0, 1])
    assert list(stamps) == [0]
    assert stamps[0] >= before_ms - 60_000
    assert probe.offsets_at(topic, [0, 1], 0) == {0: 0, 1: None}
    assert probe.offsets_at(topic, [0], stamps[0] + 1) == {0: None}
    assert probe.config(topic)["cleanup.policy"] == "delete"


@pytest.mark.kafka
def test_a_group_that_nobody_is_in_has_no_member(kafka: str) -> None:
    assert KafkaProbe(kafka, {}).members("a-group-that-never-was") == []
