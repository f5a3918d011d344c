"""Waiting for a broker: bounded, short once an end is wanted, and never for one that hangs a second time."""

import threading
import time
from concurrent.futures import Future

import pytest

from dataflow.sources.kafka.waiting import STOPPING_SECONDS, Farewells, Patience


class Clock:
    """A monotonic clock that goes a second forward at every look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


def test_an_answer_that_comes_is_given_and_an_error_raised() -> None:
    patience = Patience()
    assert patience.call(lambda: 7, 30) == 7
    with pytest.raises(ZeroDivisionError):
        patience.call(lambda: 1 // 0, 30)
    failed: Future[int] = Future()
    failed.set_exception(TimeoutError("its own"))
    with pytest.raises(TimeoutError, match="its own"):
        patience.result(failed, 30)


def test_an_answer_that_does_not_come_is_waited_for_as_long_as_was_said() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError):
        Patience(monotonic=clock).result(Future(), 10)
    assert 11 <= clock.now <= 13


def test_after_a_stop_nothing_is_waited_for_much_longer() -> None:
    clock = Clock()
    with pytest.raises(TimeoutError):
        Patience(lambda: clock.now >= 5, clock).result(Future(), 1_000)
    assert clock.now <= 5 + STOPPING_SECONDS + 3


def test_an_answer_that_comes_soon_after_a_stop_still_counts() -> None:
    assert Patience(lambda: True).call(lambda: "there", 30) == "there"


def test_a_close_that_ends_is_waited_for() -> None:
    closed: list[int] = []
    assert Farewells().close(lambda: closed.append(1))
    assert closed == [1]


def test_closes_that_hang_are_waited_for_once_in_all() -> None:
    answer = threading.Event()
    farewells = Farewells(seconds=1)
    began = time.monotonic()
    assert not any(farewells.close(answer.wait) for _ in range(20))
    assert time.monotonic() - began < 10
    answer.set()
    deadline = time.monotonic() + 120
    while not farewells.close(lambda: None):
        assert time.monotonic() < deadline
