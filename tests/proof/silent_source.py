"""A source that has nothing yet, however often it is asked."""

from typing import Any

from tests.proof.memory_source import MemoryReader, MemorySource


class Never(AssertionError):
    """A loop that should have ended long ago."""


class SilentReader(MemoryReader):
    """Has nothing yet, however often it is asked; a loop that asks without pause is ended at last."""

    asked = 0

    def poll(self, max_records: int, max_bytes: int) -> None:
        SilentReader.asked += 1
        if SilentReader.asked > 1000:
            raise Never


class SilentSource(MemorySource):
    def open(self, partition: str, next_offset: int | None, hint: Any | None, bounded_end: int | None = None) -> Any:
        assert bounded_end is not None
        return SilentReader(self.records[partition], next_offset or 0, bounded_end, (1,))
