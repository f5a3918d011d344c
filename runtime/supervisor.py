"""Several processes as one pipeline: started together, stopped together, restarted together."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import FrameType

from dataflow.logs import logger
from runtime.ports import free_ports

RESTART_EXIT_CODE = 75
"""A process that drained because it wants to start anew ends with this (EX_TEMPFAIL)."""

FATAL_EXIT_CODES = frozenset({2, 3, 4, 5})
"""Exit codes of errors.py that another start cannot cure."""

MAX_RESTARTS = 5
QUIET_S = 60.0
"""After so long without a crash the count of restarts begins anew."""

KILL_AFTER_S = 20.0


class Supervisor:
    """Runs `command` once per process with `--process-id I --addresses ...` added.

    One process that dies takes the others with it (Bytewax cannot go on without a peer), then all start
    again from the recovery store. Errors that a restart cannot cure end the run with their own exit code.
    """

    def __init__(self, command: Sequence[str], processes: int) -> None:
        self._command = list(command)
        self._processes = processes
        self._children: list[subprocess.Popen[bytes]] = []
        self._stopping = False
        self._stop_by_s = float("inf")
        self._log = logger("supervisor")

    def run(self) -> int:
        """Run until the work is done, stopped or cannot go on; returns the exit code."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._forward)
        restarts = 0
        while True:
            started = time.monotonic()
            self._start()
            code = self._wait()
            if code == 0 or code in FATAL_EXIT_CODES:
                return code
            if self._stopping:
                return code
            if code == RESTART_EXIT_CODE:
                # a fault on purpose happens once
                os.environ.pop("TIDEMILL_FAULT", None)
                continue
            restarts = 1 if time.monotonic() - started > QUIET_S else restarts + 1
            if restarts > MAX_RESTARTS:
                self._log.error("gave up", restarts=MAX_RESTARTS, exit_code=code)
                return code
            self._log.warning("a process died; starting all again", exit_code=code, restart=restarts)
            time.sleep(min(0.2 * 2**restarts, 5.0))

    def _start(self) -> None:
        addresses = ";".join(f"127.0.0.1:{port}" for port in free_ports(self._processes))
        # a group of their own: ^C on the terminal reaches only the supervisor, which passes it on once
        self._children = [
            subprocess.Popen(
                [*self._command, "--process-id", str(index), "--addresses", addresses],
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
            for index in range(self._processes)
        ]
        self._log.info("started", pids=[child.pid for child in self._children])
        if self._stopping:
            self._signal(signal.SIGTERM)

    def _wait(self) -> int:
        while all(child.poll() is None for child in self._children):
            if time.monotonic() > self._stop_by_s:
                self._log.error("no process ended when asked to: all are killed", after_s=KILL_AFTER_S)
                self._signal(signal.SIGKILL)
            time.sleep(0.05)
        deadline = time.monotonic() + KILL_AFTER_S
        ended = [child for child in self._children if child.poll() is not None]
        if all(child.returncode == 0 for child in ended):
            while any(child.poll() is None for child in self._children) and time.monotonic() < deadline:
                time.sleep(0.02)
        elif any(child.returncode in (RESTART_EXIT_CODE, *FATAL_EXIT_CODES) for child in ended):
            short = time.monotonic() + 3.0
            while any(child.poll() is None for child in self._children) and time.monotonic() < short:
                time.sleep(0.02)
        self._signal(signal.SIGKILL)
        codes = [child.wait() for child in self._children]
        for child in self._children:
            assert child.stdin is not None
            child.stdin.close()
        fatal = [code for code in codes if code in FATAL_EXIT_CODES]
        if fatal:
            return fatal[0]
        if RESTART_EXIT_CODE in codes:
            return RESTART_EXIT_CODE
        return next((code if code > 0 else 128 - code for code in codes if code != 0), 0)

    def _forward(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping = True
        self._stop_by_s = min(self._stop_by_s, time.monotonic() + KILL_AFTER_S)
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        for child in self._children:
            if child.poll() is None:
                child.send_signal(number)


def end_with_supervisor(stop: Callable[[str], None]) -> None:
    """In a child: call `stop` when the supervisor is gone, however it ended. It holds the other end of our stdin.

    A child that is still there KILL_AFTER_S later ends hard, or it would hold its folders for ever, unseen.
    """

    def watch() -> None:
        # a standard input that cannot be read is nobody's either
        with suppress(OSError):
            while os.read(0, 1):
                pass
        stop("the supervisor ended")
        time.sleep(KILL_AFTER_S)
        with suppress(OSError, ValueError):
            logger("supervisor").error("the supervisor is gone and this process did not end: it ends hard")
        os._exit(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()
