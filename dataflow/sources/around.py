"""A source partition read again around what was lost: offsets that the lake's own reading never saw."""

from collections.abc import Sequence

import pyarrow as pa

from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.sources.source import Hint, Reader, Source

Lost = Sequence[tuple[int, int]]
"""Ranges [start, end) of offsets, ascending, none of which overlaps another."""

_NO_RECORDS = pa.RecordBatch.from_pylist([], schema=POLL_SCHEMA)


def open_around(source: Source, partition: str, next_offset: int, hint: Hint, end: int, lost: Lost) -> Reader:
    """`source.open`, for a reader that gives the `lost` ranges as lost, whether the source holds their records or not.

    What a lake was made from is read so again: without the records that its own run did not find any more. Where
    `next_offset` lies in a lost range, the source is opened behind it, and may lack all that is before.
    """
    ahead = [each for each in lost if next_offset < each[1] and each[0] < end]
    place = next_offset
    for start, stop in ahead:
        if start <= place:
            place = min(stop, end)
    reader = source.open(partition, place, hint, end)
    return AroundReader(reader, next_offset, end, ahead) if ahead else reader


class AroundReader:
    """A reader, less the records of the lost ranges; each of these is a poll of its own."""

    def __init__(self, inner: Reader, position: int, end: int, lost: Lost) -> None:
        """`inner` stands at `position`, or behind the lost range in which that lies."""
        self.position = position
        self.finished = False
        self.unfinished = False
        self._inner = inner
        self._end = end
        self._lost = list(lost)
        self._held: Poll | None = None
        self._settle()

    @property
    def hint(self) -> Hint:
        """As the source says."""
        return self._inner.hint

    @property
    def content(self) -> str | None:
        """As the source says."""
        return self._inner.content

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """The next records outside of the lost ranges, or the next of these."""
        poll = self._next(max_records, max_bytes)
        if poll is not None:
            self.position = poll.end
        self._settle()
        return poll

    def _next(self, max_records: int, max_bytes: int) -> Poll | None:
        if self._is_lost_next():
            stop = min(self._lost[0][1], self._end)
            if not self._has_passed(stop, max_records, max_bytes):
                return None
            del self._lost[0]
            return Poll(_NO_RECORDS, self.position, stop, lost=stop - self.position)
        poll = self._held
        if poll is None and not self._inner.finished:
            poll = self._inner.poll(max_records, max_bytes)
        self._held = None
        if poll is not None and self._lost and poll.end > self._lost[0][0]:
            poll, self._held = poll.split(self._lost[0][0])
        return poll

    def _is_lost_next(self) -> bool:
        return bool(self._lost) and self._lost[0][0] <= self.position

    def _has_passed(self, stop: int, max_records: int, max_bytes: int) -> bool:
        """Read over what the source still has of a lost range that ends at `stop`; False while it gives nothing."""
        while True:
            if self._held is not None:
                self._held = self._held if self._held.start >= stop else self._held.split(stop)[1]
            if self._held is not None or self._inner.finished or self._inner.position >= stop:
                return True
            self._held = self._inner.poll(max_records, max_bytes)
            if self._held is None:
                return self._inner.finished

    def _settle(self) -> None:
        """At the end, or where the source ends before it and nothing lost begins."""
        self.unfinished = self._inner.unfinished
        ended = self._inner.finished and self._held is None and not self._is_lost_next()
        self.finished = self.position >= self._end or ended

    def confirm(self) -> None:
        """As the source does."""
        self._inner.confirm()

    def lag(self) -> int | None:
        """As the source says."""
        return self._inner.lag()

    def waiting(self) -> int | None:
        """As the source says."""
        return self._inner.waiting()

    def close(self) -> None:
        """Close the source's own."""
        self._inner.close()
