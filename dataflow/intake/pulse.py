"""What Bytewax last asked of this process: the signs of life that a watch goes by."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Place:
    """Where an open source partition is: the next offset to read, and the records behind it (None = not known)."""

    partition: str
    position: int
    lag_records: int | None


class Pulse:
    """One per process, told by every part of ours from any thread, read by the watch from its own.

    A beat is an epoch that ended or was published; a read alone is none, as epochs may stand still beside it.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._open: dict[str, Callable[[], tuple[int, int | None]]] = {}
        self._closing = threading.Lock()
        self._inside: dict[int, tuple[str, float]] = {}
        self.beats = 0
        self.epoch: int | None = None
        """The newest epoch that this process published."""

    @contextmanager
    def inside(self, what: str) -> Iterator[None]:
        """Something of ours runs on this thread: whoever waits for it waits for no wake-up."""
        thread = threading.get_ident()
        self._inside[thread] = (what, self._monotonic())
        try:
            yield
        finally:
            self._inside.pop(thread, None)

    def beat(self, epoch: int | None = None) -> None:
        """An epoch ended here, or `epoch` was published."""
        self.beats += 1
        if epoch is not None:
            self.epoch = epoch

    def opened(self, partition: str, place: Callable[[], tuple[int, int | None]]) -> None:
        """A source partition is read from now on; `place()` gives position and lag, from any thread."""
        with self._closing:
            self._open[partition] = place
        self.beat()

    def closed(self, partition: str) -> None:
        """It is read no more: after this its `place` is not asked again."""
        with self._closing:
            self._open.pop(partition, None)

    def places(self) -> list[Place]:
        """Where all open source partitions are."""
        with self._closing:
            return [Place(name, *place()) for name, place in self._open.items()]

    def busy(self) -> tuple[str, float] | None:
        """What has been running for the longest time, and its seconds so far; None when nothing runs."""
        running = list(self._inside.values())
        if not running:
            return None
        what, since = min(running, key=lambda each: each[1])
        return what, self._monotonic() - since
