"""The made-up ad stream as a source: at the pace of a clock, or as fast as it is asked."""

from collections.abc import Callable
from dataclasses import replace

import pyarrow as pa

from dataflow.errors import ConfigError
from dataflow.messages import POLL_SCHEMA, Poll
from dataflow.sources.generator import NAME
from dataflow.sources.generator.adstream import AdStream
from dataflow.sources.source import Hint, Reader

NowMs = Callable[[], int]


class GeneratorSource:
    """An `AdStream` as source partitions generator/0, generator/1, ...

    `paced`: a record can be read once the clock has reached its timestamp, so event time follows now. Else all
    records are there at once. It ends after `total` records over all partitions, or after `seconds` of stream time;
    with neither it never does. A run that goes on keeps the stream it began with, start time included.
    """

    def __init__(
        self,
        stream: AdStream,
        *,
        now_ms: NowMs,
        paced: bool = True,
        total: int | None = None,
        seconds: float | None = None,
    ) -> None:
        """`stream.start_ms` 0 stands for now, as the clock says when the first partition is opened anew."""
        if total is not None and seconds is not None:
            raise ConfigError("seconds", seconds, "give the generator a number of records or of seconds, not both")
        if stream.partitions < 1 or stream.rate <= 0:
            raise ConfigError("rate", stream.rate, "the generator needs a rate above 0 and at least one partition")
        self._stream = stream if stream.start_ms else replace(stream, start_ms=now_ms())
        self._now_ms = now_ms
        self._paced = paced
        self._total = total
        self._seconds = seconds

    def partitions(self) -> list[str]:
        """generator/0 up to the stream's number of partitions."""
        return [f"{NAME}/{number}" for number in range(self._stream.partitions)]

    def topic_of(self, partition: str) -> str | None:
        """No topic: nothing is read from Kafka."""
        return None

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """Go on at `next_offset`; `hint` is the start time of the stream that the run began with."""
        stream = self._stream if hint is None else replace(self._stream, start_ms=hint)
        number = int(partition.rpartition("/")[2])
        ends = [end for end in (bounded_end, self._end(number)) if end is not None]
        return GeneratorReader(
            stream, number, next_offset or 0, min(ends, default=None), now_ms=self._now_ms if self._paced else None
        )

    def end_offsets(self) -> dict[str, int]:
        """Where each partition ends, fixed by the number of records or seconds; empty without either."""
        ends = [self._end(number) for number in range(self._stream.partitions)]
        return {name: end for name, end in zip(self.partitions(), ends, strict=True) if end is not None}

    def waiting(self) -> dict[str, int]:
        """There are no transactions here."""
        return {}

    def is_at_end(self, partition: str) -> bool:
        """The stream ends where it was told to."""
        return True

    def partitions_changed(self) -> bool:
        """Never."""
        return False

    def close(self) -> None:
        """Nothing is held open."""

    def _end(self, number: int) -> int | None:
        if self._total is not None:
            return self._stream.counts(self._total)[number]
        if self._seconds is not None:
            return self._stream.offset_at(number, self._stream.start_ms + int(self._seconds * 1000))
        return None


class GeneratorReader:
    """One partition of the stream, from any offset on; held back by the clock when `now_ms` is given."""

    def __init__(self, stream: AdStream, number: int, start: int, end: int | None, *, now_ms: NowMs | None) -> None:
        """`end` None reads for ever."""
        self.position = start
        self.finished = end is not None and start >= end
        self.unfinished = False
        self.content = None
        self._stream = stream
        self._number = number
        self._end = end
        self._now_ms = now_ms

    @property
    def hint(self) -> int:
        """The stream's start time: with it, the same offsets hold the same records after a restart."""
        return self._stream.start_ms

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """What the clock has reached, at most `max_records`; a record counts as 150 bytes."""
        count = max(1, min(max_records, max_bytes // 150))
        if self._end is not None:
            count = min(count, self._end - self.position)
        if count <= 0:
            return None
        stamps = self._stream.timestamps(self._number, self.position, count)
        if self._now_ms is not None:
            count = int(stamps.searchsorted(self._now_ms(), side="right"))
            if count == 0:
                return None
        start, end = self.position, self.position + count
        records = pa.RecordBatch.from_arrays(
            [
                pa.array(range(start, end), pa.int64()),
                pa.array(stamps[:count]),
                pa.array(self._stream.values(self._number, start, count), pa.binary()),
            ],
            schema=POLL_SCHEMA,
        )
        self.position = end
        self.finished = end == self._end
        return Poll(records, start, end)

    def confirm(self) -> None:
        """Nothing can have taken this input's place."""

    def lag(self) -> int | None:
        """Records that the clock has reached already; without a clock, those up to the end."""
        if self._now_ms is None:
            return None if self._end is None else self._end - self.position
        reached = self._stream.offset_at(self._number, self._now_ms() + 1)
        return max(0, (reached if self._end is None else min(reached, self._end)) - self.position)

    def waiting(self) -> int | None:
        """There are no transactions here."""
        return None

    def close(self) -> None:
        """Nothing is held open."""
