"""The drain of a consumer: what librdkafka has fetched becomes columns, at best without a Python object per record."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import confluent_kafka
import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, Message

from dataflow.columnar.types import Int64s
from dataflow.event.record_part import KEY, TOPIC, header_of
from dataflow.logs import logger


@dataclass(frozen=True, slots=True)
class Trace:
    """What librdkafka says among the records of a partition: its end, or a trouble; `offset` where it tells one."""

    error: KafkaError
    offset: int | None


@dataclass(frozen=True, slots=True)
class Drained:
    """Records in offset order: offsets, timestamps in ms (-1 = none), values (binary, null = tombstone).

    `traces` in the order in which librdkafka gave them; an end of partition names the next offset.
    """

    offsets: Int64s
    timestamps: Int64s
    values: pa.Array
    traces: list[Trace] = field(default_factory=list)
    beside: dict[str, pa.Array] = field(default_factory=dict)
    """What else was asked for of each record, by the names of `dataflow.event.record_part`."""


class Drain(Protocol):
    """Takes from one consumer that is assigned one partition; made before the partition is assigned."""

    def take(self, max_records: int, max_bytes: int) -> Drained:
        """What is there now, at once; at least one record if there is any, else not much more than `max_bytes`."""
        ...

    def close(self) -> None:
        """Let go of what was not taken. To be called before the consumer is closed; may be called twice."""
        ...


class PlainDrain:
    """By confluent-kafka's own `consume`: one Python object per record, works with every version."""

    def __init__(self, consumer: Consumer, beside: Sequence[str] = ()) -> None:
        self._consumer = consumer
        self._beside = beside
        self._record_bytes = 1.0

    def take(self, max_records: int, max_bytes: int) -> Drained:
        """As `Drain.take`; how many records `max_bytes` are is told by the last ones."""
        count = max(1, min(max_records, int(max_bytes / self._record_bytes)))
        messages: list[Message] = self._consumer.consume(count, 0)
        traces = []
        if any(error is not None for error in map(Message.error, messages)):
            traces = [Trace(error, message.offset()) for message in messages if (error := message.error()) is not None]
            messages = [message for message in messages if message.error() is None]
        offsets = np.array(list(map(Message.offset, messages)), np.int64)
        timestamps = np.array([stamp for _, stamp in map(Message.timestamp, messages)], np.int64)
        values = pa.array(list(map(Message.value, messages)), pa.binary())
        if messages:
            self._record_bytes = max(1.0, values.nbytes / len(messages))
        beside = {column: _told(column, messages) for column in self._beside}
        return Drained(offsets, timestamps, values, traces, beside)

    def close(self) -> None:
        """Nothing is held."""


def _told(column: str, messages: list[Message]) -> pa.Array:
    """One part of each record; text for the topic, bytes for key and headers."""
    if column == TOPIC:
        return pa.array(list(map(Message.topic, messages)), pa.string())
    if column == KEY:
        return pa.array(list(map(Message.key, messages)), pa.binary())
    name = header_of(column)
    assert name is not None, "there is nothing else"
    return pa.array([dict(message.headers() or ()).get(name) for message in messages], pa.binary())


FIX = "install the versions in requirements.txt, on Linux; until then every record is right, and costs more time"
_warned = threading.Event()

Opener = Callable[[Consumer, str, int], Drain]


def open_drain(consumer: Consumer, topic: str, partition: int, beside: Sequence[str] = ()) -> Drain:
    """The fastest drain that is found to work with what is installed; a warning, once, where it is the plain one.

    What `beside` names is told by the plain one alone.
    """
    if beside:
        return PlainDrain(consumer, beside)
    drain = _fastest(consumer, topic, partition)
    if not isinstance(drain, str):
        return drain
    if not _warned.is_set():
        _warned.set()
        logger("kafka").warning("reading_slowly", reason=drain, fix=FIX)
    return PlainDrain(consumer)


def why_plain() -> str | None:
    """Why `open_drain` would take the plain drain here; None if it would not. Connects to nothing."""
    consumer = Consumer({"group.id": "tidemill", "log_level": 0})
    try:
        drain = _fastest(consumer, "none", 0)
        if isinstance(drain, str):
            return drain
        drain.close()
        return None
    finally:
        consumer.close()


def client_versions() -> str:
    """What is installed, in words."""
    return f"confluent-kafka {confluent_kafka.__version__}, librdkafka {confluent_kafka.libversion()[0]}"


def _fastest(consumer: Consumer, topic: str, partition: int) -> Drain | str:
    """The fast drain, or why there is none."""
    try:
        from dataflow.sources.kafka.drain_native import NativeDrain, Unfit
    except ImportError as error:
        return str(error)
    try:
        return NativeDrain(consumer, topic, partition)
    except Unfit as reason:
        return str(reason)
