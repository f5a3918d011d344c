"""The clock watch: only a clock that was set back counts."""

import threading
from datetime import UTC, datetime, timedelta

import pytest

from runtime.clock import ClockWatch


class Clocks:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.seconds = 0.0

    def wall(self) -> datetime:
        return self.time

    def monotonic(self) -> float:
        return self.seconds

    def move(self, wall_s: float, monotonic_s: float) -> None:
        self.time += timedelta(seconds=wall_s)
        self.seconds += monotonic_s


@pytest.mark.parametrize("wall_s", [1.0, 0.9, 0.1, 3600.0])
def test_a_clock_that_runs_or_jumps_forth_is_left_alone(wall_s):
    clocks = Clocks()
    told: list[float] = []
    watch = ClockWatch(clocks.wall, clocks.monotonic, told.append)
    for _ in range(20):
        clocks.move(wall_s, 1.0)
        assert not watch.look()
    assert told == []


def test_a_clock_that_is_set_back_is_told_once_with_the_seconds():
    clocks = Clocks()
    told: list[float] = []
    watch = ClockWatch(clocks.wall, clocks.monotonic, told.append)
    clocks.move(-3599.5, 0.5)
    assert watch.look()
    clocks.move(0.5, 0.5)
    assert not watch.look()
    assert told == pytest.approx([3600.0])


def test_a_thread_looks_by_itself():
    clocks, told = Clocks(), threading.Event()
    watch = ClockWatch(clocks.wall, clocks.monotonic, lambda _: told.set())
    watch.start()
    clocks.move(-60, 0)
    assert told.wait(10)
    watch.stop()
