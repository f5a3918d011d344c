"""Blocks of memory that are used again: fresh ones would cost a page fault every 4 KB."""

import weakref
from collections import deque

import numpy as np

from dataflow.columnar.types import UInt8s

KEPT_BLOCKS = 3
LEAST_BYTES = 2**20
"""Less is not worth keeping."""
_ROOMY = 4
"""A block is lent for what needs more than this part of it."""


class Memory:
    """Lends memory, and takes it back once nothing refers to it any more; on any thread."""

    def __init__(self) -> None:
        self._free: deque[UInt8s] = deque(maxlen=KEPT_BLOCKS)

    def lend(self, size_bytes: int) -> UInt8s:
        """So many bytes of any content."""
        if size_bytes < LEAST_BYTES:
            return np.empty(size_bytes, np.uint8)
        block = self._found(size_bytes)
        # an array whose memory is another object's: what is cut of it refers to it, not to the block
        lent = np.frombuffer(block.data[:size_bytes], np.uint8)
        weakref.finalize(lent, self._free.append, block).atexit = False
        return lent

    def _found(self, size_bytes: int) -> UInt8s:
        for _ in range(len(self._free)):
            try:
                block = self._free.popleft()
            except IndexError:
                break
            if size_bytes <= len(block) <= _ROOMY * size_bytes:
                return block
            if len(block) > size_bytes:
                self._free.append(block)
        return np.empty(size_bytes + size_bytes // 4, np.uint8)
