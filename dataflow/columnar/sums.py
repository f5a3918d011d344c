"""Exact sums in 128 bits, as pairs of 64-bit words, and the Arrow decimals made of them."""

import numpy as np
import pyarrow as pa

from dataflow.columnar.buffers import words_in
from dataflow.columnar.types import Bools, Int64s, Positions, UInt64s

Words = tuple[UInt64s, Int64s]
"""Low and high words of 128-bit numbers in two's complement."""

_INT64_LIMIT = 2**63
_LOW_32 = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def sums_of_runs(words: Words, starts: Positions) -> Words:
    """Sums of the runs of rows that begin at `starts` (ascending, first 0)."""
    low, high = words
    small = low.view(np.int64)
    if np.array_equal(small >> 63, high):
        peak = max(abs(int(small.max(initial=0))), abs(int(small.min(initial=0))))
        if peak * len(small) < _INT64_LIMIT:
            return widened(np.add.reduceat(small, starts))
    # Words of 64 bits would lose what overflows, so the low word is added up in two halves of 32 bits, whose sums have
    # room above them; `middle` counts in units of 2**32. What is above its own 32 bits belongs to the high word, and so
    # does a 1 if putting the halves together went past 2**64: unsigned, a sum is less than its part only then. In
    # decimal, with words and halves of two digits and one, 99 + 99 + 5: bottom 9 + 9 + 5 = 23, middle 9 + 9 + 0 = 18,
    # shifted 80, total (80 + 23) % 100 = 3 < 80, so top = 1 of middle + 1 carried = 2: 203.
    bottom = np.add.reduceat(low & _LOW_32, starts)
    middle = np.add.reduceat(low >> _32, starts)
    top = np.add.reduceat(high, starts)
    shifted = (middle & _LOW_32) << _32
    total = shifted + bottom
    return total, top + (middle >> _32).view(np.int64) + (total < shifted)


def widened(values: Int64s) -> Words:
    """The same numbers in 128 bits."""
    return values.view(np.uint64), values >> 63


def words_of(array: pa.Array) -> Words:
    """The words of a decimal128 column; 0 at nulls."""
    rows = len(array)
    if rows == 0:
        return np.zeros(0, np.uint64), np.zeros(0, np.int64)
    pairs = words_in(array.buffers()[1], np.int64)[2 * array.offset : 2 * (array.offset + rows)]
    low, high = pairs[::2], pairs[1::2]
    if array.null_count:
        valid = np.asarray(array.is_valid())
        low, high = np.where(valid, low, 0), np.where(valid, high, 0)
    return np.ascontiguousarray(low).view(np.uint64), np.ascontiguousarray(high)


def decimals(words: Words, valid: Bools | None, data_type: pa.DataType) -> pa.Array:
    """A decimal128 column of unscaled numbers; null where not `valid`."""
    low, high = words
    pairs = np.empty(2 * len(low), np.int64)
    pairs[::2] = low.view(np.int64)
    pairs[1::2] = high
    bits = None if valid is None or valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(data_type, len(low), [bits, pa.py_buffer(pairs)])
