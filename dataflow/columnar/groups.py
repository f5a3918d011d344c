"""Groups of rows with equal codes, numbered from 0 without gaps."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.loops import loops
from dataflow.columnar.types import Bools, Int64s, Positions, UInt64s

if TYPE_CHECKING:
    from dataflow.columnar.memory import Compiled

_MAX_PRODUCT = 2**62
_EVERY = np.zeros(0, np.int64)
_TRUE = np.zeros(0, np.bool_)
_compiling = threading.Lock()


class Kernels(NamedTuple):
    """The loops of group_kernel.py, which says what they do."""

    number: "Compiled"
    count: "Compiled"
    add_up: "Compiled"


@cache
def _kernels() -> Kernels:
    return Kernels(*loops("columnar/group_kernel"))


def load() -> Kernels:
    """The loops over groups, ready to run: at the first use, or ahead of it."""
    with _compiling:
        return _kernels()


@dataclass(frozen=True, slots=True)
class Digits:
    """One int64 code per row, each in [0, size)."""

    of_row: npt.NDArray[np.intp]
    size: int


@dataclass(frozen=True, slots=True)
class Groups:
    """Row i is in group `of_row[i]`; `sample[g]` is one of the rows of group g, which has `sizes[g]`."""

    of_row: Positions
    sample: Positions
    sizes: Int64s

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.sample)


def group(parts: Sequence[Digits], rows: int, at: Positions | None = None) -> Groups:
    """Rows are in one group iff all their codes are equal. No parts: all rows in one group, none if there are no rows.

    `at`: only these rows of the parts, `rows` of them, numbered from 0 on. Memory follows the number of rows, never the
    span of the codes.
    """
    told = [part for part in parts if part.size != 1]
    if not told or rows == 0:
        some = min(rows, 1)
        return Groups(np.zeros(rows, np.intp), np.zeros(some, np.intp), np.full(some, rows))
    *rest, last = told
    if not rest:
        return _numbered(last, None, rows, at)
    code, size = rest[0].of_row, rest[0].size
    for part in rest[1:]:
        if size * part.size > _MAX_PRODUCT:
            code, size = _closer(Digits(code, size))
        code, size = code * part.size + part.of_row, size * part.size
    if size * last.size > _MAX_PRODUCT:
        code, size = _closer(Digits(code, size))
    return _numbered(Digits(code, size), last, rows, at)


def counted(groups: Groups, at: Positions | None, mask: Bools | None, valid: Bools | None) -> Int64s:
    """How many rows of each group both masks take; a mask of rows that `at` numbers, None = all."""
    counts = np.zeros(groups.count, np.int64)
    every, true = _EVERY if at is None else at, _TRUE
    load().count(groups.of_row, every, true if mask is None else mask, true if valid is None else valid, counts)
    return counts


def added_up(groups: Groups, at: Positions | None, mask: Bools | None, values: Int64s) -> tuple[UInt64s, Int64s]:
    """Sums per group of the values that the mask takes, low and high words of 128 bits: exact for any int64."""
    low, high = np.zeros(groups.count, np.uint64), np.zeros(groups.count, np.int64)
    every = _EVERY if at is None else at
    load().add_up(groups.of_row, every, _TRUE if mask is None else mask, values, low, high)
    return low, high


def digits(values: Int64s) -> Digits:
    """All int64 values as digits of a size in proportion to what is there."""
    if len(values) == 0:
        return Digits(np.zeros(0, np.intp), 1)
    low, high = int(values.min()), int(values.max())
    if high - low < 4 * len(values) + 4096:
        return Digits((values - low).astype(np.intp, copy=False), high - low + 1)
    encoded = pa.array(values).dictionary_encode()
    return Digits(encoded.indices.to_numpy().astype(np.intp), len(encoded.dictionary))


def order_by_group(of_row: Positions, count: int) -> Positions:
    """Row order by group; within a group as before."""
    # numpy sorts 16-bit integers by radix, an order of magnitude faster than wider ones.
    return np.argsort(of_row.astype(np.uint16) if count <= 2**16 else of_row, kind="stable")


def ranges(starts: Positions, counts: Int64s) -> Positions:
    """The numbers starts[i], starts[i] + 1, ... (counts[i] of them) for each i, one after the other."""
    ends: Int64s = np.cumsum(counts)
    total = int(ends[-1]) if len(ends) else 0
    firsts: Positions = np.repeat(starts - (ends - counts), counts)
    return np.arange(total, dtype=np.intp) + firsts


def _closer(part: Digits) -> tuple[Positions, int]:
    """The same rows apart, in codes no larger than there are rows."""
    groups = _numbered(part, None, len(part.of_row), None)
    return groups.of_row, groups.count


def _numbered(part: Digits, other: Digits | None, rows: int, at: Positions | None) -> Groups:
    """Groups of the codes of one part, or of two together."""
    size = part.size if other is None else part.size * other.size
    is_direct = size <= 4 * rows + 4096
    table = np.zeros(size if is_direct else 2 << rows.bit_length(), np.uint32)
    most = min(size, rows)
    of_row, sample, codes, sizes = np.empty(rows, np.intp), *(np.empty(most, np.int64) for _ in range(3))
    second, second_size = (_EVERY, 1) if other is None else (other.of_row, other.size)
    count = load().number(
        part.of_row, second, second_size, _EVERY if at is None else at, is_direct, table, of_row, sample, codes, sizes
    )
    return Groups(of_row, sample[:count], sizes[:count])
