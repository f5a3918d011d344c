"""The rest of a process while nothing comes: each worker waits in one place for all of its source partitions."""

import threading
from collections.abc import Callable
from typing import Protocol

from dataflow.sources.source import Resting

SETTLED_EPOCHS = 2
"""So many epochs that ended since something was read here: that is published, and no sink waits for another one."""

CHUNK_S = 0.2
"""A rest is made of such waits: signals, callbacks of Kafka's client and a stop are heard in between."""


class Bell:
    """Wakes the workers of one process, which end their epochs together: one that reads needs the others."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wakes: dict[int, Callable[[], None]] = {}
        self.read = 0
        """Counts what was read."""
        self.calls = 0
        """Counts the ends of rests."""
        self.epochs = 0
        """The most epochs that a partition of this process has ended."""

    def has_read(self) -> None:
        """Something was read on this thread."""
        with self._lock:
            self.read += 1
            self._ring()

    def epoch_ended(self, epochs: int) -> None:
        """On this thread a partition has ended so many. Bytewax waits busily for those that have not."""
        with self._lock:
            if epochs > self.epochs:
                self.epochs = epochs
                self._ring()

    def lie_down(self, wake: Callable[[], None]) -> None:
        """From now on the calling thread rests; `wake()` ends a wait of it, from any thread."""
        with self._lock:
            self._wakes[threading.get_ident()] = wake

    def get_up(self) -> None:
        """It does no more, and nobody else may."""
        with self._lock:
            del self._wakes[threading.get_ident()]
            self.calls += 1
            self._ring()

    def _ring(self) -> None:
        # under the lock, as who has got up may let go of what is woken
        for wake in self._wakes.values():
            wake()


class Watch(Protocol):
    """What is looked at between two waits."""

    def __call__(self) -> bool:
        """Whether the rest is over."""
        ...


class Rest:
    """Of one worker, on its thread. It may rest once each of its partitions had nothing in a row, in epochs in which
    nobody read anything, and what was read before is published. No time of day is involved.
    """

    def __init__(self, bell: Bell, monotonic: Callable[[], float], longest_s: float) -> None:
        """`longest_s`: after so long it looks after its epochs; 0 is no rest at all."""
        self._bell = bell
        self._monotonic = monotonic
        self._longest_s = longest_s
        self._epochs: dict[str, int] = {}
        self._ended: dict[str, int] = {}
        self._turns: dict[str, float] = {}
        self._nothing: set[str] = set()
        self._read = bell.read
        self.sleeps = False
        """Whether it is in a `wait`: none of its partitions has a record ahead. From any thread."""

    def open(self, partition: str) -> None:
        """One more partition that has to have nothing."""
        self._epochs[partition] = self._ended[partition] = 0
        self._turns.clear()

    @property
    def partitions(self) -> int:
        """How many are open on this worker."""
        return len(self._epochs)

    def turn(self, partition: str) -> float | None:
        """As of `Pauses.until`: they end their pauses one after the other, so that what one brings goes on before the
        next one is read; None where there is no other.
        """
        if not self._turns and len(self._epochs) > 1:
            self._turns = {name: at / len(self._epochs) for at, name in enumerate(self._epochs)}
        return self._turns.get(partition)

    def leave(self, partition: str) -> None:
        """A partition asks no more."""
        self._turns.clear()
        self._epochs.pop(partition, None)
        self._ended.pop(partition, None)
        self._nothing.discard(partition)

    def has_read(self) -> None:
        """A partition of this worker had something."""
        self._bell.has_read()

    def epoch_ended(self, partition: str) -> None:
        """Nobody rests before all partitions have ended that epoch."""
        # who reads in an epoch has ended the one before with all others: what was read is of this one at the earliest
        self._listen()
        self._nothing.clear()
        self._epochs[partition] += 1
        self._ended[partition] += 1
        self._bell.epoch_ended(self._ended[partition])

    def may_begin(self, partition: str, reader: Resting) -> bool:
        """`partition` had nothing: whether nobody has, so that now is the time for `wait`."""
        if not self._longest_s:
            return False
        self._listen()
        if self._epochs[partition] < SETTLED_EPOCHS or self._is_behind(partition) or not reader.at_rest():
            return False
        self._nothing.add(partition)
        return len(self._nothing) == len(self._epochs)

    def wait(self, reader: Resting, over: Watch) -> None:
        """Until something comes for a partition of this worker, another one reads or gets up, or it is `over`."""
        self._nothing.clear()
        calls = self._bell.calls
        self._bell.lie_down(reader.wake)
        self.sleeps = True
        try:
            until_s = self._monotonic() + self._longest_s
            while self._bell.read == self._read and self._bell.calls == calls and not self._is_late() and not over():
                left_s = until_s - self._monotonic()
                if left_s <= 0 or reader.await_records(min(left_s, CHUNK_S)):
                    return
        finally:
            self.sleeps = False
            self._bell.get_up()

    def _is_behind(self, partition: str) -> bool:
        return self._ended[partition] < self._bell.epochs

    def _is_late(self) -> bool:
        """Whether others wait for an epoch to end here."""
        return any(map(self._is_behind, self._ended))

    def _listen(self) -> None:
        """Begin to count anew where somebody has read."""
        if self._read != self._bell.read:
            self._read = self._bell.read
            self._epochs = dict.fromkeys(self._epochs, 0)
            self._nothing.clear()
