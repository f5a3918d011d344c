"""The one place where the server opens a lake for reading."""

from pathlib import Path

from query.reader import LakeReader


def open_reader(lake: Path) -> LakeReader:
    """A reader of the lake in folder `lake`, which need not be there yet; the caller closes it."""
    return LakeReader(lake)
