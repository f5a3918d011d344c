"""What a topic holds for a consumer that reads committed records alone."""

import json
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaError, TopicPartition

from tests.kafka_fixture import admin


@dataclass(frozen=True)
class Sent:
    """One record; `value` None is a tombstone. The texts are what the record holds."""

    key: Any
    value: Any
    key_text: str = field(default="", compare=False)
    value_text: str = field(default="", compare=False)


def read_topic(bootstrap: str, topic: str) -> list[Sent]:
    """All committed records, partition by partition, up to the end that they have now; values are JSON."""
    return [_told(key, value) for key, value in read_bytes(bootstrap, topic)]


def _told(key: bytes, value: bytes | None) -> Sent:
    read = None if value is None else json.loads(value, parse_float=str)
    return Sent(json.loads(key), read, key.decode(), (value or b"").decode())


def read_bytes(bootstrap: str, topic: str) -> list[tuple[bytes, bytes | None]]:
    """Keys and values of all committed records, as `read_topic` reads them."""
    settings = {"bootstrap.servers": bootstrap, "group.id": "reader", "isolation.level": "read_committed"}
    consumer = Consumer({**settings, "enable.auto.commit": False, "enable.partition.eof": True, "log_level": 0})
    try:
        partitions = sorted(admin(bootstrap).list_topics(topic, timeout=30).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        found: dict[int, list[tuple[bytes, bytes | None]]] = {number: [] for number in partitions}
        waiting = set(partitions)
        while waiting:
            message = consumer.poll(30)
            assert message is not None, f"{topic}: no end within 30 s, a transaction may be open"
            error = message.error()
            if error is None:
                found[message.partition() or 0].append((message.key() or b"null", message.value()))
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition() or 0)
            else:
                raise AssertionError(error)
        return [each for number in partitions for each in found[number]]
    finally:
        consumer.close()
