"""Handles on a lake's catalog: each lent to one thread at a time, kept open for the next."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sinks.lake.catalog.reader import CatalogReader, open_readonly
from sinks.lake.catalog.sqlite import CATALOG_NAME, told

LakeIdentity = tuple[int, int] | None
"""Tells the lake at a place from another one put there later."""

_KEPT = 4
"""So many handles stay open while nobody uses them."""


class Catalogs:
    """Read-only handles on the catalog of the lake in `folder`, for any number of threads.

    A lake that was deleted and made anew (or restored) under the same name is noticed when the next handle is lent.
    The lock guards the list and is never held while a catalog is read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._lake: LakeIdentity = None
        self._idle: list[CatalogReader] = []

    def close(self) -> None:
        """Close all handles that nobody uses; the next call opens one anew."""
        with self._lock:
            idle, self._idle, self._lake = self._idle, [], None
        for catalog in idle:
            catalog.close()

    def identity(self) -> LakeIdentity:
        """Which lake is there now; None if there is none."""
        try:
            status = (self._folder / CATALOG_NAME).stat()
        except FileNotFoundError:
            return None
        return status.st_dev, status.st_ino

    @contextmanager
    def lend(self) -> Iterator[tuple[CatalogReader, LakeIdentity]]:
        """A handle in a read transaction, and which lake it is of. Raises LakeMissing or ForeignLake."""
        lake = self.identity()
        stale: list[CatalogReader] = []
        with self._lock:
            if lake != self._lake:
                # an old handle would go on showing the old lake
                stale, self._idle, self._lake = self._idle, [], lake
            catalog = self._idle.pop() if self._idle else None
        if catalog is not None and not catalog.is_current():
            stale.append(catalog)
            catalog = None
        for old in stale:
            old.close()
        if catalog is None:
            catalog = open_readonly(self._folder)
        is_sound = True
        try:
            with told(catalog.path, catalog.busy_ms):
                catalog.begin()
                yield catalog, lake
        finally:
            try:
                catalog.end()
            except sqlite3.Error:
                # the catalog is damaged, as whoever has asked is told
                is_sound = False
            with self._lock:
                is_kept = is_sound and lake == self._lake and len(self._idle) < _KEPT
                if is_kept:
                    self._idle.append(catalog)
            if not is_kept:
                catalog.close()
