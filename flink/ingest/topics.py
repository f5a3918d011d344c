"""The topics that a job writes, read as a committed reader does, from any offset on."""

import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka.admin import AdminClient

from dataflow.errors import OffsetLost, UnknownTopic
from dataflow.sources.kafka.client import Trouble, admin_properties, build, consumer_properties
from dataflow.sources.kafka.topics import KafkaTopics

ANSWER_SECONDS = 10.0
SILENCE_SECONDS = 60.0
"""So long may a broker that has records left send none."""
_RECORDS = 10_000
_WAIT_SECONDS = 0.1


class Taken(NamedTuple):
    """One record. `place`: its topic and partition, as "topic/number"."""

    topic: str
    place: str
    offset: int
    value: bytes | None


def require_there(brokers: str, properties: Mapping[str, object], starts: Mapping[str, int]) -> None:
    """Raise OffsetLost unless the offsets are there at which a job is to start: Flink would not say a word.

    `starts`: by source partition, as "topic/number".
    """
    trouble = Trouble(brokers, time.monotonic, properties)
    admin = build(AdminClient, {**admin_properties(brokers, properties), "error_cb": trouble})
    asking = KafkaTopics(admin, trouble, brokers, ANSWER_SECONDS)
    for place, start in starts.items():
        topic, _, number = place.rpartition("/")
        low, high = asking.ranges(topic, [int(number)])[int(number)]
        if not low <= start <= high:
            raise OffsetLost(
                f"{place} holds offsets [{low}, {high}), and the job has to start at {start}: records were deleted, or "
                "the topic was made anew. Put the topic back, or go on with Tidemill, which has `--accept-gap`"
            )


class JobTopics:
    """All partitions of some topics. Raises UnknownTopic, BrokerUnreachable, OffsetLost."""

    def __init__(
        self, brokers: str, properties: Mapping[str, object], topics: Sequence[str], places: Mapping[str, int]
    ) -> None:
        """Reading begins at `places`, at the beginning of a partition that is not there."""
        self._trouble = Trouble(brokers, time.monotonic, properties)
        admin = build(AdminClient, {**admin_properties(brokers, properties), "error_cb": self._trouble})
        self._asking = KafkaTopics(admin, self._trouble, brokers, ANSWER_SECONDS)
        try:
            described = self._asking.describe(topics)
        except UnknownTopic as error:
            told = str(error).partition(";")[0]
            raise UnknownTopic(
                f"{told}: the job writes to it once it was begun; `tidemill flink run` makes it"
            ) from None
        self._numbers = {topic: list(range(described[topic].partitions)) for topic in topics}
        self._places = dict(places)
        starts = []
        for topic, numbers in self._numbers.items():
            lows = self._asking.ranges(topic, numbers)
            for number in numbers:
                starts.append(TopicPartition(topic, number, self._start(f"{topic}/{number}", *lows[number])))
        own = consumer_properties(brokers, "tidemill-ingest", properties)
        self._consumer = build(Consumer, {**own, "error_cb": self._trouble})
        self._consumer.assign(starts)
        self._heard = time.monotonic()
        self._ends: dict[str, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def _start(self, place: str, low: int, high: int) -> int:
        start = self._places.setdefault(place, low)
        if not low <= start <= high:
            raise OffsetLost(
                f"{place} holds offsets [{low}, {high}), and the lake goes on with it at {start}: records of the job "
                "were deleted before they were taken in, or the topic was made anew. Put the topic back, or restore "
                "the lake from before the hand-over and generate the job again"
            )
        return start

    def pin_ends(self) -> dict[str, tuple[int, int]]:
        """From here on reading ends at what is the end now. Per place where committed records end, and where all do."""
        found: dict[str, tuple[int, int]] = {}
        for topic, numbers in self._numbers.items():
            high = self._asking.ranges(topic, numbers)
            stable = self._asking.stable_ends(topic, numbers)
            found |= {f"{topic}/{number}": (stable[number], high[number][1]) for number in numbers}
        self._ends = {place: stable for place, (stable, _) in found.items()}
        self._heard = time.monotonic()
        return found

    @property
    def at_ends(self) -> bool:
        """Whether all that lies before the pinned ends was read."""
        return all(self._places[place] >= end for place, end in self._ends.items())

    def read(self) -> list[Taken]:
        """What has come; nothing where nothing comes soon. Records at and behind pinned ends are left."""
        found = []
        for message in self._consumer.consume(_RECORDS, _WAIT_SECONDS):
            topic, offset, error = message.topic() or "", message.offset() or 0, message.error()
            place = f"{topic}/{message.partition()}"
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:
                    raise self._trouble.failed(error)
                self._places[place] = max(self._places[place], offset)
                continue
            if place in self._ends and offset >= self._ends[place]:
                continue
            self._places[place] = offset + 1
            found.append(Taken(topic, place, offset, message.value()))
        if found or not self._ends:
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > SILENCE_SECONDS:
            raise self._trouble.unreachable(KafkaError(KafkaError._TIMED_OUT))
        return found
