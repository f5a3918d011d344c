"""A thread that sees a lake's commits soon after they are made, at the price of a few bytes of shared memory a look."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from dataflow.errors import TidemillError
from sinks.lake.catalog.sqlite import CATALOG_NAME, Reading, connect_readonly

LOOK_S = 0.005
ABSENT_S = 0.25
"""How often it looks, and how often while there is no lake."""
ANYWAY_S = 1.0
"""So long after the last time it calls `tend` without a commit: another lake may have come to the place."""


class Follower:
    """Calls `tend` after each commit to the lake in `folder`, and again for as long as there is more to do."""

    def __init__(self, folder: Path, tend: Callable[[], bool]) -> None:
        self._path = folder / CATALOG_NAME
        self._tend = tend
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tidemill-follower", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after what is being done."""
        self._stop.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                connection = connect_readonly(self._path, busy_ms=1_000)
            except (TidemillError, OSError):
                self._stop.wait(ABSENT_S)
                continue
            try:
                self._follow(connection)
            except sqlite3.Error:
                self._stop.wait(ABSENT_S)
            finally:
                connection.close()

    def _follow(self, connection: Reading) -> None:
        """Until it is time to make sure of the place, or the connection sees no more."""
        seen = connection.execute("PRAGMA data_version").fetchone()
        while self._tend() and not self._stop.is_set():
            pass
        for _ in range(int(ANYWAY_S / LOOK_S)):
            if self._stop.wait(LOOK_S) or not connection.is_current():
                return
            found = connection.execute("PRAGMA data_version").fetchone()
            if found != seen:
                seen = found
                while self._tend() and not self._stop.is_set():
                    pass
