"""One consumer for many partitions: what each of them gets of it, and that none of them waits for another."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from dataflow.logs import logger
from dataflow.messages import held_bytes
from dataflow.sources.kafka.drain import Drain, Drained, TopicPart
from dataflow.sources.kafka.waiting import Farewells

COMMIT_EVERY_SECONDS = 1.0
HELD_BYTES = 8 * 2**20
"""What may wait, sorted, for partitions that are asked in their turn; as much again is in librdkafka."""
BUSY_RECORDS = 4_096
"""So many records behind the position make a partition busy; more do not make it busier. Each costs librdkafka some 640
bytes besides its own, so that what is fetched of many that are less busy must not be many records either."""
MOST_BUSY = 8
"""So many busy partitions are fetched at a time, or more that are less busy: one answer has something of each."""
SLICE_BYTES = 16 * 2**20
"""After so much without its end, a busy partition lets another one have its turn."""
REFUSALS = 2
"""So often a partition goes without for the sake of others, before those of them that do not ask must rest."""
MANY = 64
"""More partitions than this share what one look at librdkafka's queue brings, as long as little comes."""
LOOK_EVERY_SECONDS = 0.1
LITTLE_BYTES = 2**20
MESSAGE_BYTES = 256
"""What a record counts besides its value."""


class Client(Protocol):
    """What a hub needs of a consumer."""

    def incremental_assign(self, partitions: list[TopicPartition], /) -> object:
        """Fetch these as well, from their offsets on."""
        ...

    def incremental_unassign(self, partitions: list[TopicPartition], /) -> object:
        """Fetch these no more."""
        ...

    def get_watermark_offsets(self, partition: TopicPartition, /, *, cached: bool) -> tuple[int, int] | None:
        """First offset and high watermark, as told last."""
        ...

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[True]) -> object:
        """Tell the group how far these were read; raises KafkaException."""
        ...

    def close(self) -> object:
        """Leave Kafka."""
        ...


@dataclass(slots=True)
class _Turn:
    """How a partition stands with the consumer. `asked`: when it last did, in takes of the whole hub.

    `expected`: records that are known to lie ahead, BUSY_RECORDS at most; `taken_bytes`: since its end or its turn.
    `refusals`, one after the other, began at `refused_since`.
    """

    asked: int
    expected: int
    awake: bool = False
    taken_bytes: int = 0
    refusals: int = 0
    refused_since: int = 0


