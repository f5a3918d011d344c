"""A child process whose standard output and error are read without ever waiting for it."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import IO

LONGEST_LINE_BYTES = 16 * 1024


class ChildProcess:
    """A process of a session of its own, which ^C on the terminal does not reach.

    It holds the other end of its standard input open: end of file there tells it that this process is gone.
    Not for several threads at once.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start it. Raises OSError when the system cannot."""
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._out = _Lines(self._process.stdout)
        self._err = _Lines(self._process.stderr)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def ended(self) -> int | None:
        """Its exit code, negative for the signal that ended it; None while it runs."""
        return self._process.poll()

    def told(self) -> list[str]:
        """Whole lines that it wrote to standard output since the last call."""
        return self._out.take()

    def said(self) -> list[str]:
        """Whole lines that it wrote to standard error since the last call."""
        return self._err.take()

    def ask_where(self) -> None:
        """Have it write to standard error where it stands, where it has registered for that (`faulthandler`)."""
        self._process.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def stop(self, patience_s: float) -> None:
        """SIGTERM, and SIGKILL for what still runs after `patience_s`; never waits longer than twice that."""
        self._process.terminate()
        try:
            self._process.wait(patience_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            try:
                self._process.wait(patience_s)
            except subprocess.TimeoutExpired:
                # it waits inside the kernel, for a disk perhaps, and ends when that lets go of it
                return
        self.close()

    def close(self) -> None:
        """Close the pipes of a process that has ended."""
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()


class _Lines:
    """The lines of a pipe, as far as they have come."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._descriptor = pipe.fileno()
        self._rest = b""
        self._at_end = False
        os.set_blocking(self._descriptor, False)

    def take(self) -> list[str]:
        lines: list[bytes] = []
        while not self._at_end:
            try:
                read = os.read(self._descriptor, 64 * 1024)
            except BlockingIOError:
                break
            self._at_end = not read
            *whole, self._rest = (self._rest + read).split(b"\n")
            lines += whole
            if self._rest and (self._at_end or len(self._rest) > LONGEST_LINE_BYTES):
                lines.append(self._rest)
                self._rest = b""
        return [line.decode("utf-8", errors="replace") for line in lines]
