"""Records and their position in a real Kafka: both or neither, whatever happens to producer, broker and time."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from deploy.kafka_server import KafkaCluster
from emit import transaction
from emit.position import Position
from emit.record import Record
from emit.transaction import KafkaTarget
from emit.trouble import DeliveryTrouble
from tests.emitted import Sent, read_topic
from tests.kafka_fixture import admin, create_topic, fresh_topic, require_kafka_tools

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def target(bootstrap: str, topic: str, **properties: str) -> KafkaTarget:
    return KafkaTarget(f"tidemill.small.{topic}", topic, bootstrap, properties)


def records(*numbers: int) -> Iterator[Record]:
    return iter([Record(f'{{"n": {number}}}', f'{{"n": {number}}}', number) for number in numbers])


def at(number: int) -> Position:
    return Position(number, "2026-01-01 00:00:00.000000+00")


def numbers_in(bootstrap: str, topic: str) -> list[int]:
    return sorted(each.value["n"] if isinstance(each.value["n"], int) else -1 for each in read_topic(bootstrap, topic))


def opened(of: KafkaTarget) -> Position | None:
    """As a follower does: again until it goes well."""
    deadline = time.monotonic() + 120
    while True:
        try:
            return of.open()
        except DeliveryTrouble:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)


def test_records_and_position_come_together_and_a_value_may_be_none(kafka: str) -> None:
    topic = fresh_topic(kafka, 2)
    first = target(kafka, topic)
    assert opened(first) is None
    assert first.publish(records(1, 2), at(2)) == 2
    assert first.publish(iter([Record('{"n": 1}', None, 3)]), at(3)) == 1
    assert first.publish(records(), at(4)) == 0
    first.close()
    again = target(kafka, topic)
    assert opened(again) == at(4)
    again.close()
    assert sorted(read_topic(kafka, topic), key=str) == sorted(
        [Sent({"n": 1}, {"n": 1}), Sent({"n": 2}, {"n": 2}), Sent({"n": 1}, None)], key=str
    )


def test_a_twin_fences_the_other_and_nothing_comes_twice(kafka: str) -> None:
    topic = fresh_topic(kafka, 2)
    first, twin = target(kafka, topic), target(kafka, topic)
    opened(first)
    first.publish(records(1), at(1))

    def taken_over() -> Iterator[Record]:
        yield from records(2)
        # in the middle of the other's transaction
        assert opened(twin) == at(1)
        yield from records(3)

    with pytest.raises(DeliveryTrouble):
        first.publish(taken_over(), at(3))
    twin.publish(records(2, 3), at(3))
    with pytest.raises(DeliveryTrouble):
        first.publish(records(4), at(4))
    assert opened(first) == at(3)
    first.publish(records(4), at(4))
    first.close()
    twin.close()
    assert numbers_in(kafka, topic) == [1, 2, 3, 4]


def test_a_transaction_that_outlives_its_time_never_happened(kafka: str) -> None:
    topic = fresh_topic(kafka, 1)
    slow = target(kafka, topic, **{"transaction.timeout.ms": "1000"})
    opened(slow)

    def too_late() -> Iterator[Record]:
        yield from records(1)
        # brokers look after such transactions every ten seconds
        time.sleep(14)
        yield from records(2)

    with pytest.raises(DeliveryTrouble):
        slow.publish(too_late(), at(2))
    assert opened(slow) is None
    slow.publish(records(1, 2), at(2))
    slow.close()
    assert numbers_in(kafka, topic) == [1, 2]


def test_a_broker_that_dies_in_a_transaction_loses_and_repeats_nothing(tmp_path: Path) -> None:
    require_kafka_tools()
    cluster = KafkaCluster(tmp_path / "kafka", heap="256m", light=True)
    cluster.start()
    try:
        create_topic(cluster.bootstrap, "out", 2)
        of = target(cluster.bootstrap, "out", **{"transaction.timeout.ms": "10000"})
        opened(of)
        of.publish(records(1), at(1))
        # A lone broker that is killed before it has written the end of what is committed forgets it at its next start.
        assert opened(of) == at(1)
        while numbers_in(cluster.bootstrap, "out") != [1]:
            time.sleep(0.1)

        def dying() -> Iterator[Record]:
            yield from records(2)
            cluster.kill(1)
            yield from records(3)

        with pytest.raises(DeliveryTrouble, match="out"):
            of.publish(dying(), at(3))
        cluster.restart(1)
        place = opened(of)
        assert place in (at(1), at(3))
        if place == at(1):
            of.publish(records(2, 3), at(3))
        of.publish(records(4), at(4))
        assert opened(of) == at(4)
        of.close()
        assert numbers_in(cluster.bootstrap, "out") == [1, 2, 3, 4]
    finally:
        cluster.stop(timeout_seconds=10)


def test_a_position_in_a_transaction_that_nobody_ends_is_told(kafka: str, monkeypatch: pytest.MonkeyPatch) -> None:
    topic = fresh_topic(kafka, 1)
    of = target(kafka, topic)
    opened(of)
    of.publish(records(1), at(1))
    group = Consumer({"bootstrap.servers": kafka, "group.id": f"tidemill.small.{topic}"})
    other = Producer({"bootstrap.servers": kafka, "transactional.id": f"other-{topic}"})
    other.init_transactions()
    other.begin_transaction()
    other.send_offsets_to_transaction([TopicPartition(topic, 0, 7)], group.consumer_group_metadata())
    other.flush()
    monkeypatch.setattr(transaction, "ANSWER_S", 3.0)
    with pytest.raises(DeliveryTrouble, match=r"that Kafka at .* does not end.*kafka-transactions\.sh"):
        of.open()
    other.abort_transaction()
    group.close()
    assert opened(of) == at(1)
    of.close()


def test_an_offset_of_somebody_else_is_no_position_and_a_topic_that_lacks_is_told(kafka: str) -> None:
    lacking = target(kafka, f"no-such-topic-{time.monotonic_ns()}")
    opened(lacking)
    with pytest.raises(DeliveryTrouble, match="has no topic no-such-topic"):
        lacking.publish(records(1), at(1))
    lacking.close()
    assert admin(kafka) is not None
