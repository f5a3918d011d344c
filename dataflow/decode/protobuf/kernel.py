"""Compiled: messages of Protobuf to slots, by tables made for their descriptors; what is odd is left to others.

It takes nothing that Google's reader refuses, and gives equal values. Odd are, beside broken messages, fields in
another wire type than their own, fields of the model that come twice, groups, and sizes in more bytes than they need.
"""

from typing import Any

import numpy as np
from numba import njit, types

from dataflow.columnar.kept import kept
from dataflow.columnar.memory import Compiled, byte_at, half_at, word_at
from dataflow.columnar.text_kernel import characters, same
from dataflow.columnar.types import Int64s, UInt8s, Whole

(
    INT64, UINT64, SINT64, INT32, UINT32, SINT32, BOOL, ENUM, FIXED64, FIXED32, SFIXED32, TEXT, BYTES, MESSAGE, STAMP,
    PACKED, ODD,
) = range(17)  # fmt: skip
"""What a field is. FIXED64 also holds doubles, FIXED32 floats and unsigned numbers, SFIXED32 signed ones."""
TAG, KIND, SLOT, BIT, CONFLICTS, FIRST, SECOND, FIRST_CHOICE, LAST_CHOICE = range(9)
"""Columns of a field: number << 3 | wire type; kind; slot (below zero: read over); its bit among the fields
that were seen; the bits of which none may be seen before it; then

FIXED64 whether it has no sign; TEXT shortest and longest in code points; ENUM and TEXT their choices (number, place in
the pool, length; a length below zero makes the record odd); MESSAGE its table; PACKED bytes of an item (0: varints).
"""
FIRST_FIELD, LAST_FIELD, REQUIRED, FIRST_SET, LAST_SET = range(5)
"""Columns of a message's table: its fields, the bits that must have been seen, what its slots hold where it begins."""
MOST_DEEP = 32

_MOST_SECONDS = 9_200_000_000
"""Instants further from 1970 are no int64 of ns."""
_NANOS = 1_000_000_000
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_UINT32_MAX = 2**32 - 1
_BAD = -1
_VARINT, _EIGHT, _SIZED, _FOUR = 0, 1, 2, 5


def _varint(at: Whole, end: Whole) -> tuple[Whole, Whole]:
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
            return number, at
    return 0, _BAD


def _short(at: Whole, end: Whole) -> tuple[Whole, Whole]:
    """A tag or a size, in no more bytes than it needs."""
    number = 0
    for place in range(5):
        if at >= end:
            return 0, _BAD
        byte = byte_at(at)
        at += 1
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (number, at) if (byte > 0 or place == 0) and number <= _INT32_MAX else (0, _BAD)
    return 0, _BAD


varint = njit(nogil=True, cache=False)(_varint)
short = njit(nogil=True, cache=False)(_short)


def _stamp(at: Whole, end: Whole) -> tuple[Whole, bool]:
    """Nanoseconds of a google.protobuf.Timestamp, and whether it is a plain one."""
    seconds: Whole = 0
    nanos: Whole = 0
    last = 0
    while at < end:
        tag = byte_at(at)
        if (tag != 0x08 and tag != 0x10) or tag <= last:
            return 0, False
        number, at = varint(at + 1, end)
        if at == _BAD:
            return 0, False
        if tag == 0x08:
            if number > _MOST_SECONDS or number < -_MOST_SECONDS:
                return 0, False
            seconds = number
        else:
            if number > _INT32_MAX or number < _INT32_MIN:
                return 0, False
            nanos = number
        last = tag
    return seconds * _NANOS + nanos, True


def _skipped(wire: Whole, at: Whole, end: Whole) -> Whole:
    """Where an unknown field ends, a negative number if it is odd."""
    if wire == _VARINT:
        return varint(at, end)[1]
    if wire == _EIGHT:
        return at + 8 if end - at >= 8 else _BAD
    if wire == _FOUR:
        return at + 4 if end - at >= 4 else _BAD
    if wire == _SIZED:
        size, at = short(at, end)
        return at + size if at != _BAD and size <= end - at else _BAD
    return _BAD


def _packed(at: Whole, end: Whole, size: Whole) -> bool:
    if size:
        return (end - at) % size == 0
    while at < end:
        at = varint(at, end)[1]
        if at == _BAD:
            return False
    return True


def _whole(kind: int, number: Whole) -> tuple[Whole, Any]:
    """A varint's number as its kind has it, and whether it is in the kind's range."""
    if kind == INT64:
        return number, True
    if kind == UINT64:
        return number, number >= 0
    if kind == SINT64:
        return ((number >> 1) & 0x7FFFFFFFFFFFFFFF) ^ -(number & 1), True
    if kind == BOOL:
        return number, number == 0 or number == 1
    if kind == INT32 or kind == ENUM:
        return number, _INT32_MIN <= number <= _INT32_MAX
    return (number >> 1) ^ -(number & 1) if kind == SINT32 else number, 0 <= number <= _UINT32_MAX


stamp = njit(nogil=True, cache=False)(_stamp)
skipped = njit(nogil=True, cache=False)(_skipped)
packed = njit(nogil=True, cache=False)(_packed)
whole = njit(nogil=True, cache=False)(_whole)


