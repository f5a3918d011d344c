"""Which windows hold a row, and for how many of them it is late (semantics rules 6 and 7)."""

from dataclasses import dataclass

import numpy as np

from dataflow.columnar.types import Int64s, Positions, Values
from dataflow.messages import NEVER_MS
from dataflow.windows import Window
from dataflow.windows.kinds import Layout, has_one_window, kind_of, panes_by_clock

_SAFE_TIME_MS = 2**61
_SAFE_SPAN_MS = 2**60
_INT64_MAX = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Expansion:
    """Windows of some times: `of[i]` is the position of the time, ascending; `ordinal[i]` counts its windows from 0.

    `start` and `end` in ms, half open, cut off at the ends of int64; the windows of one time come by ascending end.
    """

    of: Positions
    ordinal: Int64s
    start: Int64s
    end: Int64s


@dataclass(frozen=True, slots=True)
class Assigner:
    """The arithmetic of one window declaration. A session's row has its own window [t, t + gap).

    Exact for every int64 time and watermark, with a zone for every event time; times near the ends of int64 take a slow
    path.
    """

    window: Window
    allowed_lateness_ms: int

    @property
    def grid_ms(self) -> int:
        """Width of a pane: all times of a pane have the same windows."""
        return kind_of(self.window).grid_ms(self.window)

    @property
    def has_one_window(self) -> bool:
        """Whether every time lies in exactly one window."""
        return has_one_window(self.window)

    @property
    def grid_offset_ms(self) -> int:
        """Where panes begin, in [0, grid)."""
        return self.window.offset_ms % self.grid_ms

    @property
    def pane_key(self) -> tuple[int, int, str | None]:
        """What panes depend on."""
        return (self.grid_ms, self.grid_offset_ms, self.window.zone)

    def panes(self, times: Int64s) -> Int64s:
        """Number of the pane of each time: floor((t - offset) / grid), of instants or of a zone's clock."""
        if self.window.zone is not None:
            return panes_by_clock(self.window, times)
        return pane_numbers(times, self.grid_ms, self.grid_offset_ms)

    def late_windows(self, times: Int64s, watermarks: Int64s) -> Int64s:
        """For how many of its windows each row is late; they are the first ones of its expansion.

        Late for a window: end - 1 + allowed lateness <= watermark before the row; never with watermark NEVER_MS.
        """
        exact = self._exact(times)
        _, first_end, count = self._layout(exact)
        limit: Values
        if exact.dtype == np.int64:
            limit = np.clip(watermarks, -2 * _SAFE_TIME_MS, 2 * _SAFE_TIME_MS)
        else:
            limit = watermarks.astype(object)
        reached = (limit - self.allowed_lateness_ms + 1 - first_end) // self.window.slide_ms + 1
        late = np.asarray(np.clip(reached, 0, count), np.int64)
        late[watermarks == NEVER_MS] = 0
        return late

    def window_counts(self, times: Int64s) -> Int64s:
        """How many windows hold each time."""
        return np.asarray(self._layout(self._exact(times))[2], np.int64)

    def expand(self, times: Int64s) -> Expansion:
        """All windows of each time."""
        start, first_end, counts = self._layout(self._exact(times))
        if self.has_one_window:
            every = np.arange(len(times), dtype=np.intp)
            return Expansion(every, np.zeros(len(times), np.int64), _saturated(start), _saturated(first_end))
        count = np.asarray(counts, np.int64)
        of = np.repeat(np.arange(len(times), dtype=np.intp), count)
        ordinal = np.arange(len(of), dtype=np.int64) - np.repeat(np.cumsum(count) - count, count)
        steps = ordinal.astype(first_end.dtype) * self.window.slide_ms
        starts = start[of] if kind_of(self.window).anchored else start[of] + steps
        return Expansion(of, ordinal, _saturated(starts), _saturated(first_end[of] + steps))

    def late_by(self, times: Int64s, watermarks: Int64s) -> Int64s:
        """How far the watermark was past end - 1 + allowed lateness of the row's last window, for late rows: >= 0."""
        _, first_end, count = self._layout(self._exact(times))
        limit: Values = watermarks
        if first_end.dtype != np.int64 or (watermarks >= _SAFE_TIME_MS).any():
            limit, first_end, count = (each.astype(object) for each in (watermarks, first_end, count))
        last_end = first_end + (count - 1) * self.window.slide_ms
        return _saturated(limit - (last_end - 1 + self.allowed_lateness_ms))

    def _exact(self, times: Int64s) -> Values:
        """The times, as Python ints where int64 could overflow."""
        spans = self.window.size_ms + self.allowed_lateness_ms
        if times.size == 0:
            return times
        if spans < _SAFE_SPAN_MS and times.min() > -_SAFE_TIME_MS and times.max() < _SAFE_TIME_MS:
            return times
        return times.astype(object)

    def _layout(self, times: Values) -> Layout:
        return kind_of(self.window).layout(self.window, times)


def pane_numbers(times: Int64s, grid_ms: int, offset_ms: int) -> Int64s:
    """floor((t - offset) / grid), 0 <= offset < grid, for any int64 time."""
    if grid_ms > _INT64_MAX:
        return np.asarray((times.astype(object) - offset_ms) // grid_ms, np.int64)
    numbers = times // grid_ms
    if offset_ms:
        # (t - offset) could overflow; the remainder says as well whether the offset crosses a pane's edge.
        numbers -= times - numbers * grid_ms < offset_ms
    return numbers


def _saturated(times: Values) -> Int64s:
    if times.dtype == np.int64:
        return times
    return np.asarray(np.clip(times, NEVER_MS, _INT64_MAX), np.int64)
