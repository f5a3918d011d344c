"""The fast drain: librdkafka's own batch call, and compiled passes from its messages to columns."""

import threading
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int64s
from dataflow.sources.kafka.drain import Drained, Held, TopicPart, Trace, whose
from dataflow.sources.kafka.librdkafka import MESSAGE_BYTES, Librdkafka, Unfit

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

__all__ = ["NativeDrain", "Unfit"]

_MOST_BYTES = 2**31 - 2**16
"""Arrow counts a binary column's bytes with int32."""

_NOTHING = np.zeros(0, np.int64)
_loading = threading.Lock()


class _Loaded(NamedTuple):
    library: Librdkafka
    measure: "Compiled"
    take: "Compiled"
    runs: "Compiled"


@cache
def _loaded() -> _Loaded:
    library = Librdkafka()
    names = ("rd_kafka_message_timestamp", "rd_kafka_message_destroy")
    return _Loaded(library, *loops("sources/kafka/drain_kernel", {name: library.address(name) for name in names}))


def load() -> _Loaded:
    """The library and the kernels, ready to run; takes a second or two where nothing is cached. Raises Unfit."""
    with _loading:
        return _loaded()


@dataclass(slots=True)
class _Line:
    """What was fetched of one partition and is not taken: addresses of messages, of which [begin, end) are left."""

    queue: int
    next_offset: int
    messages: Int64s = field(default_factory=lambda: _NOTHING)
    begin: int = 0
    end: int = 0
    size_bytes: int = 0
    traces: list[Trace] = field(default_factory=list)

    def append(self, messages: Int64s) -> None:
        """Put addresses behind those that are left."""
        self.messages = np.concatenate((self.messages[self.begin : self.end], messages))
        self.begin, self.end = 0, len(self.messages)


