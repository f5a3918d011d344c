"""Spans of time that windows are put together by: borders on which windows end, so that none lies across two."""

from typing import NamedTuple

from dataflow.durations import to_text
from dataflow.sql import text
from dataflow.windows import DAY_MS, Window
from dataflow.windows.kinds import start_by_clock
from serve.problem import wrong_parameter
from sinks.lake.tables.definition import RollupDefinition

_BACK_MINUTES = (180, 120, 60, 30)
"""By how much clocks have been put back since 1970, the most first."""


class Spans(NamedTuple):
    """[k * every + origin, (k + 1) * every + origin), by a zone's clock or, where `zone` is None, in UTC.

    `refused`: the zone by whose clock they were asked for, where windows would lie across its days.
    """

    every_ms: int
    zone: str | None = None
    origin_ms: int = 0
    refused: str | None = None

    def first_ms(self, moment_ms: int) -> int:
        """The start of the span that holds a moment, ms since 1970."""
        if self.zone is None:
            return (moment_ms - self.origin_ms) // self.every_ms * self.every_ms + self.origin_ms
        return start_by_clock(Window("tumble", self.every_ms, self.every_ms, self.origin_ms, zone=self.zone), moment_ms)

    def start_sql(self, column: str) -> str:
        """The start of the span in which a TIMESTAMP in UTC, the start of a window, lies."""
        if self.zone is None:
            return self._bucket(column)
        return self._instant(self._bucket(self._local(column)))

    def end_sql(self, start: str) -> str:
        """The end of the span that starts there; a day of a zone may have 23 or 25 hours."""
        if self.zone is None:
            return f"{start} + {self._width}"
        # a start that the clock skipped shows a later reading than the border
        return self._instant(f"{self._bucket(self._local(start))} + {self._width}")

    @property
    def _width(self) -> str:
        if self.every_ms % DAY_MS == 0:
            return f"INTERVAL {self.every_ms // DAY_MS} DAY"
        return f"INTERVAL {self.every_ms} MILLISECOND"

    def _bucket(self, column: str) -> str:
        return f"time_bucket({self._width}, {column}, make_timestamp({self.origin_ms * 1000}))"

    def _local(self, instant: str) -> str:
        return f"timezone({text(self.zone or '')}, timezone('UTC', {instant}))"

    def _instant(self, reading: str) -> str:
        """The first instant at which the clock shows the reading; DuckDB takes the last of those that come twice."""
        last = f"timezone('UTC', timezone({text(self.zone or '')}, {reading}))"
        earlier = " ".join(
            f"WHEN {self._local(f'{last} - INTERVAL {minutes} MINUTE')} >= {reading} THEN {last}"
            f" - INTERVAL {minutes} MINUTE"
            for minutes in _BACK_MINUTES
        )
        return f"CASE {earlier} ELSE {last} END"


def spans_of(rollup: RollupDefinition, every_ms: int, zone: str | None, written: str | None = None) -> Spans:
    """Spans of `every_ms` for a rollup's windows: whole days are those of `zone`, where windows end with its days.

    Those of a rollup by a zone's clock are always by that clock. Raises Problem where no such span holds whole windows,
    which tells `every_ms` as it was `written`.
    """
    window = rollup.window
    of_days = zone if zone is not None and every_ms % DAY_MS == 0 else None
    if rollup.merges_windows:
        return Spans(every_ms, of_days)
    if every_ms % window.slide_ms:
        told = to_text(every_ms) if written is None else written
        raise wrong_parameter("every", told, f"write a multiple of the window's {to_text(window.slide_ms)}")
    if window.zone is not None:
        return Spans(every_ms, window.zone, window.offset_ms % every_ms)
    if of_days is not None and _ends_with_days(window.slide_ms, window.offset_ms, of_days):
        return Spans(every_ms, of_days)
    return Spans(every_ms, None, window.offset_ms % window.slide_ms, of_days)


def _ends_with_days(slide_ms: int, offset_ms: int, zone: str) -> bool:
    """Whether windows in UTC end whenever a day of the zone does."""
    from dataflow.zones import zone_of

    try:
        offsets_ms = zone_of(zone).offsets_ms(since_ms=0)
    except ValueError:  # a zone of DuckDB's that the tz database does not have
        return False
    return all((each + offset_ms) % slide_ms == 0 for each in offsets_ms)
