"""What a long run of all tests says while it goes on: each failure when it happens, and the tests that take long."""

import threading
import time
from collections.abc import Callable

import pytest

EVERY_S = 300.0
"""How often the tests that are at work are named."""

LONG_S = 60.0
"""From here on a test is named with its time when it is over."""


class ToldAtOnce:
    """Of a run in several processes: a run that is ended from outside has said by then what failed and what hung."""

    def __init__(self, say: Callable[[str], None], now: Callable[[], float] = time.monotonic) -> None:
        """`say` takes one text of one or more lines; `now` is in seconds, and never goes back."""
        self._say = say
        self._now = now
        self._began = now()
        self._running: dict[str, float] = {}
        self._over = threading.Event()

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """A process has begun a test."""
        self._running[nodeid] = self._now()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """It is through with it."""
        took_s = self._now() - self._running.pop(nodeid, self._now())
        if took_s >= LONG_S:
            self._say(f"{nodeid} took {took_s:.0f} s")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test (setup, call, teardown) has ended."""
        if report.failed:
            after_min = (self._now() - self._began) / 60
            self._say(f"FAILED after {after_min:.0f} min: {report.nodeid} ({report.when})\n{report.longreprtext}")

    def at_work(self) -> str:
        """The tests that run now, each with its time so far; what the thread says."""
        now = self._now()
        running = ", ".join(f"{nodeid} ({now - since:.0f} s)" for nodeid, since in sorted(self._running.items()))
        return f"after {(now - self._began) / 60:.0f} min: {running or 'no test'}"

    def pytest_sessionstart(self) -> None:
        """Begins the thread that names what is at work."""
        threading.Thread(target=self._tell, name="told-at-once", daemon=True).start()

    def pytest_sessionfinish(self) -> None:
        """Ends it."""
        self._over.set()

    def _tell(self) -> None:
        while not self._over.wait(EVERY_S):
            self._say(self.at_work())


def tell_at_once(config: pytest.Config) -> None:
    """Called when pytest is configured; says something only where this process hands tests to others (`-n 2`)."""
    if not getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        return

    def say(text: str) -> None:
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        assert terminal is not None
        terminal.ensure_newline()
        terminal.write_line(text)
        terminal.flush()

    config.pluginmanager.register(ToldAtOnce(say), "told-at-once")
