"""A bar for commands that take long: on a terminal's standard error, after a second, and gone at the end."""

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

BEGINS_S = 1.0
"""What is over before needs no bar, nor the import of what draws it."""
LOOKS_S = 0.2


class Bar:
    """Shows `what` is done, how many `unit` of how many, how fast, and how long it still takes, inside a `with`.

    Steps in the sense of `dataflow.steps`; without a known total it counts, without a terminal it shows nothing.
    """

    def __init__(self, what: str, unit: str) -> None:
        self._what = what
        self._unit = unit
        self._total = self._done = 0
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def expect(self, total: int) -> None:
        """So many steps more are to come."""
        self._total += total

    def done(self, count: int) -> None:
        """So many of them are done."""
        self._done += count

    def __enter__(self) -> "Bar":
        if sys.stderr.isatty():
            self._thread = threading.Thread(target=self._show, name="bar", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.hide()

    def hide(self) -> None:
        """Take the bar away: what comes now goes to the terminal."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _show(self) -> None:
        if self._ended.wait(BEGINS_S):
            return
        with self._drawn() as progress:
            task = progress.add_task(self._what, total=self._total or None, completed=self._done, rate="")
            while not self._ended.wait(LOOKS_S):
                speed = progress.tasks[0].speed
                rate = "" if speed is None else f"{speed:,.0f} {self._unit}/s"
                progress.update(task, total=self._total or None, completed=self._done, rate=rate)

    def _drawn(self) -> "Progress":
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        left = TimeRemainingColumn(elapsed_when_finished=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
        counted = TextColumn(f"{{task.completed:,}} {self._unit}")
        console = Console(stderr=True)
        return Progress(*columns, counted, TextColumn("{task.fields[rate]}"), left, console=console, transient=True)
