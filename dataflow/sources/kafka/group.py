"""The offsets that we note in a consumer group for lag tools, and what Kafka says when it refuses them."""

import threading

from confluent_kafka import KafkaError

from dataflow.logs import logger

WAY_OUT = "end the other member, or give this pipeline a group of its own (setting `group`)"
HARMLESS = "lag tools show old offsets; the data is not affected, its offsets are kept in the lake"
_OTHER_MEMBER = frozenset(
    {
        KafkaError.UNKNOWN_MEMBER_ID,
        KafkaError.ILLEGAL_GENERATION,
        KafkaError.REBALANCE_IN_PROGRESS,
        KafkaError.STALE_MEMBER_EPOCH,
        KafkaError.FENCED_MEMBER_EPOCH,
    }
)
_IN_A_MOMENT = frozenset(
    {
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NOT_COORDINATOR,
        KafkaError.REQUEST_TIMED_OUT,
    }
)


class GroupCommits:
    """Hears how the commits of all readers of one source ended; a refusal is told once, until one is taken again."""

    def __init__(self, group: str) -> None:
        self._group = group
        self._refused: frozenset[int] = frozenset()
        self._lock = threading.Lock()
        self._log = logger("kafka")

    def __call__(self, error: KafkaError | None, _partitions: object) -> None:
        """What librdkafka calls as on_commit, on the thread that polls."""
        code = 0 if error is None else error.code()
        # below zero are librdkafka's own: no connection, or an end while it waited
        if code < 0 or code in _IN_A_MOMENT:
            return
        with self._lock:
            before = self._refused
            self._refused = before | {code} if error is not None else frozenset()
        if error is not None and code not in before:
            fix = WAY_OUT if code in _OTHER_MEMBER else "give this user the READ right on the group, or set another one"
            self._log.warning(
                "kafka_group_refuses_our_offsets", group=self._group, error=error.str(), means=HARMLESS, fix=fix
            )
        elif error is None and before:
            self._log.info("kafka_group_takes_our_offsets_again", group=self._group)
