"""What a run does when its watch finds it standing still: log, record, a new start."""

from collections.abc import Callable, Iterable
from datetime import datetime

from dataflow import logs
from runtime.anew import Anew
from runtime.held import held
from runtime.stall import MAX_RESTARTS, Stall
from runtime.stalls import StallRecord, Stalls


class Stalled:
    """The reactions of one process; the names are those of `runtime.stall.Reaction`.

    `stopping()`: somebody asked this run to end, so it ends here, as after a crash, instead of starting anew.
    """

    def __init__(
        self,
        record: StallRecord,
        anew: Anew,
        *,
        pids: Callable[[], Iterable[int]],
        stopping: Callable[[], bool],
        wall: Callable[[], datetime],
    ) -> None:
        """`pids()`: all processes of this run."""
        self._record = record
        self._anew = anew
        self._pids = pids
        self._stopping = stopping
        self._wall = wall
        self._log = logs.logger("stall")

    def tell(self, stall: Stall) -> None:
        """A warning with all that is known; an error once restarts are known not to help."""
        if stall.restarts < MAX_RESTARTS:
            self._log.warning("no commit while records wait", **stall.facts())
            return
        self._log.error(
            "no commit while records wait; starting anew did not help",
            restarts=stall.restarts,
            fix="tidemill doctor examines source, lake and disks; then stop this run and start it again",
            **stall.facts(),
        )

    def over(self, seconds: float) -> None:
        """What was told as a warning is told to be over."""
        self._log.info("commits again", after_s=round(seconds, 1))

    def restart(self, stall: Stall) -> None:
        """Write it down, and start anew."""
        facts = stall.facts()
        told = ", ".join(f"{name} {value}" for name, value in facts.items())
        stalls = Stalls(stall.restarts + 1, self._wall(), told)
        self._record.write(stalls)
        stopping = self._stopping()
        doing = "ending, as asked" if stopping else "starting anew"
        self._log.warning(f"the run stands still while records wait: {doing}", in_a_row=stalls.in_a_row, **facts)
        self._anew(again=not stopping)

    def held(self) -> bool:
        """True when a debugger or a disk holds a process of this run."""
        return held(self._pids())
