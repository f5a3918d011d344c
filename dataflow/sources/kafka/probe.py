"""Questions to Kafka that only an examination asks: settings of a topic, newest stamps, offsets at a time."""

import time
from collections.abc import Mapping, Sequence

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, OffsetSpec, ResourceType

from dataflow.sources.kafka.client import Trouble, admin_properties, build
from dataflow.sources.kafka.topics import KafkaTopics

_GROUP_TOPIC = "__consumer_offsets"


class KafkaProbe(KafkaTopics):
    """Connects as the source does, without a consumer. Raises what KafkaTopics raises."""

    def __init__(self, brokers: str, properties: Mapping[str, object], timeout_seconds: float = 5.0) -> None:
        trouble = Trouble(brokers, time.monotonic, properties)
        admin = build(AdminClient, {**admin_properties(brokers, dict(properties)), "error_cb": trouble})
        super().__init__(admin, trouble, brokers, timeout_seconds)

    def config(self, topic: str) -> dict[str, str]:
        """The topic's settings, defaults of the broker included."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        told = self._ask(
            lambda: self.admin.describe_configs([resource], request_timeout=self._timeout_seconds),
            lambda entries: {name: entry.value for name, entry in entries.items()},
        )
        return dict(told[resource])

    def newest_stamps(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Per partition that holds records, the largest record timestamp (ms)."""
        asked = {TopicPartition(topic, number): OffsetSpec.max_timestamp() for number in partitions}
        told = self._ask(
            lambda: self.admin.list_offsets(
                asked, isolation_level=IsolationLevel.READ_UNCOMMITTED, request_timeout=self._timeout_seconds
            ),
            lambda result: (int(result.offset), int(result.timestamp)),
        )
        return {place.partition: stamp for place, (offset, stamp) in told.items() if offset >= 0 and stamp >= 0}

    def offsets_at(self, topic: str, partitions: Sequence[int], at_ms: int) -> dict[int, int | None]:
        """Per partition the first offset whose record timestamp is at or after `at_ms`; None if there is none."""
        told = self._offsets(topic, partitions, OffsetSpec.for_timestamp(at_ms), IsolationLevel.READ_UNCOMMITTED)
        return {number: None if offset < 0 else offset for number, offset in told.items()}

    def members(self, group: str) -> list[str]:
        """Who is a member of a consumer group: "client id at host"."""
        if not self._group_partitions():
            # nobody ever was in a group, and asking would make the broker create that topic
            return []
        asked = self.admin.describe_consumer_groups([group], request_timeout=self._timeout_seconds)
        try:
            description = self._patience.result(asked[group], self._timeout_seconds + 5)
        except KafkaException as exception:
            error: KafkaError = exception.args[0]
            if error.code() == KafkaError.GROUP_ID_NOT_FOUND:
                return []
            self.admin.poll(0)
            raise self._trouble.failed(error) from exception
        except TimeoutError as silence:
            raise self._silence() from silence
        return [f"{member.client_id} at {member.host}" for member in description.members]

    def group_stamp(self, group: str) -> int | None:
        """When the broker last wrote down an offset of a group beside `group`, by its own clock (ms); None = never.

        Brokers stamp these records themselves, whatever the producers' clocks say.
        """
        count = self._group_partitions()
        if not count:
            return None
        number = abs(_java_hash(group)) % count
        return self.newest_stamps(_GROUP_TOPIC, [number]).get(number)

    def _group_partitions(self) -> int:
        topics = self.list_topics(_GROUP_TOPIC).topics
        return len(topics[_GROUP_TOPIC].partitions) if _GROUP_TOPIC in topics else 0


def _java_hash(text: str) -> int:
    """Java's String.hashCode (a signed int), by which a group's partition of the offsets topic is chosen."""
    units = text.encode("utf-16-be")
    value = 0
    for at in range(0, len(units), 2):
        value = (31 * value + int.from_bytes(units[at : at + 2], "big")) & 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value
