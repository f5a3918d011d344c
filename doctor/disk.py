"""Room on the disks that a run writes to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from dataflow.spoken import size
from doctor.finding import Finding, error, ok, warning

LOW_SHARE = 0.10
LOW_BYTES = 2**30
FULL_BYTES = 100 * 2**20


class Room(Protocol):
    """What `os.statvfs` tells."""

    @property
    def f_frsize(self) -> int:
        """Bytes per block."""
        ...

    @property
    def f_blocks(self) -> int:
        """All blocks."""
        ...

    @property
    def f_bavail(self) -> int:
        """Blocks free for us."""
        ...

    @property
    def f_flag(self) -> int:
        """Mount flags."""
        ...


def disk_finding(name: str, folder: Path, statvfs: Callable[[Path], Room]) -> Finding:
    """Whether `folder` (or where it will be made) can be written, and how much room there is."""
    check = f"disk.{name}"
    place = _existing(folder)
    room = statvfs(place)
    free = room.f_bavail * room.f_frsize
    total = room.f_blocks * room.f_frsize
    share = free / total if total else 1.0
    details = {"path": str(folder), "free_bytes": free, "total_bytes": total}
    if room.f_flag & os.ST_RDONLY or not os.access(place, os.W_OK | os.X_OK):
        return error(
            check, f"{place} cannot be written by this user", f"give a writable folder with --{name}", **details
        )
    told = f"{size(free)} free ({share:.0%}) where {folder} is"
    if free < FULL_BYTES:
        return error(check, told, "free space now: the next commit may not fit", **details)
    if free < LOW_BYTES or share < LOW_SHARE:
        return warning(
            check, told, "free space, or let old snapshots go: tidemill compact --retain with a shorter time", **details
        )
    return ok(check, told, **details)


def _existing(folder: Path) -> Path:
    path = folder.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
