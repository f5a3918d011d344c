"""Whose turn it is to read: the source partitions of one worker, of which there may be a thousand."""

PASS_BYTES = 15 * 2**19
"""So much is read before what was made of it goes on: a few partitions of Kafka with small records at a time, or one
block of a file, less its newlines."""


class Turns:
    """Bounds what the partitions of one worker read in a pass, which is when each of them was asked once.

    Bytewax asks all of them before anything that they gave goes on, and before an epoch can end: without a bound, a
    thousand of them with a backlog would put all of it into memory. Who is refused is owed a turn, and those that had
    theirs wait until nobody is owed one, so that none is kept out by others that stand before it. For one thread.
    """

    def __init__(self, pass_bytes: int = PASS_BYTES) -> None:
        self._pass_bytes = pass_bytes
        self._asked: set[str] = set()
        self._read_bytes = 0
        self._served: set[str] = set()
        self._owed: set[str] = set()

    def may_read(self, partition: str) -> bool:
        """Whether it may read now; to be asked at most once a pass, and again soon after a no."""
        if partition in self._asked:
            self._asked.clear()
            self._read_bytes = 0
        self._asked.add(partition)
        if partition in self._served and self._owed:
            return False
        if self._read_bytes >= self._pass_bytes:
            self._served.discard(partition)
            self._owed.add(partition)
            return False
        self._owed.discard(partition)
        if self._owed:
            self._served.add(partition)
        else:
            self._served.clear()
        return True

    def has_read(self, size_bytes: int) -> None:
        """Whoever was allowed to has read so much."""
        self._read_bytes += size_bytes

    def leave(self, partition: str) -> None:
        """A partition asks no more."""
        for each in (self._asked, self._served, self._owed):
            each.discard(partition)
