"""The seam to where things go: a position that is remembered with what was sent."""

from collections.abc import Iterator
from typing import Protocol

from emit.position import Position
from emit.record import Record


class Target(Protocol):
    """One target of one way out, for one thread. Every method may raise DeliveryTrouble; then `close`, and `open`."""

    def open(self) -> Position | None:
        """Take over from whoever was here before, and say how far all has come; None where nothing was ever sent."""
        ...

    def publish(self, records: Iterator[Record], position: Position) -> int:
        """Send the records, and remember the position with them; returns how many went out."""
        ...

    def close(self) -> None:
        """Let go; what is not finished never happened, or is found at the next `open`."""
        ...
