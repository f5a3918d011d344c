"""Faults on purpose: a named point at which the process kills itself or stands still, for tests."""

import os
import re
import signal
import threading
from collections.abc import Callable

Fault = Callable[[str], None]
"""Called with the name of each point where a crash matters; tests raise from it."""

_TEXT = re.compile(r"(?P<point>[a-z_.-]+)(:(?P<count>[1-9][0-9]*))?(@(?P<delay>[0-9]+))?")


def no_fault(point: str) -> None:
    """The fault hook that does nothing."""


class KillAt:
    """SIGKILL to this process when `point` is passed for the `count`-th time, or `delay_ms` after that.

    With a delay the process goes on until the signal comes, so that it dies inside whatever follows the point.
    """

    def __init__(self, point: str, count: int, delay_ms: int = 0) -> None:
        self._point = point
        self._left = count
        self._delay_ms = delay_ms
        self._lock = threading.Lock()

    def __call__(self, point: str) -> None:
        """Called by the instrumented code with the name of the point it passes."""
        if point != self._point:
            return
        with self._lock:
            self._left -= 1
            if self._left:
                return
        if self._delay_ms == 0:
            _kill()
        timer = threading.Timer(self._delay_ms / 1000, _kill)
        timer.daemon = True
        timer.start()


def fault_from(text: str) -> Fault:
    """`point`, `point:count` or `point:count@delay_ms`; empty text is no fault. Raises ValueError for other texts."""
    if not text:
        return no_fault
    found = _TEXT.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r}: write POINT, POINT:COUNT or POINT:COUNT@MS, with a count of 1 or more")
    return KillAt(found["point"], int(found["count"] or 1), int(found["delay"] or 0))


def oversleep_from(text: str) -> int | None:
    """The count of a fault at `oversleep`, at which the sources ask to sleep for an hour; None for any other fault."""
    found = _TEXT.fullmatch(text)
    return int(found["count"] or 1) if found is not None and found["point"] == "oversleep" else None


def _kill() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
