"""Compiled: what librdkafka has fetched, copied message by message into the columns of the partitions it is of."""

import numpy as np
from numba import types

from dataflow.columnar.inner import inner
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import byte_at, copy_bytes, half_at, put_byte, put_half, put_word, word_at
from dataflow.columnar.types import Int64s
from dataflow.sources.kafka.drain_layout import (
    ADDED,
    BEGIN,
    END,
    ERROR,
    KIND,
    LEFT,
    LENGTH,
    LINE_BYTE_ROOM,
    LINE_BYTES,
    LINE_COLUMNS,
    LINE_DATA,
    LINE_ENDS,
    LINE_HELD,
    LINE_NEXT,
    LINE_NULLS,
    LINE_NUMBER,
    LINE_OFFSETS,
    LINE_ROW_ROOM,
    LINE_ROWS,
    LINE_STAMPS,
    LINE_TOPIC,
    LINE_VALID,
    NAMES,
    NOBODY,
    OFFSET,
    PARTITION,
    PAYLOAD,
    ROW_BYTES,
    TOPIC,
)

_I64, _WORDS = types.int64, types.int64[::1]
_SIGNATURES = (_I64(_I64, types.int32, _I64, _I64), _I64(_I64, _I64), types.void(_I64))
_fetch, _timestamp, _destroy = (types.ExternalFunction(*each) for each in zip(NAMES, _SIGNATURES, strict=True))


@inner
def _line_of(message: int, guess: int, lines: Int64s, behind: int) -> int:
    """Where the row of the partition begins that a message is of, `behind` all where none is; often as before."""
    topic, number = word_at(message + TOPIC), half_at(message + PARTITION)
    if lines[guess + LINE_TOPIC] == topic and lines[guess + LINE_NUMBER] == number:
        return guess
    line = 0
    while line < behind and (lines[line + LINE_TOPIC] != topic or lines[line + LINE_NUMBER] != number):
        line += LINE_COLUMNS
    return line


@inner
def _copied(message: int, line: int, lines: Int64s, kind_at: int) -> int:
    """By how many bytes a line has grown by a record; 0 where the message is none, or there is no room for it."""
    payload, length = word_at(message + PAYLOAD), word_at(message + LENGTH)
    row, at = lines[line + LINE_ROWS], lines[line + LINE_BYTES]
    if not payload:
        length = 0
    if half_at(message + ERROR) or row >= lines[line + LINE_ROW_ROOM] or at + length > lines[line + LINE_BYTE_ROOM]:
        return 0
    offset = word_at(message + OFFSET)
    put_word(lines[line + LINE_OFFSETS] + 8 * row, offset)
    put_word(lines[line + LINE_STAMPS] + 8 * row, _timestamp(message, kind_at))  # type: ignore[call-overload]  # compiled code calls C
    put_half(lines[line + LINE_ENDS] + 4 * (row + 1), at + length)
    if payload:
        copy_bytes(lines[line + LINE_DATA] + at, payload, np.int64(length))
    else:
        valid = lines[line + LINE_VALID] + (row >> 3)
        put_byte(valid, byte_at(valid) & (0xFF ^ (1 << (row & 7))))
        lines[line + LINE_NULLS] += 1
    lines[line + LINE_ROWS] = row + 1
    lines[line + LINE_BYTES] = at + length
    lines[line + LINE_NEXT] = offset + 1
    lines[line + LINE_HELD] += length + ROW_BYTES
    return length + ROW_BYTES


def _pour(queue: int, wait_ms: int, messages: Int64s, stand: Int64s, lines: Int64s, used: int) -> bool:
    kind_at, messages_at = stand.ctypes.data + 8 * KIND, messages.ctypes.data
    behind = used * LINE_COLUMNS
    begin, end, left = stand[BEGIN], stand[END], stand[LEFT]
    line, met = 0, False
    while True:
        while begin < end and not met:
            message = messages[begin]
            line = _line_of(message, line, lines, behind)
            if line == behind:
                line, met = 0, True
            elif lines[line + LINE_ROW_ROOM] != NOBODY:
                added_bytes = _copied(message, line, lines, kind_at)
                stand[ADDED] += added_bytes
                met = added_bytes == 0
            if not met:
                _destroy(message)
                begin += 1
        if met or left <= 0:
            break
        got = _fetch(queue, wait_ms, messages_at, min(len(messages), left))  # type: ignore[call-overload]  # compiled code calls C
        if got <= 0:
            break
        wait_ms = 0
        begin, end = 0, got
        left -= got
    stand[BEGIN], stand[END], stand[LEFT] = begin, end, left
    return met


LOOPS = (Loop(types.boolean(_I64, _I64, _WORDS, _WORDS, _WORDS, _I64), _pour),)
"""pour(queue, wait_ms, messages, stand, lines, used) -> whether it has met a message that it can do nothing with: that
at stand[BEGIN], still the caller's, which is no record, or has no line, or there is no room in that.

Takes up to stand[LEFT] messages out of a queue, a few at a time, for which `messages` has the room: each is copied and
destroyed while it is still near the processor. Only for the first ones `wait_ms` is waited. What is in
messages[stand[BEGIN] : stand[END]] comes before them. `lines` has LINE_COLUMNS words for each partition, of `used` of
them.
"""
