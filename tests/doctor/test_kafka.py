"""The doctor beside a real broker: reachable or not, partitions, lag, retention, timestamps, clocks. It only reads."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import NewPartitions

from dataflow.sources.kafka.probe import KafkaProbe
from doctor.finding import Severity
from query.moment import to_ms
from tests.doctor.examined import JOB, World
from tests.kafka_fixture import admin, delete_topic, fresh_topic, produce, transactional_producer

pytestmark = pytest.mark.kafka

HOUR_MS = 3_600_000


@pytest.fixture
def world(tmp_path: Path, kafka: str) -> Iterator[World]:
    made = World(tmp_path)
    made.use(source="kafka", brokers=kafka)
    made.now = datetime.now(UTC)
    yield made
    made.writer.close()


def fill(world: World, topic: str, count: int, *, partition: int = 0, age: timedelta = timedelta(0)) -> None:
    """Records without meaning, with record timestamps of that age."""
    stamp = to_ms(world.now - age)
    produce(world.settings.brokers, topic, [b"x"] * count, partition=partition, timestamps_ms=[stamp] * count)


def test_a_topic_that_is_read_to_its_end_is_sound(world: World) -> None:
    topic = fresh_topic(world.settings.brokers)
    world.use(topic=topic)
    fill(world, topic, 3)
    world.read(f"{topic}/0", [world.now] * 3)
    found = world.findings()
    checks = ("broker", "source", "source.reading", "source.partitions", "source.offsets")
    for check in (
        *checks,
        "source.transactions",
        "source.lag",
        "topic.timestamps",
        "topic.retention",
        "source.group",
        "clock.broker",
    ):
        assert found[check].severity is Severity.OK, found[check]
    assert found["topic.retention"].message == f"topic {topic} keeps its records for ever"


def test_a_broker_that_does_not_answer_is_an_error_and_the_rest_is_examined(world: World) -> None:
    world.use(brokers="127.0.0.1:1")
    world.read("ads/0", [world.now])
    found = world.findings()
    assert found["broker"].severity is Severity.ERROR
    assert "no Kafka broker answers at 127.0.0.1:1" in found["broker"].message
    assert "source" not in found
    assert found["windows.per_ad"].details["open"] == 1


def test_a_topic_that_is_not_there_and_one_that_is_gone_are_errors(world: World) -> None:
    world.use(topic="no-such-topic")
    found = world.findings()
    assert (found["broker"].severity, found["source"].severity) == (Severity.OK, Severity.ERROR)
    assert "has no topic 'no-such-topic'" in found["source"].message
    topic = fresh_topic(world.settings.brokers)
    world.use(topic=topic)
    world.read("other/0", [world.now])
    found = world.findings()
    assert found["source.partitions"].details["gone"] == ["other/0"]
    assert found["source.partitions"].severity is Severity.ERROR


def test_lag_is_told_per_partition_with_what_reads_and_what_comes(world: World) -> None:
    topic = fresh_topic(world.settings.brokers, partitions=2)
    world.use(topic=topic)
    fill(world, topic, 100)
    fill(world, topic, 20, partition=1)
    world.read(f"{topic}/0", [world.now] * 30)
    world.read(f"{topic}/1", [world.now] * 20)
    found = world.findings()["source.lag"]
    assert found.message == f"70 offsets wait ({topic}/0 70) and no run reads them"
    assert found.severity is Severity.WARNING
    assert found.details["partitions"][f"{topic}/0"] == {"lag": 70, "read": 30, "arrived": 100}
    assert found.details["change_per_second"] == round((120 - 50) / 60, 1)
    world.recovery.lock()
    assert "in the last minute 1/s were read and 2/s came" in world.findings()["source.lag"].message
    world.after(90)
    stalled = world.findings()["source.lag"]
    assert stalled.severity is Severity.ERROR
    assert "a run is on, and it has committed nothing for 1.5 min" in stalled.message


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_records_behind_an_open_transaction_are_said_to_wait(world: World, end: str) -> None:
    brokers = world.settings.brokers
    topic = fresh_topic(brokers, partitions=2)
    world.use(topic=topic)
    fill(world, topic, 50)
    world.read(f"{topic}/0", [world.now] * 50)
    assert world.findings()["source.transactions"].message == "no record waits behind an open transaction"
    producer = transactional_producer(brokers, f"{topic}-held")
    producer.begin_transaction()
    producer.produce(topic, b"undecided", partition=0)
    producer.flush(10)
    produce(brokers, topic, [b"x"] * 100)
    world.now = datetime.now(UTC)
    found = world.findings()
    young = found["source.transactions"]
    told = f"101 records wait behind an open transaction ({topic}/0 101)"
    assert (young.severity, young.message) == (Severity.OK, f"{told}: they can be read once it ends")
    assert found["source.lag"].message == (
        "everything in the topic but what waits behind an open transaction has been read and committed"
    )
    world.after(60)
    old = world.findings()["source.transactions"]
    assert old.severity is Severity.WARNING
    assert old.message.startswith(f"{told}, whose first record is more than 5 s old")
    assert old.details["partitions"] == {f"{topic}/0": {"waiting": 101, "from": 50}}
    getattr(producer, f"{end}_transaction")(30)
    found = world.findings()
    assert found["source.transactions"].severity is Severity.OK
    assert found["source.transactions"].details["waiting"] == 0
    assert found["source.lag"].details["lag"] == 102


def test_another_member_of_the_consumer_group_is_found(world: World) -> None:
    brokers = world.settings.brokers
    topic = fresh_topic(brokers)
    group = f"group-of-{topic}"
    world.use(topic=topic, group=group)
    assert world.findings()["source.group"].severity is Severity.OK
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "client.id": "a-dashboard", "log_level": 0})
    joined: list[object] = []
    consumer.subscribe([topic], on_assign=lambda _, places: joined.append(places))
    deadline = time.monotonic() + 120
    while not joined:
        assert time.monotonic() < deadline
        consumer.poll(0.1)
    found = world.findings()["source.group"]
    assert found.severity is Severity.WARNING
    assert found.message.startswith(f"consumer group {group} has 1 member that is not ours (a-dashboard at ")
    assert "the data is not affected" in found.message
    assert found.fix == "end the other member, or give this pipeline a group of its own (setting `group`)"
    consumer.close()
    assert world.findings()["source.group"].severity is Severity.OK


def test_new_partitions_are_told(world: World) -> None:
    topic = fresh_topic(world.settings.brokers)
    world.use(topic=topic)
    world.read(f"{topic}/0", [])
    admin(world.settings.brokers).create_partitions([NewPartitions(topic, 2)])[topic].result(20)
    deadline = time.monotonic() + 120
    while KafkaProbe(world.settings.brokers, {}).describe([topic])[topic].partitions < 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = world.findings()["source.partitions"]
    assert (found.severity, found.details["new"]) == (Severity.WARNING, [f"{topic}/1"])


def test_an_offset_that_the_topic_does_not_hold_is_an_error(world: World) -> None:
    topic = fresh_topic(world.settings.brokers)
    world.use(topic=topic)
    fill(world, topic, 2)
    world.read(f"{topic}/0", [world.now] * 5)
    found = world.findings()["source.offsets"]
    assert found.severity is Severity.ERROR
    assert f"{topic}/0 goes on at 5, Kafka has 0 to 2 (the log was cut, or the topic created anew)" in found.message


def test_create_time_with_a_future_guard_is_a_warning(world: World) -> None:
    (world.folder / "job.py").write_text(JOB.replace("out_of", 'max_future="1m", out_of'))
    created = fresh_topic(world.settings.brokers)
    world.use(topic=created)
    found = world.findings()["topic.timestamps"]
    assert found.severity is Severity.WARNING
    assert "message.timestamp.type=CreateTime" in found.message
    appended = fresh_topic(world.settings.brokers, config={"message.timestamp.type": "LogAppendTime"})
    world.use(topic=appended)
    assert world.findings()["topic.timestamps"].severity is Severity.OK


def test_retention_that_is_about_to_pass_our_offset_is_a_warning(world: World) -> None:
    topic = fresh_topic(world.settings.brokers, config={"retention.ms": str(10 * HOUR_MS)})
    world.use(topic=topic)
    fill(world, topic, 5, age=timedelta(hours=9, minutes=30))
    fill(world, topic, 5, age=timedelta(minutes=1))
    world.read(f"{topic}/0", [world.now] * 2)
    found = world.findings()["topic.retention"]
    assert (found.severity, found.details["passing"]) == (Severity.WARNING, [f"{topic}/0"])
    world.read(f"{topic}/0", [world.now] * 3)
    assert world.findings()["topic.retention"].severity is Severity.OK


def test_records_older_than_retention_are_a_warning(world: World) -> None:
    topic = fresh_topic(world.settings.brokers, config={"retention.ms": str(10 * HOUR_MS)})
    world.use(topic=topic)
    fill(world, topic, 5, age=timedelta(hours=20))
    world.read(f"{topic}/0", [world.now] * 5)
    found = world.findings()["topic.retention"]
    assert (found.severity, found.details["old"]) == (Severity.WARNING, [f"{topic}/0"])


def test_a_broker_clock_ahead_of_ours_is_told_by_stamps_it_made(world: World) -> None:
    topic = fresh_topic(world.settings.brokers, config={"message.timestamp.type": "LogAppendTime"})
    world.use(topic=topic)
    fill(world, topic, 1)
    assert world.findings()["clock.broker"].severity is Severity.OK
    world.after(-600)
    found = world.findings()["clock.broker"]
    assert (found.severity, found.details["exact"]) == (Severity.WARNING, True)
    assert found.message.startswith("the broker's clock is at least 10 min ahead of this machine's")


def test_an_examination_leaves_topic_and_group_as_they_were(world: World) -> None:
    brokers = world.settings.brokers
    topic = fresh_topic(brokers)
    world.use(topic=topic, group=f"group-of-{topic}")
    fill(world, topic, 3)
    before = KafkaProbe(brokers, {}).ranges(topic, [0])
    world.findings()
    assert KafkaProbe(brokers, {}).ranges(topic, [0]) == before
    groups = admin(brokers).list_consumer_groups().result(20).valid
    assert world.settings.group not in [group.group_id for group in groups]
    delete_topic(brokers, topic)


def test_a_groups_offsets_carry_the_brokers_own_time(world: World) -> None:
    brokers = world.settings.brokers
    topic = fresh_topic(brokers)
    group = f"group-of-{topic}"
    world.use(topic=topic, group=group)
    fill(world, topic, 1, age=timedelta(days=2))
    consumer = Consumer({"bootstrap.servers": brokers, "group.id": group, "log_level": 0})
    consumer.commit(offsets=[TopicPartition(topic, 0, 1)], asynchronous=False)
    consumer.close()
    found = world.findings()["clock.broker"]
    assert found.message.startswith("not ahead of this machine's, by the broker's last note of a group's offset")
    assert found.details["exact"] is True
    assert abs(found.details["ahead_ms"]) < 60_000
