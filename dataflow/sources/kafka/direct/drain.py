"""The drain of what is fetched directly, and the consumer that goes with it: a hub knows no other."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from confluent_kafka import Consumer, KafkaError, TopicPartition

from dataflow.logs import logger
from dataflow.sources.kafka.direct.access import Access
from dataflow.sources.kafka.direct.fetcher import Broker, Fetched, Fetcher, Ready
from dataflow.sources.kafka.direct.records import Piece, Records, drained
from dataflow.sources.kafka.direct.request import Limits
from dataflow.sources.kafka.drain import Drain, Drained, Held, TopicPart, Trace, whose

CLOSE_SECONDS = 1.0
"""How long a thread that fetches may take to end."""
TURN_SECONDS = 0.02
"""How long one of two is waited for before the other one."""
HELD_BYTES = 8 * 2**20
"""So much is sorted, and no more until it is taken."""

Leaders = Callable[[str], Mapping[int, tuple[str, int]]]
"""A topic's partitions that have a leader, with its host and port. Raises SourceError."""


@dataclass(frozen=True, slots=True)
class Means:
    """How records are fetched directly, and by whom what cannot be: `open_drain` makes the consumer's own drain."""

    access: Access
    limits: Limits
    leaders: Leaders
    open_drain: Callable[[Consumer], Drain]


@dataclass(slots=True)
class _Line:
    """What was fetched of one partition and is not taken: records, the first `begin` of which are taken.

    `version` counts assignments: what was fetched for an earlier one is of no use. `is_given_up`: librdkafka fetches.
    """

    next_offset: int
    fetched: deque[Records] = field(default_factory=deque)
    begin: int = 0
    size_bytes: int = 0
    version: int = 0
    awake: bool = False
    is_given_up: bool = False
    ends: tuple[int, int, int] | None = None
    end_told: int = -1
    traces: list[Trace] = field(default_factory=list)


