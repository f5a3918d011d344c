"""Which windows hold a time (semantics rules 6 and 7)."""

from tests.model.spec import WindowSpec

Span = tuple[int, int]
"""[start, end) in ms."""


def windows_of(time: int, window: WindowSpec) -> list[Span]:
    """All windows that hold `time`, by ascending start and end; for a session the row's own [time, time + gap)."""
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


def _floor(time: int, step: int) -> int:
    return time // step * step
