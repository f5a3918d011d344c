"""What Kafka says about topics: partitions, ids, offset ranges; asked at the start and watched while reading."""

import difflib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, OffsetSpec, TopicDescription

from dataflow.errors import SourceError, StoppedEarly, UnknownTopic
from dataflow.logs import logger
from dataflow.sources.kafka.client import Trouble
from dataflow.sources.kafka.refusal import is_refusal
from dataflow.sources.kafka.topic_choice import TopicChoice
from dataflow.sources.kafka.waiting import Patience
from dataflow.spoken import listed

WATCH_SECONDS = 5.0
ANSWER_SECONDS = 10.0
"""How long the client may look for an answer; it then gives an error of its own."""
LOST_SECONDS = 3 * ANSWER_SECONDS
"""A question with neither answer nor error for so long is lost; to wait for it would be to watch no more."""
CONFIRM_SECONDS = 2.0
"""How long the end of an epoch waits for the ids; without an answer it goes on, so that no outage holds up a commit."""
GONE_AFTER_MISSES = 3
LOOK_AFTER_SECONDS = 1.0
"""How long a first answer may take before it is asked why there is none."""
_IN_A_MOMENT = frozenset(
    {
        KafkaError.UNKNOWN_TOPIC_OR_PART,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REPLICA_NOT_AVAILABLE,
        KafkaError.FENCED_LEADER_EPOCH,
        KafkaError.UNKNOWN_LEADER_EPOCH,
        KafkaError.KAFKA_STORAGE_ERROR,
        KafkaError._NOENT,
    }
)
"""What a cluster says while a topic is being made, a leader chosen, or a broker has just come back.

The epochs: a broker started again after a kill -9 answers before it has heard how often its leaders changed.
"""
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"

_Key = TypeVar("_Key")
_Answer = TypeVar("_Answer")
_Read = TypeVar("_Read")


@dataclass(frozen=True, slots=True)
class TopicState:
    """One topic as described last: number of partitions and the id that a topic created anew does not share."""

    partitions: int
    id: str | None


