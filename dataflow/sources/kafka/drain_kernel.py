"""Compiled: librdkafka's messages, known by their addresses, told apart by partition and made buffers of columns."""

import llvmlite.binding as llvm
import numpy as np
from numba import types

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled, copy_bytes, half_at, word_at
from dataflow.columnar.types import Int32s, Int64s, UInt8s

_ERROR, _TOPIC, _PARTITION, _PAYLOAD, _LENGTH, _OFFSET = 0, 8, 16, 24, 32, 56
"""Where rd_kafka_message_t has them, on every 64-bit machine."""

MESSAGE_BYTES = 640
"""What librdkafka keeps of a message besides its payload, as measured with 2.16."""

_END_OF_PARTITION = 2**32 - 191
"""RD_KAFKA_RESP_ERR__PARTITION_EOF as 32 bits."""

_address = types.int64
_timestamp = types.ExternalFunction("rd_kafka_message_timestamp", types.int64(_address, _address))
_destroy = types.ExternalFunction("rd_kafka_message_destroy", types.void(_address))


_Taken = tuple[int, Int64s, Int64s, Int32s, UInt8s, UInt8s, int, Int64s]


def _take(messages: Int64s, begin: int, end: int, max_bytes: int) -> _Taken:
    records = np.empty(end - begin, np.int64)
    troubles = np.empty(end - begin, np.int64)
    ends = np.zeros(end - begin + 1, np.int32)
    count = trouble_count = total = nulls = 0
    at = begin
    while at < end:
        message = messages[at]
        if half_at(message + _ERROR):
            troubles[trouble_count] = message
            trouble_count += 1
        else:
            if word_at(message + _PAYLOAD):
                length = word_at(message + _LENGTH)
                if count and total + length > max_bytes:
                    break
                total += length
            else:
                nulls += 1
            records[count] = message
            count += 1
            ends[count] = total
        at += 1
    offsets = np.empty(count, np.int64)
    timestamps = np.empty(count, np.int64)
    values = np.empty(total + SPARE_BYTES, np.uint8)
    values[total:] = 0
    valid = np.full((count + 7) // 8, 0xFF, np.uint8)
    kind = np.zeros(1, np.int32)
    to, kind_at = values.ctypes.data, kind.ctypes.data
    for i in range(count):
        message = records[i]
        offsets[i] = word_at(message + _OFFSET)
        timestamps[i] = _timestamp(message, kind_at)  # type: ignore[call-overload]  # compiled code calls C
        payload = word_at(message + _PAYLOAD)
        if payload:
            copy_bytes(to + ends[i], payload, np.int64(ends[i + 1] - ends[i]))
        else:
            valid[i >> 3] &= np.uint8(0xFF ^ (1 << (i & 7)))
        _destroy(message)
    return at - begin, offsets, timestamps, ends[: count + 1], values, valid, nulls, troubles[:trouble_count]


_Runs = tuple[Int64s, Int64s, Int64s, Int64s, Int64s]


def _runs(messages: Int64s, count: int) -> _Runs:
    starts = np.empty(count, np.int64)
    topics = np.empty(count, np.int64)
    numbers = np.empty(count, np.int64)
    weights = np.zeros(count, np.int64)
    nexts = np.full(count, -1, np.int64)
    run, topic, number = -1, 0, 0
    for i in range(count):
        message = messages[i]
        of_topic, of_number = word_at(message + _TOPIC), half_at(message + _PARTITION)
        if run < 0 or of_topic != topic or of_number != number:
            run += 1
            topic, number = of_topic, of_number
            starts[run], topics[run], numbers[run] = i, topic, number
        error = half_at(message + _ERROR)
        weights[run] += MESSAGE_BYTES
        if not error:
            weights[run] += word_at(message + _LENGTH)
            nexts[run] = word_at(message + _OFFSET) + 1
        elif error == _END_OF_PARTITION:
            nexts[run] = word_at(message + _OFFSET)
    return starts[: run + 1], topics[: run + 1], numbers[: run + 1], weights[: run + 1], nexts[: run + 1]


def compiled_runs() -> Compiled:
    """`runs(messages, count)`: the first `count` messages as runs of one partition each, compiled as `compiled` is.

    Gives per run the place of its first message; the address of the topic, 0 for none; the number of the partition;
    the bytes that its messages hold, MESSAGE_BYTES for each included; the offset behind its last record or told end,
    -1 where it has neither.
    """
    return kept((types.int64[::1], types.int64), _runs)


def compiled(addresses: dict[str, int]) -> Compiled:
    """`take(messages, begin, end, max_bytes)`, compiled once per machine where its cache can be written.

    Copies the records of messages[begin:end] up to `max_bytes` and destroys them; needs the addresses of
    rd_kafka_message_timestamp and rd_kafka_message_destroy. Gives the number of messages looked at; per record its
    offset and timestamp; ends, bytes, validity bits and number of nulls of the values; the addresses of the messages
    that are no records, which are the caller's to destroy.
    """
    for name, address in addresses.items():
        llvm.add_symbol(name, address)
    return kept((types.int64[::1], types.int64, types.int64, types.int64), _take)
