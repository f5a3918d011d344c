"""How many times slower than a quiet machine this one is now: what limits of time in tests are multiplied by."""

import os
import time
from pathlib import Path

SPIN_S = 0.1

MOST = 6.0
"""More is not granted: what waits a minute for a broker has to fail on a busy machine, too, where 5 s are allowed."""


def slowness() -> float:
    """From 1 to MOST. The load of the last minute lags behind, so what waits for a processor now counts as well."""
    cores = os.cpu_count() or 1
    return min(MOST, max(1.0, os.getloadavg()[0] / cores, _runnable() / cores, _spun()))


def _runnable() -> int:
    """Threads that run or wait for a processor; 0 where the system does not tell."""
    path = Path("/proc/loadavg")
    return int(path.read_text().split()[3].partition("/")[0]) if path.exists() else 0


def _spun() -> float:
    """Wall time over CPU time of a loop."""
    wall, cpu = time.perf_counter(), time.thread_time()
    while time.thread_time() - cpu < SPIN_S:
        pass
    return (time.perf_counter() - wall) / (time.thread_time() - cpu)
