"""Events that claim a time ahead of the clock under which they were read, found by the watermark they moved."""

from dataclasses import dataclass
from datetime import timedelta

from dataflow.pipeline.names import EVENTS, LEDGER
from dataflow.sql import quoted
from doctor.partition_states import PartitionState
from query.moment import EPOCH, to_ms
from query.reader import LakeSnapshot
from query.times_ms import at_ms

TOLERANCE_MS = 60_000
"""Clocks of producers may differ by so much before their events count as from the future."""


@dataclass(frozen=True, slots=True)
class FutureEvent:
    """The event that moved a source partition's watermark furthest: at `offset`, or somewhere in [start, end)."""

    partition: str
    event_time_ms: int
    ahead_ms: int
    offset: int | None
    start: int
    end: int

    @property
    def place(self) -> str:
        """Where it is, in words."""
        if self.offset is not None:
            return f"offset {self.offset} of {self.partition}"
        return f"offsets [{self.start}, {self.end}) of {self.partition}"


def future_event(snapshot: LakeSnapshot, state: PartitionState, time_column: str | None) -> FutureEvent | None:
    """The partition's event from the future, if its watermark stands on one.

    `time_column` is the event time's column; None if it is not known, then only the ledger's range is told.
    """
    # the clock has passed an older one: events on time are not late any more
    if state.newest_ms is None or state.newest_ms <= to_ms(state.since) + TOLERANCE_MS:
        return None
    lines = snapshot.query(
        f"SELECT start_offset, end_offset, epoch_us(committed_at) AS at FROM {LEDGER}"
        ' WHERE "partition" = ? AND max_event_time = ? AND "read" > 0 ORDER BY start_offset LIMIT 1',
        parameters=[state.name, state.newest_ms],
    ).to_pylist()
    if not lines:
        return None
    line = lines[0]
    ahead_ms = state.newest_ms - to_ms(EPOCH + timedelta(microseconds=line["at"]))
    if ahead_ms <= TOLERANCE_MS:
        return None
    offset = None
    events = snapshot.tables.get(EVENTS)
    if time_column is not None and events is not None and events.column(time_column):
        found = snapshot.query(
            f'SELECT "offset" FROM {EVENTS} WHERE "partition" = ?'
            f" AND {quoted(time_column)} = {at_ms(events, time_column, state.newest_ms)}"
            ' ORDER BY "offset" LIMIT 1',
            parameters=[state.name],
        ).to_pylist()
        offset = found[0]["offset"] if found else None
    return FutureEvent(state.name, state.newest_ms, ahead_ms, offset, line["start_offset"], line["end_offset"])
