"""Event times as text: in which forms they come, in which zone, and between which bounds."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from dataflow.event.fields import EVENT_TIME_LIMIT_MS, TIME_TEXT, TimeUnit, ms_to_text, text_to_ms
from dataflow.event.unit_size import NOUNS, PER_SECOND, unit_by_size
from dataflow.zones import zone_of

_UNITS = {"s": TimeUnit.SECONDS, "ms": TimeUnit.MILLIS, "us": TimeUnit.MICROS, "ns": TimeUnit.NANOS}
_NUMBER = re.compile(r"(-?)(\d+)(?:\.(\d+))?", re.ASCII)
_CLOCK = re.compile(
    r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d+))?(?:([Zz])|([+-])(\d{2}):?(\d{2}))?", re.ASCII
)
_MOST_DIGITS = 40
_EPOCH = datetime(1970, 1, 1)
_ONE_MS = timedelta(milliseconds=1)
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class TextTime:
    """How an event time is written as text: what `EventTimeText(...)` was given, nothing of it checked yet.

    `start` and `end` bound the time, [start, end): a day (00:00 UTC) or RFC 3339; None is no bound.
    """

    unit: str
    zone: str | None
    start: str | None
    end: str | None

    def mistakes(self) -> Iterator[str]:
        """What is wrong with it, in words."""
        if self.unit not in _UNITS:
            yield f"unit={self.unit!r} is no unit of digits; write one of s, ms, us, ns"
        if self.zone is not None:
            try:
                zone_of(self.zone)
            except ValueError as error:
                yield f"zone={self.zone!r} is {error}"
        edges: list[int] = []
        for name, edge in (("start", self.start), ("end", self.end)):
            try:
                edges += [] if edge is None else [_edge_ms(edge)]
            except (ValueError, TypeError):
                yield f'{name}={edge!r} is no time; write "2000-01-01", RFC 3339 with a zone, or None for no bound'
        if len(edges) == 2 and edges[0] >= edges[1]:
            yield f"start={self.start!r} is not before end={self.end!r}"

    @property
    def ticks(self) -> TimeUnit:
        """The unit of digits."""
        return _UNITS[self.unit]

    @property
    def bounds(self) -> tuple[int, int]:
        """The first and the last ms that an event time may have."""
        return _bounds(self.start, self.end)

    def to_ms(self, text: str) -> int:
        """Milliseconds since 1970, floored. Raises ValueError, with a hint where the size fits another unit."""
        at_ms = self._read(text)
        first_ms, last_ms = self.bounds
        if not first_ms <= at_ms <= last_ms:
            raise ValueError(f"{_shown(at_ms)} is not {self._within()}{self._hint(text)}")
        return at_ms

    def _read(self, text: str) -> int:
        number = _NUMBER.fullmatch(text)
        if number is not None:
            return self._of_number(number[1] == "-", number[2], number[3] or "")
        clock = _CLOCK.fullmatch(text)
        if clock is None:
            raise ValueError(f"write {self._forms()}")
        day, time, fraction, utc, sign, hours, minutes = clock.groups()
        whole_ms = (datetime.fromisoformat(f"{day}T{time}") - _EPOCH) // _ONE_MS
        reading = whole_ms + int((fraction or "0")[:3].ljust(3, "0"))
        if utc is not None:
            return reading
        if sign is None:
            if self.zone is None:
                raise ValueError('the text names no zone; declare one, like EventTimeText(zone="Europe/Amsterdam")')
            return int(zone_of(self.zone).instant(np.array([reading], np.int64))[0])
        if int(hours) > 23 or int(minutes) > 59:
            raise ValueError("the zone is not between -23:59 and +23:59")
        ahead_ms = (int(hours) * 60 + int(minutes)) * 60_000
        return reading - ahead_ms if sign == "+" else reading + ahead_ms

    def _of_number(self, below: bool, whole: str, fraction: str) -> int:
        whole = whole.lstrip("0") or "0"
        if len(whole) > _MOST_DIGITS:
            raise ValueError(f"more than {EVENT_TIME_LIMIT_MS} ms from 1970{self._hint('')}")
        at_ms, rest = divmod(int(whole + fraction[:3].ljust(3, "0")), PER_SECOND[self.ticks])
        cut = rest > 0 or fraction[3:].strip("0") != ""
        return -at_ms - cut if below else at_ms  # floored, so a time before 1970 goes away from it

    def _forms(self) -> str:
        zone = 'a zone, like "2026-01-31T23:59:59.999Z"' if self.zone is None else f"or without a zone ({self.zone})"
        return f"RFC 3339 with {zone}, or digits ({NOUNS[self.ticks]})"

    def _within(self) -> str:
        if self.start is None and self.end is None:
            return f"within {EVENT_TIME_LIMIT_MS} ms of 1970"
        if self.end is None:
            return f"at or after {self.start}"
        return f"before {self.end}" if self.start is None else f"from {self.start} to before {self.end}"

    def _hint(self, text: str) -> str:
        number = _NUMBER.fullmatch(text)
        unit = None if number is None else unit_by_size(int(number[1] + number[2][:_MOST_DIGITS]))
        if unit is None or unit is self.ticks:
            return ""
        return f'; by their size the digits are {NOUNS[unit]}: declare EventTimeText(unit="{unit.value}")'


@dataclass(frozen=True, slots=True)
class TextTimeCheck:
    """The form of one `EventTimeText(...)`, for pydantic."""

    time: TextTime

    def __call__(self, text: str) -> str:
        """The text as it is. Raises ValueError."""
        self.time.to_ms(text)
        return text


if TYPE_CHECKING:
    EventTimeText = Annotated[str, TIME_TEXT]
else:

    class EventTimeText(str):
        """Event time as a JSON string. As it stands: RFC 3339 with zone (Z or +01:00), or digits (milliseconds).

        `EventTimeText(unit="us", zone="Europe/Amsterdam")` takes more forms, within bounds, and says what they mean:
        digits of `unit` (s, ms, us or ns), with any number of decimals; RFC 3339 with Z, +01:00 or +0100, a T or a
        blank before the time, and without a zone where `zone` names one. Times are floored to ms. Those before
        `start`, or at or after `end`, are dead letters. It is a type for a field, or part of one:
        `Annotated[str, EventTimeText(...)]`, which type checkers take.
        """

        def __new__(
            cls,
            *,
            unit: str = "ms",
            zone: str | None = None,
            start: str | None = "2000-01-01",
            end: str | None = "2100-01-01",
        ) -> Any:
            """The type of a field whose text is written in these forms."""
            time = TextTime(unit, zone, start, end)
            return Annotated[str, time, AfterValidator(TextTimeCheck(time))]

        @classmethod
        def __get_pydantic_core_schema__(cls, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
            return core_schema.no_info_after_validator_function(TIME_TEXT.func, core_schema.str_schema())


def _edge_ms(edge: str) -> int:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", edge):
        return (date.fromisoformat(edge).toordinal() - _EPOCH_DAY) * _DAY_MS
    if edge.isdigit():
        raise ValueError("a number says nothing of its unit")
    return text_to_ms(edge)


@cache
def _bounds(start: str | None, end: str | None) -> tuple[int, int]:
    first_ms = -EVENT_TIME_LIMIT_MS if start is None else _edge_ms(start)
    return first_ms, EVENT_TIME_LIMIT_MS if end is None else _edge_ms(end) - 1


def _shown(at_ms: int) -> str:
    try:
        return ms_to_text(at_ms)
    except OverflowError:
        return f"{at_ms} ms from 1970"
