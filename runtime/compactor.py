"""Compaction beside a running pipeline: a child process of its own, so that it never takes the pipeline's time."""

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from dataflow.logs import logger
from runtime.child import ChildProcess
from runtime.compaction_mark import CompactionMark
from runtime.compaction_watch import CompactionWatch, Trouble
from runtime.exported import metrics
from runtime.program import this_command

STOP_S = 2.0
LOOK_EVERY_S = 0.5


class Compactor:
    """A child that compacts, watched by a thread: begun when the first compaction is due, so that a short run has
    none; begun again, after a pause that grows, whenever it ends or hangs.

    It ends with `stop`, and by itself when this process is gone.
    """

    def __init__(
        self,
        command: Sequence[str],
        every_s: float,
        report: "CompactorReport",
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`command` does a round at once and then every `every_s`, and says one line on standard output after each."""
        self._command = list(command)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watch = CompactionWatch(self._start, every_s, report, monotonic)
        if (exported := metrics()) is not None:
            exported.COMPACTION_AGE.set_function(self._watch.age_s)
        threading.Thread(target=self._look, name="compactor-watch", daemon=True).start()

    @property
    def pid(self) -> int | None:
        """Process id of the child that runs now."""
        child = self._watch.child
        return child.pid if isinstance(child, ChildProcess) else None

    def stop(self) -> None:
        """End it, and say nothing of its end; a merge in progress is given up, which leaves the lake as it was."""
        self._stopped.set()
        with self._lock:
            child = self._watch.child
            if isinstance(child, ChildProcess):
                child.stop(STOP_S)

    def _look(self) -> None:
        while not self._stopped.wait(LOOK_EVERY_S):
            with self._lock:
                if self._stopped.is_set():
                    return
                self._look_once()

    def _look_once(self) -> None:
        try:
            self._watch.look()
        except Exception:
            # who watches must not end unwatched; a log that cannot be written is no reason either
            with suppress(Exception):
                logger("compactor").exception("the watch over compaction stumbled; it goes on")

    def _start(self) -> ChildProcess:
        return ChildProcess(
            self._command, {name: value for name, value in os.environ.items() if name != "TIDEMILL_FAULT"}
        )


class CompactorReport:
    """What the watch finds, to the log, the metrics and the recovery folder, where doctor looks."""

    def __init__(self, mark: CompactionMark, now: Callable[[], datetime]) -> None:
        """`now`: wall time, aware, for people to read."""
        self._mark = mark
        self._now = now
        self._since: datetime | None = None
        self._log = logger("compactor")

    def trouble(self, trouble: Trouble) -> None:
        """A warning with the last lines of standard error; the mark says so until a round succeeds."""
        self._since = self._since or self._now()
        self._mark.write(trouble.reason, trouble.in_a_row, self._since)
        self._log.warning(
            "no compaction at the moment",
            reason=trouble.reason,
            failures_in_a_row=trouble.in_a_row,
            again_in_s=trouble.again_in_s,
            said="\n".join(trouble.said),
        )

    def restarted(self) -> None:
        """One more restart."""
        if (exported := metrics()) is not None:
            exported.COMPACTOR_RESTARTS.inc()

    def well_again(self, failures: int) -> None:
        """The mark goes."""
        self._since = None
        self._mark.clear()
        self._log.info("compaction goes on", after_failures=failures)

    def left_alone(self, lines: list[str]) -> None:
        """Files that compaction will not touch, and why."""
        self._log.warning("compaction left something alone", said="\n".join(lines))


def compact_command(lake: Path, every: str) -> list[str]:
    """`tidemill compact --every ...` of this program, as the child of a run."""
    return this_command(["compact", "--every", every, "--lake", str(lake), "--beside-run"])
