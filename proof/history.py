"""What the ledger tells of one source partition: by which rules its records were judged, and where it stood."""

from collections.abc import Sequence

from dataflow.intake.judge import State
from dataflow.messages import NEVER_MS, Range
from dataflow.rules import Mark


class History:
    """The ranges of one source partition, in offset order, each with its rules and watermark."""

    def __init__(self, partition: str, ranges: Sequence[Range]) -> None:
        self.partition = partition
        self._ranges = ranges
        self.marks: list[Mark] = []
        """Where rules began to hold: with the first records that were judged by them."""
        self.lost = [(entry.start, entry.end) for entry in ranges if entry.lost]
        """Offsets [start, end) that were gone before they were read, ascending."""
        for entry in ranges:
            rules = entry.rules if entry.end > entry.start else None
            if rules is not None and (not self.marks or self.marks[-1][1] != rules):
                self.marks.append((entry.start, rules))

    def before(self, offset: int) -> State:
        """Where the source partition stood before `offset`, at which a range begins; its ids are not known here."""
        state: State = {"max_event_time": None, "ids": [], "watermark": NEVER_MS}
        for entry in self._ranges:
            if entry.end > offset:
                break
            if entry.max_event_time is not None:
                state["max_event_time"] = max(state["max_event_time"] or entry.max_event_time, entry.max_event_time)
            if entry.watermark is not None:
                state["watermark"] = max(state["watermark"], entry.watermark)
            if entry.end > entry.start and entry.rules is not None:
                state["within_ms"] = entry.rules.deduplicate_within_ms
        return state

    def forgotten(self, before: int) -> list[tuple[int, int]]:
        """(offset, time in ms) per change of rules up to offset `before`: ids of records below the offset were no
        longer remembered there if their events were of that time or earlier.
        """
        found = []
        for start, _ in self.marks[1:]:
            if start <= before:
                state = self.before(start)
                found.append((start, state["watermark"] - state["within_ms"]))
        return found

    @property
    def longest_within_ms(self) -> int:
        """For how long of event time an id was remembered at most."""
        return max((rules.deduplicate_within_ms for _, rules in self.marks), default=0)
