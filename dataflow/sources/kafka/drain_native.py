"""The fast drain: compiled code takes librdkafka's messages out of a queue of its own and makes columns of them."""

import ctypes
import threading
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError

from dataflow.columnar.loops import loops
from dataflow.columnar.types import Int64s
from dataflow.sources.kafka.drain import Drained, Held, TopicPart, Trace, whose
from dataflow.sources.kafka.drain_layout import (
    ADDED,
    BEGIN,
    ERROR,
    LEFT,
    LENGTH,
    LINE_NEXT,
    NAMES,
    OFFSET,
    PARTITION,
    PAYLOAD,
    ROW_BYTES,
    STAND_WORDS,
    TOPIC,
)
from dataflow.sources.kafka.drain_lines import Line, Lines
from dataflow.sources.kafka.librdkafka import Librdkafka, Unfit

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

__all__ = ["NativeDrain", "Unfit"]

_AT_ONCE = 1_024
"""So many messages are taken out of the queue before they are copied: with all that librdkafka keeps of each they
still fit into what a processor core has for itself."""

_MESSAGE_WORDS = 8
_loading = threading.Lock()


class _Loaded(NamedTuple):
    library: Librdkafka
    pour: "Compiled"


@cache
def _loaded() -> _Loaded:
    library = Librdkafka()
    return _Loaded(library, *loops("sources/kafka/drain_kernel", {name: library.address(name) for name in NAMES}))


def load() -> _Loaded:
    """The library and the kernel, ready to run; takes a second or two where nothing is cached. Raises Unfit."""
    with _loading:
        return _loaded()


class NativeDrain:
    """The partitions' own queues, led into one of the drain's: records come from there, all else from the consumer.

    So librdkafka calls back into Python only where confluent-kafka expects it, in the consumer's `poll`, and what it
    fetches ahead is bounded for all partitions together. What is fetched is copied out of its messages at once, which
    are five times as large as a small record.
    """

    def __init__(self, consumer: Consumer) -> None:
        """Raises Unfit if it is not certain to work."""
        self._library, self._pour = load()
        self._consumer = consumer
        self._client = self._library.client_of(consumer)
        self._queue: int | None = self._library.rd_kafka_queue_new(self._client)
        self._messages = np.zeros(_AT_ONCE, np.int64)
        self._stand = np.zeros(STAND_WORDS, np.int64)
        self._lines: dict[TopicPart, Line] = {}
        self._table = Lines()
        self.size_bytes = 0

    def add(self, part: TopicPart, next_offset: int) -> None:
        """As `Drain.add`."""
        topic, number = part
        queue = self._library.rd_kafka_queue_get_partition(self._client, topic.encode(), number)
        assert queue, "a consumer has a queue for every partition"
        # told by the application, so that no assign ever leads it into the consumer's queue
        self._library.rd_kafka_queue_forward(queue, self._queue)
        self._lines[part] = self._table.add(queue, next_offset)

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool = True) -> Drained:
        """As `Drain.take`."""
        self._serve(part)
        line = self._lines[part]
        # an unassign cuts it off, at some time of its own; what came since then moves over with this
        self._library.rd_kafka_queue_forward(line.queue, self._queue)
        if fetch and self._table.rows(line) < max_records:
            self._fetch(max_records)
        cut = self._table.cut(line, max_records, max_bytes)
        told = [trace for behind, trace in line.traces if behind <= line.taken]
        if told:
            line.traces = line.traces[len(told) :]
        if cut is None:
            return Drained(_NOTHING, _NOTHING, _NO_VALUES, told)
        self.size_bytes -= cut.size_bytes + ROW_BYTES * len(cut.offsets)
        return Drained(cut.offsets, cut.timestamps, cut.values, told)

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
        return self._table.held(self._lines[part])

    def remove(self, part: TopicPart) -> None:
        """As `Drain.remove`."""
        line = self._lines.pop(part, None)
        if line is None:
            return
        self.size_bytes -= self._table.held(line).size_bytes
        self._table.remove(line)
        self._library.rd_kafka_queue_forward(line.queue, None)
        self._library.rd_kafka_queue_destroy(line.queue)

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
            line = self._lines[part]
            # before what waits
            line.traces.insert(0, (line.taken, Trace(error, message.offset())))

    def _fetch(self, max_records: int, wait_ms: int = 0) -> bool:
        """Sort what librdkafka has fetched by now to the partitions that it is of; whether there was anything.

        With `wait_ms`, so long is waited for the first message.
        """
        lines, stand = self._table, self._stand
        stand[:] = 0
        stand[LEFT] = max_records
        while self._pour(self._queue, wait_ms, self._messages, stand, lines.words, lines.used):
            wait_ms = 0
            message = int(self._messages[stand[BEGIN]])
            if self._is_done_with(message, max_records):
                self._library.rd_kafka_message_destroy(message)
                stand[BEGIN] += 1
        self.size_bytes += int(stand[ADDED])
        return bool(stand[LEFT] < max_records)

    def _is_done_with(self, address: int, max_records: int) -> bool:
        """Look at a message that could not be copied: whether it is no record, and told; if it is one, it can be."""
        message = _message(address)
        # a number as compiled code has it, which knows no negative ones
        topic, number = int(message[TOPIC // 8]), int(message.view(np.uint32)[PARTITION // 4])
        line = self._table.known(topic, number)
        if line is None:
            name = self._library.rd_kafka_topic_name(topic).decode() if topic else ""
            self._table.learn(self._lines.get((name, number)), topic, number)
            return False
        code, offset = int(message.view(np.int32)[ERROR // 4]), int(message[OFFSET // 8])
        if not code:
            self._table.widen(line, int(message[LENGTH // 8]) if message[PAYLOAD // 8] else 0, max_records)
            return False
        said = self._library.rd_kafka_message_errstr(address)
        trace = Trace(KafkaError(code, said.decode(errors="replace") if said else None), offset)
        line.traces.append((self._table.came(line), trace))
        if code == KafkaError._PARTITION_EOF:
            self._table.table[line.at, LINE_NEXT] = offset
        return True


_NOTHING = np.zeros(0, np.int64)
_NO_VALUES = pa.array([], pa.binary())


def _message(address: int) -> Int64s:
    """The words of a message, where they lie."""
    words: Int64s = np.frombuffer(memoryview((ctypes.c_int64 * _MESSAGE_WORDS).from_address(address)), np.int64)
    return words
