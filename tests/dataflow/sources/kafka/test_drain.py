"""The fast drain against the plain one on a real broker, and when the plain one is taken."""

import multiprocessing
import os
import random
import resource
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import confluent_kafka
import pyarrow as pa
import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition
from structlog.testing import capture_logs

from dataflow.sources.kafka import drain_native, librdkafka_probe
from dataflow.sources.kafka.client import consumer_properties
from dataflow.sources.kafka.drain import Drain, Drained, Opener, TopicPart, open_drain, whose, why_plain
from dataflow.sources.kafka.drain_native import NativeDrain
from dataflow.sources.kafka.drain_plain import PlainDrain
from tests.kafka_fixture import fresh_topic, produce, transactional_producer

SECONDS = 120.0
NOWHERE = "127.0.0.1:1"


class Reading:
    """One partition, read by one kind of drain until its end."""

    def __init__(self, kafka: str, topic: str, opener: Opener, trouble: Callable[[KafkaError], None] | None = None):
        properties = consumer_properties(kafka, "drain", {})
        self.consumer = Consumer(properties if trouble is None else properties | {"error_cb": trouble})
        self.drain: Drain = opener(self.consumer)
        self.part: TopicPart = (topic, 0)
        self.drain.add(self.part, 0)
        self.consumer.assign([TopicPartition(topic, 0, 0)])
        self.parts: list[Drained] = []

    def until(self, done: Callable[[], bool], max_records: int = 100, max_bytes: int = 1 << 22) -> "Reading":
        deadline = time.monotonic() + SECONDS
        while not done():
            assert time.monotonic() < deadline
            part = self.drain.take(self.part, max_records, max_bytes)
            if len(part.offsets) or part.traces:
                self.parts.append(part)
            else:
                time.sleep(0.002)
        return self

    def to_end(self, max_records: int = 100, max_bytes: int = 1 << 22) -> "Reading":
        return self.until(lambda: KafkaError._PARTITION_EOF in self.codes, max_records, max_bytes)

    @property
    def codes(self) -> list[int]:
        return [trace.error.code() for part in self.parts for trace in part.traces]

    @property
    def table(self) -> list[tuple[Any, ...]]:
        return [
            row
            for part in self.parts
            for row in zip(part.offsets.tolist(), part.timestamps.tolist(), part.values.to_pylist(), strict=True)
        ]

    def close(self) -> None:
        self.drain.close()
        self.drain.close()
        self.consumer.close()


def plain_drain(consumer: Consumer) -> Drain:
    return PlainDrain(consumer)


def both(kafka: str, topic: str, max_records: int = 100, max_bytes: int = 1 << 22) -> tuple[Reading, Reading]:
    readings = []
    for opener in (open_drain, plain_drain):
        reading = Reading(kafka, topic, opener).to_end(max_records, max_bytes)
        reading.close()
        readings.append(reading)
    native, plain = readings
    assert isinstance(native.drain, NativeDrain)
    assert isinstance(plain.drain, PlainDrain)
    return native, plain


@pytest.mark.kafka
@pytest.mark.parametrize(("max_records", "max_bytes"), [(1, 1 << 22), (7, 100), (10_000, 1 << 24)])
def test_both_drains_give_the_same_records(kafka: str, max_records: int, max_bytes: int) -> None:
    topic = fresh_topic(kafka)
    chance = random.Random(7)
    values: list[bytes | None] = [None, b"", b"x", None, None, b""]
    values += [chance.choice([None, b"", chance.randbytes(chance.randrange(200))]) for _ in range(300)]
    produce(kafka, topic, values, keys=[b"key"] * len(values), timestamps_ms=[*range(1_000, 1_000 + len(values))])
    native, plain = both(kafka, topic, max_records, max_bytes)
    assert native.table == plain.table
    assert [value for _, _, value in native.table] == values
    assert native.codes == plain.codes == [KafkaError._PARTITION_EOF]
    assert [part.traces[0].offset for part in (native.parts[-1], plain.parts[-1])] == [len(values)] * 2
    for part in native.parts:
        part.values.validate(full=True)


