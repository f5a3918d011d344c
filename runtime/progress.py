"""What one process of a run has done so far, counted where it happens and looked at by another thread."""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime

from dataflow.messages import Judged, Range
from runtime.look import Look
from sinks.lake.commit_stats import CommitStats


class Progress:
    """Counts of one process of a run, fed by its intake and its sink, looked at by another thread.

    Only a run that is `bounded` has time left.
    """

    def __init__(self, wall: Callable[[], datetime], monotonic: Callable[[], float], *, bounded: bool = False) -> None:
        self._bounded = bounded
        self._wall = wall
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._read = self._late = self._duplicate = self._dead = 0
        self._lost: list[Range] = []
        self._watermarks_ms: dict[str, int] = {}
        self._lag: dict[str, int] = {}
        self._committed_s: float | None = None
        self._started_s = self._looked_s = monotonic()
        self._looked_read = 0

    def observe(self, judged: Judged, lag_records: int | None) -> None:
        """One poll was judged."""
        with self._lock:
            self._read += judged.read
            self._duplicate += judged.duplicate
            self._dead += 0 if judged.dead is None else judged.dead.num_rows
            if judged.watermark is not None:
                self._watermarks_ms[judged.partition] = judged.watermark
            if lag_records is not None:
                self._lag[judged.partition] = lag_records

    def committed(self, stats: CommitStats) -> None:
        """One epoch was published; how many were late is known from here on."""
        with self._lock:
            self._late += sum(entry.late for entry in stats.ranges)
            self._lost += [entry for entry in stats.ranges if entry.lost]
            self._committed_s = self._monotonic()

    @property
    def lost(self) -> list[Range]:
        """The ranges that were gone before they were read and are in the lake as such, in order of their commits."""
        with self._lock:
            return list(self._lost)

    def look(self) -> Look:
        """The run now; the rate is that since the last look."""
        now_s = self._monotonic()
        with self._lock:
            rate = (self._read - self._looked_read) / max(now_s - self._looked_s, 1e-9)
            self._looked_s, self._looked_read = now_s, self._read
            return self._at(now_s, rate)

    def whole(self) -> Look:
        """The run from its start to now."""
        now_s = self._monotonic()
        with self._lock:
            return self._at(now_s, self._read / max(now_s - self._started_s, 1e-9))

    def _at(self, now_s: float, rate: float) -> Look:
        lag = sum(self._lag.values()) if self._lag else None
        return Look(
            seconds=now_s - self._started_s,
            rate=rate,
            read=self._read,
            late=self._late,
            duplicate=self._duplicate,
            dead=self._dead,
            delay_ms=self._delay_ms(self._watermarks_ms),
            lag=lag,
            left_s=round(lag / rate) if self._bounded and lag is not None and rate > 0 else None,
            lost=sum(entry.lost for entry in self._lost) or None,
            committed_ms=None if self._committed_s is None else round((now_s - self._committed_s) * 1000),
        )

    def _delay_ms(self, watermarks_ms: Mapping[str, int]) -> int | None:
        if not watermarks_ms:
            return None
        return round(self._wall().timestamp() * 1000) - min(watermarks_ms.values())
