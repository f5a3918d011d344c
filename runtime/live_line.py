"""A line at the foot of a terminal that is written anew again and again, while log lines go by above it."""

import io
import shutil
import threading
from collections.abc import Callable
from typing import TextIO

_CLEAR = "\r\x1b[K"


def terminal_columns() -> int:
    """The terminal's width now; it may change while a run goes on."""
    return shutil.get_terminal_size().columns


class LiveLine(io.TextIOBase):
    """A stream for logs over `stream`, a terminal, that keeps one line below them. For any number of threads."""

    def __init__(self, stream: TextIO, columns: Callable[[], int] = terminal_columns) -> None:
        self._stream = stream
        self._columns = columns
        self._lock = threading.Lock()
        self._shown = ""
        self._begun = ""

    def room(self) -> int:
        """How many columns the line may have now."""
        return max(self._columns() - 1, 1)

    def show(self, text: str) -> None:
        """Put `text`, cut to the terminal's width, in place of the line."""
        with self._lock:
            self._shown = text[: self.room()]
            self._stream.write(_CLEAR + self._shown)
            self._stream.flush()

    def leave(self) -> None:
        """End the line, so that what comes goes below it."""
        with self._lock:
            if self._shown:
                self._stream.write("\n")
                self._stream.flush()
            self._shown = ""

    def write(self, text: str) -> int:
        """Logs: above the line, as soon as they end a line of their own."""
        with self._lock:
            whole, newline, rest = (self._begun + text).rpartition("\n")
            self._begun = rest
            if newline:
                self._stream.write((_CLEAR if self._shown else "") + whole + newline + self._shown)
            return len(text)

    def flush(self) -> None:
        """Bring all to the terminal."""
        self._stream.flush()

    def isatty(self) -> bool:
        """It is one."""
        return True

    def writable(self) -> bool:
        """Always."""
        return True
