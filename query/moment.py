"""Points in time as a user writes them, and as the catalog compares them."""

from datetime import UTC, date, datetime, time, timedelta

from dataflow.errors import QueryError
from sinks.lake.catalog.types import Bound, from_text, to_text

AsOf = int | datetime | str | None
"""A snapshot id, a time (naive = UTC), either as text, or None for the newest snapshot."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_LONGEST_ID = 18
"""Digits of a snapshot id, at most; SQLite counts no further."""

_FIRST_MS = (datetime(1, 1, 3, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)
_LAST_MS = (datetime(9999, 12, 30, tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)


def parse_as_of(as_of: AsOf) -> int | datetime | None:
    """A snapshot id, an aware time, or None for the newest. Raises QueryError with the accepted forms."""
    if not isinstance(as_of, str):
        return as_of if not isinstance(as_of, datetime) else aware(as_of)
    stripped = as_of.strip()
    if stripped in ("", "latest"):
        return None
    if stripped.isdecimal():
        if len(stripped) > _LONGEST_ID:
            raise QueryError(f'no snapshot has the number "{stripped[:40]}"; choose one of `tidemill snapshots`')
        return int(stripped)
    return parse_time(stripped, "a snapshot id (see `tidemill snapshots`) or a UTC time like 2026-11-25T12:05:00")


def parse_time(written: str, forms: str = "a UTC time like 2026-11-25T12:05:00") -> datetime:
    """An ISO 8601 date or time as an aware datetime; without a zone it is UTC. Raises QueryError naming `forms`."""
    try:
        return aware(datetime.fromisoformat(written.strip()))
    except (ValueError, OverflowError):
        raise QueryError(f'"{written}" is no time; write {forms}') from None


def parse_day(written: str, today: date) -> date:
    """`today`, `yesterday` or YYYY-MM-DD. Raises QueryError."""
    word = written.strip().lower()
    if word in ("today", "yesterday"):
        return today if word == "today" else today - timedelta(days=1)
    try:
        return date.fromisoformat(word)
    except ValueError:
        raise QueryError(f'"{written}" is no day; write today, yesterday or a date like 2026-11-25') from None


def start_of(day: date) -> datetime:
    """Midnight UTC at which `day` starts."""
    return datetime.combine(day, time(), UTC)


def aware(moment: datetime) -> datetime:
    """`moment` in UTC; without a zone it is taken as UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def to_ms(moment: datetime) -> int:
    """Milliseconds since 1970, rounded down."""
    return (aware(moment) - EPOCH) // timedelta(milliseconds=1)


def from_ms(moment_ms: int) -> datetime:
    """The aware UTC time of milliseconds since 1970; beyond Python's years 1 to 9999 the nearest day that it has."""
    return EPOCH + timedelta(milliseconds=min(max(moment_ms, _FIRST_MS), _LAST_MS))


def comparable(value: datetime | int | None) -> Bound | None:
    """`value` in the form in which a catalog's column bounds compare."""
    if not isinstance(value, datetime):
        return value
    return from_text(to_text((aware(value) - EPOCH) // timedelta(microseconds=1), "timestamp"), "timestamp")
