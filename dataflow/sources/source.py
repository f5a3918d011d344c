"""The seam between where records come from and everything after: sources and their readers."""

from typing import Any, Protocol, runtime_checkable

from dataflow.messages import Poll

Hint = Any
"""What a reader keeps beside its position, picklable; only its own kind of source knows its type. None: nothing."""


class Reader(Protocol):
    """One open source partition, read forwards only, by one thread.

    `position` is the offset the next poll starts at; polls are contiguous: each starts where the last one ended.
    `finished`: a bounded end was reached, and no poll follows. `unfinished`: a record begins there that is not whole
    yet, as the last line of a file that is still written; the source partition is not at its end.
    `hint` is what `Source.open` needs besides the offset to go on from `position` (small, picklable, or None).
    """

    position: int
    finished: bool
    unfinished: bool

    @property
    def hint(self) -> Hint:
        """Extra resume position that belongs to `position`: keep it beside the offset in the snapshot."""
        ...

    @property
    def content(self) -> str | None:
        """What the source partition is known by up to `position`, as JSON; None where its name is what it is known by.

        What was told earlier of it stays true.
        """
        ...

    def poll(self, max_records: int, max_bytes: int) -> Poll | None:
        """At most about `max_bytes` of the next records, never more than `max_records`; None = nothing now.

        Returns at once: ask again after a few ms when it gave None, never in a busy loop.
        A poll may hold no record and still move the position (over a hole in the offsets).
        Raises OffsetLost, UnknownTopic or another SourceError when reading cannot go on.
        """
        ...

    def confirm(self) -> None:
        """Called before `position` becomes durable: stand for all that was polled since the last call, or raise.

        May wait for an answer, a few ms as a rule. Raises OffsetLost when what was polled came from another input
        than the one that was opened (a topic deleted and created anew).
        """
        ...

    def lag(self) -> int | None:
        """Records between `position` and the end of what may be read, as last seen; None = not known."""
        ...

    def waiting(self) -> int | None:
        """Records behind an open transaction, which may not be read yet, as last seen; None = not known, or no Kafka.

        Counted by offsets, as `lag` is.
        """
        ...

    def close(self) -> None:
        """Let go of files and connections. May be called twice."""
        ...


@runtime_checkable
class Resting(Protocol):
    """What a reader may offer besides: to wait where a record is seen at once, instead of being asked again and again.

    On the thread that polls, but for `wake`.
    """

    def at_rest(self) -> bool:
        """Whether nothing lies ahead as far as is known, so that nothing is lost by a wait."""
        ...

    def await_records(self, seconds: float) -> bool:
        """Wait until there may be something to poll, of this or another partition that this thread polls; at most so
        long. Whether something came.
        """
        ...

    def wake(self) -> None:
        """End a wait, or the next one, of the thread that polls. From any thread, while that one is in `wait`."""
        ...


class Source(Protocol):
    """All source partitions of one input."""

    def partitions(self) -> list[str]:
        """Names of the source partitions, in a stable order ("topic/3", a file's stem, "generator/0")."""
        ...

    def topic_of(self, partition: str) -> str | None:
        """The Kafka topic that `partition` belongs to; None for other inputs."""
        ...

    def open(self, partition: str, next_offset: int | None, hint: Hint, bounded_end: int | None = None) -> Reader:
        """Read `partition` from `next_offset` (None: where the source's own setting says).

        `hint` is the reader's hint of that position, or None when it is not known (slower, never wrong).
        With `bounded_end` the reader finishes there: offsets below it are read, none at or above.
        Raises OffsetLost when `next_offset` is not in the source any more.
        """
        ...

    def end_offsets(self) -> dict[str, int]:
        """The bounded end per source partition, fixed at the first call.

        A partition that is left out ends by itself (a file at its end): pass None as its `bounded_end`.
        """
        ...

    def waiting(self) -> dict[str, int]:
        """Records that stayed behind the bounded ends because their transaction was open then and still is.

        Per source partition that was opened here and has some; may wait for an answer for some seconds.
        """
        ...

    def is_at_end(self, partition: str) -> bool:
        """Whether the source holds nothing behind a partition's bounded end, asked anew; False where it cannot be told.

        May wait for an answer for some seconds.
        """
        ...

    def partitions_changed(self) -> bool:
        """True once `partitions()` would name others than when this source was made. Cheap to ask, often."""
        ...

    def close(self) -> None:
        """Let go of connections. Readers are closed on their own."""
        ...


def behind_transaction(count: int) -> str:
    """How we say it, in log and doctor alike."""
    return f"{count:,} record{' waits' if count == 1 else 's wait'} behind an open transaction"
