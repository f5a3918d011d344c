"""Rows by 32-bit codes, found again by them: eight bytes a row, and two to four for where each chain begins."""

import threading
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from dataflow.columnar.growing import Growing
from dataflow.columnar.types import Bools, Positions, UInt32s

if TYPE_CHECKING:
    from dataflow.columnar.chain_kernel import Kernels

_LEAST_BITS = 10
_CODE_BITS = 32

_compiling = threading.Lock()


@cache
def _kernels() -> "Kernels":
    from dataflow.columnar.chain_kernel import compiled

    return compiled()


def load() -> "Kernels":
    """The loops over chains, ready to run: at the first use, or ahead of it."""
    with _compiling:
        return _kernels()


class Chains:
    """Rows are numbered as they come, up to 2**32 - 2. Of a row there are its code and the number of the one before it.

    The highest bits of a code are the slot in which its chain begins, so they have to be well mixed.
    """

    def __init__(self) -> None:
        """Without rows."""
        self.rows = 0
        self._links = Growing(np.uint64)
        self._spread(_LEAST_BITS)

    @property
    def size_bytes(self) -> int:
        """Memory of what is written."""
        return self._heads.nbytes + self.rows * self._links.values.itemsize

    def add(self, codes: UInt32s) -> None:
        """More rows."""
        rows = self.rows + len(codes)
        if rows > len(self._links.values):
            self._links.grow(max(rows, 2 * len(self._links.values)))
        if rows > 2 * len(self._heads):
            self._spread(_bits(rows))
        load().put(codes, self.rows, self._heads, self._shift, self._links.values)
        self.rows = rows

    def find(self, codes: UInt32s) -> Positions:
        """The numbers of all rows of these codes, which differ from each other; in no order."""
        found = np.empty(4 * len(codes), np.intp)
        while True:
            count = load().find(codes, self._heads, self._shift, self._links.values, found)
            if count <= len(found):
                return found[:count]
            found = np.empty(count, np.intp)

    def keep(self, stays: Bools) -> None:
        """Forget the other rows; those that stay are numbered anew, in their order."""
        links = self._links.values[: self.rows][stays]
        self.rows, self._links = len(links), Growing(np.uint64)
        self._links.grow(self.rows)
        self._links.values[:] = links
        self._spread(_bits(self.rows))

    def _spread(self, bits: int) -> None:
        """So many slots (a power of two), and all rows in them."""
        self._shift = _CODE_BITS - bits
        self._heads = np.zeros(1 << bits, np.uint32)
        if self.rows:
            load().chain(self._heads, self._shift, self._links.values[: self.rows])


def _bits(rows: int) -> int:
    """Half as many slots as rows, or more."""
    return max(_LEAST_BITS, (rows - 1).bit_length() - 1)
