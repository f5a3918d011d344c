"""Several sources as one: what a lake that more than one has filled is read again from."""

from collections.abc import Sequence

from dataflow.errors import InputMissing
from dataflow.sources.source import Hint, Reader, Source


class JoinedSource:
    """The partitions of all of `sources`, in their order; no two sources have one of the same name."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._of = {name: source for source in sources for name in source.partitions()}

    def partitions(self) -> list[str]:
        """Those of each source."""
        return list(self._of)

    def topic_of(self, partition: str) -> str | None:
        """As its source says; None of one that none of them has."""
        return self._of[partition].topic_of(partition) if partition in self._of else None

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """As its source does. Raises InputMissing for a partition that none of them has."""
        if partition not in self._of:
            raise InputMissing(f"{partition} is of a source that is not named: name that one, too")
        return self._of[partition].open(partition, next_offset, hint, bounded_end)

    def end_offsets(self) -> dict[str, int]:
        """Those of each source."""
        return {name: end for source in self._sources for name, end in source.end_offsets().items()}

    def waiting(self) -> dict[str, int]:
        """Those of each source."""
        return {name: count for source in self._sources for name, count in source.waiting().items()}

    def is_at_end(self, partition: str) -> bool:
        """As its source says."""
        return partition in self._of and self._of[partition].is_at_end(partition)

    def partitions_changed(self) -> bool:
        """Whether those of any source did."""
        return any(source.partitions_changed() for source in self._sources)

    def close(self) -> None:
        """Close each source."""
        for source in self._sources:
            source.close()
