"""How we connect to Kafka: librdkafka properties, and its errors in our words."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from dataflow.errors import BrokerUnreachable, SourceError
from dataflow.logs import logger
from dataflow.sources.kafka.listener import Listener, look
from dataflow.sources.kafka.mistake import check_token, config_error
from dataflow.sources.kafka.properties import check_owned
from dataflow.sources.kafka.refusal import is_refusal, mismatch, refused, said

_Client = TypeVar("_Client")

LOG_EVERY_SECONDS = 10.0
QUEUE_KBYTES = 8 * 1024
"""What a consumer may hold before it is polled: more costs memory, of which a small record takes several times its
size there, and brings no rate; less starves a fast reader."""
ANSWER_BYTES = 12 * 2**20
"""What one answer may have: a megabyte, which is what is asked for at most, of each partition that is busy, and more of
others. Packed, as it often is, it is several times that in memory."""
LEAST_BYTES, MOST_BYTES, ALL_BYTES = 256 * 2**10, 2**20, 16 * 2**20
"""What is asked for of one partition: ALL_BYTES shared among them, within these bounds. More of each costs memory, less
of each costs time, for records are judged as they come."""

_OURS = {
    # the lake keeps the offsets
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    # a lost offset must stop the run, not skip records
    "auto.offset.reset": "error",
    "isolation.level": "read_committed",
    # the end of a partition is found by it
    "enable.partition.eof": "true",
}
_CONSUMER_ONLY = (
    *("auto.", "check.crcs", "enable.auto", "enable.partition.eof", "fetch.", "group.", "heartbeat.", "isolation."),
    *("max.partition.fetch.bytes", "max.poll.", "partition.assignment", "queued.", "session.timeout", "coordinator."),
)


def consumer_properties(
    brokers: str, group: str, user: Mapping[str, object], *, partitions: int = 1
) -> dict[str, object]:
    """Properties of librdkafka for a consumer of so many partitions, whatever it reads; `user`'s own are kept.

    Raises ConfigError, with the key, where a user's property contradicts what exactly-once reading needs.
    """
    check(user)
    return {
        "group.id": group,
        "queued.max.messages.kbytes": QUEUE_KBYTES,
        "fetch.max.bytes": ANSWER_BYTES,
        "fetch.message.max.bytes": max(LEAST_BYTES, min(MOST_BYTES, ALL_BYTES // max(1, partitions))),
        "queued.min.messages": 1_000_000,
        # librdkafka's second of rest after a full queue would starve a fast reader.
        "fetch.queue.backoff.ms": 5,
        **client_properties(brokers),
        **user,
        **_OURS,
    }


def admin_properties(brokers: str, user: Mapping[str, object]) -> dict[str, object]:
    """Properties for metadata requests: the user's, less those that only a consumer knows."""
    check(user)
    return client_properties(brokers) | {key: user[key] for key in user if not key.startswith(_CONSUMER_ONLY)}


def client_properties(brokers: str) -> dict[str, object]:
    """What every client of ours starts from: who it is, quick reconnects, no lines of its own on standard error."""
    return {
        "bootstrap.servers": brokers,
        "client.id": "tidemill",
        "log_level": 2,
        "reconnect.backoff.ms": 100,
        "reconnect.backoff.max.ms": 2_000,
    }


def check(user: Mapping[str, object]) -> None:
    """Raise ConfigError for a property that we must set ourselves, and for a login that could never come about."""
    for key, value in user.items():
        check_owned(key, str(value))
    check_token(user)


def build(make: Callable[..., _Client], properties: dict[str, object]) -> _Client:
    """`make(properties)`; a property that librdkafka does not take becomes a ConfigError that names it."""
    try:
        return make(properties)
    except KafkaException as error:
        said = error.args[0].str() if isinstance(error.args[0], KafkaError) else str(error)
        # without its words as the cause: they may hold what must not be shown
        raise config_error(said, properties) from None


class Trouble:
    """What goes wrong on the connections of one source: remembered for messages, logged once per 10 s."""

    def __init__(
        self, brokers: str, monotonic: Callable[[], float], properties: Mapping[str, object] | None = None
    ) -> None:
        """`monotonic` in seconds, only for spacing log lines; `properties` as the user gave them."""
        self._brokers = brokers
        self._properties = dict(properties or {})
        self._listener: Listener | None = None
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._silent_until = -1.0
        self._refusal: KafkaError | None = None
        self._last: KafkaError | None = None
        self._log = logger("kafka")

    def __call__(self, error: KafkaError) -> None:
        """What librdkafka calls as error_cb."""
        with self._lock:
            if self._last is None or error.code() != KafkaError._ALL_BROKERS_DOWN:
                # That all are down says less than why one of them is.
                self._last = error
            if (is_refusal(error) or _ALERT in error.str()) and error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED:
                self._refusal = error
            now = self._monotonic()
            if now < self._silent_until:
                return
            self._silent_until = now + LOG_EVERY_SECONDS
        words = said(error, self._properties)
        self._log.warning("kafka_trouble", brokers=self._brokers, error=words, doing="retrying")

    def is_hopeless(self) -> bool:
        """Whether no answer is to be expected with these properties. Looks at the port, which takes seconds at most."""
        if self._listener is None:
            self._listener = look(self._brokers, self._properties)
        return self._refusal is not None or mismatch(self._listener, self._properties)

    def unreachable(self, error: KafkaError) -> SourceError:
        """The error to raise when a request got no answer: what stands in the way, as far as it is known."""
        refusal = error if is_refusal(error) else self._refusal
        if refusal is not None or mismatch(self._listener, self._properties):
            return refused(refusal or error, self._brokers, self._properties, self._listener)
        why = said(self._last or error, self._properties)
        return BrokerUnreachable(
            f"no Kafka broker answers at {self._brokers}: {why}. Is it running (`tidemill kafka start` starts one "
            "on this machine), is --brokers right, does it need security.protocol?"
        )

    def failed(self, error: KafkaError) -> SourceError:
        """The error to raise for a request that failed: unreachable, refused, or what the broker said."""
        # A client that has lost every broker knows no leader of any partition.
        no_leader = error.code() == KafkaError._NOENT and self._last is not None
        if error.code() in _NO_ANSWER or is_refusal(error) or no_leader:
            return self.unreachable(error)
        return SourceError(
            f"Kafka at {self._brokers} answers with an error: {said(error, self._properties)}; its own log says more"
        )


_ALERT = "ssl/tls alert"
"""How the other side of a TLS connection says no."""

_NO_ANSWER = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
