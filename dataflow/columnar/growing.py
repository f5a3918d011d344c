"""A column that grows in its place: pages are moved, not copied, and cost memory only where they are written."""

import mmap
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

_Number = TypeVar("_Number", bound=np.generic)


class Growing(Generic[_Number]):
    """`values` are zeros until they are written.

    The allocator would give pages that were used before: a thousand source partitions with a few ids each would hold
    half a gigabyte.
    """

    def __init__(self, kind: type[_Number]) -> None:
        """Without values yet."""
        self._kind = np.dtype(kind)
        self._map: mmap.mmap | None = None
        self.values: npt.NDArray[_Number] = np.empty(0, self._kind)

    def grow(self, rows: int) -> None:
        """`values` is an array of `rows` from here on, which are no fewer than before; views of it stay what they were.

        What it held goes with it: by mremap(2) where that is to be had and nobody has a view, else as a copy.
        """
        size = rows * self._kind.itemsize
        if size == 0:
            return
        before = self.values
        if self._map is not None:
            self.values = np.empty(0, self._kind)
            try:
                del before
                self._map.resize(size)
                self.values = np.frombuffer(self._map, self._kind)
                return
            except (BufferError, SystemError):
                before = np.frombuffer(self._map, self._kind)
        self._map = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self.values = np.frombuffer(self._map, self._kind)
        self.values[: len(before)] = before