class NativeDrain:
    """The partitions' own queues, led into one of the drain's: records come from there, all else from the consumer.

    So librdkafka calls back into Python only where confluent-kafka expects it, in the consumer's `poll`, and what it
    fetches ahead is bounded for all partitions together.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Raises Unfit if it is not certain to work."""
        self._library, self._measure, self._take, self._runs = load()
        self._consumer = consumer
        self._client = self._library.client_of(consumer)
        self._queue: int | None = self._library.rd_kafka_queue_new(self._client)
        self._fetched, self._sorted = np.zeros(0, np.int64), np.zeros((5, 0), np.int64)
        self._lines: dict[TopicPart, _Line] = {}
        self._found: dict[tuple[int, int], TopicPart | None] = {}
        self.size_bytes = 0

    def add(self, part: TopicPart, next_offset: int) -> None:
        """As `Drain.add`."""
        topic, number = part
        queue = self._library.rd_kafka_queue_get_partition(self._client, topic.encode(), number)
        assert queue, "a consumer has a queue for every partition"
        # told by the application, so that no assign ever leads it into the consumer's queue
        self._library.rd_kafka_queue_forward(queue, self._queue)
        self._lines[part] = _Line(queue, next_offset)
        self._found.clear()

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool = True) -> Drained:
        """As `Drain.take`."""
        self._serve(part)
        line = self._lines[part]
        # an unassign cuts it off, at some time of its own; what came since then moves over with this
        self._library.rd_kafka_queue_forward(line.queue, self._queue)
        if fetch and line.end - line.begin < max_records:
            self._fetch(max_records)
        begin, end = line.begin, min(line.end, line.begin + max_records)
        most = end - begin
        records, others = np.empty(most, np.int64), np.empty(most, np.int64)
        ends, told = np.empty(most + 1, np.int32), np.empty(4, np.int64)
        taken = self._measure(line.messages, begin, end, min(max_bytes, _MOST_BYTES), records, others, ends, told)
        count, troubles, size_bytes, nulls = told.tolist()
        offsets, stamps = np.empty(count, np.int64), np.empty(count, np.int64)
        data, valid = np.empty(size_bytes + SPARE_BYTES, np.uint8), np.full((count + 7) // 8, 0xFF, np.uint8)
        data[size_bytes:] = 0
        self._take(records, ends, told.ctypes.data, offsets, stamps, data.ctypes.data, valid)
        line.begin += taken
        if taken:
            self._lighten(line, taken * MESSAGE_BYTES + size_bytes)
        traces, line.traces = line.traces, []
        traces += map(self._trace, others[:troubles].tolist())
        buffers = [pa.py_buffer(valid) if nulls else None, pa.py_buffer(ends[: count + 1]), pa.py_buffer(data)]
        values = pa.Array.from_buffers(pa.binary(), len(offsets), buffers, nulls)
        return Drained(offsets, stamps, values, traces)

    def wait(self, seconds: float, asked: TopicPart) -> bool:
        """As `Drain.wait`."""
        self._serve(asked)
        # one message: for more than there are, the call would go on waiting
        return self._fetch(1, int(seconds * 1000)) or bool(self._lines[asked].traces)

    def wake(self) -> None:
        """As `Drain.wake`."""
        if (queue := self._queue) is not None:
            self._library.rd_kafka_queue_yield(queue)

    def held(self, part: TopicPart) -> Held:
        """As `Drain.held`."""
        line = self._lines[part]
        return Held(line.size_bytes, line.next_offset)

    def remove(self, part: TopicPart) -> None:
        """As `Drain.remove`; destroys what was not taken."""
        line = self._lines.pop(part, None)
        if line is None:
            return
        self._destroy(line.messages[line.begin : line.end])
        self._lighten(line, line.size_bytes)
        self._library.rd_kafka_queue_forward(line.queue, None)
        self._library.rd_kafka_queue_destroy(line.queue)
        # the address of a topic may be another's later
        self._found.clear()

    def close(self) -> None:
        """As `Drain.close`."""
        for part in list(self._lines):
            self.remove(part)
        if self._queue:
            self._library.rd_kafka_queue_destroy(self._queue)
            self._queue = None

    def _serve(self, asked: TopicPart) -> None:
        """Let callbacks run, and take what concerns the consumer as a whole."""
        while (message := self._consumer.poll(0)) is not None:
            error = message.error()
            assert error is not None, "records come from the drain's own queue only"
            number = message.partition()
            part = whose((message.topic() or "", -1 if number is None else number), self._lines, asked)
            self._lines[part].traces.append(Trace(error, message.offset()))

    def _fetch(self, max_records: int, wait_ms: int = 0) -> bool:
        """Sort what librdkafka has fetched by now to the partitions that it is of; whether there was anything.

        With `wait_ms`, so long is waited until there are `max_records`.
        """
        if len(self._fetched) < max_records:
            self._fetched, self._sorted = np.zeros(max_records, np.int64), np.zeros((5, max_records), np.int64)
        fetched = self._fetched
        got = self._library.rd_kafka_consume_batch_queue(self._queue, wait_ms, fetched.ctypes.data, max_records)
        if got <= 0:
            return False
        count = self._runs(fetched, got, *self._sorted)
        starts, *columns = (column[:count].tolist() for column in self._sorted)
        for start, end, topic, number, size_bytes, next_offset in zip(
            starts, [*starts[1:], got], *columns, strict=True
        ):
            part = self._part_of(topic, number)
            if part is None:
                self._destroy(fetched[start:end])
                continue
            line = self._lines[part]
            line.append(fetched[start:end])
            line.size_bytes += size_bytes
            self.size_bytes += size_bytes
            if next_offset >= 0:
                line.next_offset = next_offset
        return True

    def _part_of(self, topic: int, number: int) -> TopicPart | None:
        """The partition that messages of a topic, known by its address, and a number are of; None if it was removed."""
        key = (topic, number)
        if key not in self._found:
            name = self._library.rd_kafka_topic_name(topic).decode() if topic else ""
            self._found[key] = (name, number) if (name, number) in self._lines else None
        return self._found[key]

    def _lighten(self, line: _Line, size_bytes: int) -> None:
        line.size_bytes -= size_bytes
        self.size_bytes -= size_bytes
        if line.begin == line.end:
            line.messages, line.begin, line.end = _NOTHING, 0, 0

    def _destroy(self, messages: Int64s) -> None:
        for message in messages.tolist():
            self._library.rd_kafka_message_destroy(message)

    def _trace(self, message: int) -> Trace:
        head = np.ctypeslib.as_array((np.ctypeslib.as_ctypes_type(np.int64) * 8).from_address(message))
        code, offset = int(head.view(np.int32)[0]), int(head[7])
        said = self._library.rd_kafka_message_errstr(message)
        self._library.rd_kafka_message_destroy(message)
        return Trace(KafkaError(code, said.decode(errors="replace") if said else None), offset)
