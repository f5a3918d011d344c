"""Whether the system holds a process: a debugger that stopped it, or a disk that does not answer."""

from collections.abc import Iterable
from pathlib import Path

_HELD = "TtD"
"""Stopped, traced, waiting for a device: the states of proc(5)."""


def held(pids: Iterable[int], proc: Path = Path("/proc")) -> bool:
    """True when any thread of these processes is held. Where there is no /proc, nothing is known to be."""
    return any(_state(stat) in _HELD for pid in pids for stat in (proc / str(pid) / "task").glob("*/stat"))


def _state(stat: Path) -> str:
    try:
        # the name before it, in brackets, may hold anything
        return stat.read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "gone"
