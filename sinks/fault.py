"""Faults on purpose: a named point at which the process kills itself, for tests of crash safety."""

import os
import signal
import threading

from sinks.parquet import Fault, no_fault


class KillAt:
    """SIGKILL to this process when `point` is passed for the `count`-th time."""

    def __init__(self, point: str, count: int) -> None:
        self._point = point
        self._left = count
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        """Called by the instrumented code with the name of the point it passes."""
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def fault_from(text: str) -> Fault:
    """`point` or `point:count`; empty text is no fault. Raises ValueError for a count that is no positive number."""
    if not text:
        return no_fault
    point, _, count = text.partition(":")
    times = int(count or "1")
    if times < 1:
        raise ValueError(f"{text!r}: the count after the colon must be 1 or more")
    return KillAt(point, times)
