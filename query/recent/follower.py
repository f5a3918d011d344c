"""A thread that sees a lake's commits soon after they are made, at the price of a few bytes of shared memory a look."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from dataflow.errors import TidemillError
from sinks.lake.catalog.sqlite import CATALOG_NAME, Reading, connect_readonly

LOOK_S = 0.005
ABSENT_S = 0.25
"""How often it looks, and how often while there is no lake."""
ANYWAY_S = 1.0
"""So long after the last time it takes in what is there without a commit: another lake may have come to the place."""


class Follower:
    """After each commit to the lake in `folder` calls `take_in`, then `tend` for as long as there is more to do.

    `take_in` says whether it has the newest snapshot now.
    """

    def __init__(self, folder: Path, take_in: Callable[[], bool], tend: Callable[[], bool]) -> None:
        self._path = folder / CATALOG_NAME
        self._take_in, self._tend = take_in, tend
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidemill-follower", daemon=True)
        self._known_s = float("-inf")
        self._place: tuple[int, int] | None = None

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def behind_s(self) -> float:
        """At most so long ago, what was taken in last was the newest snapshot; infinite where nobody knows.

        For any thread; it looks whether the catalog is still the same file.
        """
        place = self._place
        return float("inf") if place is None or place != _place(self._path) else time.monotonic() - self._known_s

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                place = _place(self._path)
                connection = connect_readonly(self._path, busy_ms=1_000)
            except (TidemillError, OSError):
                self._place = None
                self._stop.wait(ABSENT_S)
                continue
            try:
                self._follow(connection, place)
            except (sqlite3.Error, UnicodeDecodeError):
                # damaged, perhaps with its names: somebody may put a copy in its place
                self._stop.wait(ABSENT_S)
            finally:
                connection.close()

    def _follow(self, connection: Reading, place: tuple[int, int] | None) -> None:
        """Until it is time to make sure of the place, or the connection sees no more."""
        looked_s = time.monotonic()
        seen = connection.execute("PRAGMA data_version").fetchone()
        self._settle(looked_s, place)
        for _ in range(int(ANYWAY_S / LOOK_S)):
            if self._stop.wait(LOOK_S) or not connection.is_current():
                return
            looked_s = time.monotonic()
            found = connection.execute("PRAGMA data_version").fetchone()
            if found != seen:
                seen = found
                self._settle(looked_s, place)
            elif self._place is not None:
                self._known_s = looked_s

    def _settle(self, looked_s: float, place: tuple[int, int] | None) -> None:
        while not self._stop.is_set():
            if self._take_in():
                self._known_s, self._place = looked_s, place
            else:
                self._place = None
            looked_s = time.monotonic()
            if not self._tend():
                return


def _place(path: Path) -> tuple[int, int] | None:
    """What tells a file from another that comes to its place; None where there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
