"""Waiting for a broker that may never answer: bounded in time, and short once an end is wanted."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from dataflow.logs import logger

_Answer = TypeVar("_Answer")

STOPPING_SECONDS = 1.0
"""How long an answer is still waited for once somebody asked for an end."""

CLOSE_SECONDS = 1.0
"""How long a connection may take to close before it is left to itself."""

_LOOK_SECONDS = 0.05


class Patience:
    """Waits for answers on behalf of one source. Every wait can be interrupted by ^C and ends soon after a stop."""

    def __init__(
        self, stopping: Callable[[], bool] = lambda: False, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        """`stopping` tells whether somebody asked for an end; it is asked some 20 times a second."""
        self._stopping = stopping
        self._monotonic = monotonic

    @property
    def stopping(self) -> bool:
        """Whether somebody asked for an end."""
        return self._stopping()

    def result(self, future: "Future[_Answer]", seconds: float) -> _Answer:
        """The future's result or exception; TimeoutError after `seconds`, or STOPPING_SECONDS after a stop was seen."""
        deadline = self._monotonic() + seconds
        hurried = False
        while True:
            now = self._monotonic()
            if not hurried and self._stopping():
                hurried = True
                deadline = min(deadline, now + STOPPING_SECONDS)
            try:
                return future.result(max(0.0, min(deadline - now, _LOOK_SECONDS)))
            except TimeoutError:
                if future.done():
                    return future.result()
                if now >= deadline:
                    raise

    def call(self, work: Callable[[], _Answer], seconds: float) -> _Answer:
        """As `result`, of a call that blocks in native code: it goes on by itself when it is not waited for."""
        future: Future[_Answer] = Future()

        def run() -> None:
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

        threading.Thread(target=run, name="kafka-question", daemon=True).start()
        return self.result(future, seconds)


class Farewells:
    """Closes connections, each on a thread of its own.

    A consumer's close waits until the broker has answered the last note of its group's offset, which a dead or frozen
    broker never does; that note is for lag tools alone.
    """

    def __init__(self, seconds: float = CLOSE_SECONDS) -> None:
        """`seconds`: how long a close is waited for."""
        self._seconds = seconds
        self._overdue: list[threading.Thread] = []

    def close(self, work: Callable[[], object]) -> bool:
        """Run `work` and wait for it; False when it was left to itself, as all are while an earlier one hangs."""
        thread = threading.Thread(target=work, name="kafka-farewell", daemon=True)
        thread.start()
        self._overdue = [each for each in self._overdue if each.is_alive()]
        thread.join(0 if self._overdue else self._seconds)
        if thread.is_alive():
            if not self._overdue:
                logger("kafka").warning("kafka_trouble", error="no answer to the goodbye", doing="leaving without")
            self._overdue.append(thread)
            return False
        return True
