"""The real `tidemill run` (or another command) as a child process: started, watched, killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TIDEMILL = (sys.executable, str(ROOT / "run.py"))
PATIENCE_S = 120.0
"""Longer than any correct end on a busy machine."""


class Subject:
    """One run. Its standard error goes to a file; no setting of the surrounding environment reaches it.

    `said` tells that file; with `answers`, what the command writes to standard output as well.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = TIDEMILL,
        answers: bool = False,
    ) -> None:
        """Starts `command` with `arguments` in `folder`."""
        self.arguments = list(arguments)
        count = sum(1 for _ in folder.glob("run-*.err"))
        self._errors = folder / f"run-{count:04d}.err"
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("TIDEMILL_", "BYTEWAX_"))}
        with self._errors.open("wb") as file:
            self._process = subprocess.Popen(
                [*command, *arguments],
                cwd=folder,
                env={**clean, "PYTHONPATH": str(ROOT), "TIDEMILL_COMPACT_EVERY": "0s", **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=file if answers else subprocess.DEVNULL,
                stderr=file,
                start_new_session=True,
            )
        self.started = time.monotonic()

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Exit code, or None while it runs."""
        return self._process.poll()

    @property
    def said(self) -> str:
        """All that it said so far."""
        return self._errors.read_text(errors="replace")

    def wait(self, seconds: float = PATIENCE_S) -> int | None:
        """Its exit code; None when it still runs after so long."""
        with suppress(subprocess.TimeoutExpired):
            return self._process.wait(seconds)
        return None

    def kill(self) -> None:
        """SIGKILL to it and all that it started."""
        family = [self.pid, *children(self.pid)]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        while any(runs(pid) for pid in family):
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        """A signal to the process itself."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


def children(pid: int) -> list[int]:
    """Process ids of the direct children."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError):
                if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                    found.append(int(entry.name))
    return sorted(found)


def runs(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False
