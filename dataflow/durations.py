"""Durations as a user writes them, in whole milliseconds."""

import re
from datetime import timedelta

_UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_FORM = re.compile(r"(\d+)(ms|s|m|h|d|w)")

Duration = timedelta | str


def to_ms(duration: Duration) -> int:
    """Milliseconds of `duration`: a timedelta, or a whole number and ms, s, m, h, d or w ("90s").

    Raises ValueError, with the accepted form, for anything else, for negative values and for
    fractions of a millisecond.
    """
    if isinstance(duration, timedelta):
        whole, rest = divmod(duration, timedelta(milliseconds=1))
        if rest or whole < 0:
            raise ValueError(f"{duration!r} is not a whole, non-negative number of milliseconds")
        return whole
    match = _FORM.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        raise ValueError(f'{duration!r} is not a duration; write a whole number and ms, s, m, h, d or w, like "90s"')
    return int(match[1]) * _UNITS_MS[match[2]]


def to_text(duration_ms: int) -> str:
    """The shortest text that `to_ms` reads back: 90000 -> "90s"."""
    if duration_ms == 0:
        return "0s"
    for unit in ("d", "h", "m", "s"):
        if duration_ms % _UNITS_MS[unit] == 0:
            return f"{duration_ms // _UNITS_MS[unit]}{unit}"
    return f"{duration_ms}ms"
