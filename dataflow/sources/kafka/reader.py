"""One partition of a topic as it is read: polls whose ranges have no gap, and what stands in the way of the next."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import pyarrow as pa
from confluent_kafka import KafkaError

from dataflow.errors import SourceError, StoppedEarly, UnknownTopic
from dataflow.logs import logger
from dataflow.messages import IN_PLACE_SCHEMA, POLL_SCHEMA, Poll
from dataflow.sources.kafka.client import Trouble
from dataflow.sources.kafka.drain import Drained, Trace
from dataflow.sources.kafka.ends import REST_ENDS_SECONDS, EndsWatch
from dataflow.sources.kafka.gap import Gap
from dataflow.sources.kafka.group import GroupCommits
from dataflow.sources.kafka.hub import Hub
from dataflow.sources.kafka.lost import created_anew, offset_lost
from dataflow.sources.kafka.refusal import is_refusal
from dataflow.sources.kafka.topics import KafkaTopics, TopicWatch


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