@pytest.mark.kafka
@pytest.mark.parametrize("opener", [open_drain, plain_drain])
def test_partitions_of_one_consumer_get_each_their_own(kafka: str, opener: Opener) -> None:
    topic = fresh_topic(kafka, partitions=3)
    for number in range(3):
        produce(kafka, topic, [b"%d.%d" % (number, n) for n in range(1_000)], partition=number)
    reading = Reading(kafka, topic, opener)
    reading.drain.add((topic, 1), 0)
    reading.drain.add((topic, 2), 0)
    reading.consumer.incremental_assign([TopicPartition(topic, 1, 0), TopicPartition(topic, 2, 0)])
    reading.to_end(max_records=70)
    assert [value for _, _, value in reading.table] == [b"0.%d" % n for n in range(1_000)]
    # asked for the first time, it has what came while the other was asked, and was let go of without harm
    reading.consumer.incremental_unassign([TopicPartition(topic, 2)])
    reading.drain.remove((topic, 2))
    reading.parts.clear()
    reading.part = (topic, 1)
    assert 0 < reading.drain.held(reading.part).next_offset <= 1_000
    reading.to_end(max_records=70)
    assert [value for _, _, value in reading.table] == [b"1.%d" % n for n in range(1_000)]
    assert reading.drain.size_bytes == 0
    reading.close()


@pytest.mark.kafka
@pytest.mark.parametrize("opener", [open_drain, plain_drain])
def test_a_partition_that_is_let_go_of_and_taken_up_again_loses_and_repeats_nothing(kafka: str, opener: Opener) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"%d" % n for n in range(20_000)])
    reading = Reading(kafka, topic, opener)
    for turn in range(8):
        reading.until(lambda turn=turn: len(reading.table) >= 2_000 * (turn + 1), max_records=500)  # type: ignore[misc]  # a default binds the loop's value
        reading.consumer.incremental_unassign([TopicPartition(topic, 0)])
        # what was sorted by now is still given
        at = reading.drain.held(reading.part).next_offset
        reading.consumer.incremental_assign([TopicPartition(topic, 0, at)])
    reading.to_end(max_records=5_000)
    assert [value for _, _, value in reading.table] == [b"%d" % n for n in range(20_000)]
    reading.close()


def test_a_trouble_is_told_to_its_partition_or_one_of_its_topic_or_to_who_asks() -> None:
    parts = [("a", 0), ("b", 1), ("b", 2)]
    assert whose(("b", 2), parts, ("a", 0)) == ("b", 2)
    assert whose(("b", -1), parts, ("a", 0)) == ("b", 1)
    assert whose(("", -1), parts, ("a", 0)) == ("a", 0)


@pytest.mark.kafka
def test_large_values_are_cut_into_polls_by_their_bytes(kafka: str) -> None:
    topic = fresh_topic(kafka)
    sizes = [1, 999_000, 17, 900_000, 900_000, 900_000, 0, 5]
    produce(kafka, topic, [b"v" * size for size in sizes])
    native, plain = both(kafka, topic, 1_000, 1_000_000)
    assert native.table == plain.table
    assert [len(value) for _, _, value in native.table] == sizes
    assert all(part.values.nbytes <= 1_000_100 for part in native.parts)


@pytest.mark.kafka
def test_aborted_records_are_seen_by_no_drain(kafka: str) -> None:
    topic = fresh_topic(kafka)
    producer = transactional_producer(kafka, f"{topic}-drain")
    for number in range(6):
        producer.begin_transaction()
        for n in range(10):
            producer.produce(topic, b"%d.%d" % (number, n), partition=0)
        producer.flush(10)
        producer.abort_transaction(30) if number % 3 == 1 else producer.commit_transaction(30)
    native, plain = both(kafka, topic)
    assert native.table == plain.table
    assert len(native.table) == 40
    assert native.parts[-1].traces[-1].offset == plain.parts[-1].traces[-1].offset == 66


@pytest.mark.kafka
def test_a_lost_offset_is_told_by_both(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"a"])
    for opener in (open_drain, plain_drain):
        reading = Reading(kafka, topic, opener)
        reading.consumer.assign([TopicPartition(topic, 0, 99)])
        reading.until(lambda reading=reading: KafkaError._AUTO_OFFSET_RESET in reading.codes)  # type: ignore[misc]  # a default binds the loop's value
        assert reading.parts[-1].traces[-1].error.str()
        reading.close()


@pytest.mark.kafka
@pytest.mark.parametrize("opener", [open_drain, plain_drain])
def test_a_wait_ends_with_the_first_record_of_any_partition_and_keeps_it(kafka: str, opener: Opener) -> None:
    topic = fresh_topic(kafka, 2)
    reading = Reading(kafka, topic, opener)
    other: TopicPart = (topic, 1)
    reading.drain.add(other, 0)
    reading.consumer.incremental_assign([TopicPartition(topic, 1, 0)])
    reading.to_end()
    reading.until(lambda: bool(reading.drain.take(other, 10, 1_000).traces))
    assert not reading.drain.wait(0.05, reading.part)
    produce(kafka, topic, [b"a", b"b"], partition=1)
    assert reading.drain.wait(SECONDS, reading.part)
    read: list[bytes] = []
    while len(read) < 2:
        read += reading.drain.take(other, 10, 1_000).values.to_pylist()
        reading.drain.wait(0.05, reading.part)
    assert read == [b"a", b"b"]
    reading.close()


