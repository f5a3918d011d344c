"""Where a child reads: the folders of data files as they lie now, which its walls are built around."""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


class Folder(NamedTuple):
    """A folder below the lake, with a slash at its end, and which one it is now; None if it is not there."""

    name: str
    identity: tuple[int, int] | None


class Place(NamedTuple):
    """A lake's folders of data files. A child whose place is another than the lake's now is of no use any more."""

    lake: Path
    folders: tuple[Folder, ...]


def place_of(lake: Path, folders: Iterable[str]) -> Place:
    """The place as it is now."""
    return Place(lake, tuple(Folder(name, _identity(lake / name)) for name in sorted(folders)))


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
