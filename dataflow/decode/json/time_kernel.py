"""Compiled: dates and times in text."""

from dataflow.columnar.inner import inner
from dataflow.columnar.memory import byte_at
from dataflow.decode.json.number_kernel import whole

NO_TIME = -(2**63)
"""What stands for a text that is no time, or one that this does not know."""

_MINUS, _PLUS, _COLON, _POINT, _BLANK, _TIME, _ZULU = 45, 43, 58, 46, 32, 116, 122
_DATE_LENGTH, _CLOCK_LENGTH = 10, 19
_EPOCH_DAY = 719468
_DAY_MS, _HOUR_MS, _MINUTE_MS = 86_400_000, 3_600_000, 60_000
_MOST_DIGITS = 18
_SECONDS, _MICROS, _NANOS = 0, 2, 3


def _two(at: int) -> int:
    """The number that two digits say; far off where they are none."""
    tens, ones = byte_at(at) - 48, byte_at(at + 1) - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else 1_000_000


two = inner(_two)


def _day(at: int) -> int:
    year = two(at) * 100 + two(at + 2)
    month, day = two(at + 5), two(at + 8)
    if byte_at(at + 4) != _MINUS or byte_at(at + 7) != _MINUS or year < 1 or year > 9999 or month < 1 or month > 12:
        return NO_TIME
    last = 31
    if month == 2:
        last = 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    elif month == 4 or month == 6 or month == 9 or month == 11:
        last = 30
    if day < 1 or day > last:
        return NO_TIME
    if month <= 2:
        year -= 1
        month += 12
    of_year = (153 * (month - 3) + 2) // 5 + day - 1
    return year * 365 + year // 4 - year // 100 + year // 400 + of_year - _EPOCH_DAY


day = inner(_day)
"""day(at): the days from 1970 to the YYYY-MM-DD in the 10 bytes at an address; NO_TIME where it is none."""


def _clock(at: int, stop: int, lax: bool) -> tuple[int, bool]:
    days = day(at)
    hour, minute, second = two(at + 11), two(at + 14), two(at + 17)
    between = byte_at(at + 10)
    if (
        days == NO_TIME
        or hour > 23
        or minute > 59
        or second > 59
        or byte_at(at + 13) != _COLON
        or byte_at(at + 16) != _COLON
        or not (between | 32 == _TIME or (lax and between == _BLANK))
    ):
        return NO_TIME, False
    time = days * _DAY_MS + hour * _HOUR_MS + minute * _MINUTE_MS + second * 1_000
    at += _CLOCK_LENGTH
    if at < stop and byte_at(at) == _POINT:
        at += 1
        start, weight = at, 100
        while at < stop and 0 <= byte_at(at) - 48 <= 9:
            time += weight * (byte_at(at) - 48)
            weight //= 10
            at += 1
        if at == start:
            return NO_TIME, False
    if at == stop:
        return time if lax else NO_TIME, True
    sign = byte_at(at)
    if sign | 32 == _ZULU:
        return time if at + 1 == stop else NO_TIME, False
    has_colon = stop - at == 6
    if not (sign == _PLUS or sign == _MINUS) or not (has_colon or (lax and stop - at == 5)):
        return NO_TIME, False
    hour, minute = two(at + 1), two(stop - 2)
    if hour > 23 or minute > 59 or (has_colon and byte_at(at + 3) != _COLON):
        return NO_TIME, False
    ahead = hour * _HOUR_MS + minute * _MINUTE_MS
    return time - ahead if sign == _PLUS else time + ahead, False


clock = inner(_clock)


def _ticks(at: int, stop: int, end: int, unit: int) -> int:
    minus = byte_at(at) == _MINUS
    if minus:
        at += 1
    if stop - at > _MOST_DIGITS:
        return NO_TIME
    after, number, used = whole(at, end)
    if after != stop or used == 0:
        return NO_TIME
    if minus:
        number = -number
    if unit == _SECONDS:
        return number * 1_000 if -9_000_000_000_000 <= number <= 9_000_000_000_000 else NO_TIME
    if unit == _MICROS:
        return number // 1_000
    return number // 1_000_000 if unit == _NANOS else number


ticks = inner(_ticks)


def _time(at: int, stop: int, end: int, lax: bool, unit: int) -> tuple[int, bool]:
    if stop - at >= _CLOCK_LENGTH and byte_at(at + 4) == _MINUS:
        return clock(at, stop, lax)
    if at == stop or (byte_at(at) == _MINUS and not lax):
        return NO_TIME, False
    return ticks(at, stop, end, unit), False


time = inner(_time)
"""time(at, stop, end, lax, unit) -> ms from 1970 of the text [at, stop), and whether it names no zone.

NO_TIME where it is no time, as EventTimeText has it as it stands; `lax`: as one with forms does, digits in `unit`.
"""
