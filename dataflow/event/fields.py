"""Types for the fields of an event model that plain Python has no word for: event times and money."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1

EVENT_TIME_LIMIT_MS = 9_000_000_000_000_000
"""No event time is further from 1970: a lake's TIMESTAMP, in microseconds, must hold every window around it."""

Scalar = str | int | float | Decimal | date | None
"""What a column of one value holds, as Python has it; a bool is an int."""

Value = Scalar | list[Scalar]
"""What a column of an event holds: a scalar, or a list of them without null."""

MONEY_DECIMALS = 6


class FieldKind(Enum):
    """What a field holds, which decides its JSON form and its Arrow type."""

    STR = "str"
    INT = "int"
    BOOL = "bool"
    FLOAT = "float"
    MONEY = "money"
    DATE = "date"
    EVENT_TIME = "event_time"
    LIST = "list"
    JSON = "json"


_Ticks = TypeVar("_Ticks", int, "npt.NDArray[np.int64]")


class TimeUnit(Enum):
    """How an event time is written: a JSON int of this unit, or text."""

    SECONDS = "s"
    MILLIS = "ms"
    MICROS = "us"
    NANOS = "ns"
    TEXT = "text"

    def to_ms(self, ticks: _Ticks) -> _Ticks:
        """Milliseconds since 1970 of `ticks` of this unit, floored. TEXT counts as milliseconds."""
        if self is TimeUnit.SECONDS:
            return ticks * 1_000
        if self is TimeUnit.MICROS:
            return ticks // 1_000
        if self is TimeUnit.NANOS:
            return ticks // 1_000_000
        return ticks


_RFC_3339 = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:[Zz]|([+-])(\d{2}):(\d{2}))", re.ASCII
)
_DIGITS = re.compile(r"\d+", re.ASCII)
_AMOUNT = re.compile(r"[+-]?\d+(?:\.\d+)?", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_EPOCH = datetime(1970, 1, 1)
_ONE_MS = timedelta(milliseconds=1)


def text_to_ms(text: str) -> int:
    """Milliseconds since 1970 of an RFC 3339 time with zone (fractions floored), or of a string of digits.

    Raises ValueError for anything else, and for digits beyond EVENT_TIME_LIMIT_MS.
    """
    if _DIGITS.fullmatch(text):
        digits = text.lstrip("0")
        if len(digits) > 19 or int(digits or "0") > EVENT_TIME_LIMIT_MS:
            raise ValueError(f"more than {EVENT_TIME_LIMIT_MS} ms from 1970")
        return int(digits or "0")
    match = _RFC_3339.fullmatch(text)
    if match is None:
        raise ValueError('write RFC 3339 with a zone, like "2026-01-31T23:59:59.999Z", or digits (milliseconds)')
    day, clock, fraction, sign, zone_hours, zone_minutes = match.groups()
    at_ms = (datetime.fromisoformat(f"{day}T{clock}") - _EPOCH) // _ONE_MS + int((fraction or "0")[:3].ljust(3, "0"))
    if sign is None:
        return at_ms
    if int(zone_hours) > 23 or int(zone_minutes) > 59:
        raise ValueError("the zone is not between -23:59 and +23:59")
    zone_ms = (int(zone_hours) * 60 + int(zone_minutes)) * 60_000
    return at_ms - zone_ms if sign == "+" else at_ms + zone_ms


def is_date_text(text: str) -> bool:
    """Whether `text` has the form YYYY-MM-DD; whether the day exists is another question."""
    return _DATE.fullmatch(text) is not None


def ms_to_text(at_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds, for years 1 to 9999."""
    at = datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=at_ms)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_micros(number: Decimal) -> int | None:
    """The exact number of millionths in `number`, or None if it has more than 6 decimals or is out of Money's range."""
    if not number.is_finite():
        return None
    if not number:
        return 0
    sign, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or number.adjusted() >= 12:
        return None
    shift = exponent + MONEY_DECIMALS
    if shift < 0:
        if any(digits[shift:]):
            return None
        digits = digits[:shift]
        shift = 0
    micros: int = int("".join(map(str, digits)) or "0") * 10**shift
    return -micros if sign else micros


def money_micros(token: str) -> int | None:
    """`to_micros` of a JSON number's text, of any length and exponent."""
    mantissa, _, exponent_text = token.lower().partition("e")
    whole, _, fraction = mantissa.lstrip("-").partition(".")
    digits = (whole + fraction).lstrip("0")
    if not digits:
        return 0
    exponent_digits = exponent_text.lstrip("+-").lstrip("0")
    # Twenty digits of exponent outweigh any mantissa that fits into memory.
    exponent = int(exponent_digits[:20] or "0") * (-1 if exponent_text.startswith("-") else 1)
    trimmed = digits.rstrip("0")
    shift = exponent - len(fraction) + len(digits) - len(trimmed) + MONEY_DECIMALS
    if shift < 0 or len(trimmed) + shift > 18:
        return None
    micros: int = int(trimmed) * 10**shift
    return -micros if token.startswith("-") else micros


def text_to_micros(text: str) -> int | None:
    """The millionths of an amount as text: a sign or none, digits, decimals or none. None for anything else."""
    return money_micros(text.lstrip("+")) if _AMOUNT.fullmatch(text) else None


def from_micros(micros: int) -> Decimal:
    """Money with exactly 6 decimals."""
    return Decimal(micros).scaleb(-MONEY_DECIMALS)


def _check_money(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise PydanticCustomError("money_type", "Input should be a number, not {kind}", {"kind": type(value).__name__})
    number = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    micros = to_micros(number)
    if micros is None:
        raise PydanticCustomError("money_range", "Input should be below 10^12 and have at most 6 decimals")
    return from_micros(micros)


def _check_money_text(value: object) -> Decimal:
    if not isinstance(value, str):
        return _check_money(value)
    micros = text_to_micros(value)
    if micros is None:
        raise PydanticCustomError("money_text", "Input should be an amount below 10^12 with at most 6 decimals")
    return from_micros(micros)


@dataclass(frozen=True, slots=True)
class MoneyMarker:
    """Marks a Decimal field as money: a JSON number of at most 6 decimals by value, below 10^12.

    `text`: a JSON string of such an amount instead.
    """

    text: bool = False

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(_check_money_text if self.text else _check_money)


def _check_time_text(text: str) -> str:
    text_to_ms(text)
    return text


TIME_TEXT = AfterValidator(_check_time_text)
"""The form of EventTimeText as it stands, for pydantic."""

EventTime = Annotated[int, TimeUnit.MILLIS]
"""When the event happened: a JSON int of milliseconds since 1970-01-01T00:00:00Z. Exactly one field has this role.

Event times of every kind are within EVENT_TIME_LIMIT_MS of 1970, both ways.
"""

EventTimeSeconds = Annotated[int, TimeUnit.SECONDS]
"""Event time as a JSON int of seconds."""

EventTimeMicros = Annotated[int, TimeUnit.MICROS]
"""Event time as a JSON int of microseconds, floored to milliseconds."""

EventTimeNanos = Annotated[int, TimeUnit.NANOS]
"""Event time as a JSON int of nanoseconds, floored to milliseconds."""

Money = Annotated[Decimal, MoneyMarker()]
"""An exact amount: a JSON number with at most 6 decimals by value (0.1000000 and 1e3 are fine), below 10^12."""

MoneyText = Annotated[Decimal, MoneyMarker(text=True)]
"""An exact amount as a JSON string: "12.50", "-3" (a refund), "0.00"; at most 6 decimals by value, below 10^12."""
