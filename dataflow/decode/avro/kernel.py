"""Compiled: bodies of an Avro schema to slots, by a program made for that schema; what is odd is left to others.

It takes nothing that the reader of rows refuses, and gives equal values. A program is a table of steps; a body is read
from the first one to END. A choice is a row of three numbers: for UNION the step that a branch begins at, for texts and
symbols (0, place in the pool, length), where a length below zero makes the record odd.
"""

import numpy as np
from numba import njit, types

from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled, byte_at, half_at, word_at
from dataflow.columnar.text_kernel import characters, same
from dataflow.columnar.types import Int64s, UInt8s, Whole

(END, LONG, INT, BOOL, FLOAT, DOUBLE, BYTES, TEXT, ENUM, FIXED, DECIMAL, UNION, JUMP, SET, ODD, BLOCKS, NEXT) = range(
    17
)
"""Steps. Columns: the step, the slot (below zero: read over), then

TEXT shortest and longest in code points, first and last choice; ENUM first choice, number of symbols; FIXED bytes;
DECIMAL bytes (below zero: as many as it says), factor to millionths, divisor to millionths (0: only 0 fits);
UNION first choice, number of branches; JUMP step; SET what is there; BLOCKS -, the step after; NEXT, which is the step
before that one, whether each item has a key.
"""
WIDTH = 6
MOST_NESTED = 64

_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_INT64_MIN = -(2**63)
_MOST_MICROS = 10**18 - 1
_BAD = -1


