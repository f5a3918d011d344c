"""Machine code that a run has needed and needs no more: given back to the system."""

import ctypes
import mmap
import os
import re
from pathlib import Path

COMPILER = "llvmlite"
"""Loads what it has compiled on this machine before, too, and has 70 MB of its own code in memory then."""

_SMAPS = Path("/proc/self/smaps")
_REGION = re.compile(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)")


def give_back(library: str = COMPILER) -> int:
    """Take the code and the constants of a library out of this process's memory, and tell how many bytes that were.

    What is used again is read again from its file, a page at a time. Only what was never written to is taken out.
    0 where the system does not tell what is.
    """
    try:
        told = _SMAPS.read_text(errors="replace")
    except OSError:
        return 0
    advise = ctypes.CDLL(None, use_errno=True).madvise
    advise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    given = 0
    for start, end, resident in _clean(told, library):
        if advise(start, end - start, mmap.MADV_DONTNEED) == 0:
            given += resident
    return given


def _clean(told: str, library: str) -> list[tuple[int, int, int]]:
    """Start, end and resident bytes of the regions of the library's file that hold what the file has, and no more."""
    found = []
    region: re.Match[str] | None = None
    figures: dict[str, int] = {}
    for line in [*told.splitlines(), "0-0 ---p 0 0 0"]:
        begins = _REGION.fullmatch(line)
        if begins is None:
            name, _, rest = line.partition(":")
            if rest.endswith(" kB"):
                figures[name] = int(rest.split()[0]) * 1024
            continue
        # a page that was written to is this process's alone, and no file has it
        clean = figures.get("Anonymous") == figures.get("Private_Dirty") == 0
        if region is not None and clean and "w" not in region[3] and library in os.path.basename(region[4]):
            found.append((int(region[1], 16), int(region[2], 16), figures.get("Rss", 0)))
        region, figures = begins, {}
    return found
