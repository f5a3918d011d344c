"""Kafka as a source: one consumer per worker, at offsets that the lake keeps, committed records only."""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError
from confluent_kafka.admin import AdminClient

from dataflow.errors import SourceError, StoppedEarly, UnknownTopic
from dataflow.logs import logger
from dataflow.messages import IN_PLACE_SCHEMA, POLL_SCHEMA, Poll
from dataflow.sources.kafka.client import Trouble, admin_properties, build, consumer_properties
from dataflow.sources.kafka.drain import Drain, Drained, TopicPart, Trace, open_drain
from dataflow.sources.kafka.ends import REST_ENDS_SECONDS, EndsWatch
from dataflow.sources.kafka.gap import Gap
from dataflow.sources.kafka.group import GroupCommits
from dataflow.sources.kafka.hub import Client, Hub
from dataflow.sources.kafka.lost import created_anew, offset_lost
from dataflow.sources.kafka.new_topics import NewTopics
from dataflow.sources.kafka.refusal import is_refusal
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


@dataclass(frozen=True, slots=True)
class Shared:
    """What the readers of one source share."""

    trouble: Trouble
    topics: KafkaTopics
    watch: TopicWatch
    ends: EndsWatch
    commits: GroupCommits


@dataclass(frozen=True, slots=True)
class Place:
    """A partition of a topic, and the topic's id where the broker tells one."""

    topic: str
    number: int
    topic_id: str | None


