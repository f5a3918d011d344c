"""The one place where the server opens a lake for reading."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from query.recent import Limits, RecentReader


def open_reader(lake: Path, limits: Limits, clock: Callable[[], datetime]) -> RecentReader:
    """A reader of the lake in folder `lake`, which need not be there yet; the caller closes it.

    It keeps the newest windows of rollups in memory within `limits`, of each commit once it is told to `follow`.
    """
    return RecentReader(lake, limits=limits, clock=clock)
