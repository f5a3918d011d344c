"""Growth of memory is from the second quarter to the last, and a run that ends by itself is no measurement."""

import subprocess
import sys

import pytest

from bench.hour import grown_mib, watch
from bench.measure import MIB, BenchError


class Clock:
    """Goes on while somebody rests."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        return self.at_s

    def rest(self, seconds: float) -> None:
        self.at_s += seconds


def test_what_fills_at_the_start_is_no_growth() -> None:
    looks = [(float(at), held * MIB) for at, held in enumerate([10, 200, 300, 300, 300, 300, 301, 303, 302])]
    assert grown_mib(looks) == pytest.approx(2.5)


def test_few_looks_show_nothing() -> None:
    with pytest.raises(BenchError, match="7 looks"):
        grown_mib([(0.0, 1)] * 7)


def test_a_process_is_looked_at_until_the_time_is_over() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        clock = Clock()
        looks = watch(child, 3.0, clock.now, clock.rest)
        assert [(at, held > 0) for at, held in looks] == [(0.0, True), (1.0, True), (2.0, True)]
        child.terminate()


def test_one_that_ends_by_itself_is_told() -> None:
    with subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as child:
        child.wait()
        with pytest.raises(BenchError, match="ended by itself after 0 s, with 3"):
            watch(child, 5.0, Clock().now)
