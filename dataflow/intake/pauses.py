"""When a source partition is to be asked again: the wall times that Bytewax wants, safe from a clock that moves."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

JUMP_S = 0.05
"""Clocks that part by more between two pauses: the wall clock was set. A false alarm costs one pause."""

_TICK_S = 0.001
"""Bytewax reckons in milliseconds, too, and its epoch has begun a little before it is told here."""


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

    Nor does a pause last beyond the end of an epoch: Bytewax ends it only when it asks, and begins the next one, which
    publishes it, only when the pause is over that it was told before. Where it has longer epochs than `epoch_ms`, it is
    asked to end one once, and pauses are whole after that.
    """

    def __init__(self, wall: Clock, monotonic: Callable[[], float], epoch_ms: float = math.inf) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._epoch_ms = epoch_ms
        self._epoch_ends_s = monotonic() + epoch_ms / 1000
        self._over_s = -math.inf
        self._lead_s: float | None = None

    def epoch_ended(self) -> None:
        """The next one begins now."""
        self._epoch_ends_s = self._monotonic() + self._epoch_ms / 1000

    def left_ms(self) -> int:
        """So long a pause that an epoch's end cut short would go on; 0 where it is over, or none was."""
        return round(max(0.0, self._over_s - self._monotonic()) * 1000)

    def until(self, pause_ms: int, turn: float | None = None) -> datetime | None:
        """The wall time to be asked again at; None is at once. To be called on every turn, with 0 for no pause.

        `turn`: where in the time of such a pause it is to end, from 0 to below 1, for which it may be longer or shorter
        by half.
        """
        wall, monotonic_s = self._wall(), self._monotonic()
        lead_s = wall.timestamp() - monotonic_s
        moved = self._lead_s is None or abs(lead_s - self._lead_s) > JUMP_S
        self._lead_s = lead_s
        whole_s, left_s = pause_ms / 1000, self._epoch_ends_s - monotonic_s
        if turn is not None and whole_s:
            whole_s = in_turn(monotonic_s, whole_s, turn)
        if left_s < _TICK_S:
            self._epoch_ends_s, left_s = math.inf, 0.0
        pause_s = min(whole_s, left_s)
        self._over_s = monotonic_s + whole_s if pause_s < whole_s else -math.inf
        return None if moved or not pause_s else wall + timedelta(seconds=pause_s)


class Oversleeping(Pauses):
    """A fault on purpose, for tests: from the `count`-th pause on, all partitions ask to sleep for an hour.

    One object for all of them, as a partition that stays awake would wake its worker.
    """

    def __init__(self, count: int, wall: Clock, monotonic: Callable[[], float]) -> None:
        super().__init__(wall, monotonic)
        self._left = count

    def until(self, pause_ms: int, turn: float | None = None) -> datetime | None:
        """As `Pauses.until`, until the count is used up."""
        self._left -= 1
        return super().until(pause_ms, turn) if self._left > 0 else self._wall() + timedelta(hours=1)


def in_turn(now_s: float, pause_s: float, turn: float) -> float:
    """The pause nearest to `pause_s` after which so much of a pause has passed since a whole number of them.

    With pauses of 20 ms, at 7 ms, in the turn 0.5: 23 ms, as 30 ms are one and a half of them.
    """
    beyond_s = (now_s + pause_s - turn * pause_s) % pause_s
    return pause_s - beyond_s if 2 * beyond_s <= pause_s else 2 * pause_s - beyond_s
