"""The watch over the compactor: started when due, started again with a growing pause, ended when it hangs."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from runtime.exit_code import in_words

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 60.0
KEPT_LINES = 40

HANGING_PERIODS = 10
HANGING_LEAST_S = 300.0
"""A compactor that has finished no round for so many periods, and at least so long, hangs."""

ANSWER_S = 2.0
"""How long one that hangs may take to say where it stands, before it is killed."""

UNKILLABLE_S = 10.0


class Child(Protocol):
    """The compactor as the watch sees it; `ChildProcess` is the real one."""

    def ended(self) -> int | None:
        """Exit code, negative for a signal; None while it runs."""
        ...

    def told(self) -> list[str]:
        """New lines of standard output: one a finished round."""
        ...

    def said(self) -> list[str]:
        """New lines of standard error."""
        ...

    def ask_where(self) -> None:
        """Have it write to standard error where it stands."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def close(self) -> None:
        """Let go of one that has ended."""
        ...


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no compactor at the moment. `reason` is one line, `said` the last lines of its standard error;
    `in_a_row` counts failures since a round last succeeded; `again_in_s` is None where nobody can tell.
    """

    reason: str
    said: tuple[str, ...]
    in_a_row: int
    again_in_s: float | None


class Report(Protocol):
    """Whom the watch tells."""

    def trouble(self, trouble: Trouble) -> None:
        """The compactor ended, hangs, or could not be started."""
        ...

    def restarted(self) -> None:
        """It was started again."""
        ...

    def well_again(self, failures: int) -> None:
        """A round succeeded, the first one after so many failures."""
        ...

    def left_alone(self, lines: list[str]) -> None:
        """What rounds that succeed say on standard error, whenever that changes."""
        ...


class CompactionWatch:
    """Keeps one compactor alive. `look` is to be called about twice a second and never waits; one thread at a time."""

    def __init__(
        self, start: Callable[[], Child], every_s: float, report: Report, monotonic: Callable[[], float]
    ) -> None:
        """`start` makes a child that does a round at once and then every `every_s`; the first one starts after that."""
        self._start = start
        self._report = report
        self._monotonic = monotonic
        self._succeeded_s = monotonic()
        self._due_s = self._succeeded_s + every_s
        self._patience_s = self._least_patience_s = max(HANGING_PERIODS * every_s, HANGING_LEAST_S)
        self._child: Child | None = None
        self._heard_s = 0.0
        self._hangs_since_s: float | None = None
        self._killed = self._told_unkillable = False
        self._in_a_row = 0
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        self._left_alone: list[str] = []

    @property
    def child(self) -> Child | None:
        """The one that runs now."""
        return self._child

    def age_s(self) -> float:
        """Seconds since a round last succeeded, or since the watch began."""
        return self._monotonic() - self._succeeded_s

    def look(self) -> None:
        """Take in what the child did since the last look, and do what is due."""
        now_s = self._monotonic()
        if self._child is None:
            if now_s >= self._due_s:
                self._start_child(now_s)
            return
        code = self._child.ended()
        self._listen(self._child, now_s, at_end=code is not None)
        if code is not None:
            self._child.close()
            self._child = None
            hung = self._hangs_since_s is not None
            self._fail(now_s, self._hanging() if hung else f"the compactor {in_words(code)}")
        elif self._hangs_since_s is not None:
            self._end_hanging(self._child, now_s - self._hangs_since_s)
        elif now_s - self._heard_s > self._patience_s:
            self._hangs_since_s = now_s
            self._child.ask_where()

    def _start_child(self, now_s: float) -> None:
        self._hangs_since_s = None
        self._killed = self._told_unkillable = False
        self._said.clear()
        try:
            self._child = self._start()
        except OSError as error:
            self._fail(now_s, f"the compactor could not be started: {error}")
            return
        self._heard_s = now_s
        if self._in_a_row:
            self._report.restarted()

    def _listen(self, child: Child, now_s: float, *, at_end: bool) -> None:
        self._said.extend(child.said())
        if not child.told():
            return
        self._heard_s = self._succeeded_s = now_s
        self._patience_s = self._least_patience_s
        failures, self._in_a_row = self._in_a_row, 0
        if failures:
            self._report.well_again(failures)
        if at_end or self._killed:
            # what was said last is why it ended
            return
        left = [] if self._hangs_since_s is not None else list(self._said)
        self._hangs_since_s = None
        self._said.clear()
        if left and left != self._left_alone:
            self._report.left_alone(left)
        self._left_alone = left

    def _end_hanging(self, child: Child, hanging_s: float) -> None:
        if hanging_s >= ANSWER_S and not self._killed:
            self._killed = True
            child.kill()
        elif hanging_s >= UNKILLABLE_S and not self._told_unkillable:
            self._told_unkillable = True
            reason = f"{self._hanging()}, which has no effect yet: it waits inside the kernel, for a disk perhaps"
            self._report.trouble(Trouble(reason, tuple(self._said), self._in_a_row + 1, None))

    def _hanging(self) -> str:
        return f"the compactor finished no round within {self._patience_s:g} s and was killed"

    def _fail(self, now_s: float, what: str) -> None:
        if self._hangs_since_s is not None:
            # a round that takes long and moves on must get to its end some day
            self._patience_s *= 2
        pause_s = min(FIRST_PAUSE_S * 2**self._in_a_row, LONGEST_PAUSE_S)
        self._in_a_row = min(self._in_a_row + 1, 1_000)
        self._due_s = now_s + pause_s
        said = tuple(self._said)
        # where it hangs is many lines, of which none is a reason; what a program ends with is its last line
        last = next((line.strip() for line in reversed(said) if line.strip()), "")
        reason = f"{what}: {last}" if last and self._hangs_since_s is None else what
        self._report.trouble(Trouble(reason, said, self._in_a_row, pause_s))
