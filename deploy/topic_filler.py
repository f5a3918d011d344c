"""Fills a Kafka topic with a made-up stream: as fast as it goes, or at the stream's own pace."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from dataflow.columnar.types import Int64s
from dataflow.errors import BrokerUnreachable, ConfigError, SourceError, UnknownTopic
from dataflow.sources.kafka.client import Trouble, admin_properties, build
from dataflow.sources.kafka.refusal import RIGHTS
from dataflow.sources.kafka.topics import KafkaTopics

CHUNK_RECORDS = 20_000
TRANSACTION_RECORDS = 5_000
PACE_SECONDS = 0.02
ANSWER_SECONDS = 60.0
"""How long the broker may leave the last records, or a transaction, without an answer."""
STOPPING_SECONDS = 2.0
"""How long that is once somebody asked for an end."""
_LOOK_SECONDS = 0.2
FOREVER = "-1"
ANY_TIME = str(2**63 - 1)


def ensure_topic(
    brokers: str,
    topic: str,
    partitions: int | None,
    properties: Mapping[str, Any],
    *,
    compacted: bool = False,
) -> int:
    """Make the topic if it is not there; gives its number of partitions.

    It keeps records of any age for ever; `compacted`, at least the last one of each key.
    Raises BrokerUnreachable, or ConfigError when it is there with another number than `partitions` (None: any, 4).
    """
    trouble = Trouble(brokers, time.monotonic, properties)
    admin = build(AdminClient, {**admin_properties(brokers, properties), "error_cb": trouble})
    topics = KafkaTopics(admin, trouble, brokers, timeout_seconds=10)
    try:
        there = topics.describe([topic])[topic].partitions
    except UnknownTopic:
        config = {"retention.ms": FOREVER, "message.timestamp.after.max.ms": ANY_TIME}
        if compacted:
            config["cleanup.policy"] = "compact"
        try:
            admin.create_topics([NewTopic(topic, partitions or 4, config=config)])[topic].result(timeout=30)
        except KafkaException as error:
            what = f"Kafka at {brokers} does not create topic {topic!r}: {error.args[0].str()}"
            raise SourceError(what + _right(error.args[0], "CREATE")) from error
        return partitions or 4
    if partitions is not None and partitions != there:
        raise ConfigError("partitions", partitions, f"topic {topic!r} is there with {there}; leave the flag out")
    return there


class Stream(Protocol):
    """A made-up stream in source partitions, whose offsets hold the same records whenever they are asked for."""

    @property
    def partitions(self) -> int:
        """How many there are."""
        ...

    @property
    def start_ms(self) -> int:
        """When it begins."""
        ...

    def share(self, partition: int) -> float:
        """The part of all records that a partition gets."""
        ...

    def counts(self, total: int) -> list[int]:
        """`total` records split over the partitions."""
        ...

    def timestamps(self, partition: int, start: int, count: int) -> Int64s:
        """Record timestamps, ascending."""
        ...

    def records(self, partition: int, start: int, count: int) -> list[tuple[int, bytes]]:
        """(record timestamp, value)."""
        ...


@dataclass(slots=True)
class Filled:
    """What was written so far, as the broker has answered. `records` and `size_bytes` without aborted ones.

    `unwritten_records` were handed over and got no answer before the end, or were refused.
    """

    records: int = 0
    unwritten_records: int = 0
    size_bytes: int = 0
    aborted_records: int = 0
    seconds: float = 0.0


class TopicFiller:
    """One producer that writes stream partition p to topic partition p, in offset order, idempotently.

    In transactions, 5,000 records each, every `abort_every`-th one is written, aborted and written again, so that
    what a read_committed consumer sees is the same as without transactions.
    """

    def __init__(
        self,
        brokers: str,
        topic: str,
        stream: Stream,
        properties: Mapping[str, Any],
        *,
        transactional_id: str | None = None,
        abort_every: int = 0,
        progress: Callable[[Filled], None],
        stopping: Callable[[], bool],
    ) -> None:
        """`progress` is told after every chunk; `stopping` is asked as often."""
        self._topic = topic
        self._stream = stream
        self._abort_every = abort_every
        self._transactional = transactional_id is not None
        self._progress = progress
        self._stopping = stopping
        self._failed: list[KafkaError] = []
        self._stop_seen_at: float | None = None
        self._transactions = 0
        self._next = [0] * stream.partitions
        self._handed_records = self._handed_bytes = self._lost_records = self._lost_bytes = 0
        self._began = time.monotonic()
        self.filled = Filled()
        ours: dict[str, Any] = {
            "enable.idempotence": True,
            "compression.type": "lz4",
            "linger.ms": 20,
            "batch.size": 1_000_000,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 500_000,
            "queue.buffering.max.kbytes": 256 * 1024,
            **admin_properties(brokers, properties),
            # One callback per failure, none per record.
            "delivery.report.only.error": True,
            "on_delivery": self._on_failure,
        }
        if transactional_id is not None:
            ours["transactional.id"] = transactional_id
        self._producer: Producer = build(Producer, ours)

    def fill(self, count: int | None, speed: float | None) -> Filled:
        """Write `count` records (None: until stopped). `speed`: stream seconds per second; None: as fast as it goes.

        Returns when the broker has them all. Raises SourceError when it refuses one, BrokerUnreachable when it gives
        no answer; both say how many it has and how many it has not. Once `stopping`, it is waited for 2 s at most.
        """
        self._began = time.monotonic()
        trouble: SourceError | None = None
        try:
            self._fill(count, speed)
        except KafkaException as error:
            what = f"writing to topic {self._topic!r} failed: {error.args[0].str()}"
            trouble = SourceError(what + _right(error.args[0], "WRITE"))
        except SourceError as error:
            trouble = error
        self._settle()
        if self._failed and not isinstance(trouble, BrokerUnreachable):
            trouble = self._refused()
        if trouble is not None:
            have, lack = self.filled.records, self.filled.unwritten_records
            raise type(trouble)(
                f"{trouble}. {have:,} records were written, {lack:,} were not, as far as it has answered"
            )
        return self.filled

    def _fill(self, count: int | None, speed: float | None) -> None:
        if self._transactional:
            self._insist(self._producer.init_transactions, "the producer's registration")
        ends = [None] * self._stream.partitions if count is None else self._stream.counts(count)
        while not self._stopping():
            due = [self._due(p, end, speed) for p, end in enumerate(ends)]
            if any(due):
                self._write(due)
            elif count is not None and all(at == end for at, end in zip(self._next, ends, strict=True)):
                break
            if speed is not None or not any(due):
                # at a pace a chunk each time: one for every few records would cost most of a processor
                self._producer.poll(PACE_SECONDS)
            self._tell()
        self._flush("the last records")
        self._tell()

    def _insist(self, ask: Callable[[float], None], what: str) -> None:
        """`ask` again and again while it only has no answer yet. Raises BrokerUnreachable when time is up."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while True:
            try:
                ask(_LOOK_SECONDS)
                return
            except KafkaException as error:
                if not error.args[0].retriable() and error.args[0].code() != KafkaError._TIMED_OUT:
                    raise
                if self._time_is_up(deadline):
                    raise self._unanswered(what) from error

    def _flush(self, what: str) -> None:
        deadline = time.monotonic() + ANSWER_SECONDS
        while self._producer.flush(_LOOK_SECONDS):
            if self._time_is_up(deadline):
                raise self._unanswered(what)

    def _time_is_up(self, deadline: float) -> bool:
        now = time.monotonic()
        if self._stop_seen_at is None and self._stopping():
            self._stop_seen_at = now
        return now >= deadline or (self._stop_seen_at is not None and now >= self._stop_seen_at + STOPPING_SECONDS)

    def _unanswered(self, what: str) -> BrokerUnreachable:
        return BrokerUnreachable(f"is the broker up? It gives no answer to {what} for topic {self._topic!r}")

    def _settle(self) -> None:
        """Give up what has no answer, so that every record is known to be written or not."""
        if self._transactional:
            return
        self._producer.purge(in_queue=True, in_flight=True)
        deadline = time.monotonic() + 1
        while len(self._producer) and time.monotonic() < deadline:
            self._producer.poll(0.05)
        self._count_answered()

    def _refused(self) -> SourceError:
        what = f"the broker refused records of topic {self._topic!r}: {self._failed[0].str()}"
        return SourceError(what + _right(self._failed[0], "WRITE"))

    def _count_answered(self) -> None:
        lost = self._lost_records + len(self._producer)
        if not self._transactional:
            self.filled.records = self._handed_records - lost
            self.filled.size_bytes = self._handed_bytes - self._lost_bytes
            self.filled.unwritten_records = lost

    def _due(self, partition: int, end: int | None, speed: float | None) -> int:
        """How many records of a partition to write now."""
        at = self._next[partition]
        room = TRANSACTION_RECORDS if self._transactional else CHUNK_RECORDS
        due = max(1, int(room * self._stream.share(partition)))
        if speed is not None:
            reached_ms = self._stream.start_ms + int((time.monotonic() - self._began) * 1000 * speed)
            due = min(due, int(self._stream.timestamps(partition, at, due).searchsorted(reached_ms, side="right")))
        return due if end is None else min(due, end - at)

    def _write(self, due: list[int]) -> None:
        chunks = [self._stream.records(p, self._next[p], count) for p, count in enumerate(due)]
        if self._transactional:
            self._transactions += 1
            if self._abort_every and self._transactions % self._abort_every == 0:
                self._producer.begin_transaction()
                self._send(chunks)
                self._flush("a transaction")
                self._insist(self._producer.abort_transaction, "the abort of a transaction")
                self.filled.aborted_records += sum(due)
            self._producer.begin_transaction()
            self.filled.unwritten_records = sum(due)
        self._send(chunks)
        if self._transactional:
            self._insist(self._producer.commit_transaction, "the commit of a transaction")
            self.filled.unwritten_records = 0
            self.filled.records += sum(due)
            self.filled.size_bytes += sum(len(value) for chunk in chunks for _, value in chunk)
        self._next = [at + count for at, count in zip(self._next, due, strict=True)]

    def _send(self, chunks: list[list[tuple[int, bytes]]]) -> None:
        produce, topic = self._producer.produce, self._topic
        for partition, chunk in enumerate(chunks):
            for stamp_ms, value in chunk:
                try:
                    produce(topic, value, None, partition, None, None, stamp_ms)
                except BufferError:
                    self._wait_for_room(stamp_ms, value, partition)
                self._handed_records += 1
                self._handed_bytes += len(value)
            self._producer.poll(0)

    def _wait_for_room(self, stamp_ms: int, value: bytes, partition: int) -> None:
        while True:
            self._producer.poll(0.05)
            try:
                self._producer.produce(self._topic, value, None, partition, None, None, stamp_ms)
                return
            except BufferError:
                if self._time_is_up(float("inf")):
                    raise self._unanswered("records") from None

    def _tell(self) -> None:
        if self._failed:
            raise self._refused()
        self._count_answered()
        self.filled.seconds = time.monotonic() - self._began
        self._progress(self.filled)

    def _on_failure(self, error: KafkaError | None, message: Message) -> None:
        if error is None:
            return
        self._lost_records += 1
        self._lost_bytes += len(message)
        # Purged on purpose: records of an aborted transaction, and what had no answer at the end.
        if error.code() not in (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT):
            self._failed.append(error)


def _right(error: KafkaError, on_topic: str) -> str:
    """What to do where the broker knows this user and says no; `on_topic`: the right that was needed there."""
    if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        return f"; give this user the {on_topic} right on the topic"
    return f"; give this user {RIGHTS[error.code()]}" if error.code() in RIGHTS else ""
