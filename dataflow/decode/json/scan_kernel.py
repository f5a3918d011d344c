"""Compiled: the parts of JSON text that have no meaning for a field: blanks, texts, values that nobody asked for.

All of it is strict: what is not certainly JSON is none. No function reads a byte outside of [end - 16, end), or before
`at`: so a record may stand anywhere, if only 16 bytes before its end can be read.
"""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at, copy_16, near_stops, near_word, put_word, shift_right, trailing_zeros

MOST_LEVELS = 64
"""Objects and arrays in each other, as the contract has it."""

_QUOTE, _COMMA, _COLON, _BACKSLASH, _OPEN, _CLOSE = 34, 44, 58, 92, 123, 125
_OPEN_LIST, _CLOSE_LIST = 91, 93
_MINUS, _POINT, _PLUS, _ZERO, _NINE = 45, 46, 43, 48, 57
_NULL, _TRUE, _FALS, _E = 0x6C6C756E, 0x65757274, 0x736C6166, 101
_HALF = 0xFFFFFFFF
_HIGH_SURROGATES, _LOW_SURROGATES, _AFTER_SURROGATES = 0xD800, 0xDC00, 0xE000


def _after_space(at: int, end: int) -> int:
    while at < end:
        byte = byte_at(at)
        if byte > 32 or not (byte == 32 or byte == 10 or byte == 13 or byte == 9):
            break
        at += 1
    return at


def _plain_end(at: int, end: int) -> int:
    while at < end:
        stops = near_stops(at, end)
        if stops:
            return at + trailing_zeros(stops)
        at += 16
    return end


after_space, plain_end = (inner(each) for each in (_after_space, _plain_end))
"""after_space(at, end), plain_end(at, end): where no blank, and where a quote, an escape, a control or no ASCII is."""


def _copy(at: int, stop: int, end: int, to: int) -> None:
    while at < stop:
        if at + 16 <= end:
            copy_16(to, at)
        else:
            put_word(to, near_word(at, end))
            put_word(to + 8, near_word(at + 8, end))
        at += 16
        to += 16


copy = inner(_copy)
"""copy(at, stop, end, to): the bytes [at, stop), and up to 15 more behind them in `to`."""


def _sequence(word: int) -> int:
    """Length of the UTF-8 sequence, longer than one, that a word begins with; 0 where it is none."""
    if word & 0xC0E0 == 0x80C0:
        return 2 if word & 0x1E else 0
    if word & 0xC0C0F0 == 0x8080E0:
        # neither too long for what it says nor a surrogate
        return 3 if word & 0x200F != 0 and word & 0x200F != 0x200D else 0
    if word & 0xC0C0C0F8 == 0x808080F0:
        # neither too long for what it says nor beyond the last code point
        return 4 if word & 0x3007 != 0 and (word & 7 < 4 or word & 0x3007 == 4) else 0
    return 0


sequence = inner(_sequence)


def _hex(at: int) -> int:
    """The number that 4 hexadecimal digits say; below zero where they are none."""
    number = 0
    for place in range(4):
        byte = byte_at(at + place)
        if 48 <= byte <= 57:
            digit = byte - 48
        else:
            digit = (byte | 32) - 87
            if digit < 10 or digit > 15:
                return -1
        number = number << 4 | digit
    return number


hex_number = inner(_hex)


def _escape(at: int, end: int) -> tuple[int, int]:
    """Where an escape ends that begins at `at`, and its code point; 0 where it is none."""
    if end - at < 2:
        return 0, 0
    byte = byte_at(at + 1)
    if byte == 117:
        if end - at < 6:
            return 0, 0
        code = hex_number(at + 2)
        if code < 0 or _LOW_SURROGATES <= code < _AFTER_SURROGATES:
            return 0, 0
        if code < _HIGH_SURROGATES or code >= _AFTER_SURROGATES:
            return at + 6, code
        if end - at < 12 or byte_at(at + 6) != _BACKSLASH or byte_at(at + 7) != 117:
            return 0, 0
        low = hex_number(at + 8)
        if low < _LOW_SURROGATES or low >= _AFTER_SURROGATES:
            return 0, 0
        return at + 12, 0x10000 + ((code - _HIGH_SURROGATES) << 10 | (low - _LOW_SURROGATES))
    if byte == 34 or byte == 92 or byte == 47:
        return at + 2, byte
    if byte == 110:
        return at + 2, 10
    if byte == 116:
        return at + 2, 9
    if byte == 114:
        return at + 2, 13
    if byte == 98:
        return at + 2, 8
    if byte == 102:
        return at + 2, 12
    return 0, 0


escape = inner(_escape)


