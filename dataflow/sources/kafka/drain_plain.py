"""The plain drain: confluent-kafka's own batch call, one Python object per record; works with every version."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, Message

from dataflow.event.record_part import KEY, TOPIC, header_of
from dataflow.sources.kafka.drain import Drained, Held, TopicPart, Trace, whose

MESSAGE_BYTES = 512
"""About what a message costs in memory besides its value, as librdkafka's and as Python's object."""


@dataclass(slots=True)
class _Line:
    """What was fetched of one partition and is not taken."""

    next_offset: int
    messages: deque[Message] = field(default_factory=deque)
    traces: list[Trace] = field(default_factory=list)
    size_bytes: int = 0


class PlainDrain:
    """As `Drain`; `beside` names what else of each record is told."""

    def __init__(self, consumer: Consumer, beside: Sequence[str] = ()) -> None:
        self._consumer = consumer
        self._beside = beside
        self._lines: dict[TopicPart, _Line] = {}
        self.size_bytes = 0

    def add(self, part: TopicPart, next_offset: int) -> None:
        """As `Drain.add`."""
        self._lines[part] = _Line(next_offset)

    def held(self, part: TopicPart) -> Held:
        """As `Drain.held`."""
        line = self._lines[part]
        return Held(line.size_bytes, line.next_offset)

    def take(self, part: TopicPart, max_records: int, max_bytes: int, *, fetch: bool = True) -> Drained:
        """As `Drain.take`."""
        line = self._lines[part]
        if fetch and len(line.messages) < max_records:
            self._sort(self._consumer.consume(max_records, 0), part)
        messages: list[Message] = []
        traces, line.traces = line.traces, []
        total = 0
        while line.messages and len(messages) < max_records:
            message = line.messages[0]
            if (error := message.error()) is not None:
                traces.append(Trace(error, message.offset()))
            else:
                total += len(message.value() or b"")
                if messages and total > max_bytes:
                    break
                messages.append(message)
            self._forget(line, line.messages.popleft())
        return self._columns(messages, traces)

    def wait(self, seconds: float, asked: TopicPart) -> bool:
        """As `Drain.wait`."""
        messages = self._consumer.consume(1, seconds)
        self._sort(messages, asked)
        return bool(messages)

    def wake(self) -> None:
        """A wait of confluent-kafka ends by itself."""

    def remove(self, part: TopicPart) -> None:
        """As `Drain.remove`."""
        line = self._lines.pop(part, None)
        if line is not None:
            self.size_bytes -= line.size_bytes

    def close(self) -> None:
        """As `Drain.close`."""
        for part in list(self._lines):
            self.remove(part)

    def _sort(self, messages: list[Message], asked: TopicPart) -> None:
        for message in messages:
            error = message.error()
            number = message.partition()
            part: TopicPart = (message.topic() or "", -1 if number is None else number)
            if part not in self._lines:
                # what is of one that was let go of in the meantime concerns nobody
                if error is not None and error.code() != KafkaError._PARTITION_EOF:
                    self._lines[whose(part, self._lines, asked)].traces.append(Trace(error, message.offset()))
                continue
            line = self._lines[part]
            line.messages.append(message)
            size_bytes = _size_bytes(message)
            line.size_bytes += size_bytes
            self.size_bytes += size_bytes
            if error is None or error.code() == KafkaError._PARTITION_EOF:
                line.next_offset = int(message.offset() or 0) + (error is None)

    def _forget(self, line: _Line, message: Message) -> None:
        size_bytes = _size_bytes(message)
        line.size_bytes -= size_bytes
        self.size_bytes -= size_bytes

    def _columns(self, messages: list[Message], traces: list[Trace]) -> Drained:
        offsets = np.array(list(map(Message.offset, messages)), np.int64)
        timestamps = np.array([stamp for _, stamp in map(Message.timestamp, messages)], np.int64)
        values = pa.array(list(map(Message.value, messages)), pa.binary())
        beside = {column: _told(column, messages) for column in self._beside}
        return Drained(offsets, timestamps, values, traces, beside)


def _size_bytes(message: Message) -> int:
    return MESSAGE_BYTES + (0 if message.error() is not None else len(message.value() or b""))


def _told(column: str, messages: list[Message]) -> pa.Array:
    """One part of each record; text for the topic, bytes for key and headers."""
    if column == TOPIC:
        return pa.array(list(map(Message.topic, messages)), pa.string())
    if column == KEY:
        return pa.array(list(map(Message.key, messages)), pa.binary())
    name = header_of(column)
    assert name is not None, "there is nothing else"
    return pa.array([dict(message.headers() or ()).get(name) for message in messages], pa.binary())