class KafkaReader:
    """One partition. Every poll's range [start, end) covers the holes in it: end is the consumer's position.

    A lost connection is retried for ever, with the state intact; what cannot heal raises.
    """

    def __init__(
        self,
        hub: Hub,
        shared: Shared,
        place: Place,
        position: int,
        bounded_end: int | None,
        gap: Gap,
        expected: int,
    ) -> None:
        """`position` must be within the partition's offsets, of which `expected` lie ahead, or before the `gap`."""
        self.position = position
        self.finished = bounded_end is not None and position >= bounded_end
        self.unfinished = False
        self.content = None
        self._hub = hub
        self._topics = shared.topics
        self._watch, self._ends = shared.watch, shared.ends
        self._topic, self._number, self._topic_id = place.topic, place.number, place.topic_id
        self._part = (place.topic, place.number)
        self._name = f"{self._topic}/{self._number}"
        self._end = bounded_end
        self._gap = gap
        self._out_of_range: Trace | None = None
        self._ends.open(self._topic, self._number)
        self._trouble, self._commits = shared.trouble, shared.commits
        self.closed = False
        self._read_at: float | None = None
        self._log = logger("kafka")
        hub.open(self._part, gap.behind(position), 0 if self.finished else expected)

    @property
    def hint(self) -> str | None:
        """The topic's id."""
        return self._topic_id

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """What librdkafka has fetched by now. A poll without records moves over aborted or compacted offsets."""
        if self.finished:
            return None
        self._check_topic()
        self._ends.look()
        if self._gap.closed():
            return None
        drained = self._hub.take(self._part, max_records, max_bytes)
        offsets = drained.offsets
        end_seen = self._end_told(drained.traces) if drained.traces else self.position
        if self._out_of_range is not None and not len(offsets):
            # such a word may overtake records that were fetched before: these come first
            trace, self._out_of_range = self._out_of_range, None
            # a run that is about to end leaves the question to the next one
            with suppress(StoppedEarly):
                end_seen = max(end_seen, self._look_for_offset(trace))
        limit = len(offsets) if self._end is None else int(offsets.searchsorted(self._end))
        reached_end = self._end is not None and (limit < len(offsets) or end_seen >= self._end)
        end = max(end_seen, int(offsets[-1]) + 1) if limit else end_seen
        if self._end is not None and (reached_end or end >= self._end):
            end = self._end
            self.finished = True
            self._hub.rest(self._part)
        if end == self.position:
            return None
        self._read_at = self._hub.fetched_at
        start, self.position = self.position, end
        self._hub.note(self._part, end)
        return Poll(_records(drained, limit), start, end, lost=self._gap.lost(start, end))

    def at_rest(self) -> bool:
        """At the end of what may be read, and nothing behind an open transaction, which is looked at while it lasts."""
        if self.finished or self._out_of_range is not None or self._gap.closed():
            return False
        return self.lag() == 0 and not self.waiting() and self._hub.at_rest(self._part)

    def await_records(self, seconds: float) -> bool:
        """Wait at librdkafka's queue, which has what comes for all partitions of this worker."""
        self._ends.look(REST_ENDS_SECONDS)
        return self._hub.wait(self._part, seconds)

    def wake(self) -> None:
        """End a wait, from any thread."""
        self._hub.wake()

    def confirm(self) -> None:
        """Ask for the topic's id once more when something was read since it was last told.

        A topic created anew and filled beyond `position` gives its own records at our offsets, without an error.
        Ids never come back: the old one, told after a read, shows that the read was of the old topic.
        """
        self._gap.epoch_ends()
        if self._read_at is None or self._topic_id is None:
            return
        if not self._watch.confirm(self._read_at):
            self._log.warning(
                "kafka_trouble", partition=self._name, error="the topic's id is not told", doing="retrying"
            )
        self._read_at = None
        self._require_same_topic()

    def lag(self) -> int | None:
        """Offsets up to the last stable one; up to the high watermark where no transaction was open when last asked."""
        if self.closed:
            return None
        told = self._ends.told(self._topic, self._number)
        position = self._gap.behind(self.position)
        if told is not None and told.high > told.stable:
            return max(0, told.stable - position)
        high = self._hub.high(self._part)
        if high is None and told is not None:
            # as long as it is not its turn to be fetched
            high = told.high
        return None if high is None else max(0, high - position)

    def waiting(self) -> int | None:
        """Offsets between the last stable one, or our position where that is further by now, and the high watermark."""
        told = None if self.closed else self._ends.told(self._topic, self._number)
        return None if told is None else max(0, told.high - max(told.stable, self.position))

    def close(self) -> None:
        """Leave the consumer; a broker that does not answer is waited for a second at most, once per source."""
        if self.closed:
            return
        self.closed = True
        self._ends.close(self._topic, self._number)
        self._hub.close(self._part)

    def _end_told(self, traces: Sequence[Trace]) -> int:
        """The furthest end of the partition that the traces tell; raises for what cannot heal."""
        end_seen = self.position
        for trace in traces:
            if trace.error.code() == KafkaError._PARTITION_EOF:
                assert trace.offset is not None, "an end of partition names the next offset"
                end_seen = max(end_seen, trace.offset)
            else:
                self._judge(trace)
        return end_seen

    def _judge(self, trace: Trace) -> None:
        """Raise for what cannot heal by itself; keep a word about our offset for later; log the rest."""
        error = trace.error
        if error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            # nothing but lag tools needs the group
            self._commits(error, None)
            return
        if is_refusal(error):
            raise self._trouble.failed(error)
        if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE, KafkaError._LOG_TRUNCATION):
            self._out_of_range = trace
        elif error.fatal():
            raise SourceError(f"{self._name} at offset {self.position}: {error.str()}; start again")
        else:
            self._watch.look_soon()
            self._log.warning("kafka_trouble", partition=self._name, error=error.str(), doing="retrying")

    def _look_for_offset(self, trace: Trace) -> int:
        """Go on where that is right, when all that was fetched is read; up to where there is nothing to read."""
        described = self._topics.describe([self._topic])[self._topic]
        if self._topic_id is not None and described.id is not None and described.id != self._topic_id:
            raise created_anew(self._name, self.position, self._topic_id, described.id)
        low, high = self._topics.ranges(self._topic, [self._number])[self._number]
        reached = self.position
        if reached > high or trace.error.code() == KafkaError._LOG_TRUNCATION:
            raise offset_lost(self._name, reached, low, high)
        place: int | None = reached
        if low > reached:
            # what librdkafka passed over without a record is a hole and no loss
            reached = max(reached, min(trace.offset or 0, low))
            place = self._gap.overtaken(reached, low, high) if low > reached else reached
        # else a broker that had just taken over did not know our offset yet
        if place is not None:
            self._hub.seek(self._part, place)
        return reached

    def _check_topic(self) -> None:
        self._watch.look()
        if self._watch.gone(self._topic):
            raise UnknownTopic(
                f"topic {self._topic} was deleted while it was read, {self._name} up to offset {self.position}. What "
                "was read is in the lake, which cannot go on with another topic of that name: start a new one for it"
            )
        refusal = self._watch.refusal(self._topic)
        if refusal is not None:
            raise self._trouble.failed(refusal)
        self._require_same_topic()

    def _require_same_topic(self) -> None:
        topic_id = self._watch.id_now(self._topic)
        if self._topic_id is not None and topic_id is not None and topic_id != self._topic_id:
            raise created_anew(self._name, self.position, self._topic_id, topic_id)


def _records(drained: Drained, limit: int) -> pa.RecordBatch:
    """The first `limit` records as a poll has them."""
    stamps = drained.timestamps
    # Kafka writes -1 where a record has no timestamp.
    timestamps = pa.array(stamps, mask=stamps == -1) if stamps.min(initial=0) == -1 else pa.array(stamps)
    schema = POLL_SCHEMA if drained.values.type == pa.binary() else IN_PLACE_SCHEMA
    batch = pa.RecordBatch.from_arrays([pa.array(drained.offsets), timestamps, drained.values], schema=schema)
    for name, told in drained.beside.items():
        batch = batch.append_column(name, told)
    return batch if limit == len(stamps) else batch.slice(0, limit)