def _encoded(code: int) -> tuple[int, int]:
    """The UTF-8 of a code point as a word, and its length."""
    if code < 0x80:
        return code, 1
    if code < 0x800:
        return 0x80C0 | code >> 6 | (code & 63) << 8, 2
    if code < 0x10000:
        return 0x8080E0 | code >> 12 | (code >> 6 & 63) << 8 | (code & 63) << 16, 3
    return 0x808080F0 | code >> 18 | (code >> 12 & 63) << 8 | (code >> 6 & 63) << 16 | (code & 63) << 24, 4


encoded = inner(_encoded)


def _text(at: int, end: int, to: int) -> tuple[int, int, int]:
    start, characters, writes = to, 0, to != 0
    while True:
        stop = plain_end(at, end)
        if stop >= end:
            return 0, 0, 0
        length = stop - at
        if writes:
            copy(at, stop, end, to)
        characters += length
        to += length
        at = stop
        byte = byte_at(at)
        if byte == _QUOTE:
            return at + 1, to - start, characters
        if byte >= 0x80:
            while at < end and byte_at(at) >= 0x80:
                word = near_word(at, end)
                size = sequence(word)
                if size == 0:
                    return 0, 0, 0
                if writes:
                    put_word(to, word)
                at += size
                to += size
                characters += 1
        elif byte == _BACKSLASH:
            at, code = escape(at, end)
            if at == 0:
                return 0, 0, 0
            word, size = encoded(code)
            if writes:
                put_word(to, word)
            to += size
            characters += 1
        else:
            return 0, 0, 0


text = inner(_text)
"""text(at, end, to) -> what is behind the quote that ends a text, its length in UTF-8 and in code points.

Decoded to `to`, and up to 15 bytes more, where that is not 0; decoded it is never longer. 0 where it is no text.
"""


def _after_digits(at: int, end: int) -> int:
    while at < end and _ZERO <= byte_at(at) <= _NINE:
        at += 1
    return at


after_digits = inner(_after_digits)


def _after_number(at: int, end: int) -> int:
    if at < end and byte_at(at) == _MINUS:
        at += 1
    start = at
    at = after_digits(at, end)
    if at == start or (at > start + 1 and byte_at(start) == _ZERO):
        return 0
    if at < end and byte_at(at) == _POINT:
        start = at + 1
        at = after_digits(start, end)
        if at == start:
            return 0
    if at < end and byte_at(at) | 32 == _E:
        at += 1
        if at < end and (byte_at(at) == _PLUS or byte_at(at) == _MINUS):
            at += 1
        start = at
        at = after_digits(start, end)
        if at == start:
            return 0
    return at


after_number = inner(_after_number)


def _after_key(at: int, end: int) -> int:
    """Where the value begins of a member that begins at `at`; 0 where it is none."""
    if at >= end or byte_at(at) != _QUOTE:
        return 0
    at, _, _ = text(at + 1, end, 0)
    if at == 0:
        return 0
    at = after_space(at, end)
    if at >= end or byte_at(at) != _COLON:
        return 0
    return after_space(at + 1, end)


after_key = inner(_after_key)


def _after_value(at: int, end: int, level: int) -> int:
    outside = level
    objects = 0
    while True:
        if at >= end:
            return 0
        first = byte_at(at)
        if first == _QUOTE:
            at, _, _ = text(at + 1, end, 0)
        elif first == _OPEN or first == _OPEN_LIST:
            level += 1
            if level > MOST_LEVELS:
                return 0
            objects = objects << 1 | (first == _OPEN)
            at = after_space(at + 1, end)
            if at >= end:
                return 0
            if byte_at(at) != first + 2:
                if first == _OPEN:
                    at = after_key(at, end)
                    if at == 0:
                        return 0
                continue
            at += 1
            level -= 1
            objects = shift_right(objects, 1)
        elif first == 110:
            at = at + 4 if near_word(at, end) & _HALF == _NULL else 0
        elif first == 116:
            at = at + 4 if near_word(at, end) & _HALF == _TRUE else 0
        elif first == 102:
            word = near_word(at, end)
            at = at + 5 if word & _HALF == _FALS and word >> 32 & 0xFF == _E else 0
        else:
            at = after_number(at, end)
        if at == 0:
            return 0
        while level > outside:
            at = after_space(at, end)
            if at >= end:
                return 0
            byte = byte_at(at)
            at += 1
            if byte == _COMMA:
                at = after_space(at, end)
                if objects & 1:
                    at = after_key(at, end)
                    if at == 0:
                        return 0
                break
            if byte != (_CLOSE if objects & 1 else _CLOSE_LIST):
                return 0
            level -= 1
            objects = shift_right(objects, 1)
        if level == outside:
            return at


after_value = inner(_after_value)
"""after_value(at, end, level): what is behind a JSON value inside of `level` objects or arrays; 0 where it is none."""
