"""Which windows hold a time (semantics rules 6 and 7)."""

from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from tests.model.clocks import clock
from tests.model.spec import WindowSpec

Span = tuple[int, int]
"""[start, end) in ms."""


def windows_of(time: int, window: WindowSpec) -> list[Span]:
    """All windows that hold `time`, by ascending start and end; for a session the row's own [time, time + gap)."""
    if window.zone is not None:
        return [_local_span(time, window, clock(window.zone))]
    if window.kind == "session":
        return [(time, time + window.size)]
    if window.kind == "cumulate":
        base = _floor(time - window.offset, window.size) + window.offset
        ends = range(base + window.slide, base + window.size + 1, window.slide)
        return [(base, end) for end in ends if time < end]
    spans: list[Span] = []
    start = _floor(time - window.offset, window.slide) + window.offset
    while time < start + window.size:
        spans.append((start, start + window.size))
        start -= window.slide
    return sorted(spans)


def is_late(span: Span, lateness: int, watermark: int | None) -> bool:
    """Late for a window: its last millisecond and the allowed lateness have been reached. None = minus infinity."""
    return watermark is not None and span[1] - 1 + lateness <= watermark


def _local_span(time: int, window: WindowSpec, zone: ZoneInfo) -> Span:
    """The wall clock's borders one by one: the last one at or before `time`, and the next."""
    border = _floor(_reading(time, zone) - window.offset, window.size) + window.offset - _reach(window)
    start = _shown_first(border, zone)
    while True:
        border += window.size
        end = _shown_first(border, zone)
        if time < end:
            return (start, end)
        start = end


def _reach(window: WindowSpec) -> int:
    """No clock was ever put back by more than a day."""
    return max(window.size, 86_400_000 // window.size * window.size)


def _reading(time: int, zone: ZoneInfo) -> int:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=time)
    return (at.astimezone(zone).replace(tzinfo=None) - datetime(1970, 1, 1)) // timedelta(milliseconds=1)


@cache
def _shown_first(border: int, zone: ZoneInfo) -> int:
    """The first minute at which the wall clock shows `border` or a later reading (semantics rule 6)."""
    earliest = border - 16 * 3_600_000  # no zone is further from UTC
    for minute in range(40 * 60 + 1):
        at = earliest + minute * 60_000
        if _reading(at, zone) >= border:
            return at
    raise AssertionError("every border is shown some day")


def _floor(time: int, step: int) -> int:
    return time // step * step
