"""Notices that the wall clock was set back, which would leave a running pipeline asleep until it is late again."""

import threading
from collections.abc import Callable
from datetime import datetime

TOLERATED_S = 1.0
LOOK_EVERY_S = 0.5


class ClockWatch:
    """Compares the wall clock with the monotonic one. Bytewax wakes a source at a wall time that was computed before:
    after the clock went back an hour, it would read nothing for an hour.

    `on_set_back(seconds)` is called once, on the watching thread. A clock that goes forward does no harm.
    """

    def __init__(
        self, wall: Callable[[], datetime], monotonic: Callable[[], float], on_set_back: Callable[[float], None]
    ) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._on_set_back = on_set_back
        self._lead_s = self._lead()
        self._ended = threading.Event()

    def start(self) -> None:
        """Look every half second, on a thread of its own, until `stop`."""
        threading.Thread(target=self._watch, name="clock-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    def look(self) -> bool:
        """Compare once; True when the clock was found set back by more than it may."""
        lead_s = self._lead()
        back_s = self._lead_s - lead_s
        self._lead_s = lead_s
        if back_s <= TOLERATED_S:
            return False
        self._on_set_back(back_s)
        return True

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            if self.look():
                return

    def _lead(self) -> float:
        return self._wall().timestamp() - self._monotonic()
