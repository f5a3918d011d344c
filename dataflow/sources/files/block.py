"""Bytes of a file in one piece of memory, which is used again for those that follow."""

import numpy as np

from dataflow.columnar.types import UInt8s
from dataflow.sources.files.content import Content

_GROWN_BYTES = 1 << 16


class Block:
    """The bytes of a file behind some place in it: read on at the end, dropped at the beginning.

    The file is read, not mapped: one that shrinks meanwhile gives fewer bytes, where a mapped one would end the
    process. The system copies without the GIL, into memory that is there already.
    """

    def __init__(self, file: Content, read_bytes: int) -> None:
        """`read_bytes` are read at a time."""
        self._file = file
        self._read_bytes = read_bytes
        self._memory = np.empty(0, np.uint8)
        self._size = 0

    def __len__(self) -> int:
        """How many bytes are held."""
        return self._size

    def bytes_from(self, start: int, end: int | None = None) -> UInt8s:
        """Those of [start, end), in place: valid until the next `read` or `drop`."""
        return self._memory[start : self._size if end is None else end]

    def read(self) -> int:
        """Read on; how many bytes there were, 0 at the file's end. Raises SourceError where the file is broken."""
        left = self._file.left_bytes
        # no more memory than a small file needs; it may have grown since it was opened
        wanted = self._read_bytes if left is None else min(self._read_bytes, left or _GROWN_BYTES)
        if len(self._memory) < self._size + wanted:
            self._move(max(self._size + wanted, 2 * self._size))
        found = self._file.readinto(self._memory.data[self._size : self._size + wanted])
        self._size += found
        return found

    def drop(self, count: int) -> None:
        """Forget the first `count` bytes."""
        left = self._memory[count : self._size]
        self._size = len(left)
        if len(self._memory) > 4 * max(self._size, self._read_bytes):
            # a record that went on and on is over
            self._memory = np.array(left)
        else:
            self._memory[: self._size] = left

    def _move(self, capacity: int) -> None:
        memory = np.empty(capacity, np.uint8)
        memory[: self._size] = self._memory[: self._size]
        self._memory = memory
