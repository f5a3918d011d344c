"""Compiled: values of JSON records, put to their columns.

Each function gives the place behind its value, or 0 where the value is odd: none of its field's type that can be told
exactly here, or one that its field does not take.
"""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import (
    byte_at,
    half_at,
    near_word,
    ones,
    put_byte,
    put_half,
    put_word,
    shift_right,
    word_at,
)
from dataflow.decode.json.number_kernel import decimal, double, micros, whole
from dataflow.decode.json.plain_layout import (
    CHOSEN,
    DATE,
    ENDS,
    FACTORS,
    FLOAT,
    FOUND,
    FULL,
    HIGH,
    INT,
    ITS_FIRST,
    ITS_SECOND,
    JSON,
    KIND,
    LAX,
    LENGTH,
    LOCAL,
    LONGEST,
    LOW,
    MONEY,
    NAME_BYTES,
    NAMES,
    NAMES_MASK,
    OWNER,
    PLACE,
    POOL,
    ROOM,
    SHORTEST,
    SPARE,
    THERE,
    TIME,
    UNIT,
    VALUES,
    WANTED,
    ZONELESS,
)
from dataflow.decode.json.scan_kernel import after_value, copy, plain_end, text
from dataflow.decode.json.time_kernel import NO_TIME, day, time

_QUOTE, _MINUS, _PLUS, _ZERO, _E, _DATE_LENGTH = 34, 45, 43, 48, 101, 10
_ONE, _TWO, _THREE = FACTORS


def _found(frame: int, owner: int, first: int, second: int, length: int, at: int, end: int) -> int:
    names, last = word_at(frame + NAMES), word_at(frame + NAMES_MASK)
    slot = shift_right(first * _ONE ^ second * _TWO ^ (owner << 8 | length & 0xFF) * _THREE, 32) & last
    while True:
        name = names + NAME_BYTES * slot
        number = word_at(name + FOUND)
        if number == 0:
            return 0
        if (
            word_at(name + ITS_FIRST) == first
            and word_at(name + ITS_SECOND) == second
            and word_at(name + LENGTH) == length
            and word_at(name + OWNER) == owner
        ):
            place, known = 16, word_at(frame + POOL) + word_at(name + PLACE)
            while place < length:
                if (near_word(at + place, end) ^ word_at(known + place)) & ones(length - place):
                    break
                place += 8
            if place >= length:
                return number
        slot = (slot + 1) & last


found = inner(_found)
"""found(frame, owner, first, second, length, at, end): what a name is, 0 for none; its first 16 bytes are two words."""


def _number(at: int, end: int, its: int, kind: int, frame: int, to: int) -> int:
    """Behind a number that has been put to its place; 0 where it is odd."""
    minus = byte_at(at) == _MINUS
    at += minus
    start = at
    if kind == INT:
        at, number, used = whole(at, end)
        if at == 0 or used == 0 or number < 0 or (used > 1 and byte_at(start) == _ZERO):
            return 0
    else:
        at, number, scale = decimal(at, end)
        if at == 0:
            return 0
        if kind == FLOAT:
            bits = double(number, scale)
            if bits < 0:
                return 0
            # one zero, as the contract has it
            put_word(to, -0x8000000000000000 | bits if minus and bits else bits)
            return at
        number = micros(number, scale)
        if number < 0:
            return 0
    if minus:
        number = -number
    if number < word_at(its + LOW) or number > word_at(its + HIGH):
        return 0
    put_word(to, number)
    if kind == MONEY:
        put_word(to + 8, number >> 63)
    elif word_at(its + CHOSEN) and not found(frame, word_at(its + CHOSEN), number, 0, 8, at, end):
        return 0
    return at


number = inner(_number)


def _amount(at: int, stop: int, end: int) -> int:
    """Millionths in a text; NO_TIME where it is no amount."""
    minus = byte_at(at) == _MINUS
    at += minus or byte_at(at) == _PLUS
    while stop - at > 1 and byte_at(at) == _ZERO and 0 <= byte_at(at + 1) - _ZERO <= 9:
        at += 1
    after, digits, scale = decimal(at, end)
    found_micros = micros(digits, scale)
    if after != stop or found_micros < 0:
        return NO_TIME
    while at < stop:
        if byte_at(at) | 32 == _E:
            return NO_TIME
        at += 1
    return -found_micros if minus else found_micros


amount = inner(_amount)


def _from_text(at: int, end: int, its: int, kind: int, output: int, row: int) -> int:
    """Behind a date, a time or an amount in a text, that has been put to its place; 0 where it is odd."""
    stop = plain_end(at, end)
    if stop >= end or byte_at(stop) != _QUOTE or stop == at:
        return 0
    to = word_at(output + VALUES)
    there = 1
    if kind == TIME:
        value, is_local = time(at, stop, end, word_at(its + LAX) != 0, word_at(its + UNIT))
        if is_local:
            if not word_at(its + LOCAL):
                return 0
            there = ZONELESS
        put_word(to + 8 * row, value)
    elif kind == DATE:
        value = day(at) if stop - at == _DATE_LENGTH else NO_TIME
        put_half(to + 4 * row, value)
    else:
        value = amount(at, stop, end)
        put_word(to + 16 * row, value)
        put_word(to + 16 * row + 8, value >> 63)
    put_byte(word_at(output + THERE) + row, there)
    if value == NO_TIME or (there == 1 and (value < word_at(its + LOW) or value > word_at(its + HIGH))):
        return 0
    return stop + 1


from_text = inner(_from_text)


def _put_text(at: int, end: int, its: int, level: int, frame: int, output: int, row: int) -> int:
    """Behind a text, or a list or object as it is written, that has been put to its column; 0 where it is odd."""
    ends = word_at(output + ENDS) + 4 * row
    used = half_at(ends)
    to, room = word_at(output + VALUES) + used, word_at(output + ROOM) - SPARE - used
    start, needs = at + 1, end - at
    characters = 0
    is_json = word_at(its + KIND) == JSON
    if is_json:
        start = at
        at = after_value(at, end, level)
        length = needs = at - start
        if at == 0:
            return 0
    else:
        if byte_at(at) != _QUOTE:
            return 0
        at = plain_end(start, end)
        if at >= end:
            return 0
        if byte_at(at) == _QUOTE:
            length = needs = characters = at - start
            at += 1
    if needs > room:
        put_word(frame + FULL, word_at(frame + FULL) | 1)
        put_word(frame + WANTED, needs)
        return 0
    if characters or needs == 0 or is_json:
        copy(start, start + needs, end, to)
    else:
        at, length, characters = text(start, end, to)
        if at == 0:
            return 0
    if not is_json:
        if characters < word_at(its + SHORTEST) or characters > word_at(its + LONGEST):
            return 0
        if word_at(its + CHOSEN):
            first, second = word_at(to) & ones(length), word_at(to + 8) & ones(length - 8)
            if not found(frame, word_at(its + CHOSEN), first, second, length, to, to + length):
                return 0
    put_half(ends + 4, used + length)
    return at


put_text = inner(_put_text)
