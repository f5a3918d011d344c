"""Groups of rows with equal codes, numbered from 0 without gaps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dataflow.columnar.types import Int64s, Positions

_MAX_PRODUCT = 2**62


@dataclass(frozen=True, slots=True)
class Digits:
    """One int64 code per row, each in [0, size)."""

    of_row: npt.NDArray[np.intp]
    size: int


@dataclass(frozen=True, slots=True)
class Groups:
    """Row i is in group `of_row[i]`; `sample[g]` is one of the rows of group g."""

    of_row: Positions
    sample: Positions

    @property
    def count(self) -> int:
        """Number of groups."""
        return len(self.sample)


def group(parts: Sequence[Digits], rows: int) -> Groups:
    """Rows are in one group iff all their codes are equal. No parts: all rows in one group, none if there are no rows.

    Memory follows the number of rows, never the span of the codes.
    """
    if not parts:
        return Groups(np.zeros(rows, np.intp), np.zeros(min(rows, 1), np.intp))
    first, *rest = parts
    code, size = first.of_row, first.size
    for part in rest:
        if part.size == 1:
            continue
        if size * part.size > _MAX_PRODUCT:
            groups = _compact(code, size)
            code, size = groups.of_row, groups.count
        code, size = code * part.size + part.of_row, size * part.size
    return _compact(code, size)


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


def _compact(code: npt.NDArray[np.intp], size: int) -> Groups:
    rows = len(code)
    if size > 4 * rows + 4096:
        encoded = pa.array(code).dictionary_encode()
        of_row, count = encoded.indices.to_numpy().astype(np.intp), len(encoded.dictionary)
    else:
        there = np.zeros(size, np.bool_)
        there[code] = True
        present = np.flatnonzero(there)
        count = len(present)
        if count == size:
            of_row = code
        else:
            number = np.empty(size, np.intp)
            number[present] = np.arange(count)
            of_row = number[code]
    sample = np.empty(count, np.intp)
    sample[of_row] = np.arange(rows)
    return Groups(of_row, sample)
