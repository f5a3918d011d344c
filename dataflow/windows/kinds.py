"""The table of window kinds: all that is known of each one. A new kind is one entry here and its test.

NumPy is imported where times are laid out: a report needs a kind's text alone.
"""

from collections.abc import Callable, Iterator, Mapping
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

from dataflow.durations import to_text
from dataflow.windows import DAY_MS, FIRST_MONDAY_MS, WEEK_MS, WEEKDAYS, Window, flink, spark
from dataflow.windows.assigned import WindowSql

if TYPE_CHECKING:
    import numpy as np

    Times = np.ndarray[Any, np.dtype[Any]]
    """int64 ms, or Python ints where int64 could overflow."""


HOUR_MS = 3_600_000


class Layout(NamedTuple):
    """The windows of some times: start and end of each one's first window, and how many it has, by ascending end."""

    start: "Times"
    first_end: "Times"
    counts: "Times"


class WindowKind(NamedTuple):
    """One kind of window.

    layout    the windows of each time
    grid_ms   width of a pane: all times of a pane have the same windows
    anchored  whether all windows of a time begin where the first one does, and only their ends move on
    merging   whether windows of a key that overlap or touch become one; then [start, end) is a row's own window
    mistakes  what is wrong with sizes, steps and offsets beside each other
    more      what its text says after the size
    sql       how the windows of a row are written, per dialect of an engine that folds rows itself
    """

    name: str
    layout: "Callable[[Window, Times], Layout]"
    grid_ms: Callable[[Window], int]
    period_ms: Callable[[Window], int] = lambda window: window.size_ms
    anchored: bool = False
    merging: bool = False
    mistakes: Callable[[Window], Iterator[str]] = lambda _window: iter(())
    more: Callable[[Window], str] = lambda _window: ""
    sql: Mapping[str, WindowSql] = {}


def _own(window: Window, times: "Times") -> Layout:
    import numpy as np

    return Layout(times, times + window.size_ms, np.ones(len(times), np.int64))


def _growing(window: Window, times: "Times") -> Layout:
    import numpy as np

    size, step = window.size_ms, window.slide_ms
    offset = window.offset_ms % size
    base = (times - offset) // size * size + offset
    first = (times - base) // step + 1
    return Layout(base, base + first * step, np.maximum(size // step - first + 1, 0))


def _sliding(window: Window, times: "Times") -> Layout:
    import numpy as np

    size, slide = window.size_ms, window.slide_ms
    offset = window.offset_ms % slide
    last = (times - offset) // slide * slide + offset
    if size == slide:
        return Layout(last, last + size, np.ones(len(times), np.int64))
    start = (times - size - offset) // slide * slide + slide + offset
    return Layout(start, start + size, np.maximum((last - start) // slide + 1, 0))


def _tumbling(window: Window, times: "Times") -> Layout:
    if window.zone is None:
        return _sliding(window, times)
    import numpy as np

    from dataflow.zones import zone_of

    zone, size, offset = zone_of(window.zone), window.size_ms, window.offset_ms
    border = panes_by_clock(window, np.asarray(times, np.int64)) * size + offset
    start, end = (zone.first(each).astype(times.dtype) for each in (border, border + size))
    return Layout(start, end, np.ones(len(times), np.int64))


def start_by_clock(window: Window, time: int) -> int:
    """The start of the window of a zone's clock that holds `time`; both are milliseconds since 1970."""
    import numpy as np

    return int(_tumbling(window, np.array([time], np.int64)).start[0])


def panes_by_clock(window: Window, times: "Times") -> "Times":
    """Number of the window that holds each time, by the clock of the window's zone.

    The clock's furthest reading decides, not its present one: a time after the clock was put back over a border stays
    in the window that had begun.
    """
    import numpy as np

    from dataflow.zones import zone_of

    assert window.zone is not None, "only a zone has a clock"
    return np.asarray((zone_of(window.zone).furthest(times) - window.offset_ms) // window.size_ms)


def _by_clock(window: Window) -> Iterator[str]:
    if window.zone is None:
        return
    from dataflow.zones import zone_of

    try:
        zone_of(window.zone)
    except ValueError as error:
        yield f"zone {window.zone!r} is {error}"
    size = window.size_ms
    if size % DAY_MS and (size % HOUR_MS or DAY_MS % size):
        yield "with a zone `size` is whole days, or whole hours that divide a day; write another, or leave out the zone"


def _common_ms(window: Window) -> int:
    return gcd(window.size_ms, window.slide_ms)


def _gaps(window: Window) -> Iterator[str]:
    if window.slide_ms > window.size_ms:
        yield "`every` is longer than `size`, so rows between windows would be lost; make it at most the size"


def _uneven(window: Window) -> Iterator[str]:
    if window.size_ms % window.slide_ms:
        yield "`size` is not a multiple of `step`; choose a step that divides it"


_ENTRIES = (
    WindowKind(
        "tumble",
        layout=_tumbling,
        grid_ms=_common_ms,
        mistakes=_by_clock,
        sql={"flink": flink.TUMBLE, "spark": spark.TUMBLE},
    ),
    WindowKind(
        "hop",
        layout=_sliding,
        grid_ms=_common_ms,
        period_ms=lambda window: window.slide_ms,
        mistakes=_gaps,
        more=lambda window: f" every {to_text(window.slide_ms)}",
        sql={"flink": flink.HOP, "spark": spark.HOP},
    ),
    WindowKind(
        "cumulate",
        layout=_growing,
        grid_ms=_common_ms,
        anchored=True,
        mistakes=_uneven,
        more=lambda window: f" by steps of {to_text(window.slide_ms)}",
        sql={"flink": flink.CUMULATE, "spark": spark.CUMULATE},
    ),
    WindowKind(
        "session",
        layout=_own,
        grid_ms=lambda _window: 1,
        merging=True,
        sql={"flink": flink.SESSION, "spark": spark.SESSION},
    ),
)

KINDS: dict[str, WindowKind] = {kind.name: kind for kind in _ENTRIES}
"""Every kind by its name, which is that of Flink SQL's table function."""


def kind_of(window: Window) -> WindowKind:
    """The entry of a window's kind."""
    return KINDS[window.kind]


def has_one_window(window: Window) -> bool:
    """Whether every time lies in exactly one window."""
    return kind_of(window).merging or window.size_ms == window.slide_ms


def windows_a_row(window: Window) -> int:
    """In how many windows a row counts at most."""
    return 1 if has_one_window(window) else -(-window.size_ms // window.slide_ms)


def window_text(window: Window) -> str:
    """A window as its user wrote it."""
    offset_ms, clock = window.offset_ms, ""
    if window.zone is not None:
        clock = f" in {window.zone}"
        if window.size_ms % WEEK_MS == 0:
            day, offset_ms = divmod((offset_ms - FIRST_MONDAY_MS) % window.size_ms, DAY_MS)
            weeks, weekday = divmod(day, 7)
            clock, offset_ms = f" from {WEEKDAYS[weekday]}{clock}", offset_ms + weeks * WEEK_MS
    offset = f", offset {to_text(offset_ms)}" if offset_ms else ""
    return f"{window.kind} {to_text(window.size_ms)}{kind_of(window).more(window)}{clock}{offset}"
