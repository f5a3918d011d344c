"""Peak memory of a process and its descendants, sampled from /proc while it runs."""

import threading
from pathlib import Path
from types import TracebackType

SAMPLE_S = 0.02
_KIB = 1024


class PeakMemory:
    """Watches process `pid` from entry to exit of the context; `peak_bytes` is 0 where there is no /proc.

    The sum of resident memory over the process tree at its highest sample, and never less than the kernel's own
    high-water mark of the first process. `ru_maxrss` will not do: it starts from what the parent held when it
    started the child.
    """

    def __init__(self, pid: int) -> None:
        self.peak_bytes = 0
        self._pid = pid
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="peak-memory", daemon=True)

    def __enter__(self) -> "PeakMemory":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._ended.wait(SAMPLE_S):
            mark = _status_bytes(self._pid, "VmHWM")
            self.peak_bytes = max(self.peak_bytes, mark, resident_bytes(self._pid))


def resident_bytes(pid: int) -> int:
    """What a process and its descendants hold now; 0 where there is no /proc."""
    return sum(_status_bytes(each, "VmRSS") for each in _tree(pid))


def _tree(root: int) -> list[int]:
    found = [root]
    for pid in found:
        try:
            for children in Path(f"/proc/{pid}/task").glob("*/children"):
                found.extend(map(int, children.read_text().split()))
        except OSError:  # it has ended, or one of its threads
            continue
    return found


def _status_bytes(pid: int, key: str) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    for line in status.splitlines():
        if line.startswith(key):
            return int(line.split()[1]) * _KIB
    return 0
