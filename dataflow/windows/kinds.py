"""The table of window kinds: all that is known of each one. A new kind is one entry here and its test.

NumPy is imported where times are laid out: a report needs a kind's text alone.
"""

from collections.abc import Callable, Iterator
from math import gcd
from typing import TYPE_CHECKING, Any, NamedTuple

from dataflow.durations import to_text
from dataflow.windows import Window

if TYPE_CHECKING:
    import numpy as np

    Times = np.ndarray[Any, np.dtype[Any]]
    """int64 ms, or Python ints where int64 could overflow."""


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
    """

    name: str
    layout: "Callable[[Window, Times], Layout]"
    grid_ms: Callable[[Window], int]
    period_ms: Callable[[Window], int] = lambda window: window.size_ms
    anchored: bool = False
    merging: bool = False
    mistakes: Callable[[Window], Iterator[str]] = lambda _window: iter(())
    more: Callable[[Window], str] = lambda _window: ""


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


def _common_ms(window: Window) -> int:
    return gcd(window.size_ms, window.slide_ms)


def _gaps(window: Window) -> Iterator[str]:
    if window.slide_ms > window.size_ms:
        yield "`every` is longer than `size`, so rows between windows would be lost; make it at most the size"


def _uneven(window: Window) -> Iterator[str]:
    if window.size_ms % window.slide_ms:
        yield "`size` is not a multiple of `step`; choose a step that divides it"


_ENTRIES = (
    WindowKind("tumble", layout=_sliding, grid_ms=_common_ms),
    WindowKind(
        "hop",
        layout=_sliding,
        grid_ms=_common_ms,
        period_ms=lambda window: window.slide_ms,
        mistakes=_gaps,
        more=lambda window: f" every {to_text(window.slide_ms)}",
    ),
    WindowKind(
        "cumulate",
        layout=_growing,
        grid_ms=_common_ms,
        anchored=True,
        mistakes=_uneven,
        more=lambda window: f" by steps of {to_text(window.slide_ms)}",
    ),
    WindowKind("session", layout=_own, grid_ms=lambda _window: 1, merging=True),
)

KINDS: dict[str, WindowKind] = {kind.name: kind for kind in _ENTRIES}
"""Every kind by its name, which is that of Flink SQL's table function."""


def kind_of(window: Window) -> WindowKind:
    """The entry of a window's kind."""
    return KINDS[window.kind]


def has_one_window(window: Window) -> bool:
    """Whether every time lies in exactly one window."""
    return kind_of(window).merging or window.size_ms == window.slide_ms


def window_text(window: Window) -> str:
    """A window as its user wrote it."""
    offset = f", offset {to_text(window.offset_ms)}" if window.offset_ms else ""
    return f"{window.kind} {to_text(window.size_ms)}{kind_of(window).more(window)}{offset}"
