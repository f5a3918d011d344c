"""What is gone from a topic before one reader had it: accepted as a gap, or the end of the run."""

from dataflow.errors import OffsetLost
from dataflow.logs import logger
from dataflow.sources.kafka.lost import offset_lost

SETTLED_EPOCHS = 3
"""So many epochs after the last record that was read, it is in the lake: closed, durable, published."""


class Gap:
    """Offsets ahead of one reader that are gone (semantics rule 14). They are told with the first poll behind them.

    Until then the reader stands before them, so that they become durable together with what follows, and only once:
    after a kill in between, the next start finds the gap anew, as large as it is by then.
    """

    def __init__(self, partition: str, *, accept: bool) -> None:
        """`accept`: go on behind what is gone; else the run ends there."""
        self._partition = partition
        self._accept = accept
        self._end = 0
        self._refused: OffsetLost | None = None
        self._epochs = 0

    def at_start(self, position: int, low: int, high: int) -> int:
        """Where to read from when the broker has [low, high): at `position`, or behind what is gone.

        Raises OffsetLost where `position` is in neither and nothing may be left out, or nothing was.
        """
        if low <= position <= high:
            return position
        if position > high or not self._accept:
            raise offset_lost(self._partition, position, low, high)
        return self._accepted(position, low)

    def overtaken(self, position: int, low: int, high: int) -> int | None:
        """Where to read on, when all before `position` was read and the broker has no more than [low, high).

        None where that is not accepted: `closed` raises once all that was read is in the lake, for it may be gone too.
        """
        if self._accept:
            return self._accepted(position, low)
        self._refused, self._epochs = offset_lost(self._partition, position, low, high), 0
        return None

    def closed(self) -> bool:
        """Whether nothing more may be read. Raises OffsetLost when it is time for that."""
        if self._refused is not None and self._epochs >= SETTLED_EPOCHS:
            raise self._refused
        return self._refused is not None

    def epoch_ends(self) -> None:
        """An epoch ends."""
        self._epochs += 1

    def lost(self, start: int, end: int) -> int:
        """How many offsets of the poll [start, end), from its start on, are gone."""
        return max(0, min(self._end, end) - start)

    def behind(self, position: int) -> int:
        """`position`, or where the gap ends that begins there."""
        return max(position, self._end)

    def _accepted(self, position: int, low: int) -> int:
        self._end = low
        logger("kafka").warning(
            f"{self._partition}: offsets [{position}, {low}) were deleted before they were read; the run accepts the "
            f"gap and goes on at {low}",
            lost=low - position,
            seen_in="`lost` of the ledger",
        )
        return low
