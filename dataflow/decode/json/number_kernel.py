"""Compiled: JSON numbers and amounts in text, exactly; what cannot be told exactly in 64 bits is none."""

import numpy as np

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at, high_word, is_below, leading_zeros, near_word, shift_right, trailing_zeros

_PLUS, _MINUS, _POINT, _ZERO, _E = 43, 45, 46, 48, 101
_ZEROS, _BELOW_TEN = 0x3030303030303030, 0x7676767676767676
_HIGHS = np.int64(-0x7F7F7F7F7F7F7F80)  # the highest bit of each byte
_MOST_DIGITS, _MOST_EXPONENT = 19, 999
_DECIMALS, _MONEY_DIGITS = 6, 18

TENS = np.array([10**power for power in range(19)], np.int64)
_LEAST_POWER, _MOST_POWER = -342, 308


def _power_of_five(power: int) -> int:
    """128 bits of 5 to `power`, its highest bit set: cut off, or one more than that below 5^0."""
    if power >= 0:
        five: int = 5**power
        bits = five.bit_length()
        return five << (128 - bits) if bits <= 128 else five >> (bits - 128)
    five = 5**-power
    bits = five.bit_length() if five & (five - 1) else five.bit_length() - 1
    if power >= -27:
        return int(2 ** (bits + 127) // five + 1)
    found = int(2 ** (2 * bits + 128) // five + 1)
    return found >> (found.bit_length() - 128) if found.bit_length() > 128 else found


_POWERS = [_power_of_five(power) for power in range(_LEAST_POWER, _MOST_POWER + 1)]
FIVES = np.array([[power >> 64, power & (1 << 64) - 1] for power in _POWERS], np.uint64).view(np.int64)
"""The powers of five of a double's range, 128 bits each."""


def _eight_digits(word: int) -> int:
    """The number that eight digits say, a byte each from 0 to 9, the first one lowest."""
    word = (word & 0x0F0F0F0F0F0F0F0F) * 2561 >> 8
    word = (word & 0x00FF00FF00FF00FF) * 6553601 >> 16
    return shift_right((word & 0x0000FFFF0000FFFF) * 42949672960001, 32)


eight_digits = inner(_eight_digits)


def _digits(at: int, end: int) -> tuple[int, int]:
    word = near_word(at, end) ^ _ZEROS
    others = ((word + _BELOW_TEN) | word) & _HIGHS
    if others == 0:
        return 8, eight_digits(word)
    count = trailing_zeros(others) >> 3
    return count, 0 if count == 0 else eight_digits(word << (64 - 8 * count))


digits = inner(_digits)
"""digits(at, end) -> how many of the next 8 bytes are digits in a row, and what they say."""


def _whole(at: int, end: int) -> tuple[int, int, int]:
    number = 0
    used = 0
    while True:
        count, value = digits(at, end)
        used += count
        if used > _MOST_DIGITS:
            return 0, 0, 0
        number = number * TENS[count] + value
        at += count
        if count < 8:
            return at, number, used


whole = inner(_whole)
"""whole(at, end) -> behind at most 19 digits, the number from 0 that they say, how many; 0 first if there are more."""


def _decimal(at: int, end: int) -> tuple[int, int, int]:
    start = at
    at, number, used = whole(at, end)
    if at == 0 or used == 0 or (used > 1 and byte_at(start) == _ZERO):
        return 0, 0, 0
    if number == 0:
        used = 0
    scale = 0
    if at < end and byte_at(at) == _POINT:
        at += 1
        while True:
            count, value = digits(at, end)
            if number != 0 or value != 0:
                used += count
                if used > _MOST_DIGITS:
                    return 0, 0, 0
            number = number * TENS[count] + value
            at += count
            scale -= count
            if count < 8:
                break
            if scale < -_MOST_EXPONENT:
                return 0, 0, 0
        if scale == 0:
            return 0, 0, 0
    if at < end and byte_at(at) | 32 == _E:
        at += 1
        minus = at < end and byte_at(at) == _MINUS
        if minus or (at < end and byte_at(at) == _PLUS):
            at += 1
        count, value = digits(at, end)
        if count == 0 or value > _MOST_EXPONENT or count == 8:
            return 0, 0, 0
        at += count
        scale += -value if minus else value
    return at, number, scale


decimal = inner(_decimal)
"""decimal(at, end) -> behind a JSON number without a sign, its digits as one from 0, the power of ten; 0 if odd."""


def _micros(number: int, scale: int) -> int:
    if number == 0:
        return 0
    scale += _DECIMALS
    if number < 0 or scale > _MONEY_DIGITS or scale < -_MONEY_DIGITS:
        return -1
    if scale >= 0:
        return number * TENS[scale] if number < TENS[_MONEY_DIGITS - scale] else -1
    rest = number // TENS[-scale]
    return rest if rest * TENS[-scale] == number and rest < TENS[_MONEY_DIGITS] else -1


micros = inner(_micros)
"""micros(number, scale): millionths in number * 10^scale; -1 where they are no amount."""


def _double(number: int, power: int) -> int:
    """The algorithm of Eisel and Lemire: the product with 128 bits of the power tells the double, or says so."""
    if number == 0:
        return 0
    if power < _LEAST_POWER or power > _MOST_POWER:
        return -1
    zeros = leading_zeros(number)
    number = number << zeros
    first, second = FIVES[power - _LEAST_POWER, 0], FIVES[power - _LEAST_POWER, 1]
    high, low = high_word(number, first), number * first
    if high & 0x1FF == 0x1FF:
        more = high_word(number, second)
        low += more
        if is_below(low, more):
            high += 1
        if low == -1:
            return -1
    upper = shift_right(high, 63)
    mantissa = shift_right(high, upper + 9)
    exponent = (((152170 + 65536) * power) >> 16) + 63 + upper - zeros + 1023
    if exponent <= 0 or exponent >= 2046:
        return -1
    # exactly in the middle of two doubles: to the even one
    if is_below(low, 2) and -4 <= power <= 23 and mantissa & 3 == 1 and mantissa << (upper + 9) == high:
        mantissa &= -2
    mantissa = (mantissa + (mantissa & 1)) >> 1
    if mantissa >= 1 << 53:
        mantissa = 1 << 52
        exponent += 1
    return (mantissa & ((1 << 52) - 1)) | exponent << 52


double = inner(_double)
"""double(number, power): the bits of the double nearest to number * 10^power, number from 0; -1 where it is odd."""