class KafkaTopics:
    """Blocking questions with a bounded wait. Raises BrokerUnreachable, UnknownTopic or SourceError (refused).

    StoppedEarly where `patience` tells of a stop and no answer comes soon.
    """

    def __init__(
        self,
        admin: AdminClient,
        trouble: Trouble,
        brokers: str,
        timeout_seconds: float,
        patience: Patience | None = None,
    ) -> None:
        self.admin = admin
        self._patience = patience or Patience()
        self._trouble = trouble
        self._brokers = brokers
        self._timeout_seconds = timeout_seconds

    def chosen(self, choice: TopicChoice) -> list[str]:
        """The topics that there are of `choice`; a named one that is gone is left out where it may be.

        Raises UnknownTopic where there is none, or a named one is gone that may not be.
        """
        known = self.list_topics().topics
        found = choice.among(known)
        there = [topic for topic in found if topic in known or not choice.may_lack(topic)]
        if not found:
            others = ", ".join(sorted(name for name in known if not name.startswith("__"))[:5])
            raise UnknownTopic(
                f"Kafka at {self._brokers} has no topic that matches {listed(list(choice.patterns))}; "
                + (f"there are: {others}" if others else "there is no topic at all")
                + ". A pattern matches whole names: correct --topic, or make a topic that it takes"
            )
        # of none that is left, the missing one is told by its name
        return there or found

    def names(self) -> list[str]:
        """All topics that have partitions to read."""
        return [name for name, told in self.list_topics().topics.items() if told.error is None and told.partitions]

    def describe(self, topics: Sequence[str]) -> dict[str, TopicState]:
        """State of each topic; UnknownTopic names the missing one and those that look like it."""
        known = self.list_topics().topics
        for topic in topics:
            if topic not in known:
                self._require_right(topic)
                raise UnknownTopic(self._unknown(topic, [name for name in known if not name.startswith("__")]))
        return self._ask(
            lambda: self.admin.describe_topics(TopicCollection(list(topics)), request_timeout=self._timeout_seconds),
            state_of,
        )

    def _require_right(self, topic: str) -> None:
        """Raises SourceError where the topic is not listed because this user may not know of it."""
        # unlike a listing of this topic alone, a description never makes the broker create it
        asked = self.admin.describe_topics(TopicCollection([topic]), request_timeout=self._timeout_seconds)
        try:
            self._patience.result(asked[topic], self._timeout_seconds + 5)
        except KafkaException as exception:
            if is_refusal(exception.args[0]):
                raise self._trouble.failed(exception.args[0]) from exception
        except TimeoutError as silence:
            raise self._silence() from silence

    def list_topics(self, topic: str | None = None) -> ClusterMetadata:
        """Metadata of the cluster and of all topics, or of `topic` alone."""
        asked = {} if topic is None else {"topic": topic}
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            wait = max(0.1, min(deadline - time.monotonic(), LOOK_AFTER_SECONDS))
            try:
                return self._patience.call(partial(self.admin.list_topics, timeout=wait, **asked), wait + 5)
            except KafkaException as error:
                self.admin.poll(0)
                if time.monotonic() >= deadline or self._is_hopeless():
                    raise self._trouble.unreachable(error.args[0]) from error
                # with another protocol than ours, a broker hangs up at once
                time.sleep(0.1)
            except TimeoutError as error:
                raise self._silence() from error

    def _is_hopeless(self) -> bool:
        try:
            return self._patience.call(self._trouble.is_hopeless, self._timeout_seconds)
        except TimeoutError as silence:
            raise self._silence() from silence

    def leaders(self, topic: str) -> dict[int, tuple[str, int]]:
        """Where each partition that has a leader is to be fetched from: host and port, as brokers tell clients."""
        told = self.list_topics(topic)
        found = {}
        for number, part in told.topics[topic].partitions.items():
            broker = told.brokers.get(part.leader)
            if broker is not None:
                found[int(number)] = (str(broker.host), int(broker.port))
        return found

    def ranges(self, topic: str, partitions: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Per partition the first offset still there, and the one after the last (the high watermark)."""
        low = self._offsets(topic, partitions, OffsetSpec.earliest(), IsolationLevel.READ_UNCOMMITTED)
        high = self._offsets(topic, partitions, OffsetSpec.latest(), IsolationLevel.READ_UNCOMMITTED)
        return {number: (low[number], high[number]) for number in partitions}

    def stable_ends(self, topic: str, partitions: Sequence[int]) -> dict[int, int]:
        """Per partition the last stable offset: everything below it is committed or aborted, nothing undecided."""
        return self._offsets(topic, partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)

    def _offsets(
        self, topic: str, partitions: Sequence[int], spec: OffsetSpec, isolation: IsolationLevel
    ) -> dict[int, int]:
        asked = {TopicPartition(topic, number): spec for number in partitions}
        told = self._ask(
            lambda: self.admin.list_offsets(asked, isolation_level=isolation, request_timeout=self._timeout_seconds),
            lambda result: int(result.offset),
        )
        return {place.partition: offset for place, offset in told.items()}

    def _ask(
        self, request: "Callable[[], Mapping[_Key, Future[_Answer]]]", read: Callable[[_Answer], _Read]
    ) -> dict[_Key, _Read]:
        """Answers of one request, asked again while the cluster says that it will know in a moment."""
        deadline = time.monotonic() + self._timeout_seconds
        while True:
            try:
                wait = self._timeout_seconds + 5
                return {key: read(self._patience.result(future, wait)) for key, future in request().items()}
            except TimeoutError as silence:
                raise self._silence() from silence
            except KafkaException as exception:
                error: KafkaError = exception.args[0]
                if error.code() in _IN_A_MOMENT and time.monotonic() < deadline:
                    if self._patience.stopping:
                        raise self._silence() from exception
                    time.sleep(0.2)
                    self._hear_anew()
                    continue
                self.admin.poll(0)
                raise self._trouble.failed(error) from exception

    def _hear_anew(self) -> None:
        """Have the client hear who leads by now: it asks on with the leaders and epochs that it has heard of."""
        with suppress(KafkaException, TimeoutError):
            self._patience.call(partial(self.admin.list_topics, timeout=LOOK_AFTER_SECONDS), LOOK_AFTER_SECONDS + 5)

    def _silence(self) -> SourceError:
        """No answer in time, or not before an end was wanted."""
        if self._patience.stopping:
            return StoppedEarly(f"stopped before Kafka at {self._brokers} had answered; nothing was read")
        return self._trouble.unreachable(KafkaError(KafkaError._TIMED_OUT))

    def _unknown(self, topic: str, known: list[str]) -> str:
        similar = difflib.get_close_matches(topic, known, n=3, cutoff=0.5)
        there = ", ".join(similar or sorted(known)[:5])
        hint = f"did you mean {there}?" if similar else (f"there are: {there}" if there else "there is no topic at all")
        return (
            f"Kafka at {self._brokers} has no topic {topic!r}; {hint} "
            f"(`tidemill produce --topic {topic}` makes one and fills it)"
        )


class TopicWatch:
    """Whether the topics are still those of the start: asked every 5 s without waiting, and at the end of epochs."""

    def __init__(
        self,
        admin: AdminClient,
        at_start: dict[str, TopicState],
        monotonic: Callable[[], float],
        patience: Patience | None = None,
    ) -> None:
        self._admin = admin
        self._patience = patience or Patience()
        self._at_start = at_start
        self._now = dict(at_start)
        self._misses = dict.fromkeys(at_start, 0)
        self._refusals: dict[str, KafkaError] = {}
        self._monotonic = monotonic
        self._next = monotonic() + WATCH_SECONDS
        self._asked: dict[str, Future[TopicDescription]] = {}
        self._asked_at = float("-inf")
        self._lock = threading.Lock()
        self._confirmed_at = self._gave_up_at = float("-inf")

    def look(self) -> None:
        """Take in an answer that has come, ask again when it is time. Returns at once, on any thread."""
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._asked and all(future.done() for future in self._asked.values()):
                asked, self._asked = self._asked, {}
                for topic, future in asked.items():
                    self._take(topic, future)
            if self._asked and self._monotonic() >= self._asked_at + LOST_SECONDS:
                logger("kafka").warning("kafka_trouble", error="a question about topics was lost", doing="retrying")
                self._asked = {}
            if not self._asked and self._monotonic() >= self._next:
                self._next = self._monotonic() + WATCH_SECONDS
                self._asked_at = self._monotonic()
                self._asked = self._describe(ANSWER_SECONDS)
        finally:
            self._lock.release()

    def confirm(self, read_at: float) -> bool:
        """Wait for an answer to a question that was asked after `read_at`; one serves all partitions of a process.

        False when none came within CONFIRM_SECONDS, or soon after a stop; the watch goes on asking.
        """
        with self._lock:
            if self._confirmed_at > read_at:
                return True
            if self._gave_up_at > read_at:
                return False
            # an answer that is still on its way would be older than the one that comes now
            self._asked = {}
            asked_at = self._monotonic()
            for topic, future in self._describe(CONFIRM_SECONDS).items():
                try:
                    self._now[topic] = state_of(self._patience.result(future, CONFIRM_SECONDS + 1))
                except (KafkaException, TimeoutError) as error:
                    self._next = asked_at
                    if not _says_unknown(error):
                        self._gave_up_at = asked_at
                        return False
            self._confirmed_at = asked_at
            return True

    def look_soon(self) -> None:
        """Something odd was seen: ask at the next look."""
        self._next = self._monotonic()

    def grown(self) -> bool:
        """True when a topic has other partitions than at the start."""
        return any(self._now[topic].partitions != state.partitions for topic, state in self._at_start.items())

    def id_now(self, topic: str) -> str | None:
        """The topic's id as last seen."""
        return self._now[topic].id

    def gone(self, topic: str) -> bool:
        """True when the topic was not there three times in a row, a second apart at most."""
        return self._misses[topic] >= GONE_AFTER_MISSES

    def refusal(self, topic: str) -> KafkaError | None:
        """What the broker said if it refused to tell of the topic when it was asked last.

        A consumer that learns of a lost right with its metadata, before a fetch is refused, keeps silent for ever.
        """
        return self._refusals.get(topic)

    def _describe(self, timeout_seconds: float) -> "dict[str, Future[TopicDescription]]":
        topics = TopicCollection(list(self._at_start))
        return self._admin.describe_topics(topics, request_timeout=timeout_seconds)

    def _take(self, topic: str, future: "Future[TopicDescription]") -> None:
        try:
            self._now[topic] = state_of(future.result())
            self._misses[topic] = 0
            self._refusals.pop(topic, None)
        except KafkaException as error:
            if is_refusal(error.args[0]):
                self._refusals[topic] = error.args[0]
            if _says_unknown(error):
                self._misses[topic] += 1
                self._next = min(self._next, self._monotonic() + 1)


def _says_unknown(error: Exception) -> bool:
    unknown = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC)
    return isinstance(error, KafkaException) and error.args[0].code() in unknown


def state_of(description: TopicDescription) -> TopicState:
    """A `TopicDescription` as we keep it."""
    topic_id = str(description.topic_id)
    return TopicState(len(description.partitions), None if topic_id == _NO_ID else topic_id)
