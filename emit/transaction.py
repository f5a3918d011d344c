"""Kafka as a target: records and position in one transaction, so that each record is there once."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from dataflow.sources.kafka.client import Trouble, admin_properties, build
from emit.form import Form, JsonForm
from emit.position import Position
from emit.record import Record
from emit.trouble import DeliveryTrouble
from sinks.lake.fault import Fault, no_fault

ANSWER_S = 15.0
"""How long one request may take until it counts as failed."""

TIMEOUT_MS, FIRST_TIMEOUT_MS = 60_000, 900_000
"""A transaction that its producer has left is ended by the broker then; the next start ends it at once. The first of
a target may have all that a lake holds."""

_POLL_EVERY = 1_000


class KafkaTarget:
    """A topic, written to by one transactional producer; the position is an offset of a consumer group of its own.

    Group and producer have the same name: whoever opens a target of that name fences all that had it before, and reads
    the position only once their transactions have ended, in one way or the other.
    """

    def __init__(
        self,
        name: str,
        topic: str,
        brokers: str,
        properties: Mapping[str, object],
        *,
        form: Form | None = None,
        fault: Fault = no_fault,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`properties` are librdkafka's as a user gave them, with what they refer to in its place. `form`: of values,
        JSON if none is named.
        """
        self._name = name
        self._topic = topic
        self._brokers = brokers
        self._user = dict(properties)
        self._common = admin_properties(brokers, properties)
        self._form = form or JsonForm()
        self._fault = fault
        self._monotonic = monotonic
        self._producer: Producer | None = None
        self._consumer: Consumer | None = None
        self._heard: Trouble | None = None

    def open(self) -> Position | None:
        """As `Target` says. Raises ConfigError for properties that Kafka's client does not take."""
        self.close()
        self._form.open()
        self._heard = Trouble(self._brokers, self._monotonic, self._user)
        ours = {
            "transactional.id": self._name,
            "enable.idempotence": True,
            "error_cb": self._heard,
            # where a consumer in Java would look for the key, too
            "partitioner": "murmur2_random",
            "linger.ms": 5,
        }
        reading = {"group.id": self._name, "enable.auto.commit": False, "isolation.level": "read_committed"}
        self._producer = build(Producer, {"transaction.timeout.ms": TIMEOUT_MS, **self._common, **ours})
        self._consumer = build(Consumer, {**self._common, "error_cb": self._heard, **reading})
        with self._told("begin"):
            # waits until the last one's transaction is over
            self._producer.init_transactions(ANSWER_S)
            found = self._place(self._consumer, reading)
        self._fault("after_open")
        if found.offset < 0 or not found.metadata:
            self._producer = build(Producer, {"transaction.timeout.ms": FIRST_TIMEOUT_MS, **self._common, **ours})
            with self._told("begin"):
                self._producer.init_transactions(ANSWER_S)
            return None
        try:
            return Position.of_text(found.metadata)
        except ValueError as error:
            raise DeliveryTrouble(
                f"the offset of consumer group {self._name} for topic {self._topic} is not Tidemill's: {error}"
            ) from error

    def publish(self, records: Iterator[Record], position: Position) -> int:
        """As `Target` says, in one transaction."""
        producer, consumer = self._producer, self._consumer
        assert producer is not None
        assert consumer is not None
        with self._told("write"):
            self._fault("before_transaction")
            producer.begin_transaction()
            sent = 0
            for record in records:
                self._produce(producer, record)
                sent += 1
                self._fault("in_records")
                if sent % _POLL_EVERY == 0:
                    producer.poll(0)
            self._fault("after_records")
            place = TopicPartition(self._topic, 0, position.snapshot, position.text())
            producer.send_offsets_to_transaction([place], consumer.consumer_group_metadata(), ANSWER_S)
            self._fault("before_end")
            producer.commit_transaction(ANSWER_S)
            self._fault("after_end")
        return sent

    def close(self) -> None:
        """As `Target` says. A transaction that is open is ended by whoever comes next, or by its time."""
        producer, consumer = self._producer, self._consumer
        self._producer = self._consumer = None
        if producer is not None:
            with suppress(KafkaException):
                producer.purge()
        if consumer is not None:
            with suppress(KafkaException, RuntimeError):
                consumer.close()

    def _place(self, consumer: Consumer, reading: Mapping[str, object]) -> TopicPartition:
        """The group's offset once it is stable; whoever asks for what is not stable yet gets an older one at once."""

        def asked(of: Consumer) -> TopicPartition:
            (found,) = of.committed([TopicPartition(self._topic, 0)], timeout=ANSWER_S)
            if found.error is not None:
                raise KafkaException(found.error)
            return found

        try:
            return asked(consumer)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._TIMED_OUT:
                raise
            other = build(Consumer, {**self._common, **reading, "isolation.level": "read_uncommitted"})
            try:
                asked(other)
            finally:
                other.close()
            raise DeliveryTrouble(
                f"consumer group {self._name} has an offset for topic {self._topic} in a transaction that Kafka at "
                f"{self._brokers} does not end; it may go on for as long as its time is, and a broker that was killed "
                "in the moment of a commit can leave one for ever: `kafka-transactions.sh find-hanging` shows it and "
                "`abort` ends it, in __consumer_offsets and in the topic, after which what it held is sent again"
            ) from error

    def _produce(self, producer: Producer, record: Record) -> None:
        value = self._form.written(record)
        while True:
            try:
                producer.produce(self._topic, value, record.key.encode())
                return
            except BufferError:
                producer.poll(0.1)

    def _told(self, doing: str) -> "_Told":
        return _Told(self, doing)

    def trouble(self, error: KafkaError, doing: str) -> DeliveryTrouble:
        """What stands in the way, in words."""
        assert self._heard is not None
        if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC):
            return DeliveryTrouble(f"Kafka at {self._brokers} has no topic {self._topic}: create it")
        why = str(self._heard.failed(error))
        return DeliveryTrouble(f"cannot {doing} transactions of {self._name} for topic {self._topic}: {why}")


class _Told:
    """Kafka's errors as DeliveryTrouble."""

    def __init__(self, target: KafkaTarget, doing: str) -> None:
        self._target, self._doing = target, doing

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, KafkaException):
            raise self._target.trouble(error.args[0], self._doing) from error
