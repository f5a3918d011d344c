"""A topic read once, whole or between pinned offsets: every committed record, by a consumer of its own."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

import pyarrow as pa
from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, Message, TopicPartition
from confluent_kafka.admin import AdminClient

from dataflow.errors import SourceError
from dataflow.event.record_part import KEY, TOPIC, header_of
from dataflow.sources.kafka.client import Trouble, admin_properties, build, consumer_properties
from dataflow.sources.kafka.topics import KafkaTopics
from proof.parity.judged import RECORDS

ANSWER_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""So long may a broker that has records left send none."""
_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker, the client properties that it needs, and the address of the registry that has records' schemas."""

    brokers: str
    properties: Mapping[str, str]
    registry: str | None = None

    def topics(self) -> tuple[KafkaTopics, Trouble]:
        """Who answers questions about topics."""
        trouble = Trouble(self.brokers, time.monotonic, self.properties)
        client = build(AdminClient, {**admin_properties(self.brokers, self.properties), "error_cb": trouble})
        return KafkaTopics(client, trouble, self.brokers, ANSWER_SECONDS), trouble


@dataclass(frozen=True, slots=True)
class Pins:
    """A topic, and per partition number the offsets [start, end) that are read of it."""

    topic: str
    ranges: Mapping[int, tuple[int, int]]

    @property
    def starts(self) -> dict[int, int]:
        """First offsets."""
        return {number: start for number, (start, _) in self.ranges.items()}

    @property
    def ends(self) -> dict[int, int]:
        """One behind the last offsets."""
        return {number: end for number, (_, end) in self.ranges.items()}

    def source_partition(self, number: int) -> str:
        """As a lake calls it."""
        return f"{self.topic}/{number}"


def pin(kafka: Kafka, topic: str) -> Pins:
    """All that the topic holds now. Raises SourceError while a transaction is open in it."""
    topics, _ = kafka.topics()
    numbers = list(range(topics.describe([topic])[topic].partitions))
    ranges, stable = topics.ranges(topic, numbers), topics.stable_ends(topic, numbers)
    for number, (_, high) in ranges.items():
        if stable[number] != high:
            raise SourceError(
                f"{topic}/{number}: {high - stable[number]} records wait behind an open transaction, where Flink would "
                "wait for its end; end the transaction, or name another topic"
            )
    return Pins(topic, ranges)


def committed(kafka: Kafka, topic: str, group: str, numbers: Sequence[int]) -> dict[int, int]:
    """The offsets that a consumer group has told of each partition; 0 where it has told none."""
    _, trouble = kafka.topics()
    properties = consumer_properties(kafka.brokers, group, kafka.properties)
    with closing(build(Consumer, {**properties, "error_cb": trouble})) as consumer:
        told = consumer.committed([TopicPartition(topic, number) for number in numbers], timeout=ANSWER_SECONDS)
    return {place.partition: max(0, place.offset) for place in told}


def read(kafka: Kafka, pins: Pins, beside: Sequence[str] = ()) -> pa.Table:
    """Every committed record of the pinned offsets, by partition and offset: RECORDS, and the columns `beside` them.

    Raises SourceError when the broker falls silent before the ends.
    """
    names = [*RECORDS.names, *beside]
    columns: dict[str, list[object]] = {name: [] for name in names}
    for message in _messages(kafka, pins):
        kind, stamp = message.timestamp()
        row: dict[str, object] = {
            "partition": pins.source_partition(message.partition() or 0),
            "offset": message.offset(),
            "timestamp": None if kind == TIMESTAMP_NOT_AVAILABLE else stamp,
            "value": message.value(),
            **{name: _beside(message, name) for name in beside},
        }
        for name in names:
            columns[name].append(row[name])
    types = {TOPIC: pa.string()}
    schema = pa.schema([*RECORDS, *(pa.field(name, types.get(name, pa.binary())) for name in beside)])
    table = pa.table({name: pa.array(columns[name], schema.field(name).type) for name in names}, schema=schema)
    return table.sort_by([("partition", "ascending"), ("offset", "ascending")])


def _messages(kafka: Kafka, pins: Pins) -> Iterator[Message]:
    """In offset order within each partition."""
    _, trouble = kafka.topics()
    open_ = {number: end for number, (start, end) in pins.ranges.items() if start < end}
    properties = consumer_properties(kafka.brokers, "tidemill-parity", kafka.properties)
    consumer = build(Consumer, {**properties, "error_cb": trouble})
    with closing(consumer):
        consumer.assign([TopicPartition(pins.topic, number, pins.ranges[number][0]) for number in open_])
        heard = time.monotonic()
        while open_:
            batch = consumer.consume(_RECORDS, 0.2)
            if batch:
                heard = time.monotonic()
            elif time.monotonic() - heard > SILENCE_SECONDS:
                raise trouble.unreachable(KafkaError(KafkaError._TIMED_OUT))
            for message in batch:
                number, offset, error = message.partition() or 0, message.offset() or 0, message.error()
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    raise trouble.failed(error)
                if number not in open_:
                    continue
                if error is None and offset < open_[number]:
                    yield message
                if offset + (error is None) >= open_[number]:
                    del open_[number]


def _beside(message: Message, name: str) -> object:
    if name == KEY:
        return message.key()
    if name == TOPIC:
        return message.topic()
    return dict(message.headers() or []).get(header_of(name) or "")