def _zigzag(at: Whole, end: Whole) -> tuple[Whole, Whole]:
    number = 0
    for place in range(10):
        if at >= end:
            return 0, _BAD
        byte = byte_at(at)
        at += 1
        if place == 9 and byte > 1:
            return 0, _BAD
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return ((number >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(number & 1), at
    return 0, _BAD


def _big_endian(at: Whole, length: Whole) -> tuple[Whole, bool]:
    """A signed number of `length` bytes, and whether it is within int64."""
    if length == 0:
        return 0, True
    fill = 0xFF if byte_at(at) >= 0x80 else 0
    while length > 8:
        if byte_at(at) != fill:
            return 0, False
        at += 1
        length -= 1
    number = -1 if fill else 0
    if (byte_at(at) >= 0x80) != (fill != 0):
        return 0, False
    for place in range(length):
        number = (number << 8) | byte_at(at + place)
    return number, True


zigzag = njit(nogil=True, cache=False)(_zigzag)
big_endian = njit(nogil=True, cache=False)(_big_endian)


def _body(
    at: Whole, end: Whole, data: int, row: int, steps: Int64s, choices: Int64s, pool: int,
    slots: Int64s, there: UInt8s, counts: Int64s, places: Int64s,
) -> bool:  # fmt: skip
    step = depth = 0
    while True:
        kind, slot = steps[step, 0], steps[step, 1]
        if kind == END:
            return at == end
        if kind == SET:
            slots[slot, row] = 0
            there[slot, row] = steps[step, 2]
        elif kind == TEXT or kind == BYTES:
            length, at = zigzag(at, end)
            if at == _BAD or length < 0 or length > end - at:
                return False
            if kind == TEXT:
                found = characters(at, at + length)
                if found < 0:
                    return False
                if slot >= 0:
                    if found < steps[step, 2] or found > steps[step, 3]:
                        return False
                    choice, last = steps[step, 4], steps[step, 5]
                    if choice < last:
                        while choice < last:
                            if choices[choice, 2] == length and same(at, pool + choices[choice, 1], length):
                                break
                            choice += 1
                        if choice == last:
                            return False
                    slots[slot, row] = (at - data) << 32 | length
                    there[slot, row] = 1
            at += length
        elif kind == LONG or kind == INT:
            number, at = zigzag(at, end)
            if at == _BAD or (kind == INT and (number < _INT32_MIN or number > _INT32_MAX)):
                return False
            if slot >= 0:
                slots[slot, row] = number
                there[slot, row] = 1
        elif kind == UNION:
            number, at = zigzag(at, end)
            if at == _BAD or number < 0 or number >= steps[step, 3]:
                return False
            step = choices[steps[step, 2] + number, 0]
            continue
        elif kind == JUMP:
            step = steps[step, 2]
            continue
        elif kind == DOUBLE or kind == FLOAT:
            length = 8 if kind == DOUBLE else 4
            if end - at < length:
                return False
            if slot >= 0:
                slots[slot, row] = word_at(at) if kind == DOUBLE else half_at(at)
                there[slot, row] = 1
            at += length
        elif kind == BOOL:
            if at >= end or byte_at(at) > 1:
                return False
            if slot >= 0:
                slots[slot, row] = byte_at(at)
                there[slot, row] = 1
            at += 1
        elif kind == ENUM:
            number, at = zigzag(at, end)
            if at == _BAD or number < 0 or number >= steps[step, 3]:
                return False
            if slot >= 0:
                choice = steps[step, 2] + number
                if choices[choice, 2] < 0:
                    return False
                slots[slot, row] = ~choices[choice, 1] << 32 | choices[choice, 2]
                there[slot, row] = 1
        elif kind == DECIMAL:
            length = steps[step, 2]
            if length < 0:
                length, at = zigzag(at, end)
                if at == _BAD or length < 0:
                    return False
            if length > end - at:
                return False
            number, fits = big_endian(at, length)
            if not fits:
                return False
            factor, divisor = steps[step, 3], steps[step, 4]
            if number > _MOST_MICROS // factor or number < -(_MOST_MICROS // factor):
                return False
            if divisor == 0:
                if number != 0:
                    return False
            elif number % divisor != 0:
                return False
            else:
                number = number * factor // divisor
            slots[slot, row] = number
            there[slot, row] = 1
            at += length
        elif kind == FIXED:
            if steps[step, 2] > end - at:
                return False
            at += steps[step, 2]
        elif kind == BLOCKS:
            count, at = zigzag(at, end)
            if at == _BAD or count == _INT64_MIN:
                return False
            if count == 0:
                step = steps[step, 3]
                continue
            if count < 0:
                count = -count
                _, at = zigzag(at, end)
                if at == _BAD:
                    return False
            if count > end - at or depth == MOST_NESTED:
                return False
            counts[depth] = count + 1
            places[depth] = step
            depth += 1
            step = steps[step, 3] - 1
            continue
        elif kind == NEXT:
            counts[depth - 1] -= 1
            if counts[depth - 1] == 0:
                depth -= 1
                step = places[depth]
                continue
            if steps[step, 2]:
                length, at = zigzag(at, end)
                if at == _BAD or length < 0 or length > end - at or characters(at, at + length) < 0:
                    return False
                at += length
            step = places[depth - 1]
        else:
            return False
        step += 1


body = njit(nogil=True, cache=False)(_body)


def _parse(
    data: int, starts: Int64s, ends: Int64s, steps: Int64s, choices: Int64s, pool: int,
    slots: Int64s, there: UInt8s, taken: Int64s, left: Int64s,
) -> int:  # fmt: skip
    counts, places = np.empty(MOST_NESTED, np.int64), np.empty(MOST_NESTED, np.int64)
    good = 0
    for row in range(len(starts)):
        if body(
            data + starts[row], data + ends[row], data, good, steps, choices, pool, slots, there, counts, places
        ):  # fmt: skip
            taken[good] = row
            good += 1
        else:
            left[row - good] = row
    return good


def compiled() -> Compiled:
    """Compiled once per machine where its cache can be written:

    parse(data, starts, ends, steps, choices, pool, slots, there, taken, left) -> number of bodies taken: their rows to
    taken, their values to slots and there (per slot, in the order of taken), the rows of all others to left. Behind the
    last body, and behind the pool, 8 bytes can be read.
    """
    i64, table, rows = types.int64, types.int64[:, ::1], types.int64[::1]
    signature = (i64, rows, rows, table, table, i64, table, types.uint8[:, ::1], rows, rows)
    return kept(signature, _parse)
