"""Records in memory as a source, with holes in the offsets and polls of any size."""

from itertools import cycle
from typing import Any

import pyarrow as pa

from dataflow.errors import OffsetLost
from dataflow.messages import POLL_SCHEMA, Poll
from tests.model.spec import Record


class MemorySource:
    """`sizes`: records per poll, again and again; 0 is a poll that gives nothing yet."""

    def __init__(self, records: dict[str, list[Record]], sizes: tuple[int, ...]) -> None:
        self.records = records
        self.sizes = sizes

    def partitions(self) -> list[str]:
        return list(self.records)

    def topic_of(self, partition: str) -> str | None:
        return partition.rpartition("/")[0] or None

    def open(
        self, partition: str, next_offset: int | None, hint: Any | None, bounded_end: int | None = None
    ) -> "MemoryReader":
        assert bounded_end is not None
        return MemoryReader(self.records[partition], next_offset or 0, bounded_end, self.sizes)

    def end_offsets(self) -> dict[str, int]:
        return {}

    def waiting(self) -> dict[str, int]:
        return {}

    def is_at_end(self, partition: str) -> bool:
        return True

    def partitions_changed(self) -> bool:
        return False

    def close(self) -> None:
        pass


class MemoryReader:
    def __init__(self, records: list[Record], position: int, end: int, sizes: tuple[int, ...]) -> None:
        self.position = position
        self.finished = position >= end
        self.unfinished = False
        self.content = None
        self.hint = None
        self._left = [record for record in records if position <= record.offset < end]
        self._end = end
        self._sizes = cycle(sizes)

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        count = min(next(self._sizes), max_records)
        if count == 0:
            return None
        taken, self._left = self._left[:count], self._left[count:]
        start, self.position = self.position, taken[-1].offset + 1 if taken else self._end
        self.finished = self.position >= self._end
        columns = [
            pa.array([record.offset for record in taken], pa.int64()),
            pa.array([record.timestamp for record in taken], pa.int64()),
            pa.array([record.value for record in taken], pa.binary()),
        ]
        return Poll(pa.RecordBatch.from_arrays(columns, schema=POLL_SCHEMA), start, self.position)

    def confirm(self) -> None:
        pass

    def lag(self) -> int | None:
        return len(self._left)

    def waiting(self) -> int | None:
        return None

    def close(self) -> None:
        pass


class Retained:
    """A source that has dropped its oldest records."""

    def __init__(self, inner: Any, low: int) -> None:
        self.inner, self.low = inner, low

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def open(self, partition: str, next_offset: int | None, hint: Any, bounded_end: int | None = None) -> Any:
        if next_offset is not None and next_offset < self.low:
            raise OffsetLost(f"{partition}: {next_offset} is gone")
        return self.inner.open(partition, self.low if next_offset is None else next_offset, hint, bounded_end)
