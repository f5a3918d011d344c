"""Compaction beside a running pipeline: a child process of its own, so that it never takes the pipeline's time."""

import os
import subprocess
import sys
import threading
from pathlib import Path

STOP_S = 5.0


class Compactor:
    """`tidemill compact --every ...` as a child, begun when the first compaction is due: a short run has none.

    It ends with `stop`, and by itself when this process is gone.
    """

    def __init__(self, lake: Path, every: str, every_s: float) -> None:
        self._lake = lake
        self._every = every
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._timer = threading.Timer(every_s, self._start)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """End it; a merge in progress is given up, which leaves the lake as it was."""
        self._timer.cancel()
        with self._lock:
            self._stopped = True
            child = self._child
        if child is None:
            return
        child.terminate()
        try:
            child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()

    def _start(self) -> None:
        entry = Path(__file__).resolve().parent.parent / "run.py"
        command = [sys.executable, str(entry), "compact", "--every", self._every, "--lake", str(self._lake)]
        environment = {name: value for name, value in os.environ.items() if name != "TIDEMILL_FAULT"}
        with self._lock:
            if self._stopped:
                return
            # a session of its own: ^C on the terminal is the pipeline's, which then stops this child
            self._child = subprocess.Popen(
                [*command, "--parent", str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