class Hub:
    """Shares a consumer, which it owns, among the partitions that one worker reads.

    What is fetched ahead is bounded for all of them together. A broker answers in the order of the partitions, up to a
    size, so that a few with much ahead would keep out the others: of those no more than MOST_BUSY are fetched at a
    time, in turns; those at their end always are. One that does not ask for its own, while others go without because
    of it, rests until it asks again.
    The offsets that are noted in the consumer group are sent for all at once, every second.
    """

    def __init__(
        self,
        consumer: Client,
        drain: Drain,
        farewells: Farewells,
        monotonic: Callable[[], float],
        *,
        notes_offsets: bool,
    ) -> None:
        """`monotonic` in seconds, for the pace of commits and of looks."""
        self.consumer = consumer
        self._drain = drain
        self._farewells = farewells
        self._monotonic = monotonic
        self._notes_offsets = notes_offsets
        self._turns: dict[TopicPart, _Turn] = {}
        # in the order in which they are to be fetched
        self._waiting: dict[TopicPart, None] = {}
        # those that rest although something of theirs was fetched
        self._laden: set[TopicPart] = set()
        self._expected = self._takes = self._looked_at = 0
        self._little = False
        self.fetched_at = float("-inf")
        """When what partitions have got was fetched at the latest."""
        self._noted: dict[TopicPart, int] = {}
        self._commit_at = monotonic() + COMMIT_EVERY_SECONDS
        self._lock = threading.RLock()
        self._log = logger("kafka")
        self.closed = False

    def open(self, part: TopicPart, position: int, expected: int) -> None:
        """Read a partition from `position` on, too; `expected`: offsets that lie ahead now.

        Whoever asks first has all those fetched that were opened until then: one at a time they would take long.
        """
        with self._lock:
            self._turns[part] = _Turn(self._takes, min(expected, BUSY_RECORDS))
            self._drain.add(part, position)
            self._waiting[part] = None

    def reads(self, part: TopicPart) -> bool:
        """Whether a partition is open here."""
        return part in self._turns

    def take(self, part: TopicPart, max_records: int, max_bytes: int) -> Drained:
        """As `Drain.take`."""
        with self._lock:
            self._takes += 1
            turn = self._turns[part]
            turn.asked = self._takes
            if not turn.awake:
                self._waiting.setdefault(part)
                self._admit()
            # whether a topic is still the same is asked after each fetch: with many partitions, of many fetches at once
            looks = (
                len(self._turns) <= MANY
                or not self._little
                or self._monotonic() >= self.fetched_at + LOOK_EVERY_SECONDS
            )
            fetch = self._may_fetch(part, turn) and looks
            before = self._drain.size_bytes
            drained = self._drain.take(part, max_records, max_bytes, fetch=fetch)
            taken = held_bytes(drained.values) + MESSAGE_BYTES * len(drained.offsets)
            if fetch:
                self.fetched_at = self._monotonic()
                self._little = self._drain.size_bytes + taken - before < LITTLE_BYTES
            self._account(part, turn, drained, taken)
            if self._noted and self._monotonic() >= self._commit_at:
                self._commit()
            return drained

    def at_rest(self, part: TopicPart) -> bool:
        """Whether nothing waits here for anybody, and a partition is fetched as all others are that want to be."""
        return self._turns[part].awake and not self._waiting and not self._drain.size_bytes

    def wait(self, part: TopicPart, seconds: float) -> bool:
        """Until something comes of any partition; whether it did. `part` is told what is nobody's own."""
        # with the lock: when a run breaks off, another thread may close what is waited at
        with self._lock:
            if part not in self._turns:
                return True
            came = self._drain.wait(seconds, part)
            if came:
                self.fetched_at = self._monotonic()
            if self._noted and self._monotonic() >= self._commit_at:
                self._commit()
            return came

    def wake(self) -> None:
        """End a wait, from any thread."""
        self._drain.wake()

    def seek(self, part: TopicPart, position: int) -> None:
        """Go on at `position`, whatever was fetched."""
        with self._lock:
            self._rest([part])
            self._drain.remove(part)
            self._drain.add(part, position)
            self._waiting[part] = None
            self._admit()

    def rest(self, part: TopicPart) -> None:
        """Fetch no more of a partition, unless it asks again."""
        with self._lock:
            self._rest([part])
            self._admit()

    def rests(self, part: TopicPart) -> bool:
        """Whether it is not fetched for the time being."""
        return not self._turns[part].awake

    def high(self, part: TopicPart) -> int | None:
        """The high watermark as last told to the consumer; None where it is not known. On any thread."""
        low_high = self.consumer.get_watermark_offsets(TopicPartition(*part), cached=True)
        return None if low_high is None or low_high[1] < 0 else int(low_high[1])

    def note(self, part: TopicPart, position: int) -> None:
        """Tell the consumer group, soon, how far a partition was read."""
        if self._notes_offsets:
            self._noted[part] = position

    def close(self, part: TopicPart) -> None:
        """Read a partition no more; with the last one, leave Kafka, for which a second is waited at most."""
        with self._lock:
            if part not in self._turns:
                return
            if len(self._turns) > 1:
                self._rest([part])
                self._drain.remove(part)
                del self._turns[part]
                self._laden.discard(part)
                self._admit()
                return
            del self._turns[part]
            self.closed = True
            self._commit()
            self._drain.close()
        self._farewells.close(self.consumer.close)

    def _may_fetch(self, part: TopicPart, turn: _Turn) -> bool:
        """Whether more may be sorted now. Makes those rest that keep `part` from its own and do not ask themselves."""
        enough = self._held_awake() >= HELD_BYTES
        if (turn.awake and not enough) or self._drain.held(part).size_bytes:
            turn.refusals = 0
            return not enough
        turn.refusals += 1
        if turn.refusals == 1:
            turn.refused_since = self._takes
        if turn.refusals > REFUSALS and self._takes - self._looked_at >= len(self._turns):
            self._looked_at = self._takes
            self._rest([each for each, other in self._turns.items() if other.asked < turn.refused_since])
            self._admit()
        return self._held_awake() < HELD_BYTES

    def _held_awake(self) -> int:
        """Bytes that wait for partitions which are fetched."""
        return self._drain.size_bytes - sum(self._drain.held(part).size_bytes for part in self._laden)

    def _account(self, part: TopicPart, turn: _Turn, drained: Drained, taken_bytes: int) -> None:
        """Give up a turn at the end of the partition, and after a slice of it."""
        turn.taken_bytes += taken_bytes
        if _at_end(drained):
            turn.taken_bytes = 0
            self._expect(turn, 0)
        elif turn.taken_bytes >= SLICE_BYTES:
            turn.taken_bytes = 0
            self._expect(turn, BUSY_RECORDS)
            if self._waiting:
                self._rest([part])
                self._waiting[part] = None
        self._admit()

    def _expect(self, turn: _Turn, records: int) -> None:
        if turn.awake:
            self._expected += records - turn.expected
        turn.expected = records

    def _admit(self) -> None:
        """Have those fetched whose turn it is."""
        admitted = []
        while self._waiting:
            part = next(iter(self._waiting))
            turn = self._turns[part]
            if self._expected and self._expected + turn.expected > MOST_BUSY * BUSY_RECORDS:
                break
            del self._waiting[part]
            self._laden.discard(part)
            turn.awake = True
            self._expected += turn.expected
            admitted.append(TopicPartition(*part, self._drain.held(part).next_offset))
        if admitted:
            self.consumer.incremental_assign(admitted)

    def _rest(self, parts: Iterable[TopicPart]) -> None:
        """Have them fetched no more until they ask, and it is their turn."""
        awake = []
        for part in parts:
            turn = self._turns[part]
            if not turn.awake:
                self._waiting.pop(part, None)
                continue
            awake.append(part)
            turn.awake = False
            self._expected -= turn.expected
            if self._drain.held(part).size_bytes:
                self._laden.add(part)
        if awake:
            self.consumer.incremental_unassign([TopicPartition(*part) for part in awake])

    def _commit(self) -> None:
        self._commit_at = self._monotonic() + COMMIT_EVERY_SECONDS
        noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            self.consumer.commit(offsets=[TopicPartition(*part, at) for part, at in noted.items()], asynchronous=True)
        except KafkaException as error:
            self._log.info("kafka_group_commit_failed", partitions=len(noted), error=str(error))


def _at_end(drained: Drained) -> bool:
    """Whether librdkafka has nothing more of the partition for now."""
    if not drained.traces:
        return False
    last = drained.traces[-1]
    behind = int(drained.offsets[-1]) + 1 if len(drained.offsets) else 0
    return last.error.code() == KafkaError._PARTITION_EOF and last.offset is not None and last.offset >= behind
