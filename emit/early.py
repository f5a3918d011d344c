"""A topic of early alerts: written to at once, outside of any transaction, and never waited for."""

import time
from collections.abc import Callable, Mapping, Sequence

from confluent_kafka import KafkaError, Producer

from dataflow.logs import logger
from dataflow.sources.kafka.client import Trouble, admin_properties, build
from emit.record import Record

LATEST_MS = 10_000
"""What Kafka has not taken by then is given up: its commit has long been sent, or will be."""

FAREWELL_S = 2.0
"""So long the end of a run waits for what is on its way."""

TOLD_EVERY_S = 10.0

HEADERS: list[tuple[str, str | bytes | None]] = [("early", b"true")]


class EarlyTopic:
    """For one thread. What Kafka does not take is said in the log, and is no failure of the run."""

    def __init__(
        self,
        topic: str,
        brokers: str,
        properties: Mapping[str, object],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`properties` are librdkafka's as a user gave them. Raises ConfigError for those that it does not take."""
        self._topic = topic
        self._monotonic = monotonic
        self._log = logger("emit")
        self._silent_until_s = float("-inf")
        self.sent = self.failed = 0
        ours = {
            "error_cb": Trouble(brokers, monotonic, properties),
            # to the partition where the committed change has its like
            "partitioner": "murmur2_random",
            "linger.ms": 0,
        }
        own = {"message.timeout.ms": LATEST_MS, **admin_properties(brokers, properties)}
        self._producer = build(Producer, {**own, **ours})

    def write(self, records: Sequence[Record]) -> None:
        """Hand over to Kafka's client, which sends from a thread of its own."""
        for record in records:
            assert record.value is not None, "a raised alert has a value"
            try:
                self._producer.produce(
                    self._topic, record.value.encode(), record.key.encode(), headers=HEADERS, on_delivery=self._taken
                )
            except BufferError:
                self._lost("Kafka's client holds as many as it may")
        self._producer.poll(0)

    def close(self) -> None:
        """Wait a moment for what is on its way."""
        self._producer.flush(FAREWELL_S)

    def _taken(self, error: KafkaError | None, _message: object) -> None:
        if error is None:
            self.sent += 1
        else:
            self._lost(error.str())

    def _lost(self, reason: str) -> None:
        self.failed += 1
        if self._monotonic() < self._silent_until_s:
            return
        self._silent_until_s = self._monotonic() + TOLD_EVERY_S
        self._log.warning(
            f"topic {self._topic}: alerts are not told early",
            reason=reason,
            records=self.failed,
            doing="nothing: each is sent with its commit",
        )
