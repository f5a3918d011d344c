"""Kafka as a source: one consumer per worker, at offsets that the lake keeps, committed records only."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from confluent_kafka import Consumer
from confluent_kafka.admin import AdminClient

from dataflow.errors import SourceError, UnknownTopic
from dataflow.sources.kafka.client import Trouble, admin_properties, build, consumer_properties
from dataflow.sources.kafka.drain import Drain, TopicPart, open_drain
from dataflow.sources.kafka.ends import EndsWatch
from dataflow.sources.kafka.gap import Gap
from dataflow.sources.kafka.group import GroupCommits
from dataflow.sources.kafka.hub import Client, Hub
from dataflow.sources.kafka.lost import created_anew
from dataflow.sources.kafka.new_topics import NewTopics
from dataflow.sources.kafka.reader import KafkaReader, Place, Shared
from dataflow.sources.kafka.topic_choice import TopicChoice
from dataflow.sources.kafka.topics import WATCH_SECONDS, KafkaTopics, TopicWatch
from dataflow.sources.kafka.waiting import Farewells, Patience
from dataflow.sources.source import Hint, Reader

if TYPE_CHECKING:
    from dataflow.sources.kafka.direct.access import Access

LAST_QUESTION_SECONDS = 2.0
"""How long an end waits to hear what is left behind it."""
RANGES_SECONDS = 5.0
"""How long the offsets that a topic was told to have serve those of its partitions that are opened one by one."""

Start = Literal["earliest", "latest"]


class KafkaSource:
    """All partitions of one or more topics; a source partition is called "topic/3".

    `start` says where a partition without a stored offset begins. `properties` go to librdkafka as they are.
    Offsets are also committed to the consumer group, for lag tools alone: they are never read back. A `group` of None
    gets none: who only looks leaves no trace.
    """

    def __init__(
        self,
        brokers: str,
        topics: Sequence[str] | TopicChoice,
        *,
        group: str | None = "tidemill",
        start: Start = "earliest",
        properties: Mapping[str, object] | None = None,
        timeout_seconds: float = 10.0,
        stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        """Connects. Raises BrokerUnreachable after `timeout_seconds`, UnknownTopic, ConfigError, or SourceError.

        Once `stopping()` is true, no answer of a broker is waited for longer than a second, here and later.
        """
        self._brokers = brokers
        self._start = start
        self._accept_gap = False
        self._beside: Sequence[str] = ()
        self._access: Access | None = None
        user = dict(properties or {})
        self._trouble = Trouble(brokers, time.monotonic, user)
        admin = build(AdminClient, {**admin_properties(brokers, user), "error_cb": self._trouble})
        patience = Patience(stopping)
        self._topics = KafkaTopics(admin, self._trouble, brokers, timeout_seconds, patience)
        choice = topics if isinstance(topics, TopicChoice) else TopicChoice(tuple(topics))
        there = self._topics.chosen(choice)
        described = self._topics.describe(there)
        self._partitions = {f"{t}/{n}": (t, n) for t in there for n in range(described[t].partitions)}
        self._new_topics = NewTopics(choice, there, self._topics.names, time.monotonic, WATCH_SECONDS)
        self._watch = TopicWatch(admin, described, time.monotonic, patience)
        last_seconds = min(LAST_QUESTION_SECONDS, timeout_seconds)
        self._last_question = KafkaTopics(admin, self._trouble, brokers, last_seconds, patience)
        # librdkafka makes no consumer without one, also where nothing is committed
        named = group or "tidemill"
        commits = GroupCommits(named)
        self._shared = Shared(self._trouble, self._topics, self._watch, EndsWatch(admin, time.monotonic), commits)
        self._farewells = Farewells()
        self._notes_offsets = group is not None
        self._hubs: dict[int, list[Hub]] = {}
        self._ranges: dict[str, tuple[float, dict[int, tuple[int, int]]]] = {}
        self._readers: list[KafkaReader] = []
        self._open_readers = 8
        self._lock = threading.Lock()
        self._properties = consumer_properties(brokers, named, user, partitions=len(self._partitions))
        self._callbacks = {"error_cb": self._trouble, "on_commit": commits}
        self._ends: dict[str, int] | None = None
        self._asking = threading.Lock()
        self._opened: set[str] = set()

    def ask_for(self, beside: Sequence[str]) -> None:
        """Polls of readers that are opened from now on have these columns as well, named as in event/record_part.py."""
        self._beside = beside

    def fetch_directly(self, access: "Access") -> None:
        """Records of readers that are opened from now on are fetched without librdkafka, as long as nothing is odd."""
        self._access = access

    def accept_gap(self) -> None:
        """Readers that are opened from now on go on behind what was deleted before they read it (semantics rule 14)."""
        self._accept_gap = True

    def partitions(self) -> list[str]:
        """As they were when this source was made."""
        return list(self._partitions)

    def topic_of(self, partition: str) -> str | None:
        """The topic before the slash."""
        return partition.rpartition("/")[0]

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """By the consumer of the calling thread, at `next_offset`. `hint` is the id of the topic that it belongs to.

        Raises OffsetLost when the topic was created anew, or does not hold `next_offset` and no gap is accepted;
        UnknownTopic when the partition is not there.
        """
        if partition not in self._partitions:
            have = ", ".join(self._partitions)
            raise UnknownTopic(
                f"partition {partition} was read before and is gone: Kafka at {self._brokers} has {have}"
            )
        topic, number = self._partitions[partition]
        topic_id = self._watch.id_now(topic)
        low, high = self._range(topic, number)
        if next_offset is not None and not low <= next_offset <= high:
            low, high = self._topics.ranges(topic, [number])[number]
        gap = Gap(partition, accept=self._accept_gap)
        if next_offset is None:
            position = low if self._start == "earliest" else self._topics.stable_ends(topic, [number])[number]
        else:
            position = next_offset
            if hint is not None and topic_id is not None and hint != topic_id:
                raise created_anew(partition, position, str(hint), topic_id)
            gap.at_start(position, low, high)
        self._opened.add(partition)
        # Held until it is closed: a consumer that is merely dropped closes itself, however long the broker takes.
        with self._lock:
            hub = self._hub((topic, number))
            reader = KafkaReader(
                hub, self._shared, Place(topic, number, topic_id), position, bounded_end, gap, max(0, high - position)
            )
            if len(self._readers) >= 2 * self._open_readers:
                self._readers = [each for each in self._readers if not each.closed]
                self._open_readers = len(self._readers) + 8
            self._readers.append(reader)
        return reader

    def _hub(self, part: TopicPart) -> Hub:
        """The one of the calling thread: each worker has its own, which no other waits for.

        A partition that is read twice at a time has a second one.
        """
        hubs = [hub for hub in self._hubs.get(threading.get_ident(), ()) if not hub.closed]
        hub = next((hub for hub in hubs if not hub.reads(part)), None)
        if hub is None:
            client, drain = self._client()
            hub = Hub(client, drain, self._farewells, time.monotonic, notes_offsets=self._notes_offsets)
            hubs.append(hub)
        self._hubs[threading.get_ident()] = hubs
        return hub

    def _client(self) -> tuple[Client, Drain]:
        consumer = build(Consumer, {**self._properties, **self._callbacks})
        if self._access is None:
            return consumer, open_drain(consumer, self._beside)
        # what is compiled for it is not loaded for nothing
        from dataflow.sources.kafka.direct.drain import DirectConsumer, DirectDrain, Means
        from dataflow.sources.kafka.direct.request import Limits

        means = Means(
            self._access,
            Limits.of(self._properties),
            self._topics.leaders,
            lambda consumer: open_drain(consumer, self._beside),
        )
        direct = DirectDrain(consumer, means, self._beside)
        return DirectConsumer(consumer, direct), direct

    def _range(self, topic: str, number: int) -> tuple[int, int]:
        """First offset and high watermark, as told some seconds ago at most: one question serves a topic's partitions.

        What has changed since is seen when it matters: a high watermark only grows, and a consumer tells what is gone.
        """
        with self._asking:
            asked_at, told = self._ranges.get(topic, (float("-inf"), {}))
            if number not in told or time.monotonic() - asked_at > RANGES_SECONDS:
                asked_at = time.monotonic()
                told = self._topics.ranges(topic, self._numbers(self._partitions)[topic])
                self._ranges[topic] = (asked_at, told)
            return told[number]

    def end_offsets(self) -> dict[str, int]:
        """The last stable offsets at the first call: a transaction that is open then is not waited for."""
        # several workers ask at the same time, and none may see half of it
        with self._asking:
            if self._ends is None:
                ends: dict[str, int] = {}
                for topic, numbers in self._numbers(self._partitions).items():
                    told = self._topics.stable_ends(topic, numbers)
                    ends |= {f"{topic}/{number}": told[number] for number in numbers}
                self._ends = ends
            return self._ends

    def waiting(self) -> dict[str, int]:
        """Asks both ends once more; nothing where the broker does not answer within 2 s."""
        waiting: dict[str, int] = {}
        if self._ends is None:
            return waiting
        # other workers may be opening theirs
        for topic, numbers in self._numbers(frozenset(self._opened)).items():
            try:
                ranges = self._last_question.ranges(topic, numbers)
                stable = self._last_question.stable_ends(topic, numbers)
            except SourceError:
                continue
            # a stable end that has moved was no transaction's that hung
            held = [number for number in numbers if stable[number] == self._ends[f"{topic}/{number}"]]
            waiting |= {f"{topic}/{n}": ranges[n][1] - stable[n] for n in held if ranges[n][1] > stable[n]}
        return waiting

    def is_at_end(self, partition: str) -> bool:
        """Whether the high watermark is still at the bounded end; records behind a transaction are above it."""
        topic, number = self._partitions[partition]
        try:
            _, high = self._last_question.ranges(topic, [number])[number]
        except SourceError:
            return False
        return self._ends is not None and high <= self._ends[partition]

    def _numbers(self, partitions: Iterable[str]) -> dict[str, list[int]]:
        """The partition numbers of each topic, ascending."""
        numbers: dict[str, list[int]] = {}
        for topic, number in sorted(self._partitions[name] for name in partitions):
            numbers.setdefault(topic, []).append(number)
        return numbers

    def partitions_changed(self) -> bool:
        """True once a topic has new partitions, or one more topic matches; seen within some 5 s."""
        self._watch.look()
        self._new_topics.look()
        return self._watch.grown() or bool(self._new_topics.found)

    def close(self) -> None:
        """Close what readers are still open; the connection for metadata ends with this object."""
        for reader in self._readers:
            reader.close()
