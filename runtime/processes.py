"""Processes by their number: whether one lives, what it runs, and a signal to it."""

import os
import signal
import subprocess
from pathlib import Path

_PROC = Path("/proc/self")


def send(pid: int, number: signal.Signals) -> None:
    """Send a signal; nothing happens where the process is gone."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def is_alive(pid: int) -> bool:
    """Whether it still holds files and ports; one that only waits for its parent does not."""
    try:
        os.kill(pid, 0)
        if not _PROC.exists():
            return True
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        threads = len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return False
    # The first thread of a JVM may be gone while others still hold files and ports.
    return state not in "ZX" or threads > 1


def runs(pid: int, *words: str) -> bool:
    """Whether process `pid` was started with these words, one after the other: a pid file may outlive its process and
    name a stranger.
    """
    if _PROC.exists():
        try:
            told = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
        except OSError:
            return False
        return "\0".join(("", *words, "")) in told
    command = ["ps", "-ww", "-o", "command=", "-p", str(pid)]
    told = subprocess.run(command, capture_output=True, text=True).stdout
    return " ".join(("", *words, "")) in f"{told.strip()} "


def without_stack(said: str) -> str:
    """The last lines of a Java program's words, less the places in its code."""
    return "\n".join([line for line in said.splitlines() if line.strip() and not line.startswith("\tat ")][-6:])
