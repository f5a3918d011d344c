"""The fast drain: librdkafka's own batch call, and one compiled pass from its messages to columns."""

import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from confluent_kafka import Consumer, KafkaError

from dataflow.sources.kafka.drain import Drained, Trace
from dataflow.sources.kafka.drain_kernel import compiled
from dataflow.sources.kafka.librdkafka import Librdkafka, Unfit

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

__all__ = ["NativeDrain", "Unfit"]

_MOST_BYTES = 2**31 - 2**16
"""Arrow counts a binary column's bytes with int32."""

_loading = threading.Lock()


@cache
def _loaded() -> "tuple[Librdkafka, Compiled]":
    library = Librdkafka()
    names = ("rd_kafka_message_timestamp", "rd_kafka_message_destroy")
    return library, compiled({name: library.address(name) for name in names})


def load() -> "tuple[Librdkafka, Compiled]":
    """The library and the kernel, ready to run; takes a second or two where nothing is cached. Raises Unfit."""
    with _loading:
        return _loaded()


class NativeDrain:
    """The partition's own queue, cut off from the consumer's: records come from here, all else from the consumer.

    So librdkafka calls back into Python only where confluent-kafka expects it, in the consumer's `poll`.
    """

    def __init__(self, consumer: Consumer, topic: str, partition: int) -> None:
        """Raises Unfit if it is not certain to work."""
        self._library, self._take = load()
        self._consumer = consumer
        client = self._library.client_of(consumer)
        self._queue: int | None = self._library.rd_kafka_queue_get_partition(client, topic.encode(), partition)
        if not self._queue:
            raise Unfit(f"{topic}/{partition} has no queue")
        # Told by the application, this outlasts every assign.
        self._library.rd_kafka_queue_forward(self._queue, None)
        self._messages = np.zeros(0, np.int64)
        self._begin = self._end = 0

    def take(self, max_records: int, max_bytes: int) -> Drained:
        """As `Drain.take`; what librdkafka gave beyond `max_bytes` waits for the next call."""
        traces = self._serve()
        if self._begin == self._end:
            self._fill(max_records)
        begin, end = self._begin, min(self._end, self._begin + max_records)
        taken, offsets, stamps, ends, data, valid, nulls, troubles = self._take(
            self._messages, begin, end, min(max_bytes, _MOST_BYTES)
        )
        self._begin += taken
        traces += map(self._trace, troubles.tolist())
        buffers = [pa.py_buffer(valid) if nulls else None, pa.py_buffer(ends), pa.py_buffer(data)]
        values = pa.Array.from_buffers(pa.binary(), len(offsets), buffers, nulls)
        return Drained(offsets, stamps, values, traces)

    def close(self) -> None:
        """Destroys what was not taken and lets go of the queue."""
        for message in self._messages[self._begin : self._end].tolist():
            self._library.rd_kafka_message_destroy(message)
        self._begin = self._end
        if self._queue:
            self._library.rd_kafka_queue_destroy(self._queue)
            self._queue = None

    def _serve(self) -> list[Trace]:
        """Let callbacks run, and take what concerns the consumer as a whole."""
        traces = []
        while (message := self._consumer.poll(0)) is not None:
            error = message.error()
            assert error is not None, "records come from the partition's own queue only"
            traces.append(Trace(error, message.offset()))
        return traces

    def _fill(self, max_records: int) -> None:
        if len(self._messages) < max_records:
            self._messages = np.zeros(max_records, np.int64)
        address = self._messages.ctypes.data
        got = self._library.rd_kafka_consume_batch_queue(self._queue, 0, address, max_records)
        self._begin, self._end = 0, max(0, got)

    def _trace(self, message: int) -> Trace:
        head = np.ctypeslib.as_array((np.ctypeslib.as_ctypes_type(np.int64) * 8).from_address(message))
        code, offset = int(head.view(np.int32)[0]), int(head[7])
        said = self._library.rd_kafka_message_errstr(message)
        self._library.rd_kafka_message_destroy(message)
        return Trace(KafkaError(code, said.decode(errors="replace") if said else None), offset)
