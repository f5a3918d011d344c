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
    most = max(1, min(MOST_PARTITIONS, bounds.records // 2))
    names = names[:: -(-len(names) // most)]
    share = max(1, bounds.records // (2 * len(names)))
    most_bytes = bounds.size_bytes // (2 * len(names))
    cuts: list[_Cut] = []
    try:
        for name in names:
            cuts += _cuts(source, name, ends.get(name), share, most_bytes)
        while not all(cut.done for cut in cuts) and monotonic() < deadline:
            polled = [cut.poll() for cut in cuts if not cut.done]
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
    """Reads on to offset `stop` (None: to the end); keeps the first records, and the last ones behind them.

    Of either it keeps `share` records at most, and about `most_bytes`.
    """

    partition: str
    reader: Reader
    stop: int | None
    share: int
    most_bytes: int
    first: list[Taken] = field(default_factory=list)
    last: deque[Taken] = field(default_factory=deque)
    skipped: bool = False
    first_bytes: int = 0
    last_bytes: int = 0

    @property
    def done(self) -> bool:
        if self.reader.finished:
            return True
        # a file is read to its end, whatever its first lines weigh
        return self.stop is not None and (self.reader.position >= self.stop or self.first_bytes >= self.most_bytes)

    def poll(self) -> bool:
        poll = self.reader.poll(2 * self.share, _POLL_BYTES)
        if poll is None:
            return False
        for taken in _taken(poll, self.stop):
            size_bytes = len(taken.value or b"")
            if not self.last and len(self.first) < self.share and self.first_bytes < self.most_bytes:
                self.first.append(taken)
                self.first_bytes += size_bytes
                continue
            self.last.append(taken)
            self.last_bytes += size_bytes
            while len(self.last) > 1 and (len(self.last) > self.share or self.last_bytes > self.most_bytes):
                self.last_bytes -= len(self.last.popleft().value or b"")
                self.skipped = True
        return True

    def stretches(self) -> Iterator[Stretch]:
        parts = [(*self.first,), (*self.last,)] if self.skipped else [(*self.first, *self.last)]
        yield from (Stretch(self.partition, part) for part in parts if part)


def _cuts(source: Source, name: str, end: int | None, share: int, most_bytes: int) -> Iterator[_Cut]:
    """Where to read: a partition whose end is known is entered twice, a file is read through."""
    reader = source.open(name, None, None, end)
    if end is None:
        yield _Cut(name, reader, None, share, most_bytes)
        return
    low = reader.position
    if end - low <= 2 * share:
        yield _Cut(name, reader, end, 2 * share, 2 * most_bytes)
        return
    yield _Cut(name, reader, low + share, share, most_bytes)
    yield _Cut(name, source.open(name, end - share, None, end), end, share, most_bytes)


def _taken(poll: Poll, stop: int | None) -> Iterator[Taken]:
    columns = (poll.records.column(name).to_pylist() for name in ("offset", "timestamp", "value"))
    for offset, timestamp_ms, value in zip(*columns, strict=True):
        if stop is None or offset < stop:
            yield Taken(timestamp_ms, value)
