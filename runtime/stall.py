"""Notices that a run stands still while records wait: tells it, and lets it start anew where nothing is at work."""

import sqlite3
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from dataflow.errors import LakeError
from dataflow.intake.pulse import Place, Pulse

LOOK_EVERY_S = 0.5
BUSY_S = 1.0
"""What runs for so long is at work, not between two calls: a slow disk, a lock, a broker that takes its time."""

TELL_S = 10.0
TELL_EPOCHS = 5
RESTART_EPOCHS = 10
MAX_RESTARTS = 5
CURED_S = 600.0
"""After so long with commits the count of restarts begins anew."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: `stall_s` as set (0: never start anew), epochs of `epoch_s`, after `in_a_row` restarts."""

    stall_s: float
    epoch_s: float
    in_a_row: int = 0

    @property
    def tell_s(self) -> float:
        """Seconds without a commit until it is told."""
        return min(TELL_S, self.stall_s / 3 if self.stall_s else TELL_S) + TELL_EPOCHS * self.epoch_s

    def restarts(self, good_s: float) -> int:
        """Restarts in a row that did not help, of a run that committed until `good_s` after its start."""
        return 0 if good_s > CURED_S else self.in_a_row

    def restart_s(self, good_s: float) -> float | None:
        """Seconds without any sign of life until the run starts anew, twice as many each time; None is never."""
        restarts = self.restarts(good_s)
        if not self.stall_s or restarts >= MAX_RESTARTS:
            return None
        return self.stall_s * 2.0**restarts + RESTART_EPOCHS * self.epoch_s


@dataclass(frozen=True, slots=True)
class Stall:
    """What is known while records wait: the source partition with most of them, and what goes on."""

    place: Place
    in_lake: int | None
    epoch: int | None
    since_commit_s: float
    quiet_s: float
    doing: str
    restarts: int = 0
    """Restarts in a row before this stall."""

    def facts(self) -> dict[str, object]:
        """For a line of the log; what is not known is left out."""
        known = {
            "partition": self.place.partition,
            "position": self.place.position,
            "in_lake": self.in_lake,
            "lag_records": self.place.lag_records,
            "epoch": self.epoch,
            "since_commit_s": round(self.since_commit_s, 1),
            "quiet_s": round(self.quiet_s, 1),
            "doing": self.doing,
        }
        return {name: value for name, value in known.items() if value is not None}


class Word(Protocol):
    """How the processes of one pipeline hear of each other."""

    def say(self, monotonic_ns: int) -> None:
        """Let the others know that this process lives."""
        ...

    def heard(self) -> bool:
        """True when some process said a word since this was asked last."""
        ...


class Reaction(Protocol):
    """What the watch calls, all on its own thread."""

    def tell(self, stall: Stall) -> None:
        """No commit for long, again after twice the time."""
        ...

    def over(self, seconds: float) -> None:
        """A stall that was told is over: something was committed, or nothing waits any more."""
        ...

    def restart(self, stall: Stall) -> None:
        """Nothing is at work and nothing will be. The watch looks no more after this."""
        ...

    def held(self) -> bool:
        """True when the system holds a process of this run: a debugger, or a disk that does not answer."""
        ...


