"""A source together with partitions that it gives nothing of: files that were read and are gone, those of others."""

from collections.abc import Collection, Mapping
from types import MappingProxyType

from dataflow.messages import Poll
from dataflow.sources.source import Hint, Reader, Source


class WithEnded:
    """`source`, and behind its own partitions the `ended` ones, which give no record and finish at once.

    A recovery store goes on with every partition that it ever held, so each must stay on the list: there the state
    of an ended one is kept as it was, and when its file comes back, reading goes on behind what was read.
    """

    def __init__(
        self,
        source: Source,
        ended: Mapping[str, int],
        resting: Mapping[str, str | None] = MappingProxyType({}),
        rested: Collection[str] = (),
    ) -> None:
        """`ended`: the offset behind the last record, per partition; none of them is a partition of `source`.

        `resting`: partitions of other sources, with their Kafka topics: they stay as they are, and are not at their
        end, but for those `rested`: files that were read to it.
        """
        self._source = source
        self._ended = {**ended, **dict.fromkeys(resting, 0)}
        self._resting = dict(resting)
        self._rested = frozenset(rested)

    def partitions(self) -> list[str]:
        """The source's own, then the ended ones."""
        return [*self._source.partitions(), *self._ended]

    def topic_of(self, partition: str) -> str | None:
        """As the source says; a resting partition keeps its own."""
        return self._resting[partition] if partition in self._resting else self._source.topic_of(partition)

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """An ended partition has nothing behind `next_offset`; the others are opened by the source."""
        if partition in self._ended:
            place = self._ended[partition] if next_offset is None else next_offset
            resting = partition in self._resting and partition not in self._rested
            return EndedReader(place, hint, resting=resting)
        return self._source.open(partition, next_offset, hint, bounded_end)

    def rests(self, partition: str) -> bool:
        """Whether it is of another source, which may go on with it in another run."""
        return partition in self._resting

    def end_offsets(self) -> dict[str, int]:
        """The source's; an ended partition ends by itself."""
        return self._source.end_offsets()

    def waiting(self) -> dict[str, int]:
        """As the source says; nothing waits in an ended partition."""
        return self._source.waiting()

    def is_at_end(self, partition: str) -> bool:
        """As the source says; an ended partition has nothing more."""
        return partition in self._ended or self._source.is_at_end(partition)

    def partitions_changed(self) -> bool:
        """As the source says."""
        return self._source.partitions_changed()

    def close(self) -> None:
        """Close the source."""
        self._source.close()


class EndedReader:
    """Stands where reading ended, with the hint of that place, and gives nothing."""

    finished = True
    content = None

    def __init__(self, position: int, hint: Hint, *, resting: bool = False) -> None:
        """`resting`: its source goes on, in another run."""
        self.unfinished = resting
        self.position = position
        self._hint = hint

    @property
    def hint(self) -> Hint:
        """The one it was opened with, for the day when the input is there again."""
        return self._hint

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """Nothing."""
        return None

    def confirm(self) -> None:
        """Nothing was read."""

    def lag(self) -> int | None:
        """None wait."""
        return 0

    def waiting(self) -> int | None:
        """Not even behind a transaction."""
        return None

    def close(self) -> None:
        """Nothing is held open."""
