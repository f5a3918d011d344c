"""A thread that looks whether the catalog has changed, often and cheaply, for as long as somebody wants to know."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from dataflow.errors import TidemillError
from sinks.lake.catalog.sqlite import CATALOG_NAME, Reading, connect_readonly

LOOK_S = 0.02
ABSENT_S = 0.25
"""How often it looks while there is no lake."""

_STATS = 10
"""Every so many looks it makes sure that the catalog is still the one at this place."""


class Watcher:
    """Calls `tell`, from its own thread, after each change of the catalog in `folder`, and when it comes or goes.

    It asks SQLite whether another connection has written, which reads a few bytes of shared memory; it never holds a
    transaction.
    """

    def __init__(self, folder: Path, tell: Callable[[], None]) -> None:
        self._path = folder / CATALOG_NAME
        self._tell = tell
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watcher", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; does not wait."""
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            place = self._place()
            if place is None:
                self._stop.wait(ABSENT_S)
                if self._place() is not None:
                    self._tell()
                continue
            try:
                connection = connect_readonly(self._path, busy_ms=1_000)
            except (TidemillError, OSError):
                self._stop.wait(ABSENT_S)
                continue
            try:
                self._watch_one(connection, place)
            except (sqlite3.Error, UnicodeDecodeError):
                # it was replaced, is just being made, or damaged; look again from the start
                self._stop.wait(ABSENT_S)
            finally:
                connection.close()
            self._tell()

    def _watch_one(self, connection: Reading, place: tuple[int, int]) -> None:
        """Until it is another catalog's place, or the connection sees no more."""
        self._tell()
        version = None
        looks = 0
        while not self._stop.wait(LOOK_S):
            (found,) = connection.execute("PRAGMA data_version").fetchone()
            if found != version:
                version = found
                self._tell()
            looks += 1
            if not connection.is_current() or (looks % _STATS == 0 and self._place() != place):
                return

    def _place(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None
        return status.st_dev, status.st_ino
