"""Taking a sample: the oldest and the newest records of every source partition, bounded in count, bytes and time."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from dataflow.errors import SourceError
from dataflow.messages import Poll
from dataflow.sources.source import Reader, Source, behind_transaction
from starter.sample import Sample, Stretch, Taken

MOST_RECORDS = 20_000
MOST_BYTES = 64 << 20
MOST_PARTITIONS = 32
"""More are not opened: a consumer each would take longer than the sample is worth."""
LEAST_OF_A_PARTITION = 50
SECONDS = 10.0

_POLL_BYTES = 4 << 20
_REST_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a sample may hold, and how long taking it may last."""

    records: int = MOST_RECORDS
    size_bytes: int = MOST_BYTES
    seconds: float = SECONDS


def take_sample(
    source: Source, bounds: Bounds, *, monotonic: Callable[[], float], sleep: Callable[[float], None]
) -> Sample:
    """At most about `bounds.records` records; none where the source has none.

    Records that came to an end, or to a transaction that is open, are all that is looked at. Raises SourceError when
    there are records and none came in time.
    """
    deadline = monotonic() + bounds.seconds
    ends = source.end_offsets()
    names = [name for name in source.partitions() if ends.get(name, 1) > 0] or source.partitions()
    names = names[:: -(-len(names) // MOST_PARTITIONS) or 1]
    share = max(LEAST_OF_A_PARTITION, bounds.records // (2 * max(1, len(names))))
    most_bytes = bounds.size_bytes // (2 * max(1, len(names)))
    cuts: list[_Cut] = []
    try:
        for name in names:
            cuts += _cuts(source, name, ends.get(name), share)
        while not all(cut.done(most_bytes) for cut in cuts) and monotonic() < deadline:
            polled = [cut.poll() for cut in cuts if not cut.done(most_bytes)]
            if not any(polled):
                sleep(_REST_SECONDS)
    finally:
        for cut in cuts:
            cut.reader.close()
    stretches = tuple(stretch for cut in cuts for stretch in cut.stretches())
    if not stretches and (waiting := sum(source.waiting().values())):
        raise SourceError(f"{behind_transaction(waiting)}, and no other is there; try again once it has ended")
    if not stretches and any(not cut.reader.finished for cut in cuts):
        raise SourceError(
            f"no record came within {bounds.seconds:g} s, though there are some: the broker is slow or busy; try again"
        )
    return Sample(stretches)


@dataclass(slots=True)
class _Cut:
    """Reads on to offset `stop` (None: to the end); keeps the first `share` records, and the last ones behind them."""

    partition: str
    reader: Reader
    stop: int | None
    share: int
    first: list[Taken] = field(default_factory=list)
    last: deque[Taken] = field(default_factory=deque)
    skipped: bool = False
    size_bytes: int = 0

    def done(self, most_bytes: int) -> bool:
        # a file is read to its end whatever its first lines weigh: only its last ones are kept
        full = self.stop is not None and self.size_bytes >= most_bytes
        return self.reader.finished or full or (self.stop is not None and self.reader.position >= self.stop)

    def poll(self) -> bool:
        poll = self.reader.poll(2 * self.share, _POLL_BYTES)
        if poll is None:
            return False
        for taken in _taken(poll, self.stop):
            if len(self.first) < self.share:
                self.first.append(taken)
                self.size_bytes += len(taken.value or b"")
                continue
            if len(self.last) == self.share:
                self.last.popleft()
                self.skipped = True
            self.last.append(taken)
        return True

    def stretches(self) -> Iterator[Stretch]:
        parts = [(*self.first,), (*self.last,)] if self.skipped else [(*self.first, *self.last)]
        yield from (Stretch(self.partition, part) for part in parts if part)


def _cuts(source: Source, name: str, end: int | None, share: int) -> Iterator[_Cut]:
    """Where to read: a partition whose end is known is entered twice, a file is read through."""
    reader = source.open(name, None, None, end)
    if end is None:
        yield _Cut(name, reader, None, share)
        return
    low = reader.position
    if end - low <= 2 * share:
        yield _Cut(name, reader, end, 2 * share)
        return
    yield _Cut(name, reader, low + share, share)
    yield _Cut(name, source.open(name, end - share, None, end), end, share)


def _taken(poll: Poll, stop: int | None) -> Iterator[Taken]:
    columns = (poll.records.column(name).to_pylist() for name in ("offset", "timestamp", "value"))
    for offset, timestamp_ms, value in zip(*columns, strict=True):
        if stop is None or offset < stop:
            yield Taken(timestamp_ms, value)
