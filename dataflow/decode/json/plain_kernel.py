"""Compiled: plain JSON records to columns of numbers and text positions; what is not plain is left to others.

Plain is a record that is one object of known keys, each at most once, in ASCII without escapes, with values of the
fields' own types in their usual form. It accepts nothing that the contract refuses, and gives equal values.
"""

import numpy as np
from numba import njit, types

from dataflow.columnar.memory import Compiled, byte_at, half_at, trailing_zeros, word_at
from dataflow.columnar.text_kernel import same
from dataflow.columnar.types import Int32s, Int64s, UInt8s, Whole

TEXT, INT, MONEY, BOOL = range(4)
KIND, KEY, KEY_LENGTH, REQUIRED, NULL_OK, SHORTEST, LONGEST, FIRST_CHOICE, LAST_CHOICE, DEFAULT, HAS_DEFAULT = range(11)
"""Columns of the table of fields. Keys and choices are places in the pool, which has spare bytes behind it.

A text's place is position << 32 | length; a position below zero is ~position in the pool.
"""
MOST_FIELDS = 62

_QUOTE, _COMMA, _MINUS, _POINT, _ZERO, _COLON, _NULL_N, _OPEN, _CLOSE = 34, 44, 45, 46, 48, 58, 110, 123, 125
_NULL, _TRUE, _FALS, _E = 0x6C6C756E, 0x65757274, 0x736C6166, 101
_MOST_DIGITS, _WHOLE_DIGITS, _DECIMALS = 18, 12, 6
_ONES, _HIGHS = np.uint64(0x0101010101010101), np.uint64(0x8080808080808080)
_QUOTES, _BACKSLASHES, _BLANKS = (
    np.uint64(0x2222222222222222),
    np.uint64(0x5C5C5C5C5C5C5C5C),
    np.uint64(0x2020202020202020),
)


def _after_space(at: Whole, end: Whole) -> Whole:
    while at < end:
        byte = byte_at(at)
        if byte > 32 or not (byte == 32 or byte == 10 or byte == 13 or byte == 9):
            break
        at += 1
    return at


def _text_end(at: Whole, end: Whole) -> Whole:
    """Where the quote stands that ends a text of plain characters; `end` if it is none."""
    while at < end:
        word = np.uint64(word_at(at))
        quote, backslash = word ^ _QUOTES, word ^ _BACKSLASHES
        # In each term the lowest byte found is a true one; borrows can only reach the bytes above it.
        found = ((quote - _ONES) & ~quote) | ((backslash - _ONES) & ~backslash) | ((word - _BLANKS) & ~word) | word
        found &= _HIGHS
        if found:
            at += trailing_zeros(found) >> 3
            return at if at < end and byte_at(at) == _QUOTE else end
        at += 8
    return end


skip, text_end = (njit(nogil=True, cache=False)(each) for each in (_after_space, _text_end))