@pytest.mark.kafka
def test_a_wait_is_ended_from_another_thread_before_it_or_in_it(kafka: str) -> None:
    reading = Reading(kafka, fresh_topic(kafka), open_drain)
    assert isinstance(reading.drain, NativeDrain)
    reading.to_end()
    reading.drain.wake()
    assert not reading.drain.wait(SECONDS, reading.part)
    waking = threading.Timer(0.05, reading.drain.wake)
    waking.start()
    assert not reading.drain.wait(SECONDS, reading.part)
    waking.join()
    reading.close()


@pytest.mark.kafka
def test_memory_stays_flat_and_what_was_not_taken_is_let_go(kafka: str) -> None:
    topic = fresh_topic(kafka)
    produce(kafka, topic, [b"%0100d" % n for n in range(100_000)])
    # In a process of its own: what the tests before it left in the allocator would move the figure by as much.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as apart:
        used = apart.submit(_memory_of_rounds, kafka, topic, 16).result()
    # Without the letting go, each round would leave some 10 MB behind.
    assert min(used[-5:]) - min(used[2:7]) < 30 * 2**20, used


def _memory_of_rounds(kafka: str, topic: str, rounds: int) -> list[int]:
    used: list[int] = []
    for _ in range(rounds):
        reading = Reading(kafka, topic, open_drain)
        reading.until(lambda reading=reading: sum(len(p.offsets) for p in reading.parts) > 60_000, 1_000)  # type: ignore[misc]  # a default binds the loop's value
        # Far from all that librdkafka gave: the rest waits in the drain and must not be lost sight of.
        reading.drain.take(reading.part, 20_000, 1_000)
        reading.close()
        reading.parts.clear()
        used.append(_resident_bytes())
    return used


def test_callbacks_come_through_while_draining() -> None:
    troubles: list[KafkaError] = []
    reading = Reading(NOWHERE, "nothing", open_drain, troubles.append)
    assert isinstance(reading.drain, NativeDrain)
    reading.until(lambda: bool(troubles))
    reading.close()
    assert troubles[0].code() in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)


def test_the_installed_client_is_read_the_fast_way() -> None:
    reading = Reading(NOWHERE, "nothing", open_drain)
    assert isinstance(reading.drain, NativeDrain)
    reading.close()


def test_another_version_of_the_client_is_read_the_fast_way_when_its_memory_looks_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(confluent_kafka, "__version__", "99.0.0")
    reading = Reading(NOWHERE, "nothing", open_drain)
    assert isinstance(reading.drain, NativeDrain)
    reading.close()
    assert why_plain() is None


@pytest.fixture
def examined_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The library is looked at again within the test, and after it."""
    drain_native._loaded.cache_clear()
    monkeypatch.setattr("dataflow.sources.kafka.drain._warned", threading.Event())
    yield
    drain_native._loaded.cache_clear()


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("_NO_OFFSET", 7, "a message of librdkafka has other fields"),
        ("_PURGED", -1, "a message of librdkafka has other fields"),
        ("_CLIENT_BYTES", 512, "does not keep its opaque within itself"),
    ],
)
def test_a_client_whose_memory_looks_otherwise_is_read_the_plain_way_with_one_warning(
    monkeypatch: pytest.MonkeyPatch, examined_anew: None, name: str, value: int, why: str
) -> None:
    monkeypatch.setattr(librdkafka_probe, name, value)
    with capture_logs() as lines:
        for _ in range(3):
            reading = Reading(NOWHERE, "nothing", open_drain)
            assert isinstance(reading.drain, PlainDrain)
            reading.close()
    (line,) = [line for line in lines if line["event"] == "reading_slowly"]
    assert line["log_level"] == "warning"
    assert why in line["reason"]
    assert "requirements.txt" in line["fix"]
    assert why in (why_plain() or "")


def test_an_empty_take_gives_columns_without_rows() -> None:
    for opener in (open_drain, plain_drain):
        reading = Reading(NOWHERE, "nothing", opener)
        part = reading.drain.take(reading.part, 10, 1_000)
        assert (len(part.offsets), len(part.timestamps), part.values) == (0, 0, pa.array([], pa.binary()))
        reading.close()


def _resident_bytes() -> int:
    with open("/proc/self/statm") as told:
        return int(told.read().split()[1]) * resource.getpagesize() if os.path.exists("/proc") else 0