def _message(
    at: Whole, end: Whole, data: int, row: int, tables: Int64s, fields: Int64s, sets: Int64s, choices: Int64s,
    pool: int, slots: Int64s, there: UInt8s, stack: Int64s,
) -> bool:  # fmt: skip
    table: Whole = 0
    seen: Whole = 0
    number: Whole = 0
    size: Whole = 0
    depth = 0
    last = tables[0, FIRST_FIELD]
    for at_set in range(tables[0, FIRST_SET], tables[0, LAST_SET]):
        slots[sets[at_set, 0], row] = 0
        there[sets[at_set, 0], row] = sets[at_set, 1]
    while True:
        if at == end:
            if seen & tables[table, REQUIRED] != tables[table, REQUIRED]:
                return False
            if depth == 0:
                return True
            depth -= 1
            end, table, seen, last = stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3]
            continue
        tag, at = short(at, end)
        if at == _BAD or tag < 8:
            return False
        first_field, last_field = tables[table, FIRST_FIELD], tables[table, LAST_FIELD]
        field, tried, count = last, 0, last_field - first_field
        is_known = False
        while tried < count and fields[field, TAG] != tag:
            is_known |= fields[field, TAG] >> 3 == tag >> 3
            field += 1
            tried += 1
            if field == last_field:
                field = first_field
        if tried == count:
            if is_known:
                return False
            at = skipped(tag & 7, at, end)
            if at == _BAD:
                return False
            continue
        last = field
        kind, slot = fields[field, KIND], fields[field, SLOT]
        if kind == ODD or seen & fields[field, CONFLICTS]:
            return False
        seen |= fields[field, BIT]
        if kind == FIXED64 or kind == FIXED32 or kind == SFIXED32:
            size = 8 if kind == FIXED64 else 4
            if end - at < size:
                return False
            if slot >= 0:
                number = word_at(at) if kind == FIXED64 else half_at(at)
                if number < 0 and fields[field, FIRST]:
                    return False
                if kind == SFIXED32:
                    number = (number ^ 0x80000000) - 0x80000000
                slots[slot, row] = number
                there[slot, row] = 1
            at += size
        elif kind >= TEXT:
            size, at = short(at, end)
            if at == _BAD or size > end - at:
                return False
            if kind == TEXT:
                found = characters(at, at + size)
                if found < 0:
                    return False
                if slot >= 0:
                    if found < fields[field, FIRST] or found > fields[field, SECOND]:
                        return False
                    choice, last_choice = fields[field, FIRST_CHOICE], fields[field, LAST_CHOICE]
                    if choice < last_choice:
                        while choice < last_choice:
                            if choices[choice, 2] == size and same(at, pool + choices[choice, 1], size):
                                break
                            choice += 1
                        if choice == last_choice:
                            return False
                    slots[slot, row] = (at - data) << 32 | size
                    there[slot, row] = 1
            elif kind == STAMP:
                ticks, is_plain = stamp(at, at + size)
                if not is_plain:
                    return False
                slots[slot, row] = ticks
                there[slot, row] = 1
            elif kind == PACKED:
                if not packed(at, at + size, fields[field, FIRST]):
                    return False
            elif kind == MESSAGE:
                if depth == MOST_DEEP:
                    return False
                stack[depth, 0], stack[depth, 1], stack[depth, 2], stack[depth, 3] = end, table, seen, last
                depth += 1
                table, end, seen = fields[field, FIRST], at + size, 0
                last = tables[table, FIRST_FIELD]
                for at_set in range(tables[table, FIRST_SET], tables[table, LAST_SET]):
                    slots[sets[at_set, 0], row] = 0
                    there[sets[at_set, 0], row] = sets[at_set, 1]
                continue
            at += size
        else:
            number, at = varint(at, end)
            if at == _BAD:
                return False
            if slot >= 0:
                number, fits = whole(kind, number)
                if not fits:
                    return False
                if kind == ENUM:
                    choice, last_choice = fields[field, FIRST_CHOICE], fields[field, LAST_CHOICE]
                    while choice < last_choice and choices[choice, 0] != number:
                        choice += 1
                    if choice == last_choice or choices[choice, 2] < 0:
                        return False
                    number = ~choices[choice, 1] << 32 | choices[choice, 2]
                slots[slot, row] = number
                there[slot, row] = 1


message = njit(nogil=True, cache=False)(_message)


def _parse(
    data: int, starts: Int64s, ends: Int64s, tables: Int64s, fields: Int64s, sets: Int64s, choices: Int64s, pool: int,
    slots: Int64s, there: UInt8s, taken: Int64s, left: Int64s,
) -> int:  # fmt: skip
    stack = np.empty((MOST_DEEP, 4), np.int64)
    good = 0
    for row in range(len(starts)):
        if message(
            data + starts[row], data + ends[row], data, good, tables, fields, sets, choices, pool, slots, there, stack
        ):
            taken[good] = row
            good += 1
        else:
            left[row - good] = row
    return good


def compiled() -> Compiled:
    """Compiled once per machine where its cache can be written:

    parse(data, starts, ends, tables, fields, sets, choices, pool, slots, there, taken, left) -> number of messages
    taken: their rows to taken, their values to slots and there (per slot, in the order of taken), the rows of all
    others to left. Behind the last message, and behind the pool, 8 bytes can be read. Table 0 is the outermost.
    """
    i64, table, rows = types.int64, types.int64[:, ::1], types.int64[::1]
    signature = (i64, rows, rows, table, table, table, table, i64, table, types.uint8[:, ::1], rows, rows)
    return kept(signature, _parse)
