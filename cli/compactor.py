"""Compaction beside a running pipeline: a child process of its own, so that it never takes the pipeline's time."""

import os
import subprocess
import sys
from pathlib import Path

STOP_S = 5.0


class Compactor:
    """`tidemill compact --every ...` as a child. It ends with `stop`, and by itself when this process is gone."""

    def __init__(self, lake: Path, every: str) -> None:
        entry = Path(__file__).resolve().parent.parent / "run.py"
        environment = {name: value for name, value in os.environ.items() if name != "TIDEMILL_FAULT"}
        # a session of its own: ^C on the terminal is the pipeline's, which then stops this child
        self._child = subprocess.Popen(
            [
                sys.executable,
                str(entry),
                "compact",
                "--every",
                every,
                "--lake",
                str(lake),
                "--parent",
                str(os.getpid()),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment,
            start_new_session=True,
        )

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._child.pid

    def stop(self) -> None:
        """End it; a merge in progress is given up, which leaves the lake as it was."""
        self._child.terminate()
        try:
            self._child.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()