class DirectDrain:
    """As `Drain`. What cannot be fetched directly, librdkafka fetches, from the exact offset on and from then on.

    Records come from `consumer` only where that is so; all else that it says is told as ever.
    """

    def __init__(self, consumer: Consumer, means: Means, beside: Sequence[str] = ()) -> None:
        self._consumer = consumer
        self._means = means
        self._beside = beside
        self._ready = Ready(means.limits.ready_bytes)
        self._fetchers: dict[Broker, Fetcher] = {}
        self._fallback: Drain | None = None
        self._lines: dict[TopicPart, _Line] = {}
        self._leaders: dict[str, Mapping[int, tuple[str, int]]] = {}
        self._versions = 0
        self._size_bytes = 0
        self._nothing = drained("", [], beside)

    @property
    def size_bytes(self) -> int:
        """As `Drain.size_bytes`."""
        return self._size_bytes + (0 if self._fallback is None else self._fallback.size_bytes)

    def add(self, part: TopicPart, next_offset: int) -> None:
        """As `Drain.add`. Raises SourceError where nobody tells the leaders of its topic."""
        topic, _ = part
        if topic not in self._leaders:
            self._leaders[topic] = self._means.leaders(topic)
        self._lines[part] = _Line(next_offset)

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool = True) -> Drained:
        """As `Drain.take`."""
        line = self._lines[part]
        if self._fallback is None:
            self._serve(part)
        if fetch:
            self._sort(part, max_records)
        traces, line.traces = line.traces, []
        if line.is_given_up and not line.fetched:
            assert self._fallback is not None, "it was given up to somebody"
            told = self._fallback.take(part, max_records, max_bytes, fetch=fetch)
            return Drained(told.offsets, told.timestamps, told.values, traces + told.traces, told.beside)
        pieces = self._pieces(line, max_records, max_bytes)
        if not line.fetched and not line.is_given_up:
            traces += self._end_of(line)
        found = drained(part[0], pieces, self._beside) if pieces else self._nothing
        return replace(found, traces=traces)

    def wait(self, seconds: float, asked: TopicPart) -> bool:
        """As `Drain.wait`. Where librdkafka fetches some, it is waited for in turns with the others."""
        if self._fallback is None:
            self._serve(asked)
        given_up = next((part for part in (asked, *self._lines) if self._lines[part].is_given_up), None)
        if self._fallback is None or given_up is None:
            return self._ready.wait(seconds) or bool(self._lines[asked].traces)
        return self._ready.wait(TURN_SECONDS) or self._fallback.wait(min(seconds, TURN_SECONDS), given_up)

    def wake(self) -> None:
        """As `Drain.wake`."""
        self._ready.wake()
        if self._fallback is not None:
            self._fallback.wake()

    def held(self, part: TopicPart) -> Held:
        """As `Drain.held`."""
        line = self._lines[part]
        if not line.is_given_up or self._fallback is None:
            return Held(line.size_bytes, line.next_offset)
        held = self._fallback.held(part)
        return Held(line.size_bytes + held.size_bytes, held.next_offset)

    def remove(self, part: TopicPart) -> None:
        """As `Drain.remove`."""
        line = self._lines.pop(part, None)
        if line is None:
            return
        self._size_bytes -= line.size_bytes
        if line.is_given_up and self._fallback is not None:
            self._fallback.remove(part)

    def close(self) -> None:
        """As `Drain.close`; ends the threads that fetch."""
        for fetcher in self._fetchers.values():
            fetcher.close(CLOSE_SECONDS)
        self._fetchers = {}
        self._lines = {}
        self._size_bytes = 0
        if self._fallback is not None:
            self._fallback.close()

    def assign(self, places: Sequence[TopicPartition]) -> None:
        """Fetch these from their offsets on."""
        given_up = []
        for place in places:
            part = (place.topic, place.partition)
            line = self._lines[part]
            line.awake = True
            if line.is_given_up:
                given_up.append(place)
                continue
            self._versions += 1
            line.version, line.next_offset, line.end_told = self._versions, place.offset, -1
            broker = self._leaders[place.topic].get(place.partition)
            if broker is None:
                self._give_up(part, line, "it has no leader")
            else:
                self._fetcher(Broker(*broker)).want(part, place.offset, line.version)
        if given_up:
            self._consumer.incremental_assign(given_up)

    def unassign(self, places: Sequence[TopicPartition]) -> None:
        """Fetch these no more; what was sorted stays."""
        given_up = []
        for place in places:
            part = (place.topic, place.partition)
            line = self._lines[part]
            line.awake = False
            if line.is_given_up:
                given_up.append(place)
                continue
            self._versions += 1
            line.version = self._versions
            for fetcher in self._fetchers.values():
                fetcher.forget(part)
        if given_up:
            self._consumer.incremental_unassign(given_up)

    def ends(self, part: TopicPart) -> tuple[int, int] | None:
        """First offset and high watermark as told last; None where nothing was, or librdkafka knows."""
        line = self._lines.get(part)
        if line is None or line.is_given_up or line.ends is None:
            return None
        return line.ends[0], line.ends[2]

    def _serve(self, asked: TopicPart) -> None:
        """Let callbacks run, and take what concerns the consumer as a whole: it has no partitions."""
        while (message := self._consumer.poll(0)) is not None:
            error = message.error()
            assert error is not None, "a consumer without partitions has no records"
            number = message.partition()
            part = whose((message.topic() or "", -1 if number is None else number), self._lines, asked)
            self._lines[part].traces.append(Trace(error, message.offset()))

    def _sort(self, asked: TopicPart, max_records: int) -> None:
        """Give what has come to the partitions that it is of, until the one that asks has enough."""
        line = self._lines[asked]
        enough = max_records + line.begin
        while sum(map(len, line.fetched)) < enough and self._size_bytes < HELD_BYTES:
            fetched = self._ready.take()
            if fetched is None:
                return
            self._keep(fetched)

    def _keep(self, fetched: Fetched) -> None:
        line = self._lines.get(fetched.part)
        if line is None or line.version != fetched.version:
            # of one that was let go of meanwhile
            return
        if fetched.records is not None:
            size_bytes = fetched.records.size_bytes(0, len(fetched.records))
            line.fetched.append(fetched.records)
            line.size_bytes += size_bytes
            self._size_bytes += size_bytes
        line.next_offset = fetched.next_offset
        line.ends = fetched.ends or line.ends
        if fetched.trouble is not None:
            self._give_up(fetched.part, line, fetched.trouble)

    def _give_up(self, part: TopicPart, line: _Line, reason: str) -> None:
        """Let librdkafka go on behind all that was fetched."""
        topic, number = part
        logger("kafka").warning(
            f"{topic}/{number} is fetched by librdkafka from offset {line.next_offset} on", reason=reason
        )
        if self._fallback is None:
            self._fallback = self._means.open_drain(self._consumer)
        line.is_given_up = True
        self._fallback.add(part, line.next_offset)
        if line.awake:
            self._consumer.incremental_assign([TopicPartition(topic, number, line.next_offset)])

    def _fetcher(self, broker: Broker) -> Fetcher:
        if broker not in self._fetchers:
            self._fetchers[broker] = Fetcher(
                broker, self._means.access, self._means.limits, self._ready, tells_parts=bool(self._beside)
            )
        return self._fetchers[broker]

    def _pieces(self, line: _Line, max_records: int, max_bytes: int) -> list[Piece]:
        """The next records, at least one where there is any, and take them off the line."""
        found: list[Piece] = []
        left_records, left_bytes = max_records, max_bytes
        while line.fetched and left_records:
            records = line.fetched[0]
            begin = line.begin
            end = min(len(records), begin + left_records)
            fit = int(records.ends.searchsorted(records.ends[begin] + left_bytes, side="right")) - 1
            if fit < end:
                end = max(fit, begin + (not found))
                left_records = end - begin
            if end == begin:
                break
            found.append((records, begin, end))
            left_records -= end - begin
            left_bytes = max(0, left_bytes - int(records.ends[end] - records.ends[begin]))
            size_bytes = records.size_bytes(begin, end)
            line.size_bytes -= size_bytes
            self._size_bytes -= size_bytes
            line.begin = end
            if end == len(records):
                line.fetched.popleft()
                line.begin = 0
        return found

    def _end_of(self, line: _Line) -> list[Trace]:
        """That the end of what may be read is reached, once each time; all before it is taken."""
        if line.ends is None or line.next_offset < line.ends[1] or line.end_told == line.next_offset:
            return []
        line.end_told = line.next_offset
        return [Trace(KafkaError(KafkaError._PARTITION_EOF), line.next_offset)]


class DirectConsumer:
    """What a hub knows of a consumer: partitions go to the drain, the rest to the consumer itself."""

    def __init__(self, consumer: Consumer, drain: DirectDrain) -> None:
        self._consumer = consumer
        self._drain = drain

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        """Fetch these as well."""
        self._drain.assign(partitions)

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        """Fetch these no more."""
        self._drain.unassign(partitions)

    def get_watermark_offsets(self, partition: TopicPartition, *, cached: bool) -> tuple[int, int] | None:
        """First offset and high watermark as told last; on any thread."""
        told = self._drain.ends((partition.topic, partition.partition))
        return told or self._consumer.get_watermark_offsets(partition, cached=cached)

    def commit(self, *, offsets: list[TopicPartition], asynchronous: Literal[True]) -> object:
        """Tell the consumer group."""
        return self._consumer.commit(offsets=offsets, asynchronous=asynchronous)

    def close(self) -> None:
        """Leave Kafka."""
        self._consumer.close()
