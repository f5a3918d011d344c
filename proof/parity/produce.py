"""Topics of a parity run's own: made, filled with written records, and removed."""

import time
import uuid
from collections.abc import Iterable, Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import NewTopic

from dataflow.errors import SourceError, UnknownTopic
from dataflow.sources.kafka.client import admin_properties, build
from proof.parity.adversary import Written
from proof.parity.records import Kafka

ANSWER_SECONDS = 60.0
_FOR_EVER = {
    "retention.ms": "-1",
    "message.timestamp.after.max.ms": str(2**63 - 1),
    "message.timestamp.type": "CreateTime",
}


def fresh_name(prefix: str) -> str:
    """A name that no other run has."""
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


def fresh_topic(kafka: Kafka, prefix: str, partitions: int) -> str:
    """A new topic whose records stay, whatever their timestamps."""
    name = fresh_name(prefix)
    make_topics(kafka, [name], partitions)
    return name


def make_topics(kafka: Kafka, names: Sequence[str], partitions: int) -> None:
    """Make these topics. Raises SourceError where the broker does not."""
    topics, _ = kafka.topics()
    made = topics.admin.create_topics([NewTopic(name, partitions, config=_FOR_EVER) for name in names])
    for name, future in made.items():
        try:
            future.result(ANSWER_SECONDS)
        except KafkaException as error:
            raise SourceError(f"Kafka at {kafka.brokers} does not make topic {name}: {error.args[0].str()}") from error
    deadline = time.monotonic() + ANSWER_SECONDS
    while True:
        try:
            topics.describe(names)
            return
        except UnknownTopic:
            # a broker lists a topic a moment after it has said that it is made
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def remove_topics(kafka: Kafka, names: Sequence[str]) -> None:
    """Remove topics that were made here; what is gone already is none."""
    topics, _ = kafka.topics()
    for future in topics.admin.delete_topics(list(names)).values():
        try:
            future.result(ANSWER_SECONDS)
        except KafkaException as error:
            if error.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
                raise SourceError(f"Kafka at {kafka.brokers} does not remove a topic: {error.args[0].str()}") from error


def write(kafka: Kafka, topic: str, records: Iterable[Written]) -> None:
    """Write records, each to its partition, in order, and wait until the broker has them all."""
    refused: list[KafkaError] = []

    def answered(error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            refused.append(error)

    properties = {**admin_properties(kafka.brokers, kafka.properties), "enable.idempotence": True, "linger.ms": 5}
    producer = build(Producer, {**properties, "on_delivery": answered})
    for each in records:
        while True:
            try:
                stamp = max(1, each.timestamp_ms)
                headers: list[tuple[str, str | bytes | None]] = [*each.headers]
                producer.produce(topic, each.value, partition=each.partition, timestamp=stamp, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    deadline = time.monotonic() + ANSWER_SECONDS
    while producer.flush(1.0) and time.monotonic() < deadline:
        pass
    if refused or len(producer):
        why = refused[0].str() if refused else "it gave no answer"
        raise SourceError(f"Kafka at {kafka.brokers} does not take records for {topic}: {why}")
