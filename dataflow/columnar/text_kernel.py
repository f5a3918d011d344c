"""Compiled: texts at places in memory, compared, looked through and gathered into a column."""

import numpy as np
from numba import njit, types

from dataflow.columnar.buffers import SPARE_BYTES
from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled, byte_at, put_word, word_at
from dataflow.columnar.types import Int32s, Int64s, UInt8s, Whole

_HIGHS = np.int64(-0x7F7F7F7F7F7F7F80)  # the highest bit of each byte
_LENGTH_MASK = 0xFFFFFFFF


def _is_same(left: Whole, right: Whole, length: Whole) -> bool:
    while length >= 8:
        if word_at(left) != word_at(right):
            return False
        left += 8
        right += 8
        length -= 8
    return length == 0 or ((word_at(left) ^ word_at(right)) << (64 - 8 * length)) == 0


def _characters(at: Whole, end: Whole) -> Whole:
    count = 0
    while at < end:
        left = end - at
        word = word_at(at) & _HIGHS
        if left >= 8 and word == 0:
            at += 8
            count += 8
            continue
        if left < 8 and word << (64 - 8 * left) == 0:
            return count + left
        first = byte_at(at)
        if first < 0x80:
            at += 1
            count += 1
            continue
        # Unicode's table of well-formed sequences: the second byte has limits of its own, all others are 80 to BF
        low, high = 0x80, 0xBF
        if 0xC2 <= first <= 0xDF:
            size = 2
        elif 0xE0 <= first <= 0xEF:
            size = 3
            if first == 0xE0:
                low = 0xA0
            elif first == 0xED:
                high = 0x9F
        elif 0xF0 <= first <= 0xF4:
            size = 4
            if first == 0xF0:
                low = 0x90
            elif first == 0xF4:
                high = 0x8F
        else:
            return -1
        if left < size:
            return -1
        second = byte_at(at + 1)
        if second < low or second > high:
            return -1
        for place in range(2, size):
            if byte_at(at + place) & 0xC0 != 0x80:
                return -1
        at += size
        count += 1
    return count


same = njit(nogil=True, cache=False)(_is_same)
"""same(left, right, length): whether the bytes at two addresses are equal. Behind both, 8 bytes can be read."""
characters = njit(nogil=True, cache=False)(_characters)
"""characters(at, end): how many code points the bytes are, -1 where they are no UTF-8. Behind, 8 bytes can be read."""


def _texts(data: int, pool: int, places: Int64s, rows: int) -> tuple[Int32s, UInt8s]:
    ends = np.empty(rows + 1, np.int32)
    ends[0] = total = 0
    for i in range(rows):
        total += places[i] & _LENGTH_MASK
        ends[i + 1] = total
    text = np.empty(total + SPARE_BYTES, np.uint8)
    to = text.ctypes.data
    for i in range(rows):
        position, length = places[i] >> 32, places[i] & _LENGTH_MASK
        source = data + position if position >= 0 else pool + ~position
        for at in range(0, length, 8):
            put_word(to + at, word_at(source + at))
        to += length
    text[total:] = 0
    return ends, text


def compiled() -> Compiled:
    """texts(data, pool, places, rows) -> ends and bytes of a text column; compiled once per machine where it can be.

    A text's place is position << 32 | length; a position below zero is ~position in the pool. Behind the last text, and
    behind the pool, 8 bytes can be read.
    """
    signature = (types.int64, types.int64, types.int64[::1], types.int64)
    return kept(signature, _texts)
