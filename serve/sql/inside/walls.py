"""Raises the walls of the system around this process, one after the other, and notes which of them stand."""

import errno
import os
import resource
import sys
from collections.abc import Callable

from serve.sql import wall
from serve.sql.inside import landlock, privileges, seccomp
from serve.sql.orders import Birth
from serve.sql.wall import Wall

OPEN_FILES = 4_096
_NICER = 5
_SPARE_BYTES = 256 * 1024 * 1024
_MEASURED = ("VmData", "VmSize")

Noted = dict[str, tuple[bool, str]]
"""By a wall's name, whether it stands and what the system said."""


class Walls:
    """The walls of this process. Each is raised once; one that the system does not have is noted and left out."""

    def __init__(self) -> None:
        self.noted: Noted = {}
        self._status = -1
        """This process as the system sees it, which cannot be opened once the walls stand."""

    def leave_network(self) -> None:
        """First of all, while this process has one thread."""
        self._raise(wall.NETWORK, privileges.leave_network)

    def before_engine(self, birth: Birth) -> None:
        """All that threads take over from the one that starts them."""
        os.nice(_NICER)
        if sys.platform.startswith("linux"):
            self._status = os.open("/proc/self/status", os.O_RDONLY)
        folders = [birth.place.lake / folder.name for folder in birth.place.folders]
        self._raise(wall.FIRST, _first_to_go)
        self._raise(wall.FILES, _no_files)
        self._raise(wall.PRIVILEGES, lambda: privileges.give_up(folders[0]))
        self._raise(wall.DISK, lambda: landlock.restrict(folders))
        self._raise(wall.HIDDEN, privileges.hide)
        self._raise(wall.PARENT, lambda: privileges.die_with(birth.parent))

    def after_engine(self, memory_bytes: int) -> None:
        """What the engine, warm by now, does not need any more, and how much it may grow."""
        self._raise(wall.MEMORY, lambda: _limit_memory(memory_bytes, self._status))
        if self._status >= 0:
            os.close(self._status)
        self._raise(wall.CALLS, seccomp.restrict)

    def _raise(self, which: Wall, do: Callable[[], str | None]) -> None:
        try:
            self.noted[which.name] = (True, do() or "")
        except (OSError, AttributeError) as error:
            self.noted[which.name] = (False, str(error))


def _first_to_go() -> None:
    with open("/proc/self/oom_score_adj", "w") as file:
        file.write("1000")


def _no_files() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = OPEN_FILES if most == resource.RLIM_INFINITY else min(OPEN_FILES, most)
    resource.setrlimit(resource.RLIMIT_NOFILE, (few, few))


def _limit_memory(memory_bytes: int, status: int) -> str:
    """What it has now is the program; it may grow by what is granted, in place and (for gaps) in addresses."""
    if status < 0:
        raise OSError(errno.ENOSYS, "memory is limited on Linux alone")
    lines = os.pread(status, 16 * 1024, 0).decode().splitlines()
    had = dict(line.split(":", 1) for line in lines if line.startswith(_MEASURED))
    data, addresses = (int(had[name].split()[0]) * 1024 for name in _MEASURED)
    data, addresses = data + memory_bytes, addresses + 2 * memory_bytes + _SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (data, data))
    resource.setrlimit(resource.RLIMIT_AS, (addresses, addresses))
    return f"{memory_bytes:,} bytes"
