"""Compiled: texts numbered by what they are, in the order in which they come."""

import numpy as np
from numba import types

from dataflow.columnar.inner import inner
from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import byte_at, leading_zeros, ones, word_at
from dataflow.columnar.types import Int32s, Int64s, UInt32s, Whole

_FIRST, _SECOND, _32 = np.uint64(0x9FB21C651E98DF25), np.uint64(0x9E3779B97F4A7C15), np.uint64(32)
_HEAD_BYTES = 16


def _word(at: Whole, length: Whole, end: Whole) -> Whole:
    """The first 8 bytes of a text, zeros behind it; from `end` on nothing is read."""
    if at + 8 <= end:
        return word_at(at) & ones(length)
    word: Whole = 0
    for place in range(min(length, 8)):
        word |= byte_at(at + place) << (8 * place)
    return word


word = inner(_word)


def _mixed(number: np.uint64, at: Whole, length: Whole, end: Whole) -> np.uint64:
    """A hash of a text of which `number` has the first 16 bytes."""
    place = _HEAD_BYTES
    while place < length:
        number = (number ^ (number >> _32) ^ np.uint64(word(at + place, length - place, end))) * _FIRST
        place += 8
    return number


mixed = inner(_mixed)


def _is_same(left: Whole, right: Whole, length: Whole, end: Whole) -> bool:
    """Whether two texts of one length go on alike behind their first 16 bytes."""
    place = _HEAD_BYTES
    while place < length:
        if word(left + place, length - place, end) != word(right + place, length - place, end):
            return False
        place += 8
    return True


is_same = inner(_is_same)


def _code(
    data: int, ends: Int32s, valid: int, skipped: int,
    table: UInt32s, heads: Int64s, of_row: Int64s, first: Int64s,
) -> Whole:  # fmt: skip
    """As LOOPS says. A number's head is the first 16 bytes of its text: nearly always they tell all."""
    last, shift = len(table) - 1, np.uint64(leading_zeros(np.int64(len(table) - 1)))
    end = data + ends[len(of_row)]
    count: Whole = 0
    of_null: Whole = -1
    for i in range(len(of_row)):
        if valid and not byte_at(valid + (skipped + i >> 3)) >> (skipped + i & 7) & 1:
            if of_null < 0:
                of_null, first[count] = count, i
                count += 1
            of_row[i] = of_null
            continue
        at, length = data + ends[i], np.int64(ends[i + 1]) - np.int64(ends[i])
        head, tail = word(at, length, end), word(at + 8, length - 8, end)
        hashed = (np.uint64(head) ^ np.uint64(length)) * _FIRST
        hashed = (hashed ^ (hashed >> _32) ^ np.uint64(tail)) * _SECOND
        if length > _HEAD_BYTES:
            hashed = mixed(hashed, at, length, end)
        # the highest bits of a product hang on every bit of the text
        slot = np.int64(hashed >> shift)
        number: Whole = np.int64(table[slot]) - 1
        while number >= 0:
            known = first[number]
            if (
                heads[2 * number] == head
                and heads[2 * number + 1] == tail
                and np.int64(ends[known + 1]) - np.int64(ends[known]) == length
                and (length <= _HEAD_BYTES or is_same(at, data + ends[known], length, end))
            ):
                break
            slot = (slot + 1) & last
            number = np.int64(table[slot]) - 1
        if number < 0:
            number = count
            first[number], heads[2 * number], heads[2 * number + 1] = i, head, tail
            count += 1
            table[slot] = count
        of_row[i] = number
    return count


_ROWS = types.int64[::1]
_ENDS = types.Array(types.int32, 1, "C", readonly=True)

LOOPS = (
    Loop(
        types.int64(types.int64, _ENDS, types.int64, types.int64, types.uint32[::1], _ROWS, _ROWS, _ROWS),
        _code,
    ),
)
"""code(data, ends, valid, skipped, table, heads, of_row, first) -> how many different ones; null is one of them.

`ends` are Arrow's offsets in `data`, one more than there are rows; `valid` the address of its bits, of which the first
`skipped` are of others, or 0 where nothing is null. `table` has zeros at a power of two of places, more than there are
rows; `heads` room for two words a row. Each row's number goes to `of_row`, the first row of each number to `first`.
"""
