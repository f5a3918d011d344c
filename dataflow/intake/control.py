"""How a running pipeline is told to stop, and why: shared by the signal handler and all source partitions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from dataflow.errors import TidemillError


class Control:
    """One per process. Sources look at it between polls; nothing is interrupted.

    `stop` makes every source partition end: what it has read is published once the flow has returned.
    `restart` is a stop after which the process starts anew with the same arguments.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._restart = False
        self.reason = ""
        self.error: TidemillError | None = None

    @property
    def stopping(self) -> bool:
        """True once somebody asked for an end."""
        return self._stop.is_set()

    @property
    def restart_wanted(self) -> bool:
        """True when the process should start again once it has ended."""
        return self._restart

    @contextmanager
    def keeping_errors(self) -> Iterator[None]:
        """Remember the first TidemillError that leaves the block, as `error`.

        With several processes Bytewax may tell only that a peer went away, when one part's error ends them all.
        """
        try:
            yield
        except TidemillError as error:
            self.error = self.error or error
            raise

    def stop(self, reason: str) -> None:
        """Ask every source partition to end; the first reason is kept."""
        self.reason = self.reason or reason
        self._stop.set()

    def restart(self, reason: str) -> None:
        """End and start anew, for example because the topic has new partitions."""
        if not self._stop.is_set():
            self._restart = True
        self.stop(reason)