def _record(
    at: Whole, end: Whole, data: int, row: int, fields: Int64s, choices: Int64s, pool: int,
    slots: Int64s, there: UInt8s, required: int,
) -> bool:  # fmt: skip
    count = fields.shape[0]
    seen = expected = 0
    at = skip(at, end)
    if at >= end or byte_at(at) != _OPEN:
        return False
    at = skip(at + 1, end)
    if at < end and byte_at(at) == _CLOSE:
        at += 1
    else:
        while True:
            if at >= end or byte_at(at) != _QUOTE:
                return False
            at += 1
            f = expected
            tried = 0
            while tried < count:
                if f >= count:
                    f = 0
                length = fields[f, KEY_LENGTH]
                if at + length < end and byte_at(at + length) == _QUOTE and same(at, pool + fields[f, KEY], length):
                    break
                f += 1
                tried += 1
            if tried == count or (seen >> f) & 1:
                return False
            seen |= 1 << f
            expected = f + 1
            at = skip(at + length + 1, end)
            if at >= end or byte_at(at) != _COLON:
                return False
            at = skip(at + 1, end)
            if at >= end:
                return False
            first = byte_at(at)
            kind = fields[f, KIND]
            if first == _NULL_N:
                if not fields[f, NULL_OK] or end - at < 4 or half_at(at) != _NULL:
                    return False
                at += 4
                slots[f, row] = 0
                there[f, row] = 0
            elif kind == TEXT:
                if first != _QUOTE:
                    return False
                start = at + 1
                at = text_end(start, end)
                length = at - start
                if at >= end or length < fields[f, SHORTEST] or length > fields[f, LONGEST]:
                    return False
                choice, last = fields[f, FIRST_CHOICE], fields[f, LAST_CHOICE]
                if choice < last:
                    while choice < last:
                        if choices[choice, 1] == length and same(start, pool + choices[choice, 0], length):
                            break
                        choice += 1
                    if choice == last:
                        return False
                slots[f, row] = (start - data) << 32 | length
                there[f, row] = 1
                at += 1
            elif kind == BOOL:
                if end - at >= 4 and half_at(at) == _TRUE:
                    at += 4
                    slots[f, row] = 1
                elif end - at >= 5 and half_at(at) == _FALS and byte_at(at + 4) == _E:
                    at += 5
                    slots[f, row] = 0
                else:
                    return False
                there[f, row] = 1
            else:
                if first == _MINUS:
                    at += 1
                start = at
                number = 0
                while at < end:
                    digit = byte_at(at) - _ZERO
                    if digit < 0 or digit > 9:
                        break
                    number = number * 10 + digit
                    at += 1
                length = at - start
                if length == 0 or (length > 1 and byte_at(start) == _ZERO):
                    return False
                if kind == INT:
                    if length > _MOST_DIGITS:
                        return False
                else:
                    if length > _WHOLE_DIGITS:
                        return False
                    decimals = 0
                    if at < end and byte_at(at) == _POINT:
                        at += 1
                        while at < end and decimals <= _DECIMALS:
                            digit = byte_at(at) - _ZERO
                            if digit < 0 or digit > 9:
                                break
                            number = number * 10 + digit
                            at += 1
                            decimals += 1
                        if decimals == 0 or decimals > _DECIMALS:
                            return False
                    while decimals < _DECIMALS:
                        number *= 10
                        decimals += 1
                slots[f, row] = -number if first == _MINUS else number
                there[f, row] = 1
            at = skip(at, end)
            if at >= end:
                return False
            after = byte_at(at)
            at += 1
            if after == _CLOSE:
                break
            if after != _COMMA:
                return False
            at = skip(at, end)
    if skip(at, end) != end or seen & required != required:
        return False
    for f in range(count):
        if not (seen >> f) & 1:
            slots[f, row] = fields[f, DEFAULT]
            there[f, row] = fields[f, HAS_DEFAULT]
    return True


record = njit(nogil=True, cache=False)(_record)


def _parse(
    data: int, ends: Int32s, valid: UInt8s, max_bytes: int, fields: Int64s, choices: Int64s, pool: int,
    slots: Int64s, there: UInt8s, good_at: Int64s, odd_at: Int64s,
) -> int:  # fmt: skip
    required = 0
    for f in range(fields.shape[0]):
        if fields[f, REQUIRED]:
            required |= 1 << f
    good = odd = 0
    for row in range(len(ends) - 1):
        at, end = data + np.int64(ends[row]), data + np.int64(ends[row + 1])
        if (
            at < end
            and end - at <= max_bytes
            and (len(valid) == 0 or valid[row])
            and record(at, end, data, good, fields, choices, pool, slots, there, required)
        ):
            good_at[good] = row
            good += 1
        else:
            odd_at[odd] = row
            odd += 1
    return good


def compiled() -> Compiled:
    """Compiled once per machine where its cache can be written:

    parse(data, ends, valid, max_bytes, fields, choices, pool, slots, there, good_at, odd_at) -> number of plain
    records: their rows to good_at, their values to slots and there (per field, in the order of good_at), the rows of
    all others to odd_at. Behind the last record, and behind the pool, 8 bytes can be read.
    """
    i64, table, u8 = types.int64, types.int64[:, ::1], types.uint8
    rows = types.int64[::1]
    # Arrow's own buffers may only be read.
    ends, valid = (types.Array(each, 1, "C", readonly=True) for each in (types.int32, u8))
    parse = (i64, ends, valid, i64, table, table, i64, table, u8[:, ::1], rows, rows)
    try:
        return njit(parse, nogil=True, cache=True)(_parse)
    except RuntimeError:
        # No folder to keep it in can be written.
        return njit(parse, nogil=True)(_parse)
