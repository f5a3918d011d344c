"""When a source partition is to be asked again: the wall times that Bytewax wants, safe from a clock that moves."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

JUMP_S = 0.05
"""Clocks that part by more between two pauses: the wall clock was set. A false alarm costs one pause."""


class Clock(Protocol):
    """Wall time in UTC, for pacing only; never decides what a table holds."""

    def __call__(self) -> datetime:
        """Now, with time zone."""
        ...


class Pauses:
    """Bytewax sleeps for the time from its own `now`, taken before it asks a partition, to the wall time it is told.

    A clock that goes forward by an hour between the two makes it sleep for that hour, and every other process with
    it. So the first pause of a partition, and the first after the clock moved, are none: Bytewax then waits a
    millisecond of its own reckoning.
    """

    def __init__(self, wall: Clock, monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._lead_s: float | None = None

    def until(self, pause_ms: int) -> datetime | None:
        """The wall time to be asked again at; None is at once. To be called on every turn, with 0 for no pause."""
        wall = self._wall()
        lead_s = wall.timestamp() - self._monotonic()
        moved = self._lead_s is None or abs(lead_s - self._lead_s) > JUMP_S
        self._lead_s = lead_s
        return None if moved or not pause_ms else wall + timedelta(milliseconds=pause_ms)


class Oversleeping(Pauses):
    """A fault on purpose, for tests: from the `count`-th pause on, all partitions ask to sleep for an hour.

    One object for all of them, as a partition that stays awake would wake its worker.
    """

    def __init__(self, count: int, wall: Clock, monotonic: Callable[[], float]) -> None:
        super().__init__(wall, monotonic)
        self._left = count

    def until(self, pause_ms: int) -> datetime | None:
        """As `Pauses.until`, until the count is used up."""
        self._left -= 1
        return super().until(pause_ms) if self._left > 0 else self._wall() + timedelta(hours=1)
