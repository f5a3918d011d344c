"""How we connect to Kafka: librdkafka properties, and its errors in our words."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

from confluent_kafka import KafkaError, KafkaException

from dataflow.errors import BrokerUnreachable, ConfigError, SourceError
from dataflow.logs import logger

_Client = TypeVar("_Client")

LOG_EVERY_SECONDS = 10.0
QUEUE_KBYTES = 8 * 1024
"""What all consumers together may hold before it is polled: more costs memory, of which a small record takes several
times its size there, and brings no rate; less starves a fast reader."""

_OURS: dict[str, tuple[str, str]] = {
    "enable.auto.commit": ("false", "the lake keeps the offsets"),
    "auto.commit.enable": ("false", "the lake keeps the offsets"),
    "enable.auto.offset.store": ("false", "the lake keeps the offsets"),
    "auto.offset.reset": (
        "error",
        "a lost offset must stop the run, not skip records; --start sets where a new lake begins",
    ),
    "isolation.level": ("read_committed", "aborted records must not be counted"),
    "enable.partition.eof": ("true", "the end of a partition is found by it"),
}
_ELSEWHERE = ("bootstrap.servers", "metadata.broker.list")
_CONSUMER_ONLY = (
    *("auto.", "check.crcs", "enable.auto", "enable.partition.eof", "fetch.", "group.", "heartbeat.", "isolation."),
    *("max.partition.fetch.bytes", "max.poll.", "partition.assignment", "queued.", "session.timeout", "coordinator."),
)


def consumer_properties(brokers: str, group: str, user: Mapping[str, object], partitions: int) -> dict[str, object]:
    """Properties of librdkafka for one of `partitions` consumers; `user`'s own are kept.

    Raises ConfigError, with the key, where a user's property contradicts what exactly-once reading needs.
    """
    check(user)
    ours = {key: value for key, (value, _) in _OURS.items() if key != "auto.commit.enable"}
    budget_kbytes = max(1024, QUEUE_KBYTES // max(1, partitions))
    return {
        "group.id": group,
        "queued.max.messages.kbytes": budget_kbytes,
        "queued.min.messages": 1_000_000,
        # librdkafka's second of rest after a full queue would starve a fast reader.
        "fetch.queue.backoff.ms": 5,
        **client_properties(brokers),
        **user,
        **ours,
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
    """Raise ConfigError for a property that we must set ourselves."""
    for key, value in user.items():
        if key in _ELSEWHERE:
            raise ConfigError(key, value, "give the brokers with --brokers (setting `brokers`), not as a property")
        needed, why = _OURS.get(key, (None, ""))
        if needed is not None and str(value).lower() != needed:
            raise ConfigError(key, value, f"must stay {needed!r}: {why}; remove the property")


def build(make: Callable[..., _Client], properties: dict[str, object]) -> _Client:
    """`make(properties)`; a property that librdkafka does not take becomes a ConfigError that names it."""
    try:
        return make(properties)
    except KafkaException as error:
        said = error.args[0].str() if isinstance(error.args[0], KafkaError) else str(error)
        key = said.split('"')[1] if said.count('"') > 1 else "kafka properties"
        raise ConfigError(key, properties.get(key, ""), f"librdkafka refuses it: {said}") from error


class Trouble:
    """What goes wrong on the connections of one source: remembered for messages, logged once per 10 s."""

    def __init__(self, brokers: str, monotonic: Callable[[], float]) -> None:
        """`monotonic` in seconds, only for spacing log lines."""
        self._brokers = brokers
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
            if error.code() in _REFUSALS:
                self._refusal = error
            now = self._monotonic()
            if now < self._silent_until:
                return
            self._silent_until = now + LOG_EVERY_SECONDS
        self._log.warning("kafka_trouble", brokers=self._brokers, error=error.str(), doing="retrying")

    def unreachable(self, error: KafkaError) -> SourceError:
        """The error to raise when a request got no answer: what stands in the way, as far as it is known."""
        refusal = self._refusal or (error if error.code() in _REFUSALS else None)
        if refusal is not None:
            return refused(refusal, self._brokers)
        said = (self._last or error).str()
        return BrokerUnreachable(
            f"no Kafka broker answers at {self._brokers}: {said}. Is it running (`tidemill kafka start` starts one "
            "on this machine), is --brokers right, does it need security.protocol?"
        )

    def failed(self, error: KafkaError) -> SourceError:
        """The error to raise for a request that failed: unreachable, refused, or what the broker said."""
        # A client that has lost every broker knows no leader of any partition.
        no_leader = error.code() == KafkaError._NOENT and self._last is not None
        if error.code() in _NO_ANSWER or error.code() in _REFUSALS or no_leader:
            return self.unreachable(error)
        return SourceError(f"Kafka at {self._brokers} answers with an error: {error.str()}; its own log says more")


_NO_ANSWER = frozenset(
    {
        KafkaError._TRANSPORT,
        KafkaError._TIMED_OUT,
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._RESOLVE,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
_REFUSALS = frozenset(
    {
        KafkaError._AUTHENTICATION,
        KafkaError._SSL,
        KafkaError.SASL_AUTHENTICATION_FAILED,
        KafkaError.UNSUPPORTED_SASL_MECHANISM,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
    }
)


def is_refusal(error: KafkaError) -> bool:
    """True when the broker knows us and says no: retrying does not help."""
    return error.code() in _REFUSALS


def refused(error: KafkaError, brokers: str) -> SourceError:
    """A refusal in words."""
    if error.code() in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.CLUSTER_AUTHORIZATION_FAILED):
        fix = "give this user the READ and DESCRIBE rights on the topic"
    elif error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
        fix = "give this user the READ right on the group, or set another group.id"
    elif error.code() == KafkaError._SSL:
        fix = "check security.protocol, ssl.ca.location and the broker's certificate"
    else:
        fix = "check security.protocol, sasl.mechanism, sasl.username and sasl.password"
    return SourceError(f"Kafka at {brokers} refuses us: {error.str()}. The fix: {fix}")
