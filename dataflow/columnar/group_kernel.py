"""Compiled: rows into groups, and what each group counts and adds up; as groups.py and sums.py say."""

import numpy as np
from numba import types

from dataflow.columnar.loop import Loop
from dataflow.columnar.memory import leading_zeros
from dataflow.columnar.types import Bools, Int64s, UInt32s, UInt64s, Whole

_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def _number(
    first: Int64s, second: Int64s, second_size: int, rows: Int64s, is_direct: bool,
    table: UInt32s, of_row: Int64s, sample: Int64s, codes: Int64s, sizes: Int64s,
) -> Whole:  # fmt: skip
    """Numbers codes, first * second_size + second, as they come; gives how many there are.

    `table` holds zeros and afterwards numbers + 1: at the code itself, or where `is_direct` is not, from a hash of it
    on; then it has a power of two of places, more than there are rows.
    """
    last: Whole = len(table) - 1
    # the highest bits of a product are those that every bit of the code has changed
    shift = np.uint64(leading_zeros(np.int64(last)))
    count: Whole = 0
    for i in range(len(of_row)):
        row = rows[i] if len(rows) else i
        code = first[row] * second_size
        if len(second):
            code += second[row]
        place = code if is_direct else np.int64(np.uint64(code) * _MULTIPLIER >> shift)
        number: Whole = np.int64(table[place]) - 1
        while number >= 0 and codes[number] != code:
            place = (place + 1) & last
            number = np.int64(table[place]) - 1
        if number < 0:
            number = count
            count += 1
            table[place] = count
            codes[number], sample[number], sizes[number] = code, i, 0
        of_row[i] = number
        sizes[number] += 1
    return count


def _count(of_row: Int64s, rows: Int64s, mask: Bools, valid: Bools, counts: Int64s) -> None:
    """Rows of each group where both masks are true; a mask of no length is true everywhere."""
    for i in range(len(of_row)):
        row = rows[i] if len(rows) else i
        counts[of_row[i]] += (len(mask) == 0 or mask[row]) and (len(valid) == 0 or valid[row])


def _add_up(of_row: Int64s, rows: Int64s, mask: Bools, values: Int64s, low: UInt64s, high: Int64s) -> None:
    """Adds values to the 128-bit sums of their groups where the mask is true."""
    for i in range(len(of_row)):
        row = rows[i] if len(rows) else i
        if len(mask) and not mask[row]:
            continue
        group, value = of_row[i], values[row]
        before = low[group]
        after = before + np.uint64(value)
        low[group] = after
        # unsigned, a sum is less than its part only if it went past 2**64
        high[group] += (value >> 63) + (after < before)


_I64, _U32S, _U64S, _I64S = types.int64, types.uint32[::1], types.uint64[::1], types.int64[::1]
# Arrow's own buffers may only be read.
_SEEN, _MASK = types.Array(_I64, 1, "C", readonly=True), types.Array(types.boolean, 1, "C", readonly=True)

LOOPS = (
    Loop(_I64(_SEEN, _SEEN, _I64, _SEEN, types.boolean, _U32S, _I64S, _I64S, _I64S, _I64S), _number),
    Loop(types.void(_SEEN, _SEEN, _MASK, _MASK, _I64S), _count),
    Loop(types.void(_SEEN, _SEEN, _MASK, _SEEN, _U64S, _I64S), _add_up),
)
"""In the order of `groups.Kernels`; each is called with arrays in one piece. `rows` of no length are all rows."""