class StallWatch:
    """Time counts as it is looked at, so that a process that was stopped as a whole has not been quiet meanwhile.

    Two things are counted while records wait. Without a commit: something may be slow, it is told. Without any
    sign of life in any process (no epoch ends, nothing of ours runs): nobody will wake the run, and a new start
    goes on exactly where the lake is, as after a crash.
    """

    def __init__(
        self,
        pulse: Pulse,
        positions: Callable[[], Mapping[str, int]],
        word: Word,
        reaction: Reaction,
        *,
        patience: Patience,
        monotonic: Callable[[], float],
    ) -> None:
        """`positions()`: next offset per source partition in the lake."""
        self._pulse = pulse
        self._positions = positions
        self._word = word
        self._reaction = reaction
        self._patience = patience
        self._monotonic = monotonic
        self._looked_s = monotonic()
        self._in_lake: Mapping[str, int] = {}
        self._beats = -1
        self._run_s = 0.0
        self._good_s = 0.0
        self._since_commit_s = 0.0
        self._quiet_s = 0.0
        self._elsewhere = False
        self._tell_at_s = patience.tell_s
        self._ended = threading.Event()

    def start(self) -> None:
        """Look every half second, on a thread of its own, until `stop`."""
        threading.Thread(target=self._watch, name="stall-watch", daemon=True).start()

    def stop(self) -> None:
        """Look no more."""
        self._ended.set()

    @property
    def stalled_s(self) -> float:
        """Seconds without a commit while records wait, once that was told; else 0."""
        return self._since_commit_s if self._tell_at_s > self._patience.tell_s else 0.0

    def look(self) -> bool:
        """Look once; True when the run is to start anew."""
        passed_s = self._passed_s()
        busy = self._pulse.busy()
        places = self._pulse.places()
        committed = self._committed()
        self._count_quiet(passed_s, busy is not None and busy[1] >= BUSY_S, bool(places))
        self._run_s += passed_s
        if committed:
            self._good_s = self._run_s
        waiting = [place for place in places if self._waits(place)]
        if committed or not waiting:
            self._end_of_wait()
            return False
        self._since_commit_s += passed_s
        stall = self._stall(waiting, busy)
        if self._since_commit_s >= self._tell_at_s:
            self._tell_at_s *= 2
            self._reaction.tell(stall)
        return self._restarted(stall)

    def _stall(self, waiting: list[Place], busy: tuple[str, float] | None) -> Stall:
        most = max(waiting, key=lambda place: place.lag_records or 0)
        return Stall(
            most,
            self._in_lake.get(most.partition),
            self._pulse.epoch,
            self._since_commit_s,
            self._quiet_s,
            self._doing(busy),
            self._patience.restarts(self._good_s),
        )

    def _doing(self, busy: tuple[str, float] | None) -> str:
        if busy is not None and busy[1] >= BUSY_S:
            return f"{busy[0]} for {busy[1]:.0f} s"
        return "nothing here, another process is at work" if self._elsewhere else "nothing"

    def _restarted(self, stall: Stall) -> bool:
        restart_s = self._patience.restart_s(self._good_s)
        if restart_s is None or min(self._quiet_s, self._since_commit_s) < restart_s:
            return False
        if self._reaction.held():
            self._quiet_s = 0.0
            return False
        self._reaction.restart(stall)
        return True

    def _passed_s(self) -> float:
        now_s = self._monotonic()
        passed_s = min(now_s - self._looked_s, 2 * LOOK_EVERY_S)
        self._looked_s = now_s
        return passed_s

    def _committed(self) -> bool:
        # a catalog that cannot be read now is no commit; the next look asks again
        with suppress(LakeError, sqlite3.Error):
            in_lake = self._positions()
            changed = in_lake != self._in_lake
            self._in_lake = in_lake
            return changed
        return False

    def _count_quiet(self, passed_s: float, at_work: bool, reading: bool) -> None:
        beats = self._pulse.beats
        alive = at_work or beats != self._beats
        self._beats = beats
        if alive:
            self._word.say(int(self._monotonic() * 1e9))
        heard = self._word.heard()
        self._elsewhere = heard and not alive
        self._quiet_s = 0.0 if alive or heard or not reading else self._quiet_s + passed_s

    def _waits(self, place: Place) -> bool:
        """Records are there to be read, or were read and are not in the lake."""
        return bool(place.lag_records) or place.position > self._in_lake.get(place.partition, place.position)

    def _end_of_wait(self) -> None:
        if self.stalled_s:
            self._reaction.over(self.stalled_s)
        self._since_commit_s = 0.0
        self._tell_at_s = self._patience.tell_s

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_EVERY_S):
            if self.look():
                return
