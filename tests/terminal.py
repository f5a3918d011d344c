"""A program on a terminal of a given width, and all that it shows there."""

import os
import pty
import re
import struct
import subprocess
import termios
import threading
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path

ROOT = Path(__file__).parents[1]
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program that was started on a terminal of its own; what it writes is collected while it runs."""

    def __init__(
        self,
        arguments: Sequence[str] | str,
        columns: int = 80,
        *,
        folder: Path = ROOT,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`arguments` as one text are for the shell. The program leads a process group of its own."""
        ours, theirs = pty.openpty()
        ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        inherited = os.environ if environment is None else environment
        known = {key: value for key, value in inherited.items() if key not in ("COLUMNS", "LINES")}
        self.child = subprocess.Popen(
            arguments,
            shell=isinstance(arguments, str),
            cwd=folder,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=known | {"TERM": "xterm"},
            start_new_session=True,
        )
        os.close(theirs)
        self._ours = ours
        self._shown = bytearray()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait(self, timeout_s: float | None = None) -> int:
        """Its exit code, once it has ended and all that it wrote is there."""
        code = self.child.wait(timeout_s)
        # what it has left running may keep the terminal open
        self._reader.join(5)
        return code

    @property
    def shown(self) -> str:
        """All that it wrote so far, control characters and all."""
        return self._shown.decode(errors="replace")

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # the other side was closed
                break
            if not part:
                break
            self._shown += part
        os.close(self._ours)


def on_a_terminal(arguments: Sequence[str], columns: int = 80) -> str:
    """What the program wrote to its terminal until it ended, with exit code 0."""
    terminal = Terminal(arguments, columns)
    assert terminal.wait() == 0, terminal.shown
    return terminal.shown


def left_standing(shown: str) -> list[str]:
    """The lines that stay on the screen: of a line that was written over and over again its last form."""
    return [_CONTROL.sub("", line).rstrip("\r").rpartition("\r")[2].rstrip() for line in shown.split("\n")]
