"""The types of parameters: how a value of each is written, and what is bound for it."""

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from dataflow.durations import to_ms
from query.moment import parse_day, parse_time

Value = str | int | Decimal | bool | date | datetime | timedelta | None
"""What is bound; None is NULL. Times are UTC without a zone, as the lake's TIMESTAMPs are."""

_BIGINT = range(-(2**63), 2**63)


class ValueType(NamedTuple):
    """One type. `form`: what to write; `example`: a value of it.

    `read` turns what was written into what is bound, given the day that is today. Raises ValueError or QueryError.
    """

    name: str
    form: str
    example: str
    read: Callable[[str, date], Value]


def _integer(written: str, _: date) -> int:
    if not re.fullmatch(r"[+-]?[0-9]{1,19}", written) or int(written) not in _BIGINT:
        raise ValueError(written)
    return int(written)


def _number(written: str, _: date) -> Decimal:
    if not re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)", written) or len(written) > 38:
        raise ValueError(written)
    return Decimal(written)


def _boolean(written: str, _: date) -> bool:
    return {"true": True, "false": False}[written.lower()]


def _time(written: str, _: date) -> datetime:
    return parse_time(written).replace(tzinfo=None)


def _duration(written: str, _: date) -> timedelta:
    return timedelta(milliseconds=to_ms(written))


TYPES = {
    type_.name: type_
    for type_ in (
        ValueType("text", "any text", "a", lambda written, _: written),
        ValueType("integer", "a whole number", "1", _integer),
        ValueType("number", "a number like 12.50", "1", _number),
        ValueType("boolean", "true or false", "true", _boolean),
        ValueType("date", "today, yesterday or a date like 2026-11-25", "today", parse_day),
        ValueType("time", "a UTC time like 2026-11-25T12:05:00", "2026-11-25T12:05:00", _time),
        ValueType("duration", "a whole number and ms, s, m, h, d or w, like 90s", "1h", _duration),
    )
}
"""Every type by its name."""


def read_value(type_: ValueType, written: str, today: date) -> Value:
    """The value that `written` stands for. Raises ValueError with the form to write, or QueryError."""
    try:
        return type_.read(written.strip() if type_.name != "text" else written, today)
    except (ValueError, KeyError, OverflowError):
        raise ValueError(f"is no {type_.name}; write {type_.form}") from None
