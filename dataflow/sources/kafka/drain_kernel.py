"""Compiled: librdkafka's messages, known by their addresses, told apart by partition and made buffers of columns."""

import numpy as np
from numba import types

from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import copy_bytes, half_at, word_at
from dataflow.columnar.types import Int32s, Int64s, UInt8s
from dataflow.sources.kafka.librdkafka import MESSAGE_BYTES

_ERROR, _TOPIC, _PARTITION, _PAYLOAD, _LENGTH, _OFFSET = 0, 8, 16, 24, 32, 56
"""Where rd_kafka_message_t has them, on every 64-bit machine."""

_END_OF_PARTITION = 2**32 - 191
"""RD_KAFKA_RESP_ERR__PARTITION_EOF as 32 bits."""

_address = types.int64
_timestamp = types.ExternalFunction("rd_kafka_message_timestamp", types.int64(_address, _address))
_destroy = types.ExternalFunction("rd_kafka_message_destroy", types.void(_address))


def _measure(
    messages: Int64s,
    begin: int,
    end: int,
    max_bytes: int,
    records: Int64s,
    troubles: Int64s,
    ends: Int32s,
    told: Int64s,
) -> int:
    count = trouble_count = total = nulls = 0
    ends[0] = 0
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
    told[0], told[1], told[2], told[3] = count, trouble_count, total, nulls
    return at - begin


def _take(
    records: Int64s, ends: Int32s, kind: int, offsets: Int64s, timestamps: Int64s, values: int, valid: UInt8s
) -> None:
    for i in range(len(offsets)):
        message = records[i]
        offsets[i] = word_at(message + _OFFSET)
        timestamps[i] = _timestamp(message, kind)  # type: ignore[call-overload]  # compiled code calls C
        payload = word_at(message + _PAYLOAD)
        if payload:
            copy_bytes(values + ends[i], payload, np.int64(ends[i + 1] - ends[i]))
        else:
            valid[i >> 3] &= np.uint8(0xFF ^ (1 << (i & 7)))
        _destroy(message)


def _runs(
    messages: Int64s, count: int, starts: Int64s, topics: Int64s, numbers: Int64s, weights: Int64s, nexts: Int64s
) -> int:
    run, topic, number = -1, 0, 0
    for i in range(count):
        message = messages[i]
        of_topic, of_number = word_at(message + _TOPIC), half_at(message + _PARTITION)
        if run < 0 or of_topic != topic or of_number != number:
            run += 1
            topic, number = of_topic, of_number
            starts[run], topics[run], numbers[run], weights[run], nexts[run] = i, topic, number, 0, -1
        error = half_at(message + _ERROR)
        weights[run] += MESSAGE_BYTES
        if not error:
            weights[run] += word_at(message + _LENGTH)
            nexts[run] = word_at(message + _OFFSET) + 1
        elif error == _END_OF_PARTITION:
            nexts[run] = word_at(message + _OFFSET)
    return run + 1


_I64, _WORDS, _HALVES = types.int64, types.int64[::1], types.int32[::1]

LOOPS = (
    Loop(_I64(_WORDS, _I64, _I64, _I64, _WORDS, _WORDS, _HALVES, _WORDS), _measure),
    Loop(types.void(_WORDS, _HALVES, _I64, _WORDS, _WORDS, _I64, types.uint8[::1]), _take),
    Loop(_I64(_WORDS, _I64, _WORDS, _WORDS, _WORDS, _WORDS, _WORDS), _runs),
)
"""measure(messages, begin, end, max_bytes, records, troubles, ends, told) -> how many of messages[begin:end] were seen:
those whose values have up to `max_bytes`, one at least. Gives the messages that are records, those that are not, the
ends of the values, one more than there are records, and how many records, others, bytes of values and nulls.

take(records, ends, kind, offsets, timestamps, values, valid): as many records as there are offsets, copied to columns
and destroyed. `kind` and `values` are addresses, of four bytes that are written over and of room for all values;
`valid` has a bit of one for each.

runs(messages, count, starts, topics, numbers, weights, nexts) -> how many runs of one partition the first `count`
messages are. Gives per run the place of its first message; the address of the topic, 0 for none; the number of the
partition; the bytes that its messages hold, MESSAGE_BYTES for each included; the offset behind its last record or told
end, -1 where it has neither.
"""
